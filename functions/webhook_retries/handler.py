"""Once a minute: queues the deliveries that are due, which are retries and those whose message was lost."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from gateway.core.errors import Unavailable
from gateway.core.health.fleet import WEBHOOKS
from gateway.core.webhooks.delivering import send_due
from gateway.wiring.background import background_logger
from gateway.wiring.deliverer import deliverer_services

if TYPE_CHECKING:
    from typing import Any

logger = background_logger()
metrics = Metrics(namespace="OpenDentalGateway", service="webhook_retries")


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(_event: dict[str, Any], _context: object) -> dict[str, int]:
    """Queue what is due, and count."""
    on = deliverer_services()
    sent = send_due(on)
    with suppress(Unavailable):  # The next minute says it.
        figures = {"due": sent.due, "not_sent": sent.not_sent, "oldest_s": sent.oldest_s}
        on.fleet.note(WEBHOOKS, figures, at=on.clock.now())
    metrics.add_metric("DeliveriesDue", MetricUnit.Count, sent.due)
    metrics.add_metric("DeliveriesNotQueued", MetricUnit.Count, sent.not_sent)
    metrics.add_metric("OldestDelivery", MetricUnit.Seconds, sent.oldest_s)
    return {"due": sent.due, "not_sent": sent.not_sent}
