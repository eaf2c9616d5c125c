"""One id leads from a request over its operation and the calls of Open Dental to its events and webhooks."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.events.event import Cause
from gateway.core.events.publishing import publish
from gateway.core.webhooks.delivering import Beginning, deliver
from gateway.web.correlation import correlation_of
from gateway.web.logging import JsonFormatter
from tests.fakes.deployment import Deployment, deployed
from tests.fakes.events import LivingPublisher

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
OURS = "3f6d2d3c-0000-4000-8000-000000000001"
"""The request's own, as the samples have it."""


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(JsonFormatter().format(record)))

    def said(self, message: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["message"] == message]


@pytest.fixture
def log() -> Iterator[Lines]:
    logger, lines = logging.getLogger("gateway"), Lines()
    level = logger.level
    logger.addHandler(lines)
    logger.setLevel(logging.DEBUG)
    yield lines
    logger.removeHandler(lines)
    logger.setLevel(level)


@pytest.fixture
def office() -> Iterator[Deployment]:
    scopes = ("*:read", "communications:write", "webhooks:write", "sync:write")
    with deployed(scopes=scopes) as deployment:
        deployment.read_up()
        yield deployment


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"traceparent": PARENT}, TRACE),
        ({"traceparent": PARENT.replace("00-", "01-", 1) + "-more"}, TRACE),
        ({"traceparent": PARENT, "x-correlation-id": OURS}, TRACE),
        ({"x-correlation-id": "0B8E7E1C-7d52-4b0f-9a57-6c7a5b1d2e3f"}, "0b8e7e1c-7d52-4b0f-9a57-6c7a5b1d2e3f"),
        ({"x-correlation-id": TRACE}, TRACE),
        ({}, OURS),
        ({"traceparent": PARENT + "-more"}, OURS),
        ({"traceparent": PARENT.replace("00-", "ff-", 1)}, OURS),
        ({"traceparent": PARENT.replace(TRACE, "0" * 32)}, OURS),
        ({"traceparent": PARENT.replace("00f067aa0ba902b7", "0" * 16)}, OURS),
        ({"traceparent": PARENT.upper()}, OURS),
        ({"x-correlation-id": "patient Zoe Marker, born 1980"}, OURS),
        ({"x-correlation-id": f"{TRACE}{TRACE}"}, OURS),
    ],
)
def test_an_id_of_the_callers_is_taken_where_it_is_one_and_can_be_nothing_else(
    headers: dict[str, str], found: str
) -> None:
    assert correlation_of(headers, OURS) == found


def test_one_id_leads_from_a_request_to_the_webhook_that_tells_of_it(office: Deployment, log: Lines) -> None:
    """Whoever is asked why something was sent to a client follows it back to the request, and to each call between."""
    path = f"/practices/{office.practice_id}/sync"
    office.patch(path, {"state": "on"})
    office.on.world.run(900)
    hook = office.post("/webhooks", {"url": "https://hooks.example.com/a", "types": ["communication.*"]})
    assert hook.status == 201
    patient = office.id_of("patient", office.rows("patient")[0]["PatNum"])
    log.lines.clear()
    office.on.records.outbox.clear()

    answered = office.send(
        "POST",
        "/communications",
        body={"patient_id": patient, "note": "Called about MARK.", "mode": "phone"},
        key="k" * 16,
        headers={"traceparent": PARENT},
    )
    assert answered.status == 201, answered.body
    publisher = LivingPublisher(office.on)
    publisher.deliveries = Beginning(office.on)  # type: ignore[assignment]
    publish(office.on.records.outbox, publisher)
    while office.on.delivery_queue.messages:
        deliver(office.on.delivery_queue.messages.pop(0), office.on)

    (told,) = [one for one in publisher.bus.came if one.cause is Cause.OWN_WRITE]
    (entry,) = [one for one in office.on.ledger.entries.values() if one.record.request.idempotency_key == "k" * 16]
    operation_id = entry.record.id
    assert answered.headers["X-Correlation-Id"] == TRACE
    assert entry.record.request.correlation_id == TRACE
    assert told.told()["correlation_id"] == TRACE
    (request,) = log.said("answered")
    (turn,) = log.said("turn")
    (posted,) = log.said("posted")
    calls = [line for line in log.said("called") if line.get("operation_id") == operation_id]
    assert "commlogs.create" in {line["operation"] for line in calls}
    assert {line["correlation_id"] for line in (request, turn, posted, *calls)} == {TRACE}
    assert (turn["operation_id"], turn["state"], posted["event_id"]) == (operation_id, "succeeded", told.id)
    wrote = next(line for line in calls if line["operation"] == "commlogs.create")
    assert (wrote["method"], wrote["status"]) == ("POST", 201)
    assert {"duration_ms", "practice_id"} <= wrote.keys()
    assert "MARK" not in json.dumps(log.lines)


def test_a_repeat_of_a_write_belongs_to_the_first_request(office: Deployment) -> None:
    patient = office.id_of("patient", office.rows("patient")[0]["PatNum"])
    body = {"patient_id": patient, "note": "Called.", "mode": "phone"}
    for headers in ({"traceparent": PARENT}, {}):
        office.send("POST", "/communications", body=body, key="k" * 16, headers=headers)

    (entry,) = [one for one in office.on.ledger.entries.values() if one.record.request.idempotency_key]
    assert entry.record.request.correlation_id == TRACE


def test_what_the_background_reads_is_of_no_request(office: Deployment, log: Lines) -> None:
    office.patch(f"/practices/{office.practice_id}/sync", {"state": "on"})
    office.on.world.run(120)

    calls = log.said("called")
    assert calls
    assert not [line for line in calls if "correlation_id" in line or "operation_id" in line]
    assert {line["level"] for line in calls if "error" not in line} == {"DEBUG"}


def test_a_call_that_fails_is_said_whoever_it_was_for(office: Deployment, log: Lines) -> None:
    office.faulty("html", "*", count=1)
    office.patch(f"/practices/{office.practice_id}/sync", {"state": "on"})
    office.on.world.run(120)

    (failed,) = [line for line in log.said("called") if "error" in line]
    assert (failed["level"], failed["practice_id"]) == ("INFO", office.practice_id)
