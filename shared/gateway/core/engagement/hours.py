"""When a message may go out: within the rule's window, outside its quiet hours, by the office's wall. Pure.

Whole minutes. On a day on which the clocks are changed each of its minutes is looked at; on all others only those at
which something begins or ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from gateway.core.engagement.rules import DAY, Offset, Quiet, Window
from gateway.core.walltime import read_wall, to_wall

MINUTE: Final = timedelta(minutes=1)
_ONE_DAY: Final = timedelta(days=1)
_MOST_DAYS: Final = 8
"""Whatever days of the week a window has, one of them is within so many."""


def floor(instant: datetime) -> datetime:
    """The minute that `instant` lies in."""
    return instant.replace(second=0, microsecond=0)


def shifted(instant: datetime, offset: Offset, zone: ZoneInfo, *, back: bool) -> datetime:
    """`offset` before or after `instant`: days by the calendar, at the same time on the wall, minutes by the clock."""
    way = -1 if back else 1
    wall = to_wall(instant, zone) + way * timedelta(days=offset.days)
    at = read_wall(wall, zone).instant if offset.days else instant
    return at + way * timedelta(minutes=offset.minutes)


def is_allowed(instant: datetime, zone: ZoneInfo, window: Window, quiet: Quiet) -> bool:
    """Whether a message may go out at this minute."""
    wall = to_wall(instant, zone)
    minute = wall.hour * 60 + wall.minute
    if wall.weekday() not in window.days or not window.since <= minute < window.until:
        return False
    if quiet.since <= quiet.until:
        return not quiet.since <= minute < quiet.until
    return quiet.until <= minute < quiet.since


def next_allowed(first: datetime, zone: ZoneInfo, window: Window, quiet: Quiet, *, before: datetime) -> datetime | None:
    """The first allowed minute at or after `first`, which is a whole one, and before `before`; None: there is none."""
    starts = {0, window.since % DAY, quiet.until % DAY}
    for at in sorted({first, *_candidates(first, zone, starts, way=1)}):
        if at >= before:
            return None
        if at >= first and is_allowed(at, zone, window, quiet):
            return at
    return None


def last_allowed(
    last: datetime, zone: ZoneInfo, window: Window, quiet: Quiet, *, not_before: datetime
) -> datetime | None:
    """The last allowed minute at or before `last`, which is a whole one, and not before `not_before`; None: there is
    none.
    """
    ends = {DAY - 1, (window.until - 1) % DAY, (quiet.since - 1) % DAY}
    for at in sorted({last, *_candidates(last, zone, ends, way=-1)}, reverse=True):
        if at < not_before:
            return None
        if at <= last and is_allowed(at, zone, window, quiet):
            return at
    return None


def _candidates(around: datetime, zone: ZoneInfo, minutes: set[int], *, way: int) -> Iterator[datetime]:
    """Minutes at which what is allowed may begin or end, on the days from that of `around` on."""
    day = to_wall(around, zone).date()
    for number in range(_MOST_DAYS + 1):
        yield from _of_day(day + number * way * _ONE_DAY, zone, minutes)


def _of_day(day: date, zone: ZoneInfo, minutes: set[int]) -> Iterator[datetime]:
    midnight = datetime.combine(day, datetime.min.time())
    begins, ends = (read_wall(one, zone).instant for one in (midnight, midnight + _ONE_DAY))
    if ends - begins == _ONE_DAY and _offset(begins, zone) == _offset(ends, zone):
        yield from (begins + minute * MINUTE for minute in minutes)
        return
    at = begins - timedelta(hours=3)
    while at < ends + timedelta(hours=3):
        yield at
        at += MINUTE


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta | None:
    return instant.astimezone(zone).utcoffset()


def send_at(
    ideal: datetime, *, now: datetime, expire_at: datetime, zone: ZoneInfo, window: Window, quiet: Quiet
) -> datetime | None:
    """When a message goes out that should at `ideal`: the next allowed minute, and where there is none before
    `expire_at`, the last one before `ideal`. None: nothing is allowed from now on.
    """
    now, ideal = floor(now).astimezone(UTC), floor(ideal).astimezone(UTC)
    later = next_allowed(max(ideal, now), zone, window, quiet, before=expire_at)
    if later is not None:
        return later
    return last_allowed(ideal, zone, window, quiet, not_before=now) if ideal > now else None
