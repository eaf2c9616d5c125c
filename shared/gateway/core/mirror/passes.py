"""Reading a list to its end while it moves: pure rules.

Open Dental pages by offset over a live query. A row that is deleted in front of an offset moves every later row one to
the left, and the row at the edge of two pages is then on neither. So pages overlap by one row: a page counts only if it
begins at or before the place where the one before ended, and the reading steps back until one does. A page is one query
of the office's database, so between two such places it shows exactly the rows that were there; what the mirror has in
that stretch and the page has not is missing.

Every row whose place does not change and that lives through the whole pass is seen. A row that changes its place
meanwhile (a moved appointment) may be missed, but its stamp moves with it, and the feed reads on from the start of the
pass.

Source: https://www.opendental.com/site/apispecification.html, "Paging".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Final, TypeAlias

from gateway.core.mirror.mirrored import Mirrored
from gateway.core.mirror.records import Row
from gateway.core.mirror.syncing import Pass
from open_dental import catalogue, wire
from open_dental.paging import CAPS

Place: TypeAlias = tuple[int | str, ...]
"""Where a row stands in its list: the values of the columns it is sorted by. A shorter one stands before all that
begin with it."""

LAST_KEYS: Final = 5
"""How many rows a list without order is recognized by."""

MOST_STALLED: Final = 40
"""Pages in a row that bring nothing new before the list is given up: its server takes no offset."""

MONTHS_AHEAD: Final = 13
MONTHS_BACK: Final = 12
"""How far schedules are mirrored: an office plans a year ahead, and older days are read where they are asked for."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the lists that make up a resource. `begins` and `ends`: the places between which its rows lie."""

    name: str
    query: tuple[tuple[str, object], ...] = ()
    begins: Place = ()
    ends: Place | None = None
    is_past: bool = False
    days: tuple[date, date] | None = None
    """The first and the last day of its rows, where the list is cut by days."""


ALL: Final = Part("all")


@dataclass(frozen=True, slots=True)
class Listing:
    """How the rows of a resource are sorted: `columns`, all in one direction, the key among them."""

    columns: tuple[str, ...]
    key: str
    descending: bool = False

    def place(self, row: Row) -> Place | None:
        """Where the row stands; None where it cannot be told."""
        place: list[int | str] = []
        for column in self.columns:
            value = row.get(column)
            if column == self.key:
                number = _key(value)
                if not number:
                    return None
                place.append(number)
            elif isinstance(value, str):
                place.append(value)
            else:
                return None
        return tuple(place)

    def is_behind(self, one: Place, other: Place) -> bool:
        """Whether `one` comes after `other` in the list."""
        return one < other if self.descending else one > other


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a list that was shown without a gap: behind `after`, up to and with `upto`; None: no bound."""

    after: Place | None
    upto: Place | None


@dataclass(frozen=True, slots=True)
class Step:
    """What a page comes to. `rows`: those to keep, also where the page does not count. `span`: what it shows."""

    running: Pass
    rows: list[Row]
    span: Span | None
    keys: frozenset[int]
    done: bool


def listing(mirrored: Mirrored) -> Listing:
    """The order of a resource's lists, by the catalogue; by its key where the vendor names none."""
    resource = catalogue.resource(mirrored.resource)
    columns = tuple(column for column, _ in resource.order)
    descending = bool(resource.order) and resource.order[0][1] == "desc"
    if mirrored.key not in columns:
        columns = (*columns, mirrored.key)
    return Listing(columns, mirrored.key, descending)


def parts(mirrored: Mirrored, today: date, *, purpose: str) -> tuple[Part, ...]:
    """The lists that make up the resource, in the order in which they are read.

    `today`: the office's day when the pass began. A first load of what is sorted by day begins with what is to come.
    """
    if mirrored.resource == "schedules":
        # Without days they are today's alone; sorted by the time of day, so that a month is a list of its own.
        months = [*range(MONTHS_AHEAD + 1), *range(-1, -MONTHS_BACK - 1, -1)]
        return tuple(_month(today, by) for by in months)
    if mirrored.future_first and purpose == "load":
        day = today.isoformat()
        return (
            Part("future", (("dateStart", day),), begins=(day,)),
            Part("past", ends=(day,), is_past=True),
        )
    return (ALL,)


def part_of(running: Pass, every: Sequence[Part]) -> Part:
    """The part that the pass is in; the first one where there is none of that name."""
    return next((one for one in every if one.name == running.part), every[0])


def next_part(running: Pass, every: Sequence[Part]) -> Part | None:
    """The part behind the one that the pass is in."""
    names = [one.name for one in every]
    at = names.index(running.part) + 1 if running.part in names else len(names)
    return every[at] if at < len(every) else None


def begin_part(running: Pass, part: Part) -> Pass:
    """The pass at the start of `part`."""
    return replace(running, part=part.name, offset=0, edge=(), stalled=0, ordered=True)


def query_of(running: Pass, base: Mapping[str, object], *, page_limit: int) -> dict[str, object]:
    """The query of the next page: it begins with the last row of the one before."""
    # Exactly so: in lower case both are ignored, and page one comes for ever.
    return {**base, "Limit": running.limit or page_limit, "Offset": max(0, running.offset - 1)}


def take(running: Pass, rows: Sequence[Row], how: Listing, part: Part = ALL, *, page_limit: int) -> Step:
    """Take in the page that `query_of` asked for. Rows without a key, and what is no row at all, are passed over."""
    asked = max(0, running.offset - 1)
    limit = running.limit or page_limit
    good = [row for row in rows if isinstance(row, Mapping) and _key(row.get(how.key))]
    keys = [_key(row.get(how.key)) for row in good]
    places = [how.place(row) for row in good]
    ordered = running.ordered and _in_order(places, how)
    if running.ordered and not ordered and running.edge:
        # What was read so far counts by its last key from here on.
        running = replace(running, edge=(running.edge[-1],), missing=())
    running = replace(running, ordered=ordered, pages=running.pages + 1)
    joins = asked == 0 or _joins(running.edge, keys, places, how, ordered=ordered)
    if not joins:
        return _step_back(running, good, asked)
    full = len(rows) >= limit or len(rows) in CAPS
    edge, fresh = _edge(running.edge, keys, places, how, part, ordered=ordered)
    past_end = part.ends is not None and ordered and bool(edge) and edge >= part.ends
    done = not full or past_end
    span = None
    if asked == 0 and not full:
        # The whole list in one answer: its order does not matter.
        span = Span(part.begins or None, None)
    elif ordered:
        span = Span(running.edge or part.begins or None, edge if full else None)
    moved = fresh or done or edge != running.edge
    stalled = 0 if moved else running.stalled + 1
    step = replace(
        running,
        offset=asked + len(rows),
        edge=edge,
        seen=running.seen + fresh,
        stalled=stalled,
        repeats=running.repeats + bool(stalled),
        is_blind=running.is_blind or span is None,
    )
    return Step(step, good, span, frozenset(keys), done)


def is_stuck(running: Pass) -> bool:
    """Whether the list gives the same rows for ever."""
    return running.stalled > MOST_STALLED


def missing(kept: Iterable[tuple[int, Place]], step: Step, how: Listing) -> tuple[int, ...]:
    """Which of the mirror's rows (key, place) should be on the page by their place, and are not."""
    span = step.span
    if span is None:
        return ()
    return tuple(
        key
        for key, place in kept
        if key not in step.keys
        and (span.after is None or how.is_behind(place, span.after))
        and (span.upto is None or not how.is_behind(place, span.upto))
    )


MANY: Final = 50
MANY_SHARE: Final = 0.01


def is_many(suspects: int, rows: int) -> bool:
    """Whether so many rows are missing that the list is read once more before anything is believed of it."""
    return suspects > MANY or suspects > MANY_SHARE * rows


def _joins(edge: Place, keys: Sequence[int], places: Sequence[Place | None], how: Listing, *, ordered: bool) -> bool:
    """Whether no row can lie between the edge and this page."""
    if not keys:
        return False
    if not ordered:
        return any(key in edge for key in keys)
    first = places[0]
    return first is not None and not (edge and how.is_behind(first, edge))


def _step_back(running: Pass, rows: list[Row], asked: int) -> Step:
    # One row is the common case; a purge of thousands must not be met one by one.
    back = 1 << min(running.stalled * 2 + 1, 20)
    running = replace(
        running, offset=max(0, asked - back + 1), stalled=running.stalled + 1, repeats=running.repeats + 1
    )
    return Step(running, rows, None, frozenset(), done=False)


def _edge(
    edge: Place, keys: Sequence[int], places: Sequence[Place | None], how: Listing, part: Part, *, ordered: bool
) -> tuple[Place, int]:
    """The new edge, and how many rows of the part lie behind the old one."""
    if not keys:
        return edge, 0
    if not ordered:
        known = [at for at, key in enumerate(keys) if key in edge]
        return tuple(keys[-LAST_KEYS:]), len(keys) - (known[-1] + 1 if known else 0)
    fresh = [place for place in places if place is not None and (not edge or how.is_behind(place, edge))]
    counted = sum(part.ends is None or place < part.ends for place in fresh)
    return (fresh[-1], counted) if fresh else (edge, 0)


def _in_order(places: Sequence[Place | None], how: Listing) -> bool:
    if any(place is None for place in places):
        return False
    known = [place for place in places if place is not None]
    return all(how.is_behind(later, earlier) for earlier, later in pairwise(known))


def _month(today: date, by: int) -> Part:
    number = today.year * 12 + today.month - 1 + by
    first = date(number // 12, number % 12 + 1, 1)
    last = date((number + 1) // 12, (number + 1) % 12 + 1, 1) - timedelta(days=1)
    query = (("dateStart", first.isoformat()), ("dateEnd", last.isoformat()))
    return Part(f"{first:%Y-%m}", query, is_past=by < 0, days=(first, last))


def _key(value: Any) -> int:
    try:
        return wire.integer(value) or 0
    except ValueError:
        return 0
