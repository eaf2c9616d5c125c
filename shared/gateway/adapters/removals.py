"""Removals in DynamoDB: `removal#{practice}`, an item each, beside the practices' records; they stay for good."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.adapters.aws_errors import AwsError, is_condition, unavailable
from gateway.core.removal.records import Erasure, Problem, Removal, Standing, Step, StepState, Superseded

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_WHAT = "the record of practices"


class DynamoRemovals:
    """Fills `core.removal.records.Removals`."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def load(self, practice_id: str) -> Removal | None:
        """See `Removals.load`."""
        try:
            answer = self._client.get_item(TableName=self._table, Key=removal_key(practice_id), ConsistentRead=True)
        except AwsError as error:
            raise unavailable(_WHAT) from error
        item = answer.get("Item")
        return None if item is None else _from(json.loads(item["removal"]["S"]), int(item["rev"]["N"]))

    def save(self, removal: Removal) -> Removal:
        """See `Removals.save`."""
        saved = replace(removal, rev=removal.rev + 1)
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if removal.rev:
            condition = {
                "ConditionExpression": "rev = :was",
                "ExpressionAttributeValues": {":was": {"N": str(removal.rev)}},
            }
        item = {
            **removal_key(removal.practice_id),
            "removal": {"S": json.dumps(_value(removal), default=_text)},
            "rev": {"N": str(saved.rev)},
        }
        try:
            self._client.put_item(TableName=self._table, Item=item, **condition)
        except AwsError as error:
            if is_condition(error):
                raise Superseded from error
            raise unavailable(_WHAT) from error
        return saved


def removal_key(practice_id: str) -> dict[str, Any]:
    """Where a practice's removal is."""
    return {"pk": {"S": f"removal#{practice_id}"}, "sk": {"S": "removal"}}


def _value(removal: Removal) -> dict[str, Any]:
    value = asdict(removal)
    del value["rev"]
    return value


def _from(value: Mapping[str, Any], rev: int) -> Removal:
    steps = {
        Step(name): Standing(StepState(one["state"]), _moment(one["since"]), _moment(one["at"]), one["code"])
        for name, one in value["steps"].items()
    }
    erased = {name: Erasure(one["count"], _moment(one["at"]), one["after"]) for name, one in value["erased"].items()}
    problems = tuple(Problem(one["code"], one["count"], tuple(one["ids"])) for one in value["problems"])
    return Removal(
        **{
            **value,
            "began_at": datetime.fromisoformat(value["began_at"]),
            "fingerprints": tuple(value["fingerprints"]),
            "keys_deleted_at": _moment(value["keys_deleted_at"]),
            "steps": steps,
            "erased": erased,
            "problems": problems,
            "rev": rev,
        }
    )


def _text(moment: datetime) -> str:
    return moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
