"""A practice's business associate agreement, as `GET /practices/{id}/baa` shows it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from gateway.core.objects.values import Day, Instant, Part, PracticeId


class BaaRecord(Part):
    """An agreement that was recorded. Both days are covered, and days are UTC's."""

    id: Annotated[str, StringConstraints(pattern=r"^baa_[a-z2-7]{16}$")] | None
    """Null of one that an older release kept."""
    reference: str
    signed_by: str
    signed_on: Day
    expires_on: Day | None
    """Null: it ends only when somebody ends it."""
    recorded_at: Instant | None
    recorded_by: str | None
    """The client."""
    ended_at: Instant | None
    ended_by: Literal["expired", "replaced", "closed"] | None
    closed_by: str | None
    """The client that closed it."""


class PracticeBaa(Part):
    """Whether patients' data of the practice may be touched, by which agreement, and those before it, last first."""

    practice_id: PracticeId
    state: Literal["current", "expiring", "expired", "missing"]
    """`expiring`: within 60 days. `missing`: there never was one, or the last was closed."""
    is_open: bool
    """What counts: in the sandbox a practice is open until an agreement is recorded for the first time."""
    days_left: int | None
    """After today, where it ends by itself."""
    current: BaaRecord | None
    past: list[BaaRecord]
