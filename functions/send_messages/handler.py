"""The gateway's own sender of messages to patients; in a stage that has none it hears and does nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from gateway.core.engagement.sender import send
from gateway.wiring.background import background_logger
from gateway.wiring.engagement import sender_services, sending_of

if TYPE_CHECKING:
    from typing import Any

logger = background_logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, str]:
    """Take one event of the bus."""
    how = sending_of(os.environ)
    if how is None:
        return {"sent": "off"}
    sent = send(event["detail"], how, sender_services())
    name = f"Messages{sent.title().replace('_', '')}"
    with single_metric(name=name, unit=MetricUnit.Count, value=1, namespace="OpenDentalGateway") as metric:
        metric.add_dimension("service", "send_messages")
    return {"sent": str(sent)}
