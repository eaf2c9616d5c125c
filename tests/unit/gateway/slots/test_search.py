"""The search beside a grid of minutes that knows nothing of intervals."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import event, given, settings
from hypothesis.strategies import (
    DrawFn,
    booleans,
    composite,
    frozensets,
    integers,
    lists,
    none,
    one_of,
    sampled_from,
    text,
)

from gateway.core import chairs
from gateway.core.slots import holds
from gateway.core.slots.calendar import Calendar, alternatives, blockout_rules, own_providers
from gateway.core.slots.search import Chair, Found, Wish, find
from tests.unit.gateway.slots.rows import appointment, blockout, definition, hours, kind_of_visit, operatory

CHICAGO = ZoneInfo("America/Chicago")
MINUTE = timedelta(minutes=1)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
DAYS = (date(2026, 3, 4), date(2026, 3, 7), date(2026, 10, 31))
"""A plain day, and those before the clocks are put forward and back in Chicago: two days of each are searched."""

PROVIDERS, OPS, TYPES = (1, 2, 3), (1, 2), (0, 5, 6)
NS, ADVICE, CROWNS = 31, 32, 33
DEFINITIONS = [definition(NS, "Lunch", "NS,DC"), definition(ADVICE, "Emergency"), definition(CROWNS, "Crowns only")]
KINDS = [kind_of_visit(5, "33"), kind_of_visit(6, ""), kind_of_visit(7, "Crowns only")]
OPERATORIES = [operatory(1, dentist=1, hygienist=3), operatory(2, dentist=2)]

patterns = text(alphabet="X/", min_size=1, max_size=24)
clocks = integers(0, 24 * 12 - 1).map(lambda units: f"{units // 12:02}:{units % 12 * 5:02}:00")
# Offices work in the day as a rule; some all night.
stops = one_of(clocks, sampled_from(["00:00:00", "00:00:00", "12:00:00", "17:00:00"]))
starts_ = one_of(clocks, sampled_from(["00:00:00", "00:00:00", "08:00:00", "13:00:00"]))
ops = sampled_from(["", "1", "2", "1,2", "1,2"])


@composite
def offices(draw: DrawFn) -> dict[str, Any]:
    """Rows of an office over three days, what is held there, and a visit that is looked for."""
    first = draw(sampled_from(DAYS))
    day = integers(0, 2).map(lambda number: str(first + timedelta(days=number)))
    schedules = [
        hours(draw(sampled_from(PROVIDERS)), draw(day), draw(starts_), draw(stops), draw(ops))
        for _ in range(draw(integers(3, 9)))
    ]
    schedules += [
        blockout(draw(sampled_from([NS, ADVICE, CROWNS])), draw(day), draw(clocks), draw(clocks), draw(ops))
        for _ in range(draw(integers(0, 3)))
    ]
    visits = [
        appointment(
            number + 1,
            f"{draw(day)} {draw(clocks)}",
            Op=draw(sampled_from(OPS)),
            Pattern=draw(patterns),
            PatternSecondary=draw(one_of(sampled_from([""]), patterns)),
            ProvNum=draw(sampled_from([1, 2])),
            ProvHyg=draw(sampled_from([0, 3])),
            IsHygiene=str(draw(booleans())).lower(),
            AptStatus=draw(sampled_from(["Scheduled", "Complete", "Broken", "UnschedList"])),
        )
        for number in range(draw(integers(0, 9)))
    ]
    kept = [
        (draw(sampled_from([holds.CHAIR, holds.PROVIDER])), draw(sampled_from(OPS)), draw(day), draw(clocks), minutes)
        for minutes in draw(lists(integers(5, 120), max_size=2))
    ]
    return {
        "first": first,
        "schedules": schedules,
        "visits": visits,
        "kept": kept,
        "type": draw(sampled_from(TYPES)),
        "pattern": draw(patterns),
        "step": draw(sampled_from([5, 10, 15, 25, 25, 60])),
        "providers": draw(one_of(none(), frozensets(sampled_from(PROVIDERS), min_size=1))),
        "weekdays": draw(one_of(none(), frozensets(integers(0, 6), min_size=3))),
        "from_time": draw(one_of(none(), sampled_from([time(0, 30), time(9)]))),
        "to_time": draw(one_of(none(), sampled_from([time(12), time(17, 30)]))),
        "notice": draw(sampled_from([LONG_AGO, datetime.combine(first, time(16), UTC)])),
    }


def moment(day: str, clock: str) -> datetime:
    return datetime.fromisoformat(f"{day} {clock}")


def minutes(start: datetime, end: datetime) -> set[datetime]:
    return {start + number * MINUTE for number in range(int((end - start) / MINUTE))}


def times_of(row: dict[str, Any]) -> set[datetime]:
    start, end = moment(row["SchedDate"], row["StartTime"]), moment(row["SchedDate"], row["StopTime"])
    return minutes(start, end if end > start else moment(row["SchedDate"], "00:00:00") + timedelta(days=1))


def needed(start: datetime, pattern: str) -> set[datetime]:
    return {start + (5 * index + one) * MINUTE for index, sign in enumerate(pattern) if sign == "X" for one in range(5)}


def there(row: dict[str, Any], op: int) -> bool:
    return str(op) in row["operatories"].split(",")


def closes(row: dict[str, Any], type_num: int) -> bool:
    """The rule in words: no appointments; dedicated to type 5 and 7; and those two are allowed nowhere else."""
    kind = int(row["BlockoutType"])
    return kind == NS or (kind == CROWNS and type_num not in {5, 7}) or (kind != CROWNS and type_num in {5, 7})


def the_clock_shows_it(start: datetime, length: int) -> bool:
    """Whether the clock on the wall shows each of the visit's minutes in turn, its end included."""
    instant = start.replace(tzinfo=CHICAGO).astimezone(UTC)
    return all(
        (instant + number * MINUTE).astimezone(CHICAGO).replace(tzinfo=None, fold=0) == start + number * MINUTE
        for number in range(length + 1)
    )


def on_the_grid(office: dict[str, Any]) -> list[Found]:
    """Every start that fits, minute by minute."""
    first, pattern, found = datetime.combine(office["first"], time()), office["pattern"], []
    own = {1: {1, 3}, 2: {2}}
    visits = [row for row in office["visits"] if row["AptStatus"] in {"Scheduled", "Complete"}]
    for op in OPS:
        shut: set[datetime] = set()
        for row in office["schedules"]:
            is_here = there(row, op) or not row["operatories"]
            if row["SchedType"] == "Blockout" and is_here and closes(row, office["type"]):
                shut |= times_of(row)
        for row in visits:
            if row["Op"] == op:
                start = datetime.fromisoformat(row["AptDateTime"])
                shut |= minutes(start, start + 5 * len(row["Pattern"]) * MINUTE)
        for kind, key, day, clock, length in office["kept"]:
            if (kind, key) == (holds.CHAIR, op):
                shut |= minutes(moment(day, clock), moment(day, clock) + length * MINUTE)
        for provider in PROVIDERS if office["providers"] is None else sorted(office["providers"]):
            works: set[datetime] = set()
            for row in office["schedules"]:
                is_here = there(row, op) or (not row["operatories"] and provider in own[op])
                if row["SchedType"] == "Provider" and int(row["ProvNum"]) == provider and is_here:
                    works |= times_of(row)
            free, busy = works - shut, busy_minutes(office, visits, provider)
            for number in range(0, 2 * 1440):
                start = first + number * MINUTE
                if (number % 1440) % office["step"] or start not in free:
                    continue
                end = start + 5 * len(pattern) * MINUTE
                if (
                    minutes(start, end) <= free
                    and not needed(start, pattern) & busy
                    and (office["weekdays"] is None or start.weekday() in office["weekdays"])
                    and (office["from_time"] is None or start.time() >= office["from_time"])
                    and (office["to_time"] is None or end <= datetime.combine(start.date(), office["to_time"]))
                    and start.replace(tzinfo=CHICAGO) >= office["notice"]
                    and the_clock_shows_it(start, 5 * len(pattern))
                ):
                    found.append(Found(start, op, op, provider))
    return sorted(found)


def busy_minutes(office: dict[str, Any], visits: Iterable[dict[str, Any]], provider: int) -> set[datetime]:
    busy: set[datetime] = set()
    for row in visits:
        start = datetime.fromisoformat(row["AptDateTime"])
        is_hygienists = row["IsHygiene"] == "true" and row["ProvHyg"]
        main, second = (row["ProvHyg"], row["ProvNum"]) if is_hygienists else (row["ProvNum"], row["ProvHyg"])
        if provider == main:
            busy |= needed(start, row["Pattern"])
        if provider == second:
            busy |= needed(start, row["PatternSecondary"])
    for kind, key, day, clock, length in office["kept"]:
        if (kind, key) == (holds.PROVIDER, provider):
            busy |= minutes(moment(day, clock), moment(day, clock) + length * MINUTE)
    return busy


def calendar_of(office: dict[str, Any]) -> Calendar:
    kept = [
        {"kind": kind, "key": key, "start": f"{moment(day, clock)}",
         "end": f"{moment(day, clock) + length * MINUTE}"}
        for kind, key, day, clock, length in office["kept"]
    ]  # fmt: skip
    return Calendar(
        chairs.blocks_of(office["schedules"]),
        chairs.blockouts_of(office["schedules"]),
        own=own_providers(OPERATORIES),
        rules=blockout_rules(DEFINITIONS, KINDS),
        taken=[*chairs.visits_of(office["visits"]), *holds.visits_from(kept)],
        type_num=office["type"],
    )


def wish_of(office: dict[str, Any]) -> Wish:
    first = datetime.combine(office["first"], time())
    return Wish(
        pattern=office["pattern"],
        within=(first, first + timedelta(days=2)),
        notice=office["notice"],
        step=timedelta(minutes=office["step"]),
        **{name: office[name] for name in ("providers", "weekdays", "from_time", "to_time")},
    )


@settings(max_examples=150)
@given(offices())
def test_a_search_finds_what_a_grid_of_minutes_finds(office: dict[str, Any]) -> None:
    found = find(calendar_of(office), [Chair(1, 1, 0), Chair(2, 2, 0)], wish_of(office), zone_of={0: CHICAGO})
    expected = on_the_grid(office)

    event(f"some found: {bool(expected)}")
    assert found == expected


@settings(max_examples=100)
@given(offices())
def test_what_is_offered_passes_the_check_of_a_booking(office: dict[str, Any]) -> None:
    """The booking asks the calendar, too: what it would refuse is not offered."""
    calendar = calendar_of(office)
    for slot in find(calendar, [Chair(1, 1, 0), Chair(2, 2, 0)], wish_of(office), zone_of={0: CHICAGO})[::7]:
        visit = chairs.visit(key=0, op=slot.op, start=slot.start, pattern=office["pattern"], provider=slot.provider)

        assert calendar.is_open((visit.start, visit.end), slot.provider, slot.op)
        assert not calendar.clashes(visit)


def test_each_day_begins_its_own_steps_at_midnight() -> None:
    """Else the starts of a day would depend on how far back the search began."""
    blocks = chairs.blocks_of([hours(1, f"2026-03-0{day}", "00:00:00", "00:00:00", "1") for day in (4, 5)])
    evening = datetime(2026, 3, 4, 23, 40)  # noqa: DTZ001
    wanted = chairs.visit(key=0, op=1, start=evening, pattern="X", provider=1)
    within = (evening, evening + timedelta(minutes=30))
    starts = Calendar(blocks).starts(wanted, 1, step=timedelta(minutes=25), within=within)

    assert [f"{start:%H:%M}" for start in starts] == ["23:45", "00:00"]


@settings(max_examples=100)
@given(offices(), integers(0, 24 * 12 - 1))
def test_alternatives_are_the_nearest_free_starts(office: dict[str, Any], unit: int) -> None:
    calendar, first = calendar_of(office), datetime.combine(office["first"], time())
    within, step, notice = (first, first + timedelta(days=1)), timedelta(minutes=10), first + timedelta(hours=8)
    start = first + unit * chairs.UNIT
    wanted = chairs.visit(key=0, op=1, start=start, pattern=office["pattern"], provider=1)
    offered = alternatives(calendar, wanted, 1, step=step, within=within, notice=notice, count=3)
    every = [one for one in calendar.starts(wanted, 1, step=step, within=within, notice=notice) if one != start]

    assert len(offered) == min(3, len(every))
    assert all(one >= notice for one in every)
    assert offered == sorted(every, key=lambda one: (abs(one - start), one))[:3]


@given(patterns, sampled_from(DAYS), integers(0, 24 * 12 - 1), integers(1, 3), booleans())
def test_a_hold_is_in_the_way_of_what_its_visit_would_be_in_the_way_of(
    pattern: str, day: date, unit: int, other_op: int, is_hygiene: bool
) -> None:
    """Holding a time and booking it must mean the same to everybody else."""
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    hold = holds.Hold(
        id="hld_a", practice_id="prac_a", client_id="cli_a", start=datetime.combine(day, time(12)), pattern=pattern,
        op=1, provider=1, hygienist=3, is_hygiene=is_hygiene, expires_at=now + timedelta(minutes=3), made_at=now,
        body_hash="",
    )  # fmt: skip
    kept = holds.as_visits(holds.live(holds.with_hold({}, hold, now=now), now=now))
    start = datetime.combine(day, time()) + unit * chairs.UNIT
    rival = chairs.visit(key=9, op=other_op, start=start, pattern="X/XX/", provider=3 if is_hygiene else 1)

    assert bool(chairs.clashes(rival, kept)) == bool(chairs.clashes(rival, [hold.visit]))
    assert chairs.clashes(rival, holds.visits_from(holds.rows_of({**holds.with_hold({}, hold, now=now)}))) == (
        chairs.clashes(rival, kept)
    )


@given(patterns, integers(0, 24 * 12 - 1))
def test_a_hold_touches_at_most_four_cells(pattern: str, unit: int) -> None:
    start = datetime.combine(DAYS[0], time()) + unit * chairs.UNIT
    places = holds.places_of(chairs.visit(key=0, op=1, start=start, pattern=pattern, provider=2, hygienist=3))
    spans = [span for spans in places.values() for span in spans]

    assert len(places) <= 4
    assert all(start.date() == place.day for place, spans in places.items() for start, _ in spans)
    assert all(end <= datetime.combine(start.date(), time()) + timedelta(days=1) for start, end in spans)
