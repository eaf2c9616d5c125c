"""What an office calls things, in the answers of a deployment over a simulated practice."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.ids import row_ids
from gateway.core.objects.appointment import Appointment
from gateway.core.objects.patient import Patient
from gateway.core.office_words import PREFERENCES
from gateway.core.practices import Tier
from gateway.core.queries.statement import PERMISSION
from tests.fakes.deployment import ALL_PERMISSIONS, Deployment, deployed

MEANINGS = {
    "ApptEConfirmStatusSent": "sent",
    "ApptEConfirmStatusAccepted": "confirmed",
    "ApptEConfirmStatusDeclined": "not_accepted",
    "ApptEConfirmStatusSendFailed": "failed",
    "AppointmentTimeArrivedTrigger": "arrived",
    "AppointmentTimeSeatedTrigger": "seated",
    "AppointmentTimeDismissedTrigger": "dismissed",
}
WORDS = {"definitions.list", "queries.ShortQuery", "appointmenttypes.list"}
"""What they are read by where the key may query: the preferences by one statement."""


@pytest.fixture
def office() -> Iterator[Deployment]:
    with deployed() as deployment:
        yield deployment


def visits(office: Deployment, **query: Any) -> Any:
    """The visits of four weeks around today."""
    today = office.today
    first, last = today - timedelta(days=14), today + timedelta(days=14)
    return office.get("/appointments", date_from=first, date_to=last, limit=500, **query)


def a_visit(office: Deployment) -> dict[str, Any]:
    found: dict[str, Any] = visits(office).body["data"][0]
    return found


def set_confirmed(office: Deployment, visit: dict[str, Any], def_num: int) -> dict[str, Any]:
    """The visit as it is shown with this status."""
    office.simulated.office.store.update("appointment", int(visit["source"]["key"]), {"Confirmed": def_num})
    answer = office.send("GET", f"/appointments/{visit['id']}", headers={"Cache-Control": "no-cache"})
    assert answer.status == 200, answer.body
    Appointment.model_validate(answer.body, strict=True)
    confirmation: dict[str, Any] = answer.body["confirmation"]
    return confirmation


def test_a_confirmation_status_means_what_the_office_s_preferences_say(office: Deployment) -> None:
    visit = a_visit(office)
    preferences = {row["PrefName"]: row["ValueString"] for row in office.rows("preference")}
    labels = {row["DefNum"]: row["ItemName"] for row in office.rows("definition")}
    for name, meaning in MEANINGS.items():
        def_num = int(preferences[name])
        shown = set_confirmed(office, visit, def_num)

        assert (shown["status"], shown["label"]) == (meaning, labels[def_num])

    own = [row["DefNum"] for row in office.rows("definition", "Category=2 AND IsHidden=0")]
    named = {int(preferences[name]) for name in MEANINGS}
    assert set_confirmed(office, visit, own[0])["status"] == "unconfirmed"
    assert {set_confirmed(office, visit, one)["status"] for one in own[1:] if one not in named} == {"other"}


def test_a_visit_s_type_has_the_office_s_name(office: Deployment) -> None:
    names = {str(row["AppointmentTypeNum"]): row["AppointmentTypeName"] for row in office.rows("appointmenttype")}
    types = {str(row["AptNum"]): str(row["AppointmentTypeNum"]) for row in office.rows("appointment")}
    shown = visits(office).body["data"]

    assert any(one["type"] for one in shown)
    assert {one["source"]["key"]: one["type"] and one["type"]["name"] for one in shown} == {
        one["source"]["key"]: names.get(types[one["source"]["key"]]) for one in shown
    }


def test_the_office_s_words_are_read_once_and_their_cost_is_told(office: Deployment) -> None:
    first, second = visits(office), visits(office)

    assert set(office.upstream_calls) == {"appointments.list"} | WORDS
    assert first.body["meta"]["upstream_calls"] == len(office.upstream_calls)
    assert second.body["meta"]["upstream_calls"] == 0
    assert not {"confirmation.status", "type.name"} & set(first.body["meta"]["omitted"])


def test_preferences_cost_one_call_where_the_key_may_query_and_one_each_elsewhere() -> None:
    shown: list[Any] = []
    for refused in ("", "permission", "answer"):
        with deployed() as office:
            office.know(tier=Tier.STANDARD)
            if refused == "permission":
                office.know(permissions=ALL_PERMISSIONS - {PERMISSION})
            if refused == "answer":
                office.faulty("status", "queries.ShortQuery", status=400, text="no", count=None)
            # Eight of them take longer than most wait.
            visits(office)
            office.on.world.run(10)
            shown.append([one["confirmation"] for one in visits(office).body["data"]])
            calls = office.upstream_calls

        assert calls.count("preferences.list") == (len(PREFERENCES) if refused else 0)
        assert calls.count("queries.ShortQuery") == (refused != "permission")
    assert any(one["status"] != "other" for one in shown[0])
    assert shown[0] == shown[1] == shown[2]


def test_the_age_of_the_office_s_words_is_not_the_age_of_an_answer(office: Deployment) -> None:
    visits(office)
    office.on.clock.sleep(3600)
    later = visits(office).body["meta"]

    assert (later["upstream_calls"], later["served_from"]) == (1, "live")
    assert later["age_seconds"] < 60


def test_a_caller_who_takes_no_cached_answer_has_the_words_read_again_once_a_minute(office: Deployment) -> None:
    day = next(one["local_start"][:10] for one in visits(office).body["data"] if one["type"])
    office.upstream_calls.clear()
    no_cache = {"Cache-Control": "no-cache"}
    query = {"date_from": day, "date_to": day}
    office.send("GET", "/appointments", query=query, headers=no_cache)
    soon = list(office.upstream_calls)
    office.on.clock.sleep(61)
    office.send("GET", "/appointments", query=query, headers=no_cache)

    assert soon == ["appointments.list"]
    assert set(office.upstream_calls[1:]) == {"appointments.list"} | WORDS


def test_a_new_word_of_the_office_is_found_when_a_visit_has_it(office: Deployment) -> None:
    visit = a_visit(office)
    first = office.rows("definition", "Category=2")[0]
    number = 1 + max(row["DefNum"] for row in office.rows("definition"))
    office.simulated.office.store.insert("definition", {**first, "DefNum": number, "ItemName": "Left a message"})
    office.on.clock.sleep(90)
    office.upstream_calls.clear()

    assert set_confirmed(office, visit, number)["label"] == "Left a message"
    assert "definitions.list" in office.upstream_calls


def test_a_word_that_the_office_does_not_list_is_other_and_reported(
    office: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    visit = a_visit(office)
    with caplog.at_level(logging.WARNING, logger="gateway.drift"):
        shown = set_confirmed(office, visit, 987_654)

    assert shown["status"] == "other"
    told = [vars(one) for one in caplog.records if one.name == "gateway.drift"]
    assert [(one["field"], one["word"]) for one in told] == [("Confirmed", "987654")]


def test_a_visit_is_shown_without_the_words_of_an_office_that_does_not_give_them() -> None:
    """A list of words that fails, or comes late, must not take the schedule with it."""
    with deployed() as office:
        office.simulated.faults.add({"kind": "html", "match": "definitions.list", "count": None})
        answer = visits(office)

    assert answer.status == 200
    assert answer.body["data"]
    assert "confirmation.status" in answer.body["meta"]["omitted"]
    assert {one["confirmation"]["status"] for one in answer.body["data"]} == {None}


def test_words_that_come_late_do_not_keep_the_schedule_waiting() -> None:
    with deployed(tier=Tier.READ_ONLY) as office:
        first = visits(office)
        began = office.on.clock.seconds
        later = first
        for _ in range(30):
            office.on.clock.sleep(5)
            later = visits(office)
            if later.status == 200 and "confirmation.status" not in later.body["meta"]["omitted"]:
                break

    assert (first.status, began <= 11) == (200, True)
    assert "confirmation.status" in first.body["meta"]["omitted"]
    assert "confirmation.status" not in later.body["meta"]["omitted"]


def test_the_office_s_own_fields_of_too_many_rows_are_refused_before_they_are_asked_for(office: Deployment) -> None:
    store = office.simulated.office.store
    for number in range(60):
        store.insert("apptfielddef", {"FieldName": f"Field {number}", "FieldType": 0, "PickList": ""})
    answer = visits(office, expand="extensions")

    assert (answer.status, answer.body["code"]) == (422, "filter-too-wide")
    assert "apptfields.get" not in office.upstream_calls


def test_only_the_preferences_that_are_used_are_kept(office: Deployment) -> None:
    visits(office)
    kept = [rows.rows["preferences"] for rows in office.on.cache.rows.values() if "preferences" in rows.rows]

    assert len(kept) == 1
    assert {row["PrefName"] for row in kept[0]} == set(MEANINGS) | {"AppointmentTimeIncrement"}


def test_a_provider_s_specialty_has_the_office_s_name(office: Deployment) -> None:
    labels = {row["DefNum"]: row["ItemName"] for row in office.rows("definition")}
    named = {str(row["ProvNum"]): labels.get(row["Specialty"]) for row in office.rows("provider")}
    shown = office.get("/providers", limit=500).body["data"]

    assert any(one["specialty"] for one in shown)
    assert {one["source"]["key"]: one["specialty"] and one["specialty"]["label"] for one in shown} == named


def test_a_quadrant_is_no_surface_because_its_code_says_so(office: Deployment) -> None:
    """`Surf` holds quadrants, sextants and arches as well: "UL" on a tooth's code are two surfaces."""
    row = office.rows("procedurelog", "ProcStatus=2")[0]
    codes = {one["TreatArea"]: one["CodeNum"] for one in office.rows("procedurecode")}
    key = row["ProcNum"]
    patient = row_ids("patient", office.practice_id)(row["PatNum"])

    def area(treat_area: int, **columns: Any) -> tuple[str, str | None]:
        office.simulated.office.store.update("procedurelog", key, {"CodeNum": codes[treat_area], **columns})
        path, query = "/procedurelogs", {"patient_id": patient, "limit": "500"}
        answer = office.send("GET", path, query=query, headers={"Cache-Control": "no-cache"})
        shown = next(one for one in answer.body["data"] if one["source"]["key"] == str(key))["area"]
        return shown["kind"], shown["region"]

    surface, quadrant = 1, 4
    assert area(quadrant, Surf="UL", ToothNum="") == ("quadrant", "upper_left")
    assert area(quadrant, Surf="", ToothNum="") == ("quadrant", None)
    assert area(surface, Surf="MO", ToothNum="14") == ("surface", None)
    assert area(surface, Surf="", ToothNum="") == ("surface", None)


def test_a_patient_s_billing_type_is_the_office_s_definition(office: Deployment) -> None:
    first = office.get("/patients", status="active", limit=500).body
    office.get("/definitions")
    visits(office)
    office.on.clock.sleep(61)
    then = office.get("/patients", status="active", limit=500).body
    numbers = {str(row["PatNum"]): row["BillingType"] for row in office.rows("patient")}
    shown = {row["id"]: row for row in office.get("/definitions", limit=500).body["data"]}

    assert "billing_type.id" in first["meta"]["omitted"]
    assert "billing_type.id" not in then["meta"]["omitted"]
    for one in then["data"]:
        billed = shown[one["billing_type"]["id"]]
        assert (billed["category"], billed["label"]) == ("billing_type", one["billing_type"]["label"])
        assert billed["source"]["key"] == str(numbers[one["source"]["key"]])


def test_a_patient_has_the_office_s_own_fields(office: Deployment) -> None:
    store = office.simulated.office.store
    (patient, other, *_) = office.get("/patients", status="active").body["data"]
    for name, type_ in (("Dentures", 0), ("Insured since", 2)):
        store.insert("patfielddef", {"FieldName": name, "FieldType": type_, "PickList": "", "IsHidden": 0})
    for name, value in (("Dentures", "upper"), ("Insured since", "1/2/2020"), ("Forgotten", "yes")):
        number = int(patient["source"]["key"])
        store.insert("patfield", {"PatNum": number, "FieldName": name, "FieldValue": value})
    office.on.clock.sleep(61)
    single = office.get(f"/patients/{patient['id']}").body
    listed = office.get("/patients", status="active", limit=2, expand="extensions").body

    Patient.model_validate(single, strict=True)
    assert single["extensions"] == [
        {"name": "Dentures", "kind": "text", "value": "upper"},
        {"name": "Forgotten", "kind": None, "value": "yes"},
        {"name": "Insured since", "kind": "date", "value": "1/2/2020"},
    ]
    assert {one["id"]: len(one["extensions"]) for one in listed["data"]} == {patient["id"]: 3, other["id"]: 0}
    assert "extensions" not in listed["meta"]["omitted"]


def test_a_patient_costs_one_call_in_an_office_without_fields_of_its_own(office: Deployment) -> None:
    for table in ("patfield", "patfielddef"):
        for row in office.rows(table):
            office.simulated.office.store.delete(table, next(iter(row.values())))
    first, second, *_ = office.get("/patients", status="active").body["data"]
    office.get(f"/patients/{first['id']}")
    shown = office.get(f"/patients/{second['id']}").body

    assert (shown["meta"]["upstream_calls"], shown["extensions"]) == (1, [])


def test_a_patient_read_by_fhir_is_shown_without_the_office_s_own_fields(office: Deployment) -> None:
    """FHIR knows none of them, and asking for them by REST is what the key may not do."""
    patient = office.get("/patients", status="active").body["data"][0]["id"]
    office.know(permissions=frozenset({"Appointments"}))
    office.on.cache.rows.clear()
    office.upstream_calls.clear()
    shown = office.get(f"/patients/{patient}")

    assert shown.status == 200
    assert not [call for call in office.upstream_calls if not call.startswith("fhir")]
    assert "extensions" in shown.body["meta"]["omitted"] and "extensions" not in shown.body


def test_a_visit_has_the_office_s_own_fields(office: Deployment) -> None:
    store = office.simulated.office.store
    visit = a_visit(office)
    for name, type_ in (("Lab slip", 0), ("Sedation", 1)):
        store.insert("apptfielddef", {"FieldName": name, "FieldType": type_, "PickList": ""})
    store.insert(
        "apptfield", {"AptNum": int(visit["source"]["key"]), "FieldName": "Lab slip", "FieldValue": "sent off"}
    )
    office.on.clock.sleep(61)
    single = office.get(f"/appointments/{visit['id']}").body
    day = visit["local_start"][:10]
    listed = office.get("/appointments", date_from=day, date_to=day, limit=3, expand="extensions").body

    Appointment.model_validate(single, strict=True)
    assert single["extensions"] == [{"name": "Lab slip", "kind": "text", "value": "sent off"}]
    assert {one["id"]: one["extensions"] for one in listed["data"]}[visit["id"]] == single["extensions"]
