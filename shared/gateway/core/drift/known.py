"""What is known of a practice beside its record, and the port that keeps it. No health data and no values of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol


class Oddity(StrEnum):
    """How an answer differs from what the catalogue says of it."""

    NEW = "new"
    """A field that the catalogue does not know."""
    MISSING = "missing"
    """A field that the office's version should send, and does not."""
    RETYPED = "retyped"
    """A field whose value cannot be read as what it was."""
    SHORT_PAGE = "short_page"
    """A full page with fewer rows than were asked for: the office allows no more. `field` is how many."""


class Odd(NamedTuple):
    """One difference, of the answers to an operation of the catalogue."""

    operation: str
    kind: Oddity
    field: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A difference as it is kept: since when, when last, and in how many answers."""

    odd: Odd
    first_at: datetime
    last_at: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Known:
    """What looks at a practice have brought.

    `begun_at`: the first look that came to its end; what rows looked like before is no news. `looked_at`: the last such
    look, `tried_at`: the last one at all. `failures`: looks in a row that came to none. `parts`: of the fact
    `capabilities` what is not in the practice's record (`changes`); of what an office keeps, digests only. Under
    `lost` what the practice could do once and cannot now (`changes.lost_since`), which no event tells.
    """

    begun_at: datetime | None = None
    looked_at: datetime | None = None
    tried_at: datetime | None = None
    failures: int = 0
    parts: Mapping[str, Any] = field(default_factory=dict)
    so_far: Mapping[str, Any] = field(default_factory=dict)
    """What a look that gave way had found, and when it began (`so_far_at`)."""
    so_far_at: datetime | None = None


class Drifts(Protocol):
    """Where this is kept: beside the practice's record."""

    def load(self, practice_id: str) -> Known:
        """Strongly consistent; a first one where there is none."""
        ...

    def save(self, practice_id: str, known: Known) -> None:
        """Replace it. Only whoever has the practice's lease does."""
        ...

    def note_odd(self, practice_id: str, odd: Mapping[Odd, int], *, at: datetime) -> None:
        """Count differences that so many answers had; what is not seen again for 30 days is forgotten."""
        ...

    def odd(self, practice_id: str, *, now: datetime) -> list[Seen]:
        """All that are kept (`MOST_KEPT` at most), in the order of operation, kind and field."""
        ...


MOST_KEPT = 300
"""Differences of one practice that are looked at; an office that makes up names could send without end."""
