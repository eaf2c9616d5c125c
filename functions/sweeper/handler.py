"""Once a minute: wakes parked and forgotten turns, counts what is unknown, and deletes files that were handed out.

The counts go to CloudWatch as embedded metrics, for the deployment as a whole: no metric has a practice dimension.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from gateway.core.errors import Unavailable
from gateway.core.sweeping import sweep, tidy
from gateway.wiring.background import background_logger
from gateway.wiring.worker import worker_services

if TYPE_CHECKING:
    from typing import Any


logger = background_logger()
metrics = Metrics(namespace="OpenDentalGateway", service="sweeper")


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(_event: dict[str, Any], _context: object) -> dict[str, int]:
    """Sweep once, and count."""
    on = worker_services()
    swept = sweep(on)
    try:
        tidy(on)
    except Unavailable:
        # Tried again in a minute; but a bucket that never lets us keeps patients' files.
        logger.exception("files in the SFTP server's bucket could not be deleted")
    brakes = on.governor.minute(on.clock.now()).too_many_refused
    metrics.add_metric("UnknownOperations", MetricUnit.Count, swept.unknown)
    metrics.add_metric("QueuedOperations", MetricUnit.Count, swept.queued)
    metrics.add_metric("ParkedOperations", MetricUnit.Count, swept.parked)
    metrics.add_metric("TurnsPutAgain", MetricUnit.Count, swept.put)
    metrics.add_metric("TurnsNotPut", MetricUnit.Count, swept.not_put)
    metrics.add_metric("OldestOverdue", MetricUnit.Seconds, swept.oldest_s)
    metrics.add_metric("GovernorBrakes", MetricUnit.Count, int(brakes))
    return {"put": swept.put, "unknown": swept.unknown}
