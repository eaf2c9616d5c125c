"""Forwards a background turn to the calls queue when its second has come.

A function of its own, because the worker must not start its own chain again.
"""

from __future__ import annotations

import logging as standard
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from gateway.adapters.ticks import tick_from
from gateway.core.sweeping import forward_tick
from gateway.wiring.background import background_logger
from gateway.wiring.worker import worker_services

if TYPE_CHECKING:
    from typing import Any

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

logger = background_logger()
# One that cannot be forwarded comes back alone, whatever the reason; after a few times it wakes somebody.
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False, logger=standard.getLogger("gateway"))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], _context: object) -> PartialItemFailureResponse:
    """Answer SQS with the ticks that have to come back."""
    return process_partial_response(event, record_handler=forward, processor=processor)


def forward(record: SQSRecord) -> None:
    """Forward one tick."""
    forward_tick(*tick_from(record.body), on=worker_services())
