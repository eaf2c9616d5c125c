"""Works off what practices' machines told by themselves, as S3 tells of each call that was received.

A call that cannot be read stays in the bucket, and its message comes back a few times and is then set aside, where an
alarm watches.
"""

from __future__ import annotations

import logging as standard
from typing import TYPE_CHECKING

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from gateway.adapters.inbox import names_from
from gateway.core.native.taking import take
from gateway.wiring.background import background_logger
from gateway.wiring.hooks import hook_services

if TYPE_CHECKING:
    from typing import Any

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

logger = background_logger()
metrics = Metrics(namespace="OpenDentalGateway", service="take_hooks")
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False, logger=standard.getLogger("gateway"))


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], _context: object) -> PartialItemFailureResponse:
    """Answer SQS with the messages that have to come back."""
    return process_partial_response(event, record_handler=work_off, processor=processor)


def work_off(record: SQSRecord) -> None:
    """Work off the calls that a message names; one that fails has the message come back, and the others are done."""
    metrics.add_metric("NativeMessages", MetricUnit.Count, 1)
    failed: Exception | None = None
    for name in names_from(record.body):
        try:
            _work_off(name)
        except Exception as error:  # noqa: BLE001 - raised below
            failed = failed or error
    if failed is not None:
        raise failed


def _work_off(name: str) -> None:
    taken = take(name, hook_services())
    logger.info("a call was worked off", extra={"code": taken.outcome})
    for metric, number in (
        ("NativeRowsStored", taken.changed),
        ("NativeRowsStale", taken.stale),
        ("NativeRowsUnsure", taken.unsure + taken.odd),
        ("NativeRowsGone", taken.gone),
        ("NativeCallsUnused", int(taken.outcome in {"unwanted", "unknown", "screen"})),
    ):
        if number:
            metrics.add_metric(metric, MetricUnit.Count, number)
