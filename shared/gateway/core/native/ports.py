"""What native events are taken in with: calls of offices' machines, and where they lie until they are worked off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gateway.core.mirror.records import Records
    from gateway.core.mirror.syncing import SyncStates
    from gateway.core.ports import Clock, Paces, Practices, Signer


@dataclass(frozen=True, slots=True, repr=False)
class Post:
    """A call that a machine of an office made, proven and not looked into. Has no repr on purpose: rows are in it.

    `event`: its header Event-Type, as far as it has letters that one may have; "" of a version that sends none.
    `workstation`: the machine. `key_fingerprint`: of the customer key that came with it, which itself is kept nowhere.
    """

    practice_id: str
    received_at: datetime
    event: str
    workstation: str
    key_fingerprint: str
    body: bytes


class Inbox(Protocol):
    """Where calls lie until they are worked off."""

    def put(self, post: Post) -> None:
        """Keep it, sealed. Whoever works calls off is told of it, perhaps twice, in no order.

        Raises: Unavailable: it is not kept.
        """
        ...

    def get(self, name: str) -> Post | None:
        """The call of this name; None: it has been dropped.

        Raises: Unavailable. ValueError: no call is called so.
        """
        ...

    def drop(self, name: str) -> None:
        """Delete it; nothing happens if it is gone. Raises: Unavailable."""
        ...


class ReceivingServices(Protocol):
    """What a call is received with: as little as can be, for an office waits."""

    @property
    def practices(self) -> Practices: ...
    @property
    def signer(self) -> Signer: ...
    @property
    def inbox(self) -> Inbox: ...
    @property
    def clock(self) -> Clock: ...


class TakingServices(Protocol):
    """What a call is worked off with."""

    @property
    def practices(self) -> Practices: ...
    @property
    def inbox(self) -> Inbox: ...
    @property
    def records(self) -> Records: ...
    @property
    def syncs(self) -> SyncStates: ...
    @property
    def paces(self) -> Paces: ...
    @property
    def clock(self) -> Clock: ...
