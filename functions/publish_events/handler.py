"""Tells what changed in the mirrors, as the stream of their table shows it.

A batch is told as a whole. If it cannot be, Lambda tries it again, halves it until the change stands alone that is to
blame, and puts that into the bucket. What is told twice has one id.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from gateway.adapters.events.stream import change_from
from gateway.core.errors import Unavailable
from gateway.core.events.publishing import publish
from gateway.core.health.fleet import PUBLISHER
from gateway.web.logging import location_of
from gateway.wiring.background import background_logger
from gateway.wiring.publisher import publisher_services

if TYPE_CHECKING:
    from typing import Any

    from gateway.wiring.publisher import PublisherServices

logger = background_logger()
metrics = Metrics(namespace="OpenDentalGateway", service="publish_events")


class NotTold(Exception):
    """The batch was not told. Lambda logs the message: it says where, and no value."""


class _Kept:
    at: datetime | None = None
    """When this process last kept a figure: once a minute is enough for whoever looks."""


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, list[Any]]:
    """Publish a batch of the stream.

    Raises: NotTold: all of it comes again.
    """
    on = publisher_services()
    on.begin_batch()
    try:
        found = (change_from(record, on.records.pieces) for record in event["Records"])
        told = publish([one for one in found if one is not None], on)
    except Exception as error:
        at = location_of(error)
        logger.exception("a batch was not told")
        raise NotTold(f"{at['error']} at {at['at']}") from None
    _keep(told.oldest_s, on)
    metrics.add_metric("EventsPublished", MetricUnit.Count, told.events)
    metrics.add_metric("ChangesRecovered", MetricUnit.Count, told.recovered)
    metrics.add_metric("OldestChange", MetricUnit.Seconds, told.oldest_s)
    return {"batchItemFailures": []}


def _keep(oldest_s: float, on: PublisherServices) -> None:
    now = on.clock.now()
    if _Kept.at is not None and now - _Kept.at < timedelta(minutes=1):
        return
    _Kept.at = now
    with suppress(Unavailable):  # What was told is told.
        on.fleet.note(PUBLISHER, {"oldest_s": oldest_s}, at=now)
