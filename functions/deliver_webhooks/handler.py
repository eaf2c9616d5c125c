"""Posts events to the endpoints that want them, one turn of a delivery after the other.

The message only says which turn to make; whether it is still to be made lies in the delivery's row.
"""

from __future__ import annotations

import logging as standard
from typing import TYPE_CHECKING

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
    deliver(message_from(record.body), deliverer_services())
