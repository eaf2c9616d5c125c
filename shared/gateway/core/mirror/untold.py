"""Background work: shows the publisher what it never told while the outbox had it.

A publisher that is away for longer than its outbox lasts hears of a row with the row's next change; most rows of an
office never change again. Once a day those are shown anew whose last state is old enough to be forgotten, and not told.
Asks nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from gateway.core.background_turn import BackgroundTurn
from gateway.core.events.deriving import KINDS
from gateway.core.events.publishing import OUTBOX_KEPT
from gateway.core.mirror.records import LOAD, Record
from gateway.core.mirror.session import Session

EVERY: Final = timedelta(days=1)

FORGOTTEN_AFTER: Final = OUTBOX_KEPT + timedelta(hours=1)

STEP: Final = timedelta(hours=6)
"""What is noted as done together: a turn that has to give way loses no more."""

_BEFORE: Final = timedelta(minutes=1)
"""The index of changes may be behind, and clocks differ."""
_AT_ONCE: Final = 200


class Untold:
    """Once a day. What is shown twice is told once."""

    def run(self, turn: BackgroundTurn) -> None:
        """See `Work.run`."""
        m = Session.of_turn(turn)
        due = _next(m)
        if due is None or due > m.now():
            return
        end = m.now() - FORGOTTEN_AFTER
        # Of what was before the first turn, nobody has ever been told anything.
        begin = m.state.untold_from or end
        while begin < end:
            until = min(begin + STEP, end)
            for resource in KINDS:
                _show_again(m, resource, begin, until)
            m.save_practice(untold_from=until)
            begin = until
        if m.state.untold_from is None:
            m.save_practice(untold_from=end)

    def next_due(self, turn: BackgroundTurn) -> datetime | None:
        """See `Work.next_due`."""
        return _next(Session.of_turn(turn))


def _next(m: Session) -> datetime | None:
    if not m.is_on:
        return None
    done = m.state.untold_from
    return m.now() if done is None else done + FORGOTTEN_AFTER + EVERY


def _show_again(m: Session, resource: str, begin: datetime, until: datetime) -> None:
    practice_id = m.practice.id
    for page in _pages(m, resource, begin - _BEFORE, until):
        news = [one for one in page if one.cause != LOAD]
        told = m.on.event_log.told([(practice_id, f"{resource}#{one.key}") for one in news])
        untold = {one.key: one.seq for one in news if told.get((practice_id, f"{resource}#{one.key}"), -1) < one.seq}
        if untold:
            m.on.records.tell_again(practice_id, resource, untold)


def _pages(m: Session, resource: str, since: datetime, until: datetime) -> Iterator[list[Record]]:
    after: tuple[datetime, int] | None = None
    while found := m.on.records.changed(m.practice.id, resource, since, after=after, limit=_AT_ONCE):
        yield [one for one in found if one.changed_at < until]
        after = (found[-1].changed_at, found[-1].key)
        if after[0] >= until or len(found) < _AT_ONCE:
            return
        m.turn.pause()
