"""Whatever is subscribed at an office, one care leaves what should be, and nobody else's is touched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.native.subscribing import (
    AHEAD,
    POLLING_S,
    Step,
    Subscription,
    Wish,
    compared,
    is_ours,
    read,
    workstation_at,
)
from gateway.core.native.watched import ALL_WORKSTATIONS, WATCHED, watched_at

PRACTICE, OTHER = "prac_aaaaaaaaaaaaaaaa", "prac_bbbbbbbbbbbbbbbb"
HERE, BEFORE, STRANGER = "https://api.test/v1", "https://old.test", "https://stranger.test"
WALL = datetime.fromisoformat("2026-03-02 09:00:00")
TABLES = ("Appointment", "Patient", "Provider")


def url(address: str = HERE, practice: str = PRACTICE, token: str = "now", end: str = "") -> str:
    return f"{address}/hooks/{practice}/{token}{end}"


ROW = Subscription(
    number=1,
    url=url(),
    table="Appointment",
    is_of_the_screen=False,
    workstation="",
    polling_s=POLLING_S,
    start=WALL,
    stop=None,
    failures=0,
    failed_at=None,
    retry_at=None,
    words="",
)


@dataclass
class Office:
    """What an office makes of the calls; it refuses what is equal to one that runs."""

    rows: dict[int, Subscription] = field(default_factory=dict)
    refused: int = 0

    def do(self, steps: Iterable[Step]) -> None:
        for step in steps:
            body = dict(step.call.body or {})
            if step.call.operation == "subscriptions.update":
                number = step.call.path["SubscriptionNum"]
                self.rows[number] = replace(self.rows[number], **{_NAMES[name]: one for name, one in body.items()})
                continue
            made = replace(
                ROW,
                number=max(self.rows, default=0) + 1,
                url=body["EndPointUrl"],
                table=body["WatchTable"],
                workstation=body.get("Workstation", ""),
                polling_s=body["PollingSeconds"],
            )
            if any(one.runs(WALL) and _same(one) == _same(made) for one in self.rows.values()):
                self.refused += 1
            else:
                self.rows[made.number] = made


_NAMES = {
    "EndPointUrl": "url",
    "Workstation": "workstation",
    "PollingSeconds": "polling_s",
    "DateTimeStart": "start",
    "DateTimeStop": "stop",
}


def _same(one: Subscription) -> tuple[Any, ...]:
    return (one.url, one.workstation, one.table, one.is_of_the_screen)


times = st.none() | st.sampled_from([WALL - timedelta(days=9), WALL, WALL + timedelta(seconds=1), WALL + 9 * AHEAD])
urls = st.builds(
    url,
    st.sampled_from([HERE, BEFORE, STRANGER]),
    st.sampled_from([PRACTICE, OTHER]),
    st.sampled_from(["now", "then"]),
    st.sampled_from(["", "/"]),
)
subscriptions = st.builds(
    Subscription,
    number=st.just(0),
    url=urls | st.sampled_from(["", "http://localhost:9/", f"{HERE}/hooks/{PRACTICE}", "https://api.test.evil/hooks/"]),
    table=st.sampled_from([*TABLES, "LabCase", ""]),
    is_of_the_screen=st.booleans(),
    workstation=st.sampled_from(["", "SERVER", "server", ALL_WORKSTATIONS]),
    polling_s=st.sampled_from([0, 1, 60]),
    start=times,
    stop=times,
    failures=st.integers(0, 3),
    failed_at=times,
    retry_at=times,
    words=st.just(""),
)
wishes = st.lists(st.sampled_from(TABLES), unique=True).flatmap(
    lambda tables: st.sampled_from(["", "SERVER", ALL_WORKSTATIONS]).map(
        lambda workstation: [Wish(table, url(), workstation) for table in tables]
    )
)


@given(found=st.lists(subscriptions, max_size=12), wished=wishes)
def test_one_care_leaves_what_is_wished_and_the_next_has_nothing_to_do(
    found: list[Subscription], wished: list[Wish]
) -> None:
    office = Office({number: replace(one, number=number) for number, one in enumerate(found, 1)})
    foreign = {number: one for number, one in office.rows.items() if not _ours(one)}

    office.do(compared(wished, [one for one in office.rows.values() if _ours(one)], WALL).steps)

    left = [one for one in office.rows.values() if _ours(one)]
    again = compared(wished, left, WALL)
    assert again.steps == ()
    assert set(again.kept) == {one.table for one in wished}
    running = sorted((one for one in left if one.runs(WALL)), key=lambda one: TABLES.index(one.table))
    assert [(one.table, one.url.rstrip("/"), one.workstation.casefold(), one.polling_s) for one in running] == [
        (one.table, one.url, one.workstation.casefold(), POLLING_S)
        for one in sorted(wished, key=lambda one: TABLES.index(one.table))
    ]
    assert all(one.start is None or one.start <= WALL + AHEAD for one in running)
    assert {number: office.rows[number] for number in foreign} == foreign
    assert office.refused == 0


@given(found=st.lists(subscriptions, max_size=8), wished=wishes, done=st.integers(0, 12))
def test_a_care_that_is_cut_off_anywhere_is_ended_by_the_next(
    found: list[Subscription], wished: list[Wish], done: int
) -> None:
    office = Office({number: replace(one, number=number) for number, one in enumerate(found, 1)})
    office.do(compared(wished, [one for one in office.rows.values() if _ours(one)], WALL).steps[:done])
    office.do(compared(wished, [one for one in office.rows.values() if _ours(one)], WALL).steps)

    assert compared(wished, [one for one in office.rows.values() if _ours(one)], WALL).steps == ()
    assert office.refused == 0


def _ours(one: Subscription) -> bool:
    return is_ours(one, PRACTICE, [HERE, BEFORE])


def test_ours_is_what_leads_to_this_practices_path_at_an_address_of_the_api() -> None:
    ours = [url(), url(BEFORE), url(token="then"), url(end="/")]
    foreign = [url(practice=OTHER), url(STRANGER), f"{HERE}/hooks/{PRACTICE}", f"x{url()}", "", url().upper()]
    assert [_ours(replace(ROW, url=one)) for one in [*ours, *foreign]] == [True] * 4 + [False] * 6


def test_what_another_key_was_told_by_is_ended_and_not_taken_over() -> None:
    """Its calls would carry the other key, whatever its address says."""
    (end, create) = compared([Wish("Appointment", url(), "")], [replace(ROW, url=url(token="then"))], WALL).steps
    assert (end.is_end, end.call.path, create.call.operation) == (True, {"SubscriptionNum": 1}, "subscriptions.create")
    assert set(end.call.body or {}) == {"DateTimeStop"}


def test_a_new_one_starts_by_the_offices_own_clock_and_not_in_the_past() -> None:
    (create,) = compared([Wish("Patient", url(), "SERVER")], [], WALL).steps
    assert create.call.body == {
        "EndPointUrl": url(),
        "WatchTable": "Patient",
        "PollingSeconds": 1,
        "Workstation": "SERVER",
    }


@pytest.mark.parametrize(
    ("version", "named", "said"),
    [
        ("22.1", None, ""),
        ("26.1", None, ""),
        ("26.2.0", None, ""),
        ("26.2.1", None, ALL_WORKSTATIONS),
        ("26.3", None, ALL_WORKSTATIONS),
        (None, None, ""),
        ("22.1", "SERVER", "SERVER"),
        ("26.3", "SERVER", "SERVER"),
    ],
)
def test_which_machine_tells_is_said_as_the_version_wants_it(version: str | None, named: str | None, said: str) -> None:
    assert workstation_at(version, named) == said


@pytest.mark.parametrize(
    ("version", "tables"),
    [
        (None, {"Appointment", "Patient"}),
        ("22.1", {"Appointment", "Patient"}),
        ("24.2", {"Appointment", "AppointmentDeleted", "Patient", "PatField"}),
        ("26.1", set(WATCHED) - {"ProcedureLog"}),
        ("26.2.1", set(WATCHED) - {"ProcedureLog"}),
        ("26.3", set(WATCHED)),
    ],
)
def test_what_can_be_told_is_the_versions(version: str | None, tables: set[str]) -> None:
    assert {one.table for one in watched_at(version)} == tables


def test_a_row_is_read_whatever_its_office_makes_of_it_and_its_key_goes_nowhere() -> None:
    row = {"SubscriptionNum": "7", "EndPointUrl": url(), "WatchTable": "Patient", "CustomerKey": "s3cret-of-the-office"}
    odd = {"PollingSeconds": "x", "DateTimeStart": 5, "DateTimeStop": "1/1/0001", "SubsequentFailures": None}
    one = read({**row, **odd})
    assert one is not None
    assert (one.number, one.polling_s, one.start, one.stop, one.failures) == (7, 0, None, None, 0)
    assert "s3cret" not in repr(one)
    assert read({"EndPointUrl": url()}) is None
