"""Works off turns of the calls queue, one a time: the only function that calls Open Dental.

A turn that has to wait is reported as failed after its message was hidden for as long: SQS then brings it back, in its
place, and nobody's turn overtakes it. Real failures are counted in the ledger.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from aws_lambda_powertools.metrics import MetricUnit, single_metric
from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.batch.exceptions import SQSFifoCircuitBreakerError

from gateway.adapters.calls import turn_from
from gateway.core.engine import run_turn
from gateway.core.errors import Unavailable, VaultUnavailable
from gateway.core.health.fleet import VAULT
from gateway.web.logging import location_of
from gateway.wiring.background import background_logger
from gateway.wiring.worker import worker_services

if TYPE_CHECKING:
    from typing import Any

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

COME_BACK_S = 2.0
"""When a turn comes back that a service of ours did not answer, or that a bug ended."""

CROWDED = 10
"""So many turns of one practice that wait are counted; the fleet's maximum says how much of their pace is used."""

logger = background_logger()
# In order, and none after one that comes back: they may be of one practice.
processor = SqsFifoPartialProcessor()
# Turns that come back are our way of waiting, no error of the function.
processor.raise_on_entire_batch_failure = False


class ComesBack(Exception):
    """The turn's message has been hidden for as long as it has to wait."""


class TurnBroke(Exception):
    """A bug ended the turn. Lambda logs the message and counts the error: it says where, and no value."""


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], _context: object) -> PartialItemFailureResponse:
    """Answer SQS with the messages that have to come back.

    Raises:
        TurnBroke: the whole batch comes back, each message when its visibility runs out.
    """
    answer = process_partial_response(event, record_handler=work_off, processor=processor)
    for _, error, _ in processor.exceptions:
        if isinstance(error, TurnBroke):
            raise error
        # The processor takes every exception for a record's own; none but these is meant.
        if error is not None and not isinstance(error, ComesBack | SQSFifoCircuitBreakerError):
            raise _broke(error) from None
    return answer


def work_off(record: SQSRecord) -> None:
    """Run one turn.

    Raises:
        ComesBack: its message must not be deleted. TurnBroke: nor then.
    """
    on, receipt = worker_services(), record.receipt_handle
    try:
        turn = turn_from(record.body)
    except (ValueError, KeyError, TypeError):
        # Only we send here. The operation, if there is one, is in the ledger, and the sweeper puts it again.
        logger.exception("a message that is no turn was dropped")
        return
    try:
        result = run_turn(
            turn,
            on=on,
            holder=uuid4().hex,
            visible=lambda seconds: on.calls.hide(receipt, seconds),
        )
        come_back_s = result.come_back_s
        if result.waiting >= CROWDED:
            _count("WaitingTurns", result.waiting)
    except VaultUnavailable:
        come_back_s = COME_BACK_S
        _count("VaultErrors", 1)
        with suppress(Unavailable):
            on.fleet.note(VAULT, {"errors": 1}, at=on.clock.now())
    except Unavailable:
        come_back_s = COME_BACK_S
    except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold anybody's data
        # Soon again, not after the visibility of a call: the ledger gives it up after a few, and the practice waits.
        with suppress(Unavailable):
            on.calls.hide(receipt, COME_BACK_S)
        raise _broke(error) from None
    finally:
        on.upstream.close()
    if come_back_s is not None:
        with suppress(Unavailable):  # It comes back when it is visible again; or it is another worker's by now.
            on.calls.hide(receipt, come_back_s)
        raise ComesBack


def _count(name: str, value: float) -> None:
    """Write a metric of the fleet, at once: most turns have none to write, and a line each would cost more than they
    do."""
    with single_metric(name=name, unit=MetricUnit.Count, value=value, namespace="OpenDentalGateway") as metric:
        metric.add_dimension("service", "upstream_worker")


def _broke(error: BaseException) -> TurnBroke:
    at = location_of(error)
    return TurnBroke(f"{at['error']} at {at['at']}")
