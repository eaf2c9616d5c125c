"""Short-lived copies of what fetches brought, in DynamoDB (large ones in S3).

rows#{practice}#{cache key}   rows    a fetch's rows, `as_of` in epoch microseconds
rows#{practice}               wrote   when the practice was last written to by us

A read is older than a write if it was asked for before the write was answered, by the two workers' clocks. Between
the two lies at least the write itself in its slot: half a second, and AWS keeps clocks within milliseconds. What bears
a time that is still to come was kept by a clock that was wrong: see `core.operations.counts`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from gateway.adapters.aws_errors import AwsError, is_condition, unavailable
from gateway.adapters.records import rows_from, rows_value
from gateway.core.operations import SKEW_US, RowSet, counts
from gateway.core.ports import REFERENCE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from gateway.adapters.bodies import Bodies

KEPT = timedelta(minutes=10)
"""How long rows are kept. Nobody asks for older ones, and they hold health data."""

REFERENCE_KEPT = timedelta(days=1)
"""How long an office's own set-up is kept, which holds none."""


class DynamoCache:
    """Fills `core.ports.Cache`."""

    def __init__(
        self,
        client: DynamoDBClient,
        *,
        table: str,
        bodies: Bodies,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._table = table
        self._bodies = bodies
        self._now = now

    def get(self, practice_id: str, cache_key: str) -> RowSet | None:
        """See `Cache.get`."""
        rows = self._read(_rows_key(practice_id, cache_key))
        wrote = None if cache_key.startswith(REFERENCE) else self._read(_wrote_key(practice_id))
        at = None if wrote is None else int(wrote["at"]["N"])
        if rows is None or not counts(int(rows["as_of"]["N"]), wrote=at, now=_micros(self._now())):
            return None
        return rows_from(self._bodies.value(rows))

    def put(self, practice_id: str, cache_key: str, rows: RowSet) -> None:
        """See `Cache.put`."""
        as_of = {"N": str(_micros(rows.as_of))}
        item: dict[str, Any] = {
            **_rows_key(practice_id, cache_key),
            "as_of": as_of,
            "expires_at": self._expiry(REFERENCE_KEPT if cache_key.startswith(REFERENCE) else KEPT),
            **self._bodies.attributes(rows_value(rows), owner=practice_id),
        }
        self._put(item, "attribute_not_exists(pk) OR as_of <= :mine OR as_of > :to_come", as_of)

    def wrote(self, practice_id: str, at: datetime) -> None:
        """See `Cache.wrote`."""
        mine = {"N": str(_micros(at))}
        # It outlives every row that it rules out.
        item = {**_wrote_key(practice_id), "at": mine, "expires_at": self._expiry(2 * KEPT)}
        self._put(item, "attribute_not_exists(pk) OR #at <= :mine OR #at > :to_come", mine, {"#at": "at"})

    def _put(
        self, item: dict[str, Any], condition: str, mine: Mapping[str, Any], names: dict[str, str] | None = None
    ) -> None:
        more: dict[str, Any] = {} if names is None else {"ExpressionAttributeNames": names}
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression=condition,
                ExpressionAttributeValues={":mine": mine, ":to_come": {"N": str(_micros(self._now()) + SKEW_US)}},
                **more,
            )
        except AwsError as error:
            if not is_condition(error):  # What is kept is newer.
                raise unavailable("the cache") from error

    def _read(self, key: dict[str, Any]) -> Mapping[str, Any] | None:
        try:
            answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        except AwsError as error:
            raise unavailable("the cache") from error
        item = answer.get("Item")
        over = item is not None and int(item["expires_at"]["N"]) <= self._now().timestamp()
        return None if over else item

    def _expiry(self, kept: timedelta = KEPT) -> dict[str, str]:
        return {"N": str(int((self._now() + kept).timestamp()))}


def _rows_key(practice_id: str, cache_key: str) -> dict[str, Any]:
    return {"pk": {"S": f"rows#{practice_id}#{cache_key}"}, "sk": {"S": "rows"}}


def _wrote_key(practice_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"rows#{practice_id}"}, "sk": {"S": "wrote"}}


def _micros(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)
