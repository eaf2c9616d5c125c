"""One step of a run: a request of this API for whom the run belongs to, made once.

The step's answer is kept with the run, so a machine that asks again, because it was cut off or is started once more,
is told what it was told and nothing is done twice. Its idempotency key is made of run and step: what dies between the
request and the note meets the ledger's first answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any, Final, Protocol
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.core.callers import ClientKind
from gateway.core.errors import NotAllowed, NotFound, Refused, Unavailable
from gateway.core.hashing import canonical_hash
from gateway.core.ids import id_from, is_id
from gateway.core.ports import Callers, Clock
from gateway.core.workflows.actions import ACTIONS, Action
from gateway.core.workflows.records import Routes, Run, Runs, RunState, Step, StepState
from gateway.core.workflows.thin import thin

USUAL_WAIT_S: Final = 20
MOST_TRIES: Final = 400
"""So often a step is asked in one attempt; with waits of up to 15 minutes, days."""
MOST_OF_A_BUG: Final = 5
"""And so often where a bug answers: it hardly ever mends itself."""
LONGEST_PAUSE_S: Final = 900
UNDO: Final = "run.undo"
"""Does nothing but take steps back: a run that goes on, or the same machine by a loop, does them again."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Text = Annotated[str, StringConstraints(max_length=400)]


class OfRun(BaseModel):
    """Whose step it is, by the names that Step Functions' context object has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    workflow: Name
    """`$$.StateMachine.Name`."""
    execution: Name
    """`$$.Execution.Name`."""
    step: Name
    """`$$.State.Name`."""
    item: Text | None = None
    """In a Map: of what, since every item has the same states."""


class Task(BaseModel):
    """What a machine hands to the function `task`. See `infra/workflows/README.md`."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    do: Name
    practice_id: Text
    as_: Annotated[Text, Field(alias="as")]
    run: OfRun
    id: Text | None = None
    params: Mapping[str, Text] = Field(default_factory=dict)
    query: Mapping[str, Any] = Field(default_factory=dict)
    query_from: Name | None = None
    input: Mapping[str, Any] | None = None
    input_from: Name | None = None
    idempotency_key: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    wait_s: Annotated[int, Field(ge=0, le=25)] = USUAL_WAIT_S
    undoes: Annotated[list[Name], Field(max_length=20)] = Field(default_factory=list)


class TaskServices(Protocol):
    """What a step needs."""

    @property
    def clock(self) -> Clock: ...
    @property
    def callers(self) -> Callers: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def routes(self) -> Routes: ...


def do_step(task: Task, *, on: TaskServices) -> dict[str, Any]:
    """Make the step's request, or tell what it was answered before.

    Returns `{outcome, ok, status, code, retryable, retry_after_s, state, operation_id, count, first, tries, body}`.
    `outcome` is `done`, `again` (running, unknown or refused for now: ask once more after `retry_after_s`) or `failed`.
    `body` is what the answer shows of ids, words and times: of an operation that is settled its result. `count` is how
    many a list shows, `first` the first of them.

    Raises:
        Refused: there is no such request, or its path lacks something. NotAllowed: `as` is not whom the run belongs to,
            nor a client of the kind `workflow`. Unavailable: the run's record does not answer; ask once more.
    """
    run = _run_of(task, on)
    if task.do == UNDO:
        _undo(task, run, on)
        return _told(outcome="done", status=204)
    action = ACTIONS.get(task.do)
    if action is None:
        raise Refused(f"there is no request called {task.do[:40]!r}")
    name = task.run.step if task.run.item is None else f"{task.run.step} {task.run.item}"
    before = on.runs.step(run.id, name)
    if before is not None and before.state is StepState.SUCCEEDED:
        return {**before.result, "tries": before.tries}
    step = _begun(before, run, name, task.do, on)
    answer = _asked(action, task, run, step, on)
    told = {**answer, "tries": step.tries}
    most = MOST_OF_A_BUG if told["status"] == HTTPStatus.INTERNAL_SERVER_ERROR else MOST_TRIES
    if told["outcome"] == "again" and step.tries >= most:
        told |= {"outcome": "failed", "code": told["code"] or "still-running"}
    state = {"done": StepState.SUCCEEDED, "failed": StepState.FAILED}.get(told["outcome"], StepState.RUNNING)
    # A write that may still come keeps its key. One that is settled would be answered the same for 30 days.
    is_over = told["status"] >= 400 and (told["operation_id"] is not None or not told["retryable"])
    failures = step.failures + (1 if is_over else 0)
    on.runs.note(run.id, replace(step, state=state, result=told, at=on.clock.now(), failures=failures))
    if state is StepState.SUCCEEDED:
        _undo(task, run, on)
    return told


def _begun(before: Step | None, run: Run, name: str, do: str, on: TaskServices) -> Step:
    now = on.clock.now()
    step = before or Step(name, do, StepState.RUNNING, now, attempt=run.attempt)
    tries = step.tries if step.attempt == run.attempt else 0
    step = replace(step, do=do, state=StepState.RUNNING, at=now, tries=tries + 1, attempt=run.attempt)
    on.runs.note(run.id, step)
    return step


def _undo(task: Task, run: Run, on: TaskServices) -> None:
    for name in task.undoes:
        step = on.runs.step(run.id, name)
        if step is not None and step.state is not StepState.UNDONE:
            # Its key stands for what was taken back.
            undone = replace(step, state=StepState.UNDONE, at=on.clock.now(), failures=step.failures + 1, result={})
            on.runs.note(run.id, undone)


def _run_of(task: Task, on: TaskServices) -> Run:
    """The run that the execution belongs to; one that an event or a clock has started is kept from its first step on.

    Raises: NotAllowed.
    """
    workflow = task.run.workflow.rpartition("-")[2]
    run_id, _, _ = task.run.execution.rpartition("-")
    if is_id(run_id, "workflow_run"):
        run = on.runs.get(run_id)
        if (run.workflow, run.client_id, run.practice_id) != (workflow, task.as_, task.practice_id):
            raise NotAllowed("the run is of another workflow, client or practice")
        return run
    try:
        client = on.callers.client(task.as_)
    except NotFound:
        client = None
    if client is None or client.kind is not ClientKind.WORKFLOW:
        raise NotAllowed("only a client of the kind workflow is spoken for by a machine that nobody's request started")
    made = Run(
        id=id_from("workflow_run", canonical_hash([workflow, task.run.execution])),
        workflow=workflow,
        practice_id=task.practice_id,
        client_id=client.id,
        attempt=1,
        state=RunState.RUNNING,
        started_at=on.clock.now(),
        began_by_client=False,
    )
    run = on.runs.adopt(made)
    if (run.client_id, run.practice_id) != (client.id, task.practice_id):
        raise NotAllowed("the run is of another client or practice")
    return run


def _asked(action: Action, task: Task, run: Run, step: Step, on: TaskServices) -> dict[str, Any]:
    try:
        answer = on.routes.ask(action.function, _event(action, task, run, step))
    except Unavailable as error:
        # Whether it did something is not known; the key is the same when it is asked again.
        return _told(outcome="again", status=503, code="unavailable", retryable=True, wait_s=error.retry_after or 2.0)
    return _read(answer)


def _event(action: Action, task: Task, run: Run, step: Step) -> dict[str, Any]:
    """The request as API Gateway would hand it over, with a member that it never makes: `task`."""
    given = {**task.params, **({} if task.id is None else {"id": task.id})}
    if missing := [name for name in action.params if name not in given]:
        raise Refused(f"the path of {action.do} needs {', '.join(missing)}")
    path = action.path
    for name in action.params:
        path = path.replace(f"{{{name}}}", quote(given[name], safe=""))
    headers = {"Prefer": f"wait={task.wait_s}", "Accept": "application/json", **run.about}
    if not action.reads:
        headers["Idempotency-Key"] = task.idempotency_key or f"{run.id} {step.name} {step.failures}"
    query = {**_member(run, task.query_from), **task.query}
    body = None
    if action.method in {"POST", "PATCH"}:
        body = {**_member(run, task.input_from), **(task.input or {})}
        headers["Content-Type"] = "application/json"
    return {
        "resource": action.path,
        "path": path,
        "httpMethod": action.method,
        "headers": headers,
        "multiValueQueryStringParameters": {name: _texts(value) for name, value in query.items() if value is not None},
        "pathParameters": {name: given[name] for name in action.params},
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {"requestId": f"{run.execution}-{step.tries}", "authorizer": {"client_id": run.client_id}},
        "task": {"run_id": run.id},
    }


def _member(run: Run, name: str | None) -> Mapping[str, Any]:
    if name is None:
        return {}
    value = run.input.get(name)
    if not isinstance(value, Mapping):
        raise Refused(f"the run's input has no {name}")
    return value


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values]


def _read(answer: Mapping[str, Any]) -> dict[str, Any]:
    status = int(answer["statusCode"])
    try:
        body = json.loads(answer.get("body") or "null")
    except ValueError:
        # A file, a table of text: nothing of it is for a machine's state.
        body = None
    body = body if isinstance(body, Mapping) else {}
    headers = {name.lower(): value for name, value in (answer.get("headers") or {}).items()}
    after = headers.get("retry-after", "")
    wait_s = float(after) if after.isascii() and after.isdigit() else 2.0
    if status >= 400:
        retryable = bool(body.get("retryable")) or status >= 500
        return _told(
            outcome="again" if retryable else "failed",
            status=status,
            code=str(body.get("code") or "unanswered"),
            retryable=retryable,
            wait_s=wait_s,
            operation_id=body.get("operation_id"),
            body=thin(body),
        )
    if not is_id(str(body.get("id")), "operation"):
        running = status == 202 and body.get("state") in {"running", "building", "queued"}
        shown = body.get("data")
        return _told(
            outcome="again" if running else "done",
            status=status,
            count=len(shown) if isinstance(shown, list) else None,
            first=thin(shown[0]) if isinstance(shown, list) and shown else None,
            wait_s=wait_s,
            state=body.get("state"),
            body=thin(body),
        )
    state = str(body.get("state"))
    return _told(
        outcome="done" if state == "succeeded" else "again" if status == 202 else "done",
        status=status,
        state=state,
        operation_id=body.get("id"),
        wait_s=wait_s,
        body=thin(body.get("result") or {}),
    )


def _told(
    *,
    outcome: str,
    status: int,
    code: str | None = None,
    retryable: bool = False,
    wait_s: float = 0.0,
    state: Any = None,
    operation_id: Any = None,
    count: int | None = None,
    first: Any = None,
    body: Any = None,
) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "ok": status < 400,
        "status": status,
        "code": code if code is None else code[:80],
        "retryable": retryable,
        # Step Functions takes whole seconds.
        "retry_after_s": min(LONGEST_PAUSE_S, max(1, int(wait_s))),
        "state": state if isinstance(state, str) else None,
        "operation_id": operation_id if isinstance(operation_id, str) else None,
        "count": count,
        "first": first or {},
        "tries": 0,
        "body": body or {},
    }
