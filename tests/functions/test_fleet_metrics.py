"""What functions write to CloudWatch of the fleet when something is worth it: a count, and who counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from functions.deliver_webhooks import handler as deliverer_handler
from functions.upstream_worker import handler as worker_handler
from gateway.core.engine import TurnResult
from gateway.core.errors import Unavailable, VaultUnavailable
from gateway.core.health.fleet import VAULT
from gateway.core.webhooks.deliveries import Delivery, DeliveryState, Outcome
from gateway.wiring import deliverer, worker
from tests.fakes import ELM_STREET, FakeServices
from tests.fakes.gateway_events import Context
from tests.fakes.services import NOON
from tests.functions.test_upstream_worker import TURN, Queue, event


@pytest.fixture
def on() -> Iterator[FakeServices]:
    on = FakeServices()
    on.calls = Queue(on.calls)
    on.upstream.close = lambda: None  # type: ignore[union-attr]
    worker.use(on)
    deliverer.use(on)
    yield on
    worker.use(None)
    deliverer.use(None)


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Metrics that were written: their values and who wrote them, held to that one dimension."""
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    values = []
    for one in found:
        (told,) = one["_aws"]["CloudWatchMetrics"]
        assert (told["Namespace"], told["Dimensions"]) == ("OpenDentalGateway", [["service"]])
        assert "prac_" not in json.dumps(one)
        values.append({name["Name"]: one[name["Name"]] for name in told["Metrics"]} | {"service": one["service"]})
    return values


def turn(on: FakeServices, monkeypatch: pytest.MonkeyPatch, result: TurnResult | Exception) -> None:
    def run(*_: Any, **__: Any) -> TurnResult:
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(worker_handler, "run_turn", run)
    worker_handler.lambda_handler(event(TURN), Context())


def test_keys_that_cannot_be_read_are_counted_and_known_to_health(
    on: FakeServices, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    turn(on, monkeypatch, VaultUnavailable("the vault of keys does not answer"))

    assert written(capsys) == [{"VaultErrors": [1.0], "service": "upstream_worker"}]
    assert on.fleet.noted()[VAULT].at == on.clock.now()
    assert on.calls.hidden_s == [worker_handler.COME_BACK_S]


@pytest.mark.parametrize("result", [TurnResult(waiting=9), Unavailable("a table does not answer")])
def test_an_ordinary_turn_writes_no_metric(
    result: TurnResult | Exception,
    on: FakeServices,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A line each would cost more than the turn."""
    turn(on, monkeypatch, result)

    assert written(capsys) == []


def test_a_crowd_at_a_practice_is_counted_without_its_name(
    on: FakeServices, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    turn(on, monkeypatch, TurnResult(waiting=10))

    assert written(capsys) == [{"WaitingTurns": [10.0], "service": "upstream_worker"}]


def delivered(outcome: Outcome | None, last_at: datetime | None) -> Delivery:
    return Delivery(
        "whk_a", "evt_a", ELM_STREET.id, "appt_a", "appointment.created", NOON, NOON, None,
        DeliveryState.PENDING, last=outcome, last_at=last_at,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("made", "counted"),
    [
        (delivered(Outcome(200), NOON), [{"DeliveryAttempts": [1.0]}]),
        (delivered(Outcome(500), NOON), [{"DeliveryAttempts": [1.0]}, {"DeliveriesFailed": [1.0]}]),
        (delivered(None, None), []),
        (None, []),
    ],
)
def test_posts_to_endpoints_are_counted_by_what_came_of_them(
    made: Delivery | None,
    counted: list[dict[str, Any]],
    on: FakeServices,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(deliverer_handler, "deliver", lambda *_: made)
    body = json.dumps({"endpoint_id": "whk_a", "event_id": "evt_a", "object_id": "appt_a", "turn": 0})
    record = {"messageId": "m1", "receiptHandle": "r1", "body": body, "eventSource": "aws:sqs"}
    deliverer_handler.lambda_handler({"Records": [record]}, Context())

    assert written(capsys) == [one | {"service": "deliver_webhooks"} for one in counted]
