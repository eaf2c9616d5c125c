"""Background work: what has changed at the office, by whichever road the practice's key allows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.core.background_turn import BackgroundTurn
from gateway.core.mirror import feeds, probing, reading, schedule
from gateway.core.mirror.session import Failed, Refused, Session
from gateway.core.mirror.sweeps import read_children
from gateway.core.mirror.syncing import Phase


class Feeds:
    """Probes by query what can be, polls what else is due, the longest due first; then the rows under parents that
    have changed."""

    def run(self, turn: BackgroundTurn) -> None:
        """See `Work.run`."""
        m = Session.of_turn(turn)
        if not m.is_on or not m.state.resources:
            return
        feeds.feel_pulse(m)
        probing.follow(m)
        for name in schedule.feeds_due(m.state, m.now(), but=m.by_query()):
            if m.of(name).phase is Phase.LOADED:
                poll_to_the_end(m, name)
        read_children(m)

    def next_due(self, turn: BackgroundTurn) -> datetime | None:
        """See `Work.next_due`."""
        m = Session.of_turn(turn)
        if not m.is_on:
            return None
        return schedule.feeds_next(m.state, m.now(), by_query=m.by_query())


def poll_to_the_end(m: Session, name: str) -> None:
    """Read all pages of what has changed.

    Raises: GiveWay, CouldNotLook.
    """
    try:
        while feeds.poll(m, name):
            pass
    except (Refused, Failed) as error:
        if reading.took_too_long(error):
            of = m.of(name)
            m.save(replace(of, feed=reading.in_smaller_pages(m, of.feed or feeds.begun(m))))
        m.went_wrong(name, error)
