"""Once a minute: tells which messages may be sent now, ends those whose time is over, and looks ahead at night."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from gateway.core.engagement.minute import run_minute
from gateway.wiring.background import background_logger
from gateway.wiring.engagement import planning_services

if TYPE_CHECKING:
    from typing import Any

logger = background_logger()
metrics = Metrics(namespace="OpenDentalGateway", service="messages_due")


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, int]:
    """Do one part's share, and count."""
    did = run_minute(planning_services(), part=event.get("part", 0), of=event.get("of", 1))
    metrics.add_metric("MessagesDue", MetricUnit.Count, did.told)
    metrics.add_metric("MessagesNotLookedAt", MetricUnit.Count, did.failed)
    metrics.add_metric("OldestMessage", MetricUnit.Seconds, did.oldest_s)
    return {"told": did.told, "ended": did.ended, "planned": did.planned, "failed": did.failed}
