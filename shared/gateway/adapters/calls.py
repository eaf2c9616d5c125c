"""The calls queue: turns of all practices, one at a time for each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING, Any

from gateway.adapters.aws_errors import AwsError, unavailable
from gateway.core.errors import Unavailable
from gateway.core.operations import Turn
from gateway.core.pacing import MAX_VISIBILITY_S
from gateway.core.practices import REMOTE_NETWORK

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsCalls:
    """Fills `core.ports.Calls` with an SQS FIFO queue.

    The practice is the message group: SQS hands out its turns in order, and none while another of them is being worked
    on. `queue_url` is the queue of the remote network; for a worker, which puts nothing, the one that feeds it.
    `networks`: the URLs of the other networks' queues, by their names.
    """

    def __init__(self, client: SQSClient, *, queue_url: str, networks: Mapping[str, str] | None = None) -> None:
        self._client = client
        self._queue_url = queue_url
        self._queue_urls = {**(networks or {}), REMOTE_NETWORK: queue_url}

    def put(self, turn: Turn, *, network: str) -> None:
        """See `Calls.put`."""
        if network not in self._queue_urls:
            # Never on another queue: its worker would send the keys to whoever has that address there.
            raise Unavailable("this stage has no queue for the practice's network")
        try:
            self._client.send_message(
                QueueUrl=self._queue_urls[network],
                MessageBody=turn_text(turn),
                MessageGroupId=turn.practice_id,
                # A new attempt is a new message; SQS swallows a repeat for 5 minutes.
                MessageDeduplicationId=f"{turn.operation_id or 'background.' + turn.practice_id}.{turn.attempt}",
            )
        except AwsError as error:
            raise Unavailable("the calls queue did not take the turn") from error

    def hide(self, receipt: str, seconds: float) -> None:
        """Keep a received message invisible for so long from now; 0 shows it at once.

        Raises: Unavailable: the queue did not answer, or the message is no longer this receiver's.
        """
        timeout_s = min(ceil(seconds), int(MAX_VISIBILITY_S))
        try:
            self._client.change_message_visibility(
                QueueUrl=self._queue_url, ReceiptHandle=receipt, VisibilityTimeout=max(0, timeout_s)
            )
        except AwsError as error:
            raise unavailable("the calls queue") from error


def turn_text(turn: Turn) -> str:
    """A message's body."""
    return json.dumps(
        {"practice_id": turn.practice_id, "operation_id": turn.operation_id, "attempt": turn.attempt},
        separators=(",", ":"),
    )


def turn_from(text: str) -> Turn:
    """See `turn_text`."""
    value: Mapping[str, Any] = json.loads(text)
    return Turn(value["practice_id"], value["operation_id"], int(value["attempt"]))
