"""Works off turns of the calls queue, one a time: the only function that calls Open Dental.

A turn that has to wait is reported as failed after its message was hidden for as long: SQS then brings it back, in its
place, and nobody's turn overtakes it. Real failures are counted in the ledger.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import uuid4

from gateway.adapters.calls import turn_from
from gateway.core.engine import run_turn
from gateway.core.errors import Unavailable
from gateway.web import logging
from gateway.wiring.worker import worker_services

logging.configure()

COME_BACK_S = 2.0
"""When a turn comes back that a service of ours did not answer, or that a bug ended."""


class TurnBroke(Exception):
    """A bug ended the turn. Lambda logs the message and counts the error: it says where, and no value."""


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer SQS with the messages that have to come back."""
    failed: list[dict[str, str]] = []
    for record in event["Records"]:
        # In order, and none after one that comes back: they may be of one practice.
        if failed or not _is_done(record):
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _is_done(record: dict[str, Any]) -> bool:
    on, receipt = worker_services(), record["receiptHandle"]
    try:
        turn = turn_from(record["body"])
    except (ValueError, KeyError, TypeError):
        # Only we send here. The operation, if there is one, is in the ledger, and the sweeper puts it again.
        logging.logger.error("a message that is no turn was dropped")
        return True
    try:
        result = run_turn(
            turn,
            on=on,
            holder=uuid4().hex,
            visible=lambda seconds: on.calls.hide(receipt, seconds),
        )
        come_back_s = result.come_back_s
    except Unavailable:
        come_back_s = COME_BACK_S
    except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold anybody's data
        # Soon again, not after the visibility of a call: the ledger gives it up after a few, and the practice waits.
        with suppress(Unavailable):
            on.calls.hide(receipt, COME_BACK_S)
        at = logging.location_of(error)
        raise TurnBroke(f"{at['error']} at {at['at']}") from None
    finally:
        on.upstream.close()
    if come_back_s is None:
        return True
    with suppress(Unavailable):  # It comes back when it is visible again; or it is another worker's by now.
        on.calls.hide(receipt, come_back_s)
    return False
