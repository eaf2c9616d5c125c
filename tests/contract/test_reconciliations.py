"""Findings and reports: the fake and the table keep one contract, and what opens comes out of the stream."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gateway.adapters.reconciliations import DynamoReconciliations
from gateway.core.events.changes import Was
from gateway.core.events.deriving import Around, events_of
from gateway.core.ids import new_id, row_id
from gateway.core.practices import Practice
from gateway.core.reconciliation.finding import OPEN, RESOLVED, Kept
from gateway.core.reconciliation.ports import PART, Reconciliations, Report
from tests.contract.conftest import make_records_table
from tests.contract.test_event_stream import Table
from tests.fakes.reconciliations import FakeReconciliations

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ELM, OAK = new_id("practice"), new_id("practice")
ZOE = row_id("patient", ELM, 3)


@pytest.fixture(params=["fake", "dynamodb"])
def kept(request: pytest.FixtureRequest) -> Reconciliations:
    if request.param == "fake":
        return FakeReconciliations()
    request.getfixturevalue("aws")
    return DynamoReconciliations(make_records_table(), table="records", sleep=lambda _: None)


def finding(number: int, state: str = OPEN, *, practice_id: str = ELM, **more: Any) -> Kept:
    id_ = row_id("finding", practice_id, number)
    body: dict[str, Any] = {
        "id": id_,
        "state": state,
        "version": f"v{number}{state}",
        "kind": "claim_silent",
        "severity": "low",
    }
    body |= {"practice_id": practice_id, "patient_id": ZOE, "claim_id": None, **more}
    places = {name: body[name] for name in ("patient_id", "claim_id") if body[name]}
    return Kept(id_, state, body, places=places)


def report(**more: Any) -> Report:
    return replace(Report(date(2026, 3, 2), NOON, "not_counted", 5, {"claim_silent": 1}, {"balance": 7}), **more)


def ids(found: list[Kept]) -> list[str]:
    return [one.id for one in found]


def test_findings_are_stored_where_nobody_was_faster(kept: Reconciliations) -> None:
    assert kept.keep(ELM, finding(1), was=None, at=NOON)
    assert not kept.keep(ELM, finding(1, RESOLVED), was=None, at=NOON)
    was = kept.get(ELM, finding(1).id)
    assert was is not None
    assert kept.keep(ELM, finding(1, RESOLVED), was=was, at=NOON)
    assert not kept.keep(ELM, finding(1), was=was, at=NOON)

    now = kept.get(ELM, was.id)
    assert now is not None
    assert (now.state, now.seq > was.seq, now.body) == (RESOLVED, True, finding(1, RESOLVED).body)


def test_pages_have_all_findings_of_a_practice_and_of_no_other(kept: Reconciliations) -> None:
    for number in range(1, 6):
        kept.keep(ELM, finding(number), was=None, at=NOON)
    kept.keep(OAK, finding(1, practice_id=OAK), was=None, at=NOON)

    first = kept.page(ELM, after=None, limit=2)
    rest = kept.page(ELM, after=first[-1].id, limit=10)

    assert ids(first) + ids(rest) == sorted(finding(number).id for number in range(1, 6))
    assert kept.get(OAK, finding(1).id) is None


def test_findings_are_found_by_patient_and_by_claim(kept: Reconciliations) -> None:
    claim = row_id("claim", ELM, 8)
    kept.keep(ELM, finding(1, claim_id=claim), was=None, at=NOON)
    kept.keep(ELM, finding(2, patient_id=None), was=None, at=NOON)
    kept.keep(ELM, finding(3), was=None, at=NOON)

    assert ids(kept.of(ELM, "patient_id", ZOE)) == sorted([finding(1).id, finding(3).id])
    assert ids(kept.of(ELM, "claim_id", claim)) == [finding(1).id]
    assert kept.of(OAK, "patient_id", ZOE) == []


def test_a_report_comes_with_its_parts_and_takes_those_of_the_last_one_along(kept: Reconciliations) -> None:
    rows = [{"key": number} for number in range(PART + 1)]
    parts = {"aging/patient": ("a1", 2), "journal/2026-03": ("j1", 1)}
    made = report(parts=parts)
    assert kept.publish(ELM, made, {"aging/patient": rows, "journal/2026-03": [["x", "y"]]}, was=None)
    first = kept.report(ELM)
    assert first is not None
    later = report(parts=parts | {"aging/patient": ("a2", 1)})
    assert kept.publish(ELM, later, {"aging/patient": rows[:1]}, was=first)

    now = kept.report(ELM)
    assert now is not None
    assert replace(now, rev=0) == later
    assert kept.part(ELM, "aging/patient", "a1", 0) is None
    assert kept.part(ELM, "aging/patient", "a2", 0) == rows[:1]
    assert kept.part(ELM, "journal/2026-03", "j1", 0) == [["x", "y"]]
    assert kept.report(OAK) is None


def test_of_two_runs_that_began_alike_one_is_published(kept: Reconciliations) -> None:
    assert kept.publish(ELM, report(rows=1), {}, was=None)
    assert not kept.publish(ELM, report(rows=2), {}, was=None)

    now = kept.report(ELM)
    assert now is not None
    assert now.rows == 1


def test_what_opens_and_is_resolved_comes_out_of_the_stream_as_events(aws: None) -> None:
    table = Table()
    kept = DynamoReconciliations(table.client, table="records", sleep=lambda _: None)
    around = Around(Practice(ELM, "Elm", "America/Chicago"))
    states = [finding(1), finding(1, amount="other"), finding(1, RESOLVED), finding(1)]
    for number, state in enumerate(states):
        kept.keep(ELM, state, was=kept.get(ELM, state.id), at=NOON + timedelta(minutes=number))

    changes = table.changes()
    told = [event for change in changes for event in events_of(change, around)]

    assert [change.was for change in changes] == [Was.NOTHING, *[Was.LIVING] * 3]
    assert [one.type for one in told] == ["finding.opened", "finding.resolved", "finding.opened"]
    assert len({one.id for one in told}) == 3
    assert {one.object_id for one in told} == {finding(1).id}
    assert dict(told[0].after) == {"kind": "claim_silent", "severity": "low", "state": "open"}


def test_all_of_it_is_forgotten_with_the_mirror(aws: None) -> None:
    table = Table()
    kept = DynamoReconciliations(table.client, table="records", sleep=lambda _: None)
    for practice_id in (ELM, OAK):
        kept.keep(practice_id, finding(1, practice_id=practice_id), was=None, at=NOON)
        kept.publish(practice_id, report(parts={"aging/patient": ("a", 1)}), {"aging/patient": [{"key": 1}]}, was=None)

    while not table.records.forget(ELM, limit=1):
        pass

    assert kept.page(ELM, after=None, limit=9) == []
    assert kept.report(ELM) is None
    assert kept.part(ELM, "aging/patient", "a", 0) is None
    assert kept.report(OAK) is not None
    assert len(kept.page(OAK, after=None, limit=9)) == 1


def test_a_resolved_finding_ends_by_itself_and_an_open_one_does_not(aws: None) -> None:
    client = make_records_table()
    kept = DynamoReconciliations(client, table="records", sleep=lambda _: None)
    kept.keep(ELM, finding(1), was=None, at=NOON)
    kept.keep(ELM, finding(2, RESOLVED), was=None, at=NOON)

    items = client.scan(TableName="records")["Items"]
    ends = {item["sk"]["S"]: int(item["expires_at"]["N"]) for item in items if "expires_at" in item}

    assert ends == {finding(2).id: int((NOON + timedelta(days=365)).timestamp())}
