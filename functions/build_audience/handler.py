"""One step of building an audience: as much of it as fits into an invocation.

Only the role of its state machine may invoke it. It is told an id, and tells how far it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from gateway.core.audiences.building import build
from gateway.core.audiences.records import State
from gateway.wiring.background import background_logger
from gateway.wiring.services import services

logger = background_logger()

_LEFT_MS: Final = 60_000
"""So much has to be left for another page of patients."""


class Left(Protocol):
    """Lambda's context, as far as it is looked at."""

    def get_remaining_time_in_millis(self) -> int:
        """See `LambdaContext`."""
        ...


@logger.inject_lambda_context
def lambda_handler(event: Mapping[str, Any], context: Left) -> dict[str, Any]:
    """Say whether it is done, and as what."""
    audience = build(
        str(event["audience_id"]),
        has_time=lambda: context.get_remaining_time_in_millis() > _LEFT_MS,
        on=services(),
    )
    state = State.DELETED if audience is None else audience.state
    return {"done": state is not State.BUILDING, "state": state.value}
