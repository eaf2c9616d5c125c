"""Onboardings in DynamoDB: `onboarding#{practice}`, an item each, beside the practices' records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.adapters.aws_errors import AwsError, is_condition, unavailable
from gateway.adapters.practices import UNPROVEN_KEPT
from gateway.core.onboarding.records import Onboarding, Standing, Step, StepState, Superseded

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_WHAT = "the record of practices"
_TIMES = ("since", "at")


class DynamoOnboardings:
    """Fills `core.onboarding.records.Onboardings`. Those whose keys were never proven leave by TTL (`expires_at`)."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def load(self, practice_id: str) -> Onboarding | None:
        """See `Onboardings.load`."""
        try:
            answer = self._client.get_item(TableName=self._table, Key=_key(practice_id), ConsistentRead=True)
        except AwsError as error:
            raise unavailable(_WHAT) from error
        item = answer.get("Item")
        return None if item is None else _from(json.loads(item["onboarding"]["S"]), int(item["rev"]["N"]))

    def save(self, onboarding: Onboarding) -> Onboarding:
        """See `Onboardings.save`."""
        saved = replace(onboarding, rev=onboarding.rev + 1)
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if onboarding.rev:
            condition = {
                "ConditionExpression": "rev = :was",
                "ExpressionAttributeValues": {":was": {"N": str(onboarding.rev)}},
            }
        item = {
            **_key(onboarding.practice_id),
            "onboarding": {"S": json.dumps(_value(onboarding))},
            "rev": {"N": str(saved.rev)},
        }
        if onboarding.step(Step.VERIFY).state is not StepState.DONE:
            item["expires_at"] = {"N": str(int((onboarding.began_at + UNPROVEN_KEPT).timestamp()))}
        try:
            self._client.put_item(TableName=self._table, Item=item, **condition)
        except AwsError as error:
            if is_condition(error):
                raise Superseded from error
            raise unavailable(_WHAT) from error
        return saved


def _key(practice_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"onboarding#{practice_id}"}, "sk": {"S": "onboarding"}}


def _value(onboarding: Onboarding) -> dict[str, Any]:
    value = asdict(onboarding)
    del value["rev"]
    steps = {
        step.value: {**asdict(one), **{name: _text(getattr(one, name)) for name in _TIMES}}
        for step, one in onboarding.steps.items()
    }
    return value | {"began_at": onboarding.began_at.isoformat(), "steps": steps}


def _from(value: Mapping[str, Any], rev: int) -> Onboarding:
    steps = {
        Step(name): Standing(
            **{**one, **{time: _moment(one[time]) for time in _TIMES}, "state": StepState(one["state"])}
        )
        for name, one in value["steps"].items()
    }
    return Onboarding(**{**value, "began_at": datetime.fromisoformat(value["began_at"]), "steps": steps, "rev": rev})


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
