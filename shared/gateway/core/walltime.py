"""Between the office's wall clock and instants.

Open Dental stores wall times without a zone; the zone was said when the practice was connected. Three cases are not
plain, all at a change of the clocks: a wall time that occurs twice takes the first (`fold=0`) and says so; one that
does not exist is moved forward by the missing hour when Open Dental sends it, and refused when a caller wants to write
it; and a stamp read as a cursor goes back two hours around the change in autumn.

Source: https://www.opendental.com/site/timezones.html.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from gateway.core.errors import Invalid

OVERLAP: Final = timedelta(minutes=5)
"""How far a change filter reaches back: a transaction can become visible later than its stamp says."""

AUTUMN_OVERLAP: Final = timedelta(hours=2)
"""How much further it reaches around a change of the clocks back, when one hour of stamps comes twice."""


class Wall(NamedTuple):
    """What a wall time of the office means."""

    instant: datetime
    """UTC."""
    ambiguous: bool
    """It occurs twice; `instant` is the first."""
    nonexistent: bool
    """It does not occur; `instant` is where it would be if the clocks had not been changed yet."""


def read_wall(wall: datetime, zone: ZoneInfo) -> Wall:
    """Read a naive wall time that Open Dental sent. Every one has a meaning; the flags say how good it is."""
    first = wall.replace(tzinfo=zone, fold=0)
    instant = first.astimezone(UTC)
    if first.utcoffset() == wall.replace(tzinfo=zone, fold=1).utcoffset():
        return Wall(instant, ambiguous=False, nonexistent=False)
    # In a gap nothing leads back to the wall time; in a repeated hour both readings do.
    exists = instant.astimezone(zone).replace(tzinfo=None) == wall.replace(fold=0)
    return Wall(instant, ambiguous=exists, nonexistent=not exists)


def write_wall(wall: datetime, zone: ZoneInfo, *, param: str) -> datetime:
    """The instant of a naive wall time that a caller wants written. A time that occurs twice is the first.

    Raises:
        Invalid: the clocks skip that time; `param` names the field.
    """
    meaning = read_wall(wall, zone)
    if meaning.nonexistent:
        raise Invalid("this time does not exist there: the clocks are put forward over it", param=param)
    return meaning.instant


def to_wall(instant: datetime, zone: ZoneInfo) -> datetime:
    """The naive wall time at which the office's clock shows `instant`."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def changed_since(instant: datetime, zone: ZoneInfo) -> str:
    """The stamp to ask Open Dental with for everything changed since `instant`, as `yyyy-MM-dd HH:mm:ss`.

    It lies `OVERLAP` earlier, because stamps have whole seconds and rows become visible when their transaction ends;
    and `AUTUMN_OVERLAP` more around a change of the clocks back. So a caller may see a row again that it has, and
    never misses one.
    """
    since = instant - OVERLAP
    wall = to_wall(since, zone)
    around = timedelta(hours=3)
    before, after = ((since + way).astimezone(zone).utcoffset() for way in (-around, around))
    if before is not None and after is not None and after < before:
        wall -= AUTUMN_OVERLAP
    return wall.strftime("%Y-%m-%d %H:%M:%S") if wall.year >= 1000 else "1000-01-01 00:00:00"


@lru_cache(maxsize=512)
def instant_text(instant: datetime) -> str:
    """`instant` as the API shows it: UTC, whole seconds, `Z`."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def optional_instant_text(instant: datetime | None) -> str | None:
    """`instant_text` of an instant that may not be there."""
    return None if instant is None else instant_text(instant)


Span = tuple[str, str, str, str, bool, bool]
"""A stretch of time as the API shows it: start_at, end_at, local_start, local_end, ambiguous, nonexistent."""

_HHMM: Final = tuple(f"{minute // 60:02}:{minute % 60:02}" for minute in range(1440))
_MINUTES: Final = {text: minute for minute, text in enumerate(_HHMM)}
_SECONDS: Final = {f":{second:02}": f":{second:02}Z" for second in range(60)}
_MOST_DAYS: Final = 20_000
_MOST_MINUTES: Final = 16_384

_Day = tuple[int, tuple[str, str, str, str]]


class ZoneClock:
    """Wall times of one zone, as text in and text out, fast enough for every row of a list.

    On a day without a change of the clocks an instant is the wall time minus the day's offset, which needs two look-ups
    and no datetime; the other days go the long way by `read_wall`. What was worked out is remembered, by the minute.
    Texts are `yyyy-MM-dd HH:mm:ss`, or with a T.
    """

    __slots__ = ("_days", "_minutes", "_spans", "zone")

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._days = dict[str, _Day | None]()
        # An office lives on a grid of minutes, and a list is normalized whenever it is read.
        self._minutes = dict[str, str]()
        self._spans = dict[tuple[str, int], Span]()

    def instant(self, wall: object) -> str | None:
        """The instant of `wall`; None for nothing: null, empty, year 0001, or what is no time at all."""
        try:
            return self._minutes[wall[:16]] + _SECONDS[wall[16:]]  # type: ignore[index]
        except (KeyError, TypeError):
            pass
        if not isinstance(wall, str) or not wall or wall[:4] == "0001":
            return None
        try:
            day = wall[:10]
            offset, days = self._days.get(day) or self._plain(day)
            minute = _MINUTES[wall[11:16]] - offset
            zulu = _SECONDS[wall[16:]]
        except KeyError:
            return self._long_way(wall)
        known = days[1 + minute // 1440] + _HHMM[minute % 1440]
        if len(self._minutes) >= _MOST_MINUTES:
            self._minutes.clear()
        self._minutes[wall[:16]] = known
        return known + zulu

    def span(self, wall: str, minutes: int) -> Span | None:
        """From `wall` on for `minutes` of elapsed time; None where `wall` is nothing."""
        known = self._spans.get((wall, minutes))
        if known is None and (known := self._span(wall, minutes)) is not None:
            if len(self._spans) >= _MOST_MINUTES:
                self._spans.clear()
            self._spans[wall, minutes] = known
        return known

    def _span(self, wall: str, minutes: int) -> Span | None:
        if not wall or wall[:4] == "0001":
            return None
        try:
            offset, days = self._plain(wall[:10])
            start, seconds = _MINUTES[wall[11:16]], wall[16:]
            end, zulu = start + minutes, _SECONDS[seconds]
        except KeyError:
            return self._long_span(wall, minutes)
        if end >= 1440:
            return self._long_span(wall, minutes)
        first, last = start - offset, end - offset
        return (
            days[1 + first // 1440] + _HHMM[first % 1440] + zulu,
            days[1 + last // 1440] + _HHMM[last % 1440] + zulu,
            days[1] + _HHMM[start] + seconds,
            days[1] + _HHMM[end] + seconds,
            False,
            False,
        )

    def _long_span(self, wall: str, minutes: int) -> Span | None:
        naive = _naive(wall)
        if naive is None:
            return None
        meaning = read_wall(naive, self.zone)
        ends = meaning.instant + timedelta(minutes=minutes)
        return (
            instant_text(meaning.instant),
            instant_text(ends),
            naive.isoformat(timespec="seconds"),
            to_wall(ends, self.zone).isoformat(timespec="seconds"),
            meaning.ambiguous,
            meaning.nonexistent,
        )

    def _long_way(self, wall: str) -> str | None:
        naive = _naive(wall)
        return None if naive is None else instant_text(read_wall(naive, self.zone).instant)

    def _plain(self, day: str) -> _Day:
        """The offset of `day` in minutes and its neighbours; KeyError where the long way must be gone."""
        if day not in self._days:
            if len(self._days) >= _MOST_DAYS:
                self._days.clear()
            self._days[day] = self._look_at(day)
        plain = self._days[day]
        if plain is None:
            raise KeyError
        return plain

    def _look_at(self, day: str) -> _Day | None:
        try:
            midnight = datetime.fromisoformat(day)
            days = tuple((midnight + timedelta(days=shift)).strftime("%Y-%m-%dT") for shift in (-1, 0, 1, 2))
        except (ValueError, OverflowError):
            return None
        offsets = {
            (midnight + timedelta(days=shift)).replace(tzinfo=self.zone, fold=fold).utcoffset()
            for shift in (0, 1)
            for fold in (0, 1)
        }
        offset = offsets.pop()
        if offsets or offset is None or offset.total_seconds() % 60 or days[1] != f"{day}T":
            return None
        return int(offset.total_seconds()) // 60, (days[0], days[1], days[2], days[3])


@lru_cache(maxsize=256)
def zone_clock(key: str) -> ZoneClock:
    """The clock of an IANA zone."""
    return ZoneClock(ZoneInfo(key))


def _naive(wall: str) -> datetime | None:
    try:
        naive = datetime.fromisoformat(wall.strip())
    except ValueError:
        return None
    # The first and last days have no neighbour in some zone; nobody was treated then.
    if not 1 < naive.year < 9999:
        return None
    return naive.replace(tzinfo=None, microsecond=0)
