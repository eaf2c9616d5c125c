"""The event bus: EventBridge, ten entries a request."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.aws_errors import AwsError, unavailable
from gateway.core.events.event import SOURCE, Event

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

_AT_ONCE: Final = 10
_TRIES: Final = 5


class EventBridgeBus:
    """Fills `core.events.ports.Bus`.

    Source and type are not sealed with a key of ours, unlike the detail; there is nothing in them that says who.
    """

    def __init__(
        self, client: EventBridgeClient, *, bus_name: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._bus_name = bus_name
        self._sleep = sleep

    def put(self, events: Sequence[Event]) -> None:
        """See `Bus.put`."""
        for start in range(0, len(events), _AT_ONCE):
            self._put([self._entry(one) for one in events[start : start + _AT_ONCE]])

    def _put(self, entries: list[Any]) -> None:
        left = entries
        for tried in range(_TRIES):
            if tried:
                self._sleep(random.uniform(0.05, 0.2) * 2**tried)  # noqa: S311 - no secret hangs on it
            try:
                answer = self._client.put_events(Entries=left)
            except AwsError as error:
                raise unavailable("the event bus") from error
            # The answer is 200 also where entries were refused; each has its own result, in the order of the request.
            if not answer["FailedEntryCount"]:
                return
            left = [one for one, told in zip(left, answer["Entries"], strict=True) if "ErrorCode" in told]
        raise unavailable("the event bus")

    def _entry(self, event: Event) -> dict[str, Any]:
        return {
            "EventBusName": self._bus_name,
            "Source": SOURCE,
            "DetailType": event.type,
            "Time": event.detected_at,
            "Detail": json.dumps(event.told(), separators=(",", ":")),
        }
