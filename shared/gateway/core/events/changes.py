"""What the mirror's outbox tells: that a row was stored, and what it was before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

Row: TypeAlias = Mapping[str, Any]


class Was(StrEnum):
    """What there was of a row before a change."""

    NOTHING = "nothing"
    LIVING = "living"
    BURIED = "buried"
    UNSEEN = "unseen"
    """Nobody saw it: the change is published later than its outbox lasts."""


@dataclass(frozen=True, slots=True)
class RowChange:
    """A stored change of a row. `row` is what it is now; of a burial, the last that was seen of it.

    `cause` as the row was stored with (`Records.store`). `before` is there only where `was` is LIVING or BURIED, and
    not even then if its content is too long for the outbox and has been replaced since.
    """

    practice_id: str
    resource: str
    key: int | str
    """Open Dental's key; a text in the gateway's own kinds."""
    seq: int
    row: Row
    was: Was
    is_dead: bool
    cause: str
    stored_at: datetime
    before: Row | None = None
    before_seq: int | None = None
    before_cause: str | None = None
    before_at: datetime | None = None
    correlation_id: str | None = None
    """Of the request whose own write it is, where it is one."""

    @property
    def what(self) -> str:
        """The row's name within its practice."""
        return f"{self.resource}#{self.key}"

    @property
    def missed(self) -> RowChange | None:
        """The change before this one, as much as can still be said of it."""
        if self.before is None or self.before_seq is None or self.before_at is None:
            return None
        return RowChange(
            self.practice_id,
            self.resource,
            self.key,
            self.before_seq,
            self.before,
            Was.UNSEEN,
            is_dead=self.was is Was.BURIED,
            cause=self.before_cause or "",
            stored_at=self.before_at,
        )
