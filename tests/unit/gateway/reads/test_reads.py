"""Reads through the real engine: what is asked of the office, what is answered, and to whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.core import objects, reads
from gateway.core.callers import Caller
from gateway.core.errors import FilterTooWide, Invalid, NotFound, ScopeMissing, UpstreamBroken, VersionTooOld
from gateway.core.ids import new_id, row_id
from gateway.core.plans import UpstreamCall
from gateway.core.requests import Freshness
from open_dental import errors
from tests.fakes import Fault, a_caller
from tests.fakes.reading import NORTH, ReadingServices, reading_services
from tests.fakes.rows import (
    appointment_row,
    claim_row,
    history_row,
    line_row,
    patient_row,
    procedure_row,
)

LIVE = Freshness(max_age_s=0, wait_s=10)
SOUTH = replace(NORTH, id=new_id("practice"))


@pytest.fixture
def on() -> ReadingServices:
    return reading_services()


def asked(on: ReadingServices) -> list[tuple[str, dict[str, Any]]]:
    """What the office was asked, without the paging."""
    return [
        (call.operation, {name: value for name, value in call.query.items() if name not in {"Limit", "Offset"}})
        for _, call in on.office.calls
    ]


def patients(on: ReadingServices, caller: Caller | None = None, **filters: Any) -> dict[str, Any]:
    query = reads.PatientsQuery(**filters)
    return reads.list_patients(query, caller=caller or a_caller(NORTH), freshness=LIVE, on=on)


def appointments(on: ReadingServices, **filters: Any) -> dict[str, Any]:
    query = reads.AppointmentsQuery(**filters)
    return reads.list_appointments(query, caller=a_caller(NORTH), freshness=LIVE, on=on)


def procedures(on: ReadingServices, **filters: Any) -> dict[str, Any]:
    query = reads.ProceduresQuery(**filters)
    return reads.list_procedures(query, caller=a_caller(NORTH), freshness=LIVE, on=on)


def claims(on: ReadingServices, **filters: Any) -> dict[str, Any]:
    query = reads.ClaimsQuery(**filters)
    return reads.list_claims(query, caller=a_caller(NORTH), freshness=LIVE, on=on)


def keys(answer: dict[str, Any]) -> list[int]:
    return [int(one["source"]["key"]) for one in answer["data"]]


def an_id(kind: str, key: int) -> str:
    return row_id(kind, NORTH.id, key)


# Whose


def test_a_client_with_one_practice_need_not_name_it(on: ReadingServices) -> None:
    on.office.rows["patients"] = [patient_row(1)]

    assert patients(on, name="Miller")["meta"]["practice_id"] == NORTH.id


def test_a_client_with_several_practices_must_say_which() -> None:
    on = reading_services(NORTH, SOUTH)
    with pytest.raises(Invalid) as refused:
        patients(on, a_caller(NORTH, SOUTH), name="Miller")

    assert refused.value.param == "practice_id"


def test_the_scope_decides_before_anything_is_asked(on: ReadingServices) -> None:
    nobody = Caller(replace(a_caller(NORTH).client, scopes=frozenset({"appointments:read"})))
    with pytest.raises(ScopeMissing):
        patients(on, nobody, name="Miller")

    assert asked(on) == []


def test_an_id_of_another_practice_names_nothing_here() -> None:
    on = reading_services(NORTH, SOUTH)
    on.offices[NORTH.id].rows["patients"] = [patient_row(1)]
    theirs = row_id("patient", SOUTH.id, 1)

    with pytest.raises(NotFound):
        appointments(on, patient_id=theirs)
    with pytest.raises(NotFound):
        reads.get_patient(theirs, caller=a_caller(NORTH), freshness=LIVE, on=on)


@pytest.mark.parametrize(
    "filters", [{"patient_id": "patient"}, {"ids": ["appointment"]}, {"operatory_id": "operatory"}]
)
def test_an_id_says_the_practice_where_the_client_has_several(filters: dict[str, Any]) -> None:
    on = reading_services(NORTH, SOUTH)
    on.offices[SOUTH.id].rows["appointments"] = [appointment_row(1, PatNum=1, Op=1)]
    made = {
        name: [row_id(kind[0], SOUTH.id, 1)] if isinstance(kind, list) else row_id(kind, SOUTH.id, 1)
        for name, kind in filters.items()
    }
    query = reads.AppointmentsQuery(**made, updated_since=datetime(2026, 1, 1, tzinfo=UTC))
    shown = reads.list_appointments(query, caller=a_caller(NORTH, SOUTH), freshness=LIVE, on=on)

    assert shown["meta"]["practice_id"] == SOUTH.id
    assert not on.offices[NORTH.id].calls


@pytest.mark.parametrize(
    ("filters", "param"),
    [
        ({"ids": [("appointment", NORTH), ("appointment", SOUTH)]}, "ids"),
        ({"patient_id": ("patient", NORTH), "provider_id": ("provider", SOUTH)}, "provider_id"),
        ({"patient_id": ("patient", NORTH), "practice_id": SOUTH}, "patient_id"),
        ({"patient_id": ("patient", replace(NORTH, id=new_id("practice")))}, "patient_id"),
        ({"patient_id": "pat_nobody"}, "patient_id"),
        ({"practice_id": replace(NORTH, id=new_id("practice"))}, "practice_id"),
    ],
)
def test_ids_of_two_practices_find_nothing_together(filters: dict[str, Any], param: str) -> None:
    def made(value: Any) -> Any:
        if isinstance(value, list):
            return [made(one) for one in value]
        if isinstance(value, tuple):
            return row_id(value[0], value[1].id, 1)
        return value if isinstance(value, str) else value.id

    on = reading_services(NORTH, SOUTH)
    query = reads.AppointmentsQuery(**{name: made(value) for name, value in filters.items()})

    with pytest.raises(NotFound) as refused:
        reads.list_appointments(query, caller=a_caller(NORTH, SOUTH), freshness=LIVE, on=on)
    assert refused.value.param == param
    assert not on.office.calls


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_that_no_zone_can_show_is_refused_before_it_is_used(moment: str) -> None:
    with pytest.raises(ValidationError, match="updated_since"):
        reads.PatientsQuery.model_validate({"updated_since": moment})


@pytest.mark.parametrize("field", ["date_from", "date_to"])
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_day_at_the_end_of_the_calendar_is_refused(field: str, day: str) -> None:
    with pytest.raises(ValidationError, match=field):
        reads.AppointmentsQuery.model_validate({field: day})


def test_year_one_is_nobodys_birth_date() -> None:
    """Open Dental writes "not known" so; the answer would be everybody whose birth date is missing."""
    with pytest.raises(ValidationError, match="birth_date"):
        reads.PatientsQuery.model_validate({"birth_date": "0001-01-01"})


# Patients


def test_a_name_is_asked_of_the_list_that_hides_nobody(on: ReadingServices) -> None:
    on.office.rows["patients"] = [
        patient_row(1, LName="Millér", FName="Ann"),
        patient_row(2, LName="Miller", FName="Bo"),
        patient_row(3, LName="Amiller", FName="Ann"),
    ]

    assert keys(patients(on, name="Miller, An")) == []  # the office itself compares accents as it likes
    assert asked(on)[0] == ("patients.Simple", {"LName": "Miller", "FName": "An"})
    assert keys(patients(on, name="mill")) == [1, 2]
    assert keys(patients(on, name="Bo Miller")) == [2]


def test_a_name_of_which_nobody_knows_the_place_is_asked_for_as_both(on: ReadingServices) -> None:
    on.office.rows["patients"] = [
        patient_row(1, LName="Miller", FName="Ann"),
        patient_row(2, LName="Annis", FName="Bo"),
        patient_row(3, LName="Joanna", FName="Susan"),
    ]

    assert keys(patients(on, any_name="ann")) == [1, 2]
    assert asked(on) == [("patients.Simple", {"LName": "ann"}), ("patients.Simple", {"FName": "ann"})]
    assert keys(patients(on, any_name="an mill")) == [1]
    assert keys(patients(on, any_name="ann", birth_date="1990-01-01")) == []
    assert asked(on)[-1] == ("patients.Simple", {"Birthdate": "1990-01-01"})


def test_a_phone_number_costs_one_call_and_says_that_its_answer_is_a_summary(on: ReadingServices) -> None:
    on.office.rows["patients"] = [patient_row(n, HmPhone="", WirelessPhone=f"503.555.01{n:02}") for n in range(10, 60)]
    answer = patients(on, phone="(503) 555-0123")

    assert keys(answer) == [23]
    assert answer["data"][0]["detail"] == "summary"
    assert "primary_provider_id" in answer["meta"]["omitted"]
    assert asked(on) == [("patients.list", {"Phone": "5035550123", "showArchived": True, "hideInactive": False})]
    assert answer["meta"]["upstream_calls"] == 1


def test_a_filter_the_summary_cannot_answer_has_each_match_read(on: ReadingServices) -> None:
    on.office.rows["patients"] = [patient_row(n, Email="family@example.com", PriProv=n) for n in (1, 2, 3)]
    answer = patients(on, email="Family@example.com", provider_id=an_id("provider", 2))

    assert keys(answer) == [2]
    assert answer["data"][0]["detail"] == "full"
    assert [operation for operation, _ in asked(on)] == ["patients.list", *["patients.get"] * 3]


def test_nothing_bounding_names_what_would(on: ReadingServices) -> None:
    with pytest.raises(FilterTooWide) as refused:
        patients(on)

    assert "name" in refused.value.more["bounds"]
    assert asked(on) == []


def test_a_filter_newer_than_the_office_is_not_relied_on() -> None:
    """It is ignored there without a word: relied on, it would answer every patient."""
    old = replace(NORTH, version="21.2.5.0")
    on = reading_services(old)
    on.office.ignores = frozenset({"PriProv"})
    on.office.rows["patients"] = [patient_row(n, PriProv=n % 3) for n in range(1, 30)]
    provider = an_id("provider", 2)

    assert keys(patients(on, name="Miller", provider_id=provider)) == [n for n in range(1, 30) if n % 3 == 2]
    with pytest.raises(FilterTooWide):
        patients(on, provider_id=provider)


def test_ids_are_read_one_by_one_and_a_missing_one_is_passed_over(on: ReadingServices) -> None:
    on.office.rows["patients"] = [patient_row(1), patient_row(2)]
    wanted = [an_id("patient", key) for key in (2, 9, 1)]

    assert keys(patients(on, ids=wanted)) == [1, 2]


def test_the_social_security_number_needs_its_own_scope(on: ReadingServices) -> None:
    on.office.rows["patients"] = [patient_row(1, SSN="900-00-0001")]
    allowed = Caller(replace(a_caller(NORTH).client, scopes=frozenset({"*:read", "patients.ssn"})))

    assert "900-00-0001" not in str(patients(on, name="Miller", include=["raw"]))
    assert patients(on, allowed, name="Miller")["data"][0]["ssn"] == "900-00-0001"


# Pages


@settings(max_examples=25)
@given(count=st.integers(0, 230), limit=st.integers(1, 120), provider=st.integers(0, 2))
def test_filters_over_all_pages_are_a_filter_over_the_whole(count: int, limit: int, provider: int) -> None:
    """Applied to one page of the office's answer, a filter would lose whoever stands on the next."""
    on = reading_services(replace(NORTH, version="21.2.5.0", tier=NORTH.tier.STANDARD))
    on.office.ignores = frozenset({"PriProv"})
    rows = [patient_row(n, PriProv=1 + n % 3) for n in range(1, count + 1)]
    on.office.rows["patients"] = rows
    found: list[int] = []
    cursor: str | None = None
    for _ in range(count + 1):  # a cursor that stands still must fail, not hang
        page = patients(on, name="Miller", provider_id=an_id("provider", 1 + provider), limit=limit, cursor=cursor)
        found += keys(page)
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break

    assert cursor is None
    assert found == [row["PatNum"] for row in rows if row["PriProv"] == 1 + provider]


@settings(max_examples=30)
@given(
    starts=st.lists(st.integers(0, 40), min_size=1, max_size=30),
    inserts=st.lists(st.lists(st.integers(0, 40), max_size=4), max_size=12),
    limit=st.integers(1, 7),
)
def test_a_cursor_survives_what_is_booked_between_two_pages(
    starts: list[int], inserts: list[list[int]], limit: int
) -> None:
    """A visit that was there all the time is seen once: neither skipped nor doubled."""

    def visit(number: int, slot: int) -> dict[str, Any]:
        return appointment_row(number, AptDateTime=f"2026-03-03 {8 + slot // 6:02}:{slot % 6}0:00")

    on = reading_services()
    rows = on.office.rows["appointments"] = [visit(number, slot) for number, slot in enumerate(starts, 1)]
    seen: list[int] = []
    cursor: str | None = None
    for more in [*inserts, *[[]] * 60]:
        page = appointments(on, date_from=date(2026, 3, 3), date_to=date(2026, 3, 3), limit=limit, cursor=cursor)
        seen += keys(page)
        cursor = page["next_cursor"]
        if cursor is None:
            break
        rows.extend(visit(1000 + len(rows) + at, slot) for at, slot in enumerate(more))

    assert len(seen) == len(set(seen))
    assert set(range(1, len(starts) + 1)) <= set(seen)


def test_a_cursor_belongs_to_its_filters_and_its_practice() -> None:
    on = reading_services(NORTH, SOUTH)
    both = a_caller(NORTH, SOUTH)
    for practice in (NORTH, SOUTH):
        on.offices[practice.id].rows["patients"] = [patient_row(n) for n in range(1, 5)]
    cursor = patients(on, both, name="Miller", limit=2, practice_id=NORTH.id)["next_cursor"]

    with pytest.raises(NotFound):
        patients(on, both, name="Miller", limit=2, practice_id=SOUTH.id, cursor=cursor)
    for filters in ({"name": "Millers"}, {"name": "Miller", "status": ["active"]}):
        with pytest.raises(Invalid) as refused:
            patients(on, both, practice_id=NORTH.id, cursor=cursor, **filters)
        assert refused.value.param == "cursor"
    with pytest.raises(Invalid):
        patients(on, both, name="Miller", practice_id=NORTH.id, cursor="made-up")
    assert keys(patients(on, both, name="Miller", practice_id=NORTH.id, cursor=cursor)) == [3, 4]


def test_a_list_on_one_page_asks_for_no_signing_key(on: ReadingServices, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key lies in Secrets Manager: a client and a call more on a first answer."""
    on.office.rows["patients"] = [patient_row(1), patient_row(2)]

    def refuse(*_: object) -> str:
        raise AssertionError("the signer was used")

    monkeypatch.setattr(on.signer, "fingerprint", refuse)
    monkeypatch.setattr(on.signer, "sign", refuse)

    assert keys(patients(on, name="Miller", limit=2)) == [1, 2]
    with pytest.raises(AssertionError):
        patients(on, name="Miller", limit=1)


def test_a_cursor_shows_nobodys_name(on: ReadingServices) -> None:
    """It stands in URLs, which are stored."""
    on.office.rows["patients"] = [patient_row(1), patient_row(2)]
    cursor = patients(on, name="Miller", limit=1)["next_cursor"]

    assert "miller" not in str(on.signer.verify(cursor)).lower()


@pytest.mark.parametrize(
    "wrong",
    [{"limit": 0}, {"limit": 501}, {"nmae": "Miller"}, {"status": ["alive"]}, {"ids": ["pat_x"] * 101}, {"name": "M"}],
)
def test_what_cannot_be_asked_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        reads.PatientsQuery(**wrong)


# Appointments


def test_appointments_are_bound_by_at_most_31_days(on: ReadingServices) -> None:
    with pytest.raises(FilterTooWide):
        appointments(on, date_from=date(2026, 3, 1), date_to=date(2026, 4, 1))
    with pytest.raises(FilterTooWide):
        appointments(on, date_from=date(2026, 3, 1), provider_id=an_id("provider", 1))
    with pytest.raises(Invalid):
        appointments(on, date_from=date(2026, 3, 2), date_to=date(2026, 3, 1))

    appointments(on, date_from=date(2026, 3, 1), date_to=date(2026, 3, 31))
    assert asked(on) == [("appointments.list", {"dateStart": "2026-03-01", "dateEnd": "2026-03-31"})]


def test_an_unscheduled_visit_is_on_no_day(on: ReadingServices) -> None:
    on.office.rows["appointments"] = [appointment_row(1), appointment_row(2, AptStatus="UnschedList", Op=0)]

    assert keys(appointments(on, date_from=date(2026, 3, 3), date_to=date(2026, 3, 3))) == [1]


def test_appointments_are_filtered_by_what_the_office_cannot_take(on: ReadingServices) -> None:
    on.office.rows["appointments"] = [
        appointment_row(1, ProvHyg=7),
        appointment_row(2, ProvNum=7, DateTimeArrived="2026-03-03 08:50:00"),
        appointment_row(3, Op=4),
    ]
    day = {"date_from": date(2026, 3, 3), "date_to": date(2026, 3, 3)}

    assert keys(appointments(on, **day, provider_id=an_id("provider", 7))) == [1, 2]
    assert keys(appointments(on, **day, status=["arrived"])) == [2]
    assert keys(appointments(on, **day, operatory_id=an_id("operatory", 4))) == [3]


def test_who_asks_for_no_shows_gets_the_history_read_in_one_call(on: ReadingServices) -> None:
    on.office.rows["appointments"] = [appointment_row(n, AptStatus="Broken") for n in (1, 2, 3)]
    on.office.rows["histappointments"] = [
        history_row(1, 2, "Missed", "Broken"),
        history_row(2, 3, "Cancelled", "Broken"),
    ]
    day = {"date_from": date(2026, 3, 3), "date_to": date(2026, 3, 3)}

    assert [one["status"] for one in appointments(on, **day)["data"]] == ["broken"] * 3
    assert "break_evidence" in appointments(on, **day)["meta"]["omitted"]
    on.office.calls.clear()
    answer = appointments(on, **day, status=["no_show"])
    assert keys(answer) == [2]
    assert [operation for operation, _ in asked(on)] == ["appointments.list", "histappointments.list"]
    assert answer["meta"]["upstream_calls"] == 2


def test_changes_are_asked_for_with_an_overlap_in_the_offices_clock(on: ReadingServices) -> None:
    on.office.rows["appointments"] = [
        appointment_row(1, DateTStamp="2026-03-02 09:54:59"),
        appointment_row(2, DateTStamp="2026-03-02 09:55:00"),
    ]
    answer = appointments(on, updated_since=datetime(2026, 3, 2, 15, 0, tzinfo=UTC))  # 10:00 in New York

    assert asked(on) == [("appointments.list", {"DateTStamp": "2026-03-02 09:55:00"})]
    assert keys(answer) == [2]


def test_procedures_of_visits_are_joined_only_when_asked_for(on: ReadingServices) -> None:
    on.office.rows["appointments"] = [appointment_row(1), appointment_row(2)]
    on.office.rows["procedurelogs"] = [procedure_row(8, AptNum=1), procedure_row(9, AptNum=2)]
    patient = an_id("patient", 1)

    assert "procedure_ids" in appointments(on, patient_id=patient)["meta"]["omitted"]
    on.office.calls.clear()
    answer = appointments(on, patient_id=patient, expand=["procedure_ids"])
    assert [one["procedure_ids"] for one in answer["data"]] == [[an_id("procedure", 8)], [an_id("procedure", 9)]]
    assert len(asked(on)) == 2


def test_one_appointment_comes_with_its_procedures_and_its_age(on: ReadingServices) -> None:
    on.office.rows["appointments"] = [appointment_row(1, AptStatus="Broken")]
    on.office.rows["procedurelogs"] = [procedure_row(8, AptNum=1)]
    on.office.rows["histappointments"] = [history_row(1, 1, "Missed", "Broken")]
    visit = reads.get_appointment(an_id("appointment", 1), caller=a_caller(NORTH), freshness=LIVE, on=on)

    objects.Appointment.model_validate(visit, strict=True)
    assert (visit["status"], visit["procedure_ids"]) == ("no_show", [an_id("procedure", 8)])
    assert (visit["meta"]["upstream_calls"], visit["meta"]["served_from"]) == (3, "live")
    with pytest.raises(NotFound):
        reads.get_appointment(an_id("appointment", 2), caller=a_caller(NORTH), freshness=LIVE, on=on)


def test_a_second_question_is_answered_from_what_the_first_brought(on: ReadingServices) -> None:
    on.office.rows["patients"] = [patient_row(n) for n in range(1, 4)]
    patients(on, name="Miller")
    query = reads.PatientsQuery(name="Miller", limit=2, status=["inactive"])
    again = reads.PatientsQuery(name="Miller", limit=2)
    answer = reads.list_patients(again, caller=a_caller(NORTH), freshness=Freshness(max_age_s=60), on=on)

    assert (answer["meta"]["served_from"], answer["meta"]["upstream_calls"]) == ("cache", 0)
    assert reads.list_patients(query, caller=a_caller(NORTH), freshness=LIVE, on=on)["data"] == []


# Procedures and claims


def test_deleted_procedures_come_to_who_keeps_a_copy(on: ReadingServices) -> None:
    on.office.rows["procedurelogs"] = [
        procedure_row(1),
        procedure_row(2, ProcStatus="D"),
        procedure_row(3, procCode="~GRP~", ProcStatus="EC"),
    ]
    patient = an_id("patient", 1)

    assert keys(procedures(on, patient_id=patient)) == [1]
    assert keys(procedures(on, patient_id=patient, status=["deleted"])) == [2]
    assert keys(procedures(on, updated_since=datetime(2026, 3, 1, tzinfo=UTC))) == [1, 2]
    assert keys(procedures(on, patient_id=patient, code=["~GRP~"])) == [3]


def test_procedures_are_listed_under_the_day_they_were_done_else_planned(on: ReadingServices) -> None:
    on.office.rows["procedurelogs"] = [
        procedure_row(1, ProcDate="2026-03-03"),
        procedure_row(2, ProcStatus="TP", ProcDate="2026-03-03", DateTP="2026-02-01"),
    ]

    assert keys(procedures(on, patient_id=an_id("patient", 1), date_from=date(2026, 3, 1))) == [1]


def test_an_office_without_a_single_get_is_read_back_to_the_procedure() -> None:
    on = reading_services(replace(NORTH, version="23.2.1.0", tier=NORTH.tier.STANDARD))
    on.office.rows["procedurelogs"] = [procedure_row(n) for n in range(1, 251)]
    found = reads.get_procedure(an_id("procedure", 120), caller=a_caller(NORTH), freshness=LIVE, on=on)

    assert found["source"]["key"] == "120"
    assert [operation for operation, _ in asked(on)] == ["procedurelogs.list"] * 2


def test_an_older_office_is_asked_for_claims_by_patient_only() -> None:
    on = reading_services(replace(NORTH, version="23.2.16.0"))
    on.office.ignores = frozenset({"ClaimStatus", "SecDateTEdit"})
    on.office.rows["claims"] = [claim_row(1), claim_row(2, ClaimStatus="S")]
    on.office.rows["claimprocs"] = [line_row(1, claim=2)]

    with pytest.raises(FilterTooWide):
        claims(on, status=["sent"])
    assert keys(claims(on, patient_id=an_id("patient", 1), status=["sent"])) == [2]
    one = reads.get_claim(an_id("claim", 2), caller=a_caller(NORTH), freshness=LIVE, on=on)
    assert one["source"]["key"] == "2"


def test_a_very_old_office_cannot_look_up_one_claim() -> None:
    on = reading_services(replace(NORTH, version="22.3.1.0"))
    with pytest.raises(VersionTooOld) as refused:
        reads.get_claim(an_id("claim", 2), caller=a_caller(NORTH), freshness=LIVE, on=on)

    assert refused.value.more["version"] == "23.3.11"


def test_a_patient_the_office_does_not_know_is_named_as_the_filter(on: ReadingServices) -> None:
    """Open Dental answers 404 there; an empty list would say that the patient has no claims."""

    def unknown(call: UpstreamCall) -> Fault | None:
        raise errors.NotFound(operation=call.operation, status=404)

    on.office.on_call = unknown
    with pytest.raises(NotFound) as refused:
        claims(on, patient_id=an_id("patient", 404))

    assert refused.value.param == "patient_id"


def test_a_list_whose_pages_repeat_is_no_answer(on: ReadingServices) -> None:
    """Half of a day's visits would pass for all of them."""
    on.office.rows["appointments"] = [appointment_row(n) for n in range(1, 1201)]
    on.office.ignores_offset = True
    with pytest.raises(UpstreamBroken):
        appointments(on, patient_id=an_id("patient", 1))


def test_claims_of_a_carrier_are_found_by_its_plans(on: ReadingServices) -> None:
    on.office.rows["claims"] = [claim_row(1, PlanNum=4), claim_row(2, PlanNum=5), claim_row(3, PlanNum=4)]
    on.office.rows["insplans"] = [{"PlanNum": 4, "CarrierNum": 7}, {"PlanNum": 5, "CarrierNum": 8}]
    on.office.rows["carriers"] = [{"CarrierNum": 7, "CarrierName": "Northern Dental Mutual", "ElectID": "00001"}]
    filters = {"patient_id": an_id("patient", 1), "carrier_id": an_id("carrier", 7)}

    assert keys(claims(on, **filters)) == [1, 3]
    assert claims(on, **filters, expand=["carrier"])["data"][0]["carrier"]["payer_id"] == "00001"


def test_lines_come_with_one_claim_and_when_asked_for(on: ReadingServices) -> None:
    on.office.rows["claims"] = [claim_row(1), claim_row(2)]
    on.office.rows["claimprocs"] = [line_row(1, 1, Remarks="not covered"), line_row(2, 2, InsPayAmt=Decimal("5.0"))]
    plain = claims(on, patient_id=an_id("patient", 1))
    full = claims(on, patient_id=an_id("patient", 1), expand=["lines"])
    one = reads.get_claim(an_id("claim", 1), caller=a_caller(NORTH), freshness=LIVE, on=on)

    assert "lines" in plain["meta"]["omitted"] and "lines" not in plain["data"][0]
    assert [len(row["lines"]) for row in full["data"]] == [1, 1]
    assert full["meta"]["upstream_calls"] == 2
    assert one["is_denied"] is True
    objects.ListOf[objects.Claim].model_validate(full, strict=True)
