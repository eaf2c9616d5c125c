"""One step: asked once, told the same again, asked anew only where that is safe."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from gateway.core.callers import Client, ClientKind
from gateway.core.errors import NotAllowed, Refused, Unavailable
from gateway.core.ids import new_id, row_id
from gateway.core.workflows.records import Run, RunState, StepState
from gateway.core.workflows.tasking import MOST_TRIES, UNDO, OfRun, Task, do_step
from tests.fakes.identity import FakeCallers
from tests.fakes.runs import FakeRoutes, FakeRuns
from tests.fakes.services import NOON, FakeClock

ELM = new_id("practice")
PATIENT = row_id("patient", ELM, 15)
OPERATION = new_id("operation")


@dataclass
class Steps:
    clock: FakeClock
    callers: FakeCallers
    runs: FakeRuns
    routes: FakeRoutes
    run: Run

    def do(self, do: str = "patients.get", *, step: str = "Look", **more: Any) -> dict[str, Any]:
        of = OfRun(workflow="open-dental-gateway-test-book", execution=self.run.execution, step=step)
        return do_step(Task(**{"do": do, "as": "cli_ada", "practice_id": ELM, "run": of, **more}), on=self)

    def answers(self, status: int, body: Any, **headers: str) -> None:
        told = {"statusCode": status, "headers": headers, "body": json.dumps(body)}
        self.routes.answer = lambda _function, _event: told

    @property
    def keys(self) -> list[str]:
        return [event["headers"].get("Idempotency-Key", "") for _, event in self.routes.asked]


@pytest.fixture
def steps() -> Steps:
    run = Run(
        id=new_id("workflow_run"),
        workflow="book",
        practice_id=ELM,
        client_id="cli_ada",
        attempt=1,
        state=RunState.RUNNING,
        started_at=NOON,
        began_by_client=True,
        input={"patient": {"name": {"first": "Zoe"}}, "slot": {"weekdays": ["monday"], "is_x": True}},
        about={"Purpose-Of-Use": "TREAT"},
    )
    runs, callers = FakeRuns({run.id: run}), FakeCallers()
    callers.put_client(Client("cli_ada", "Ada", frozenset({ELM}), frozenset({"*:read"})))
    return Steps(FakeClock(), callers, runs, FakeRoutes(lambda _f, _e: {}), run)


def test_a_step_is_the_request_that_api_gateway_would_hand_over(steps: Steps) -> None:
    steps.answers(200, {"id": PATIENT, "name": {"first": "Zoe"}, "status": "active"})
    told = steps.do(id=PATIENT, query={"expand": ["details", "extensions"]}, query_from="slot")
    ((function, event),) = steps.routes.asked

    assert function == "patients"
    assert (event["resource"], event["path"]) == ("/patients/{id}", f"/patients/{PATIENT}")
    assert event["multiValueQueryStringParameters"] == {
        "weekdays": ["monday"],
        "is_x": ["true"],
        "expand": ["details", "extensions"],
    }
    assert event["requestContext"]["authorizer"] == {"client_id": "cli_ada"}
    assert event["headers"]["Purpose-Of-Use"] == "TREAT"
    assert (told["outcome"], told["body"]) == ("done", {"id": PATIENT, "status": "active"})


def test_what_was_sealed_reaches_the_request_and_not_the_answer(steps: Steps) -> None:
    """An execution's history is no place for a name."""
    steps.answers(201, {"id": OPERATION, "state": "succeeded", "result": {"id": PATIENT, "name": {"first": "Zoe"}}})
    told = steps.do("patients.create", input={"practice_id": ELM}, input_from="patient")
    ((_, event),) = steps.routes.asked

    assert json.loads(event["body"]) == {"practice_id": ELM, "name": {"first": "Zoe"}}
    assert (told["operation_id"], told["body"]) == (OPERATION, {"id": PATIENT})
    assert "Zoe" not in json.dumps(told)


def test_a_step_that_succeeded_is_told_again_and_not_done_again(steps: Steps) -> None:
    steps.answers(201, {"id": OPERATION, "state": "succeeded", "result": {"id": PATIENT}})
    first = steps.do("patients.create")
    again = steps.do("patients.create")

    assert again == first
    assert len(steps.routes.asked) == 1


def test_a_write_that_runs_is_asked_for_again_under_the_same_key(steps: Steps) -> None:
    steps.answers(202, {"id": OPERATION, "state": "running"}, **{"Retry-After": "7"})
    running = steps.do("patients.create")
    steps.answers(201, {"id": OPERATION, "state": "succeeded", "result": {"id": PATIENT}})
    done = steps.do("patients.create")

    assert (running["outcome"], running["retry_after_s"]) == ("again", 7)
    assert done["outcome"] == "done"
    assert len(set(steps.keys)) == 1


def test_an_unknown_write_keeps_its_key_however_often_it_is_asked_for(steps: Steps) -> None:
    """Under another key it would be a second row at the office."""
    steps.answers(202, {"id": OPERATION, "state": "unknown"})
    told = [steps.do("appointments.create") for _ in range(3)]

    assert {one["outcome"] for one in told} == {"again"}
    assert len(set(steps.keys)) == 1


def test_a_function_that_does_not_answer_is_asked_again_under_the_same_key(steps: Steps) -> None:
    def dies(_function: str, _event: Mapping[str, Any]) -> Mapping[str, Any]:
        raise Unavailable("the function behind the route did not answer", retry_after=2.0)

    steps.routes.answer = dies
    told = steps.do("appointments.create")
    steps.do("appointments.create")

    assert (told["outcome"], told["code"]) == ("again", "unavailable")
    assert len(set(steps.keys)) == 1


def test_a_write_that_was_settled_as_failed_has_another_key_the_next_time(steps: Steps) -> None:
    """The ledger would answer the old one the same for 30 days."""
    problem = {"code": "not-written", "retryable": True, "operation_id": OPERATION}
    steps.answers(503, problem)
    told = steps.do("appointments.create")
    steps.do("appointments.create")

    assert told["outcome"] == "again"
    assert len(set(steps.keys)) == 2


def test_a_refusal_before_the_ledger_that_may_pass_keeps_the_key(steps: Steps) -> None:
    steps.answers(503, {"code": "practice-offline", "retryable": True})
    assert steps.do("appointments.create")["outcome"] == "again"
    steps.do("appointments.create")

    assert len(set(steps.keys)) == 1


def test_what_is_refused_for_good_failed_and_says_why(steps: Steps) -> None:
    steps.answers(409, {"code": "clash", "retryable": False, "detail": "taken", "operation_id": OPERATION})
    told = steps.do("appointments.create")
    step = steps.runs.step(steps.run.id, "Look")

    assert (told["outcome"], told["code"], told["ok"]) == ("failed", "clash", False)
    assert step is not None
    assert step.state is StepState.FAILED


def test_a_step_is_not_asked_for_ever(steps: Steps) -> None:
    steps.answers(202, {"id": OPERATION, "state": "running"})
    told = [steps.do("appointments.create")["outcome"] for _ in range(MOST_TRIES)]

    assert told == ["again"] * (MOST_TRIES - 1) + ["failed"]


def test_what_is_taken_back_is_done_anew_under_another_key(steps: Steps) -> None:
    steps.answers(201, {"id": OPERATION, "state": "succeeded", "result": {"id": PATIENT}})
    steps.do("slots.hold", step="Keep")
    steps.answers(204, None)
    steps.do("slots.let_go", step="LetGo", id="hld_x", undoes=["Keep"])
    steps.answers(201, {"id": OPERATION, "state": "succeeded", "result": {"id": PATIENT}})
    steps.do("slots.hold", step="Keep")
    keys = [event["headers"]["Idempotency-Key"] for _, event in steps.routes.asked]

    assert len(steps.routes.asked) == 3
    assert keys[0] != keys[2]


def test_steps_can_be_taken_back_without_a_request(steps: Steps) -> None:
    steps.answers(200, {"data": [{"id": PATIENT}]})
    steps.do("slots.list", step="Find")

    assert steps.do(UNDO, step="Back", undoes=["Find"])["outcome"] == "done"
    steps.do("slots.list", step="Find")
    assert len(steps.routes.asked) == 2


def test_a_machine_speaks_for_the_client_that_started_the_run_and_for_no_other(steps: Steps) -> None:
    for wrong in ({"as": "cli_bob"}, {"practice_id": new_id("practice")}):
        with pytest.raises(NotAllowed):
            steps.do(**wrong)
    assert steps.routes.asked == []


def test_a_machine_that_nobody_started_speaks_for_a_workflow_only(steps: Steps) -> None:
    """Whoever may write machines must not write as somebody's product."""
    of = OfRun(workflow="open-dental-gateway-test-book", execution="an-event", step="Look")
    steps.answers(200, {"id": PATIENT})
    for client in ("cli_ada", "cli_nobody"):
        with pytest.raises(NotAllowed):
            steps.do(run=of, **{"as": client})
    steps.callers.put_client(
        Client("cli_book", "Book", frozenset({ELM}), frozenset({"*:read"}), kind=ClientKind.WORKFLOW)
    )
    told = steps.do(run=of, id=PATIENT, **{"as": "cli_book"})
    (made,) = [one for one in steps.runs.runs.values() if not one.began_by_client]

    assert told["outcome"] == "done"
    assert (made.client_id, made.practice_id, made.workflow) == ("cli_book", ELM, "book")


def test_a_new_attempt_counts_its_own_tries(steps: Steps) -> None:
    steps.answers(202, {"id": OPERATION, "state": "running"})
    assert [steps.do("appointments.create")["tries"] for _ in range(2)] == [1, 2]
    steps.run = steps.runs.runs[steps.run.id] = replace(steps.run, attempt=2)

    assert steps.do("appointments.create")["tries"] == 1
    assert len(set(steps.keys)) == 1, "a write that may still come is never asked for under another key"


@pytest.mark.parametrize("do", ["patients.burn", "patients.get"])
def test_what_is_no_request_is_refused(do: str, steps: Steps) -> None:
    with pytest.raises(Refused):
        steps.do(do)
