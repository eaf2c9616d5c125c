"""The gateway's own sender of messages to patients; in a stage that has none it hears and does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from gateway.core.engagement.sender import send
from gateway.wiring.background import background_logger
from gateway.wiring.engagement import sender_services, sending

if TYPE_CHECKING:
    from typing import Any

logger = background_logger()
metrics = Metrics(namespace="OpenDentalGateway", service="send_messages")


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, str]:
    """Take one event of the bus."""
    how = sending()
    if how is None:
        return {"sent": "off"}
    sent = send(event["detail"], how, sender_services())
    metrics.add_metric(f"Messages{sent.title().replace('_', '')}", MetricUnit.Count, 1)
    return {"sent": str(sent)}
