"""Events on EventBridge: what is refused is put again, and nothing else is."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from gateway.adapters.events.bus import EventBridgeBus
from gateway.core.errors import Unavailable
from gateway.core.events.event import SOURCE, Cause, Event
from tests.contract.conftest import REGION

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def an_event(number: int) -> Event:
    return Event(
        f"evt_{number}",
        "appointment.updated",
        NOON,
        NOON,
        "prac_a",
        "appointment",
        f"appt_{number}",
        number,
        Cause.POLL,
    )


class Refusing:
    """EventBridge that refuses every other event the first `times` times that it comes."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.came: Counter[str] = Counter()
        self.taken: list[str] = []
        self.sizes: list[int] = []

    def put_events(self, **asked: Any) -> dict[str, Any]:
        self.sizes.append(len(asked["Entries"]))
        results: list[dict[str, Any]] = []
        for entry in asked["Entries"]:
            id_ = json.loads(entry["Detail"])["id"]
            self.came[id_] += 1
            if int(id_[4:]) % 2 and self.came[id_] <= self.times:
                results.append({"ErrorCode": "ThrottlingException", "ErrorMessage": "later"})
            else:
                self.taken.append(id_)
                results.append({"EventId": "1"})
        return {"FailedEntryCount": sum("ErrorCode" in one for one in results), "Entries": results}


def test_refused_entries_are_put_again_and_taken_ones_are_not() -> None:
    client: Any = Refusing(2)
    EventBridgeBus(client, bus_name="bus", sleep=lambda _: None).put([an_event(number) for number in range(25)])

    assert sorted(client.taken) == sorted(f"evt_{number}" for number in range(25))
    assert max(client.sizes) == 10


def test_a_bus_that_goes_on_refusing_is_unavailable() -> None:
    client: Any = Refusing(100)
    with pytest.raises(Unavailable):
        EventBridgeBus(client, bus_name="bus", sleep=lambda _: None).put([an_event(1), an_event(2)])


def test_a_rule_on_source_and_type_finds_the_event_and_nothing_else_is_in_its_envelope(aws: None) -> None:
    events, sqs = boto3.client("events", region_name=REGION), boto3.client("sqs", region_name=REGION)
    events.create_event_bus(Name="bus")
    queue = sqs.create_queue(QueueName="seen")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": [SOURCE], "detail-type": [{"prefix": "appointment."}], "detail": {"practice_id": ["prac_a"]}}
    events.put_rule(Name="visits", EventBusName="bus", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="visits", EventBusName="bus", Targets=[{"Id": "1", "Arn": arn}])

    EventBridgeBus(events, bus_name="bus").put([an_event(1)])

    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    came = json.loads(message["Body"])
    assert (came["detail-type"], came["resources"], came["detail"]["id"]) == ("appointment.updated", [], "evt_1")
