"""Background turns to come: the queue that delays each of them."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from gateway.adapters.ticks import SqsTicks, tick_from
from gateway.core.errors import Unavailable
from gateway.core.worker import Tick
from tests.contract.conftest import REGION

TICKS = [Tick(f"prac_{number}", number, 1000 + number) for number in range(23)]


class _Counting:
    """A client that says how often it was asked, and may lose one message of each request."""

    def __init__(self, client: Any, *, loses: bool = False) -> None:
        self._client, self._loses, self.requests = client, loses, list[Any]()

    def send_message_batch(self, **asked: Any) -> Any:
        self.requests.append(asked["Entries"])
        answer = self._client.send_message_batch(**asked)
        return {**answer, "Failed": [{"Id": "0"}]} if self._loses else answer


@pytest.fixture
def queue(aws: None) -> tuple[Any, str]:
    client = boto3.client("sqs", region_name=REGION)
    return client, client.create_queue(QueueName="ticks")["QueueUrl"]


def test_turns_are_put_ten_to_a_request_each_with_its_own_delay(queue: tuple[Any, str]) -> None:
    """Ten thousand practices have thirty thousand turns a minute."""
    counting = _Counting(queue[0])
    SqsTicks(counting, queue_url=queue[1]).put(TICKS)  # type: ignore[arg-type]

    assert [len(entries) for entries in counting.requests] == [10, 10, 3]
    sent = [
        Tick(tick_from(entry["MessageBody"])[0], entry["DelaySeconds"], json.loads(entry["MessageBody"])["attempt"])
        for entries in counting.requests
        for entry in entries
    ]
    assert sent == TICKS


def test_no_turn_is_no_request(queue: tuple[Any, str]) -> None:
    counting = _Counting(queue[0])
    SqsTicks(counting, queue_url=queue[1]).put([])  # type: ignore[arg-type]

    assert counting.requests == []


def test_a_turn_that_was_not_taken_is_said(queue: tuple[Any, str]) -> None:
    with pytest.raises(Unavailable):
        SqsTicks(_Counting(queue[0], loses=True), queue_url=queue[1]).put(TICKS)  # type: ignore[arg-type]
