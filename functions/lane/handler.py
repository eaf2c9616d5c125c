"""Once a minute: offers the background lanes that are due, each in its second of the coming minute."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.core.errors import Unavailable
from gateway.core.health.fleet import LANES, note_part
from gateway.core.sweeping import offer_lanes
from gateway.wiring.background import background_logger
from gateway.wiring.worker import worker_services

if TYPE_CHECKING:
    from typing import Any


logger = background_logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, int]:
    """Say how many turns were offered. The event says which part of the practices; without a word it is all of them."""
    part = (int(event.get("part", 0)), int(event.get("of", 1)))
    on = worker_services()
    offered = offer_lanes(on, part=part)
    with suppress(Unavailable):  # The next minute says it.
        note_part(on.fleet, LANES, {"offered": offered}, part=part, at=on.clock.now())
    return {"offered": offered}
