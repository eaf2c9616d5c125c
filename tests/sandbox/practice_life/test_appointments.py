"""What happens to a visit: https://www.opendental.com/site/apiappointments.html."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.sandbox.practice.behaviours.appointments import _gaps
from infra.sandbox.practice.enums import AptStatus

from .conftest import TODAY, Desk

NINE = "2026-11-30 09:00:00"


def booked(desk: Desk, patient: int = 0, **more: object) -> dict[str, Any]:
    body = {"PatNum": patient or desk.patient(), "Op": 1, "AptDateTime": NINE}
    answer: dict[str, Any] = desk.ask("appointments.create", body=body | more)
    return answer


def history(desk: Desk, visit: dict[str, Any]) -> list[tuple[str, str]]:
    rows = desk.rows("histappointment", AptNum=visit["AptNum"])
    return [
        (
            desk.office.word("histappointment", "HistApptAction", row["HistApptAction"]),
            desk.office.word("histappointment", "AptStatus", row["AptStatus"]),
        )
        for row in rows
    ]


def test_a_plain_booking_is_filled_as_the_page_says(desk: Desk) -> None:
    visit = booked(desk, desk.patient(PriProv=2, ClinicNum=1), Op=2)

    operatory = desk.row("operatory", 2)
    assert (visit["AptStatus"], visit["Pattern"], visit["PatternSecondary"]) == ("Scheduled", "/XX/", "////")
    assert (visit["ProvNum"], visit["ClinicNum"]) == (2, operatory["ClinicNum"])
    assert visit["Confirmed"] == desk.definition(2)
    assert visit["DateTimeArrived"] == visit["DateTimeSeated"] == "2026-11-30 00:00:00"
    assert history(desk, visit) == [("Created", "Scheduled")]


def test_a_chair_without_a_location_leaves_the_patients(desk: Desk) -> None:
    overflow = desk.rows("operatory", ClinicNum=0)[0]["OperatoryNum"]

    assert booked(desk, desk.patient(ClinicNum=2), Op=overflow)["ClinicNum"] == 2


def test_a_pattern_is_cut_to_nine_hours_and_made_of_two_signs(desk: Desk) -> None:
    assert booked(desk, Pattern="X" * 200)["Pattern"] == "X" * 108
    body = {"PatNum": desk.patient(), "Op": 1, "AptDateTime": NINE, "Pattern": "X Y"}
    assert desk.refused("appointments.create", body=body).status == 400


def test_two_visits_in_one_chair_are_normal_unless_the_office_forbids_them(desk: Desk) -> None:
    booked(desk)
    assert booked(desk)["AptStatus"] == "Scheduled"
    desk.prefer("ApptsAllowOverlap", 0)

    body = {"PatNum": desk.patient(), "Op": 1, "AptDateTime": "2026-11-30 09:15:00"}
    assert desk.refused("appointments.create", body=body).status == 400
    assert desk.ask("appointments.create", body=body | {"AptDateTime": "2026-11-30 09:20:00"})
    assert desk.ask("appointments.create", body=body | {"Op": 2})


def test_a_broken_planned_or_asap_visit_cannot_be_booked_nor_one_for_a_deleted_patient(desk: Desk) -> None:
    body = {"PatNum": desk.patient(), "Op": 1, "AptDateTime": NINE}
    for status in ("Broken", "Planned", "ASAP"):
        assert desk.refused("appointments.create", body=body | {"AptStatus": status}).status == 400
    deleted = desk.patient(PatStatus=4)
    assert desk.refused("appointments.create", body=body | {"PatNum": deleted}).status == 400
    assert desk.refused("appointments.create", body=body | {"PatNum": 999_999}).status == 404


def test_a_new_patients_visit_is_the_first_one_until_something_is_done(desk: Desk) -> None:
    new, old = desk.patient(), desk.patient(DateFirstVisit="2020-01-01")
    desk.work(old)
    for patient in (new, old):
        booked(desk, patient, IsNewPatient="true")

    assert desk.row("patient", new)["DateFirstVisit"] == "2026-11-30"
    assert desk.row("patient", old)["DateFirstVisit"] == "2020-01-01"


def test_a_visit_type_brings_procedures_colour_and_a_pattern_if_none_was_sent(desk: Desk) -> None:
    kind = desk.rows("appointmenttype", AppointmentTypeName="Recall")[0]
    patient = desk.patient()
    waiting = desk.work(patient, 112, ProcStatus=1)

    visit = booked(desk, patient, AppointmentTypeNum=kind["AppointmentTypeNum"])

    works = desk.rows("procedurelog", AptNum=visit["AptNum"])
    assert {work["CodeNum"] for work in works} == {desk.code("D0120"), desk.code("D1110")}
    assert waiting in {work["ProcNum"] for work in works}
    assert visit["Pattern"] == kind["Pattern"]
    assert visit["ProcDescript"] == "Prophy, RecallEx"
    assert booked(desk, AppointmentTypeNum=kind["AppointmentTypeNum"], Pattern="/X/")["Pattern"] == "/X/"


def test_completing_a_visit_completes_its_work_and_freezes_its_plans(desk: Desk) -> None:
    patient = desk.patient()
    subscription = desk.insure(patient)
    visit = booked(desk, patient, ProvNum=1, ProvHyg=3, AptDateTime=f"{TODAY} 09:00:00")
    hygiene = desk.work(patient, 112, ProcStatus=1, AptNum=visit["AptNum"])
    pulled = desk.work(patient, 228, code="D7140", ProcStatus=1, AptNum=visit["AptNum"], ToothNum="19")

    row = desk.ask("appointments.update", visit["AptNum"], body={"AptStatus": "Complete"})

    works = [desk.row("procedurelog", key) for key in (hygiene, pulled)]
    assert [(work["ProcStatus"], work["ProcDate"], work["ProvNum"]) for work in works] == [(2, TODAY, 3), (2, TODAY, 1)]
    assert row["InsPlan1"] == desk.row("inssub", subscription)["PlanNum"]
    assert [tooth["ToothNum"] for tooth in desk.rows("toothinitial", PatNum=patient)] == ["19"]
    assert {line["Status"] for line in desk.rows("claimproc", PatNum=patient)} == {6}


def test_a_visit_of_the_future_cannot_be_complete_unless_the_office_says_so(desk: Desk) -> None:
    visit = booked(desk)
    assert desk.refused("appointments.update", visit["AptNum"], body={"AptStatus": "Complete"}).status == 400
    desk.prefer("ApptAllowFutureComplete", 1)
    assert desk.ask("appointments.update", visit["AptNum"], body={"AptStatus": "Complete"})["AptStatus"] == "Complete"


def test_a_guarded_complete_visit_with_work_stays_complete(desk: Desk) -> None:
    patient = desk.patient()
    visit = booked(desk, patient, AptDateTime=f"{TODAY} 09:00:00", AptStatus="Complete")
    desk.work(patient, AptNum=visit["AptNum"])
    desk.prefer("ApptPreventChangesToCompleted", 1)

    assert desk.refused("appointments.update", visit["AptNum"], body={"AptStatus": "Scheduled"}).status == 400
    assert desk.ask("appointments.update", visit["AptNum"], body={"Note": "x"})["Note"] == "x"


def test_breaking_charts_the_missed_visit_and_frees_the_chair_but_keeps_the_time(desk: Desk) -> None:
    patient = desk.patient()
    visit = booked(desk, patient)

    desk.ask("appointments.Break", visit["AptNum"], body={"sendToUnscheduledList": "true", "breakType": "Missed"})

    row = desk.row("appointment", visit["AptNum"])
    assert (row["AptStatus"], row["Op"], row["AptDateTime"]) == (AptStatus.UNSCHED_LIST, 0, NINE)
    (charted,) = desk.rows("procedurelog", PatNum=patient)
    assert (charted["CodeNum"], charted["ProcStatus"], charted["ProcDate"]) == (desk.code("D9986"), 2, TODAY)
    assert history(desk, visit) == [("Created", "Scheduled"), ("Missed", "UnschedList")]
    assert len(desk.rows("commlog", PatNum=patient)) == 1


@pytest.mark.parametrize(
    ("preference", "allowed"), [(0, []), (1, ["Missed"]), (2, ["Cancelled"]), (3, ["Missed", "Cancelled"])]
)
def test_only_the_kinds_of_breaking_that_the_office_charts_are_taken(
    desk: Desk, preference: int, allowed: list[str]
) -> None:
    desk.prefer("BrokenApptProcedure", preference)
    for word in ("Missed", "Cancelled"):
        visit = booked(desk)
        body = {"sendToUnscheduledList": "false", "breakType": word}
        if word in allowed:
            desk.ask("appointments.Break", visit["AptNum"], body=body)
            assert desk.row("appointment", visit["AptNum"])["AptStatus"] == AptStatus.BROKEN
        else:
            assert desk.refused("appointments.Break", visit["AptNum"], body=body).status == 400


def test_breaking_with_long_notice_charts_nothing_and_a_broken_visit_cannot_be_broken(desk: Desk) -> None:
    desk.prefer("BrokenApptCommLog", 0)
    patient = desk.patient()
    visit = booked(desk, patient)
    desk.ask("appointments.Break", visit["AptNum"], body={"sendToUnscheduledList": "false"})

    assert not desk.rows("procedurelog", PatNum=patient)
    assert not desk.rows("commlog", PatNum=patient)
    again = desk.refused("appointments.Break", visit["AptNum"], body={"sendToUnscheduledList": "true"})
    assert again.status == 400


def test_a_broken_visit_is_booked_again_under_its_number(desk: Desk) -> None:
    visit = booked(desk)
    desk.ask("appointments.Break", visit["AptNum"], body={"sendToUnscheduledList": "true"})
    later = {"AptStatus": "Scheduled", "AptDateTime": "2026-12-01 10:00:00"}

    assert desk.refused("appointments.update", visit["AptNum"], body=later).status == 400
    row = desk.ask("appointments.update", visit["AptNum"], body=later | {"Op": 2})

    assert (row["AptNum"], row["Op"], row["DateTimeArrived"]) == (visit["AptNum"], 2, "2026-12-01 00:00:00")


def test_a_note_is_appended_each_time_it_is_sent(desk: Desk) -> None:
    visit = booked(desk, Note="First.")
    for _ in range(2):
        desk.ask("appointments.Note", visit["AptNum"], body={"Note": "More."})

    assert desk.row("appointment", visit["AptNum"])["Note"] == "First.\nMore.\nMore."


def test_the_words_of_confirming_mean_what_the_office_set_up(desk: Desk) -> None:
    visit = booked(desk)
    for place, word in enumerate(("None", "Sent", "Confirmed", "Not Accepted", "Failed")):
        desk.ask("appointments.Confirm", visit["AptNum"], body={"confirmVal": word})
        assert desk.row("appointment", visit["AptNum"])["Confirmed"] == desk.definition(2, place)
    for body in ({}, {"confirmVal": "Yes"}, {"confirmVal": "Sent", "defNum": 1}, {"defNum": desk.definition(4)}):
        assert desk.refused("appointments.Confirm", visit["AptNum"], body=body).status == 400


def test_the_arrived_status_stamps_the_time_and_going_back_does_not_clear_it(desk: Desk) -> None:
    visit = booked(desk, AptDateTime=f"{TODAY} 10:00:00")
    arrived = int(desk.store.preference("AppointmentTimeArrivedTrigger"))
    desk.ask("appointments.Confirm", visit["AptNum"], body={"defNum": arrived})
    desk.ask("appointments.Confirm", visit["AptNum"], body={"confirmVal": "None"})

    assert desk.row("appointment", visit["AptNum"])["DateTimeArrived"] == f"{TODAY} 10:00:00"


def test_a_time_of_arrival_is_sent_as_a_time_of_day_and_kept_on_the_visits_date(desk: Desk) -> None:
    assert booked(desk, DateTimeArrived="08:55:00")["DateTimeArrived"] == "2026-11-30 08:55:00"


def test_a_planned_visit_has_no_chair_and_its_copy_points_back_to_it(desk: Desk) -> None:
    patient = desk.patient()
    work = desk.work(patient, 1380, code="D2740", ProcStatus=1, ToothNum="19")
    planned = desk.ask("appointments.Planned", body={"PatNum": patient, "procNums": [work, work]})
    assert (planned["AptStatus"], planned["Op"], planned["ItemOrderPlanned"]) == ("Planned", 0, 1)
    assert planned["Pattern"] == "//XXXXXXXXXXXX//", "codes count in ten minutes, visits in five"

    body = {"AptNum": planned["AptNum"], "AptDateTime": NINE, "ProvNum": 1, "Op": 1}
    copy = desk.ask("appointments.SchedulePlanned", body=body)

    assert (copy["AptStatus"], copy["NextAptNum"], copy["Op"]) == ("Scheduled", planned["AptNum"], 1)
    row = desk.row("procedurelog", work)
    assert (row["AptNum"], row["PlannedAptNum"]) == (copy["AptNum"], planned["AptNum"])
    assert desk.row("appointment", planned["AptNum"])["AptStatus"] == AptStatus.PLANNED
    assert desk.refused("appointments.SchedulePlanned", body=body | {"AptNum": copy["AptNum"]}).status == 400


def test_an_office_that_requires_procedures_plans_no_empty_visit(desk: Desk) -> None:
    patient = desk.patient()
    assert desk.ask("appointments.Planned", body={"PatNum": patient})["Pattern"] == "/XXXX/"
    desk.prefer("ApptsRequireProc", 1)
    assert desk.refused("appointments.Planned", body={"PatNum": patient}).status == 400


def slots(desk: Desk, **query: object) -> list[tuple[str, str]]:
    found = desk.ask("appointments.Slots", ProvNum=1, OpNum=1, **query)
    return [(slot["DateTimeStart"][11:16], slot["DateTimeEnd"][11:16]) for slot in found]


def test_free_time_is_the_hours_less_lunch_and_every_visit_of_chair_or_provider(desk: Desk) -> None:
    booked(desk, Pattern="XXXXXX")
    booked(
        desk, Op=desk.rows("operatory", ClinicNum=0)[0]["OperatoryNum"], ProvNum=1, AptDateTime="2026-11-30 15:00:00"
    )
    away = booked(desk, AptDateTime="2026-11-30 10:00:00")
    desk.ask("appointments.Break", away["AptNum"], body={"sendToUnscheduledList": "false"})

    assert slots(desk, date="2026-11-30") == [
        ("08:00", "09:00"),
        ("09:30", "12:00"),
        ("13:00", "15:00"),
        ("15:20", "17:00"),
    ]
    assert slots(desk, date="2026-11-30", lengthMinutes=110) == [("09:30", "12:00"), ("13:00", "15:00")]


def test_free_time_starts_now_and_the_past_has_none(desk: Desk) -> None:
    desk.clock.advance(61)
    assert slots(desk, date=TODAY) == [("10:10", "12:00"), ("13:00", "17:00")]
    assert desk.refused("appointments.Slots", date="2026-11-20").status == 400


def test_days_without_hours_have_no_free_time(desk: Desk) -> None:
    assert slots(desk, date="2026-11-29") == []


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 90)), max_size=8))
def test_gaps_and_visits_fill_the_day_without_overlap(visits: list[tuple[int, int]]) -> None:
    day = datetime(2026, 11, 30)  # noqa: DTZ001  (an office's wall clock)
    at = [day.replace(hour=8) + (day.replace(hour=0, minute=1) - day) * n for n in range(541)]
    busy = [(at[start], at[min(540, start + length)]) for start, length in visits]
    gaps = _gaps(at[0], at[540], busy)
    for minute in at[:540]:
        covered = any(begin <= minute < end for begin, end in busy)
        assert covered != any(begin <= minute < end for begin, end in gaps)


def a_recall(desk: Desk, patient: int) -> int:
    row = {"PatNum": patient, "RecallTypeNum": 1, "RecallInterval": 393217, "RecallStatus": 5, "Note": "called"}
    return desk.store.insert("recall", row)


def test_a_booked_trigger_shows_in_the_recall_and_breaking_frees_it(desk: Desk) -> None:
    patient = desk.patient()
    recall = a_recall(desk, patient)
    kind = desk.rows("appointmenttype", AppointmentTypeName="Recall")[0]["AppointmentTypeNum"]
    visit = booked(desk, patient, AppointmentTypeNum=kind)
    assert desk.row("recall", recall)["DateScheduled"] == "2026-11-30"

    desk.ask("appointments.Break", visit["AptNum"], body={"sendToUnscheduledList": "true"})
    assert desk.row("recall", recall)["DateScheduled"] == "0001-01-01"


def test_a_completed_trigger_starts_the_next_interval_and_clears_the_contact_note(desk: Desk) -> None:
    patient = desk.patient()
    recall = a_recall(desk, patient)
    kind = desk.rows("appointmenttype", AppointmentTypeName="Recall")[0]["AppointmentTypeNum"]
    visit = booked(desk, patient, AppointmentTypeNum=kind, AptDateTime=f"{TODAY} 09:00:00")
    desk.ask("appointments.update", visit["AptNum"], body={"AptStatus": "Complete"})

    row = desk.row("recall", recall)
    assert (row["DatePrevious"], row["DateDue"], row["RecallStatus"], row["Note"]) == (TODAY, "2027-05-25", 0, "")


def test_a_reminder_counts_by_its_commlog_and_the_types_exclude_each_other(desk: Desk) -> None:
    patient = desk.patient()
    recall = a_recall(desk, patient)
    body = {"PatNum": patient, "recallType": "Prophy", "RecallStatus": desk.definition(13), "commlogMode": "Text"}
    desk.ask("recalls.Status", body=body)
    assert desk.row("recall", recall)["RecallStatus"] == desk.definition(13)
    assert [log["CommType"] for log in desk.rows("commlog", PatNum=patient)] == [desk.definition(27, 3)]

    desk.ask("recalls.SwitchType", body={"PatNum": patient})
    assert desk.row("recall", recall)["RecallTypeNum"] == 3
    assert desk.refused("recalls.create", body={"PatNum": patient, "RecallTypeNum": 3}).status == 400
