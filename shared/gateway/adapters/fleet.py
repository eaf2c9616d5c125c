"""Figures of the deployment and practices in trouble, in the pace table:

    fleet             {writer}     figures (JSON) and when they were noted
    trouble#{kind}    {practice}   since when

Neither has a TTL: figures are replaced each minute, and a trouble ends when somebody sees that it has.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.aws_errors import AwsError, is_condition, unavailable
from gateway.core.health.fleet import Noted, Trouble, Troubled

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FIGURES: Final = "fleet"


class DynamoFleet:
    """Fills `core.health.fleet.Fleet`."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def note(self, writer: str, values: Mapping[str, float], *, at: datetime) -> None:
        """See `Fleet.note`."""
        item = {
            **_key(FIGURES, writer),
            "figures": {"S": json.dumps(dict(values), sort_keys=True)},
            "at": {"S": at.astimezone(UTC).isoformat()},
        }
        try:
            self._client.put_item(TableName=self._table, Item=item)
        except AwsError as error:
            raise unavailable("the pace table") from error

    def noted(self) -> dict[str, Noted]:
        """See `Fleet.noted`."""
        return {
            item["sk"]["S"]: Noted(datetime.fromisoformat(item["at"]["S"]), json.loads(item["figures"]["S"]))
            for item in self._all(FIGURES)
        }

    def begin(self, trouble: Trouble, practice_id: str, *, since: datetime) -> None:
        """See `Fleet.begin`."""
        item = {**_key(_of(trouble), practice_id), "since": {"S": since.astimezone(UTC).isoformat()}}
        try:
            self._client.put_item(TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)")
        except AwsError as error:
            if not is_condition(error):
                raise unavailable("the pace table") from error

    def end(self, trouble: Trouble, practice_id: str) -> None:
        """See `Fleet.end`."""
        try:
            self._client.delete_item(TableName=self._table, Key=_key(_of(trouble), practice_id))
        except AwsError as error:
            raise unavailable("the pace table") from error

    def troubled(self, trouble: Trouble) -> Troubled:
        """See `Fleet.troubled`."""
        since = [datetime.fromisoformat(item["since"]["S"]) for item in self._all(_of(trouble))]
        return Troubled(len(since), min(since, default=None))

    def some(self, trouble: Trouble, *, limit: int) -> list[str]:
        """See `Fleet.some`."""
        pk = _of(trouble)
        # Ids are random, so that a random place to begin at looks at all of them in the long run.
        place = "prac_" + "".join(random.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(4))  # noqa: S311
        found = self._page(pk, after=place, limit=limit)
        if len(found) < limit:
            found += self._page(pk, after="0", limit=limit)
        return list(dict.fromkeys(found))[:limit]

    def _page(self, pk: str, *, after: str, limit: int) -> list[str]:
        try:
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND sk > :after",
                ExpressionAttributeValues={":pk": {"S": pk}, ":after": {"S": after}},
                Limit=limit,
            )
        except AwsError as error:
            raise unavailable("the pace table") from error
        return [item["sk"]["S"] for item in answer["Items"]]

    def _all(self, pk: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        page: dict[str, Any] = {}
        while True:
            try:
                answer = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression="pk = :pk",
                    ExpressionAttributeValues={":pk": {"S": pk}},
                    **page,
                )
            except AwsError as error:
                raise unavailable("the pace table") from error
            found += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return found
            page = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _of(trouble: Trouble) -> str:
    return f"trouble#{trouble}"


def _key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}
