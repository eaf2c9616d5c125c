"""Lists that nothing bounds, straight from the mirror: a page at a time, in the order that the list has anyhow.

Open Dental cannot be asked for them, so there is no other road: a caller who does not say how old an answer may be
gets one of any age, and is told. Pages cost what they show: a walk begins behind the last row of the page before, and
ends with a page that may be short where filters leave out more than `MOST_EXAMINED` rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from gateway.core.mirror.answers import Look
from gateway.core.mirror.asked import Row, is_listed
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.normalize.values import key

if TYPE_CHECKING:
    from gateway.core.mirror.syncing import PracticeSync
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

_MOST_DAYS: Final = 92
_END: Final[Place] = ("~", 0)
_FAR: Final = timedelta(days=800)
"""Behind so many days from now hardly anything is booked, and all of it is one stretch."""


def look_of(practice: Practice, state: PracticeSync, freshness: Freshness, on: Services) -> Look:
    """The mirror, for a list that has no other road."""
    return Look(practice, state, freshness, on, any_age=True)


def by_key(look: Look, resource: str, *, after: int | None, first: int) -> Iterator[Stretch]:
    """All rows of a complete resource behind the key `after`, in the order of their keys; `first` is how many at first.

    Raises: Elsewhere: it is not complete, or older than the caller wants.
    """
    mirrored = MIRRORED[resource]
    _begin(look, resource)
    size = first
    while True:
        found = look.on.records.page(look.practice.id, resource, after=after, limit=size)
        if found:
            after = found[-1].key
            yield [one.row for one in found if is_listed(mirrored, one.row)], (after,)
        if len(found) < size:
            return
        size = max(size, 500)


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
    look.used(sync.as_of)
