"""An agreement that ends says so in time: 60, 30 and 7 days before, once each."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from gateway.core.events.facts import BAA, PRACTICE

if TYPE_CHECKING:
    from gateway.core.background_turn import BackgroundTurn
    from gateway.core.practices import Baa

WARN_DAYS: Final = (60, 30, 7)
"""How many days before the last one it is told."""


class Warnings:
    """Background work that asks nobody: notes that an agreement is about to end."""

    def run(self, turn: BackgroundTurn) -> None:
        """See `Work.run`."""
        baa, now = turn.practice.baa, turn.on.clock.now()
        days = None if baa is None else due_warning(baa, now.date())
        if baa is None or baa.expires_on is None or days is None:
            return
        # Noted again at every turn, it is told once: nothing in it moves with the days.
        content = {"expires_on": baa.expires_on.isoformat(), "days_left": days}
        turn.on.facts.note(turn.practice.id, PRACTICE, BAA, content, at=now)

    def next_due(self, turn: BackgroundTurn) -> datetime | None:
        """See `Work.next_due`."""
        baa = turn.practice.baa
        return None if baa is None else next_warning(baa, turn.on.clock.now())


def due_warning(baa: Baa, today: date) -> int | None:
    """How many days before its end the warning that is due now belongs; None: it is not due, or it is over.

    One that was recorded with less than that left is warned of at once, by as many days as it had.
    """
    if baa.expires_on is None or not baa.is_current(today):
        return None
    left = (baa.expires_on - today).days
    return min((one for one in _steps(baa) if one >= left), default=None)


def next_warning(baa: Baa, now: datetime) -> datetime | None:
    """When the next warning is due after `now`; None: there is none to come."""
    if baa.expires_on is None or baa.closed_at is not None:
        return None
    days = (baa.expires_on - timedelta(days=one) for one in _steps(baa))
    times = (datetime.combine(day, time(), UTC) for day in days)
    return min((at for at in times if at > now), default=None)


def _steps(baa: Baa) -> set[int]:
    """The days before the end at which it is told of."""
    if baa.expires_on is None:
        return set()
    known = baa.signed_on if baa.recorded_at is None else baa.recorded_at.date()
    had = max(0, (baa.expires_on - known).days)
    return {min(one, had) for one in WARN_DAYS}
