"""What is kept of the exchange of a practice's customer key. No key is in it: those lie in the vault."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class State(StrEnum):
    """How far an exchange is."""

    REQUESTED = "requested"
    WAITING = "waiting_for_office"
    VERIFYING = "verifying"
    SUBSCRIBING = "subscribing"
    PROMOTING = "promoting"
    ENDING = "ending_old"
    DRAINING = "draining"
    DONE = "done"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether nothing follows."""
        return self in {State.DONE, State.CANCELLED, State.FAILED}


@dataclass(frozen=True, slots=True)
class Rotation:
    """One exchange.

    `asked`: HMAC of what was asked for, so that a repeat is told from another request. `by_portal`: the new key is
    made at the developer's portal; else it came with the request. `is_making`: its making may have begun, and its
    answer was lost. `fingerprint`: of the new key; `former`: of the one that it follows. `office`: what the old key
    said of its office, as HMAC; `office_by`: which question that answers (`rule.QUESTIONS`). `due_at`: when the next
    step is taken; `tries`: of this one. `permissions`: what the new key may do; `lacks`: what the old one may besides.
    `leaked`: others may have the old key, so that it opens nothing any more once the new one is in use.
    """

    id: str
    practice_id: str
    asked: str
    requested_by: str
    requested_at: datetime
    by_portal: bool
    former: str
    state: State = State.REQUESTED
    since: datetime | None = None
    due_at: datetime | None = None
    tries: int = 0
    is_making: bool = False
    fingerprint: str = ""
    office: str = ""
    office_by: int = 0
    permissions: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    told_at: datetime | None = None
    promoted_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str | None = None
    old_key_disabled: bool = False
    leaked: bool = False


@dataclass(frozen=True, slots=True)
class Book:
    """The exchanges of one practice, the oldest first; at most one is open. `rev` grows with each change."""

    practice_id: str
    rotations: tuple[Rotation, ...] = ()
    rev: int = 0

    @property
    def open(self) -> Rotation | None:
        """The one that is not over."""
        return next((one for one in self.rotations if not one.state.is_over), None)

    def get(self, rotation_id: str) -> Rotation | None:
        """The one of this id."""
        return next((one for one in self.rotations if one.id == rotation_id), None)


class Superseded(Exception):
    """Somebody changed the book since it was loaded."""


class Rotations(Protocol):
    """Where the books lie."""

    def load(self, practice_id: str) -> Book:
        """The practice's book, strongly consistent; an empty one if there is none."""
        ...

    def save(self, book: Book) -> Book:
        """Store `book` if it still is as it was loaded; returns it with its new `rev`.

        Raises: Superseded: it is not; nothing was stored.
        """
        ...
