"""The books of key exchanges in DynamoDB: `rotations#{practice}`, an item each, beside the practices' records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.adapters.aws_errors import AwsError, is_condition, unavailable
from gateway.core.rotation.records import Book, Rotation, State, Superseded

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_TIMES = ("requested_at", "since", "due_at", "told_at", "promoted_at", "ended_at")


class DynamoRotations:
    """Fills `core.rotation.records.Rotations`. A book is one item, its exchanges a JSON document."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def load(self, practice_id: str) -> Book:
        """See `Rotations.load`."""
        try:
            answer = self._client.get_item(TableName=self._table, Key=_key(practice_id), ConsistentRead=True)
        except AwsError as error:
            raise unavailable("the record of practices") from error
        item = answer.get("Item")
        if item is None:
            return Book(practice_id)
        kept = json.loads(item["rotations"]["S"])
        return Book(practice_id, tuple(_from(one) for one in kept), int(item["rev"]["N"]))

    def save(self, book: Book) -> Book:
        """See `Rotations.save`."""
        saved = replace(book, rev=book.rev + 1)
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if book.rev:
            condition = {
                "ConditionExpression": "rev = :was",
                "ExpressionAttributeValues": {":was": {"N": str(book.rev)}},
            }
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    **_key(book.practice_id),
                    "rotations": {"S": json.dumps([_value(one) for one in book.rotations])},
                    "rev": {"N": str(saved.rev)},
                },
                **condition,
            )
        except AwsError as error:
            if is_condition(error):
                raise Superseded from error
            raise unavailable("the record of practices") from error
        return saved


def _key(practice_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"rotations#{practice_id}"}, "sk": {"S": "rotations"}}


def _value(rotation: Rotation) -> dict[str, Any]:
    value = asdict(rotation)
    return value | {name: value[name] and value[name].isoformat() for name in _TIMES}


def _from(value: Mapping[str, Any]) -> Rotation:
    times = {name: value[name] and datetime.fromisoformat(value[name]) for name in _TIMES}
    lists = {name: tuple(value[name]) for name in ("permissions", "lacks")}
    return Rotation(**{**value, **times, **lists, "state": State(value["state"])})
