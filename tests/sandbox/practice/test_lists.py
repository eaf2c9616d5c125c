from collections.abc import Callable
from typing import Any, Literal
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.sandbox.practice import paging
from infra.sandbox.practice.clock import Clock
from infra.sandbox.practice.measure import paging_ratio
from infra.sandbox.practice.paging import Listing, Pager, order_of
from infra.sandbox.practice.store import Store

from .conftest import Running


def keys(rows: list[dict[str, Any]], name: str) -> list[Any]:
    return [row[name] for row in rows]


def test_pages_are_capped_by_the_mode_and_the_tier(start: Callable[..., Running]) -> None:
    remote, service = start(), start(mode="Service")
    for practice in (remote, service):
        practice.store.insert_many("feesched", ({"Description": f"s{n}"} for n in range(1200)))
    assert len(remote.get("feescheds")) == 100
    assert len(remote.get("feescheds", Limit=5000)) == 100
    assert len(service.get("feescheds")) == 1000
    remote.control.put("/settings", json={"tier": "enterprise"}).raise_for_status()
    assert len(remote.get("feescheds")) == 1000


def test_limit_and_offset_in_small_letters_are_ignored(practice: Running) -> None:
    practice.store.insert_many("provider", ({"Abbr": f"p{n}"} for n in range(3)))
    assert keys(practice.get("providers", limit=1, offset=2), "ProvNum") == [1, 2, 3]
    assert keys(practice.get("providers", Limit=1, Offset=2), "ProvNum") == [3]


def test_an_unknown_parameter_is_refused_by_patients_and_ignored_elsewhere(practice: Running) -> None:
    practice.store.insert("provider", {})
    answer = practice.api.get("patients", params={"Bogus": "1"})
    assert (answer.status_code, answer.json()) == (400, "'Bogus' is not a valid parameter.")
    assert len(practice.get("providers", Bogus=1)) == 1


def test_a_parameter_newer_than_the_office_is_ignored(start: Callable[..., Running]) -> None:
    old, new = start(version="21.1"), start(version="25.1")
    for practice in (old, new):
        practice.store.insert("appointment", {"PatNum": 1})
        practice.store.insert("patient", {"LName": "Sample"})
        practice.store.insert("patient", {"LName": "Other"})
    assert len(old.get("appointments", PatNum=2)) == 1
    assert new.get("appointments", PatNum=2) == []


def test_names_match_partially_whatever_their_case(practice: Running) -> None:
    for name in ("McSample", "Other", "100%"):
        practice.store.insert("patient", {"LName": name})
    assert keys(practice.get("patients/Simple", LName="sAMP"), "LName") == ["McSample"]
    assert keys(practice.get("patients/Simple", LName="%"), "LName") == ["100%"]


def test_deleted_patients_never_show_and_archived_ones_on_request(practice: Running) -> None:
    for status in (0, 2, 3, 4):
        practice.store.insert("patient", {"PatStatus": status})
    assert keys(practice.get("patients/Simple"), "PatNum") == [1, 2, 3]
    assert keys(practice.get("patients"), "PatNum") == [1, 2]
    assert keys(practice.get("patients", showArchived="true", hideInactive="true"), "PatNum") == [1, 3]


def test_stamps_are_compared_inclusively(practice: Running) -> None:
    practice.store.insert("patient", {})
    practice.clock.advance(10)
    practice.store.insert("patient", {})
    assert keys(practice.get("patients/Simple", DateTStamp="2026-03-02 12:00:10"), "PatNum") == [2]
    assert keys(practice.get("patients/Simple", DateTStamp="2026-03-02 12:00:00"), "PatNum") == [1, 2]


def test_appointments_come_by_time_and_procedures_newest_first(practice: Running) -> None:
    for moment in ("2026-05-01 09:00:00", "2026-04-01 09:00:00"):
        practice.store.insert("appointment", {"AptDateTime": moment})
        practice.store.insert("procedurelog", {})
    assert keys(practice.get("appointments"), "AptNum") == [2, 1]
    assert keys(practice.get("procedurelogs"), "ProcNum") == [2, 1]


def test_a_date_range_includes_its_last_day(practice: Running) -> None:
    for moment in ("2026-04-01 00:00:00", "2026-04-02 23:59:00", "2026-04-03 00:00:00"):
        practice.store.insert("appointment", {"AptDateTime": moment})
    assert len(practice.get("appointments", dateStart="2026-04-01", dateEnd="2026-04-02")) == 2
    assert len(practice.get("appointments", date="2026-04-03")) == 1


def test_schedules_are_todays_unless_asked(practice: Running) -> None:
    for day in ("2026-03-02", "2026-03-03"):
        practice.store.insert("schedule", {"SchedDate": day})
    assert keys(practice.get("schedules"), "ScheduleNum") == ["1"]
    assert len(practice.get("schedules", dateStart="2026-03-01", dateEnd="2026-03-05")) == 2


def test_tasks_are_those_of_fourteen_days_unless_asked(practice: Running) -> None:
    practice.store.insert("task", {"DateTimeOriginal": "2026-01-01 08:00:00"})
    assert practice.get("tasks") == []
    assert len(practice.get("tasks", DateTimeOriginal="2025-12-31 00:00:00")) == 1


def test_signals_of_the_running_second_are_held_back(practice: Running) -> None:
    practice.store.insert("signalod", {"SigDateTime": "2026-03-02 12:00:00"})
    assert practice.get("signalods", SigDateTime="2026-03-02 11:59:00") == []
    practice.clock.advance(1)
    assert len(practice.get("signalods", SigDateTime="2026-03-02 11:59:00")) == 1


def test_popups_of_the_family_come_along(practice: Running) -> None:
    for guarantor in (1, 1, 3):
        practice.store.insert("patient", {"Guarantor": guarantor})
    for patient in (1, 2, 3):
        practice.store.insert("popup", {"PatNum": patient})
    assert keys(practice.get("popups", PatNum=2), "PatNum") == [1, 2]


WRITES = st.lists(
    st.tuples(st.sampled_from(["insert", "move", "delete"]), st.integers(1, 20), st.integers(1, 9)), max_size=8
)


@settings(max_examples=60)
@given(rows=st.lists(st.integers(1, 9), min_size=6, max_size=20), writes=WRITES, wide=st.booleans())
def test_far_pages_are_what_a_plain_offset_would_give(
    rows: list[int], writes: list[tuple[str, int, int]], wide: bool
) -> None:
    store = Store(clock=Clock())
    by_time = order_of("appointment", (("AptDateTime", "asc"),))
    listing = Listing("appointment", "" if wide else '"PatNum" = ?', () if wide else (1,), by_time)

    def visit(day: int) -> dict[str, Any]:
        return {"AptDateTime": f"2026-01-0{day} 00:00:00", "PatNum": day % 2}

    with mock.patch.object(paging, "STEP", 3):
        pager = Pager(store)
        for day in rows:
            store.insert("appointment", visit(day))
        for kind, number, day in [("", 0, 0), *writes]:
            if kind == "insert":
                store.insert("appointment", visit(day))
            elif kind == "move":
                store.update("appointment", number, visit(day))
            elif kind == "delete":
                store.delete("appointment", number)
            expected = store.find("appointment", None if wide else {"PatNum": 1}, order=by_time.sql)
            for offset in range(0, len(expected) + 4, 2):
                assert pager.page(listing, limit=2, offset=offset) == expected[offset : offset + 2]
    store.close()


@settings(max_examples=30)
@given(rows=st.integers(8, 20), deleted=st.lists(st.integers(1, 20), max_size=4))
def test_far_pages_of_a_descending_list_are_right_too(rows: int, deleted: list[int]) -> None:
    store = Store(clock=Clock())
    with mock.patch.object(paging, "STEP", 3):
        pager = Pager(store)
        listing = Listing("procedurelog", "", (), order_of("procedurelog", (("ProcNum", "desc"),)))
        for _ in range(rows):
            store.insert("procedurelog", {})
        for number in [0, *deleted]:
            store.delete("procedurelog", number)
            store.insert("procedurelog", {})
            expected = store.find("procedurelog", order='"ProcNum" DESC')
            for offset in range(0, len(expected) + 4, 2):
                assert pager.page(listing, limit=2, offset=offset) == expected[offset : offset + 2]
    store.close()


@pytest.mark.parametrize("order", ["key", "time"])
def test_the_measurement_of_far_pages_reads_the_pages_it_says(order: Literal["key", "time"]) -> None:
    figures = paging_ratio(rows=300, offset=250, limit=10, order=order, tries=1)
    assert figures.keys() == {"near_s", "far_s", "cold_s", "ratio"}


def test_a_new_version_shows_in_the_preference_clients_read(practice: Running) -> None:
    practice.control.put("/settings", json={"version": "24.3.5"}).raise_for_status()
    assert practice.get("preferences", PrefName="ProgramVersion")[0]["ValueString"] == "24.3.5"


def test_definitions_are_asked_for_by_the_number_of_their_category(practice: Running) -> None:
    row = {"DefNum": 7, "ItemName": "Called", "Category": 2, "category": "ApptConfirmed", "isHidden": "false"}
    practice.control.post("/rows", json={"resource": "definitions", "row": row}).raise_for_status()
    practice.store.insert("definition", {"Category": 4})
    shown = practice.get("definitions", Category=2)
    assert [(one["DefNum"], one["Category"], one["category"]) for one in shown] == [(7, 2, "ApptConfirmed")]


def test_a_plan_type_without_a_letter_has_a_word_in_filters(practice: Running) -> None:
    for letter in ("", "p"):
        practice.store.insert("insplan", {"PlanType": letter})
    assert keys(practice.get("insplans", PlanType="percentage"), "PlanType") == [""]
