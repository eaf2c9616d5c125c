"""The ticks queue: a standard queue, because a FIFO queue delays all its messages alike."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gateway.adapters.aws_errors import AwsError, unavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsTicks:
    """Fills `core.worker.Ticks`."""

    def __init__(self, client: SQSClient, *, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def put(self, practice_id: str, *, delay_s: int, attempt: int, network: str | None = None) -> None:
        """See `Ticks.put`."""
        value = {"practice_id": practice_id, "attempt": attempt} | ({} if network is None else {"network": network})
        body = json.dumps(value, separators=(",", ":"))
        try:
            self._client.send_message(QueueUrl=self._queue_url, MessageBody=body, DelaySeconds=delay_s)
        except AwsError as error:
            raise unavailable("the ticks queue") from error


def tick_from(text: str) -> tuple[str, int, str | None]:
    """A tick's practice, attempt and network."""
    value: dict[str, Any] = json.loads(text)
    return str(value["practice_id"]), int(value["attempt"]), value.get("network")
