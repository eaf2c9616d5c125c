"""The audit trails, in DynamoDB: `audit#{practice or client}` / `{moment}#{entry}`, in the order of time.

Entries are put and never updated or deleted: each put demands that there is none of its key, and roles have no other
call. They have no TTL: HIPAA wants six years (45 CFR 164.316(b)(2)(i)), contracts and states may want more, and what
has disappeared cannot be shown. An entry that is added once at whatever time has a mark beside the trails,
`once#{practice or client}` / `{entry}`, put in one transaction with it.

The index by patient is a table of its own, `patient#{id}` / `{moment}#{entry}`: it is made from the trails and may be
made again. Its item `stream` / `up_to` says how far it is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.aws_errors import AwsError, is_condition, is_conflict, unavailable
from gateway.core.audit import MOST_PATIENTS, AuditEntry, Mention, Phase
from gateway.core.errors import AuditUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_TRIES: Final = 3
_PUTS_AT_ONCE: Final = 100
"""Of a transaction."""
_BATCH: Final = 25
"""Of a batch write."""
_BATCH_TRIES: Final = 6
_STREAM = {"pk": {"S": "stream"}, "sk": {"S": "up_to"}}


class DynamoAudit:
    """Fills `core.audit.Audit`."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def note(self, *entries: AuditEntry, once: bool = False) -> None:
        """See `Audit.note`."""
        if any(len(entry.patient_ids) > MOST_PATIENTS for entry in entries):
            raise AuditUnavailable("an audit entry names more than it can", retry_after=60.0)
        if once:
            for entry in entries:
                self._put_all([_mark(entry), item_of(entry)])
        elif len(entries) == 1:
            self._put(item_of(entries[0]))
        else:
            items = [item_of(entry) for entry in entries]
            for start in range(0, len(items), _PUTS_AT_ONCE):
                self._put_all(items[start : start + _PUTS_AT_ONCE])

    def page(
        self, trail: str, *, since: datetime, until: datetime, after: tuple[datetime, str] | None, limit: int
    ) -> list[AuditEntry]:
        """See `Audit.page`."""
        found = _page(
            self._client,
            self._table,
            f"audit#{trail}",
            since=since,
            until=until,
            after=after,
            limit=limit,
            is_consistent=True,
        )
        return [entry_of(item) for item in found]

    def _put(self, item: dict[str, Any]) -> None:
        try:
            self._client.put_item(TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)")
        except AwsError as error:
            # The SDK repeats what it heard no answer to: then this entry is there.
            if not is_condition(error):
                raise _unwritten() from error

    def _put_all(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Put all of `items` or, where one of them is there, none: then all of them are."""
        puts: list[Any] = [
            {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}
            for item in items
        ]
        for left in reversed(range(_TRIES)):
            try:
                self._client.transact_write_items(TransactItems=puts)
            except AwsError as error:
                if is_condition(error):
                    return
                if not left or not is_conflict(error):
                    raise _unwritten() from error
            else:
                return


class DynamoAuditIndex:
    """Fills `core.audit.AuditIndex`."""

    def __init__(self, client: DynamoDBClient, *, table: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._table = table
        self._pause = pause

    def add(self, mentions: Sequence[Mention], *, up_to: datetime) -> None:
        """See `AuditIndex.add`."""
        # A batch takes a key once.
        items = {(one.patient_id, one.entry_id): _mentioned(one) for one in mentions}
        self._write(items.values())
        # Behind all of them: it says that they are there.
        self._write([{**_STREAM, "at": {"S": _moment(up_to)}}])

    def page(
        self, patient_id: str, *, since: datetime, until: datetime, after: tuple[datetime, str] | None, limit: int
    ) -> list[Mention]:
        """See `AuditIndex.page`."""
        found = _page(
            self._client, self._table, f"patient#{patient_id}", since=since, until=until, after=after, limit=limit
        )
        return [_mention_of(item) for item in found]

    def up_to(self) -> datetime | None:
        """See `AuditIndex.up_to`."""
        try:
            item = self._client.get_item(TableName=self._table, Key=_STREAM).get("Item")
        except AwsError as error:
            raise unavailable("the index of the audit trail") from error
        return None if item is None else _instant(item["at"]["S"])

    def _write(self, items: Iterable[Mapping[str, Any]]) -> None:
        for batch in _cut(items, _BATCH):
            left: Any = {self._table: [{"PutRequest": {"Item": item}} for item in batch]}
            for tried in range(_BATCH_TRIES):
                try:
                    left = self._client.batch_write_item(RequestItems=left).get("UnprocessedItems")
                except AwsError as error:
                    raise unavailable("the index of the audit trail") from error
                if not left:
                    break
                self._pause(0.05 * 2**tried)
            if left:
                raise unavailable("the index of the audit trail")


def _page(
    client: DynamoDBClient,
    table: str,
    partition: str,
    *,
    since: datetime,
    until: datetime,
    after: tuple[datetime, str] | None,
    limit: int,
    is_consistent: bool = False,
) -> list[dict[str, Any]]:
    first, last = _moment(since), _moment(until) if after is None else f"{_moment(after[0])}#{after[1]}"
    if first > last:
        return []
    found: list[dict[str, Any]] = []
    asked: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
        "ExpressionAttributeValues": {
            ":pk": {"S": partition},
            ":first": {"S": first},
            ":last": {"S": last},
        },
        "ScanIndexForward": False,
        "ConsistentRead": is_consistent,
    }
    while len(found) < limit:
        try:
            # The last one of the page before is found again.
            answer = client.query(**asked, Limit=limit - len(found) + 1)
        except AwsError as error:
            raise unavailable("the audit trail") from error
        found += [item for item in answer["Items"] if item["sk"]["S"] < last]
        if "LastEvaluatedKey" not in answer:
            break
        asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
    return found[:limit]


def _cut(items: Iterable[Mapping[str, Any]], size: int) -> Iterator[list[Mapping[str, Any]]]:
    every = list(items)
    return (every[start : start + size] for start in range(0, len(every), size))


def _unwritten() -> AuditUnavailable:
    return AuditUnavailable("the audit log did not answer", retry_after=2.0)


def _moment(at: datetime) -> str:
    """Always as many digits, so that text sorts like time."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _mark(entry: AuditEntry) -> dict[str, Any]:
    return {"pk": {"S": f"once#{entry.trail}"}, "sk": {"S": entry.id}}


def item_of(entry: AuditEntry) -> dict[str, Any]:
    """The entry as it lies in its trail."""
    said: dict[str, str | None] = {
        "practice_id": entry.practice_id,
        "client_id": entry.client_id,
        "action": entry.action,
        "phase": entry.phase,
        "request_id": entry.request_id,
        "purpose": entry.purpose,
        "code": entry.code,
        "served_from": entry.served_from,
        "operation_id": entry.operation_id,
        "step": entry.step,
        "group_id": entry.group_id,
        "agreement": entry.agreement,
        "correlation_id": entry.correlation_id,
        "source_ip": entry.source_ip,
        "on_behalf_of": entry.on_behalf_of,
        "actor": entry.actor,
    }
    at = _moment(entry.at)
    item: dict[str, Any] = {
        "pk": {"S": f"audit#{entry.trail}"},
        "sk": {"S": f"{at}#{entry.id}"},
        "id": {"S": entry.id},
        "at": {"S": at},
        **{name: {"S": value} for name, value in said.items() if value is not None},
    }
    if entry.status is not None:
        item["status"] = {"N": str(entry.status)}
    if entry.patient_ids:
        item["patient_ids"] = {"S": json.dumps(list(entry.patient_ids))}
    if entry.object_ids:
        item["object_ids"] = {"S": json.dumps(list(entry.object_ids))}
    if entry.parts > 1:
        item |= {"part": {"N": str(entry.part)}, "parts": {"N": str(entry.parts)}}
    if entry.outcome:
        item["outcome"] = {"S": json.dumps(dict(entry.outcome), sort_keys=True)}
    return item


def entry_of(item: Mapping[str, Any]) -> AuditEntry:
    """An entry read back, also one of before phases were told apart."""

    def text(name: str) -> str | None:
        return str(item[name]["S"]) if name in item else None

    def number(name: str) -> int | None:
        return int(item[name]["N"]) if name in item else None

    action, objects = item["action"]["S"], tuple(json.loads(text("object_ids") or "[]"))
    patients = tuple(json.loads(text("patient_ids") or "[]"))
    if not patients and "phase" not in item:
        patients, objects = (
            tuple(one for one in objects if one.startswith("pat_")),
            tuple(one for one in objects if not one.startswith("pat_")),
        )
    return AuditEntry(
        id=item["id"]["S"],
        practice_id=text("practice_id"),
        at=_instant(item["at"]["S"]),
        client_id=item["client_id"]["S"],
        action=action,
        request_id=item["request_id"]["S"],
        phase=Phase(text("phase") or Phase.ANSWERED),
        purpose=text("purpose"),
        status=number("status"),
        code=text("code"),
        served_from=text("served_from"),
        operation_id=text("operation_id"),
        step=text("step"),
        patient_ids=patients,
        object_ids=objects,
        part=number("part") or 1,
        parts=number("parts") or 1,
        group_id=text("group_id"),
        agreement=text("agreement"),
        correlation_id=text("correlation_id"),
        source_ip=text("source_ip"),
        on_behalf_of=text("on_behalf_of"),
        actor=text("actor"),
        outcome=json.loads(text("outcome") or "{}"),
    )


def _mentioned(one: Mention) -> dict[str, Any]:
    said: dict[str, str | None] = {
        "practice_id": one.practice_id,
        "client_id": one.client_id,
        "action": one.action,
        "phase": one.phase,
        "purpose": one.purpose,
        "request_id": one.request_id,
        "operation_id": one.operation_id,
        "correlation_id": one.correlation_id,
        "source_ip": one.source_ip,
        "on_behalf_of": one.on_behalf_of,
    }
    item: dict[str, Any] = {
        "pk": {"S": f"patient#{one.patient_id}"},
        "sk": {"S": f"{_moment(one.at)}#{one.entry_id}"},
        **{name: {"S": value} for name, value in said.items() if value is not None},
    }
    return item if one.status is None else item | {"status": {"N": str(one.status)}}


def _mention_of(item: Mapping[str, Any]) -> Mention:
    at, _, entry_id = item["sk"]["S"].partition("#")
    return Mention(
        patient_id=item["pk"]["S"].partition("#")[2],
        practice_id=item["practice_id"]["S"],
        at=_instant(at),
        entry_id=entry_id,
        client_id=item["client_id"]["S"],
        action=item["action"]["S"],
        phase=Phase(item["phase"]["S"]),
        purpose=item["purpose"]["S"] if "purpose" in item else None,
        status=int(item["status"]["N"]) if "status" in item else None,
        request_id=item["request_id"]["S"],
        operation_id=item["operation_id"]["S"] if "operation_id" in item else None,
        correlation_id=item["correlation_id"]["S"] if "correlation_id" in item else None,
        source_ip=item["source_ip"]["S"] if "source_ip" in item else None,
        on_behalf_of=item["on_behalf_of"]["S"] if "on_behalf_of" in item else None,
    )
