"""Which adapter fills which port of the functions that deliver to webhook endpoints."""

# ruff: noqa: PLC0415 - what is imported where it is used costs a cold start nothing.
from __future__ import annotations

import os
import random
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gateway.wiring.aws import AwsServices

if TYPE_CHECKING:
    from gateway.adapters.callers import DynamoCallers
    from gateway.adapters.events.facts import DynamoFacts
    from gateway.adapters.events.log import DynamoEventLog


class DelivererServices(AwsServices):
    """Fills `core.webhooks.ports.DeliveryServices` and `RetryServices`."""

    @cached_property
    def stage(self) -> str:
        """The deployment's stage."""
        return os.environ["STAGE"]

    @cached_property
    def callers(self) -> DynamoCallers:
        """Whose the endpoints are."""
        from gateway.adapters.callers import DynamoCallers

        return DynamoCallers(self._dynamodb, table=os.environ["CALLERS_TABLE"])

    @cached_property
    def event_log(self) -> DynamoEventLog:
        """What is delivered."""
        from gateway.adapters.events.log import DynamoEventLog

        return DynamoEventLog(self._dynamodb, table=os.environ["EVENTS_TABLE"])

    @cached_property
    def facts(self) -> DynamoFacts:
        """What is told of endpoints."""
        from gateway.adapters.events.facts import DynamoFacts

        return DynamoFacts(self._dynamodb, table=os.environ["RECORDS_TABLE"])

    def chance(self) -> float:
        """See `DeliveryServices.chance`."""
        return random.random()  # noqa: S311 - no secret hangs on it


class _Holder:
    current: Any = None


def deliverer_services() -> DelivererServices:
    """All ports of this process."""
    if _Holder.current is None:
        _Holder.current = DelivererServices()
    found: DelivererServices = _Holder.current
    return found


def use(services: Any) -> None:
    """Have `deliverer_services` hand out `services`; None goes back to AWS. For tests."""
    _Holder.current = services
