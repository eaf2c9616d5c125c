"""What was recorded of practices' agreements, in the table of practices.

practice#{practice}  baa#{number}  one entry, never changed
practice#{practice}  practice      in its `baa` the agreement of the last entry, where `DynamoPractices` reads it
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.adapters.aws_errors import AwsError, is_condition, is_conflict, unavailable
from gateway.adapters.practices import baa_from, baa_record, practice_key
from gateway.core.baa.records import BaaEntry, Superseded
from gateway.core.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoAgreements:
    """Fills `core.baa.records.Agreements`."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def history(self, practice_id: str) -> tuple[BaaEntry, ...]:
        """See `Agreements.history`."""
        asked: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :practice AND begins_with(sk, :entry)",
            "ExpressionAttributeValues": {":practice": {"S": f"practice#{practice_id}"}, ":entry": {"S": "baa#"}},
            "ConsistentRead": True,
        }
        found: list[BaaEntry] = []
        while True:
            try:
                answer = self._client.query(**asked)
            except AwsError as error:
                raise _unavailable() from error
            found += [_entry_from(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return tuple(found)
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def add(self, practice_id: str, entry: BaaEntry) -> None:
        """See `Agreements.add`."""
        key = {"pk": {"S": f"practice#{practice_id}"}, "sk": {"S": f"baa#{entry.number:06}"}}
        record = {
            "at": entry.at.isoformat(),
            "by": entry.by,
            "baa": baa_record(entry.baa),
            "body_hash": entry.body_hash,
        }
        put = {
            "TableName": self._table,
            "Item": {**key, "record": {"S": json.dumps(record)}},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        update = {
            "TableName": self._table,
            "Key": practice_key(practice_id),
            "UpdateExpression": "SET baa = :baa",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": {":baa": {"S": json.dumps(record["baa"])}},
        }
        try:
            self._client.transact_write_items(TransactItems=[{"Put": put}, {"Update": update}])  # type: ignore[typeddict-item]
        except AwsError as error:
            if not (is_condition(error) or is_conflict(error)):
                raise _unavailable() from error
            if not self._is_there(practice_id):
                raise NotFound("no such practice") from error
            raise Superseded from error

    def _is_there(self, practice_id: str) -> bool:
        try:
            answer = self._client.get_item(
                TableName=self._table, Key=practice_key(practice_id), ConsistentRead=True, ProjectionExpression="pk"
            )
        except AwsError as error:
            raise _unavailable() from error
        return "Item" in answer


def _entry_from(item: Mapping[str, Any]) -> BaaEntry:
    record = json.loads(item["record"]["S"])
    return BaaEntry(
        number=int(item["sk"]["S"].partition("#")[2]),
        at=datetime.fromisoformat(record["at"]),
        by=record["by"],
        baa=baa_from(record["baa"]),
        body_hash=record["body_hash"],
    )


def _unavailable() -> Unavailable:
    return unavailable("the record of agreements")
