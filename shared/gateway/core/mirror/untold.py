"""Background work: looks once a day for changes that were never told, because nobody read the outbox while it had them.

The outbox forgets after a day, the rows do not: their number says which state was stored last, and beside the event log
stands which was told last. What differs goes through the outbox once more, and is told without what was before.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from gateway.core.background_turn import BackgroundTurn, GiveWay
from gateway.core.events.deriving import TOLD_OF
from gateway.core.events.ports import TOLD_KEPT
from gateway.core.mirror.records import LOAD, Record
from gateway.core.mirror.session import Session
from gateway.core.mirror.syncing import Telling

AGAIN: Final = timedelta(days=1)

FORGOTTEN_AFTER: Final = timedelta(hours=25)
"""What is younger may be in the outbox still, with what was before."""

_AT_ONCE: Final = 100


class Untold:
    """What gives way goes on where it was. What dies begins at the last such place: what was told since is told."""

    def run(self, turn: BackgroundTurn) -> None:
        """See `Work.run`."""
        m = Session.of_turn(turn)
        due, now = _next(m), m.now()
        if due is None or due > now:
            return
        place, since = m.state.telling, m.state.told_until
        if place is not None and place.resource not in TOLD_OF:
            # Another release's.
            place = None
        until = now - FORGOTTEN_AFTER if place is None else place.until
        if since is not None:
            # Of what is older nobody knows any more whether it was told.
            since = max(since, now - TOLD_KEPT + FORGOTTEN_AFTER)
            first = 0 if place is None else TOLD_OF.index(place.resource)
            for resource in TOLD_OF[first:]:
                _look(m, resource, since, until, place if place and place.resource == resource else None)
        m.save_practice(told_until=until, telling=None)

    def next_due(self, turn: BackgroundTurn) -> datetime | None:
        """See `Work.next_due`."""
        return _next(Session.of_turn(turn))


def _next(m: Session) -> datetime | None:
    if not m.is_on:
        return None
    return m.now() if m.state.told_until is None else m.state.told_until + FORGOTTEN_AFTER + AGAIN


def _look(m: Session, resource: str, since: datetime, until: datetime, place: Telling | None) -> None:
    after = None if place is None else (place.at, place.key)
    while page := m.on.records.changed(m.practice.id, resource, since, after=after, limit=_AT_ONCE):
        after = (page[-1].changed_at, page[-1].key)
        past = [one for one in page if one.changed_at <= until]
        if missing := _missing(m, [one for one in past if one.cause != LOAD]):
            m.on.records.tell_again(m.practice.id, resource, missing)
        if len(past) < len(page):
            return
        try:
            m.turn.pause()
        except GiveWay:
            m.save_practice(telling=Telling(until, resource, *after))
            raise


def _missing(m: Session, records: list[Record]) -> dict[int, int]:
    """Key and `seq` of those whose last state was not told."""
    named = {(m.practice.id, f"{one.resource}#{one.key}"): one for one in records}
    told = m.on.event_log.told(named)
    return {one.key: one.seq for name, one in named.items() if told.get(name, -1) < one.seq}
