"""Steps of the tour for what runs by itself: workflows."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from infra.sandbox.box import Sandbox
from infra.sandbox.promises import Caller, _as, _caller, _key, _problem, _visit
from infra.sandbox.tour import FIRST, step

_WITHIN_S = 180


@step("P46", FIRST)
def a_workflow_books_in_one_request(box: Sandbox) -> None:
    me = _as(box, "flows", "*:read", "workflows:write", "appointments:write", "patients:write", "communications:write")
    name = f"Quill{time.monotonic_ns()}"
    wanted = {
        "workflow": "book",
        "practice_id": me.practice_id,
        "patient": {"name": {"first": "Odalys", "last": name}, "birth_date": "1990-05-05"},
        "slot": {"duration_minutes": 20, "notice_minutes": 1440},
        "confirmation": "confirmed",
        "contact": {"note": f"told {name} by phone", "mode": "phone"},
    }
    _problem(
        _as(box, "desk", "*:read").send("POST", "/workflow_runs", wanted, Idempotency_Key=_key()), 403, "scope-missing"
    )
    key = _key()
    run = _begun(me, wanted, key)
    ended = _ended(me, run["id"])
    assert ended["state"] == "succeeded", f"it ended {ended['state']}: {ended['code']}"
    steps = {one["name"]: one["state"] for one in ended["steps"]}
    assert set(steps.values()) == {"succeeded"} and len(steps) == 7, f"its steps: {steps}"
    patients = me.rows("patient", LName=name)
    visits = [row for one in patients for row in me.rows("appointment", PatNum=one["PatNum"])]
    assert (len(patients), len(visits)) == (1, 1), f"{len(patients)} patients and {len(visits)} visits are there"
    again = _begun(me, wanted, key)
    assert (again["id"], again["state"]) == (run["id"], "succeeded"), "its key starts another run"
    assert name not in json.dumps(_executions(box, "book")), "an execution's history has the patient's name"
    ends_halfway(box, me)


def ends_halfway(box: Sandbox, me: Caller) -> None:
    """A run that cannot go on leaves nothing, says why, is stopped and started again."""
    slot = {"duration_minutes": 20, "date_from": "2199-01-05"}
    wanted = {"workflow": "book", "practice_id": me.practice_id, "patient_id": _visit(_caller(box))["patient_id"]}
    run = _begun(me, {**wanted, "slot": slot}, _key())
    ended = _ended(me, run["id"])
    assert ended["state"] == "failed", f"a visit in another century ended {ended['state']}"
    again = me.send("POST", f"/workflow_runs/{run['id']}/restart")
    assert (again.status_code, again.json()["attempt"]) == (202, 2), f"it is not started again: {again.text}"
    stopped = me.send("POST", f"/workflow_runs/{run['id']}/stop")
    assert stopped.status_code in {200, 409}, f"it is not stopped: {stopped.text}"
    listed = me.get(f"/workflow_runs?practice_id={me.practice_id}&workflow=book")["data"]
    assert run["id"] in {one["id"] for one in listed}, "it is not listed"


def _begun(me: Caller, wanted: Mapping[str, Any], key: str) -> dict[str, Any]:
    answer = me.send("POST", "/workflow_runs", wanted, Idempotency_Key=key)
    assert answer.status_code in {200, 202}, f"a run is answered {answer.status_code}: {answer.text}"
    return dict(answer.json())


def _ended(me: Caller, run: str, *, within_s: float = _WITHIN_S) -> dict[str, Any]:
    return until(
        lambda: me.get(f"/workflow_runs/{run}"), lambda told: told["state"] != "running", "a run does not end", within_s
    )


def until(
    look: Callable[[], dict[str, Any]], holds: Callable[[dict[str, Any]], bool], otherwise: str, within_s: float
) -> dict[str, Any]:
    """What `look` shows once it holds."""
    ends = time.monotonic() + within_s
    while not holds(told := look()):
        assert time.monotonic() < ends, otherwise
        time.sleep(0.5)
    return told


def _executions(box: Sandbox, name: str) -> list[Any]:
    """All that Step Functions keeps of a machine's executions: inputs, outputs, each event."""
    states = box.aws("stepfunctions")
    (machine,) = [
        one["stateMachineArn"]
        for one in states.list_state_machines()["stateMachines"]
        if one["name"].endswith(f"-{name}")
    ]
    found: list[Any] = []
    for one in states.list_executions(stateMachineArn=machine)["executions"]:
        about = states.describe_execution(executionArn=one["executionArn"])
        events = states.get_execution_history(executionArn=one["executionArn"], maxResults=1000)["events"]
        found.append([about.get("input"), about.get("output"), json.dumps(events, default=str)])
    assert found, f"{name} was never run"
    return found
