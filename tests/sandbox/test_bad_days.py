"""Lost answers, an office that is off, and callers who repeat themselves: end to end, through what was deployed.

What takes minutes is begun at once by `begun`, one bad day in each of the two practices, and the tests wait for it.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from gateway.core.ids import row_id
from infra.sandbox.box import Sandbox

LOST, OFFLINE = 0, 1
SETTLES_WITHIN_S = 240
"""A look after 70 s, or a probe after 60; and the minute in which the clock's functions notice."""


def control(box: Sandbox, practice: int, method: str, path: str, body: object = None) -> Any:
    url = f"{box.practices[practice].practice.control_url}/{path}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, method=method, data=data)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
        return json.load(answer)


def book(box: Sandbox, practice: int, number: int, *, key: str, prefer: str = "respond-async") -> tuple[int, Any]:
    """Book hour `number` of a day, with a note that no other booking has."""
    here = box.practices[practice].practice_id
    body = {
        "patient_id": row_id("patient", here, 1),
        "provider_id": row_id("provider", here, 1),
        "operatory_id": row_id("operatory", here, 1),
        "local_start": f"2031-01-06T{number % 24:02}:00:00",
        "duration_minutes": 30,
        "allow_outside_schedule": True,
        "allow_double_booking": True,
        "note": f"bad day {number}.",
    }
    headers = {**box.authorization(practice), "Idempotency-Key": key, "Prefer": prefer}
    return box.call("POST", "/create_appointment", body, headers)


def rows_of(box: Sandbox, practice: int, number: int) -> list[Any]:
    rows = control(box, practice, "GET", "rows/appointment")
    return [row for row in rows if str(row["Note"]).startswith(f"bad day {number}.")]


def follow(box: Sandbox, practice: int, operation_id: str, *, until: frozenset[str]) -> Any:
    ends_at = time.monotonic() + SETTLES_WITHIN_S
    while True:
        _, operation = box.call("GET", f"/operations/{operation_id}", None, box.authorization(practice))
        if operation["state"] in until:
            return operation
        assert time.monotonic() < ends_at, f"{operation['state']}; {box.errors()}"
        time.sleep(0.5)


SETTLED = frozenset({"succeeded", "failed"})


@dataclass(frozen=True)
class Begun:
    """A booking whose answer was lost, and bookings of an office that was off for a moment."""

    lost: str
    parked: list[str]


@pytest.fixture(scope="module")
def begun(box: Sandbox) -> Iterator[Begun]:
    control(box, LOST, "POST", "faults", {"kind": "drop_answer", "match": "appointments.create"})
    control(box, OFFLINE, "POST", "faults", {"kind": "offline", "match": "*", "count": None})
    _, lost = book(box, LOST, 1, key=uuid4().hex)
    parked = [book(box, OFFLINE, 100 + number, key=uuid4().hex)[1]["id"] for number in range(3)]
    follow(box, LOST, lost["id"], until=frozenset({"unknown"}))
    # The breaker is open as soon as the first call was made.
    ends_at = time.monotonic() + SETTLES_WITHIN_S
    while not control(box, OFFLINE, "GET", "faults")[0]["hits"]:
        assert time.monotonic() < ends_at
        time.sleep(0.2)
    yield Begun(lost["id"], parked)
    for practice in (LOST, OFFLINE):
        control(box, practice, "DELETE", "faults")


def test_a_reader_of_an_office_that_is_off_is_told_at_once(box: Sandbox, begun: Begun) -> None:
    here = box.practices[OFFLINE].practice_id
    path = f"/appointments?practice_id={here}&patient_id={row_id('patient', here, 1)}"
    status, problem = box.call("GET", path, None, box.authorization(OFFLINE))

    control(box, OFFLINE, "DELETE", "faults")
    assert (status, problem["code"]) == (503, "practice-offline")


def test_ten_callers_with_one_key_at_once_book_one_appointment(box: Sandbox, begun: Begun) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: book(box, LOST, 2, key="ten-at-once-0001", prefer="wait=20"), range(10)))

    assert {status for status, _ in answers} <= {201, 202}
    assert len({operation["id"] for _, operation in answers}) == 1
    assert follow(box, LOST, answers[0][1]["id"], until=SETTLED)["state"] == "succeeded"
    assert len(rows_of(box, LOST, 2)) == 1


def test_a_write_whose_answer_was_lost_is_found_by_the_background_lane(box: Sandbox, begun: Begun) -> None:
    operation = follow(box, LOST, begun.lost, until=SETTLED)

    (row,) = rows_of(box, LOST, 1)
    assert operation["state"] == "succeeded"
    assert operation["result"]["source"]["key"] == str(row["AptNum"])


def test_writes_of_an_office_that_was_off_are_done_once_and_in_order_when_it_is_back(
    box: Sandbox, begun: Begun
) -> None:
    operations = [follow(box, OFFLINE, one, until=SETTLED) for one in begun.parked]

    assert {operation["state"] for operation in operations} == {"succeeded"}
    keys = [int(row["AptNum"]) for number in range(3) for row in rows_of(box, OFFLINE, 100 + number)]
    assert len(keys) == 3
    assert keys == sorted(keys)


def test_no_function_was_refused_anything_by_its_role(box: Sandbox, begun: Begun) -> None:
    """The sandbox holds each function to its role, as AWS would."""
    assert [line for line in box.errors() if "AccessDenied" in line] == []
    folders = ("create_appointment", "operations", "upstream_worker", "lane", "tick", "sweeper")
    assert [folder for folder in folders if any("AccessDenied" in line for line in box.logs(folder))] == []
