"""Lists that nothing bounds, straight from the mirror: a page at a time, in the order that the list has anyhow.

Of most of them Open Dental cannot be asked, so there is no other road: a caller who does not say how old an answer may
be gets one of any age, and is told. Others it answers page after page, such as all patients of a provider; of a large
practice those are walked as well, as long as the mirror is young enough and no own write has touched it. Pages cost
what they show: a walk begins behind the last row of the page before, and ends with a page that may be short where
filters leave out more than `MOST_EXAMINED` rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from heapq import merge
from itertools import groupby, islice
from typing import TYPE_CHECKING, Final

from gateway.core.mirror.answers import MOST_SCANNED, Look
from gateway.core.mirror.asked import Elsewhere, Row, is_listed
from gateway.core.mirror.mirrored import MIRRORED, Mirrored
from gateway.core.normalize.values import key

if TYPE_CHECKING:
    from gateway.core.mirror.syncing import Standing
    from gateway.core.ports import Services
    from gateway.core.practices import Practice
    from gateway.core.requests import Freshness

Place = tuple[str | int, ...]
Stretch = tuple[list[Row], Place]
"""Rows in their order, and the place up to which there are no others."""

MOST_EXAMINED: Final = 2000
"""Rows that one page looks at."""

MOST_STRETCHES: Final = 40
"""Stretches of days that one page looks at; an empty one costs as much as a full one."""

_ROWS: Final = 500
_CHUNK: Final = 200
"""Rows read at a time once a page has turned out to need more than it shows; in order they cost a fifth."""

_KEYS: Final = 1000
_MOST_DAYS: Final = 92
_END: Final[Place] = ("~", 0)
_FAR: Final = timedelta(days=800)
"""Behind so many days from now hardly anything is booked, and all of it is one stretch."""


def look_of(
    practice: Practice, state: Standing, freshness: Freshness, on: Services, *, is_only_road: bool = True
) -> Look:
    """The mirror, for a list that has no other road, or one that is dear."""
    return Look(practice, state, freshness, on, any_age=is_only_road)


@dataclass(frozen=True, slots=True)
class Stretches:
    """Where a walk finds its rows: by `texts` on a way, from a first to a last one each, or on the `days` from first
    to last; with neither all rows are looked at."""

    way: str = ""
    texts: tuple[tuple[str, str], ...] = ()
    days: tuple[date, date] | None = None


ALL: Final = Stretches()


def by_key(look: Look, resource: str, where: Stretches = ALL, *, after: int | None, first: int) -> Iterator[Stretch]:
    """Rows of a complete resource from `where` behind the key `after`, in the order of their keys, some of which need
    not fit; all rows, where too many lie there to tell. `first` is how many at first.

    Raises: Elsewhere: it is not complete, or older than the caller wants.
    """
    mirrored = MIRRORED[resource]
    _begin(look, resource)
    keys = _keys(look, resource, where, after=after, first=first)
    if keys is None:
        yield from _in_order(look, mirrored, after=after, first=first)
        return
    size = first
    while chunk := list(islice(keys, size)):
        found = look.on.records.get(look.practice.id, resource, chunk)
        yield [one.row for one in found if is_listed(mirrored, one.row)], (chunk[-1],)
        size = min(max(size, _CHUNK), size * 2)


def _keys(look: Look, resource: str, where: Stretches, *, after: int | None, first: int) -> Iterator[int] | None:
    """Keys from `where` behind `after` in ascending order; None where nothing leads to them, or to too many."""
    if where.days is not None:
        found = look.on.records.between(look.practice.id, resource, *where.days)
        return None if len(found) > MOST_SCANNED else _behind(after, (one.key for one in found))
    if not where.way:
        return None
    if all(low == high for low, high in where.texts):
        several = list[Iterator[int]]()
        for text, _ in where.texts:
            led = partial(look.on.records.led, look.practice.id, resource, where.way, text, text)
            begun = led(after=after, limit=first)
            if begun is None:
                return None
            several.append(_along(led, begun, first))
        return (key for key, _ in groupby(merge(*several)))
    keys = set[int]()
    for low, high in where.texts:
        found_keys = look.on.records.led(look.practice.id, resource, where.way, low, high, limit=MOST_SCANNED)
        if found_keys is None:
            return None
        keys.update(found_keys)
    return _behind(after, keys)


def _along(led: Callable[..., list[int] | None], keys: list[int] | None, size: int) -> Iterator[int]:
    """All keys that one text leads to; `keys` are the first of them, `size` at most."""
    while keys:
        yield from keys
        if len(keys) < size:
            return
        size = _KEYS
        keys = led(after=keys[-1], limit=size)


def _behind(after: int | None, keys: Iterable[int]) -> Iterator[int]:
    return iter(sorted(key for key in keys if after is None or key > after))


def _in_order(look: Look, mirrored: Mirrored, *, after: int | None, first: int) -> Iterator[Stretch]:
    resource, size = mirrored.resource, first
    while True:
        found = look.on.records.page(look.practice.id, resource, after=after, limit=size)
        if found:
            after = found[-1].key
            yield [one.row for one in found if is_listed(mirrored, one.row)], (after,)
        if len(found) < size:
            return
        size = min(max(size, _ROWS), size * 2)


def by_day(look: Look, resource: str, first: date, last: date | None) -> Iterator[Stretch]:
    """All rows of a complete resource with a day from `first` to `last`, in the order of `Mirrored.day` and key.

    Stretches grow while they are empty and shrink where they are full. Raises: Elsewhere, as `by_key`.
    """
    _begin(look, resource)
    far = look.now.date() + _FAR
    far = far if last is None else min(far, last)
    days = 7
    while first <= far:
        until = first + timedelta(days=min(days - 1, (far - first).days))
        rows = _within(look, resource, first, until)
        # Behind every time of that day.
        yield rows, (f"{until.isoformat()} 24", 0)
        if until == last:
            return
        first = until + timedelta(days=1)
        days = min(_MOST_DAYS, days * 2) if len(rows) < MOST_EXAMINED // 8 else max(1, days // 2)
    yield _within(look, resource, first, last), _END


def _within(look: Look, resource: str, first: date, last: date | None) -> list[Row]:
    mirrored = MIRRORED[resource]
    found = look.on.records.between(look.practice.id, resource, first, last)
    return sorted(
        (one.row for one in found),
        key=lambda row: (str(row.get(mirrored.day or "") or ""), key(row.get(mirrored.key))),
    )


def day_of(place: Place) -> date | None:
    """The day of a place that `by_day` gave, or of one of its rows; None where nothing is behind it."""
    return None if place == _END else date.fromisoformat(str(place[0])[:10])


def _begin(look: Look, resource: str) -> None:
    sync = look.complete(MIRRORED[resource])
    assert sync.as_of is not None
    if not look.any_age:
        if sync.rows <= MOST_SCANNED:
            # Few enough to be answered like any other list.
            raise Elsewhere
        look.heed_marks(resource, sync.as_of)
    look.used(sync.as_of)
