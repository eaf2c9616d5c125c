"""Which times callers of this gateway keep for some minutes, and when one hold is in another's way.

A hold is intervals in *cells*: a cell is one day of one chair or of one provider, with a version. Whoever keeps a time
replaces the cells it touches, all or none, if none has changed since they were read: two chairs' or providers' days,
and four where the visit goes over midnight. Pure, times on the office's wall clock; an interval that has run out is
none, and is dropped whenever its cell is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from gateway.core import chairs
from gateway.core.chairs import Span, Visit
from gateway.core.errors import Clash

SHORTEST_S: Final = 120
USUAL_S: Final = 180
LONGEST_S: Final = 300

REMEMBERED: Final = timedelta(days=30)
"""How long a repeat of a hold's request finds it."""

CHAIR: Final = "chair"
PROVIDER: Final = "provider"

HELD_KEY: Final = -1
"""What holds have for a key where they stand among visits: no appointment has it."""

HELD: Final = "held"
"""The `reason` of a clash with a hold."""


class Place(NamedTuple):
    """One day of one chair or provider."""

    day: date
    kind: str
    key: int


@dataclass(frozen=True, slots=True)
class Interval:
    """A time that the hold `hold` keeps until the instant `until`. `start` and `end` are wall times of one day."""

    hold: str
    start: datetime
    end: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """What a caller keeps. Keys are Open Dental's, 0 for none; `start` is wall time, the rest are instants.

    `patient`: whom the time is kept for, if that was said. `body_hash` tells a repeat from another request under the
    same id. `released_at`: when it was given back or booked; it keeps nothing any more, nor after `expires_at`.
    """

    id: str
    practice_id: str
    client_id: str
    start: datetime
    pattern: str
    op: int
    provider: int
    hygienist: int
    is_hygiene: bool
    expires_at: datetime
    made_at: datetime
    body_hash: str
    patient: int = 0
    location: int = 0
    released_at: datetime | None = None

    @property
    def visit(self) -> Visit:
        """The visit that the time is kept for."""
        return chairs.visit(
            key=0,
            op=self.op,
            start=self.start,
            pattern=self.pattern,
            provider=self.provider,
            hygienist=self.hygienist,
            is_hygiene=self.is_hygiene,
        )

    @property
    def main_provider(self) -> int:
        """Whose hours the visit needs."""
        return self.hygienist if self.is_hygiene and self.hygienist else self.provider

    def is_live(self, now: datetime) -> bool:
        """Whether it keeps anything."""
        return self.released_at is None and now < self.expires_at

    def intervals(self) -> dict[Place, tuple[Interval, ...]]:
        """What it puts into each cell."""
        return {
            place: tuple(Interval(self.id, start, end, self.expires_at) for start, end in spans)
            for place, spans in places_of(self.visit).items()
        }


def places_of(visit: Visit) -> dict[Place, list[Span]]:
    """The cells that a visit touches, and its times there: the chair throughout, providers where they are needed."""
    found = dict[Place, list[Span]]()
    whole = {(CHAIR, visit.op): ((visit.start, visit.end),)}
    needed = {(PROVIDER, who): spans for who, spans in visit.provider_spans.items()}
    for (kind, key), spans in (whole | needed).items():
        for span in spans:
            for start, end in _days_of(span):
                found.setdefault(Place(start.date(), kind, key), []).append((start, end))
    return found


def _days_of(span: Span) -> Iterator[Span]:
    start, end = span
    while start < end:
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        yield start, min(midnight, end)
        start = midnight


def with_hold(
    cells: Mapping[Place, tuple[Interval, ...]], hold: Hold, *, now: datetime
) -> dict[Place, tuple[Interval, ...]]:
    """The cells that `hold` touches, with its intervals and without those that have run out.

    Raises:
        Clash: another live hold keeps a part of it.
    """
    made = dict[Place, tuple[Interval, ...]]()
    for place, mine in hold.intervals().items():
        others = tuple(one for one in cells.get(place, ()) if now < one.until and one.hold != hold.id)
        if any(chairs.overlap((one.start, one.end), (new.start, new.end)) for one in others for new in mine):
            raise held()
        made[place] = (*others, *mine)
    return made


def without_hold(
    cells: Mapping[Place, tuple[Interval, ...]], hold: Hold, *, now: datetime
) -> dict[Place, tuple[Interval, ...]]:
    """Those of `cells` that `hold` has intervals in, without them and without what has run out."""
    return {
        place: tuple(one for one in intervals if one.hold != hold.id and now < one.until)
        for place, intervals in cells.items()
        if any(one.hold == hold.id for one in intervals)
    }


def live(
    cells: Mapping[Place, tuple[Interval, ...]], *, now: datetime, but: str | None = None
) -> dict[Place, tuple[Interval, ...]]:
    """What is kept at `now`, leaving out the hold `but`."""
    found = {
        place: tuple(one for one in intervals if now < one.until and one.hold != but)
        for place, intervals in cells.items()
    }
    return {place: intervals for place, intervals in found.items() if intervals}


def as_visits(cells: Mapping[Place, Iterable[Interval]]) -> list[Visit]:
    """What is kept, as visits that are in the way of others: of nobody, in a chair or of a provider."""
    return [
        Visit(HELD_KEY, place.key, one.start, one.end, {})
        if place.kind == CHAIR
        else Visit(HELD_KEY, 0, one.start, one.end, {place.key: ((one.start, one.end),)})
        for place, intervals in cells.items()
        for one in intervals
    ]


def rows_of(cells: Mapping[Place, Iterable[Interval]]) -> list[dict[str, Any]]:
    """What is kept as plain values, as a plan is told it."""
    return [
        {"kind": place.kind, "key": place.key, "start": one.start.isoformat(), "end": one.end.isoformat()}
        for place, intervals in cells.items()
        for one in intervals
    ]


def visits_from(rows: Iterable[Mapping[str, Any]]) -> list[Visit]:
    """`as_visits` of what `rows_of` made."""
    found = []
    for row in rows:
        span = (datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"]))
        chair = row["kind"] == CHAIR
        found.append(Visit(HELD_KEY, row["key"] if chair else 0, *span, {} if chair else {row["key"]: (span,)}))
    return found


def released(hold: Hold, *, now: datetime) -> Hold:
    """The hold, given back; one that was before stays as it was."""
    return hold if hold.released_at is not None else replace(hold, released_at=now)


def held(**more: Any) -> Clash:
    """What is said to whoever wants a time that another caller keeps."""
    return Clash("somebody is just booking that time", param="local_start", reason=HELD, **more)
