"""What DynamoDB may do and an emulator never does: pages that a filter emptied, batches that are taken bit by bit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from gateway.adapters.callers import DynamoCallers
from gateway.adapters.mirror.table import Table, key_of
from gateway.adapters.pace import DOUBT_KEPT_S, DynamoPace
from gateway.core.errors import Unavailable
from tests.contract.conftest import make_records_table, make_table

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def one_item_a_page(client: Any) -> Any:
    """The client, whose queries read one item a page, as those of large items do at 1 MB."""

    def limited(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**params, "Limit": 1}

    client.meta.events.register("provide-client-params.dynamodb.Query", limited)
    return client


def test_a_practice_in_doubt_is_found_behind_others_whose_time_is_over(aws: None) -> None:
    """TTL deletes days late, and what is over counts towards a page before the filter drops it."""
    now = [NOON.timestamp()]
    pace = DynamoPace(make_table("pace", due=True), table="pace", now=lambda: now[0])
    for number in range(5):
        pace.doubt(f"prac_a{number}")
    now[0] += DOUBT_KEPT_S + 1
    pace.doubt("prac_z")
    pace.doubt("prac_zz")

    assert pace.doubted(limit=2) == ["prac_z", "prac_zz"]
    assert pace.doubted(limit=1) == ["prac_z"]


def test_attempts_are_counted_over_all_pages(aws: None) -> None:
    callers = DynamoCallers(one_item_a_page(make_table("callers", due=False)), table="callers")
    for number in range(4):
        callers.note_attempt("source", NOON - timedelta(hours=2), attempt=f"a{number}")
        callers.note_attempt("source", NOON, attempt=f"b{number}")

    assert callers.count_attempts("source", NOON) == (4, 4)


class Grudging:
    """A client that takes one item of a batch at a time, and none of some."""

    def __init__(self, client: Any, *, refuses: bool = False) -> None:
        self.client, self.refuses = client, refuses

    def __getattr__(self, operation: str) -> Any:
        return getattr(self.client, operation)

    def batch_write_item(self, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803 - as boto3 has it
        ((table, requests),) = RequestItems.items()
        first, rest = (requests[:0], requests) if self.refuses else (requests[:1], requests[1:])
        if first:
            self.client.batch_write_item(RequestItems={table: first})
        return {"UnprocessedItems": {table: rest} if rest else {}}

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - as boto3 has it
        ((table, asked),) = RequestItems.items()
        keys = asked["Keys"]
        first, rest = (keys[:0], keys) if self.refuses else (keys[:1], keys[1:])
        found = self.client.batch_get_item(RequestItems={table: {**asked, "Keys": first}}) if first else {}
        return {**found, "UnprocessedKeys": {table: {**asked, "Keys": rest}} if rest else {}}


def test_keys_under_which_nothing_lies_are_no_reason_to_give_a_busy_table_up(aws: None) -> None:
    """None of the rows of a first load is there yet."""
    table = Table(cast("Any", Grudging(make_records_table())), name="records", sleep=lambda _: None)
    table.put_all([key_of("row#a", "099")])

    assert set(table.get_all("row#a", (f"{number:03}" for number in range(100)), only=("sk",))) == {"099"}


@pytest.mark.parametrize("count", [1, 25, 60])
def test_a_busy_table_that_takes_a_batch_bit_by_bit_gets_all_of_it(count: int, aws: None) -> None:
    client = make_records_table()
    table = Table(cast("Any", Grudging(client)), name="records", sleep=lambda _: None)
    keys = [key_of("fresh#a", f"{number:03}") for number in range(count)]

    table.put_all(keys)
    assert len(list(table.query("fresh#a"))) == count
    table.delete_all(keys)
    assert list(table.query("fresh#a")) == []


def test_a_table_that_takes_nothing_is_given_up(aws: None) -> None:
    slept: list[float] = []
    table = Table(cast("Any", Grudging(make_records_table(), refuses=True)), name="records", sleep=slept.append)

    with pytest.raises(Unavailable):
        table.delete_all([key_of("fresh#a", "1")])
    with pytest.raises(Unavailable):
        table.get_all("fresh#a", ["1", "2"])
    assert 6 < len(slept) < 40
