"""The queue of deliveries: ids and numbers only, as a queue is no place for anything else."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.aws_errors import AwsError, unavailable
from gateway.core.webhooks.deliveries import Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

LANES: Final = 5
"""Message groups of an endpoint: as many of its calls are under way at most."""


class SqsDeliveryQueue:
    """Fills `core.webhooks.ports.DeliveryQueue` with an SQS FIFO queue.

    Objects of an endpoint are spread over its groups, so those of one object come in order, and no endpoint waits for
    another.
    """

    def __init__(self, client: SQSClient, *, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def put(self, message: Message) -> None:
        """See `DeliveryQueue.put`."""
        try:
            self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=message_text(message),
                MessageGroupId=group_of(message),
                MessageDeduplicationId=f"{message.endpoint_id}.{message.event_id}.{message.turn}",
            )
        except AwsError as error:
            raise unavailable("the queue of deliveries") from error


def group_of(message: Message) -> str:
    """The message group, within which nothing overtakes."""
    return f"{message.endpoint_id}#{zlib.crc32(message.object_id.encode()) % LANES}"


def message_text(message: Message) -> str:
    """A message's body."""
    body = {
        "endpoint_id": message.endpoint_id,
        "event_id": message.event_id,
        "object_id": message.object_id,
        "turn": message.turn,
    }
    return json.dumps(body, separators=(",", ":"))


def message_from(text: str) -> Message:
    """See `message_text`."""
    value: dict[str, Any] = json.loads(text)
    return Message(value["endpoint_id"], value["event_id"], value["object_id"], int(value["turn"]))
