"""Open Dental's clock: how far it is from ours, from which stamp on to ask for changes, and when it has gone back.

Stamps and cursors are texts of the server's own wall clock, without a zone. The clock is measured where a row brings
it; our own clock stands in for it where rows bring none, shifted by what was measured last. Whatever is uncertain is
taken at its earliest: a row that is asked for again costs little, one that is not asked for is wrong in silence.

Source: https://www.opendental.com/site/timezones.html.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from gateway.core.walltime import OVERLAP

DST_OVERLAP: Final = timedelta(hours=2)
"""How far a change filter reaches back, besides, on a day on which the clocks are changed."""

UNMEASURED: Final = timedelta(hours=1)
"""How far the server's clock is taken to be off where it was never measured."""

FAR_BEHIND: Final = timedelta(hours=3)
"""A clock that falls back by more is another server's, or a wrong one that was set right: more than any change of the
clocks, and more than a filter's overlap."""

WENT_BACK_S: Final = 30.0
"""A server's clock that lost more than this since it was measured last was set back."""

_STAMP: Final = "%Y-%m-%d %H:%M:%S"
_EARLIEST: Final = "1880-01-01 00:00:00"

LONG_AGO: Final = datetime.fromisoformat(_EARLIEST)
"""Before every stamp, by any server's clock."""


def read_clock(text: object) -> datetime | None:
    """A wall time of the server; None where it is none."""
    if not isinstance(text, str):
        return None
    try:
        wall = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return wall.replace(tzinfo=None) if 1900 < wall.year < 9000 else None


def write_clock(wall: datetime) -> str:
    """A wall time as filters want it: `yyyy-MM-dd HH:mm:ss`, never a date alone."""
    return wall.strftime(_STAMP) if wall.year >= 1900 else _EARLIEST


def offset_of(clock: object, at: datetime) -> float | None:
    """The server's wall clock less UTC, in seconds, from what it showed when a call was sent `at`."""
    wall = read_clock(clock)
    return None if wall is None else (wall.replace(tzinfo=UTC) - at).total_seconds()


def server_wall(at: datetime, zone: ZoneInfo, *, offset_s: float | None, measured_at: datetime | None) -> datetime:
    """The earliest that the server's clock may have shown `at`.

    The server may or may not change its clock with the practice's zone, so that after such a day either is possible.
    """
    if offset_s is None or measured_at is None:
        return at.astimezone(zone).replace(tzinfo=None, fold=0) - UNMEASURED
    wall = at.astimezone(UTC).replace(tzinfo=None) + timedelta(seconds=offset_s)
    then, now = measured_at.astimezone(zone).utcoffset(), at.astimezone(zone).utcoffset()
    moved = (now - then) if now is not None and then is not None else timedelta()
    return min(wall, wall + moved)


def since(cursor: str, zone: ZoneInfo) -> str:
    """The stamp to ask from, so that nothing is missed that became visible after `cursor` was the server's time."""
    wall = read_clock(cursor)
    if wall is None:
        return _EARLIEST
    return write_clock(wall - OVERLAP - (DST_OVERLAP if _changes_near(wall, zone) else timedelta()))


def entry(stamp: str, name: str | None) -> str:
    """A filter by the time of entry: a day where its name says so, from the day before on."""
    if name is None or "Time" in name:
        return stamp
    wall = read_clock(stamp)
    return stamp[:10] if wall is None else (wall - timedelta(days=1)).date().isoformat()


def is_far_behind(clock: object, highest: str | None) -> bool:
    """Whether the server's clock is so far behind what it once showed that its old stamps mean nothing any more."""
    now, then = read_clock(clock), read_clock(highest)
    return now is not None and then is not None and now < then - FAR_BEHIND


def later(one: str | None, other: object) -> str | None:
    """The later of two clocks, as text."""
    first, second = read_clock(one), read_clock(other)
    if second is None:
        return one
    return write_clock(second if first is None else max(first, second))


def _changes_near(wall: datetime, zone: ZoneInfo) -> bool:
    day = timedelta(days=1)
    offsets = {(wall + way).replace(tzinfo=zone).utcoffset() for way in (-day, day)}
    return len(offsets) > 1
