"""Dead letters are counted, and go back where they came from in their order, and only where somebody says so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.adapters import dead_letters
from gateway.core.errors import Unavailable
from gateway.wiring import redrive
from gateway.wiring.aws import AwsServices
from tests.contract.conftest import REGION

PREFIX = "open-dental-gateway-prod"


def a_pair(client: Any, source: str, dead: str, *, fifo: bool) -> tuple[str, str]:
    more = {"FifoQueue": "true", "FifoThroughputLimit": "perMessageGroupId", "DeduplicationScope": "messageGroup"}
    end = ".fifo" if fifo else ""
    kind = more if fifo else {}
    dead_url = client.create_queue(QueueName=dead + end, Attributes=kind)["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    url = client.create_queue(QueueName=source + end, Attributes={**kind, "RedrivePolicy": policy})["QueueUrl"]
    return url, dead_url


@pytest.fixture
def sqs(aws: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("STAGE", "prod")
    return AwsServices()._sqs


@pytest.fixture
def calls(sqs: Any) -> tuple[str, str]:
    urls = a_pair(sqs, f"{PREFIX}-core-CallsTurns0A1B2C3D-x1", f"{PREFIX}-core-CallsDeadLetters4E5F6071-y2", fifo=True)
    for number in range(12):
        sqs.send_message(
            QueueUrl=urls[1], MessageBody=f"{number}", MessageGroupId=f"prac_{number % 2}",
            MessageDeduplicationId=f"first-{number}",
        )  # fmt: skip
    return urls


def lying_in(client: Any, url: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    while messages := client.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["MessageGroupId"]
    ).get("Messages"):
        for one in messages:
            found.append((one["Attributes"].get("MessageGroupId", ""), one["Body"]))
            client.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    return found


def test_queues_are_shown_by_their_constructs_with_counts_and_nothing_else(
    sqs: Any, calls: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    a_pair(sqs, f"{PREFIX}-data-Hooks1A2B3C4D-z3", f"{PREFIX}-data-HooksDeadLettersFFEEDDCC-z4", fifo=False)
    a_pair(sqs, f"{PREFIX}-core-Ticks1A2B3C4D-z5", f"{PREFIX}-core-FailedEventsQueueFFEEDDCC-z6", fifo=False)
    a_pair(sqs, "open-dental-gateway-dev-core-Ticks1A2B3C4D-z5", "open-dental-gateway-dev-core-Other", fifo=False)
    redrive.main([], client=sqs)

    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["calls", "12"], ["failedevents", "0"], ["hooks", "0"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("left", "name"),
    [
        ("CallsMainStreetDeadLetters4E5F6071", "callsmainstreet"),
        ("CallsMainStreetDeadLetters4E", "callsmainstreet"),
        ("CallsMainStreetDeadLetters", "callsmainstreet"),
        ("CallsMainStreetDeadLe", "callsmainstreet"),
    ],
)
def test_a_name_that_aws_has_cut_is_found_by_its_construct(
    sqs: Any, capsys: pytest.CaptureFixture[str], left: str, name: str
) -> None:
    """SQS takes 80 characters, and the network's name is in the middle."""
    a_pair(sqs, f"{PREFIX}-core-CallsMainStreetTu-x1", f"{PREFIX}-core-{left}-y2", fifo=True)
    redrive.main([], client=sqs)

    assert capsys.readouterr().out.split() == [name, "0"]


def test_two_names_of_which_the_same_is_left_are_two_queues(sqs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for end in ("y2", "y3"):
        a_pair(sqs, f"{PREFIX}-core-CallsMainStreetTu-{end}", f"{PREFIX}-core-CallsMainStreetDe-{end}", fifo=True)
    redrive.main([], client=sqs)

    assert capsys.readouterr().out.split()[::2] == ["callsmainstreet", "callsmainstreet-2"]


def test_a_stage_that_is_not_there_is_no_success(
    sqs: Any, calls: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("STAGE")
    with pytest.raises(SystemExit) as ended:
        redrive.main(["calls", "--yes", "--stage", "prd"], client=sqs)

    assert (ended.value.code, capsys.readouterr().err) == (1, f"no queues of stage prd in {REGION}\n")


def test_nothing_moves_unless_somebody_says_yes(
    sqs: Any, calls: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["calls"], ["calls", "--purge"]):
        redrive.main(arguments, client=sqs)

    assert "say --yes" in capsys.readouterr().out
    assert len(lying_in(sqs, calls[1])) == 12


def test_all_of_it_goes_back_each_practices_turns_in_their_order(sqs: Any, calls: tuple[str, str]) -> None:
    redrive.main(["calls", "--yes"], client=sqs)

    back = lying_in(sqs, calls[0])
    for group in ("prac_0", "prac_1"):
        assert [body for of, body in back if of == group] == [f"{n}" for n in range(12) if f"prac_{n % 2}" == group]
    assert lying_in(sqs, calls[1]) == []


def test_what_is_not_taken_is_overtaken_by_nobody(
    sqs: Any, calls: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn that came before would be worked off after one that rests on it."""
    sent: list[str] = []
    send = sqs.send_message

    def fails_at_the_fifth(**asked: Any) -> Any:
        if len(sent) == 4:
            sqs.get_queue_url(QueueName="no-such-queue")
        sent.append(asked["MessageBody"])
        return send(**asked)

    monkeypatch.setattr(sqs, "send_message", fails_at_the_fifth)
    with pytest.raises(SystemExit) as ended:
        redrive.main(["calls", "--yes"], client=sqs)

    assert ended.value.code == 1
    assert len(lying_in(sqs, calls[0])) == 4


def test_what_came_from_several_places_can_only_be_thrown_away(sqs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    _, dead = a_pair(sqs, f"{PREFIX}-core-Ticks1A2B3C4D-z5", f"{PREFIX}-core-FailedEventsQueueFFEEDDCC-z6", fifo=False)
    sqs.send_message(QueueUrl=dead, MessageBody="{}")
    with pytest.raises(SystemExit):
        redrive.main(["failedevents", "--yes"], client=sqs)
    redrive.main(["failedevents", "--purge", "--yes"], client=sqs)

    assert lying_in(sqs, dead) == []


def test_a_queue_that_there_is_not_is_named(
    sqs: Any, calls: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        redrive.main(["cals", "--yes"], client=sqs)

    assert "there is no cals; there are calls" in capsys.readouterr().err


def test_a_service_that_does_not_answer_is_said_without_a_trace(
    sqs: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise Unavailable("SQS did not answer")

    monkeypatch.setattr(dead_letters, "find", fails)
    with pytest.raises(SystemExit):
        redrive.main([], client=sqs)

    assert capsys.readouterr().err == "SQS did not answer\n"
