"""Brings what is planned for a patient in line with what happened at the office."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from gateway.core.engagement.hearing import hear
from gateway.wiring.background import background_logger
from gateway.wiring.engagement import planning_services

if TYPE_CHECKING:
    from typing import Any

logger = background_logger()
metrics = Metrics(namespace="OpenDentalGateway", service="plan_messages")


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, int]:
    """Take one event of the bus. What fails for the moment is tried again by Lambda, and looked at again at night."""
    done = hear(event["detail"], planning_services())
    metrics.add_metric("MessagesPlanned", MetricUnit.Count, done.added)
    return {"added": done.added, "changed": done.changed}
