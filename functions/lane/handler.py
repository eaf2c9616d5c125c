"""Once a minute: offers the background lanes that are due, each in its second of the coming minute."""

from __future__ import annotations

from typing import Any

from gateway.core.sweeping import offer_lanes
from gateway.wiring.worker import worker_services


def lambda_handler(_event: dict[str, Any], _context: object) -> dict[str, int]:
    """Say how many turns were offered."""
    return {"offered": offer_lanes(worker_services())}
