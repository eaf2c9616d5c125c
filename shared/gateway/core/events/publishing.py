"""Stored changes -> the event log, the bus and the webhooks: each once, as far as anybody can tell.

What was told of a row last is noted at the end. Whoever dies before that does all of it again: the log takes an event
once, and on the bus an event may come twice, with one id. Who comes back only after the outbox has forgotten tells the
rows as they are then; of a state in between that got as far as the log, the bus never hears.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.core.events.changes import RowChange, Was
from gateway.core.events.deriving import Around, events_of
from gateway.core.events.event import Event, event_id
from gateway.core.events.event_types import TYPES
from gateway.core.events.ports import TOLD_KEPT, PublisherServices
from gateway.core.mirror.records import LOAD

OUTBOX_KEPT: Final = timedelta(hours=24)
"""How long a change waits to be published: what a stream of DynamoDB keeps."""

_MARGIN: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication did: numbers for metrics."""

    changes: int
    events: int
    recovered: int
    """Changes that were never published while they could be seen."""
    oldest_s: float
    """How long the oldest change had waited."""


def publish(changes: Sequence[RowChange], on: PublisherServices) -> Published:
    """Publish what has not been told of these changes, which are in the order in which they were stored.

    Changes that nobody saw (`Was.UNSEEN`) are told as such, where the log has nothing of them.

    Raises:
        Unavailable: publish all of them again.
        Malformed: a row cannot be read; the others have to be published without it.
    """
    now = on.clock.now()
    told = dict(on.event_log.told({(one.practice_id, one.what) for one in changes}))
    events: list[Event] = []
    marks: dict[tuple[str, str], int] = {}
    recovered = 0
    for change in changes:
        row = (change.practice_id, change.what)
        if told.get(row, -1) >= change.seq:
            continue
        around = on.around(change)
        if around is not None:
            for one in _with_missed(change, told.get(row), now):
                recovered += one.was is Was.UNSEEN
                events += _events_of(one, around, on)
        told[row] = marks[row] = change.seq
    # A merge of two patients moves hundreds of rows, and is one event.
    events = list({(one.practice_id, one.id): one for one in reversed(events)}.values())[::-1]
    if events:
        # Whoever keeps up with the log has read on meanwhile to what is settled.
        on.event_log.add(events, at=on.clock.now())
        on.bus.put(events)
        on.deliveries.begin(events)
    if marks:
        on.event_log.mark_told(marks, at=on.clock.now())
    oldest = max(((now - one.stored_at).total_seconds() for one in changes), default=0.0)
    return Published(len(changes), len(events), recovered, oldest)


def _events_of(change: RowChange, around: Around, on: PublisherServices) -> list[Event]:
    """The events of a change; of one that nobody saw, those that a publisher logged before it died."""
    if change.was is Was.UNSEEN:
        ids = [event_id(change.practice_id, change.what, type_, change.seq) for type_ in TYPES]
        if logged := on.event_log.get(change.practice_id, ids):
            return [one.event for one in logged]
    return events_of(change, around)


def _with_missed(change: RowChange, told: int | None, now: datetime) -> Iterator[RowChange]:
    """The change, and before it the one that nobody told of, where there is one."""
    missed = change.missed
    if missed is None or missed.cause == LOAD:
        yield change
        return
    # Where nothing is remembered of a row that stood for months, it was told, and that has been forgotten since.
    is_young = now - missed.stored_at < TOLD_KEPT - _MARGIN
    if told < missed.seq if told is not None else is_young:
        yield missed
    yield change
