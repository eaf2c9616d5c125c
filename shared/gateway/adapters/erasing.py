"""Everything that a stage keeps of one practice, deleted kind by kind.

Tables are read whole where nothing leads from a practice to its items, page by page, so that it goes on where it
stopped; the ledger is the longest of them. Nobody else may do that (`infra/catalogue.py`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from gateway.adapters.aws_errors import AwsError, code_of, unavailable
from gateway.adapters.groups import DynamoGroups
from gateway.adapters.inbox import FOLDER
from gateway.adapters.mirror import items
from gateway.adapters.removals import removal_key
from gateway.core.authenticate import own_client_id
from gateway.core.callers import ClientKind
from gateway.core.events import facts
from gateway.core.groups.records import Superseded
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.removal.records import Erased

Key = dict[str, Any]

_BATCH: Final = 25
_AGAIN: Final = "again"
_OF_IT: Final = "contains(pk, :bare) OR contains(sk, :bare) OR practice_id = :id"
_OF_CLIENTS: Final = "(sk = :client AND contains(practices, :id)) OR proven_for = :id"
_OF_DELIVERIES: Final = "begins_with(pk, :delivery) AND contains(body, :id)"
_OF_RUNS: Final = "made_for = :id"
_SCANNED: Final = {
    "clients": ("callers", _OF_CLIENTS),
    "operations": ("ledger", _OF_IT),
    "deliveries": ("webhooks", _OF_DELIVERIES),
    "copies": ("cache", _OF_IT),
    "holds": ("holds", _OF_IT),
    "runs": ("runs", _OF_RUNS),
    "knowledge": ("practices", _OF_IT),
    "pace": ("pace", _OF_IT),
}
"""Kind -> the table that is read whole, and for what."""
_STAYS_BEGIN: Final = "baa#"


class _Whole(NamedTuple):
    """A table that is read whole: what is looked for, and what becomes of a page of it; returns how many went."""

    table: str
    condition: str
    each: Callable[[str, list[Key]], int]


class AwsEraser:
    """Fills `core.removal.records.Eraser`. `tables`: names by row of the catalogue. `prefix`: of practices' secrets."""

    def __init__(
        self,
        *,
        dynamodb: Any,
        s3: Any,
        secretsmanager: Any,
        tables: Mapping[str, str],
        bucket: str,
        prefix: str,
        monotonic: Callable[[], float] = time.monotonic,
        page: int = 5000,
    ) -> None:
        """`page`: how many items are looked at by one call."""
        self._dynamodb, self._s3, self._secrets = dynamodb, s3, secretsmanager
        self._tables, self._bucket, self._prefix = tables, bucket, prefix.rstrip("/")
        self._monotonic, self._page = monotonic, page

    def erase(self, practice_id: str, kind: str, *, after: str | None, keep: str, most_s: float) -> Erased:
        """See `Eraser.erase`."""
        until = self._monotonic() + most_s
        try:
            if kind == "mirror":
                return self._partitions("records", _of_records(practice_id), until)
            if kind == "events":
                return self._partitions("events", (f"event#{practice_id}", f"told#{practice_id}"), until)
            if kind == "bodies":
                return self._objects((f"{practice_id}/", f"{FOLDER}{practice_id}/"), until)
            if kind == "groups":
                return self._group(practice_id)
            return self._pages(self._whole(kind, keep), practice_id, after, until)
        except AwsError as error:
            raise unavailable("AWS") from error

    def delete_keys(self, practice_id: str) -> bool:
        """See `Eraser.delete_keys`."""
        name = f"{self._prefix}/{practice_id}"
        try:
            # The answer to a delete is the same whether there was one.
            self._secrets.describe_secret(SecretId=name)
            self._secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        except AwsError as error:
            if code_of(error) == "ResourceNotFoundException":
                return False
            raise unavailable("the vault of keys") from error
        return True

    # -- what is found by reading all -------------------------------------------------------------------------------

    def _whole(self, kind: str, keep: str) -> _Whole:
        each = {
            "operations": self._operation,
            "knowledge": self._knowledge,
            "clients": self._withdraw,
            "runs": self._run_but(keep),
        }
        table, condition = _SCANNED[kind]
        return _Whole(table, condition, each.get(kind, self._delete_of(table)))

    def _pages(self, whole: _Whole, practice_id: str, after: str | None, until: float) -> Erased:
        """Go on behind `after`, page by page, until the time is over; at least one page."""
        values = {":id": {"S": practice_id}, ":bare": {"S": practice_id.partition("_")[2]}}
        values |= {":client": {"S": "client"}, ":delivery": {"S": "delivery#"}}
        asked: dict[str, Any] = {
            "TableName": self._tables[whole.table],
            "FilterExpression": whole.condition,
            "ExpressionAttributeValues": {name: one for name, one in values.items() if _says(whole.condition, name)},
            "ConsistentRead": True,
            "Limit": self._page,
        }
        count = 0
        while True:
            if after is not None:
                asked["ExclusiveStartKey"] = json.loads(after)
            page = self._dynamodb.scan(**asked)
            count += whole.each(practice_id, page["Items"])
            if "LastEvaluatedKey" not in page:
                return Erased(count, None)
            after = json.dumps(page["LastEvaluatedKey"], sort_keys=True)
            if self._monotonic() >= until:
                return Erased(count, after)

    def _delete_of(self, table: str) -> Callable[[str, list[Key]], int]:
        def delete(_: str, found: list[Key]) -> int:
            return self._delete(table, found)

        return delete

    def _operation(self, _: str, found: list[Key]) -> int:
        """What lies with an operation does not say of which practice it is, and goes before it."""
        count = 0
        for one in found:
            with_it = [one]
            if one["pk"]["S"].startswith("op#"):
                with_it += [step for step in self._query("ledger", one["pk"]["S"]) if step["sk"] != one["sk"]]
            for body in (of["body_at"]["S"] for of in with_it if "body_at" in of):
                self._delete_object(body)
            count += self._delete("ledger", with_it[1:]) + self._delete("ledger", [one])
        return count

    def _knowledge(self, practice_id: str, found: list[Key]) -> int:
        record = f"practice#{practice_id}"
        stays = {record: ("practice", _STAYS_BEGIN), removal_key(practice_id)["pk"]["S"]: ("removal",)}
        return self._delete(
            "practices",
            [one for one in found if not one["sk"]["S"].startswith(stays.get(one["pk"]["S"], ("\0",)))],
        )

    def _withdraw(self, practice_id: str, found: list[Key]) -> int:
        """Sessions go. Of clients the practice is taken, but of operators, who may have to ask for its trail."""
        count = 0
        own = f"client#{own_client_id(practice_id)}"
        for one in found:
            if one["sk"]["S"] != "client":
                count += self._delete("callers", [one])
                continue
            if one["kind"]["S"] == ClientKind.OPERATOR:
                continue
            change, values = "DELETE practices :practice", {":practice": {"SS": [practice_id]}}
            if one["pk"]["S"] == own:
                change += " SET revoked_at = if_not_exists(revoked_at, :now)"
                values[":now"] = {"S": datetime.now(UTC).isoformat()}  # type: ignore[dict-item]
            self._dynamodb.update_item(
                TableName=self._tables["callers"],
                Key={"pk": one["pk"], "sk": one["sk"]},
                UpdateExpression=change,
                ExpressionAttributeValues=values,
            )
            count += 1
        return count

    # -- what lies together -----------------------------------------------------------------------------------------

    def _partitions(self, table: str, pks: Iterable[str], until: float) -> Erased:
        count = 0
        for pk in pks:
            batch: list[Key] = []
            for one in self._query(table, pk):
                batch.append(one)
                if len(batch) == _BATCH:
                    count += self._delete(table, batch)
                    batch = []
                    if self._monotonic() >= until:
                        return Erased(count, _AGAIN)
            count += self._delete(table, batch)
        return Erased(count, None)

    def _objects(self, prefixes: Iterable[str], until: float) -> Erased:
        """All versions of all objects."""
        count = 0
        for prefix in prefixes:
            for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix):
                found = (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
                for one in found:
                    self._s3.delete_object(Bucket=self._bucket, Key=one["Key"], VersionId=one["VersionId"])
                    count += 1
                if found and self._monotonic() >= until:
                    return Erased(count, _AGAIN)
        return Erased(count, None)

    def _group(self, practice_id: str) -> Erased:
        groups = DynamoGroups(self._dynamodb, table=self._tables["groups"])
        group = groups.of(practice_id)
        if group is None:
            return Erased(0, None)
        try:
            groups.change(replace(group, practices=group.practices - {practice_id}))
        except Superseded:
            return Erased(0, _AGAIN)
        return Erased(1, None)

    def _run_but(self, keep: str) -> Callable[[str, list[Key]], int]:
        def run(_: str, found: list[Key]) -> int:
            count = 0
            for one in found:
                if one["pk"]["S"] == f"run#{keep}":
                    continue
                steps = [step for step in self._query("runs", one["pk"]["S"]) if step["sk"] != one["sk"]]
                count += self._delete("runs", steps) + self._delete("runs", [one])
            return count

        return run

    # -- items ------------------------------------------------------------------------------------------------------

    def _query(self, table: str, pk: str) -> Iterator[Key]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._tables[table],
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": pk}},
            ProjectionExpression="pk, sk, body_at",
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]

    def _delete(self, table: str, found: list[Key]) -> int:
        name = self._tables[table]
        keys = [{"pk": one["pk"], "sk": one["sk"]} for one in found]
        for at in range(0, len(keys), _BATCH):
            left: Any = {name: [{"DeleteRequest": {"Key": key}} for key in keys[at : at + _BATCH]]}
            while left:
                left = self._dynamodb.batch_write_item(RequestItems=left).get("UnprocessedItems")
        return len(keys)

    def _delete_object(self, key: str) -> None:
        self._objects((key,), float("inf"))


def _of_records(practice_id: str) -> Iterator[str]:
    yield from (items.whole_pk(practice_id), items.kept_pk(practice_id), f"sync#{practice_id}")
    for resource in (*MIRRORED, *sorted(facts.KINDS)):
        for pk in (items.rows_pk, items.ways_pk, items.parts_pk, items.fresh_pk):
            yield pk(practice_id, resource)


def _says(condition: str, name: str) -> bool:
    return f"{name})" in condition or f"{name} " in f"{condition} "
