"""Which adapter fills which port of the functions that deliver to webhook endpoints."""

from __future__ import annotations

import os
import random
from functools import cached_property
from typing import Any

from gateway.wiring.aws import AwsServices


class DelivererServices(AwsServices):
    """Fills `core.webhooks.ports.DeliveryServices` and `RetryServices`."""

    @cached_property
    def stage(self) -> str:
        """The deployment's stage."""
        return os.environ["STAGE"]

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
