"""The deployment's queues of dead letters: what lies there, and putting it back where it came from.

A queue is found by the name of its stack; what it is called here is what its construct is called in `infra/`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.aws_errors import AwsError, unavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MIXED: Final = frozenset({"failedevents"})
"""What comes from more than one place, and in other words than it was put: it can be counted and thrown away."""

_AT_ONCE: Final = 10
_HIDDEN_S: Final = 120


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """One queue of dead letters; `source` is where its messages go back to."""

    name: str
    url: str
    source: str
    waiting: int

    @property
    def is_fifo(self) -> bool:
        """Whether its messages have an order."""
        return self.url.endswith(".fifo")


def find(client: SQSClient, *, stage: str) -> list[DeadLetters]:
    """All of the stage, by name; none where there is no such stage.

    Raises: Unavailable.
    """
    prefix = f"open-dental-gateway-{stage}-"
    try:
        pages = client.get_paginator("list_queues").paginate(QueueNamePrefix=prefix)
        sources = [url for page in pages for url in page.get("QueueUrls", [])]
        found: dict[str, DeadLetters] = {}
        for source in sources:
            told: Any = client.get_queue_attributes(QueueUrl=source, AttributeNames=["RedrivePolicy"])
            policy = json.loads(told.get("Attributes", {}).get("RedrivePolicy", "{}"))
            if "deadLetterTargetArn" not in policy:
                continue
            physical = policy["deadLetterTargetArn"].rpartition(":")[2]
            url = client.get_queue_url(QueueName=physical)["QueueUrl"]
            name = _name_of(physical, prefix)
            if name in found:  # Of two long names the same was left.
                name = f"{name}-{sum(one.startswith(name) for one in found) + 1}"
            found[name] = DeadLetters(name, url, source, _count(client, url))
    except AwsError as error:
        raise unavailable("SQS") from error
    return [found[name] for name in sorted(found)]


def redrive(client: SQSClient, queue: DeadLetters) -> int:
    """Put everything back where it came from, each group in its order; returns how many.

    Stops at the first that is not taken: nothing behind it may overtake it. Who dies between two lines leaves a message
    in both queues; whoever works it off finds its work done.

    Raises: Unavailable: some of it may be back. ValueError: what lies there came from several places.
    """
    if queue.name in MIXED:
        raise ValueError("what lies there cannot go back: it came from several places")
    moved = 0
    try:
        while messages := _received(client, queue):
            for message in messages:
                order: dict[str, Any] = {}
                if queue.is_fifo:
                    order["MessageGroupId"] = message["Attributes"]["MessageGroupId"]
                    # SQS would swallow the first one's for 5 minutes.
                    order["MessageDeduplicationId"] = f"{message['MessageId']}.back"
                client.send_message(QueueUrl=queue.source, MessageBody=message["Body"], **order)
                client.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
                moved += 1
    except AwsError as error:
        raise unavailable("SQS") from error
    return moved


def purge(client: SQSClient, queue: DeadLetters) -> None:
    """Throw everything away that lies there. Raises: Unavailable."""
    try:
        client.purge_queue(QueueUrl=queue.url)
    except AwsError as error:
        raise unavailable("SQS") from error


def _received(client: SQSClient, queue: DeadLetters) -> list[Any]:
    answer: Any = client.receive_message(
        QueueUrl=queue.url,
        MaxNumberOfMessages=_AT_ONCE,
        VisibilityTimeout=_HIDDEN_S,
        WaitTimeSeconds=1,
        MessageSystemAttributeNames=["MessageGroupId"] if queue.is_fifo else [],
    )
    found: list[Any] = answer.get("Messages", [])
    return found


def _count(client: SQSClient, url: str) -> int:
    name: Final = "ApproximateNumberOfMessages"
    told: Any = client.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(told["Attributes"][name])


def _name_of(physical: str, prefix: str) -> str:
    """`open-dental-gateway-prod-core-CallsDeadLetters1A2B3C4D-xyz.fifo` -> `calls`.

    CloudFormation cuts what would be longer than SQS's 80 characters in the middle, first the construct's hash.
    """
    construct = physical.removesuffix(".fifo").removeprefix(prefix).partition("-")[2].partition("-")[0]
    whole = re.fullmatch(r"(.+?)(?:DeadLetters|Queue)?[0-9A-F]{8}", construct)
    cut = whole or re.fullmatch(rf"(.+?)(?:{_CUT}|Queue)?[0-9A-F]{{0,7}}", construct)
    return (cut.group(1) if cut else construct).lower()


_CUT: Final = "|".join("DeadLetters"[:length] for length in range(len("DeadLetters"), 1, -1))
