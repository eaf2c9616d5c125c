"""Runs of workflows: the fake and the table keep one contract."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from gateway.adapters.runs import DynamoRuns
from gateway.core.errors import Conflict, KeyReused, NotFound
from gateway.core.ids import new_id
from gateway.core.workflows.records import Run, Runs, RunState, Step, StepState
from infra.catalogue import TABLES
from tests.contract.conftest import REGION
from tests.fakes.runs import FakeRuns

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ELM, OAK = new_id("practice"), new_id("practice")


def a_run(**changes: Any) -> Run:
    made = Run(
        id=new_id("workflow_run"),
        workflow="book",
        practice_id=ELM,
        client_id="cli_ada",
        attempt=1,
        state=RunState.RUNNING,
        started_at=NOON,
        began_by_client=True,
        input={"patient": {"name": {"first": "Zoe"}}, "has": {"patient": False}},
        about={"Purpose-Of-Use": "TREAT"},
    )
    return replace(made, **changes)


def make_runs_table() -> str:
    """The table as it is deployed: keys and index."""
    (row,) = (one for one in TABLES if one.name == "runs")
    (index,) = row.indexes
    names = ("pk", "sk", index.partition, index.sort)
    boto3.client("dynamodb", region_name=REGION).create_table(
        TableName="runs",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in names],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index.name,
                "KeySchema": [
                    {"AttributeName": index.partition, "KeyType": "HASH"},
                    {"AttributeName": index.sort, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(index.include)},
            }
        ],
    )
    return "runs"


@pytest.fixture(params=["fake", "dynamodb"])
def runs(request: pytest.FixtureRequest) -> Runs:
    if request.param == "fake":
        return FakeRuns()
    request.getfixturevalue("aws")
    return DynamoRuns(boto3.client("dynamodb", region_name=REGION), table=make_runs_table())


def test_a_run_comes_back_as_it_was_opened(runs: Runs) -> None:
    made, is_new = runs.open(a_run(), key="k", body_hash="h")

    assert is_new
    assert runs.get(made.id) == made
    with pytest.raises(NotFound):
        runs.get(new_id("workflow_run"))


def test_one_key_opens_one_run_for_one_body(runs: Runs) -> None:
    first, _ = runs.open(a_run(), key="k", body_hash="h")
    again, is_new = runs.open(a_run(), key="k", body_hash="h")

    assert (again, is_new) == (first, False)
    with pytest.raises(KeyReused):
        runs.open(a_run(), key="k", body_hash="other")
    assert runs.open(a_run(client_id="cli_bob"), key="k", body_hash="other")[1], "another client's key is another key"


def test_a_run_that_an_event_started_is_kept_once(runs: Runs) -> None:
    made = a_run(began_by_client=False, input={}, about={})

    assert runs.adopt(made) == made
    runs.end(made.id, attempt=1, state=RunState.SUCCEEDED, at=NOON, result={}, code=None)
    assert runs.adopt(made).state is RunState.SUCCEEDED, "a step that comes late starts it anew"


def test_steps_lie_in_the_order_in_which_they_began(runs: Runs) -> None:
    run, _ = runs.open(a_run(), key="k", body_hash="h")
    first, second = (
        Step(name, "patients.get", StepState.RUNNING, NOON + timedelta(seconds=at), tries=1)
        for name, at in (("Zebra", 1), ("Ant", 2))
    )
    runs.note(run.id, first)
    runs.note(run.id, second)
    told = {"outcome": "done", "body": {"id": "pat_x"}}
    ended = replace(first, state=StepState.SUCCEEDED, at=NOON + timedelta(seconds=9), result=told)
    runs.note(run.id, ended)

    assert runs.steps(run.id) == [ended, second]
    assert runs.step(run.id, "Zebra") == ended
    assert runs.step(run.id, "Bee") is None


def test_only_what_is_over_begins_again_and_only_once(runs: Runs) -> None:
    run, _ = runs.open(a_run(), key="k", body_hash="h")
    with pytest.raises(Conflict):
        runs.again(replace(run, state=RunState.FAILED), now=NOON)
    runs.end(run.id, attempt=1, state=RunState.FAILED, at=NOON, result={}, code="clash")
    failed = runs.get(run.id)
    begun = runs.again(failed, now=NOON + timedelta(hours=1))

    assert (failed.state, failed.code, failed.ended_at) == (RunState.FAILED, "clash", NOON)
    assert (begun.attempt, begun.state, begun.code, begun.input) == (2, RunState.RUNNING, None, run.input)
    assert runs.get(run.id) == begun
    with pytest.raises(Conflict):
        runs.again(failed, now=NOON)


def test_the_end_of_an_earlier_attempt_does_not_end_a_later_one(runs: Runs) -> None:
    run, _ = runs.open(a_run(), key="k", body_hash="h")
    runs.end(run.id, attempt=1, state=RunState.FAILED, at=NOON, result={}, code=None)
    runs.again(runs.get(run.id), now=NOON)
    runs.end(run.id, attempt=1, state=RunState.SUCCEEDED, at=NOON, result={}, code=None)

    assert runs.get(run.id).state is RunState.RUNNING
    runs.end(run.id, attempt=2, state=RunState.SUCCEEDED, at=NOON, result={"id": "appt_x"}, code=None)
    runs.end(run.id, attempt=2, state=RunState.FAILED, at=NOON, result={}, code="late")
    assert (runs.get(run.id).state, runs.get(run.id).result) == (RunState.SUCCEEDED, {"id": "appt_x"})
    runs.end(new_id("workflow_run"), attempt=1, state=RunState.FAILED, at=NOON, result={}, code=None)


def test_a_practices_runs_come_the_latest_first_and_nobody_elses(runs: Runs) -> None:
    made = [
        runs.open(
            a_run(started_at=NOON + n * timedelta(minutes=1), workflow=w, practice_id=p), key=str(n), body_hash="h"
        )[0]
        for n, (w, p) in enumerate([("book", ELM), ("other", ELM), ("book", OAK), ("book", ELM)])
    ]
    ids: Callable[[list[Run]], list[str]] = lambda found: [one.id for one in found]  # noqa: E731

    assert ids(runs.of_practice(ELM, workflow=None, after=None, limit=9)) == ids([made[3], made[1], made[0]])
    assert ids(runs.of_practice(ELM, workflow="book", after=None, limit=1)) == ids([made[3]])
    after = (made[3].started_at, made[3].id)
    assert ids(runs.of_practice(ELM, workflow="book", after=after, limit=9)) == ids([made[0]])
    assert not any(one.input for one in runs.of_practice(ELM, workflow=None, after=None, limit=9)), (
        "a list has no inputs"
    )


def test_a_practices_runs_are_forgotten_and_nobody_elses(runs: Runs) -> None:
    for number, practice in enumerate((ELM, ELM, ELM, OAK)):
        run, _ = runs.open(a_run(practice_id=practice), key=str(number), body_hash="h")
        runs.note(run.id, Step("One", "patients.get", StepState.RUNNING, NOON))
    mine = runs.of_practice(ELM, workflow=None, after=None, limit=9)

    assert not runs.forget(ELM, limit=2)
    assert runs.forget(ELM, limit=2)
    assert runs.of_practice(ELM, workflow=None, after=None, limit=9) == []
    assert [runs.steps(one.id) for one in mine] == [[], [], []]
    assert len(runs.of_practice(OAK, workflow=None, after=None, limit=9)) == 1
