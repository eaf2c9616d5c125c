"""The pace items in DynamoDB: one a practice (`pk` = `pace#{practice}`, `sk` = `pace`), index `due` for the lane.

What the holder of the lease changes lies in `item` (JSON) under the condition on `rev`. The counters, `interactive_at`
and the operator's switch (`killed`, `switched_at`, `switched_by`) are attributes of their own, so that callers who join
never get in the holder's way.
Beside them: the governor's minutes (`governor`, `minute#{n}`), and practices whose counters may be off (`doubted`,
`{practice}`).
"""

from __future__ import annotations

import json
import random
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from gateway.adapters.aws_errors import AwsError, is_condition, is_conflict, unavailable
from gateway.core import pacing
from gateway.core.errors import QueueFull, Unavailable
from gateway.core.pacing import Breaker, InUse, KeyPace, Minute, PaceItem, Trip
from gateway.core.ports import PaceView
from gateway.core.practices import WayName

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")

SHARDS = 16
"""Partitions of the index of what is due. Each background turn moves its practice there several times, and ten
thousand practices' turns are more than a few partitions take. May grow: what was written before is in the first ones.
"""

GOVERNOR_KEPT_S = 3600
DOUBT_KEPT_S = 3600
_TRIES = 25
_KEPT = frozenset(one.name for one in fields(PaceItem))
_KEPT_OF_KEYS = frozenset(one.name for one in fields(KeyPace))


class DynamoPace:
    """Fills `core.ports.Paces`, `core.worker.PaceStore` and `core.worker.Governor`."""

    def __init__(self, client: DynamoDBClient, *, table: str, now: Callable[[], float] = time.time) -> None:
        self._client = client
        self._table = table
        self._now = now

    # -- the callers' side ------------------------------------------------------------------------------------------

    def view(self, practice_id: str) -> PaceView:
        """See `Paces.view`."""
        return pacing.view_of(self.load(practice_id), self._now())

    def join(self, practice_id: str, *, interactive: bool, now: datetime) -> int:
        """See `Paces.join`."""
        changes = "ADD waiting :one SET practice_id = :practice"
        values: dict[str, Any] = {
            ":one": {"N": "1"},
            ":practice": {"S": practice_id},
            ":full": {"N": str(pacing.MAX_WAITING)},
        }
        if interactive:
            changes += ", interactive_at = :at"
            values[":at"] = {"N": repr(now.timestamp())}
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_key(practice_id),
                UpdateExpression=changes,
                ConditionExpression="attribute_not_exists(waiting) OR waiting < :full",
                ExpressionAttributeValues=values,
                ReturnValues="UPDATED_NEW",
            )
        except AwsError as error:
            if is_condition(error):
                raise QueueFull(
                    f"{pacing.MAX_WAITING} turns of this practice wait already", retry_after=pacing.FULL_RETRY_S
                ) from error
            raise unavailable("the pace table") from error
        return int(answer["Attributes"]["waiting"]["N"])

    def switch(self, practice_id: str, *, killed: bool, by: str, at: datetime) -> None:
        """See `Paces.switch`."""
        values = {
            ":killed": {"BOOL": killed},
            ":by": {"S": by},
            ":at": {"N": repr(at.timestamp())},
            ":was": {"BOOL": not killed},
        }
        absent = " OR attribute_not_exists(killed)" if killed else ""
        changes = "SET killed = :killed, switched_by = :by, switched_at = :at"
        self._counter(practice_id, changes, values, f"killed = :was{absent}")

    # -- the worker's side ------------------------------------------------------------------------------------------

    def load(self, practice_id: str) -> PaceItem:
        """See `PaceStore.load`."""
        try:
            answer = self._client.get_item(TableName=self._table, Key=_key(practice_id), ConsistentRead=True)
        except AwsError as error:
            raise unavailable("the pace table") from error
        return _item_from(practice_id, answer.get("Item") or {})

    def update(self, practice_id: str, rule: Callable[[PaceItem], tuple[PaceItem, T]]) -> T:
        """See `PaceStore.update`."""
        for attempt in range(_TRIES):
            was = self.load(practice_id)
            item, result = rule(was)
            if item == was or self._replace(item, was):
                return result
            time.sleep(random.uniform(0.0, 0.004) * (attempt + 1))  # noqa: S311
        raise Unavailable("too many turns of one practice at once", retry_after=1.0)

    def count(self, practice_id: str, *, waiting: int = 0, parked: int = 0) -> None:
        """See `PaceStore.count`."""
        for name, change in (("waiting", waiting), ("parked", parked)):
            if change > 0:
                self._counter(practice_id, f"ADD {name} :by", {":by": {"N": str(change)}})
            elif change < 0:
                values = {":by": {"N": str(change)}, ":least": {"N": str(-change)}}
                if not self._counter(practice_id, f"ADD {name} :by", values, f"{name} >= :least"):
                    self._counter(practice_id, f"SET {name} = :zero", {":zero": {"N": "0"}})

    def recount(self, practice_id: str, *, waiting: int, parked: int, was: PaceItem) -> None:
        """See `PaceStore.recount`."""
        values = {":waiting": {"N": str(waiting)}, ":parked": {"N": str(parked)}}
        conditions = []
        for name, kept in (("waiting", was.waiting), ("parked", was.parked)):
            values[f":was_{name}"] = {"N": str(kept)}
            absent = "" if kept else f" OR attribute_not_exists({name})"
            conditions.append(f"({name} = :was_{name}{absent})")
        self._counter(practice_id, "SET waiting = :waiting, parked = :parked", values, " AND ".join(conditions))

    def doubt(self, practice_id: str) -> None:
        """See `PaceStore.doubt`."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_doubt_key(practice_id),
                UpdateExpression="SET expires_at = :over",
                ExpressionAttributeValues={":over": {"N": str(int(self._now()) + DOUBT_KEPT_S)}},
            )
        except AwsError as error:
            raise unavailable("the pace table") from error

    def try_again(self, practice_id: str, at: datetime) -> None:
        """See `Paces.try_again`."""
        self.update(practice_id, lambda item: (pacing.try_again(item, at.timestamp()), None))

    def background_due(self, practice_id: str, at: datetime) -> None:
        """See `Paces.background_due`."""
        self.update(practice_id, lambda item: (pacing.work_due(item, at.timestamp()), None))

    def doubted(self, *, limit: int) -> list[str]:
        """See `PaceStore.doubted`."""
        found: list[str] = []
        page: dict[str, Any] = {}
        while len(found) < limit:
            try:
                answer = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression="pk = :pk",
                    # TTL deletes late, and what is over counts towards a page: one may be empty and not the last.
                    FilterExpression="expires_at > :now",
                    ExpressionAttributeValues={":pk": {"S": "doubted"}, ":now": {"N": str(int(self._now()))}},
                    ConsistentRead=True,
                    Limit=limit,
                    **page,
                )
            except AwsError as error:
                raise unavailable("the pace table") from error
            found += [item["sk"]["S"] for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                break
            page = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return found[:limit]

    def trust(self, practice_id: str) -> None:
        """See `PaceStore.trust`."""
        try:
            self._client.delete_item(TableName=self._table, Key=_doubt_key(practice_id))
        except AwsError as error:
            raise unavailable("the pace table") from error

    def due(self, now: datetime, *, within_s: float, limit: int, part: tuple[int, int] = (0, 1)) -> list[str]:
        """See `PaceStore.due`."""
        until = str(int((now.timestamp() + within_s) * 1000))
        found: list[tuple[int, str]] = []
        for shard in range(part[0], SHARDS, part[1]):
            page: dict[str, Any] = {}
            most = len(found) + limit
            while len(found) < most:
                try:
                    answer = self._client.query(
                        TableName=self._table,
                        IndexName="due",
                        KeyConditionExpression="due_shard = :shard AND due_at <= :until",
                        ExpressionAttributeValues={":shard": {"S": str(shard)}, ":until": {"N": until}},
                        **page,
                    )
                except AwsError as error:
                    raise unavailable("the pace table") from error
                found += [(int(item["due_at"]["N"]), item["pk"]["S"].removeprefix("pace#")) for item in answer["Items"]]
                if "LastEvaluatedKey" not in answer:
                    break
                page = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return [practice_id for _, practice_id in sorted(found)][:limit]

    # -- the governor -----------------------------------------------------------------------------------------------

    def minute(self, now: datetime) -> Minute:
        """See `Governor.minute`."""
        at = now.timestamp()
        minutes = []
        for one in (int(at // 60) - 1, int(at // 60)):
            try:
                answer = self._client.get_item(TableName=self._table, Key=_minute_key(one))
            except AwsError as error:
                raise unavailable("the pace table") from error
            item = answer.get("Item") or {}
            minutes.append(Minute(_number(item, "calls"), _number(item, "refused")))
        return pacing.last_minute(minutes[0], minutes[1], at)

    def add_to_minute(self, now: datetime, *, calls: int, refused: int) -> None:
        """See `Governor.count`."""
        at = now.timestamp()
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_minute_key(int(at // 60)),
                UpdateExpression="ADD calls :calls, refused :refused SET expires_at = :over",
                ExpressionAttributeValues={
                    ":calls": {"N": str(calls)},
                    ":refused": {"N": str(refused)},
                    ":over": {"N": str(int(at) + GOVERNOR_KEPT_S)},
                },
            )
        except AwsError as error:
            raise unavailable("the pace table") from error

    # -- calls ------------------------------------------------------------------------------------------------------

    def _replace(self, item: PaceItem, was: PaceItem) -> bool:
        # Not in `item`: a process of the release before refuses a field there that it does not know.
        changes = "SET #item = :item, rev = :rev, practice_id = :practice, lane_turns = :turns"
        values: dict[str, Any] = {
            ":item": {"S": json.dumps(_value_of(item), separators=(",", ":"))},
            ":rev": {"N": str(was.rev + 1)},
            ":practice": {"S": item.practice_id},
            ":turns": {"N": str(item.lane_turns)},
        }
        condition = "attribute_not_exists(rev)"
        if was.rev:
            condition = "rev = :was"
            values[":was"] = {"N": str(was.rev)}
        if item.due_at is None:
            changes += " REMOVE due_shard, due_at"
        else:
            changes += ", due_shard = :shard, due_at = :due"
            values[":shard"] = {"S": str(zlib.crc32(item.practice_id.encode()) % SHARDS)}
            values[":due"] = {"N": str(int(item.due_at * 1000))}
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(item.practice_id),
                UpdateExpression=changes,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#item": "item"},
                ExpressionAttributeValues=values,
            )
        except AwsError as error:
            if is_condition(error) or is_conflict(error):
                return False
            raise unavailable("the pace table") from error
        return True

    def _counter(self, practice_id: str, changes: str, values: Mapping[str, Any], condition: str | None = None) -> bool:
        more: dict[str, Any] = {} if condition is None else {"ConditionExpression": condition}
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(practice_id),
                UpdateExpression=changes,
                ExpressionAttributeValues=values,
                **more,
            )
        except AwsError as error:
            if is_condition(error):
                return False
            raise unavailable("the pace table") from error
        return True


class DynamoGovernor:
    """Fills `core.worker.Governor` with counters beside the pace items."""

    def __init__(self, pace: DynamoPace) -> None:
        self._pace = pace

    def count(self, now: datetime, *, calls: int, refused: int) -> None:
        """See `Governor.count`."""
        self._pace.add_to_minute(now, calls=calls, refused=refused)

    def minute(self, now: datetime) -> Minute:
        """See `Governor.minute`."""
        return self._pace.minute(now)


def _key(practice_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"pace#{practice_id}"}, "sk": {"S": "pace"}}


def _doubt_key(practice_id: str) -> dict[str, Any]:
    return {"pk": {"S": "doubted"}, "sk": {"S": practice_id}}


def _minute_key(minute: int) -> dict[str, Any]:
    return {"pk": {"S": "governor"}, "sk": {"S": f"minute#{minute}"}}


def _value_of(item: PaceItem) -> dict[str, Any]:
    return {
        "keys": {key: asdict(pace) for key, pace in item.keys.items()},
        "holder": item.holder,
        "busy_until": item.busy_until,
        "turn_no": item.turn_no,
        "breaker": asdict(item.breaker),
        # Nearly every practice has one way, and its item nothing of this.
        **({} if item.way == InUse() else {"way": asdict(item.way)}),
        "lane_until": item.lane_until,
        "next_due_at": item.next_due_at,
        "rhythm_s": item.rhythm_s,
        "probe_at": item.probe_at,
        "probed_at": item.probed_at,
        "is_late": item.is_late,
    }


def _item_from(practice_id: str, attributes: Mapping[str, Any]) -> PaceItem:
    kept = json.loads(attributes["item"]["S"]) if "item" in attributes else {}
    # A release beside this one may keep more.
    value = {name: one for name, one in kept.items() if name in _KEPT}
    breaker = dict(value.pop("breaker", {}))
    if breaker.get("trip") is not None:
        breaker["trip"] = Trip(breaker["trip"])
    way = dict(value.pop("way", {}))
    if "by" in way:
        way["by"] = WayName(way["by"])
    keys = {
        key: KeyPace(**{name: one for name, one in pace.items() if name in _KEPT_OF_KEYS})
        for key, pace in value.pop("keys", {}).items()
    }
    return PaceItem(
        practice_id,
        keys=keys,
        breaker=Breaker(**breaker),
        way=InUse(**way),
        rev=_number(attributes, "rev"),
        lane_turns=_number(attributes, "lane_turns"),
        waiting=_number(attributes, "waiting"),
        parked=_number(attributes, "parked"),
        interactive_at=float(attributes.get("interactive_at", {"N": "0"})["N"]),
        killed=bool(attributes.get("killed", {"BOOL": False})["BOOL"]),
        switched_at=float(attributes.get("switched_at", {"N": "0"})["N"]),
        switched_by=attributes.get("switched_by", {}).get("S"),
        **value,
    )


def _number(attributes: Mapping[str, Any], name: str) -> int:
    return max(0, int(attributes.get(name, {"N": "0"})["N"]))
