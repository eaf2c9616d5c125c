"""How far a first load is, and when it will be done: pure, from what is known.

Open Dental counts nothing for anybody. What there is to know: how many rows a resource had when it was last read as a
whole, what a query counted, and for a list that begins with its highest key how far that key is from the first. From
the rest nothing is guessed: a resource of unknown size has no percent, and no time is said for what comes behind it.
The pace is the real one, of pages that came while the practice could be worked on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Final

from gateway.core.mirror import passes, schedule
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.syncing import Pass, PracticeSync, ResourceSync

BETWEEN_PAGES: Final = timedelta(minutes=3)
"""A longer gap between two pages is no work: the practice was offline, paused, or full of people."""

FEWEST_PAGES: Final = 5
"""Before a pace is believed."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many rows of a resource there probably are, and how many of them are here."""

    rows: int
    done: int
    is_by_parent: bool = False
    """Whether it is parents that are counted: a call each."""

    @property
    def percent(self) -> int:
        """Never all of it: that is what being loaded says."""
        return min(99, self.done * 100 // self.rows) if self.rows else 99

    @property
    def left(self) -> int:
        """Rows that are still to come."""
        return max(0, self.rows - self.done)


def counted(of: ResourceSync, state: PracticeSync, now: datetime) -> ResourceSync:
    """The state after another page of its load."""
    last = max((at for one in state.resources.values() if (at := one.paged_at) is not None), default=None)
    took = now - last if last is not None else timedelta()
    if took > BETWEEN_PAGES:
        took = timedelta()
    took_ms = max(0, round(took.total_seconds() * 1000))
    # A page that came after a pause says nothing of the pace.
    pages = of.load_pages + (took_ms > 0)
    return replace(of, load_pages=pages, load_ms=of.load_ms + took_ms, paged_at=now)


def pages_per_minute(state: PracticeSync) -> float | None:
    """The pace of this practice's loads; None before some pages have come."""
    pages = sum(of.load_pages for of in state.resources.values())
    ms = sum(of.load_ms for of in state.resources.values())
    return pages * 60_000 / ms if pages >= FEWEST_PAGES and ms else None


def size_of(of: ResourceSync) -> Size | None:
    """The size of a resource that is being loaded, or will be; None where nobody knows."""
    running = of.running
    done = 0 if running is None or running.before is not None else running.seen
    if MIRRORED[of.resource].list_operation is None:
        # It is never more parents than rows.
        every = running.of_all if running is not None and running.of_all else of.expected
        return None if every is None else Size(every, 0 if running is None else running.offset, is_by_parent=True)
    if of.resource == "schedules" and running is not None:
        return _size_of_months(of, running, done)
    if of.expected is not None:
        return Size(max(of.expected, done), done)
    if of.rows:
        # Loaded anew: it had so many.
        return Size(max(of.rows, done), done)
    how = passes.listing(MIRRORED[of.resource])
    if running is not None and done and how.descending and how.columns == (how.key,) and running.edge:
        last, highest = int(running.edge[-1]), of.highest
        if running.ordered and highest > last:
            # Keys are given one after the other, so that rows lie as close below as they did above.
            return Size(done + round(done * last / (highest - last + 1)), done)
    return None


def _size_of_months(of: ResourceSync, running: Pass, done: int) -> Size | None:
    """Some months of all that were ever planned; months to come have fewer rows, and never more than were counted."""
    months = [part.name for part in passes.parts(MIRRORED[of.resource], running.started_at.date(), purpose="load")]
    read = months.index(running.part) if running.part in months else 0
    every = round(done * len(months) / read) if read else of.expected
    if every is None:
        return None
    return Size(max(done, every if of.expected is None else min(every, of.expected)), done)


def sizes(state: PracticeSync) -> dict[str, Size | None]:
    """By resource that is still to be loaded, in the order of loading."""
    some_day = datetime.max.replace(tzinfo=UTC)
    return {name: size_of(state.resources[name]) for name in schedule.loads_due(state, some_day)}


def etas(
    sized: Mapping[str, Size | None], state: PracticeSync, now: datetime, *, page_limit: int
) -> dict[str, datetime | None]:
    """When each of them will be loaded; None behind the first whose size nobody knows."""
    pace = pages_per_minute(state)
    found: dict[str, datetime | None] = {}
    at: datetime | None = now if pace else None
    for name, size in sized.items():
        at = None if at is None or size is None or not pace else at + _takes(size, pace, page_limit)
        found[name] = at
    return found


def least(
    sized: Mapping[str, Size | None], state: PracticeSync, now: datetime, *, page_limit: int, interval_s: float
) -> datetime | None:
    """Before when the load will not be done, by the resources whose size is known, if nobody else calls; None where no
    pace is. `interval_s`: the practice's own, of a call."""
    measured = pages_per_minute(state)
    if not measured or not sized:
        return None
    pace = max(measured, 60 / interval_s) if interval_s else measured
    known = [
        # Of parents their rows were counted: there is one at least.
        Size(1, 0) if size.is_by_parent and size.done == 0 else size
        for size in sized.values()
        if size is not None
    ]
    return now + sum((_takes(size, pace, page_limit) for size in known), timedelta())


def percent(sized: Mapping[str, Size | None], loaded: Sequence[ResourceSync]) -> int | None:
    """How much of all rows is here; None where the size of something is not known."""
    if any(size is None for size in sized.values()):
        return None
    here = sum(of.rows for of in loaded) + sum(size.done for size in sized.values() if size is not None)
    every = sum(of.rows for of in loaded) + sum(size.rows for size in sized.values() if size is not None)
    return min(99, here * 100 // every) if every and sized else None


def _takes(size: Size, pace: float, page_limit: int) -> timedelta:
    # Pages overlap by a row.
    rows_a_page = 1 if size.is_by_parent else max(1, page_limit - 1)
    return timedelta(minutes=ceil(size.left / rows_a_page) / pace)
