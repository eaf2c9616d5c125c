"""A group of practices, the agreement under which they share patients' data, and the port that keeps groups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Protocol

MOST_PRACTICES: Final = 48
"""Practices of a group. A change of all of them is one transaction, and DynamoDB's hold 100 items."""

REMEMBERED: Final = timedelta(days=30)
"""How long a group that was deleted is kept, so that a repeat of the request that made it makes no second one."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What an operator says of the document: where to find it, and the first and last day it covers."""

    reference: str
    signed_on: date | None = None
    expires_on: date | None = None

    def is_current(self, today: date) -> bool:
        """Whether it covers `today`."""
        begun = self.signed_on is None or self.signed_on <= today
        return begun and (self.expires_on is None or today <= self.expires_on)


@dataclass(frozen=True, slots=True)
class Group:
    """`body_hash` tells a repeat of the request that made it from another one; `rev` is raised by each change."""

    id: str
    name: str
    practices: frozenset[str]
    agreement: Agreement
    made_by: str
    made_at: datetime
    changed_at: datetime
    body_hash: str = ""
    deleted_at: datetime | None = None
    rev: int = 0

    @property
    def holds(self) -> frozenset[str]:
        """The practices that can be in no other group because of this one."""
        return frozenset() if self.deleted_at is not None else self.practices


class InAnotherGroup(Exception):
    """One of the practices is in another group. Which one is found out by `Groups.of`."""


class Superseded(Exception):
    """Somebody changed the group meanwhile; read it again."""


class Groups(Protocol):
    """The groups of a deployment. A practice is in one at most."""

    def make(self, group: Group) -> Group:
        """Store `group`, whose `rev` is 0, with its hold on its practices: all or nothing.

        If there is one of its id, deleted or not, that one is returned and nothing is stored.

        Raises: InAnotherGroup.
        """
        ...

    def change(self, group: Group) -> Group:
        """Store `group` over the one of its `rev`, with its hold on its practices: all or nothing. Returns it with the
        new `rev`. One with `deleted_at` is kept for `REMEMBERED`.

        Raises: Superseded, InAnotherGroup.
        """
        ...

    def get(self, group_id: str) -> Group:
        """The group, strongly consistent; also a deleted one as long as it is kept. Raises NotFound."""
        ...

    def of(self, practice_id: str) -> Group | None:
        """The group that the practice is in, strongly consistent."""
        ...

    def page(self, *, after: str | None, limit: int) -> list[Group]:
        """Groups with ids behind `after`, in the order of their ids, deleted ones among them."""
        ...
