from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.core.errors import Clash, NotFound, OutsideSchedule
from gateway.core.plans import UpstreamCall
from gateway.core.writes.appointment import create
from tests.sandbox.writes.conftest import Desk


def booking(desk: Desk, start: datetime, **changes: Any) -> dict[str, Any]:
    return {
        "patient": 1, "provider": 1, "operatory": 1, "hygienist": 0, "type": 0, "pattern": "XXXX",
        "local_start": start.isoformat(timespec="seconds"), "note": "wants a window seat", "is_hygiene": False,
        "is_new_patient": False, "is_asap": False, "allow_double_booking": False, "allow_outside_schedule": False,
    } | changes  # fmt: skip


@pytest.fixture
def nine(desk: Desk) -> datetime:
    """Nine in the morning of a working day far ahead, with nobody booked."""
    rows = desk.store.find("schedule", {"SchedType": 1, "ProvNum": 1}, order="SchedDate DESC")
    day = str(rows[0]["SchedDate"])
    for row in desk.store.find("appointment"):
        if str(row["AptDateTime"]).startswith(day):
            desk.store.delete("appointment", int(row["AptNum"]))
    for row in desk.store.find("schedule", {"SchedDate": day, "SchedType": 2}):
        desk.store.delete("schedule", int(row["ScheduleNum"]))
    return datetime.fromisoformat(f"{day}T09:00:00")


def test_a_booking_costs_four_calls_and_stands_as_asked(desk: Desk, nine: datetime) -> None:
    outcome = desk.work_off(create, booking(desk, nine))

    assert desk.calls == [
        "appointments.list", "schedules.list", "operatories.list", "appointments.create", "appointments.list"
    ] or desk.calls == ["appointments.list", "schedules.list", "appointments.create", "appointments.list"]  # fmt: skip
    assert outcome.created
    assert outcome.body is not None
    assert outcome.body["local_start"] == nine.isoformat(timespec="seconds")
    assert outcome.body["duration_minutes"] == 20
    assert outcome.body["status"] == "scheduled"
    (row,) = (row for row in desk.store.find("appointment") if "REF123456789" in row["Note"])
    assert row["Note"] == "wants a window seat [ref REF123456789]"


def test_the_reference_stays_out_where_the_practice_switched_it_off(desk: Desk, nine: datetime) -> None:
    desk.practice = replace(desk.practice, writes_reference=False)

    desk.work_off(create, booking(desk, nine, note=None))

    assert desk.writes[0].body is not None
    assert desk.writes[0].body["Note"] == ""
    assert desk.writes[0].evidence is not None
    assert desk.writes[0].evidence.reference is None


def test_a_taken_chair_is_a_clash_with_free_times_nearby_and_nothing_is_written(desk: Desk, nine: datetime) -> None:
    desk.work_off(create, booking(desk, nine))

    with pytest.raises(Clash) as caught:
        desk.work_off(create, booking(desk, nine + timedelta(minutes=15), patient=2))

    offers = [offer["local_start"] for offer in caught.value.more["alternatives"]]
    # Nearest first; of two equally near ones the earlier.
    assert offers == [(nine + timedelta(minutes=minutes)).isoformat() for minutes in (20, 30, 40)]
    assert len(desk.writes) == 1


def test_a_provider_cannot_be_in_two_rooms_where_both_patterns_need_him(desk: Desk, nine: datetime) -> None:
    desk.work_off(create, booking(desk, nine, pattern="//XX"))
    elsewhere = {"patient": 2, "operatory": 2, "allow_outside_schedule": True}

    desk.work_off(create, booking(desk, nine, pattern="XX//", **elsewhere))
    with pytest.raises(Clash):
        desk.work_off(create, booking(desk, nine + timedelta(minutes=10), pattern="XX", **elsewhere))


def test_double_booking_is_done_when_it_is_asked_for(desk: Desk, nine: datetime) -> None:
    desk.work_off(create, booking(desk, nine))

    outcome = desk.work_off(create, booking(desk, nine, patient=2, allow_double_booking=True))

    assert outcome.created
    assert outcome.warnings == ()


def test_a_clash_that_slipped_in_between_is_reported_and_both_stand(desk: Desk, nine: datetime) -> None:
    def someone_is_faster(call: UpstreamCall) -> None:
        desk.store.insert("appointment", {
            "PatNum": 3, "Op": 1, "ProvNum": 2, "AptStatus": 1, "Pattern": "XX",
            "AptDateTime": nine.strftime("%Y-%m-%d %H:%M:%S"),
        })  # fmt: skip

    desk.before_write = someone_is_faster
    outcome = desk.work_off(create, booking(desk, nine))

    assert [warning["code"] for warning in outcome.warnings] == ["double-booked"]
    taken = [row for row in desk.store.find("appointment") if row["AptDateTime"] == f"{nine:%Y-%m-%d %H:%M:%S}"]
    assert len(taken) == 2


@pytest.mark.parametrize("hour", [5, 12, 21])
def test_a_time_nobody_works_is_outside_the_schedule(desk: Desk, nine: datetime, hour: int) -> None:
    with pytest.raises(OutsideSchedule) as caught:
        desk.work_off(create, booking(desk, nine.replace(hour=hour)))

    assert len(caught.value.more["alternatives"]) == 3
    assert desk.writes == []


def test_outside_the_schedule_is_done_when_it_is_asked_for_without_reading_it(desk: Desk, nine: datetime) -> None:
    desk.work_off(create, booking(desk, nine.replace(hour=21), allow_outside_schedule=True))

    assert "schedules.list" not in desk.calls


def test_a_blockout_closes_only_where_its_definition_says_no_appointments(desk: Desk, nine: datetime) -> None:
    definitions = desk.store.find("definition", {"Category": 25})
    closing = next(row for row in definitions if "NS" in str(row["ItemValue"]))
    advice = next(row for row in definitions if "NS" not in str(row["ItemValue"]))
    blockout = {"SchedDate": f"{nine:%Y-%m-%d}", "StartTime": "09:00:00", "StopTime": "10:00:00", "SchedType": 2}
    key = desk.store.insert("schedule", blockout | {"BlockoutType": advice["DefNum"]})
    desk.work_off(create, booking(desk, nine))
    desk.store.update("schedule", key, {"BlockoutType": closing["DefNum"]})

    with pytest.raises(OutsideSchedule):
        desk.work_off(create, booking(desk, nine + timedelta(minutes=30), patient=2))


def test_a_type_brings_its_length(desk: Desk, nine: datetime) -> None:
    key = desk.store.insert("appointmenttype", {"AppointmentTypeName": "Long", "Pattern": "XX//XX//XX"})

    outcome = desk.work_off(create, booking(desk, nine, pattern=None, type=key))

    assert outcome.body is not None
    assert outcome.body["duration_minutes"] == 50


def test_an_unknown_patient_is_not_found(desk: Desk, nine: datetime) -> None:
    with pytest.raises(NotFound):
        desk.work_off(create, booking(desk, nine, patient=999_999))
