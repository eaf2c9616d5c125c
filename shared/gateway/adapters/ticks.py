"""The ticks queue: a standard queue, because a FIFO queue delays all its messages alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gateway.adapters.aws_errors import AwsError, unavailable
from gateway.core.errors import Unavailable
from gateway.core.worker import Tick

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

_AT_ONCE = 10
"""Messages that SQS takes in one request."""


class SqsTicks:
    """Fills `core.worker.Ticks`."""

    def __init__(self, client: SQSClient, *, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def put(self, ticks: Sequence[Tick]) -> None:
        """See `Ticks.put`."""
        for first in range(0, len(ticks), _AT_ONCE):
            entries: list[SendMessageBatchRequestEntryTypeDef] = [
                {"Id": str(number), "MessageBody": _text(tick), "DelaySeconds": tick.delay_s}
                for number, tick in enumerate(ticks[first : first + _AT_ONCE])
            ]
            try:
                answer = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
            except AwsError as error:
                raise unavailable("the ticks queue") from error
            if answer.get("Failed"):
                raise Unavailable("the ticks queue did not take all turns")


def _text(tick: Tick) -> str:
    value = {"practice_id": tick.practice_id, "attempt": tick.attempt}
    value |= {} if tick.network is None else {"network": tick.network}
    return json.dumps(value, separators=(",", ":"))


def tick_from(text: str) -> tuple[str, int, str | None]:
    """A tick's practice, attempt and network."""
    value: dict[str, Any] = json.loads(text)
    return str(value["practice_id"]), int(value["attempt"]), value.get("network")
