"""Every free start of a visit, for several providers and operatories at once. Pure, on the office's wall clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from gateway.core import chairs
from gateway.core.chairs import Span
from gateway.core.slots.calendar import Calendar
from gateway.core.walltime import read_wall
from open_dental import wire

USUAL_STEP_MINUTES: Final = 10
"""Open Dental's own increment, unless an office changed it."""


class Chair(NamedTuple):
    """An operatory. `position` counts from the left of the office's schedule."""

    key: int
    position: int
    location: int


class Found(NamedTuple):
    """A free start, in the order of a list: earliest first, then from the left of the schedule."""

    start: datetime
    position: int
    op: int
    provider: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What is looked for.

    `pattern`: one character for each 5 minutes, X where the provider is needed. `providers`: None for whoever works.
    `weekdays`: Monday is 0. `from_time`, `to_time`: the visit lies between them, on one day. Starts lie within
    `within`, not before the instant `notice`.
    """

    pattern: str
    within: Span
    notice: datetime
    step: timedelta
    providers: frozenset[int] | None = None
    weekdays: frozenset[int] | None = None
    from_time: time | None = None
    to_time: time | None = None

    @property
    def length(self) -> timedelta:
        """How long the visit is."""
        return len(self.pattern) * chairs.UNIT

    def suits(self, start: datetime) -> bool:
        """Whether a start is on a day and at a time of day that are asked for."""
        if self.weekdays is not None and start.weekday() not in self.weekdays:
            return False
        if self.from_time is not None and start.time() < self.from_time:
            return False
        return self.to_time is None or start + self.length <= datetime.combine(start.date(), self.to_time)


def find(calendar: Calendar, chairs_: Iterable[Chair], wish: Wish, *, zone_of: Mapping[int, ZoneInfo]) -> list[Found]:
    """Every start that fits, in order. `zone_of`: location -> its zone; 0 stands for those that have none."""
    working = {block.provider for block in calendar.blocks}
    providers = sorted(working if wish.providers is None else working & wish.providers)
    found: list[Found] = []
    for chair in chairs_:
        zone = zone_of.get(chair.location) or zone_of[0]
        for provider in providers:
            wanted = chairs.visit(key=0, op=chair.key, start=wish.within[0], pattern=wish.pattern, provider=provider)
            found.extend(
                Found(start, chair.position, chair.key, provider)
                for start in calendar.starts(wanted, provider, step=wish.step, within=wish.within)
                if wish.suits(start) and keeps_its_length(start, wish.length, zone) and _in_time(start, wish, zone)
            )
    return sorted(found)


def keeps_its_length(start: datetime, length: timedelta, zone: ZoneInfo) -> bool:
    """Whether a visit takes as long on the clock on the wall as in truth, and starts at a time that there is."""
    first, last = read_wall(start, zone), read_wall(start + length, zone)
    return not first.nonexistent and not last.nonexistent and last.instant - first.instant == length


def _in_time(start: datetime, wish: Wish, zone: ZoneInfo) -> bool:
    return read_wall(start, zone).instant >= wish.notice


def chairs_of(
    operatories: Iterable[Mapping[str, Any]], *, only: frozenset[int] | None = None, location: int | None = None
) -> list[Chair]:
    """The operatories that are in use, those of `only` or of a location where that is asked for."""
    found = (
        Chair(wire.key(row.get("OperatoryNum")) or 0, wire.integer(row.get("ItemOrder")) or 0, _location(row))
        for row in operatories
        if not wire.flag(row.get("IsHidden"))
    )
    return [
        one for one in found if (only is None or one.key in only) and (location is None or one.location == location)
    ]


def _location(row: Mapping[str, Any]) -> int:
    return wire.key(row.get("ClinicNum")) or 0


def step_of(preference: object) -> int:
    """The office's increment in minutes, as the preference says it; the usual one where nothing usable says so."""
    text = str(preference or "")
    return int(text) if text.isdecimal() and 5 <= int(text) <= 60 else USUAL_STEP_MINUTES


def reaches_midnight(blocks: Sequence[chairs.Block], day: datetime) -> bool:
    """Whether somebody works until the end of `day`, so that a visit may go on into the next one."""
    return any(block.end == day + timedelta(days=1) for block in blocks)
