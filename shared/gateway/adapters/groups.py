"""Groups of practices, in DynamoDB.

groups               {group}    the record, with `rev`; a deleted one leaves by TTL (`expires_at`, epoch seconds)
practice#{practice}  group      which group the practice is in

One transaction changes a record and the practices it holds, so no practice is ever in two groups, or in one whose
record does not name it.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.aws_errors import AwsError, is_condition, is_conflict, unavailable
from gateway.core.errors import NotFound, Unavailable
from gateway.core.groups.records import REMEMBERED, Agreement, Group, InAnotherGroup, Superseded

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TRIES: Final = 8
"""Each try that fails met another transaction at the same items."""


class DynamoGroups:
    """Fills `core.groups.records.Groups`."""

    def __init__(self, client: DynamoDBClient, *, table: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._table = table
        self._sleep = sleep

    def make(self, group: Group) -> Group:
        """See `Groups.make`."""
        for tried in range(TRIES):
            first = self._find(group.id)
            if first is not None:
                return first
            if self._write(group, frozenset(), "attribute_not_exists(pk)", {}):
                return group
            if self._find(group.id) is None and self._is_held(group):
                raise InAnotherGroup
            self._pause(tried)
        raise _unavailable()

    def change(self, group: Group) -> Group:
        """See `Groups.change`."""
        changed = replace(group, rev=group.rev + 1)
        for tried in range(TRIES):
            was = self._find(group.id)
            if was is None or was.rev != group.rev:
                raise Superseded
            if self._write(changed, was.holds, "rev = :was", {":was": {"N": str(group.rev)}}):
                return changed
            if self._is_held(changed):
                raise InAnotherGroup
            self._pause(tried)
        raise _unavailable()

    def get(self, group_id: str) -> Group:
        """See `Groups.get`."""
        found = self._find(group_id)
        if found is None:
            raise NotFound("no such group")
        return found

    def of(self, practice_id: str) -> Group | None:
        """See `Groups.of`."""
        held = self._item(_held_key(practice_id))
        found = None if held is None else self._find(held["group_id"]["S"])
        return found if found is not None and practice_id in found.holds else None

    def page(self, *, after: str | None, limit: int) -> list[Group]:
        """See `Groups.page`."""
        asked: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :groups" + ("" if after is None else " AND sk > :after"),
            "ExpressionAttributeValues": {":groups": {"S": "groups"}}
            | ({} if after is None else {":after": {"S": after}}),
            "ConsistentRead": True,
        }
        found: list[Group] = []
        while True:
            try:
                answer = self._client.query(**asked, Limit=limit - len(found))
            except AwsError as error:
                raise _unavailable() from error
            found += [_group_from(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer or len(found) >= limit:
                return found
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    # -- items ------------------------------------------------------------------------------------------------------

    def _write(self, group: Group, held: frozenset[str], condition: str, values: Mapping[str, Any]) -> bool:
        """Store the record and move its hold from the practices `held` to its own; False if a condition fails."""
        put: dict[str, Any] = {"TableName": self._table, "Item": _item_of(group), "ConditionExpression": condition}
        if values:
            put["ExpressionAttributeValues"] = dict(values)
        ours = {":ours": {"S": group.id}}
        taken = [
            {
                "Put": {
                    "TableName": self._table,
                    "Item": {**_held_key(one), "group_id": {"S": group.id}},
                    "ConditionExpression": "attribute_not_exists(pk) OR group_id = :ours",
                    "ExpressionAttributeValues": ours,
                }
            }
            for one in sorted(group.holds - held)
        ]
        let_go = [
            {
                "Delete": {
                    "TableName": self._table,
                    "Key": _held_key(one),
                    "ConditionExpression": "attribute_not_exists(pk) OR group_id = :ours",
                    "ExpressionAttributeValues": ours,
                }
            }
            for one in sorted(held - group.holds)
        ]
        try:
            self._client.transact_write_items(TransactItems=[{"Put": put}, *taken, *let_go])  # type: ignore[list-item, typeddict-item]
        except AwsError as error:
            if is_condition(error) or is_conflict(error):
                return False
            raise _unavailable() from error
        return True

    def _is_held(self, group: Group) -> bool:
        """Whether another group has one of its practices."""
        for one in sorted(group.holds):
            item = self._item(_held_key(one))
            if item is not None and item["group_id"]["S"] != group.id:
                return True
        return False

    def _find(self, group_id: str) -> Group | None:
        item = self._item({"pk": {"S": "groups"}, "sk": {"S": group_id}})
        return None if item is None else _group_from(item)

    def _item(self, key: Mapping[str, Any]) -> Mapping[str, Any] | None:
        try:
            return self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        except AwsError as error:
            raise _unavailable() from error

    def _pause(self, tried: int) -> None:
        self._sleep(random.uniform(0, 0.01 * 2 ** min(tried, 4)))  # noqa: S311 - no secret hangs on it


def _held_key(practice_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"practice#{practice_id}"}, "sk": {"S": "group"}}


def _item_of(group: Group) -> dict[str, Any]:
    agreed = group.agreement
    record = {
        "name": group.name,
        "practices": sorted(group.practices),
        "agreement": {
            "reference": agreed.reference,
            "signed_on": agreed.signed_on and agreed.signed_on.isoformat(),
            "expires_on": agreed.expires_on and agreed.expires_on.isoformat(),
        },
        "made_by": group.made_by,
        "made_at": group.made_at.isoformat(),
        "changed_at": group.changed_at.isoformat(),
        "body_hash": group.body_hash,
        "deleted_at": group.deleted_at and group.deleted_at.isoformat(),
    }
    item: dict[str, Any] = {
        "pk": {"S": "groups"},
        "sk": {"S": group.id},
        "record": {"S": json.dumps(record)},
        "rev": {"N": str(group.rev)},
    }
    if group.deleted_at is not None:
        item["expires_at"] = {"N": str(int((group.deleted_at + REMEMBERED).timestamp()))}
    return item


def _group_from(item: Mapping[str, Any]) -> Group:
    record = json.loads(item["record"]["S"])
    agreed = record["agreement"]
    return Group(
        id=item["sk"]["S"],
        name=record["name"],
        practices=frozenset(record["practices"]),
        agreement=Agreement(
            agreed["reference"],
            agreed["signed_on"] and date.fromisoformat(agreed["signed_on"]),
            agreed["expires_on"] and date.fromisoformat(agreed["expires_on"]),
        ),
        made_by=record["made_by"],
        made_at=datetime.fromisoformat(record["made_at"]),
        changed_at=datetime.fromisoformat(record["changed_at"]),
        body_hash=record["body_hash"],
        deleted_at=record["deleted_at"] and datetime.fromisoformat(record["deleted_at"]),
        rev=int(item["rev"]["N"]),
    )


def _unavailable() -> Unavailable:
    return unavailable("the table of groups")
