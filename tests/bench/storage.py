"""What keeping a practice costs in DynamoDB: units and bytes for each 1,000 rows, of all resources in their own mix."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from gateway.adapters.mirror.records import DynamoRecords
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.records import Order, ReadAt, Row
from infra.catalogue import TABLES
from infra.sandbox.practice.practice import Practice as Simulated
from open_dental import catalogue, wire
from tests.bench.figures import Figure, Say, at_most
from tests.bench.normalize import every_page, simulated_practice
from tests.fakes.meter import Meter, index_size, size_of

PRACTICE = "prac_aaaaaaaaaaaaaaaa"
(RECORDS,) = (row for row in TABLES if row.name == "records")
ENTRY_BYTES = 100
"""What DynamoDB adds to each item when it counts what is stored."""

Item = Mapping[str, Any]


class Kept:
    """As much of DynamoDB as storing rows needs: conditions are not looked at, for nobody else writes."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Item] = {}

    def get_item(self, *, Key: Item, **_: Any) -> dict[str, Any]:  # noqa: N803 - DynamoDB's name
        """See DynamoDB."""
        found = self.items.get(_place(Key))
        return {} if found is None else {"Item": found}

    def put_item(self, *, Item: Item, **_: Any) -> dict[str, Any]:  # noqa: N803 - DynamoDB's name
        """See DynamoDB."""
        self.items[_place(Item)] = Item
        return {}

    def update_item(self, *, Key: Item, **_: Any) -> dict[str, Any]:  # noqa: N803 - DynamoDB's name
        """Only that something is there now."""
        self.items.setdefault(_place(Key), Key)
        return {}

    def delete_item(self, *, Key: Item, **_: Any) -> dict[str, Any]:  # noqa: N803 - DynamoDB's name
        """See DynamoDB."""
        self.items.pop(_place(Key), None)
        return {}

    def batch_write_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803 - DynamoDB's name
        """Puts only."""
        ((_, requests),) = RequestItems.items()
        for one in requests:
            self.put_item(Item=one["PutRequest"]["Item"])
        return {}

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803 - DynamoDB's name
        """See DynamoDB."""
        ((name, request),) = RequestItems.items()
        found = [self.items[_place(key)] for key in request["Keys"] if _place(key) in self.items]
        return {"Responses": {name: found}}

    def query(self, *, ExpressionAttributeValues: Mapping[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803 - DynamoDB's name
        """A stretch of a partition of the table."""
        pk, first, last = (ExpressionAttributeValues[name]["S"] for name in (":pk", ":first", ":last"))
        found = sorted((sk, of) for of, sk in self.items if of == pk and first <= sk <= last)
        return {"Items": [self.items[of, sk] for sk, of in found]}


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _place(key: Item) -> tuple[str, str]:
    return key["pk"]["S"], key["sk"]["S"]


def pages(simulated: Simulated) -> Iterator[tuple[str, list[Row]]]:
    """All rows of all resources that have a list, page by page."""
    for name, mirrored in MIRRORED.items():
        if mirrored.list_operation is not None:
            for body in every_page(catalogue.operation(mirrored.list_operation).path, simulated=simulated):
                yield name, wire.loads(body)


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """A practice stored whole, read again unchanged, and with every row changed."""
    say("  seeding a practice")
    read = list(pages(simulated_practice(100 if quick else 1_000)))
    rows = sum(len(page) for _, page in read)
    say(f"  storing {rows:,} rows three times")
    kept = Kept()
    meter: Any = Meter(kept, RECORDS.indexes)
    records = DynamoRecords(meter, table=RECORDS.name, fingerprint=_fingerprint)

    def store(turn: int, **more: Any) -> tuple[float, int]:
        def all_pages() -> None:
            for name, page in read:
                at = ReadAt(Order(1, turn), datetime.now(UTC))
                records.store(PRACTICE, name, [{**row, **more} for row in page], read=at, cause="sweep")

        reads, writes, _ = meter.of(all_pages)
        return reads * 1000 / rows, writes * 1000 / rows

    new, same = store(1), store(2)
    items = [item for (pk, _), item in kept.items.items() if pk.startswith("row#")]
    in_table = sum(size_of(item) + ENTRY_BYTES for item in items) / rows
    in_indexes = sum(index_size(index, item) for index in RECORDS.indexes for item in items) / rows
    ways = [item for (pk, _), item in kept.items.items() if pk.startswith("way#")]
    in_ways = sum(size_of(item) + ENTRY_BYTES for item in ways) / rows
    changed = store(3, Changed=1)
    beside = f"{rows:,} rows of {len({name for name, _ in read})} resources"
    yield Figure("storage", "write units for 1,000 new rows", round(new[1]), goal=at_most(4_500), beside=beside)
    yield Figure("storage", "write units for 1,000 changed rows", round(changed[1]), goal=at_most(3_500), beside=beside)
    yield Figure("storage", "write units for 1,000 rows that are the same", round(same[1]), goal=at_most(0))
    yield Figure(
        "storage", "read units for 1,000 rows that are the same, page by page", round(same[0]), goal=at_most(350)
    )
    yield Figure("storage", "bytes of a row in the table", round(in_table), goal=at_most(1_024), beside=beside)
    yield Figure("storage", "bytes of a row in the indexes", round(in_indexes), beside="keys only")
    yield Figure("storage", "bytes of what leads to a row", round(in_ways), beside=f"{len(ways):,} items")
