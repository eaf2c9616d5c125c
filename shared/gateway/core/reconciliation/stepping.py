"""A step of the workflow `reconcile`: which practices there are to reconcile, or one of them reconciled.

For whom it is done is asked of that client as of any: its practices, their agreements, its scopes. What a step tells
is counts, ids and codes: it lies in an execution's history.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.core.access import allow, allow_client, caller_of
from gateway.core.callers import Verb
from gateway.core.errors import AppError
from gateway.core.ports import Services
from gateway.core.reconciliation.asking import RECONCILIATION
from gateway.core.reconciliation.running import reconcile

MOST_PRACTICES: Final = 2000
"""That one execution goes over: each is some ten of the 25,000 entries that its history may have."""

AGAIN_AFTER_S: Final = 60
MOST_TRIES: Final = 5
"""Of one practice whose mirror keeps changing under its reconciliation."""

_Id = Annotated[str, StringConstraints(min_length=5, max_length=64)]


class ReconcileInput(BaseModel):
    """`POST /workflow_runs` with `workflow: reconcile`: reconcile a practice now, whatever the night has brought."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    workflow: Literal["reconcile"]
    practice_id: str


class Step(BaseModel):
    """What a machine asks of the function `reconcile_practice`. Without `practice_id`: which practices there are."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    as_: Annotated[_Id, Field(alias="as")]
    practice_id: _Id | None = None
    tried: Annotated[int, Field(ge=0)] = 0


def do_step(step: Step, *, on: Services) -> dict[str, Any]:
    """Do it. What a client may not is told as a refusal, and fails no other practice.

    Raises: AppError: it may succeed if it is tried again.
    """
    try:
        caller = caller_of(step.as_, on=on, of_run=True)
        if step.practice_id is None:
            allow_client(caller, RECONCILIATION, Verb.READ)
            known = sorted(caller.client.practices)
            return {"outcome": "done", "code": None, "practice_ids": known[:MOST_PRACTICES], "count": len(known)}
        allow(caller, step.practice_id, RECONCILIATION, Verb.READ, on=on)
        result = reconcile(step.practice_id, on=on)
    except AppError as error:
        if error.retryable:
            raise
        return _told("failed", code=error.code, practice_id=step.practice_id, practice_ids=[], count=0)
    outcome = "done" if result.is_done else "failed"
    if result.is_retryable and step.tried < MOST_TRIES:
        outcome = "again"
    return _told(
        outcome,
        code=result.code,
        practice_id=result.practice_id,
        as_of=None if result.as_of is None else result.as_of.isoformat(),
        opened=result.opened,
        resolved=result.resolved,
        changed=result.changed,
        open=result.open,
        missing=list(result.missing),
        tried=step.tried + 1,
    )


def _told(outcome: str, **more: Any) -> dict[str, Any]:
    return {"outcome": outcome, "retry_after_s": AGAIN_AFTER_S, **more}
