"""One step of a workflow: a request of the API, made for whom the run belongs to.

Only the roles of state machines may invoke it. What it is asked and what it tells lie in executions' histories, so it
tells ids, words of status and times (`core.workflows.thin`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from gateway.core.errors import AppError
from gateway.core.workflows.tasking import Task, do_step
from gateway.wiring.task import task_services


def lambda_handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Make the step. What a machine got wrong is told like a refusal: exceptions are for what may be tried again."""
    try:
        task = Task.model_validate(event)
    except ValidationError as error:
        # Names of fields, and none of their values.
        params = sorted(
            {".".join(map(str, one["loc"])) for one in error.errors(include_input=False, include_url=False)}
        )
        return refused("invalid-task", f"not what a task takes: {', '.join(params)[:200]}")
    try:
        return do_step(task, on=task_services())
    except AppError as error:
        if error.retryable:
            raise
        return refused(error.code, error.detail)


def refused(code: str, detail: str) -> dict[str, Any]:
    """The answer to what no route was asked for."""
    return {
        "outcome": "failed",
        "ok": False,
        "status": 400,
        "code": code,
        "detail": detail,
        "retryable": False,
        "retry_after_s": 1,
        "state": None,
        "operation_id": None,
        "count": None,
        "first": {},
        "tries": 0,
        "body": {},
    }
