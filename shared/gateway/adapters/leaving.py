"""What a stage keeps of one practice, counted before it leaves; `erasing.py` deletes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from gateway.adapters.aws_errors import AwsError, code_of, unavailable
from gateway.adapters.mirror import items
from gateway.core.events import facts
from gateway.core.mirror.mirrored import MIRRORED

Key = dict[str, Any]

TABLES: Final = (
    *("records", "events", "cache", "holds", "audiences", "intakes"),
    *("exports", "ledger", "practices", "pace", "messages"),
)
"""Those with something that goes."""

_STAYS: Final = frozenset({"practice"})
_STAYS_BEGIN: Final = ("baa#",)


@dataclass(frozen=True, slots=True)
class Kept:
    """Of one practice. `items` by table; `bodies`: objects, by their keys."""

    items: dict[str, tuple[Key, ...]]
    bodies: tuple[str, ...]
    has_secret: bool
    unsettled: int
    """Operations that have not come to their end."""
    exports: tuple[str, ...]
    """Files of the practice in the bucket of exports; manifests have ids, times and counts alone, and stay."""


class Leaver:
    """One practice of one stage. `clients`: dynamodb, s3, secretsmanager. `tables`: what `TABLES` are called."""

    def __init__(
        self,
        practice_id: str,
        *,
        dynamodb: Any,
        s3: Any,
        secretsmanager: Any,
        tables: dict[str, str],
        bucket: str,
        exports: str,
        secret: str,
    ) -> None:
        """`bucket`: of bodies, `exports`: of exports."""
        self._id, self._dynamodb, self._s3, self._secrets = practice_id, dynamodb, s3, secretsmanager
        self._tables, self._bucket, self._exports, self._secret = tables, bucket, exports, secret

    def find(self) -> Kept:
        """What would go, but for deliveries, runs and places in lists. Reads the ledger and some small tables whole.

        Raises: Unavailable.
        """
        try:
            found = {name: tuple(_keys(self._items_of(name))) for name in TABLES if name != "ledger"}
            operations = list(self._scan("ledger"))
            whole = [*operations, *self._steps(operations)]
            bodies = {one["body_at"]["S"] for one in whole if "body_at" in one} | set(
                self._objects(self._bucket, f"{self._id}/")
            )
            settled = {"succeeded", "failed"}
            open_ = [one for one in operations if "state" in one and one["state"]["S"] not in settled]
            return Kept(
                found | {"ledger": tuple(_keys(whole))},
                tuple(sorted(bodies)),
                self._has_secret(),
                len(open_),
                tuple(self._exported()),
            )
        except AwsError as error:
            raise unavailable("AWS") from error

    # -- what there is ----------------------------------------------------------------------------------------------

    def _items_of(self, name: str) -> Iterator[Key]:
        if name == "records":
            return self._partitions(name, self._partitions_of_records())
        if name == "events":
            return self._partitions(name, [f"event#{self._id}", f"told#{self._id}"])
        if name == "holds":
            return self._partitions(name, [f"holds#{self._id}"])
        if name == "practices":
            return (one for one in self._scan(name) if not self._is_of_record(one))
        if name == "pace":
            # That its calls are stopped has to be known for as long as anybody could ask for one.
            return (one for one in self._scan(name) if one["pk"]["S"] != f"pace#{self._id}")
        return self._scan(name)

    def _is_of_record(self, one: Key) -> bool:
        sk = one["sk"]["S"]
        return one["pk"]["S"] == f"practice#{self._id}" and (sk in _STAYS or sk.startswith(_STAYS_BEGIN))

    def _partitions_of_records(self) -> Iterator[str]:
        yield from (items.whole_pk(self._id), items.kept_pk(self._id), f"sync#{self._id}")
        for resource in (*MIRRORED, *sorted(facts.KINDS)):
            for pk in (items.rows_pk, items.ways_pk, items.parts_pk, items.fresh_pk):
                yield pk(self._id, resource)

    def _partitions(self, name: str, pks: Iterable[str]) -> Iterator[Key]:
        for pk in pks:
            yield from self._query(name, pk)

    def _steps(self, operations: Iterable[Key]) -> Iterator[Key]:
        """What lies with its operations and does not say of which practice it is."""
        for one in operations:
            if one["pk"]["S"].startswith("op#"):
                yield from (step for step in self._query("ledger", one["pk"]["S"]) if step["sk"] != one["sk"])

    def _query(self, name: str, pk: str) -> Iterator[Key]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._tables[name],
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": pk}},
            ProjectionExpression="pk, sk, body_at",
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]

    def _scan(self, name: str) -> Iterator[Key]:
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._tables[name],
            FilterExpression="contains(pk, :id) OR practice_id = :id OR sk = :id",
            ExpressionAttributeValues={":id": {"S": self._id}},
            ProjectionExpression="pk, sk, body_at, #state",
            ExpressionAttributeNames={"#state": "state"},
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]

    def _exported(self) -> Iterator[str]:
        """Its files lie below the days of their runs, so all names are looked at."""
        for prefix in ("data/", "jsonl/", "staged/"):
            for key in self._objects(self._exports, prefix):
                if f"/practice_id={self._id}" in key:
                    yield key

    def _objects(self, bucket: str, prefix: str) -> Iterator[str]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield from (one["Key"] for one in page.get("Contents", ()))

    def _has_secret(self) -> bool:
        try:
            return "DeletedDate" not in self._secrets.describe_secret(SecretId=self._secret)
        except AwsError as error:
            if code_of(error) == "ResourceNotFoundException":
                return False
            raise


def _keys(found: Iterable[Key]) -> Iterator[Key]:
    return ({"pk": one["pk"], "sk": one["sk"]} for one in found)
