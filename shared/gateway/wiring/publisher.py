"""Which adapter fills which port of the publisher."""

# ruff: noqa: PLC0415 - what is imported where it is used costs a cold start nothing.
from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, cast

from gateway.core.events.surroundings import around_of
from gateway.wiring.aws import AwsServices
from gateway.wiring.held import Held

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

    from gateway.adapters.events.bus import EventBridgeBus
    from gateway.core.events.changes import RowChange
    from gateway.core.events.deriving import Around
    from gateway.core.ports import Services
    from gateway.core.webhooks.delivering import Beginning


class PublisherServices(AwsServices):
    """Fills `core.events.ports.PublisherServices`."""

    @cached_property
    def bus(self) -> EventBridgeBus:
        """The bus."""
        from gateway.adapters.events.bus import EventBridgeBus

        return EventBridgeBus(cast("EventBridgeClient", self._client("events")), bus_name=os.environ["EVENT_BUS"])

    @cached_property
    def deliveries(self) -> Beginning:
        """The way to endpoints."""
        from gateway.core.webhooks.delivering import Beginning

        return Beginning(self)

    def around(self, change: RowChange) -> Around | None:
        """What a change is read with; a practice's is kept for one batch."""
        if change.practice_id not in self._arounds:
            # It asks no port that a publisher lacks.
            self._arounds[change.practice_id] = around_of(change.practice_id, cast("Services", self))
        return self._arounds[change.practice_id]

    def begin_batch(self) -> None:
        """Forget what the last batch was read with."""
        self._arounds.clear()

    @cached_property
    def _arounds(self) -> dict[str, Around | None]:
        return {}


publisher_services = Held(PublisherServices)
"""All ports of this process."""

use = publisher_services.use
"""Have others handed out; None goes back to AWS. For tests."""
