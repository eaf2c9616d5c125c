"""Free times: over some days, and the next ones from today on.

One search asks Open Dental for the schedules of its days and for their appointments, each by one list; chairs, words
and the office's increment are set-up, which is read seldom. Everything else happens here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from gateway.core import chairs
from gateway.core.callers import Caller
from gateway.core.capability import require
from gateway.core.chairs import LONGEST_UNITS
from gateway.core.errors import Invalid, NotFound
from gateway.core.fetches import knows
from gateway.core.inputs import Day, broken_rule
from gateway.core.office_words import Table
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.reads.lists import MOST_DAYS, Pager, Reading, Row, SortKey, key_of, practice_of
from gateway.core.reads.queries import Id, PagedQuery, PracticeQuery
from gateway.core.requests import Freshness
from gateway.core.slots import holds, search, shown
from gateway.core.slots.calendar import BLOCKOUT_CATEGORY, BlockoutRules, Calendar, blockout_rules, own_providers
from gateway.core.slots.search import Chair, Found, Wish
from open_dental import wire

USUAL_DAYS: Final = 14
LOOK_AHEAD: Final = (7, 14, 28, 56, 75)
"""Days of each window of `next_available`, one behind the other: 180 in all. Most visits are found in the first."""

INCREMENT: Final = "AppointmentTimeIncrement"
BLOCKOUTS: Final = "BlockoutTypes"
"""The category of definitions, by the vendor's name."""

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Several = Annotated[list[Id], Field(min_length=1, max_length=50)]
ClockTime = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$"), Field(description="HH:MM")]


class WishQuery(PracticeQuery):
    """What visit is looked for, where and when.

    How long it is: one of `duration_minutes` (provider needed throughout) and `pattern`, or else the length that
    `appointment_type_id` has.
    """

    provider_id: Several | None = None
    """Whose time; whoever works there without it. For a hygiene visit the hygienist."""
    operatory_id: Several | None = None
    location_id: Id | None = None
    date_from: Day | None = None
    """The office's calendar day to begin with; today without it."""
    duration_minutes: Annotated[int, Field(gt=0, le=LONGEST_UNITS * 5, multiple_of=5)] | None = None
    pattern: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[X/]+$", max_length=LONGEST_UNITS)] | None,
        Field(description="one character for each 5 minutes: X with the provider, / without"),
    ] = None
    appointment_type_id: Id | None = None
    """The kind of visit; it also decides which blockouts are open to it."""
    step_minutes: Annotated[int, Field(ge=5, le=60, multiple_of=5)] | None = None
    """Starts are multiples of it from midnight; the office's own increment without it."""
    notice_minutes: Annotated[int, Field(ge=0, le=30 * 1440)] = 0
    """How long from now the first start is away at least."""
    time_from: ClockTime | None = None
    time_to: ClockTime | None = None
    """The visit lies between these times of the day."""
    weekdays: (
        Annotated[
            list[Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]],
            Field(min_length=1, max_length=7),
        ]
        | None
    ) = None

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if self.duration_minutes is not None and self.pattern is not None:
            raise broken_rule("pattern", "only one of duration_minutes and pattern may be sent")
        if self.duration_minutes is None and self.pattern is None and self.appointment_type_id is None:
            raise broken_rule("duration_minutes", "duration_minutes, pattern or appointment_type_id is needed")
        return self


class SlotsQuery(PagedQuery, WishQuery):
    """`GET /slots`: every free time of some days, earliest first, then from the left of the office's schedule."""

    date_to: Day | None = None
    """The last day, included: at most 31 days in all, 14 without it."""


class NextSlotsQuery(WishQuery):
    """`GET /slots/next_available`: the first `limit` free times."""

    limit: Annotated[int, Field(ge=1, le=50)] = 1


def list_slots(query: SlotsQuery, *, caller: Caller, freshness: Freshness, on: Services) -> dict[str, Any]:
    """A page of the free times that all filters fit.

    Raises:
        Invalid: the days are too many, or the kind of visit has no length. NotFound, PermissionMissing, VersionTooOld,
        and what `allow` and `requests.fetch` raise.
    """
    found = _Search(query, caller=caller, freshness=freshness, on=on)
    pager = Pager(query, "slots", found.practice, on=on)
    last = query.date_to or found.first + timedelta(days=USUAL_DAYS - 1)
    if last < found.first:
        raise Invalid("the last day is over, or before the first", param="date_to")
    if (last - found.first).days >= MOST_DAYS:
        raise Invalid(f"at most {MOST_DAYS} days at once", param="date_to")
    rows = [{"slot": one} for one in found.between(found.first, last)]
    page = pager.cut(rows, _place)
    return page.envelope([found.shown(row["slot"]) for row in page.rows], found.meta())


def next_slots(query: NextSlotsQuery, *, caller: Caller, freshness: Freshness, on: Services) -> dict[str, Any]:
    """The first free times from a day on, looked for in growing windows of 180 days in all.

    `searched_to` is the last day that was looked at: where `data` is shorter than asked for, there are no more.

    Raises: what `list_slots` raises.
    """
    search_ = _Search(query, caller=caller, freshness=freshness, on=on)
    found: list[Found] = []
    first = search_.first
    for days in LOOK_AHEAD:
        last = first + timedelta(days=days - 1)
        found += search_.between(first, last)
        if len(found) >= query.limit:
            break
        first = last + timedelta(days=1)
    data = [search_.shown(one) for one in found[: query.limit]]
    days_searched = {"searched_from": search_.first.isoformat(), "searched_to": last.isoformat()}
    return {"data": data, **days_searched, "meta": search_.meta()}


def _place(row: Row) -> SortKey:
    found: Found = row["slot"]
    return (found.start.isoformat(), found.position, found.op, found.provider)


class _Search:
    """One search: what is looked for, and what had to be read for it."""

    def __init__(self, query: WishQuery, *, caller: Caller, freshness: Freshness, on: Services) -> None:
        self._query = query
        self._on = on
        self._now = on.clock.now()
        self._until = on.clock.monotonic() + freshness.wait_s
        self.practice = practice = practice_of(query, "slots", caller=caller, on=on)
        require(practice, "schedules.list", "appointments.list", "operatories.list")
        self._days = Reading(practice, caller, freshness, on)
        self._setup = Reading(practice, caller, freshness, on)
        today = self._now.astimezone(practice.zone()).date()
        self.first = max(query.date_from or today, today)
        self._type = _key(query.appointment_type_id, "appointment_type", practice, "appointment_type_id")
        self._providers = _keys(query.provider_id, "provider", practice, "provider_id")
        self._ops = _keys(query.operatory_id, "operatory", practice, "operatory_id")
        self._location = key_of(query.location_id, "location", practice, param="location_id")
        self._pattern = query.pattern or "X" * ((query.duration_minutes or 0) // 5)
        self._step: int | None = query.step_minutes
        self._chairs: list[Chair] | None = None
        self._own: dict[int, frozenset[int]] = {}

    def between(self, first: date, last: date) -> list[Found]:
        """Every free time of these days, both included, in order."""
        self._learn()
        bound = {"from": first.isoformat(), "to": last.isoformat()}
        rows = self._read(self._days, "fetch.slots", bound)
        blockouts = chairs.blockouts_of(rows["schedules"])
        kept = self._on.holds.kept(self.practice.id, first, last + timedelta(days=1), now=self._now)
        calendar = Calendar(
            chairs.blocks_of(rows["schedules"]),
            blockouts,
            own=self._own,
            rules=self._rules({one.kind for one in blockouts}),
            taken=[*chairs.visits_of(rows["appointments"]), *holds.as_visits(kept)],
            type_num=self._type,
        )
        assert self._chairs is not None and self._step is not None
        midnight = datetime.combine(first, time())
        wish = Wish(
            pattern=self._pattern,
            within=(midnight, datetime.combine(last, time()) + timedelta(days=1)),
            notice=(self._now + timedelta(minutes=self._query.notice_minutes)).astimezone(UTC),
            step=timedelta(minutes=self._step),
            providers=self._providers,
            weekdays=_weekdays(self._query.weekdays),
            from_time=_clock(self._query.time_from),
            to_time=_clock(self._query.time_to),
        )
        zones = {location: self.practice.zone(location) for location in {0, *(one.location for one in self._chairs)}}
        return search.find(calendar, self._chairs, wish, zone_of=zones)

    def shown(self, found: Found) -> dict[str, Any]:
        """A free time as its object."""
        location = next(one.location for one in self._chairs or () if one.key == found.op)
        return shown.slot(
            self.practice,
            start=found.start,
            units=len(self._pattern),
            provider=found.provider,
            op=found.op,
            location=location,
        )

    def meta(self) -> dict[str, Any]:
        """Age and cost. The age is that of schedules and appointments; set-up may be some minutes older."""
        meta = self._days.meta([])
        return {**meta, "upstream_calls": meta["upstream_calls"] + self._setup.upstream_calls}

    def _learn(self) -> None:
        """Read the set-up that is needed whatever the days: chairs, the increment, the visit's length."""
        if self._chairs is not None:
            return
        operatories = self._rows("operatories", {})
        self._own = own_providers(operatories)
        self._chairs = search.chairs_of(operatories, only=self._ops, location=self._location)
        if self._ops is not None and not self._ops <= self._own.keys():
            raise NotFound("no such operatory", param="operatory_id")
        if not self._pattern:
            self._pattern = self._pattern_of_type()
        if self._step is None:
            self._step = self._increment()

    def _increment(self) -> int:
        words = self._setup.words(Table.PREFERENCES, only_if_cached=True)
        if words.knows(Table.PREFERENCES):
            return search.step_of(words.preference(INCREMENT))
        rows = self._rows("preferences", {"PrefName": INCREMENT})
        return search.step_of(next((row.get("ValueString") for row in rows if row.get("PrefName") == INCREMENT), None))

    def _pattern_of_type(self) -> str:
        for row in self._rows("appointmenttypes", {}):
            if wire.key(row.get("AppointmentTypeNum")) == self._type:
                pattern = str(row.get("Pattern") or "")[:LONGEST_UNITS]
                if not pattern:
                    raise Invalid("this appointment type has no length of its own; send one", param="duration_minutes")
                return pattern
        raise NotFound("no such appointment type", param="appointment_type_id")

    def _rules(self, kinds: set[int]) -> BlockoutRules:
        """What the blockouts of these types mean; nothing is read where there are none."""
        if not kinds:
            return BlockoutRules()
        words = self._setup.words(Table.DEFINITIONS, only_if_cached=True)
        definitions = words.of_category(BLOCKOUTS)
        if not all(words.definition(kind) for kind in kinds):
            query = {"Category": BLOCKOUT_CATEGORY, "includeHidden": True}
            definitions = self._rows("definitions", query)
        rules = blockout_rules(definitions)
        if kinds <= rules.forbidden or not knows(self.practice, "appointmenttypes.list"):
            return rules
        return blockout_rules(definitions, self._rows("appointmenttypes", {}))

    def _rows(self, resource: str, query: dict[str, Any]) -> list[Row]:
        bound = {"resource": resource, "queries": [query]}
        return self._read(self._setup, f"fetch.{resource}", bound)[resource]

    def _read(self, reading: Reading, kind: str, bound: dict[str, Any]) -> Mapping[str, list[Row]]:
        # The caller's patience is for the answer, which may take several turns of the practice.
        left = max(0.0, self._until - self._on.clock.monotonic())
        reading.freshness = replace(reading.freshness, wait_s=left)
        return reading.rows(kind, bound, reference=reading is self._setup)


def _key(text: str | None, kind: str, practice: Practice, param: str) -> int:
    return key_of(text, kind, practice, param=param) or 0


def _keys(texts: Iterable[str] | None, kind: str, practice: Practice, param: str) -> frozenset[int] | None:
    return None if texts is None else frozenset(_key(text, kind, practice, param) for text in texts)


def _weekdays(names: list[Any] | None) -> frozenset[int] | None:
    return None if names is None else frozenset(WEEKDAYS.index(name) for name in names)


def _clock(text: str | None) -> time | None:
    return None if text is None else time.fromisoformat(text)
