"""Times that callers keep, in DynamoDB.

holds#{practice}   {day}#{chair|provider}#{key}   a cell: `version`, `kept` (a list of intervals), `expires_at`
hold#{hold}        hold                           the hold itself, so that a repeat and its owner find it

A cell is never deleted but by its TTL, an hour after the last of its intervals has run out: a version that came back
while somebody still had the old one in hand would let two holds pass for one.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.aws_errors import AwsError, is_condition, is_conflict, unavailable
from gateway.core.errors import NotFound
from gateway.core.slots import holds
from gateway.core.slots.holds import Hold, Interval, Place

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_ON: Final = timedelta(hours=1)
"""How long a cell outlives its last interval."""

TRIES: Final = 12
"""Each try that fails is a hold of somebody else's in the same cells."""

_Cells = dict[Place, tuple[Interval, ...]]


class DynamoHolds:
    """Fills `core.ports.Holds`."""

    def __init__(self, client: DynamoDBClient, *, table: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._table = table
        self._sleep = sleep

    def take(self, hold: Hold, *, now: datetime) -> Hold:
        """See `Holds.take`."""
        for tried in range(TRIES):
            first = self._find(hold.id, now=now)
            if first is not None:
                return first
            cells, versions = self._cells(hold)
            made = holds.with_hold(cells, hold, now=now)
            writes = [self._put_cell(hold.practice_id, place, made[place], versions, now) for place in made]
            writes.append(self._put_hold(hold, "attribute_not_exists(pk)"))
            if self._write(writes):
                return hold
            self._pause(tried)
        raise unavailable("the table of holds")

    def get(self, hold_id: str) -> Hold:
        """See `Holds.get`."""
        found = self._find(hold_id)
        if found is None:
            raise NotFound("no such hold")
        return found

    def release(self, hold_id: str, *, now: datetime) -> None:
        """See `Holds.release`."""
        for tried in range(TRIES):
            hold = self._find(hold_id)
            if hold is None or not hold.is_live(now):
                return
            cells, versions = self._cells(hold)
            left = holds.without_hold(cells, hold, now=now)
            writes = [self._put_cell(hold.practice_id, place, left[place], versions, now) for place in left]
            writes.append(self._put_hold(holds.released(hold, now=now), "attribute_exists(pk)"))
            if self._write(writes):
                return
            self._pause(tried)
        raise unavailable("the table of holds")

    def kept(self, practice_id: str, first: date, last: date, *, now: datetime) -> _Cells:
        """See `Holds.kept`."""
        return holds.live({place: cell for place, (cell, _) in self._days(practice_id, first, last).items()}, now=now)

    # -- items ------------------------------------------------------------------------------------------------------

    def _find(self, hold_id: str, *, now: datetime | None = None) -> Hold | None:
        try:
            answer = self._client.get_item(TableName=self._table, Key=_hold_key(hold_id), ConsistentRead=True)
        except AwsError as error:
            raise unavailable("the table of holds") from error
        item = answer.get("Item")
        if item is None or (now is not None and int(item["expires_at"]["N"]) <= now.timestamp()):
            return None
        return _hold_from(json.loads(item["hold"]["S"]))

    def _cells(self, hold: Hold) -> tuple[_Cells, dict[Place, int]]:
        """The cells of the hold's days, with their versions."""
        days = [place.day for place in hold.intervals()]
        found = self._days(hold.practice_id, min(days), max(days))
        return {place: cell for place, (cell, _) in found.items()}, {place: rev for place, (_, rev) in found.items()}

    def _days(self, practice_id: str, first: date, last: date) -> dict[Place, tuple[tuple[Interval, ...], int]]:
        found = dict[Place, tuple[tuple[Interval, ...], int]]()
        more: dict[str, Any] = {}
        while True:
            try:
                answer = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression="pk = :practice AND sk BETWEEN :first AND :last",
                    ExpressionAttributeValues={
                        ":practice": {"S": f"holds#{practice_id}"},
                        ":first": {"S": f"{first}#"},
                        ":last": {"S": f"{last}#~"},
                    },
                    ConsistentRead=True,
                    **more,
                )
            except AwsError as error:
                raise unavailable("the table of holds") from error
            for item in answer["Items"]:
                day, kind, key = item["sk"]["S"].split("#")
                intervals = tuple(_interval_from(one) for one in json.loads(item["kept"]["S"]))
                found[Place(date.fromisoformat(day), kind, int(key))] = (intervals, int(item["version"]["N"]))
            if "LastEvaluatedKey" not in answer:
                return found
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _put_cell(
        self,
        practice_id: str,
        place: Place,
        intervals: tuple[Interval, ...],
        versions: Mapping[Place, int],
        now: datetime,
    ) -> dict[str, Any]:
        version = versions.get(place, 0)
        last = max((one.until for one in intervals), default=now)
        put: dict[str, Any] = {
            "TableName": self._table,
            "Item": {
                "pk": {"S": f"holds#{practice_id}"},
                "sk": {"S": f"{place.day}#{place.kind}#{place.key}"},
                "version": {"N": str(version + 1)},
                "kept": {"S": json.dumps([_interval_value(one) for one in intervals])},
                "expires_at": {"N": str(ceil((last + KEPT_ON).timestamp()))},
            },
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        if version:
            put["ConditionExpression"] = "version = :was"
            put["ExpressionAttributeValues"] = {":was": {"N": str(version)}}
        return {"Put": put}

    def _put_hold(self, hold: Hold, condition: str) -> dict[str, Any]:
        item = {
            **_hold_key(hold.id),
            "hold": {"S": json.dumps(_hold_value(hold))},
            "expires_at": {"N": str(ceil((hold.made_at + holds.REMEMBERED).timestamp()))},
        }
        return {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": condition}}

    def _write(self, writes: list[dict[str, Any]]) -> bool:
        """Make all of `writes` or none; False if something has changed since it was read."""
        try:
            self._client.transact_write_items(TransactItems=writes)  # type: ignore[arg-type]
        except AwsError as error:
            if is_condition(error) or is_conflict(error):
                return False
            raise unavailable("the table of holds") from error
        return True

    def _pause(self, tried: int) -> None:
        # Rivals that came together part.
        self._sleep(random.uniform(0, 0.01 * 2 ** min(tried, 4)))  # noqa: S311 - no secret hangs on it


def _hold_key(hold_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"hold#{hold_id}"}, "sk": {"S": "hold"}}


def _interval_value(one: Interval) -> dict[str, str]:
    return {name: value if isinstance(value, str) else value.isoformat() for name, value in asdict(one).items()}


def _interval_from(value: Mapping[str, str]) -> Interval:
    moments = {name: datetime.fromisoformat(value[name]) for name in ("start", "end", "until")}
    return Interval(hold=value["hold"], **moments)


_MOMENTS = ("start", "expires_at", "made_at", "released_at")


def _hold_value(hold: Hold) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(hold).items()}


def _hold_from(value: Mapping[str, Any]) -> Hold:
    moments = {name: None if value[name] is None else datetime.fromisoformat(value[name]) for name in _MOMENTS}
    return Hold(**{**value, **moments})
