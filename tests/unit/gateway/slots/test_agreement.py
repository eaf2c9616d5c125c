"""Searching and booking say the same of every start: a booking's plan, answered from the rows that were searched."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from hypothesis import event, given, settings
from hypothesis.strategies import integers

from gateway.core import chairs
from gateway.core.errors import Clash, OutsideSchedule
from gateway.core.plans import HELD_TIMES, PlanContext, UpstreamAnswer, UpstreamCall
from gateway.core.slots.search import Chair, find
from gateway.core.writes import appointment
from tests.fakes import ELM_STREET
from tests.unit.gateway.slots.test_search import (
    CHICAGO,
    DEFINITIONS,
    KINDS,
    LONG_AGO,
    OPERATORIES,
    OPS,
    PROVIDERS,
    calendar_of,
    offices,
    the_clock_shows_it,
    wish_of,
)


def days(query: Any) -> tuple[str, str]:
    return query.get("date") or query["dateStart"], query.get("date") or query["dateEnd"]


def answered(call: UpstreamCall, office: dict[str, Any]) -> UpstreamAnswer:
    """What Open Dental says, for the days that are asked for and no others."""
    if call.operation == HELD_TIMES:
        kept = [
            {"kind": kind, "key": key, "start": f"{day} {clock}",
             "end": f"{datetime.fromisoformat(f'{day} {clock}') + timedelta(minutes=length)}"}
            for kind, key, day, clock, length in office["kept"]
        ]  # fmt: skip
        return UpstreamAnswer(200, kept)
    if call.operation in {"appointments.list", "schedules.list"}:
        first, last = days(call.query)
        column = "AptDateTime" if call.operation == "appointments.list" else "SchedDate"
        rows = office["visits" if call.operation == "appointments.list" else "schedules"]
        return UpstreamAnswer(200, [row for row in rows if first <= row[column][:10] <= last])
    rows = {"operatories.list": OPERATORIES, "definitions.list": DEFINITIONS, "appointmenttypes.list": KINDS}
    return UpstreamAnswer(200, rows[call.operation])


def is_booked(office: dict[str, Any], start: datetime, provider: int, op: int) -> bool:
    """Whether the plan of this booking comes to its write."""
    input_ = {
        "patient": 1, "provider": provider, "operatory": op, "hygienist": 0, "type": office["type"],
        "local_start": start.isoformat(), "pattern": office["pattern"], "note": None, "is_hygiene": False,
        "is_new_patient": False, "is_asap": False, "allow_double_booking": False, "allow_outside_schedule": False,
        "allow_past": True,
    }  # fmt: skip
    plan = appointment.create(input_, PlanContext(ELM_STREET, "opn_a", LONG_AGO, "ref"))
    call = next(plan)
    try:
        while call.operation != "appointments.create":
            call = plan.send(answered(call, office))
    except (Clash, OutsideSchedule):
        return False
    return True


@settings(max_examples=60)
@given(offices(), integers(0, 2 * 24 * 12 - 1))
def test_what_is_offered_is_booked_and_what_is_not_is_refused(office: dict[str, Any], unit: int) -> None:
    """Else patients are shown times that do not exist, or none where there are some."""
    asked = office | {
        "step": 5, "providers": None, "weekdays": None, "from_time": None, "to_time": None, "notice": LONG_AGO,
    }  # fmt: skip
    found = find(calendar_of(asked), [Chair(1, 1, 0), Chair(2, 2, 0)], wish_of(asked), zone_of={0: CHICAGO})
    offered = {(one.start, one.provider, one.op) for one in found}
    random_one = datetime.combine(office["first"], time()) + unit * chairs.UNIT
    tried = {random_one, *(one.start for one in found[:: max(1, len(found) // 4)])}
    event(f"offered: {bool(found)}")

    for start in tried:
        if the_clock_shows_it(start, 5 * len(office["pattern"])):
            for provider in PROVIDERS:
                for op in OPS:
                    assert is_booked(asked, start, provider, op) == ((start, provider, op) in offered)


def test_a_visit_over_midnight_is_booked_where_hours_go_on() -> None:
    """The hours of both days count, as they do in the search."""
    rows = [
        {"SchedType": "Provider", "ProvNum": "1", "BlockoutType": "0", "SchedDate": day, "StartTime": start,
         "StopTime": stop, "operatories": "1"}
        for day, start, stop in (("2026-03-04", "20:00:00", "00:00:00"), ("2026-03-05", "00:00:00", "04:00:00"))
    ]  # fmt: skip
    office = {"schedules": rows, "visits": [], "kept": [], "type": 0, "pattern": "X" * 12}
    late = datetime.combine(date(2026, 3, 4), time(23, 30))

    assert is_booked(office, late, 1, 1)
    assert not is_booked({**office, "schedules": rows[:1]}, late, 1, 1)
