"""Background work: tells whose recall has come due. No row changes on that day, so nothing else would say it.

Asks nobody: the mirror has every recall. A recall that is switched off, or has its visit, is not due.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final

from gateway.core.background_turn import BackgroundTurn
from gateway.core.events.facts import DUE_RECALLS
from gateway.core.mirror.records import Row
from gateway.core.mirror.session import Session
from gateway.core.mirror.syncing import Phase
from gateway.core.normalize.values import day, flag, key

RECALLS: Final = "recalls"

AT: Final = time(6)
"""By the office's wall: before anybody works, and after the night in which recalls are reckoned anew."""

MOST_DAYS: Final = timedelta(days=31)
"""So many days are made up for where a mirror stood still."""

_AT_ONCE: Final = 500


class DueRecalls:
    """Once a day; what it is cut off from is begun anew, and nobody hears of one twice."""

    def run(self, turn: BackgroundTurn) -> None:
        """See `Work.run`."""
        m = Session.of_turn(turn)
        due = _next(m)
        if due is None or due > m.now():
            return
        today = m.now().astimezone(m.zone).date()
        told = m.state.recalls_told_on
        first = today if told is None else max(told + timedelta(days=1), today - MOST_DAYS)
        after: int | None = None
        while page := m.on.records.page(m.practice.id, RECALLS, after=after, limit=_AT_ONCE):
            after = page[-1].key
            for one in page:
                if (due_on := _due_on(one.row)) is not None and first <= due_on <= today:
                    content = {"RecallNum": one.key, "PatNum": key(one.row.get("PatNum")), "due_on": due_on.isoformat()}
                    m.on.facts.note(m.practice.id, DUE_RECALLS, str(one.key), content, at=m.now())
            turn.pause()
        m.save_practice(recalls_told_on=today)

    def next_due(self, turn: BackgroundTurn) -> datetime | None:
        """See `Work.next_due`."""
        return _next(Session.of_turn(turn))


def _next(m: Session) -> datetime | None:
    if not m.is_on or m.of(RECALLS).phase is not Phase.LOADED:
        return None
    told = m.state.recalls_told_on
    return m.now() if told is None else datetime.combine(told + timedelta(days=1), AT, m.zone)


def _due_on(row: Row) -> date | None:
    found = day(row.get("DateDue"))
    if found is None or flag(row.get("IsDisabled")) or day(row.get("DateScheduled")) is not None:
        return None
    return date.fromisoformat(found)
