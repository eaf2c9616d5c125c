"""What the calls queue promises, whoever keeps it: the order of turns, one at a time for each practice."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from gateway.adapters.calls import SqsCalls, turn_from
from gateway.core.errors import Unavailable
from gateway.core.operations import Turn
from gateway.wiring.aws import AwsServices
from tests.fakes import FakeCalls, FakeClock
from tests.fakes.services import VISIBLE_S, FakeMessage


class OnFake:
    """The fake, received from as SQS is."""

    def __init__(self) -> None:
        self.calls = FakeCalls(FakeClock())
        self._taken: dict[str, FakeMessage] = {}

    def receive(self) -> tuple[str, Turn] | None:
        message = self.calls.receive(visibility_s=VISIBLE_S)
        if message is None:
            return None
        self._taken[str(id(message))] = message
        return str(id(message)), message.turn

    def hide(self, receipt: str, seconds: float) -> None:
        self.calls.change_visibility(self._taken[receipt], seconds)

    def delete(self, receipt: str) -> None:
        self.calls.delete(self._taken[receipt])


class OnSqs:
    """An SQS FIFO queue as `infra/` makes it."""

    def __init__(self, name: str = "calls.fifo") -> None:
        self._sqs: Any = boto3.client("sqs", region_name="us-east-1")
        attributes: Any = {
            "FifoQueue": "true",
            "DeduplicationScope": "messageGroup",
            "FifoThroughputLimit": "perMessageGroupId",
        }
        self.url = self._sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.calls = SqsCalls(self._sqs, queue_url=self.url)
        self.hide: Callable[[str, float], None] = self.calls.hide

    def receive(self) -> tuple[str, Turn] | None:
        got = self._sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=1, VisibilityTimeout=int(VISIBLE_S))
        for message in got.get("Messages", []):
            return message["ReceiptHandle"], turn_from(message["Body"])
        return None

    def delete(self, receipt: str) -> None:
        self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=receipt)


@pytest.fixture(params=["fake", "sqs"])
def queue(request: pytest.FixtureRequest) -> Any:
    if request.param == "fake":
        return OnFake()
    request.getfixturevalue("aws")
    return OnSqs()


def test_turns_of_a_practice_come_in_order_and_one_at_a_time(queue: Any) -> None:
    turns = [Turn("prac_a", f"opn_{number}", 1) for number in range(3)]
    for turn in turns:
        queue.calls.put(turn, network="remote")

    for turn in turns:
        receipt, got = queue.receive()
        assert got == turn
        assert queue.receive() is None
        queue.delete(receipt)


def test_a_practice_does_not_wait_for_another(queue: Any) -> None:
    queue.calls.put(Turn("prac_a", "opn_1", 1), network="remote")
    queue.calls.put(Turn("prac_b", "opn_2", 1), network="remote")

    assert {queue.receive()[1].practice_id for _ in range(2)} == {"prac_a", "prac_b"}


def test_a_repeat_is_swallowed_and_a_new_attempt_is_not(queue: Any) -> None:
    for attempt in (1, 1, 2):
        queue.calls.put(Turn("prac_a", "opn_1", attempt), network="remote")
    queue.calls.put(Turn("prac_a", None, 7), network="remote")

    got = []
    while (message := queue.receive()) is not None:
        got.append((message[1].operation_id, message[1].attempt))
        queue.delete(message[0])
    assert got == [("opn_1", 1), ("opn_1", 2), (None, 7)]


def test_a_turn_that_is_shown_again_keeps_its_place(queue: Any) -> None:
    queue.calls.put(Turn("prac_a", "opn_1", 1), network="remote")
    queue.calls.put(Turn("prac_a", "opn_2", 1), network="remote")
    receipt, _ = queue.receive()
    queue.hide(receipt, 0.0)

    assert queue.receive()[1].operation_id == "opn_1"


@pytest.fixture
def networks(aws: None, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any, Any]:
    """What a function makes of its environment in a stage with one network, and the two queues."""
    remote, clinic = OnSqs(), OnSqs("calls-clinic.fifo")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("CALLS_QUEUE_URL", remote.url)
    monkeypatch.setenv("CALLS_QUEUE_URLS", json.dumps({"clinic": clinic.url}))
    return AwsServices().calls, remote, clinic


def test_a_turn_waits_on_the_queue_of_its_practices_network_and_on_no_other(networks: tuple[Any, Any, Any]) -> None:
    calls, remote, clinic = networks
    calls.put(Turn("prac_a", "opn_1", 1), network="clinic")
    calls.put(Turn("prac_b", "opn_2", 1), network="remote")

    assert clinic.receive()[1] == Turn("prac_a", "opn_1", 1)
    assert remote.receive()[1] == Turn("prac_b", "opn_2", 1)
    assert clinic.receive() is remote.receive() is None


def test_a_turn_of_a_network_that_the_stage_has_not_goes_nowhere(networks: tuple[Any, Any, Any]) -> None:
    """On another queue a worker would carry the practice's keys to whoever has its address there."""
    calls, remote, clinic = networks
    with pytest.raises(Unavailable):
        calls.put(Turn("prac_a", "opn_1", 1), network="closed-clinic")

    assert clinic.receive() is remote.receive() is None


def test_a_networks_worker_hides_turns_of_the_queue_that_feeds_it(
    networks: tuple[Any, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, _, clinic = networks
    monkeypatch.setenv("CALLS_QUEUE_URL", clinic.url)
    monkeypatch.delenv("CALLS_QUEUE_URLS")
    calls.put(Turn("prac_a", "opn_1", 1), network="clinic")
    receipt, turn = clinic.receive()
    AwsServices().calls.hide(receipt, 0.0)

    assert clinic.receive()[1] == turn
