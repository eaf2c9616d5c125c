"""GET /health and GET /practices/{id}/health through their handler: all of it from what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from functions.lane import handler as lane
from gateway.core import pacing
from gateway.core.callers import Client
from gateway.core.drift.known import Known
from gateway.core.errors import Unavailable
from gateway.core.health import fleet
from gateway.core.health.fleet import Trouble
from gateway.core.objects.health import DeploymentHealth, PracticeHealth
from gateway.core.operations import OperationState, Request
from gateway.core.practices import Baa, Mode, Way, WayName
from gateway.core.rotation.records import Book, Rotation, State
from gateway.core.webhooks.deliveries import Delivery, DeliveryState, Health
from gateway.core.webhooks.endpoints import Endpoint, EndpointState
from gateway.wiring import worker
from tests.fakes.deployment import CLIENT, Deployment, deployed
from tests.fakes.gateway_events import Context

FIGURES: dict[str, dict[str, float]] = {
    fleet.QUEUES: {"queued": 3, "parked": 1, "not_put": 0, "oldest_s": 12.0, "unknown": 0, "brakes": 0},
    fleet.LANES: {"offered": 40},
    fleet.WEBHOOKS: {"due": 0, "not_sent": 0, "oldest_s": 0.0},
    fleet.PUBLISHER: {"oldest_s": 1.0},
}


@pytest.fixture
def two() -> Iterator[Deployment]:
    with deployed(practices=2, scopes=("practices:read",)) as deployment:
        yield deployment


def told(two: Deployment) -> None:
    for writer, values in FIGURES.items():
        two.on.fleet.note(writer, values, at=two.on.clock.now())


def deployment_health(two: Deployment) -> dict[str, Any]:
    answered = two.get("/health")
    assert answered.status == 200
    DeploymentHealth.model_validate(answered.body, strict=True)
    body: dict[str, Any] = answered.body
    return body


def practice_health(two: Deployment) -> dict[str, Any]:
    answered = two.get(f"/practices/{two.practice_id}/health")
    assert answered.status == 200
    PracticeHealth.model_validate(answered.body, strict=True)
    body: dict[str, Any] = answered.body
    return body


# The deployment


def test_a_deployment_whose_jobs_run_and_whose_figures_are_small_is_well(two: Deployment) -> None:
    told(two)

    health = deployment_health(two)
    assert (health["status"], {one["status"] for one in health["components"]}) == ("ok", {"ok"})


def test_any_client_may_ask_whatever_its_scopes_and_sees_no_practice(two: Deployment) -> None:
    told(two)
    two.on.fleet.begin(Trouble.OFFLINE, two.practice_id, since=two.on.clock.now())
    two.grant()

    assert "prac_" not in str(deployment_health(two))
    assert two.send("GET", "/health", client_id=None).status == 401


@pytest.mark.parametrize(
    ("writer", "values", "component"),
    [
        (fleet.QUEUES, {"oldest_s": 1801.0}, "queues"),
        (fleet.QUEUES, {"not_put": 1}, "queues"),
        (fleet.QUEUES, {"unknown": 21}, "ledger"),
        (fleet.QUEUES, {"brakes": 1}, "open_dental"),
        (fleet.PUBLISHER, {"oldest_s": 901.0}, "publisher"),
        (fleet.WEBHOOKS, {"oldest_s": 901.0}, "webhooks"),
        (fleet.WEBHOOKS, {"not_sent": 1}, "webhooks"),
        (fleet.VAULT, {"errors": 1}, "vault"),
    ],
)
def test_a_figure_that_is_too_large_degrades_its_component_and_no_other(
    writer: str, values: dict[str, float], component: str, two: Deployment
) -> None:
    told(two)
    two.on.fleet.note(writer, FIGURES.get(writer, {}) | values, at=two.on.clock.now())

    health = deployment_health(two)
    assert [one["name"] for one in health["components"] if one["explanation"]] == [component]
    assert health["status"] == "degraded"


def test_a_job_that_has_stopped_is_seen_within_minutes(two: Deployment) -> None:
    told(two)
    two.on.clock.seconds += 301

    assert {one["name"] for one in deployment_health(two)["components"] if one["status"] == "degraded"} == {
        "queues", "ledger", "background", "webhooks",
    }  # fmt: skip


def test_the_lanes_parts_are_added_up_and_one_that_stands_still_is_seen(two: Deployment) -> None:
    """Four invocations a minute work the lane off: three that run must not hide the one that does not."""
    told(two)
    worker.use(two.on)
    try:
        for part in range(4):
            lane.lambda_handler({"part": part, "of": 4}, Context())
    finally:
        worker.use(None)
    assert deployment_health(two)["status"] == "ok"
    for part, offered in enumerate([5, 6, 7, 8]):
        fleet.note_part(two.on.fleet, fleet.LANES, {"offered": offered}, part=(part, 4), at=two.on.clock.now())
    (background,) = (one for one in deployment_health(two)["components"] if one["name"] == "background")
    assert (background["status"], background["figures"]) == ("ok", {"offered": 26})

    two.on.clock.seconds += 301
    told(two)
    for part in (0, 1, 3):
        fleet.note_part(two.on.fleet, fleet.LANES, {"offered": 1}, part=(part, 4), at=two.on.clock.now())
    assert [one["name"] for one in deployment_health(two)["components"] if one["explanation"]] == ["background"]


def test_a_lane_of_fewer_parts_than_before_is_no_lane_that_stands_still(two: Deployment) -> None:
    for part in range(4):
        fleet.note_part(two.on.fleet, fleet.LANES, {"offered": 1}, part=(part, 4), at=two.on.clock.now())
    two.on.clock.seconds += 301
    told(two)

    assert deployment_health(two)["status"] == "ok"


def test_mirrors_that_are_late_for_an_hour_are_told_of_as_a_count(two: Deployment) -> None:
    told(two)
    two.on.fleet.begin(Trouble.MIRROR_LATE, two.practice_id, since=two.on.clock.now() - timedelta(minutes=61))

    (mirrors,) = (one for one in deployment_health(two)["components"] if one["name"] == "mirrors")
    assert (mirrors["status"], mirrors["figures"]["late"], mirrors["figures"]["latest_s"]) == ("degraded", 1, 3660)


@pytest.mark.parametrize(
    ("trouble", "minutes", "status"),
    [
        (Trouble.KEY_REFUSED, 1, "degraded"),
        (Trouble.OFFLINE, 4 * 1440 - 1, "ok"),
        (Trouble.OFFLINE, 4 * 1440 + 1, "degraded"),
        (Trouble.FAILING, 59, "ok"),
        (Trouble.FAILING, 61, "degraded"),
    ],
)
def test_a_refused_key_and_an_office_that_is_away_longer_than_a_weekend_are_told_of_as_a_count(
    trouble: Trouble, minutes: int, status: str, two: Deployment
) -> None:
    told(two)
    two.on.fleet.begin(trouble, two.practice_id, since=two.on.clock.now() - timedelta(minutes=minutes))

    health = deployment_health(two)
    (called,) = (one for one in health["components"] if one["name"] == "open_dental")
    assert (health["status"], called["status"]) == (status, status)
    assert (called["explanation"] or "1 practice").count("1 practice") == 1


def test_figures_that_cannot_be_read_are_an_answer_and_no_error(two: Deployment) -> None:
    def fails() -> Any:
        raise Unavailable("no")

    two.on.fleet.noted = fails

    assert deployment_health(two)["status"] == "degraded"


# A practice


def trip(two: Deployment, trip: pacing.Trip) -> None:
    at = two.on.clock.now().timestamp()
    two.on.pace.update(two.practice_id, lambda item: (replace(item, breaker=pacing.Breaker(trip, at, at + 30)), None))


def test_a_practice_in_use_is_well_and_nobody_asked_it(two: Deployment) -> None:
    health = practice_health(two)

    assert (health["status"], health["problems"]) == ("ok", [])
    assert (health["mirror"]["status"], health["webhooks"]["status"]) == ("off", "off")
    assert two.upstream_calls == []


@pytest.mark.parametrize(
    ("tripped", "status", "about"),
    [
        (pacing.Trip.OFFLINE, "down", ["connection"]),
        (pacing.Trip.KEY_REFUSED, "down", ["connection", "key"]),
        (pacing.Trip.FAILING, "degraded", ["connection"]),
    ],
)
def test_a_breaker_that_is_open_says_why_since_when_and_until_when(
    tripped: pacing.Trip, status: str, about: list[str], two: Deployment
) -> None:
    trip(two, tripped)

    health = practice_health(two)
    assert (health["status"], [one["about"] for one in health["problems"]]) == (status, about)
    assert all(one["explanation"] for one in health["problems"])
    assert health["connection"]["since"] and health["connection"]["tried_again_at"]


def test_a_practice_that_an_operator_stopped_is_down(two: Deployment) -> None:
    two.on.pace.items[two.practice_id] = replace(two.on.pace.load(two.practice_id), killed=True)

    assert practice_health(two)["connection"]["state"] == "stopped"


def test_writes_of_unknown_outcome_are_counted(two: Deployment) -> None:
    request = Request("appointments.create", two.practice_id, CLIENT, {}, idempotency_key="k" * 16, body_hash="h")
    opened = two.on.ledger.open(request, now=two.on.clock.now()).operation
    was = two.on.ledger.load(opened.id)
    two.on.ledger.save(replace(was, record=replace(was.record, state=OperationState.UNKNOWN)), was=was)

    health = practice_health(two)
    assert (health["writes"]["unknown"], [one["about"] for one in health["problems"]]) == (1, ["writes"])


@pytest.mark.parametrize(
    ("days", "state", "status"),
    [(None, "current", "ok"), (365, "current", "ok"), (13, "expiring", "degraded"), (-17, "expired", "down")],
)
def test_the_agreement_says_how_long_it_lasts(days: int | None, state: str, status: str, two: Deployment) -> None:
    expires_on = None if days is None else two.on.clock.now().date() + timedelta(days=days)
    two.know(baa=Baa("test-baa", "A. Test", date(2026, 1, 1), expires_on))

    agreement = practice_health(two)["agreement"]
    assert (agreement["state"], agreement["status"]) == (state, status)


def test_a_practice_without_an_agreement_is_down_but_in_the_sandbox(two: Deployment) -> None:
    two.know(baa=None)
    assert practice_health(two)["agreement"]["status"] == "ok"
    two.on.stage = "prod"

    assert practice_health(two)["agreement"]["status"] == "down"


def test_an_agreement_that_was_closed_closes_the_practice_in_the_sandbox_too(two: Deployment) -> None:
    """Reads of its patients are refused from then on, so that it cannot be said to be well."""
    two.know(baa=Baa("test-baa", "A. Test", date(2026, 1, 1), closed_at=two.on.clock.now()))

    health = practice_health(two)
    assert (health["status"], health["agreement"]["state"], health["agreement"]["status"]) == (
        "down", "missing", "down",
    )  # fmt: skip


def test_a_practice_that_is_called_by_its_fallback_says_so_and_since_when(two: Deployment) -> None:
    two.know(fallback=Way(Mode.SERVICE, "http://10.0.0.9:30222/api/v1"))
    since = (two.on.clock.now() - timedelta(hours=3)).timestamp()
    two.on.pace.items[two.practice_id] = replace(
        two.on.pace.load(two.practice_id), way=pacing.InUse(WayName.FALLBACK, since=since)
    )

    health = practice_health(two)
    connection = health["connection"]
    assert (health["status"], connection["status"], connection["way"]) == ("degraded", "degraded", "fallback")
    assert datetime.fromisoformat(connection["since"]).timestamp() == since


def test_a_crowd_at_a_practice_is_told_before_it_is_full(two: Deployment) -> None:
    two.on.pace.count(two.practice_id, waiting=100)

    assert practice_health(two)["queue"]["status"] == "degraded"


def endpoint(two: Deployment, id_: str, client_id: str = CLIENT, **more: Any) -> Endpoint:
    now = two.on.clock.now()
    return two.on.webhooks.make(Endpoint(id_, client_id, "https://example.com/h", ("*",), now, now, **more))


def delivery(two: Deployment, endpoint_id: str, event_id: str, state: DeliveryState, practice_id: str) -> None:
    now = two.on.clock.now()
    one = Delivery(endpoint_id, event_id, practice_id, "appt_x", "appointment.created", now, now, None, state)
    two.on.webhooks.begin([one])


def test_the_callers_own_webhooks_are_told_by_what_came_of_their_deliveries_here(two: Deployment) -> None:
    endpoint(two, "whk_a")
    endpoint(two, "whk_b", state=EndpointState.DISABLED)
    endpoint(two, "whk_c", "cli_other")
    other = list(two.servers)[1]
    for number, (state, practice_id) in enumerate(
        [
            (DeliveryState.SUCCEEDED, two.practice_id),
            (DeliveryState.SUCCEEDED, two.practice_id),
            (DeliveryState.SUCCEEDED, two.practice_id),
            (DeliveryState.FAILED, two.practice_id),
            (DeliveryState.PENDING, two.practice_id),
            (DeliveryState.FAILED, other),
        ]
    ):
        delivery(two, "whk_a", f"evt_{number}", state, practice_id)
    delivery(two, "whk_c", "evt_9", DeliveryState.FAILED, two.practice_id)
    two.on.webhooks.healths["whk_a"] = Health("whk_a", 2, two.on.clock.now())

    told = practice_health(two)["webhooks"]
    assert [told[one] for one in ("endpoints", "disabled", "failing", "delivered", "failed", "pending")] == [
        2, 1, 1, 3, 1, 1,
    ]  # fmt: skip
    assert (told["success_percent"], told["status"]) == (75, "degraded")


def test_a_mirror_that_loads_says_so(two: Deployment) -> None:
    two.grant("practices:read", "sync:read", "sync:write")
    two.patch(f"/practices/{two.practice_id}/sync", {"state": "on"})

    health = practice_health(two)
    assert (health["mirror"]["phase"], health["mirror"]["status"]) == ("loading", "degraded")


@pytest.mark.parametrize(
    ("days", "state", "status", "waiting"),
    [(0.5, State.WAITING, "ok", 0), (9.0, State.WAITING, "degraded", 9), (9.0, State.DRAINING, "ok", None)],
)
def test_an_exchange_of_keys_is_shown_and_becomes_a_problem_once_the_office_lets_it_wait(
    days: float, state: State, status: str, waiting: int | None, two: Deployment
) -> None:
    assert practice_health(two)["rotation"]["status"] == "off"
    begun = two.on.clock.now() - timedelta(days=days)
    one = Rotation("rot_a", two.practice_id, "f", CLIENT, begun, by_portal=True, former="f", state=state, since=begun)
    two.on.rotations.save(Book(two.practice_id, (one,)))
    two.know(rotation=one.id)

    health = practice_health(two)
    told = health["rotation"]
    assert (told["id"], told["state"], told["status"], told["days_waiting"]) == ("rot_a", state, status, waiting)
    assert [one["about"] for one in health["problems"]] == (["rotation"] if status == "degraded" else [])


@pytest.mark.parametrize(
    ("parts", "failures", "status", "codes"),
    [
        ({}, 0, "ok", []),
        (
            {"shapes": {"recalls.list": {"new": ["Odd"]}}, "throttle": "kept", "clock": "agrees"},
            2,
            "ok",
            ["fields-new"],
        ),
        ({"shapes": {"recalls.list": {"missing": ["Note", "Priority"]}}}, 0, "degraded", ["fields-missing"]),
        ({"throttle": "slowed", "clock": "disagrees"}, 0, "degraded", ["held-back", "clock-wrong"]),
        ({}, 3, "degraded", []),
        (
            {"lost": {"permissions": ["Payments", "Odd"], "version": "99.1.0"}},
            0,
            "degraded",
            ["permission-lost", "version-changed"],
        ),
        ({"lost": {"permissions": ["ReadAll"], "version": "1.0"}}, 0, "ok", []),
    ],
)
def test_the_last_look_is_shown_with_what_it_found_amiss(
    parts: dict[str, Any], failures: int, status: str, codes: list[str], two: Deployment
) -> None:
    looked_at = two.on.clock.now() - timedelta(hours=5)
    two.on.drifts.save(two.practice_id, Known(looked_at=looked_at, tried_at=looked_at, failures=failures, parts=parts))

    health = practice_health(two)
    drift = health["drift"]
    assert (drift["status"], [one["code"] for one in drift["open_changes"]]) == (status, codes)
    assert datetime.fromisoformat(drift["looked_at"]) == looked_at
    assert [one["about"] for one in health["problems"]] == (["drift"] if status == "degraded" else [])
    assert "Odd" not in str(drift)


def test_it_needs_its_scope_and_the_practice(two: Deployment) -> None:
    two.on.callers.put_client(Client(CLIENT, "Ada", frozenset({two.practice_id}), frozenset({"practices:read"})))
    assert two.get(f"/practices/{list(two.servers)[1]}/health").status == 404
    two.grant("patients:read")

    refused = two.get(f"/practices/{two.practice_id}/health")
    assert (refused.status, refused.body["scope"]) == (403, "practices:read")


def test_no_moment_is_needed_but_the_clocks(two: Deployment) -> None:
    assert datetime.fromisoformat(practice_health(two)["checked_at"]) == two.on.clock.now().astimezone(UTC)
