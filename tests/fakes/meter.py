"""What requests to DynamoDB cost in units, counted beside an emulator that counts none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil
from threading import RLock
from typing import Any

from botocore.exceptions import ClientError

from infra.catalogue import Index

Item = Mapping[str, Any]


class Meter:
    """A client whose on-demand units and calls are counted.

    By AWS's rules: a write is a unit for each begun kB of the larger of the item before and after, and of what changes
    in each index, where another key is a removal and a new entry; a strongly consistent read is one for each begun
    4 kB, of each item in a batch and of all items of a query together, an index costing half of that.
    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html.
    """

    def __init__(self, client: Any, indexes: Sequence[Index]) -> None:
        self._client = client
        self._indexes = indexes
        self.reads = 0.0
        self.writes = 0
        self.calls: Counter[str] = Counter()
        self._lock = RLock()

    def of(self, do: Callable[[], object]) -> tuple[float, int, int]:
        """Read units, write units and calls of what `do` does."""
        self.reads, self.writes = 0.0, 0
        self.calls.clear()
        do()
        return self.reads, self.writes, self.calls.total()

    def get_item(self, **asked: Any) -> Any:
        """See DynamoDB."""
        answer = self._call("get_item", asked)
        self._read(_read_units([answer["Item"]] if "Item" in answer else []))
        return answer

    def batch_get_item(self, **asked: Any) -> Any:
        """See DynamoDB."""
        answer = self._call("batch_get_item", asked)
        for name, request in asked["RequestItems"].items():
            # A projection is read as a whole item.
            whole = answer["Responses"][name] if _is_whole(request) else self._items(name, request["Keys"])
            # Of each key that is not there a unit is counted as well.
            self._read(sum(_read_units([item]) for item in whole) + len(request["Keys"]) - len(whole))
        return answer

    def query(self, **asked: Any) -> Any:
        """See DynamoDB."""
        answer = self._call("query", asked)
        found = answer["Items"]
        if "IndexName" in asked:
            self._read(_read_units(found) / 2)
        else:
            whole = (
                found if _is_whole(asked) else self._items(asked["TableName"], [_key_in(one, asked) for one in found])
            )
            self._read(_read_units(whole))
        return answer

    def put_item(self, **asked: Any) -> Any:
        """See DynamoDB."""
        return self._written("put_item", asked, [asked["Item"]])

    def update_item(self, **asked: Any) -> Any:
        """See DynamoDB."""
        return self._written("update_item", asked, [asked["Key"]])

    def delete_item(self, **asked: Any) -> Any:
        """See DynamoDB."""
        return self._written("delete_item", asked, [asked["Key"]])

    def batch_write_item(self, **asked: Any) -> Any:
        """See DynamoDB."""
        ((name, requests),) = asked["RequestItems"].items()
        keys = [
            one["DeleteRequest"]["Key"] if "DeleteRequest" in one else one["PutRequest"]["Item"] for one in requests
        ]
        return self._written("batch_write_item", {**asked, "TableName": name}, keys)

    def _written(self, operation: str, asked: dict[str, Any], keys: Iterable[Item]) -> Any:
        name = asked["TableName"]
        given = {key: value for key, value in asked.items() if operation != "batch_write_item" or key != "TableName"}
        keys = list(keys)
        before = self._each(name, keys)
        try:
            return self._call(operation, given)
        finally:
            units = 0
            for was, now in zip(before, self._each(name, keys), strict=True):
                units += max(1, ceil(max(size_of(was), size_of(now)) / 1024))
                units += sum(_index_units(index, was, now) for index in self._indexes)
            with self._lock:
                self.writes += units

    def _read(self, units: float) -> None:
        with self._lock:
            self.reads += units

    def _each(self, name: str, keys: Sequence[Item]) -> list[Item]:
        """The item of each key, or an empty one."""
        found = {_place(item): item for item in self._items(name, keys)}
        return [found.get(_place(key), {}) for key in keys]

    def _items(self, name: str, keys: Sequence[Item]) -> list[Item]:
        """Items as they are in the table, as many as there are."""
        found: list[Item] = []
        for first in range(0, len(keys), 100):
            wanted = [{"pk": key["pk"], "sk": key["sk"]} for key in keys[first : first + 100]]
            asked = {name: {"Keys": wanted, "ConsistentRead": True}}
            while asked:
                answer = self._client.batch_get_item(RequestItems=asked)
                found += answer["Responses"].get(name, [])
                asked = answer.get("UnprocessedKeys")
        return found

    def _call(self, operation: str, asked: dict[str, Any]) -> Any:
        with self._lock:
            self.calls[operation] += 1
        return getattr(self._client, operation)(**asked)


def _is_whole(asked: Mapping[str, Any]) -> bool:
    """Whether the answer has all of each item: a projection is read as a whole item too."""
    return "ProjectionExpression" not in asked and "AttributesToGet" not in asked


def _place(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _key_in(item: Item, asked: Mapping[str, Any]) -> Item:
    """The key of an item that a query of the table found, of which it may have been told to bring the rest only."""
    return {"pk": asked["ExpressionAttributeValues"][":pk"], "sk": item["sk"]}


def size_of(item: Item) -> int:
    """Bytes that DynamoDB counts of an item."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def index_size(index: Index, item: Item) -> int:
    """Bytes that an item takes in an index, with the 100 that each entry costs; 0 where it has no place in it."""
    entry = _entry(index, item)
    return 0 if entry is None else size_of(entry) + 100


def _entry(index: Index, item: Item) -> Item | None:
    if index.partition not in item or index.sort not in item:
        return None
    return {name: item[name] for name in {"pk", "sk", index.partition, index.sort, *index.include} if name in item}


def _index_units(index: Index, was: Item, now: Item) -> int:
    before, after = _entry(index, was), _entry(index, now)
    if before == after:
        return 0
    if before is None or after is None:
        return ceil(size_of(after or before or {}) / 1024)
    same_place = all(before[name] == after[name] for name in (index.partition, index.sort))
    units = [ceil(size_of(entry) / 1024) for entry in (before, after)]
    return max(units) if same_place else sum(units)


def _read_units(items: Iterable[Item]) -> int:
    return max(1, ceil(sum(map(size_of, items)) / 4096))


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, held),) = value.items()
    if kind == "S":
        return len(held.encode())
    if kind == "N":
        return len(held.lstrip("-")) // 2 + 2
    if kind == "B":
        return len(held)
    if kind in {"BOOL", "NULL"}:
        return 1
    if kind == "L":
        return 3 + sum(1 + _value_size(one) for one in held)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _value_size(one) for name, one in held.items())
    if kind == "SS":
        return 3 + sum(len(one.encode()) + 1 for one in held)
    raise ClientError({"Error": {"Code": "Unknown", "Message": kind}}, "size")
