from collections.abc import Callable
from typing import Any
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.sandbox.practice import paging
from infra.sandbox.practice.clock import Clock
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
    st.tuples(st.sampled_from(["insert", "move", "delete", "look"]), st.integers(0, 60), st.integers(0, 9)), max_size=25
)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.integers(0, 9), max_size=40), writes=WRITES, limit=st.integers(1, 7), wide=st.booleans())
def test_a_far_page_is_what_a_plain_offset_would_give(
    rows: list[int], writes: list[tuple[str, int, int]], limit: int, wide: bool
) -> None:
    store = Store(clock=Clock())
    listing = Listing(
        "appointment",
        "" if wide else '"PatNum" = ?',
        () if wide else (1,),
        order_of("appointment", (("AptDateTime", "asc"),)),
    )
    with mock.patch.object(paging, "STEP", 3):
        pager = Pager(store)
        for day in rows:
            store.insert("appointment", {"AptDateTime": f"2026-01-0{day} 00:00:00", "PatNum": day % 2})
        for kind, number, day in writes:
            if kind == "insert":
                store.insert("appointment", {"AptDateTime": f"2026-01-0{day} 00:00:00", "PatNum": day % 2})
            elif kind == "move":
                store.update("appointment", number, {"AptDateTime": f"2026-01-0{day} 00:00:00", "PatNum": number % 2})
            elif kind == "delete":
                store.delete("appointment", number)
            expected = store.find("appointment", None if wide else {"PatNum": 1}, order='"AptDateTime", "AptNum"')[
                number : number + limit
            ]
            assert pager.page(listing, limit=limit, offset=number) == expected
    store.close()


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(0, 30), deleted=st.sets(st.integers(1, 30)), offset=st.integers(0, 35))
def test_a_far_page_of_a_descending_list_is_right_too(rows: int, deleted: set[int], offset: int) -> None:
    store = Store(clock=Clock())
    with mock.patch.object(paging, "STEP", 4):
        pager = Pager(store)
        listing = Listing("procedurelog", "", (), order_of("procedurelog", (("ProcNum", "desc"),)))
        for _ in range(rows):
            store.insert("procedurelog", {})
        pager.page(listing, limit=5, offset=offset)
        for number in deleted:
            store.delete("procedurelog", number)
        store.insert("procedurelog", {})
        expected = store.find("procedurelog", order='"ProcNum" DESC')[offset : offset + 5]
        assert pager.page(listing, limit=5, offset=offset) == expected
    store.close()
