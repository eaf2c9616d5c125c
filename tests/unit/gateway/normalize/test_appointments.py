"""What an appointment looks like, whatever the row and the day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import objects
from gateway.core.ids import new_id
from gateway.core.normalize import appointment, content_version
from gateway.core.normalize.appointments import _COLUMNS
from gateway.core.normalize.office import office
from open_dental import catalogue
from tests.fakes import ELM_STREET
from tests.fakes.rows import appointment_row, history_row, procedure_row

READ_AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def shown(*, history: Any = None, procedures: Any = None, **columns: Any) -> dict[str, Any]:
    row = appointment_row(**columns)
    made = appointment(row, practice=ELM_STREET, synced_at=READ_AT, history=history, procedures=procedures)
    objects.Appointment.model_validate(made, strict=True)
    return made


def test_a_visit_has_its_times_in_utc_and_on_the_offices_wall() -> None:
    visit = shown(AptDateTime="2026-03-03 09:00:00", Pattern="//XXXX//")

    assert (visit["start_at"], visit["end_at"]) == ("2026-03-03T15:00:00Z", "2026-03-03T15:40:00Z")
    assert (visit["local_start"], visit["local_end"]) == ("2026-03-03T09:00:00", "2026-03-03T09:40:00")
    assert visit["time_zone"] == "America/Chicago"
    assert not visit["local_ambiguous"] and not visit["local_nonexistent"]


def test_one_character_of_the_pattern_is_five_minutes() -> None:
    visit = shown(Pattern="//XXXX/")

    assert visit["duration_minutes"] == 35
    assert visit["time_blocks"] == [
        {"minutes": 10, "provider_needed": False},
        {"minutes": 20, "provider_needed": True},
        {"minutes": 5, "provider_needed": False},
    ]


def test_a_location_may_have_a_zone_of_its_own() -> None:
    practice = replace(ELM_STREET, location_zones={5: "America/Denver"})
    visit = appointment(appointment_row(ClinicNum=5), practice=practice, synced_at=READ_AT)

    assert (visit["start_at"], visit["time_zone"]) == ("2026-03-03T16:00:00Z", "America/Denver")


def test_a_time_that_occurs_twice_takes_the_first_and_says_so() -> None:
    visit = shown(AptDateTime="2026-11-01 01:30:00")

    assert (visit["start_at"], visit["local_ambiguous"]) == ("2026-11-01T06:30:00Z", True)


def test_a_time_that_does_not_exist_is_moved_and_flagged() -> None:
    visit = shown(AptDateTime="2026-03-08 02:30:00")

    assert (visit["start_at"], visit["local_nonexistent"]) == ("2026-03-08T08:30:00Z", True)


def test_an_unscheduled_visit_has_no_start_and_keeps_where_it_was() -> None:
    """Open Dental leaves the old time in the row: showing it as a start would put a patient into a chair."""
    visit = shown(AptStatus="UnschedList", Op=0)

    assert visit["status"] == "unscheduled"
    assert visit["start_at"] is visit["local_start"] is visit["end_at"] is visit["operatory_id"] is None
    assert visit["unscheduled_from"] == "2026-03-03T09:00:00"


def test_a_planned_visit_has_no_time_at_all() -> None:
    visit = shown(AptStatus="Planned")

    assert visit["start_at"] is visit["unscheduled_from"] is None


@pytest.mark.parametrize(
    ("times", "status"),
    [
        ({}, "scheduled"),
        ({"DateTimeArrived": "2026-03-03 08:55:00"}, "arrived"),
        ({"DateTimeArrived": "2026-03-03 08:55:00", "DateTimeSeated": "2026-03-03 09:02:00"}, "in_chair"),
        (
            {"DateTimeSeated": "2026-03-03 09:02:00", "DateTimeDismissed": "2026-03-03 09:40:00"},
            "arrived",
        ),
        ({"DateTimeArrived": "0001-01-01 00:00:00"}, "scheduled"),
    ],
)
def test_midnight_means_not_yet(times: dict[str, str], status: str) -> None:
    assert shown(**times)["status"] == status


def test_the_date_beside_an_arrival_is_the_visits() -> None:
    assert shown(DateTimeArrived="0001-01-01 08:55:00")["arrived_at"] == "2026-03-03T14:55:00Z"


def test_a_broken_visit_without_evidence_stays_broken() -> None:
    assert shown(AptStatus="Broken", procedures=[], history=[])["status"] == "broken"


@pytest.mark.parametrize(
    ("action", "status"), [("Missed", "no_show"), ("Cancelled", "cancelled"), ("Changed", "broken")]
)
def test_history_says_how_a_visit_was_broken(action: str, status: str) -> None:
    assert shown(AptStatus="Broken", history=[history_row(1, 1, action, "Broken")])["status"] == status


def test_an_earlier_miss_says_nothing_once_the_visit_was_booked_again() -> None:
    history = [
        history_row(1, 1, "Missed", "Broken"),
        history_row(2, 1, "Changed", "Scheduled"),
        history_row(3, 1, "Changed", "Broken"),
        history_row(4, 2, "Missed", "Broken"),
    ]

    assert shown(AptStatus="Broken", history=reversed(history))["status"] == "broken"


def test_a_charted_code_of_that_day_is_evidence_too() -> None:
    missed = procedure_row(5, procCode="D9986", ProcDate="2026-03-03")

    assert shown(AptStatus="Broken", procedures=[missed])["status"] == "no_show"
    assert shown(AptStatus="Broken", procedures=[{**missed, "PatNum": 2}])["status"] == "broken"
    assert shown(AptStatus="Broken", procedures=[{**missed, "ProcDate": "2026-02-03"}])["status"] == "broken"


def test_procedures_are_its_own_and_a_planned_visits_are_the_planned_ones() -> None:
    rows = [procedure_row(5, AptNum=1), procedure_row(6, AptNum=2), procedure_row(7, PlannedAptNum=1)]

    assert len(shown(procedures=rows)["procedure_ids"]) == 1
    assert shown(procedures=rows)["procedure_ids"] != shown(procedures=rows, AptStatus="Planned")["procedure_ids"]
    assert "procedure_ids" not in shown()


def test_notes_in_the_schedule_are_no_visits() -> None:
    assert (shown(AptStatus="PtNote")["kind"], shown(AptStatus="PtNoteCompleted")["status"]) == ("note", "completed")


def test_the_columns_written_down_here_are_the_catalogues() -> None:
    assert {*_COLUMNS, "serverDateTime"} == {field.name for field in catalogue.resource("appointments").fields}


ODD = st.text(max_size=5) | st.sampled_from([None, "%s", "100%", "0001-01-01 00:00:00"])
FORMS = st.fixed_dictionaries(
    {},
    optional={
        name: ODD | (st.booleans() if name.startswith("Is") else st.sampled_from([0, 7, -3, 2**62]))
        for name in _COLUMNS
    },
)


@given(columns=FORMS)
def test_the_version_is_that_of_the_content_whatever_form_the_row_has(columns: dict[str, Any]) -> None:
    row = appointment_row(**columns)
    made = appointment(row, practice=ELM_STREET, synced_at=READ_AT)

    assert made["version"] == content_version(dict(reversed(row.items())))


def test_equal_rows_in_any_form_look_alike() -> None:
    """Keys bare or quoted, flags bare or quoted: the first takes the prepared way, the others the long one."""
    row = appointment_row(IsHygiene="false", IsNewPatient="true", NextAptNum=4)
    quoted = {name: str(value) if isinstance(value, int) else value for name, value in row.items()}
    bare = {**row, "IsHygiene": False, "IsNewPatient": True}
    usual, *others = (appointment(form, practice=ELM_STREET, synced_at=READ_AT) for form in (row, quoted, bare))

    assert (usual["is_hygiene"], usual["is_new_patient"]) == (False, True)
    assert [{**other, "version": usual["version"]} for other in others] == [usual, usual]
    assert others[0]["version"] == usual["version"]


def test_nothing_personal_is_remembered_of_a_visit() -> None:
    practice = replace(ELM_STREET, id=new_id("practice"))
    row = appointment_row(Note="MARK", ProcDescript="MARK", PatNum=987654)
    made = appointment(row, practice=practice, synced_at=READ_AT)
    bookings = office(practice).bookings

    assert len(bookings) == 1
    assert made["note"] == "MARK" and "MARK" not in repr(bookings)
    assert made["patient_id"] not in repr(bookings)


def test_visits_booked_alike_keep_what_is_their_own() -> None:
    first = shown(AptNum=1, PatNum=1, Note="first", DateTimeArrived="2026-03-03 08:55:00")
    second = shown(AptNum=2, PatNum=2, Note="")

    assert (first["note"], first["status"]) == ("first", "arrived")
    assert (second["note"], second["status"], second["arrived_at"]) == (None, "scheduled", None)
    assert first["id"] != second["id"] and first["patient_id"] != second["patient_id"]
