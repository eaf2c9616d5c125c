"""What was decided of patients' forms, in DynamoDB.

intakes#{practice}  {key}   the decision, with `rev`; names of fields and ids, no answer
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.aws_errors import AwsError, is_condition, unavailable
from gateway.core.errors import Unavailable
from gateway.core.intake.records import Decision, State, Superseded

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_AT_ONCE: Final = 100
_TRIES: Final = 5


class DynamoIntakes:
    """Fills `core.intake.records.Intakes`."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, practice_id: str, numbers: Iterable[int]) -> dict[int, Decision]:
        """See `Intakes.get`."""
        wanted = list(dict.fromkeys(numbers))
        found = {number: Decision(practice_id, number) for number in wanted}
        for at in range(0, len(wanted), _AT_ONCE):
            keys = [_key(practice_id, number) for number in wanted[at : at + _AT_ONCE]]
            for item in self._items(keys):
                decision = _decision_from(practice_id, item)
                found[decision.number] = decision
        return found

    def put(self, decision: Decision) -> Decision:
        """See `Intakes.put`."""
        stored = replace(decision, rev=decision.rev + 1)
        condition = "attribute_not_exists(pk)" if decision.rev == 0 else "rev = :was"
        values: dict[str, Any] = (
            {} if decision.rev == 0 else {"ExpressionAttributeValues": {":was": {"N": str(decision.rev)}}}
        )
        try:
            self._client.put_item(TableName=self._table, Item=_item_of(stored), ConditionExpression=condition, **values)
        except AwsError as error:
            if is_condition(error):
                raise Superseded from error
            raise _unavailable() from error
        return stored

    def _items(self, keys: list[dict[str, Any]]) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        asked: Any = {self._table: {"Keys": keys, "ConsistentRead": True}}
        for _ in range(_TRIES):
            if not asked:
                return found
            try:
                answer = self._client.batch_get_item(RequestItems=asked)
            except AwsError as error:
                raise _unavailable() from error
            found += answer["Responses"].get(self._table, [])
            asked = answer.get("UnprocessedKeys")
        if asked:
            raise _unavailable()
        return found


def _key(practice_id: str, number: int) -> dict[str, Any]:
    return {"pk": {"S": f"intakes#{practice_id}"}, "sk": {"S": str(number)}}


def _item_of(decision: Decision) -> dict[str, Any]:
    record = {
        "state": decision.state.value,
        "by": decision.by,
        "client_id": decision.client_id,
        "at": decision.at and decision.at.isoformat(),
        "fields": list(decision.fields),
        "operation_id": decision.operation_id,
        "request": decision.request,
    }
    return {
        **_key(decision.practice_id, decision.number),
        "record": {"S": json.dumps(record)},
        "rev": {"N": str(decision.rev)},
    }


def _decision_from(practice_id: str, item: Mapping[str, Any]) -> Decision:
    record = json.loads(item["record"]["S"])
    return Decision(
        practice_id=practice_id,
        number=int(item["sk"]["S"]),
        state=State(record["state"]),
        by=record["by"],
        client_id=record["client_id"],
        at=record["at"] and datetime.fromisoformat(record["at"]),
        fields=tuple(record["fields"]),
        operation_id=record["operation_id"],
        request=record["request"],
        rev=int(item["rev"]["N"]),
    )


def _unavailable() -> Unavailable:
    return unavailable("the table of intakes")
