"""The steps of a removal that delete: everything of the practice, its keys; and the certificate.

Only the role of the state machine may invoke it. It is asked `{practice_id, as, step, run}` and tells what `task` does:
`{outcome, code, retry_after_s}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.core.access import caller_of
from gateway.core.errors import AppError
from gateway.core.removal.noting import noted
from gateway.core.removal.records import Step
from gateway.core.removal.steps import take_step
from gateway.wiring.erasing import erasing_services


def lambda_handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Take the step, and note it with the run. Exceptions are for what may be tried again."""
    on = erasing_services()
    practice_id, step = str(event["practice_id"]), Step(event["step"])
    try:
        caller = caller_of(str(event["as"]), on=on)
        looked = take_step(practice_id, step, caller=caller, on=on, erasing=on)
    except AppError as error:
        if error.retryable:
            raise
        told = {"outcome": "failed", "code": error.code, "retry_after_s": 1}
    else:
        again = looked.look_again_s
        told = {"outcome": "done" if again is None else "again", "code": None, "retry_after_s": again or 1}
    noted(str(event["run"]["execution"]), str(event["run"]["step"]), told, on=on)
    return told
