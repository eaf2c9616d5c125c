"""Keeps what the audit trails got where nobody can change it, and has it found by patient.

A batch is kept as a whole. If it cannot be, Lambda tries it again, halves it until the record stands alone that is to
blame, and puts that into the bodies bucket. What is kept twice has the same name or the same lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from gateway.adapters.archive import added_in
from gateway.core.audit.archiving import archive
from gateway.web.logging import location_of
from gateway.wiring.archive import archive_services
from gateway.wiring.background import background_logger

if TYPE_CHECKING:
    from typing import Any

logger = background_logger()
metrics = Metrics(namespace="OpenDentalGateway", service="archive_audit")


class NotArchived(Exception):
    """The batch was not kept. Lambda logs the message: it says where, and no value."""


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, list[Any]]:
    """Archive a batch of the stream.

    Raises: NotArchived: all of it comes again.
    """
    try:
        added = [one for record in event["Records"] if (one := added_in(record)) is not None]
        archive(added, archive_services())
    except Exception as error:
        at = location_of(error)
        logger.exception("a batch was not archived")
        raise NotArchived(f"{at['error']} at {at['at']}") from None
    metrics.add_metric("AuditEntriesArchived", MetricUnit.Count, len(added))
    return {"batchItemFailures": []}
