"""Clients, keys, sessions, wrong attempts and counts of requests in one DynamoDB table (`pk`, `sk`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from gateway.core.callers import Client, ClientKind
from gateway.core.clients import Key
from gateway.core.errors import NotFound, Unavailable
from gateway.core.ports import Session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ATTEMPT_WINDOW = timedelta(minutes=15)
_EVERYONE = "everyone"
# A count is of use for one minute; the rest is for clocks that differ and for whoever looks into a burst.
_COUNT_KEPT_S = 600
_MOST_NOTED = 10_000
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class DynamoCallers:
    """Fills `core.ports.Callers` and `core.clients.ClientBook`. Every read is strongly consistent, so that a
    revocation acts on the next call.

    `expires_at` (epoch seconds) is the table's TTL attribute. DynamoDB may keep an expired item for days, so readers
    compare the time themselves.
    """

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table
        self._noted: dict[str, datetime] = {}

    def client(self, client_id: str) -> Client:
        """See `Callers.client`."""
        item = self._get(f"client#{client_id}", "client")
        if item is None:
            raise NotFound("no such client")
        return _client_from(item)

    def put_client(self, client: Client) -> None:
        """See `Callers.put_client`."""
        item: dict[str, Any] = {
            **_client_key(client.id),
            "name": {"S": client.name},
            "kind": {"S": client.kind.value},
            "scopes_as_of": {"N": str(client.scopes_as_of)},
        }
        # DynamoDB has no empty sets: an absent attribute is one.
        if client.practices:
            item["practices"] = {"SS": sorted(client.practices)}
        if client.scopes:
            item["scopes"] = {"SS": sorted(client.scopes)}
        # Not the TTL attribute: an expired client stays on record.
        _set_moment(item, "ends_at", client.expires_at)
        _set_moment(item, "revoked_at", client.revoked_at)
        if client.requests_per_minute is not None:
            item["requests_per_minute"] = {"N": str(client.requests_per_minute)}
        self._put(item)

    def add_practice(self, client_id: str, practice_id: str) -> None:
        """See `Callers.add_practice`."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_client_key(client_id),
                UpdateExpression="ADD practices :practice",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={":practice": {"SS": [practice_id]}},
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise NotFound("no such client") from error
        except (ClientError, BotoCoreError) as error:
            raise _unavailable() from error

    def session(self, token_hash: str) -> Session | None:
        """See `Callers.session`."""
        item = self._get(f"token#{token_hash}", "token")
        if item is None:
            return None
        return Session(
            client_id=item["client_id"]["S"],
            expires_at=_moment(item, "ends_at"),
            revoked_at=_moment(item, "revoked_at"),
            is_key=item["is_key"]["BOOL"],
            created_at=_moment(item, "created_at"),
            opened_by=item["opened_by"]["S"] if "opened_by" in item else None,
        )

    def put_session(self, token_hash: str, session: Session) -> None:
        """See `Callers.put_session`."""
        item: dict[str, Any] = {
            "pk": {"S": f"token#{token_hash}"},
            "sk": {"S": "token"},
            "client_id": {"S": session.client_id},
            "is_key": {"BOOL": session.is_key},
        }
        _set_moment(item, "ends_at", session.expires_at)
        _set_moment(item, "revoked_at", session.revoked_at)
        _set_moment(item, "created_at", session.created_at)
        if session.opened_by is not None:
            item["opened_by"] = {"S": session.opened_by}
        # A key that is over stays on record; whoever looks sees why it works no more.
        if session.expires_at is not None and not session.is_key:
            item["expires_at"] = {"N": str(int(session.expires_at.timestamp()) + 1)}
        self._put(item)

    def revoke(self, token_hash: str, at: datetime) -> None:
        """See `Callers.revoke`."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": f"token#{token_hash}"}, "sk": {"S": "token"}},
                # The first revocation keeps its time.
                UpdateExpression="SET revoked_at = if_not_exists(revoked_at, :at)",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={":at": {"S": at.isoformat()}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return
        except (ClientError, BotoCoreError) as error:
            raise _unavailable() from error

    def note_use(self, token_hash: str, at: datetime) -> None:
        """See `Callers.note_use`. The item lies apart from the key's own: who notes a use cannot undo a revocation."""
        hour = at.replace(minute=0, second=0, microsecond=0)
        if self._noted.get(token_hash) == hour:
            return
        if len(self._noted) >= _MOST_NOTED:
            self._noted.clear()
        self._noted[token_hash] = hour
        with suppress(ClientError, BotoCoreError):
            self._client.put_item(
                TableName=self._table,
                Item={**_used_key(token_hash), "used_at": {"S": hour.isoformat()}},
                ConditionExpression="attribute_not_exists(pk) OR used_at < :hour",
                ExpressionAttributeValues={":hour": {"S": hour.isoformat()}},
            )

    # -- for operators' commands --------------------------------------------------------------------------------

    def all_clients(self) -> list[Client]:
        """See `ClientBook.all_clients`."""
        found = self._all("sk = :sk", {":sk": {"S": "client"}})
        return sorted(map(_client_from, found), key=lambda one: one.id)

    def keys(self, client_id: str) -> list[Key]:
        """See `ClientBook.keys`."""
        found = self._all(
            "sk = :sk AND client_id = :client AND is_key = :key",
            {":sk": {"S": "token"}, ":client": {"S": client_id}, ":key": {"BOOL": True}},
        )
        return _newest_first(_key_from(item, self._item(_used_key(_hash_in(item)))) for item in found)

    def all_keys(self) -> list[Key]:
        """See `ClientBook.all_keys`."""
        found = self._all(
            "sk = :used OR (sk = :sk AND is_key = :key)",
            {":used": {"S": "used"}, ":sk": {"S": "token"}, ":key": {"BOOL": True}},
        )
        used = {_hash_in(item): item for item in found if item["sk"]["S"] == "used"}
        return _newest_first(_key_from(item, used.get(_hash_in(item))) for item in found if item["sk"]["S"] == "token")

    def give(self, client_id: str, *, scopes: Iterable[str] = (), practices: Iterable[str] = ()) -> None:
        """See `ClientBook.give`."""
        self._sets("ADD", client_id, scopes=sorted(scopes), practices=sorted(practices))

    def take(self, client_id: str, *, scopes: Iterable[str] = (), practices: Iterable[str] = ()) -> None:
        """See `ClientBook.take`."""
        self._sets("DELETE", client_id, scopes=sorted(scopes), practices=sorted(practices))

    def revoke_client(self, client_id: str, at: datetime) -> None:
        """See `ClientBook.revoke_client`."""
        self._change(
            _client_key(client_id),
            "SET revoked_at = if_not_exists(revoked_at, :at)",
            {":at": {"S": at.isoformat()}},
            "no such client",
        )

    def end_client(self, client_id: str, at: datetime | None) -> None:
        """See `ClientBook.end_client`."""
        self._end(_client_key(client_id), at, "no such client")

    def end_key(self, token_hash: str, at: datetime | None) -> None:
        """See `ClientBook.end_key`."""
        self._end({"pk": {"S": f"token#{token_hash}"}, "sk": {"S": "token"}}, at, "no such key")

    def _end(self, key: dict[str, Any], at: datetime | None, nobody: str) -> None:
        # Keys of older releases were to leave by TTL when they ended.
        if at is None:
            self._change(key, "REMOVE ends_at, expires_at", {}, nobody)
        else:
            self._change(key, "SET ends_at = :at REMOVE expires_at", {":at": {"S": at.isoformat()}}, nobody)

    def _sets(self, verb: Literal["ADD", "DELETE"], client_id: str, **sets: list[str]) -> None:
        said = {name: {"SS": values} for name, values in sets.items() if values}
        if said:
            change = f"{verb} " + ", ".join(f"{name} :{name}" for name in said)
            values = {f":{name}": value for name, value in said.items()}
            self._change(_client_key(client_id), change, values, "no such client")

    def _change(self, key: dict[str, Any], change: str, values: Mapping[str, Any], nobody: str) -> None:
        asked: dict[str, Any] = {"UpdateExpression": change, "ConditionExpression": "attribute_exists(pk)"}
        if values:
            asked["ExpressionAttributeValues"] = values
        try:
            self._client.update_item(TableName=self._table, Key=key, **asked)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise NotFound(nobody) from error
        except (ClientError, BotoCoreError) as error:
            raise _unavailable() from error

    def _all(self, condition: str, values: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        try:
            pages = self._client.get_paginator("scan").paginate(
                TableName=self._table,
                FilterExpression=condition,
                ExpressionAttributeValues=dict(values),
                ConsistentRead=True,
            )
            return [item for page in pages for item in page["Items"]]
        except (ClientError, BotoCoreError) as error:
            raise _unavailable() from error

    def count_request(self, client_id: str, *, at: datetime) -> int:
        """See `Callers.count_request`. An item takes 1,000 writes a second: five times what a stage takes in all."""
        minute = int(at.timestamp() // 60)
        try:
            answer = self._client.update_item(
                TableName=self._table,
                # `infra/` lets most functions write under this prefix only.
                Key={"pk": {"S": f"requests#{client_id}"}, "sk": {"S": f"minute#{minute}"}},
                UpdateExpression="ADD requests :one SET expires_at = :gone",
                ExpressionAttributeValues={":one": {"N": "1"}, ":gone": {"N": str(minute * 60 + _COUNT_KEPT_S)}},
                ReturnValues="UPDATED_NEW",
            )
        except (ClientError, BotoCoreError) as error:
            raise _unavailable() from error
        return int(answer["Attributes"]["requests"]["N"])

    def count_attempts(self, source: str, at: datetime) -> tuple[int, int]:
        """See `Callers.count_attempts`."""
        return self._attempts(source, at), self._attempts(_EVERYONE, at)

    def note_attempt(self, source: str, at: datetime, *, attempt: str) -> None:
        """See `Callers.note_attempt`."""
        for who in (source, _EVERYONE):
            self._put(
                {
                    **_attempt_key(who, attempt),
                    "at": {"N": str(at.timestamp())},
                    "expires_at": {"N": str(int((at + ATTEMPT_WINDOW).timestamp()) + 1)},
                }
            )

    def forget_attempt(self, source: str, *, attempt: str) -> None:
        """See `Callers.forget_attempt`."""
        try:
            for who in (source, _EVERYONE):
                self._client.delete_item(TableName=self._table, Key=_attempt_key(who, attempt))
        except (ClientError, BotoCoreError) as error:
            raise _unavailable() from error

    def _attempts(self, who: str, at: datetime) -> int:
        try:
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                # What is over may lie there for days, and counts towards a page.
                FilterExpression="#at > :since",
                ExpressionAttributeNames={"#at": "at"},
                ExpressionAttributeValues={
                    ":pk": {"S": f"attempts#{who}"},
                    ":since": {"N": str((at - ATTEMPT_WINDOW).timestamp())},
                },
                Select="COUNT",
                ConsistentRead=True,
            )
            return sum(page["Count"] for page in pages)
        except (ClientError, BotoCoreError) as error:
            raise _unavailable() from error

    def _get(self, pk: str, sk: str) -> Mapping[str, Any] | None:
        return self._item({"pk": {"S": pk}, "sk": {"S": sk}})

    def _item(self, key: dict[str, Any]) -> Mapping[str, Any] | None:
        try:
            answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        except (ClientError, BotoCoreError) as error:
            raise _unavailable() from error
        return answer.get("Item")

    def _put(self, item: dict[str, Any]) -> None:
        try:
            self._client.put_item(TableName=self._table, Item=item)
        except (ClientError, BotoCoreError) as error:
            raise _unavailable() from error


def _unavailable() -> Unavailable:
    return Unavailable("the record of clients does not answer")


def _client_from(item: Mapping[str, Any]) -> Client:
    return Client(
        id=item["pk"]["S"].partition("#")[2],
        name=item["name"]["S"],
        practices=frozenset(item.get("practices", {}).get("SS", [])),
        scopes=frozenset(item.get("scopes", {}).get("SS", [])),
        kind=ClientKind(item["kind"]["S"]),
        expires_at=_moment(item, "ends_at"),
        revoked_at=_moment(item, "revoked_at"),
        requests_per_minute=int(item["requests_per_minute"]["N"]) if "requests_per_minute" in item else None,
        scopes_as_of=int(item.get("scopes_as_of", {"N": "1"})["N"]),
    )


def _hash_in(item: Mapping[str, Any]) -> str:
    return str(item["pk"]["S"]).partition("#")[2]


def _key_from(item: Mapping[str, Any], used: Mapping[str, Any] | None) -> Key:
    return Key(
        token_hash=_hash_in(item),
        client_id=item["client_id"]["S"],
        created_at=_moment(item, "created_at"),
        expires_at=_moment(item, "ends_at"),
        revoked_at=_moment(item, "revoked_at"),
        last_used_at=_moment(used or {}, "used_at"),
    )


def _newest_first(keys: Iterable[Key]) -> list[Key]:
    return sorted(keys, key=lambda one: (one.created_at or _LONG_AGO, one.token_hash), reverse=True)


def _client_key(client_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"client#{client_id}"}, "sk": {"S": "client"}}


def _used_key(token_hash: str) -> dict[str, Any]:
    # `infra/` lets the authorizer write under this prefix only.
    return {"pk": {"S": f"used#{token_hash}"}, "sk": {"S": "used"}}


def _attempt_key(who: str, attempt: str) -> dict[str, Any]:
    return {"pk": {"S": f"attempts#{who}"}, "sk": {"S": attempt}}


def _moment(item: Mapping[str, Any], name: str) -> datetime | None:
    return datetime.fromisoformat(item[name]["S"]) if name in item else None


def _set_moment(item: dict[str, Any], name: str, moment: datetime | None) -> None:
    if moment is not None:
        item[name] = {"S": moment.isoformat()}
