"""An office with two ways through handlers, engine and the real client: its own server, and the vendor's relay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.addresses import DEFAULT_BASE_URL
from gateway.core.events.facts import PRACTICE
from gateway.core.objects.envelopes import PracticeAlone
from gateway.core.objects.health import PracticeHealth
from gateway.core.practices import Mode, Tier
from infra.sandbox.practice.__main__ import build, parser
from tests.fakes.deployment import Answered, Deployment, deployed

SERVICE_URL = "http://10.20.0.15:30223/api/v1"
FALLBACK = {"fallback": {"mode": "remote"}}


@pytest.fixture
def d(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """A practice that was connected by its own server in a network; the relay leads to the same office."""
    monkeypatch.setenv("BASE_URL_ALLOW", "https://api.opendental.com")
    monkeypatch.setenv("NETWORKS", json.dumps({"clinic": [SERVICE_URL]}))
    scopes = ("*:read", "appointments:write", "practices.calls:write")
    with deployed(scopes=scopes) as d:
        d.doors[SERVICE_URL] = d.simulated.beside("Service")
        d.know(mode=Mode.SERVICE, base_url=SERVICE_URL, network="clinic", tier=Tier.UNPACED)
        d.on.world.networks = ("remote", "clinic")
        yield d


@pytest.fixture
def both(d: Deployment) -> Deployment:
    assert set_fallback(d).status == 200
    d.upstream_calls.clear()
    return d


def set_fallback(d: Deployment, change: Any = None) -> Answered:
    return d.patch(f"/practices/{d.practice_id}", change or FALLBACK)


def ways(d: Deployment) -> list[dict[str, Any]]:
    shown = d.get(f"/practices/{d.practice_id}").body
    PracticeAlone.model_validate(shown, strict=True)
    found: list[dict[str, Any]] = shown["ways"]
    return found


def in_use(d: Deployment) -> str:
    return str(next(way["name"] for way in ways(d) if way["in_use"]))


def asked_at(d: Deployment, base_url: str) -> list[str]:
    return [arrival.operation for arrival in d.doors.get(base_url, d.simulated).log()]


def visit(d: Deployment, hour: int) -> dict[str, Any]:
    return {
        "patient_id": d.id_of("patient", d.rows("patient")[0]["PatNum"]),
        "operatory_id": d.id_of("operatory", d.rows("operatory")[0]["OperatoryNum"]),
        "provider_id": d.id_of("provider", d.rows("provider")[0]["ProvNum"]),
        "local_start": f"2027-01-13T{hour:02}:00:00",
        "duration_minutes": 30,
    }


def booked(d: Deployment) -> int:
    return len(d.rows("appointment", "AptDateTime LIKE '2027-01-13%'"))


def test_a_fallback_is_taken_up_when_both_ways_show_the_same_office(d: Deployment) -> None:
    assert [way["name"] for way in ways(d)] == ["first"]

    answered = set_fallback(d)
    assert (answered.status, answered.body["state"]) == (200, "succeeded")
    assert asked_at(d, SERVICE_URL) == asked_at(d, DEFAULT_BASE_URL) == ["procedurelogs.list"]
    assert [(way["name"], way["mode"], way["in_use"]) for way in ways(d)] == [
        ("first", "service", True),
        ("fallback", "remote", False),
    ]
    assert SERVICE_URL not in str(d.get(f"/practices/{d.practice_id}").body)


def test_a_way_to_another_office_is_refused(d: Deployment) -> None:
    other = build(parser().parse_args(["--patients", "40", "--interval", "0", "--latency-ms", "0", "--seed", "9"]))
    d.doors[DEFAULT_BASE_URL] = other.practice
    answered = set_fallback(d)
    other.stop()

    assert (answered.status, answered.body["code"]) == (409, "conflict")
    assert answered.body["reason"] == "other-database"
    assert d.on.practices.get(d.practice_id).fallback is None


def test_a_way_at_which_nobody_answers_is_refused_and_the_first_is_none_the_worse(d: Deployment) -> None:
    d.down.add(DEFAULT_BASE_URL)
    answered = set_fallback(d)

    assert (answered.status, answered.body["code"]) == (502, "unreachable")
    assert answered.body["param"] == "fallback.base_url"
    assert d.get("/providers").status == 200


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"mode": "local", "base_url": "http://localhost:30222/api/v1"}, "fallback.mode"),
        ({"mode": "cloud", "base_url": "http://localhost:30223/api/v1"}, "fallback.mode"),
        ({"mode": "service", "base_url": "http://10.99.0.1:30223/api/v1"}, "fallback.base_url"),
        ({"mode": "remote", "base_url": "https://elsewhere.example/api/v1"}, "fallback.base_url"),
    ],
)
def test_what_cannot_be_reached_or_is_not_allowed_is_no_fallback(
    d: Deployment, change: dict[str, Any], param: str
) -> None:
    answered = set_fallback(d, {"fallback": change})

    assert (answered.status, answered.body["param"]) == (400, param)
    assert d.upstream_calls == []


def test_a_request_that_is_refused_for_its_way_stops_no_calls_either(d: Deployment) -> None:
    refused = set_fallback(d, {"calls": "stopped", "fallback": {"mode": "remote", "base_url": "https://other.test"}})

    assert (refused.status, refused.body["param"]) == (400, "fallback.base_url")
    assert d.get(f"/practices/{d.practice_id}").body["calls"]["state"] == "allowed"


def test_a_client_without_the_scope_sets_no_fallback_and_takes_none_away(both: Deployment) -> None:
    both.grant("*:read", "appointments:write")

    for change in (FALLBACK, {"fallback": None}):
        assert set_fallback(both, change).body["code"] == "scope-missing"
    assert both.on.practices.get(both.practice_id).fallback is not None


def test_reads_and_bookings_go_on_while_the_offices_server_is_down_and_after_it_is_back(both: Deployment) -> None:
    """What is asked while the server goes and comes is answered, each booking once."""
    d, hours = both, iter((8, 9, 10, 11, 14, 15))
    for server_is_down in (False, True, False):
        d.down = {SERVICE_URL} if server_is_down else set()
        for _ in range(2):
            made = d.post("/appointments", visit(d, next(hours)))
            assert d.settled(made, seconds=90)["state"] == "succeeded"
            assert d.get("/appointments", date_from="2027-01-13", date_to="2027-01-13", limit=100).status == 200
        d.on.world.run(150)
        assert in_use(d) == ("fallback" if server_is_down else "first")

    assert booked(d) == 6
    assert "appointments.create" in asked_at(d, DEFAULT_BASE_URL)


def test_health_says_that_the_fallback_is_in_use_until_the_first_way_answers(both: Deployment) -> None:
    def connection() -> tuple[str, str, str, bool]:
        shown = both.get(f"/practices/{both.practice_id}/health").body
        PracticeHealth.model_validate(shown, strict=True)
        of = shown["connection"]
        return shown["status"], of["way"], of["state"], "connection" in {one["about"] for one in shown["problems"]}

    assert connection() == ("ok", "first", "online", False)
    both.down = {SERVICE_URL}
    assert both.get("/providers").status == 200
    assert connection() == ("degraded", "fallback", "online", True)
    both.down = set()
    both.on.world.run(150)
    assert connection() == ("ok", "first", "online", False)


def test_a_reader_waits_no_minute_for_the_other_way(both: Deployment) -> None:
    both.down = {SERVICE_URL}
    before = both.on.clock.monotonic()
    answered = both.get("/providers")

    assert answered.status == 200
    assert both.on.clock.monotonic() - before < 10


def test_a_booking_whose_answer_the_server_lost_is_found_by_the_relay_and_made_once(both: Deployment) -> None:
    d = both
    d.doors[SERVICE_URL].faults.add({"kind": "drop_answer", "match": "appointments.create"})
    made = d.post("/appointments", visit(d, 9))
    d.down = {SERVICE_URL}
    settled = d.settled(made, seconds=900)

    assert settled["state"] == "succeeded"
    assert booked(d) == 1
    assert "appointments.create" not in asked_at(d, DEFAULT_BASE_URL)


def test_a_change_of_the_way_is_told_once_it_answers_and_an_outage_of_one_way_is_no_outage(both: Deployment) -> None:
    both.down = {SERVICE_URL}
    assert both.get("/providers").status == 200
    both.down = set()
    both.on.world.run(150)
    told = [(key, content) for _, kind, key, content in both.on.facts.changes if kind == PRACTICE]

    assert told == [
        ("way", {"way": "first", "mode": "service"}),
        ("way", {"way": "fallback", "mode": "remote"}),
        ("way", {"way": "first", "mode": "service"}),
    ]


def test_without_a_fallback_a_server_that_is_down_takes_the_practice_with_it(both: Deployment) -> None:
    assert both.patch(f"/practices/{both.practice_id}", {"fallback": None}).body["state"] == "succeeded"
    assert [way["name"] for way in ways(both)] == ["first"]
    both.down = {SERVICE_URL}

    assert both.get("/providers").status >= 500
    assert asked_at(both, DEFAULT_BASE_URL) == ["procedurelogs.list"]


def test_a_practice_that_is_read_by_fhir_gets_no_fallback_to_a_server_that_has_none(d: Deployment) -> None:
    d.know(upstream="fhir")

    assert set_fallback(d).body["reason"] == "no-fhir"


def test_a_mirror_that_is_loaded_by_two_ways_in_turn_has_every_row_once(both: Deployment) -> None:
    """Pages overlap by a row and step back where they do not join, however long the other way has them."""
    d = both
    d.grant("*:read", "practices.calls:write", "sync:write", "sync:read")
    assert d.patch(f"/practices/{d.practice_id}/sync", {"state": "on"}).status == 200
    for _ in range(12):
        d.down ^= {SERVICE_URL}
        d.on.world.run(20)
    d.down = set()
    d.on.world.run(900)
    shown = d.get(f"/practices/{d.practice_id}/sync").body

    assert shown["phase"] == "complete"
    for table, resource, column, where in (
        ("patient", "patients", "PatNum", "PatStatus <> 4"),  # Open Dental lists none that is deleted.
        ("procedurelog", "procedurelogs", "ProcNum", "1=1"),
        ("appointment", "appointments", "AptNum", "1=1"),
    ):
        kept = {record.key for record in d.on.records.page(d.practice_id, resource, after=0, limit=9000)}
        assert kept == {row[column] for row in d.rows(table, where)}, resource
    for address in (SERVICE_URL, DEFAULT_BASE_URL):
        assert "procedurelogs.list" in asked_at(d, address)
