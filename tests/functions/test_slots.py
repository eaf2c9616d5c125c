"""Free times of a simulated practice: looked for, kept and booked, through the handlers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from gateway.core.callers import Client
from gateway.core.ids import row_id
from gateway.core.objects.slot import Slot, SlotHold
from tests.fakes.deployment import CLIENT, IDS, Answered, Deployment, deployed

SCOPES = ["*:read", "appointments:write"]
OTHER = "cli_ben"
HALF_AN_HOUR = {"duration_minutes": 30}


@pytest.fixture(scope="module")
def read_only() -> Iterator[Deployment]:
    with deployed() as deployment:
        yield deployment


@pytest.fixture
def office() -> Iterator[Deployment]:
    with deployed(scopes=SCOPES) as deployment:
        deployment.on.callers.put_client(Client(OTHER, "Ben", frozenset(IDS), frozenset(SCOPES)))
        yield deployment


def slots(office: Deployment, headers: dict[str, str] | None = None, /, **query: Any) -> list[dict[str, Any]]:
    asked = {name: value for name, value in {**HALF_AN_HOUR, "limit": 500, **query}.items() if value is not None}
    found: list[dict[str, Any]] = []
    while True:
        answer = office.send("GET", "/slots", query=asked, headers=headers)
        assert answer.status == 200, answer.body
        found += answer.body["data"]
        if not answer.body["has_more"]:
            return found
        asked["cursor"] = answer.body["next_cursor"]


def tomorrow(office: Deployment, days: int = 1) -> str:
    return str(office.today + timedelta(days=days))


def some_slot(office: Deployment, **query: Any) -> dict[str, Any]:
    """A slot of some later day, in the middle of the list."""
    found = slots(office, date_from=tomorrow(office), **query)
    return found[len(found) // 2]


def hold_of(slot: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {name: slot[name] for name in ("provider_id", "operatory_id", "local_start", "duration_minutes")} | more


def booking_of(office: Deployment, slot: dict[str, Any], **more: Any) -> dict[str, Any]:
    patient = row_id("patient", slot["practice_id"], office.rows("patient", "PatStatus=0")[0]["PatNum"])
    return hold_of(slot, patient_id=patient, **more)


def post(office: Deployment, path: str, body: Any, *, key: str, who: str = CLIENT) -> Answered:
    return office.send("POST", path, body=body, key=key, client_id=who)


# -- searching -------------------------------------------------------------------------------------------------------


def test_slots_come_in_order_with_everything_a_booking_needs(read_only: Deployment) -> None:
    found = slots(read_only)
    positions = {
        row_id("operatory", read_only.practice_id, row["OperatoryNum"]): row["ItemOrder"]
        for row in read_only.rows("operatory")
    }

    assert len(found) > 20
    assert [(one["start_at"], positions[one["operatory_id"]]) for one in found] == sorted(
        (one["start_at"], positions[one["operatory_id"]]) for one in found
    )
    for one in found:
        Slot.model_validate(one, strict=True)


def test_pages_of_slots_make_the_whole_list(read_only: Deployment) -> None:
    query = {**HALF_AN_HOUR, "date_to": tomorrow(read_only, 2)}
    whole = slots(read_only, **query)
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = read_only.get("/slots", limit=40, **query, **cursor).body
        found += page["data"]
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert len(whole) > 40
    assert found == whole


def test_no_slot_lies_over_a_visit_of_its_chair_or_outside_its_providers_hours(read_only: Deployment) -> None:
    visits = read_only.rows("appointment", "AptStatus IN (1,2)")
    blocks = read_only.rows("schedule", "SchedType=1")
    for one in slots(read_only, date_from=tomorrow(read_only)):
        start, end = (datetime.fromisoformat(one[name]) for name in ("local_start", "local_end"))
        for row in visits:
            begins = datetime.fromisoformat(row["AptDateTime"])
            if row_id("operatory", one["practice_id"], row["Op"] or 1) == one["operatory_id"] and row["Op"]:
                ends = begins + timedelta(minutes=5 * len(row["Pattern"]))
                assert ends <= start or end <= begins
        assert any(
            row_id("provider", one["practice_id"], row["ProvNum"] or -1) == one["provider_id"]
            and row["SchedDate"] == str(start.date())
            and row["StartTime"] <= f"{start:%H:%M:%S}"
            and f"{end:%H:%M:%S}" <= row["StopTime"]
            for row in blocks
        )


def test_only_asked_for_providers_chairs_and_locations_come(read_only: Deployment) -> None:
    every = slots(read_only)
    for name in ("provider_id", "operatory_id"):
        wanted = sorted({one[name] for one in every})
        assert len(wanted) > 2
        found = slots(read_only, **{name: wanted[:2]})

        assert {one[name] for one in found} == set(wanted[:2])
    (place, *others) = sorted({one["location_id"] for one in every if one["location_id"]})
    assert others
    assert {one["location_id"] for one in slots(read_only, location_id=place)} == {place}


def test_a_time_of_day_and_weekdays_are_kept_to(read_only: Deployment) -> None:
    query = {"time_from": "09:00", "time_to": "11:00", "weekdays": "monday,wednesday", "date_from": tomorrow(read_only)}
    found = slots(read_only, **query)
    shown = {(datetime.fromisoformat(one["local_start"]).weekday(), one["local_start"][11:]) for one in found}

    assert found
    assert {day for day, _ in shown} <= {0, 2}
    assert min(clock for _, clock in shown) >= "09:00:00"
    assert max(one["local_end"][11:] for one in found) <= "11:00:00"


def test_starts_are_on_the_offices_increment_or_on_the_one_asked_for(read_only: Deployment) -> None:
    increment = read_only.rows("preference", "PrefName='AppointmentTimeIncrement'")[0]["ValueString"]
    for step, query in ((int(increment), {}), (60, {"step_minutes": 60})):
        minutes = [
            int(one["local_start"][11:13]) * 60 + int(one["local_start"][14:16]) for one in slots(read_only, **query)
        ]

        assert minutes and all(one % step == 0 for one in minutes)


def test_nothing_begins_before_the_notice_is_over(read_only: Deployment) -> None:
    notice = 3 * 24 * 60
    first = slots(read_only, notice_minutes=notice)[0]["start_at"]
    earliest = read_only.on.clock.now() + timedelta(minutes=notice)

    assert datetime.fromisoformat(first) >= earliest
    assert slots(read_only)[0]["start_at"] < first


def test_a_kind_of_visit_brings_its_length(read_only: Deployment) -> None:
    kind = next(row for row in read_only.rows("appointmenttype") if row["Pattern"] and not row["IsHidden"])
    type_id = row_id("appointment_type", read_only.practice_id, kind["AppointmentTypeNum"])
    answer = read_only.get("/slots", appointment_type_id=type_id)

    assert answer.status == 200, answer.body
    assert {one["duration_minutes"] for one in answer.body["data"]} == {5 * len(kind["Pattern"])}


def test_assistants_time_of_the_visit_fits_beside_the_providers_other_visits(read_only: Deployment) -> None:
    busy, light = (slots(read_only, duration_minutes=None, pattern=pattern) for pattern in ("XXXXXX", "X/////"))

    assert {str(one) for one in busy} <= {str(one) for one in light}


@pytest.mark.parametrize(
    ("query", "status", "code", "param"),
    [
        ({}, 400, "invalid", "duration_minutes"),
        ({"duration_minutes": 30, "pattern": "XX"}, 400, "invalid", "pattern"),
        ({"duration_minutes": 32}, 400, "invalid", "duration_minutes"),
        ({"duration_minutes": 30, "step_minutes": 3}, 400, "invalid", "step_minutes"),
        ({"duration_minutes": 30, "time_from": "9:00"}, 400, "invalid", "time_from"),
        ({"duration_minutes": 30, "date_to": "2020-01-01"}, 400, "invalid", "date_to"),
        ({"duration_minutes": 30, "date_from": "2030-01-01", "date_to": "2030-02-01"}, 400, "invalid", "date_to"),
        ({"duration_minutes": 30, "include": "raw"}, 400, "invalid", "include"),
        ({"operatory_id": row_id("operatory", IDS[0], 999), "duration_minutes": 30}, 404, "not-found", "operatory_id"),
        ({"provider_id": row_id("provider", IDS[1], 1), "duration_minutes": 30}, 404, "not-found", "provider_id"),
        ({"appointment_type_id": row_id("appointment_type", IDS[0], 999)}, 404, "not-found", "appointment_type_id"),
    ],
)
def test_a_search_that_cannot_be_names_the_parameter(
    query: dict[str, Any], status: int, code: str, param: str, read_only: Deployment
) -> None:
    answer = read_only.get("/slots", **query)

    assert (answer.status, answer.body["code"], answer.body["param"]) == (status, code, param)


def test_ids_of_two_practices_do_not_mix() -> None:
    with deployed(practices=2) as both:
        mine = row_id("provider", IDS[1], 1)
        other = row_id("operatory", IDS[0], 1)
        found = both.get("/slots", provider_id=mine, **HALF_AN_HOUR)
        mixed = both.get("/slots", provider_id=mine, operatory_id=other, **HALF_AN_HOUR)

        assert found.status == 200
        assert {one["practice_id"] for one in found.body["data"]} == {IDS[1]}
        assert (mixed.status, mixed.body["code"]) == (404, "not-found")


@pytest.mark.parametrize("path", ["/slots", "/slots/next_available"])
def test_without_the_scope_nobody_sees_slots(path: str) -> None:
    with deployed(scopes=["appointments:read"]) as deployment:
        answer = deployment.get(path, **HALF_AN_HOUR)

        assert (answer.status, answer.body["code"]) == (403, "scope-missing")
        deployment.grant("slots:read")
        assert deployment.get(path, **HALF_AN_HOUR).status == 200


def test_a_search_over_two_weeks_reads_each_list_once_and_set_up_seldom(read_only: Deployment) -> None:
    """Every call is a second of the practice's whole pace."""
    with deployed() as office:
        first = office.get("/slots", **HALF_AN_HOUR)
        cold = list(office.upstream_calls)
        office.upstream_calls.clear()
        office.on.clock.sleep(60)
        office.get("/slots", **HALF_AN_HOUR)
        warm = list(office.upstream_calls)

        assert first.body["meta"]["upstream_calls"] == len(cold)
        assert set(cold) - {"schedules.list", "appointments.list"} == {
            "operatories.list", "preferences.list", "definitions.list", "appointmenttypes.list",
        }  # fmt: skip
        assert set(warm) == {"schedules.list", "appointments.list"}
        assert office.get("/slots", **HALF_AN_HOUR).body["meta"]["upstream_calls"] == 0


def test_the_next_slots_are_the_first_of_the_list(read_only: Deployment) -> None:
    answer = read_only.get("/slots/next_available", **HALF_AN_HOUR, limit=7)

    assert answer.status == 200, answer.body
    assert answer.body["data"] == slots(read_only)[:7]
    assert answer.body["searched_to"] == tomorrow(read_only, 6)


def test_the_next_slot_is_looked_for_half_a_year_ahead() -> None:
    with deployed() as office:
        store = office.simulated.office.store
        day = tomorrow(office, 100)
        for row in office.rows("schedule", "SchedType=1"):
            store.update("schedule", row["ScheduleNum"], {"SchedDate": "2001-01-01"})
        nobody = office.get("/slots/next_available", **HALF_AN_HOUR)
        store.update("schedule", row["ScheduleNum"], {"SchedDate": day})
        office.on.clock.sleep(60)
        found = office.get("/slots/next_available", **HALF_AN_HOUR)

    assert nobody.body["data"] == []
    assert nobody.body["searched_to"] == tomorrow(office, 179)
    assert found.body["data"][0]["local_start"][:10] == day


def test_a_visit_made_behind_our_back_takes_its_slot(office: Deployment) -> None:
    slot = some_slot(office)
    row = office.rows("appointment", "AptStatus=1")[0]
    op = next(
        row["OperatoryNum"]
        for row in office.rows("operatory")
        if row_id("operatory", slot["practice_id"], row["OperatoryNum"]) == slot["operatory_id"]
    )
    start = slot["local_start"].replace("T", " ")
    office.simulated.office.store.update("appointment", row["AptNum"], {"AptDateTime": start, "Op": op})
    office.on.clock.sleep(60)

    assert slot not in slots(office, date_from=tomorrow(office))


@pytest.mark.parametrize(("flags", "is_open"), [("NS", False), ("", True)])
def test_a_blockout_closes_only_where_it_forbids_appointments(flags: str, is_open: bool, office: Deployment) -> None:
    slot = some_slot(office)
    row = office.rows("schedule", "SchedType=2")[0]
    store = office.simulated.office.store
    day, clock = slot["local_start"].split("T")
    store.update(
        "schedule", row["ScheduleNum"],
        {"SchedDate": day, "StartTime": clock, "StopTime": slot["local_end"][11:]},
    )  # fmt: skip
    for link in office.rows("scheduleop", f"ScheduleNum={row['ScheduleNum']}"):
        store.delete("scheduleop", link["ScheduleOpNum"])
    store.update("definition", row["BlockoutType"], {"ItemValue": flags})
    fresh = {"Cache-Control": "no-cache"}

    assert (slot in slots(office, fresh, date_from=tomorrow(office))) is is_open
    booked = post(office, "/create_appointment", booking_of(office, slot), key="k1")
    assert booked.status == (201 if is_open else 409), booked.body


def test_a_blockout_for_one_kind_of_visit_is_open_to_it_alone(office: Deployment) -> None:
    """Offices keep the best hours for long treatment; nobody's cleaning may take them."""
    kinds = [row for row in office.rows("appointmenttype", "IsHidden=0") if row["Pattern"]][:2]
    slot = some_slot(office)
    row = office.rows("schedule", "SchedType=2")[0]
    store = office.simulated.office.store
    day, clock = slot["local_start"].split("T")
    times = {"SchedDate": day, "StartTime": clock, "StopTime": slot["local_end"][11:]}
    store.update("schedule", row["ScheduleNum"], times)
    for link in office.rows("scheduleop", f"ScheduleNum={row['ScheduleNum']}"):
        store.delete("scheduleop", link["ScheduleOpNum"])
    store.update("definition", row["BlockoutType"], {"ItemValue": ""})
    store.update("appointmenttype", kinds[0]["AppointmentTypeNum"], {"BlockoutTypes": str(row["BlockoutType"])})
    dedicated, other = (row_id("appointment_type", office.practice_id, kind["AppointmentTypeNum"]) for kind in kinds)
    query = {"date_from": day, "date_to": day}
    fresh = {"Cache-Control": "no-cache"}

    assert slot in slots(office, fresh, **query, appointment_type_id=dedicated)
    assert slot not in slots(office, fresh, **query, appointment_type_id=other)
    assert slot not in slots(office, fresh, **query)
    for type_id, status in ((other, 409), (None, 409), (dedicated, 201)):
        more = {} if type_id is None else {"appointment_type_id": type_id}
        booked = post(office, "/create_appointment", booking_of(office, slot, **more), key=f"k{status}{type_id}")

        assert booked.status == status, booked.body


# -- holding and booking ---------------------------------------------------------------------------------------------


def test_every_slot_that_is_offered_can_be_booked(office: Deployment) -> None:
    """Else a caller shows its patients times that do not exist."""
    for number in range(6):
        found = slots(office, date_from=tomorrow(office), duration_minutes=40)
        slot = found[number * len(found) // 6]
        booked = post(office, "/create_appointment", booking_of(office, slot), key=f"k{number}")

        assert booked.status == 201, booked.body
        assert booked.body["result"]["local_start"] == slot["local_start"]
        assert slot not in slots(office, date_from=tomorrow(office), duration_minutes=40)


def test_a_hold_shows_its_slot_and_asks_nothing_of_the_office(office: Deployment) -> None:
    slot = some_slot(office)
    office.upstream_calls.clear()
    answer = post(office, "/slots/hold", hold_of(slot, seconds=120), key="k1")

    assert answer.status == 201, answer.body
    SlotHold.model_validate(answer.body, strict=True)
    assert {**answer.body["slot"], "location_id": slot["location_id"]} == slot
    left = datetime.fromisoformat(answer.body["expires_at"]) - office.on.clock.now()
    assert timedelta(seconds=120) <= left <= timedelta(seconds=121)
    assert office.upstream_calls == []


def test_what_is_held_is_offered_to_nobody_until_the_hold_is_over(office: Deployment) -> None:
    slot = some_slot(office)
    held = post(office, "/slots/hold", hold_of(slot), key="k1").body
    day = {"date_from": slot["local_start"][:10], "date_to": slot["local_start"][:10]}
    while_held = slots(office, **day)

    assert slot not in while_held
    assert not any(
        one["operatory_id"] == slot["operatory_id"]
        and one["start_at"] < slot["end_at"] and slot["start_at"] < one["end_at"]
        for one in while_held
    )  # fmt: skip
    office.on.clock.start = datetime.fromisoformat(held["expires_at"])
    office.on.clock.seconds = 0
    assert slot in slots(office, **day)


def test_of_two_callers_one_gets_the_hold_and_a_deleted_one_is_free(office: Deployment) -> None:
    slot = some_slot(office)
    first = post(office, "/slots/hold", hold_of(slot), key="k1")
    second = post(office, "/slots/hold", hold_of(slot), key="k1", who=OTHER)
    path = f"/slots/hold/{first.body['id']}"
    stranger = office.send("DELETE", path, client_id=OTHER)
    gone = [office.send("DELETE", path) for _ in range(2)]
    third = post(office, "/slots/hold", hold_of(slot), key="k2", who=OTHER)

    assert (second.status, second.body["code"], second.body["reason"]) == (409, "clash", "held")
    assert (stranger.status, [one.status for one in gone]) == (404, [204, 204])
    assert third.status == 201


def test_a_hold_sent_twice_is_one_and_its_key_is_for_no_other(office: Deployment) -> None:
    slot = some_slot(office)
    first, again = (post(office, "/slots/hold", hold_of(slot), key="k1") for _ in range(2))
    other = post(office, "/slots/hold", hold_of(slot, seconds=300), key="k1")
    office.send("DELETE", f"/slots/hold/{first.body['id']}")
    later = post(office, "/slots/hold", hold_of(slot), key="k1")

    assert (again.status, again.body) == (later.status, later.body) == (201, first.body)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == later.headers["Idempotent-Replayed"] == "true"
    assert (other.status, other.body["code"]) == (422, "key-reused")
    assert slot in slots(office, date_from=slot["local_start"][:10])


def test_a_hold_is_booked_by_its_owner_and_is_gone_then(office: Deployment) -> None:
    slot = some_slot(office)
    hold = post(office, "/slots/hold", hold_of(slot), key="k1").body
    body = booking_of(office, slot, hold_id=hold["id"])
    booked, again = (post(office, "/create_appointment", body, key="k2") for _ in range(2))

    assert booked.status == again.status == 201, booked.body
    assert again.headers["Idempotent-Replayed"] == "true"
    assert office.on.holds.get(hold["id"]).released_at is not None
    assert (
        office.on.holds.kept(slot["practice_id"], date(2000, 1, 1), date(2100, 1, 1), now=office.on.clock.now()) == {}
    )


def test_a_booking_over_anothers_hold_is_a_clash_with_alternatives_that_are_free(office: Deployment) -> None:
    slot = some_slot(office)
    post(office, "/slots/hold", hold_of(slot), key="k1")
    for who in (OTHER, CLIENT):
        rival = post(office, "/create_appointment", booking_of(office, slot), key=f"k-{who}", who=who)

        assert (rival.status, rival.body["code"], rival.body["reason"]) == (409, "clash", "held")
        assert len(rival.body["alternatives"]) == 3
    offered = rival.body["alternatives"][0]
    free = {**slot, "local_start": offered["local_start"]}
    assert post(office, "/create_appointment", booking_of(office, free), key="k9", who=OTHER).status == 201


def test_a_visit_in_the_way_is_no_hold(office: Deployment) -> None:
    slot = some_slot(office)
    assert post(office, "/create_appointment", booking_of(office, slot), key="k1").status == 201
    second = post(office, "/create_appointment", booking_of(office, slot), key="k2")

    assert (second.body["code"], second.body["reason"]) == ("clash", "taken")


def test_a_hold_taken_while_a_booking_waits_for_its_slot_stops_it(office: Deployment) -> None:
    """The last look is right before the write: until then another caller may have been promised the time."""
    slot = some_slot(office)
    asked: list[str] = []
    kept = office.on.holds.kept

    def kept_late(*args: Any, **more: Any) -> Any:
        asked.append("looked")
        if len(asked) == 2:
            rival = post(office, "/slots/hold", hold_of(slot), key="k1", who=OTHER)
            assert rival.status == 201
        return kept(*args, **more)

    office.on.holds.kept = kept_late
    booked = post(office, "/create_appointment", booking_of(office, slot), key="k2")

    assert (booked.status, booked.body["code"], booked.body["reason"]) == (409, "clash", "held")
    assert len(booked.body["alternatives"]) == 3
    assert "appointments.create" not in office.upstream_calls


def test_a_booking_whose_answer_was_lost_stands_whatever_was_held_since(office: Deployment) -> None:
    """A visit that is in the office's book must not be called refused."""
    slot = some_slot(office)
    mine = post(office, "/slots/hold", hold_of(slot, seconds=120), key="k1").body
    office.simulated.faults.add({"kind": "drop_answer", "match": "appointments.create"})
    body = booking_of(office, slot, hold_id=mine["id"])
    lost = post(office, "/create_appointment", body, key="k2")
    office.on.clock.seconds += 121
    rival = post(office, "/slots/hold", hold_of(slot), key="k3", who=OTHER)
    office.on.world.run(600)
    settled = office.get(f"/operations/{lost.body['id']}").body

    assert (lost.status, lost.body["state"], rival.status) == (202, "unknown", 201)
    assert (settled["state"], settled["result"]["local_start"]) == ("succeeded", slot["local_start"])
    assert office.on.holds.get(rival.body["id"]).released_at is None


def test_holds_of_two_practices_with_equal_keys_do_not_meet() -> None:
    with deployed(practices=2, scopes=SCOPES) as both:
        found = [slots(both, practice_id=id_, date_from=tomorrow(both))[0] for id_ in both.servers]
        answers = [post(both, "/slots/hold", hold_of(one), key="k1") for one in found]

        assert [one.status for one in answers] == [201, 201]
        assert answers[0].body["id"] != answers[1].body["id"]
        for id_, one in zip(both.servers, found, strict=True):
            assert one not in slots(both, practice_id=id_, date_from=tomorrow(both))
        foreign = booking_of(both, found[0], hold_id=answers[1].body["id"])
        assert post(both, "/create_appointment", foreign, key="k2").body["param"] == "hold_id"


@pytest.mark.parametrize(
    ("changes", "status", "param"),
    [
        ({"hold_id": "hld_nobody"}, 404, "hold_id"),
        ({"hold_id": "hld_" + "a" * 16}, 404, "hold_id"),
        ({"duration_minutes": 60, "is_hygiene": True, "hygienist_id": row_id("provider", IDS[0], 3)}, 400, "hold_id"),
        ({"operatory_id": row_id("operatory", IDS[0], 99)}, 400, "hold_id"),
        ({"patient_id": row_id("patient", IDS[0], 999)}, 400, "hold_id"),
    ],
)
def test_a_hold_is_for_what_it_was_made_for(
    changes: dict[str, Any], status: int, param: str, office: Deployment
) -> None:
    slot = some_slot(office)
    booking = booking_of(office, slot)
    hold = post(office, "/slots/hold", hold_of(slot, patient_id=booking["patient_id"]), key="k1").body
    answer = post(office, "/create_appointment", booking | {"hold_id": hold["id"]} | changes, key="k2")

    assert (answer.status, answer.body["param"]) == (status, param), answer.body


def test_a_hygiene_visit_keeps_the_hygienists_time(office: Deployment) -> None:
    hygienist = next(row["ProvNum"] for row in office.rows("provider", "IsSecondary=1 AND IsHidden=0"))
    slot = some_slot(office, provider_id=row_id("provider", office.practice_id, hygienist))
    dentist = row_id("provider", office.practice_id, office.rows("provider", "IsSecondary=0")[0]["ProvNum"])
    people = {"provider_id": dentist, "hygienist_id": slot["provider_id"], "is_hygiene": True}
    hold = post(office, "/slots/hold", hold_of(slot, **people), key="k1")
    day = {"date_from": slot["local_start"][:10], "date_to": slot["local_start"][:10]}

    assert hold.status == 201, hold.body
    assert not [
        one for one in slots(office, **day)
        if one["provider_id"] == slot["provider_id"] and one["start_at"] == slot["start_at"]
    ]  # fmt: skip
    booking = booking_of(office, slot, **people, hold_id=hold.body["id"])
    assert post(office, "/create_appointment", booking, key="k2").status == 201


def test_keeping_a_time_needs_the_scope_a_key_and_a_time_to_come(office: Deployment) -> None:
    slot = some_slot(office)
    past = post(office, "/slots/hold", hold_of(slot) | {"local_start": "2020-01-06T09:00:00"}, key="k1")
    no_key = office.send("POST", "/slots/hold", body=hold_of(slot))
    short = post(office, "/slots/hold", hold_of(slot, seconds=60), key="k2")
    hold = post(office, "/slots/hold", hold_of(slot), key="k3").body
    client = office.on.callers.client(CLIENT)
    office.on.callers.put_client(replace(client, scopes=frozenset({"*:read"})))
    refused = [
        post(office, "/slots/hold", hold_of(slot), key="k4"),
        office.send("DELETE", f"/slots/hold/{hold['id']}"),
    ]

    assert (past.status, past.body["param"]) == (400, "local_start")
    assert no_key.status == 400
    assert (short.status, short.body["param"]) == (400, "seconds")
    assert [(one.status, one.body["code"]) for one in refused] == [(403, "scope-missing")] * 2


@pytest.mark.parametrize("id_", ["hld_" + "a" * 16, "hld_nobody", "x" * 5000])
def test_a_hold_that_is_none_is_not_found(id_: str, office: Deployment) -> None:
    assert office.send("DELETE", f"/slots/hold/{id_}").status == 404


# -- days that are over ----------------------------------------------------------------------------------------------


def test_a_visit_of_a_day_that_is_over_is_booked_only_on_purpose(office: Deployment) -> None:
    slot = {**some_slot(office), "local_start": "2026-01-05T09:00:00"}
    body = booking_of(office, slot, allow_outside_schedule=True)
    refused = post(office, "/create_appointment", body, key="k1")
    entered = post(office, "/create_appointment", {**body, "allow_past": True}, key="k2")

    assert (refused.status, refused.body["code"], refused.body["param"]) == (400, "invalid", "local_start")
    assert entered.status == 201, entered.body
