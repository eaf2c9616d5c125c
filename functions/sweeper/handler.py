"""Once a minute: wakes parked and forgotten turns, counts what is unknown, and deletes files that were handed out.

The counts go to CloudWatch as embedded metrics, for the deployment as a whole: no metric has a practice dimension.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from gateway.core.errors import Unavailable
from gateway.core.health.counting import count_troubles, note_sweep
from gateway.core.health.fleet import Trouble
from gateway.core.sweeping import sweep, tidy
from gateway.wiring.background import background_logger
from gateway.wiring.worker import worker_services

if TYPE_CHECKING:
    from typing import Any


logger = background_logger()
metrics = Metrics(namespace="OpenDentalGateway", service="sweeper")

COUNTED = {
    Trouble.OFFLINE: "PracticesOffline",
    Trouble.KEY_REFUSED: "KeysRefused",
    Trouble.FAILING: "PracticesFailing",
    Trouble.MIRROR_LATE: "MirrorsLate",
    Trouble.MACHINES_SILENT: "MachinesSilent",
}


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
    figures = note_sweep(swept, on)
    troubles = count_troubles(on)
    now = on.clock.now()
    metrics.add_metric("UnknownOperations", MetricUnit.Count, swept.unknown)
    metrics.add_metric("QueuedOperations", MetricUnit.Count, swept.queued)
    metrics.add_metric("ParkedOperations", MetricUnit.Count, swept.parked)
    metrics.add_metric("TurnsPutAgain", MetricUnit.Count, swept.put)
    metrics.add_metric("TurnsNotPut", MetricUnit.Count, swept.not_put)
    metrics.add_metric("OldestOverdue", MetricUnit.Seconds, swept.oldest_s)
    metrics.add_metric("GovernorBrakes", MetricUnit.Count, figures["brakes"])
    metrics.add_metric("UpstreamCalls", MetricUnit.Count, figures["calls"])
    metrics.add_metric("UpstreamRefused", MetricUnit.Count, figures["refused"])
    for trouble, name in COUNTED.items():
        metrics.add_metric(name, MetricUnit.Count, troubles[trouble].practices)
    metrics.add_metric("LatestMirror", MetricUnit.Seconds, troubles[Trouble.MIRROR_LATE].for_s(now))
    return {"put": swept.put, "unknown": swept.unknown}
