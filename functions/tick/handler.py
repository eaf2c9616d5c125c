"""Forwards a background turn to the calls queue when its second has come.

A function of its own, because the worker must not start its own chain again.
"""

from __future__ import annotations

from typing import Any

from gateway.adapters.ticks import tick_from
from gateway.core.errors import Unavailable
from gateway.core.sweeping import forward_tick
from gateway.wiring.worker import worker_services


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer SQS with the ticks that have to come back."""
    failed = []
    for record in event["Records"]:
        practice_id, attempt = tick_from(record["body"])
        try:
            forward_tick(practice_id, attempt, on=worker_services())
        except Unavailable:
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
