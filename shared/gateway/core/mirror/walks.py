"""Lists that nothing bounds, straight from the mirror: a page at a time, in the order that the list has anyhow.

Of most of them Open Dental cannot be asked, so there is no other road: a caller who does not say how old an answer may
be gets one of any age, and is told. Others it answers page after page, such as all patients of a provider; of a large
practice those are walked as well, as long as the mirror is young enough and no own write has touched it. Pages cost
what they show: a walk begins behind the last row of the page before, and ends with a page that may be short where
filters leave out more than `MOST_EXAMINED` rows.
"""

from __future__ import annotations

from calendar import monthrange
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

if TYPE_CHECKING:
    from gateway.core.mirror.syncing import Standing
    from gateway.core.ports import Services
    from gateway.core.practices import Practice
    from gateway.core.requests import Freshness

Place = tuple[str | int, ...]
Stretch = tuple[list[Row], Place | None]
"""Rows in their order, and the place up to which there are no others; None where there are none at all behind them."""

MOST_EXAMINED: Final = 2000
"""Rows that one page looks at."""

MOST_STRETCHES: Final = 40
"""Stretches that one page looks at."""

_ROWS: Final = 500
_CHUNK: Final = 200
"""Rows read at a time once a page has turned out to need more than it shows; in order they cost a fifth."""

_KEYS: Final = 1000
_FIRST_DAYS: Final = 7
_MONTH: Final = 28
_MOST_MONTHS: Final = 6
_FEW_ROWS: Final = MOST_EXAMINED // 8


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
        end = (chunk[-1],) if len(chunk) == size else None
        yield [one.row for one in found if is_listed(mirrored, one.row)], end
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
        is_last = len(found) < size
        if found:
            after = found[-1].key
            yield [one.row for one in found if is_listed(mirrored, one.row)], None if is_last else (after,)
        if is_last:
            return
        size = min(max(size, _ROWS), size * 2)


def by_day(
    look: Look, *resources: str, first: date, last: date | None, place: Callable[[Row], Place]
) -> Iterator[Stretch]:
    """All rows of complete resources with a day from `first` to `last`, in the order of `place`, which begins with the
    row's day as text.

    Only months in which there are rows are looked at. Stretches grow while they are nearly empty, to six months, and
    shrink where they are full. Raises: Elsewhere, as `by_key`.
    """
    months = set[date]()
    for resource in resources:
        _begin(look, resource)
        months.update(look.on.records.months(look.practice.id, resource))
    left = sorted(one for one in months if first.replace(day=1) <= one and (last is None or one <= last))
    days = _FIRST_DAYS
    while left:
        first = max(first, left[0])
        several = left[: max(1, min(_MOST_MONTHS, days // _MONTH))]
        until = _last_day_of(several[-1])
        if days < _MONTH:
            until = min(until, first + timedelta(days=days - 1))
        if last is not None:
            until = min(until, last)
        left = [] if until == last else [month for month in left if _last_day_of(month) > until]
        found = (look.on.records.between(look.practice.id, one, first, until) for one in resources)
        rows = sorted((one.row for records in found for one in records), key=place)
        # Behind every time of that day.
        yield rows, (f"{until.isoformat()} 24", 0) if left else None
        if not left:
            return
        first = until + timedelta(days=1)
        days = min(_MONTH * _MOST_MONTHS, days * 4) if len(rows) < _FEW_ROWS else max(1, days // 2)


def _last_day_of(month: date) -> date:
    return month.replace(day=monthrange(month.year, month.month)[1])


def day_of(place: Place) -> date:
    """The day of a place that `by_day` gave, or of one of its rows."""
    return date.fromisoformat(str(place[0])[:10])


def _begin(look: Look, resource: str) -> None:
    sync = look.complete(MIRRORED[resource])
    assert sync.as_of is not None
    if not look.any_age:
        if sync.rows <= MOST_SCANNED:
            # Few enough to be answered like any other list.
            raise Elsewhere
        look.heed_marks(resource, sync.as_of)
    look.used(sync.as_of)
