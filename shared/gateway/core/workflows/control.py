"""What a client does with runs: starts one, looks, stops it, and starts it again where it failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.core.access import allow, allow_client
from gateway.core.callers import Caller, Verb
from gateway.core.errors import Conflict, Invalid, NotFound
from gateway.core.hashing import canonical_hash
from gateway.core.ids import is_id, new_id
from gateway.core.ports import Services
from gateway.core.walltime import instant_text
from gateway.core.workflows.directory import WORKFLOWS, RunInput
from gateway.core.workflows.records import Run, RunState, Step
from gateway.core.workflows.thin import thin

RUNS: Final = "workflows"
"""The object of the scopes."""


class RunsQuery(BaseModel):
    """What `GET /workflow_runs` takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    practice_id: Annotated[str, StringConstraints(min_length=5, max_length=64)]
    workflow: Annotated[str, StringConstraints(pattern=r"^[a-z_]{2,40}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None


class Started(NamedTuple):
    """A run as its client sees it. `is_replayed`: a request of the same key had started it before."""

    run: Mapping[str, Any]
    is_replayed: bool


def start_run(wanted: RunInput, *, caller: Caller, key: str, about: Mapping[str, str], on: Services) -> Started:
    """Start the workflow for the caller: scope `workflows:write`, and every scope that its steps use.

    A repeat with the same key is the same run as it stands now, and starts it if that was cut off. `about` are headers
    that its steps carry.

    Raises:
        NotFound: no such practice. ScopeMissing. BaaMissing. KeyReused: the key was used with another body.
    """
    workflow = WORKFLOWS[wanted.workflow]
    practice_id = wanted.practice_id
    allow(caller, practice_id, RUNS, Verb.WRITE, on=on)
    for scope in workflow.scopes:
        obj, _, verb = scope.partition(":")
        allow(caller, practice_id, obj, verb, on=on)
    now = on.clock.now()
    made = Run(
        id=new_id("workflow_run"),
        workflow=workflow.name,
        practice_id=practice_id,
        client_id=caller.id,
        attempt=1,
        state=RunState.RUNNING,
        started_at=now,
        began_by_client=True,
        input={**_named(wanted), **workflow.sealed(wanted)},
        about={**about, **({"X-Correlation-Id": caller.correlation_id} if caller.correlation_id else {})},
    )
    run, is_new = on.runs.open(made, key=key, body_hash=canonical_hash(["run", wanted.model_dump(mode="json")]))
    _execute(run, on)
    return Started(_shown(run, []), is_replayed=not is_new)


def get_run(run_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """A run with its steps: scope `workflows:read`.

    Raises: NotFound. ScopeMissing. BaaMissing.
    """
    run = _find(run_id, Verb.READ, caller, on)
    return _shown(run, on.runs.steps(run.id))


def list_runs(query: RunsQuery, *, caller: Caller, on: Services) -> dict[str, Any]:
    """The runs at a practice, the latest first, without their steps: scope `workflows:read`.

    Raises: NotFound. ScopeMissing. BaaMissing. Invalid: the cursor is none of this list.
    """
    allow(caller, query.practice_id, RUNS, Verb.READ, on=on)
    after = None if query.cursor is None else _after(query.cursor)
    found = on.runs.of_practice(query.practice_id, workflow=query.workflow, after=after, limit=query.limit + 1)
    shown, has_more = found[: query.limit], len(found) > query.limit
    last = shown[-1] if has_more else None
    return {
        "data": [_shown(one, None) for one in shown],
        "has_more": has_more,
        "next_cursor": None if last is None else f"{last.started_at.isoformat()}~{last.id}",
    }


def restart_run(run_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """Start a run that failed or was stopped once more: what has succeeded is not done again.

    Only for the client that started it, whose scopes its steps use.

    Raises: NotFound. ScopeMissing. BaaMissing. Conflict: it runs, has succeeded, or nobody's request started it.
    """
    run = _find(run_id, Verb.WRITE, caller, on)
    if run.client_id != caller.id or not run.began_by_client:
        raise Conflict("a run is started again by the client that started it", reason="not-started-by-you")
    if run.state not in {RunState.FAILED, RunState.STOPPED}:
        raise Conflict("only a run that failed or was stopped is started again", reason=f"run-{run.state}")
    run = on.runs.again(run, now=on.clock.now())
    _execute(run, on)
    return _shown(run, on.runs.steps(run.id))


def stop_run(run_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """Stop a run where it is: scope `workflows:write`. What it has done stays; a step that is under way ends.

    Raises: NotFound. ScopeMissing. BaaMissing. Conflict: it is over.
    """
    run = _find(run_id, Verb.WRITE, caller, on)
    if run.state is not RunState.RUNNING:
        raise Conflict("the run is over", reason=f"run-{run.state}")
    on.machines.stop(run.workflow, name=run.execution)
    now = on.clock.now()
    on.runs.end(run.id, attempt=run.attempt, state=RunState.STOPPED, at=now, result={}, code="stopped")
    return _shown(replace(run, state=RunState.STOPPED, ended_at=now, code="stopped"), on.runs.steps(run.id))


def _execute(run: Run, on: Services) -> None:
    """Start the execution of the run's attempt; one that was started is not started again."""
    if run.state is RunState.RUNNING:
        said = {"run_id": run.id, "practice_id": run.practice_id, "as": run.client_id, "has": run.input.get("has", {})}
        on.machines.start(run.workflow, name=run.execution, input_={**(thin(run.input) or {}), **said})


def _named(wanted: RunInput) -> dict[str, Any]:
    """The ids that the client named at the top."""
    return {name: value for name, value in wanted.model_dump(mode="json").items() if isinstance(value, str)}


def _find(run_id: str, verb: Verb, caller: Caller, on: Services) -> Run:
    # Who may see none learns nothing of which there are.
    allow_client(caller, RUNS, verb)
    if not is_id(run_id, "workflow_run"):
        raise NotFound("no such run")
    run = on.runs.get(run_id)
    if run.practice_id not in caller.client.practices:
        raise NotFound("no such run")
    allow(caller, run.practice_id, RUNS, verb, on=on)
    return run


def _after(cursor: str) -> tuple[datetime, str]:
    at, _, run_id = cursor.partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not is_id(run_id, "workflow_run"):
        raise Invalid("send next_cursor of the page before, as it came", param="cursor")
    return moment, run_id


def _shown(run: Run, steps: list[Step] | None) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": run.id,
        "workflow": run.workflow,
        "practice_id": run.practice_id,
        "client_id": run.client_id,
        "state": run.state.value,
        "attempt": run.attempt,
        "started_at": instant_text(run.started_at),
        "ended_at": run.ended_at and instant_text(run.ended_at),
        "result": dict(run.result) or None,
        "code": run.code,
    }
    if steps is not None:
        shown["steps"] = [_step_shown(one) for one in steps]
    return shown


def _step_shown(step: Step) -> dict[str, Any]:
    told = step.result
    return {
        "name": step.name,
        "do": step.do,
        "state": step.state.value,
        "at": instant_text(step.at),
        "tries": step.tries,
        "status": told.get("status"),
        "code": told.get("code"),
        "operation_id": told.get("operation_id"),
        "result": told.get("body") or None,
    }
