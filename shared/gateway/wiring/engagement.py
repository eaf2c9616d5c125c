"""Which adapter fills which port of the functions that plan messages to patients, and of the one that sends them."""

# ruff: noqa: PLC0415 - what is imported where it is used costs a cold start nothing.
from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gateway.wiring.aws import AwsServices
from gateway.wiring.held import Held
from gateway.wiring.services import Services

if TYPE_CHECKING:
    from gateway.adapters.carrier import AwsCarrier
    from gateway.core.engagement.sender import Sending


class PlanningServices(AwsServices):
    """Fills `core.engagement.ports.PlanServices`."""

    @cached_property
    def stage(self) -> str:
        """The deployment's stage."""
        return os.environ["STAGE"]


class SenderServices(Services):
    """Fills `core.engagement.sender.SenderServices`."""

    @cached_property
    def carrier(self) -> AwsCarrier:
        """Ways out to patients."""
        from gateway.adapters.carrier import AwsCarrier

        once: dict[str, Any] = {"retries": {"total_max_attempts": 1}}
        return AwsCarrier(
            sns=lambda: self._client("sns", **once),
            ses=lambda: self._client("sesv2", **once),
            email_from=os.environ.get("EMAIL_FROM"),
        )


def sending_of(told: Mapping[str, str]) -> Sending | None:
    """How a stage sends, by what its function is told; None where it has no sender."""
    client_id = told.get("SENDER_CLIENT")
    if not client_id:
        return None
    from gateway.core.engagement.sender import Sending

    return Sending(client_id, told.get("SENDER_HOOK"))


planning_services = Held(PlanningServices)
"""All ports of this process."""

sender_services = Held(SenderServices)
"""All ports of this process."""


def use(other: Any) -> None:
    """Have others handed out, to both kinds of functions; None goes back to AWS. For tests."""
    planning_services.use(other)
    sender_services.use(other)
