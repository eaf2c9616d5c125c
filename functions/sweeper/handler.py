"""Once a minute: wakes parked and forgotten turns, and counts what is unknown.

The counts go to CloudWatch as embedded metrics, for the deployment as a whole: no metric has a practice dimension.
"""

from __future__ import annotations

import json
from typing import Any

from gateway.core.sweeping import Swept, sweep
from gateway.wiring.worker import worker_services

NAMESPACE = "OpenDentalGateway"
UNITS = {
    "UnknownOperations": "Count",
    "QueuedOperations": "Count",
    "ParkedOperations": "Count",
    "TurnsPutAgain": "Count",
    "OldestOverdue": "Seconds",
    "GovernorBrakes": "Count",
}


def lambda_handler(_event: dict[str, Any], _context: object) -> dict[str, int]:
    """Sweep once, and print the metrics."""
    on = worker_services()
    swept = sweep(on)
    now = on.clock.now()
    brakes = on.governor.minute(now).too_many_refused
    print(json.dumps(metrics_of(swept, brakes=brakes, at_ms=int(now.timestamp() * 1000))))  # noqa: T201
    return {"put": swept.put, "unknown": swept.unknown}


def metrics_of(swept: Swept, *, brakes: bool, at_ms: int) -> dict[str, Any]:
    """A record in CloudWatch's embedded metric format.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    values = (swept.unknown, swept.queued, swept.parked, swept.put, swept.oldest_s, int(brakes))
    metrics = [{"Name": name, "Unit": unit} for name, unit in UNITS.items()]
    return {
        "_aws": {
            "Timestamp": at_ms,
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [[]], "Metrics": metrics}],
        },
        **dict(zip(UNITS, values, strict=True)),
    }
