"""Posts events to the endpoints that want them, one turn of a delivery after the other.

The message only says which turn to make; whether it is still to be made lies in the delivery's row.
"""

from __future__ import annotations

import logging as standard
from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import MetricUnit, single_metric
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from gateway.adapters.webhooks.queue import message_from
from gateway.core.webhooks.delivering import deliver
from gateway.wiring.background import background_logger
from gateway.wiring.deliverer import deliverer_services

if TYPE_CHECKING:
    from typing import Any

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

logger = background_logger()
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False, logger=standard.getLogger("gateway"))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], _context: object) -> PartialItemFailureResponse:
    """Answer SQS with the turns that have to come back."""
    return process_partial_response(event, record_handler=send, processor=processor)


def send(record: SQSRecord) -> None:
    """Make one turn."""
    made = deliver(message_from(record.body), deliverer_services())
    if made is None or made.last_at != made.changed_at or made.last is None:
        return  # Nothing was posted.
    _count("DeliveryAttempts")
    if not made.last.is_success:
        _count("DeliveriesFailed")


def _count(name: str) -> None:
    with single_metric(name=name, unit=MetricUnit.Count, value=1, namespace="OpenDentalGateway") as metric:
        metric.add_dimension("service", "deliver_webhooks")
