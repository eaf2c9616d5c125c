"""The gateway's own facts: the fake and the table keep one contract, and what is new comes out of the stream."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.adapters.codec import unpack
from gateway.adapters.events.facts import DynamoFacts
from gateway.adapters.ledger import DynamoLedger
from gateway.core import ledger
from gateway.core.events.changes import Was
from gateway.core.events.facts import INTAKE, OF_PATIENTS, OPERATIONS, PRACTICE, Facts
from gateway.core.ids import new_id
from gateway.core.operations import OperationState, Request
from gateway.core.worker import Superseded
from tests.contract.conftest import make_bodies, make_records_table, make_table
from tests.contract.test_event_stream import Table
from tests.fakes.event_log import FakeFacts

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ELM = new_id("practice")
OFFLINE, ONLINE = {"state": "offline"}, {"state": "online"}


@pytest.fixture(params=["fake", "dynamodb"])
def facts(request: pytest.FixtureRequest) -> Facts:
    if request.param == "fake":
        return FakeFacts()
    request.getfixturevalue("aws")
    return DynamoFacts(make_records_table(), table="records", sleep=lambda _: None)


def test_what_is_known_already_is_noted_once(facts: Facts) -> None:
    told = [
        facts.note(practice_id, PRACTICE, "connection", one, at=NOON)
        for practice_id, one in [(ELM, OFFLINE), (ELM, OFFLINE), (ELM, ONLINE), ("prac_b", ONLINE), (ELM, OFFLINE)]
    ]

    assert told == [True, False, True, True, True]


def test_facts_come_out_of_the_stream_with_what_was_so_before(aws: None) -> None:
    table = Table()
    facts = DynamoFacts(table.client, table="records")
    facts.note(ELM, PRACTICE, "connection", OFFLINE, at=NOON)
    facts.note(ELM, PRACTICE, "connection", ONLINE, at=NOON - timedelta(seconds=5))

    first, second = table.changes()

    assert (first.what, first.was, first.row, first.cause) == ("practice#connection", Was.NOTHING, OFFLINE, "gateway")
    assert (second.before, second.row) == (OFFLINE, ONLINE)
    assert second.seq > first.seq


def test_what_names_a_patient_is_forgotten_with_the_mirror_and_nothing_else_is(aws: None) -> None:
    table = Table()
    facts = DynamoFacts(table.client, table="records")
    for practice_id in (ELM, "prac_b"):
        for kind in (*OF_PATIENTS, PRACTICE):
            facts.note(practice_id, kind, "3", {"PatNum": 3}, at=NOON)

    assert not table.records.forget(ELM, limit=2)
    while not table.records.forget(ELM):
        pass

    assert {kind for kind in (*OF_PATIENTS, PRACTICE) if not facts.note(ELM, kind, "3", {"PatNum": 3}, at=NOON)} == {
        PRACTICE
    }
    assert not facts.note("prac_b", INTAKE, "3", {"PatNum": 3}, at=NOON)


def facts_of(table: Table) -> list[dict[str, Any]]:
    """Contents of what is kept of operations."""
    pk = {":pk": {"S": f"row#{ELM}#{OPERATIONS}"}}
    found = table.client.query(TableName="records", KeyConditionExpression="pk = :pk", ExpressionAttributeValues=pk)
    return [unpack(bytes(one["body"]["B"])) for one in found["Items"]]


@pytest.mark.parametrize("kind", ["write", "fetch"])
def test_what_becomes_of_a_write_is_told_with_its_settling_or_not_at_all(aws: None, kind: str) -> None:
    """In one transaction: whoever dies can neither settle in silence nor tell what did not come about."""
    table = Table()
    on: Any = DynamoLedger(make_table("ledger", due=True), table="ledger", bodies=make_bodies(), outbox="records")
    key = {"idempotency_key": "k" * 16, "body_hash": "b"} if kind == "write" else {"cache_key": "patients"}
    said: dict[str, Any] = key | {"correlation_id": "4bf92f3577b34da6a3ce929d0e0e4736"}
    request = Request("appointments.create", ELM, "cli_ada", {"note": "Marker"}, **said)
    opened = on.open(request, now=NOON)
    was = on.load(opened.operation.id)

    unknown = on.save(replace(was, record=replace(was.record, state=OperationState.UNKNOWN)), was=was)
    with pytest.raises(Superseded):
        on.save(replace(was, record=replace(was.record, state=OperationState.FAILED)), was=was)
    stands = facts_of(table)
    done = replace(unknown.record, state=OperationState.SUCCEEDED, expires_at=NOON + ledger.KEPT_READ)
    on.save(replace(unknown, record=done), was=unknown)

    wanted = {"id": opened.operation.id, "kind": "appointments.create", "client_id": "cli_ada"}
    wanted["correlation_id"] = said["correlation_id"]
    is_told = kind == "write"
    assert stands == ([wanted | {"state": "unknown"}] if is_told else [])
    assert facts_of(table) == ([wanted | {"state": "succeeded"}] if is_told else [])
