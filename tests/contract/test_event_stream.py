"""What the stream of the mirror's table tells is what was stored."""

from __future__ import annotations

import base64
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID as ACCOUNT_ID
from moto.dynamodbstreams.models import dynamodbstreams_backends

from gateway.adapters.events.stream import change_from
from gateway.adapters.mirror.records import DynamoRecords
from gateway.core.events.changes import RowChange, Was
from gateway.core.ids import new_id
from gateway.core.mirror.records import Order, ReadAt
from tests.contract.conftest import REGION, fingerprint, make_records_table

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ELM = new_id("practice")


def read(turn: int) -> ReadAt:
    return ReadAt(Order(1, turn), NOON)


class Table:
    """The mirror's table, and what its stream has shown since it was asked last."""

    def __init__(self) -> None:
        self.client = make_records_table()
        # By moto's own models: its route from the SDK to them leads nowhere.
        self.streams: Any = dynamodbstreams_backends[ACCOUNT_ID][REGION]
        self.now = NOON
        self.records = DynamoRecords(
            self.client, table="records", fingerprint=fingerprint, now=lambda: self.now, sleep=lambda _: None
        )
        arn = self.client.describe_table(TableName="records")["Table"]["LatestStreamArn"]
        shard = self.streams.describe_stream(arn)["Shards"][0]["ShardId"]
        self.iterator = self.streams.get_shard_iterator(arn, shard, "TRIM_HORIZON", None).arn

    def shown(self) -> list[Mapping[str, Any]]:
        answer = self.streams.get_records(self.iterator, 1000)
        self.iterator = answer["NextShardIterator"]
        return [as_lambda_gets_it(one) for one in answer["Records"]]

    def changes(self) -> list[RowChange]:
        found = (change_from(one, self.records.pieces) for one in self.shown())
        return [one for one in found if one is not None]


def as_lambda_gets_it(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: as_lambda_gets_it(one) for name, one in value.items()}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


@pytest.fixture
def table(aws: None) -> Table:
    return Table()


def a_patient(number: int = 7, **more: Any) -> dict[str, Any]:
    return {"PatNum": number, "LName": "Marker", "FName": "Zoe", "Guarantor": number} | more


def test_new_changed_buried_and_returned_rows_come_with_what_they_were(table: Table) -> None:
    table.records.all_here(ELM, "patients", are=True)
    table.records.store(ELM, "patients", [a_patient()], read=read(1), cause="poll")
    table.now += timedelta(minutes=1)
    table.records.store(ELM, "patients", [a_patient(LName="Maker")], read=read(2), cause="own_write")
    table.records.bury(ELM, "patients", [7], read=read(3), cause="sweep", at=table.now)
    table.records.store(ELM, "patients", [a_patient()], read=read(4), cause="read")

    changes = table.changes()

    assert [(one.was, one.is_dead, one.cause) for one in changes] == [
        (Was.NOTHING, False, "poll"),
        (Was.LIVING, False, "own_write"),
        (Was.LIVING, True, "sweep"),
        (Was.BURIED, False, "read"),
    ]
    assert [one.row["LName"] for one in changes] == ["Marker", "Maker", "Maker", "Marker"]
    assert [None if one.before is None else one.before["LName"] for one in changes] == [
        None,
        "Marker",
        "Maker",
        "Maker",
    ]
    assert [one.before_seq for one in changes[1:]] == [one.seq for one in changes[:-1]]
    assert [one.stored_at for one in changes[:2]] == [NOON, NOON + timedelta(minutes=1)]
    assert {(one.practice_id, one.what) for one in changes} == {(ELM, "patients#7")}


def test_only_an_own_write_leads_back_to_its_request(table: Table) -> None:
    """Also where the row is buried by somebody else later, and where the reading turn had a request of its own."""
    table.records.all_here(ELM, "patients", are=True)

    def by(turn: int, id_: str | None) -> ReadAt:
        return ReadAt(Order(1, turn), NOON, id_)

    table.records.store(ELM, "patients", [a_patient()], read=by(1, "a" * 32), cause="read")
    table.records.store(ELM, "patients", [a_patient(LName="Maker")], read=by(2, "b" * 32), cause="own_write")
    table.records.bury(ELM, "patients", [7], read=by(3, None), cause="sweep", at=NOON)
    table.records.store(ELM, "patients", [a_patient()], read=by(4, "d" * 32), cause="own_write")
    table.records.bury(ELM, "patients", [7], read=by(5, None), cause="own_write", at=NOON)

    assert [one.correlation_id for one in table.changes()] == [None, "b" * 32, None, "d" * 32, None]


def test_a_row_read_again_the_same_is_no_change(table: Table) -> None:
    for turn in (1, 2, 3):
        table.records.store(ELM, "patients", [a_patient()], read=read(turn), cause="poll")

    assert len(table.changes()) == 1


def test_nothing_else_in_the_table_is_a_change_and_an_erasure_is_none(table: Table) -> None:
    table.records.store(ELM, "patients", [a_patient()], read=read(1), cause="poll")
    table.records.note_whole(ELM, "allergies", "PatNum", 7, [], read=read(1))
    assert len(table.changes()) == 1

    while not table.records.forget(ELM):
        pass

    assert len(table.shown()) > 0
    assert table.changes() == []


def test_a_content_in_pieces_is_told_and_one_that_was_replaced_meanwhile_is_told_as_unseen(table: Table) -> None:
    letters = random.Random(1)
    long = "".join(chr(letters.randrange(0x4E00, 0x9FFF)) for _ in range(200_000))
    table.records.store(ELM, "patients", [a_patient(AddrNote=long)], read=read(1), cause="poll")
    (first,) = table.changes()
    table.records.store(ELM, "patients", [a_patient(AddrNote=long[::-1])], read=read(2), cause="poll")
    table.records.store(ELM, "patients", [a_patient()], read=read(3), cause="poll")
    second, third = table.changes()

    assert first.row["AddrNote"] == long
    assert (second.was, second.row) == (Was.UNSEEN, {"PatNum": 7})
    assert (third.was, third.before, third.row["LName"]) == (Was.LIVING, None, "Marker")


def test_a_row_that_is_told_again_comes_once_more_without_what_it_was_and_is_the_same_row(table: Table) -> None:
    table.records.all_here(ELM, "patients", are=True)
    table.records.store(ELM, "patients", [a_patient()], read=read(1), cause="poll")
    (first,) = table.changes()

    table.records.tell_again(ELM, "patients", {7: first.seq, 8: 5})
    table.records.tell_again(ELM, "patients", {7: first.seq - 1})
    (again,) = table.changes()
    table.records.store(ELM, "patients", [a_patient(LName="Maker")], read=read(2), cause="poll")
    (next_one,) = table.changes()

    assert (again.was, again.seq, again.row, again.before) == (Was.UNSEEN, first.seq, first.row, None)
    assert (next_one.was, next_one.before_seq) == (Was.LIVING, first.seq)
