"""What is known of practices beside their records, in the same table:

practice#{id}   drift                           what looks have brought, as JSON
practice#{id}   odd#{operation}#{kind}#{field}  one difference from the catalogue: `seen`, `first_at`, `last_at`
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.aws_errors import AwsError, unavailable
from gateway.core.drift.known import MOST_KEPT, Known, Odd, Oddity, Seen

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT: Final = timedelta(days=30)
"""How long a difference is kept that is not seen any more."""

_WHAT: Final = "what is known of practices"
_MOMENTS: Final = frozenset({"begun_at", "looked_at", "tried_at", "so_far_at"})
_NAMES: Final = frozenset(one.name for one in fields(Known))


class DynamoDrifts:
    """Fills `core.drift.known.Drifts`."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def load(self, practice_id: str) -> Known:
        """See `Drifts.load`."""
        try:
            answer = self._client.get_item(TableName=self._table, Key=_key(practice_id, "drift"), ConsistentRead=True)
        except AwsError as error:
            raise unavailable(_WHAT) from error
        item = answer.get("Item")
        return Known() if item is None else _known(json.loads(item["known"]["S"]))

    def save(self, practice_id: str, known: Known) -> None:
        """See `Drifts.save`."""
        value = {name: getattr(known, name) for name in _NAMES}
        text = json.dumps(value, default=datetime.isoformat, separators=(",", ":"))
        try:
            self._client.put_item(TableName=self._table, Item={**_key(practice_id, "drift"), "known": {"S": text}})
        except AwsError as error:
            raise unavailable(_WHAT) from error

    def note_odd(self, practice_id: str, odd: Mapping[Odd, int], *, at: datetime) -> None:
        """See `Drifts.note_odd`."""
        for one, count in odd.items():
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=_key(practice_id, f"odd#{one.operation}#{one.kind.value}#{one.field}"),
                    UpdateExpression="ADD seen :count SET first_at = if_not_exists(first_at, :at), last_at = :at, "
                    "expires_at = :over",
                    ExpressionAttributeValues={
                        ":count": {"N": str(count)},
                        ":at": {"S": at.isoformat()},
                        ":over": {"N": str(int((at + KEPT).timestamp()))},
                    },
                )
            except AwsError as error:
                raise unavailable(_WHAT) from error

    def odd(self, practice_id: str, *, now: datetime) -> list[Seen]:
        """See `Drifts.odd`."""
        try:
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :odd)",
                ExpressionAttributeValues={":pk": {"S": f"practice#{practice_id}"}, ":odd": {"S": "odd#"}},
                ConsistentRead=True,
                Limit=MOST_KEPT,
            )
        except AwsError as error:
            raise unavailable(_WHAT) from error
        # TTL deletes late.
        return [one for item in answer["Items"] if now - (one := _seen(item)).last_at < KEPT]


def _key(practice_id: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": f"practice#{practice_id}"}, "sk": {"S": sk}}


def _known(value: Mapping[str, Any]) -> Known:
    kept = {name: one for name, one in value.items() if name in _NAMES}
    times = {name: datetime.fromisoformat(one) for name, one in kept.items() if name in _MOMENTS and one is not None}
    return Known(**{**kept, **times})


def _seen(item: Mapping[str, Any]) -> Seen:
    operation, kind, field = item["sk"]["S"].removeprefix("odd#").split("#", 2)
    first_at, last_at = (datetime.fromisoformat(item[name]["S"]) for name in ("first_at", "last_at"))
    return Seen(Odd(operation, Oddity(kind), field), first_at, last_at, int(item["seen"]["N"]))
