"""Runs of the export and their files: the fakes, the table and the bucket keep one contract."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from gateway.adapters.exports import DynamoExports
from gateway.adapters.warehouse import S3Warehouse
from gateway.core.errors import NotFound
from gateway.core.export.runs import (
    LOST_AFTER,
    AnotherRuns,
    ExportRun,
    Exports,
    File,
    Mark,
    Mode,
    Progress,
    State,
    Stored,
    Superseded,
    Warehouse,
    place_of,
)
from gateway.core.ids import new_id
from tests.contract.conftest import REGION, make_table
from tests.fakes.exports import FakeExports, FakeWarehouse

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ELM, OAK = (new_id("practice") for _ in range(2))
BUCKET = "test-exports"


def a_run(at: datetime = NOON) -> ExportRun:
    return ExportRun(new_id("export"), Mode.SNAPSHOT, (ELM, OAK), ("patients", "claims"), "cli_ada", at, "b" * 64)


@pytest.fixture(params=["fake", "dynamodb"])
def exports(request: pytest.FixtureRequest) -> Exports:
    if request.param == "fake":
        return FakeExports()
    request.getfixturevalue("aws")
    return DynamoExports(make_table("exports", due=False), table="exports")


@pytest.fixture(params=["fake", "s3"])
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    if request.param == "fake":
        return FakeWarehouse()
    request.getfixturevalue("aws")
    client = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket=BUCKET)
    return S3Warehouse(lambda: client, bucket=BUCKET)


def test_a_run_comes_back_as_it_was_made_and_a_repeat_makes_no_second(exports: Exports) -> None:
    run = a_run()

    assert exports.make(run) is run
    assert exports.get(run.id) == run == exports.make(replace(run, requested_at=NOON + timedelta(hours=1)))
    with pytest.raises(NotFound):
        exports.get(new_id("export"))


def test_one_runs_at_a_time_until_it_has_ended_or_must_have_died(exports: Exports) -> None:
    first = exports.make(a_run())
    with pytest.raises(AnotherRuns) as refused:
        exports.make(a_run(NOON + timedelta(hours=1)))
    assert refused.value.run_id == first.id

    ended = exports.end(first.id, State.PUBLISHED, at=NOON + timedelta(hours=2))
    second = exports.make(a_run(NOON + timedelta(hours=2)))

    assert ended == exports.get(first.id) == replace(first, state=State.PUBLISHED, ended_at=NOON + timedelta(hours=2))
    third = exports.make(a_run(NOON + timedelta(hours=3) + LOST_AFTER))
    assert exports.get(second.id).state is State.RUNNING
    # Whoever comes back late takes nothing away from those after it.
    assert exports.end(first.id, State.FAILED, at=NOON).state is State.PUBLISHED
    exports.end(second.id, State.FAILED, at=NOON)
    with pytest.raises(AnotherRuns) as refused:
        exports.make(a_run(NOON + timedelta(hours=4) + LOST_AFTER))
    assert refused.value.run_id == third.id


def test_runs_are_listed_from_the_youngest_on(exports: Exports) -> None:
    made = []
    for hour in range(3):
        made.append(exports.make(a_run(NOON + timedelta(hours=hour))))
        exports.end(made[-1].id, State.FAILED, at=NOON)
    made = [exports.get(one.id) for one in reversed(made)]

    assert exports.page(before=None, limit=2) == made[:2]
    assert exports.page(before=place_of(made[1]), limit=5) == made[2:]


def test_progress_is_saved_over_the_state_that_was_read_and_no_other(exports: Exports) -> None:
    run = exports.make(a_run())
    file = File("data/x", 3, 4, "c" * 64)
    begun = exports.save(run.id, Progress(ELM, "patients", Mode.SNAPSHOT, None, NOON, NOON, "1."))
    more = exports.save(run.id, replace(begun, after=-7, source=1, files=(file, file), rows=6, is_done=True))
    with pytest.raises(Superseded):
        exports.save(run.id, begun)
    with pytest.raises(Superseded):
        exports.save(run.id, replace(begun, rev=0))
    other = exports.save(run.id, Progress(OAK, "claims", since=NOON, until=NOON, reason="not-loaded"))

    assert exports.progress(run.id, ELM) == [more]
    assert exports.progress(run.id) == sorted([more, other], key=lambda one: one.practice_id)
    assert exports.progress(new_id("export")) == []


def test_a_mark_moves_on_and_never_back(exports: Exports) -> None:
    early, late = (Mark(NOON + timedelta(microseconds=at), "1.", f"exp_{at}", NOON) for at in (0, 1))
    exports.advance(ELM, "claims", late)
    exports.advance(ELM, "claims", early)
    exports.advance(ELM, "claims", late)
    exports.advance(ELM, "patients", early)

    assert exports.marks(ELM) == {"claims": late, "patients": early}
    assert exports.marks(OAK) == {}


def test_who_is_kept_up_is_so_once(exports: Exports) -> None:
    exports.keep_up([ELM, OAK])
    exports.keep_up([ELM])

    assert exports.kept_up() == sorted([ELM, OAK])


def test_what_lies_there_stays_as_it_was_put(warehouse: Warehouse) -> None:
    assert warehouse.get("published/a.json") is None
    assert warehouse.put("published/a.json", b"first", {"rows": "1"})
    assert not warehouse.put("published/a.json", b"second")

    assert warehouse.get("published/a.json") == Stored(b"first", {"rows": "1"})
