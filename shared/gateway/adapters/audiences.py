"""Audiences, in DynamoDB.

audiences#{practice}        {audience}       the record, with `rev`
people#{practice}#{audience}  {last key}     who was found of one page of patients, as keys of Open Dental's

Both leave by TTL (`expires_at`, epoch seconds). One transaction stores a page's people and how far the building is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.aws_errors import AwsError, is_condition, is_conflict, unavailable
from gateway.core.audiences.records import Audience, State, Superseded
from gateway.core.errors import NotFound, Unavailable
from gateway.core.ids import parse_row_id

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BATCH: Final = 25
_WIDTH: Final = 20
"""Digits of a key of 64 bits, so that texts have the order of numbers."""


class DynamoAudiences:
    """Fills `core.audiences.records.Audiences`."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def make(self, audience: Audience) -> Audience:
        """See `Audiences.make`."""
        try:
            self._client.put_item(
                TableName=self._table, Item=_item_of(audience), ConditionExpression="attribute_not_exists(pk)"
            )
        except AwsError as error:
            if not is_condition(error):
                raise _unavailable() from error
            kept = self._find(audience.id)
            if kept is None:
                # It left by TTL between the two.
                raise _unavailable() from error
            return kept
        return audience

    def get(self, audience_id: str, *, now: datetime) -> Audience:
        """See `Audiences.get`."""
        found = self._find(audience_id)
        if found is None or found.expires_at <= now:
            raise NotFound("no such audience")
        return found

    def change(self, audience: Audience, found: Sequence[int] = ()) -> Audience:
        """See `Audiences.change`."""
        changed = replace(audience, rev=audience.rev + 1)
        puts: list[Any] = [
            {
                "Put": {
                    "TableName": self._table,
                    "Item": _item_of(changed),
                    "ConditionExpression": "rev = :was",
                    "ExpressionAttributeValues": {":was": {"N": str(audience.rev)}},
                }
            }
        ]
        if found:
            puts.append({"Put": {"TableName": self._table, "Item": _page_of(audience, found)}})
        try:
            self._client.transact_write_items(TransactItems=puts)
        except AwsError as error:
            if is_condition(error) or is_conflict(error):
                raise Superseded from error
            raise _unavailable() from error
        return changed

    def people(self, audience: Audience, *, after: int | None, limit: int) -> list[int]:
        """See `Audiences.people`."""
        found: list[int] = []
        place = None if after is None else _place(after)
        while len(found) < limit:
            asked: dict[str, Any] = {
                "TableName": self._table,
                "KeyConditionExpression": "pk = :of" + ("" if place is None else " AND sk > :after"),
                "ExpressionAttributeValues": {":of": {"S": _people_pk(audience)}}
                | ({} if place is None else {":after": {"S": place}}),
                "ConsistentRead": True,
            }
            try:
                answer = self._client.query(**asked)
            except AwsError as error:
                raise _unavailable() from error
            for item in answer["Items"]:
                keys = map(int, item["people"]["S"].split(","))
                found += (key for key in keys if after is None or key > after)
            if "LastEvaluatedKey" not in answer:
                break
            place = answer["LastEvaluatedKey"]["sk"]["S"]
        return found[:limit]

    def forget_people(self, audience: Audience) -> None:
        """See `Audiences.forget_people`."""
        pk = _people_pk(audience)
        try:
            while True:
                answer = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression="pk = :of",
                    ExpressionAttributeValues={":of": {"S": pk}},
                    ProjectionExpression="pk, sk",
                    ConsistentRead=True,
                    Limit=_BATCH,
                )
                if not answer["Items"]:
                    return
                for item in answer["Items"]:
                    self._client.delete_item(TableName=self._table, Key={"pk": item["pk"], "sk": item["sk"]})
        except AwsError as error:
            raise _unavailable() from error

    def _find(self, audience_id: str) -> Audience | None:
        practice_id = parse_row_id(audience_id, "audience").practice_id
        key = {"pk": {"S": f"audiences#{practice_id}"}, "sk": {"S": audience_id}}
        try:
            item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        except AwsError as error:
            raise _unavailable() from error
        return None if item is None else _audience_from(item)


def _people_pk(audience: Audience) -> str:
    return f"people#{audience.practice_id}#{audience.id}"


def _place(key: int) -> str:
    return f"{key:0{_WIDTH}d}"


def _page_of(audience: Audience, found: Sequence[int]) -> dict[str, Any]:
    return {
        "pk": {"S": _people_pk(audience)},
        "sk": {"S": _place(found[-1])},
        "people": {"S": ",".join(map(str, found))},
        "expires_at": {"N": str(int(audience.expires_at.timestamp()))},
    }


def _item_of(audience: Audience) -> dict[str, Any]:
    record = {
        "client_id": audience.client_id,
        "wanted": audience.wanted,
        "body_hash": audience.body_hash,
        "asked_at": audience.asked_at.isoformat(),
        "changed_at": audience.changed_at.isoformat(),
        "state": audience.state.value,
        "after": audience.after,
        "seen": audience.seen,
        "of": audience.of,
        "people": audience.people,
        "left_out": dict(audience.left_out),
        "built_at": audience.built_at and audience.built_at.isoformat(),
        "code": audience.code,
    }
    return {
        "pk": {"S": f"audiences#{audience.practice_id}"},
        "sk": {"S": audience.id},
        "record": {"S": json.dumps(record)},
        "rev": {"N": str(audience.rev)},
        "expires_at": {"N": str(int(audience.expires_at.timestamp()))},
    }


def _audience_from(item: Mapping[str, Any]) -> Audience:
    record = json.loads(item["record"]["S"])
    return Audience(
        id=item["sk"]["S"],
        practice_id=item["pk"]["S"].partition("#")[2],
        client_id=record["client_id"],
        wanted=record["wanted"],
        body_hash=record["body_hash"],
        asked_at=datetime.fromisoformat(record["asked_at"]),
        changed_at=datetime.fromisoformat(record["changed_at"]),
        state=State(record["state"]),
        after=record["after"],
        seen=record["seen"],
        of=record["of"],
        people=record["people"],
        left_out=record["left_out"],
        built_at=record["built_at"] and datetime.fromisoformat(record["built_at"]),
        code=record["code"],
        rev=int(item["rev"]["N"]),
    )


def _unavailable() -> Unavailable:
    return unavailable("the table of audiences")
