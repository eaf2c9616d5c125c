"""The ledger in one DynamoDB table (`pk`, `sk`; index `due` on `due_shard`, `due_at` in epoch milliseconds).

    op#{id}                         op            the record; conditional on `rev`
    op#{id}                         step#{name}   one write
    op#{id}                         note#{n}      answers from the n-th on, until the operation settles
    key#{client}#{practice}#{hash}  key           an idempotency key -> operation
    twin#{practice}#{cache key}     twin          a running fetch -> operation
    unsettled#{practice}            {id}          operations in state UNKNOWN
    claim#{practice}#{operation}    {row key}     rows that operations without a reference wrote

`expires_at` (epoch seconds) is the table's TTL and is looked at by every read: TTL deletes days late. Open and unknown
operations have none.
"""

from __future__ import annotations

import hashlib
import random
import secrets
import time
import zlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from gateway.adapters.aws_errors import AwsError, is_condition, is_conflict, unavailable
from gateway.adapters.records import note_from, note_value, record_from, record_value, step_from, step_value
from gateway.core import ledger
from gateway.core.errors import KeyReused, NotFound, Unavailable
from gateway.core.events.facts import OPERATIONS
from gateway.core.ids import new_id
from gateway.core.ledger import Entry, Record
from gateway.core.operations import Operation, OperationState, Request
from gateway.core.ports import Opened
from gateway.core.worker import Open, Superseded

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from gateway.adapters.bodies import Bodies

Item = dict[str, Any]

SHARDS = 4
"""Partitions of the index of what is due."""

CLAIMS_KEPT = timedelta(days=31)
FACTS_KEPT = timedelta(days=40)
"""Longer than an event is in the log."""

_CONFLICT_TRIES = 8
_AT_ONCE = 100
"""Items DynamoDB takes in one transaction."""
_AT_ONCE_BYTES = 3_500_000
"""Of the 4 MB that it takes; the rest is for what is not counted here."""
_PARKED = "parked"


class DynamoLedger:
    """Fills `core.ports.Operations` and `core.worker.Ledger`."""

    def __init__(self, client: DynamoDBClient, *, table: str, bodies: Bodies, outbox: str | None = None) -> None:
        """`outbox`: the table of the mirror, where what becomes of writes is told. Who settles any must have it."""
        self._client = client
        self._table = table
        self._bodies = bodies
        self._outbox = outbox

    # -- the callers' side ------------------------------------------------------------------------------------------

    def open(self, request: Request, *, now: datetime) -> Opened:
        """See `Operations.open`."""
        for _ in range(_CONFLICT_TRIES):
            pointer, first = self._claimed_by(request, now)
            if first is not None:
                if request.idempotency_key is not None and first.request.body_hash != request.body_hash:
                    raise KeyReused("this Idempotency-Key belongs to another request", param="Idempotency-Key")
                return Opened(Entry(first).operation(), fresh=False)
            entry = ledger.opened(new_id("operation"), request, reference=ledger.new_reference(), now=now)
            puts = [self._put(self._record_item(entry.record), "attribute_not_exists(pk)")]
            where = _pointer_of(request)
            if where is not None:
                item: Item = {**where, "operation_id": {"S": entry.record.id}}
                if request.idempotency_key is None:
                    item |= _expiry(now + 2 * ledger.KEPT_READ)
                condition, values = "attribute_not_exists(pk)", dict[str, Any]()
                if pointer is not None:
                    condition, values = "operation_id = :old", {":old": {"S": pointer}}
                puts.append(self._put(item, condition, values))
            try:
                self._write(puts)
            except Superseded:
                continue  # An equal request was faster: it is found in the next round.
            return Opened(entry.operation(), fresh=True)
        raise Unavailable("too many equal requests at once", retry_after=1.0)

    def withdraw(self, operation_id: str) -> None:
        """See `Operations.withdraw`."""
        try:
            record = self._record(operation_id)
        except NotFound:
            return
        writes = [
            {
                "Delete": {
                    "TableName": self._table,
                    "Key": _op_key(operation_id),
                    "ConditionExpression": "rev = :zero",
                    "ExpressionAttributeValues": {":zero": {"N": "0"}},
                }
            }
        ]
        where = _pointer_of(record.request)
        if where is not None:
            writes.append({"Delete": {"TableName": self._table, "Key": where}})
        try:
            self._write(writes)
        except Superseded:
            return

    def wake(self, operation_id: str, *, now: datetime) -> Operation | None:
        """See `Operations.wake`."""
        try:
            was = self.load(operation_id)
            entry = ledger.put_again(was, now=now) if was.record.parked_until is not None else None
            return None if entry is None else self.save(entry, was=was).operation()
        except (NotFound, Superseded):
            return None

    def get(self, operation_id: str) -> Operation:
        """See `Operations.get`."""
        return Entry(self._record(operation_id)).operation()

    # -- the worker's side ------------------------------------------------------------------------------------------

    def load(self, operation_id: str) -> Entry:
        """See `Ledger.load`."""
        items = self._items(operation_id)
        head = next((item for item in items if item["sk"]["S"] == "op"), None)
        if head is None or _is_over(head, datetime.now(UTC)):
            raise NotFound("no such operation")
        steps = [step_from(self._bodies.value(item)) for item in items if item["sk"]["S"].startswith("step#")]
        notes = [self._bodies.value(item) for item in items if item["sk"]["S"].startswith("note#")]
        return Entry(
            self._record_of(head),
            {step.name: step for step in steps},
            tuple(note_from(note) for chunk in notes for note in chunk),
        )

    def save(self, entry: Entry, *, was: Entry) -> Entry:
        """See `Ledger.save`."""
        saved = replace(entry, record=replace(entry.record, rev=was.record.rev + 1))
        of, id_ = saved.record, saved.record.id
        condition, values = "rev = :was", {":was": {"N": str(was.record.rev)}}
        writes = [self._put(self._record_item(of), condition, values)]
        settles = of.expires_at is not None
        # What only ages or goes with the operation; in the same transaction as long as there is room.
        besides = self._journal_deletes(id_) if settles and was.journal else []
        for name, step in saved.steps.items():
            changed = was.steps.get(name) != step
            if settles or changed:
                item = {
                    "pk": {"S": f"op#{id_}"},
                    "sk": {"S": f"step#{name}"},
                    **self._bodies.attributes(step_value(step), owner=id_),
                    **_expiry(of.expires_at),
                }
                (writes if changed else besides).append(self._put(item))
        writes += [self._delete(f"op#{id_}", f"step#{name}") for name in was.steps if name not in saved.steps]
        new_notes = saved.journal[len(was.journal) :]
        if new_notes and not settles:
            chunk = [note_value(note) for note in new_notes]
            item = {
                "pk": {"S": f"op#{id_}"},
                "sk": {"S": _note_key(len(was.journal))},
                **self._bodies.attributes(chunk, owner=id_),
            }
            writes.append(self._put(item))
        if len(saved.journal) < len(was.journal) and not settles:
            writes += self._journal_deletes(id_, since=len(saved.journal))
        writes += self._unsettled_writes(was.record, of)
        writes += self._told(was.record, of)
        where = _pointer_of(of.request)
        if settles and where is not None and of.request.idempotency_key is not None:
            # The key leads to its operation as long as there is one; only now is it known how long that is.
            writes.append(self._put({**where, "operation_id": {"S": id_}, **_expiry(of.expires_at)}))
        room, later = _room_for(besides, writes)
        if later:
            # A crash after the settling save must leave nothing behind that nothing ends.
            for write in later:
                self._write([self._ageing(write, of.expires_at)])
        self._write([*writes, *room])
        for write in later:
            if "Delete" in write:
                self._write([write])
        return replace(saved, journal=()) if settles else saved

    def renew(self, operation_id: str) -> None:
        """See `Ledger.renew`."""
        for item in self._items(operation_id):
            self._bodies.renew(item)

    def list_open(self, *, limit: int) -> list[Open]:
        """See `Ledger.list_open`."""
        found: list[Open] = []
        for shard in range(SHARDS):
            page: dict[str, Any] = {}
            # Of each shard as many: those longest due may all lie in the last.
            most = len(found) + limit
            while len(found) < most:
                try:
                    answer = self._client.query(
                        TableName=self._table,
                        IndexName="due",
                        KeyConditionExpression="due_shard = :shard",
                        ExpressionAttributeValues={":shard": {"S": str(shard)}},
                        **page,
                    )
                except AwsError as error:
                    raise unavailable("the ledger") from error
                found += [_open_of(item) for item in answer["Items"]]
                if "LastEvaluatedKey" not in answer:
                    break
                page = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return sorted(found, key=lambda one: one.due_at)[:limit]

    def unsettled(self, practice_id: str) -> list[str]:
        """See `Ledger.unsettled`."""
        try:
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": f"unsettled#{practice_id}"}},
                ConsistentRead=True,
            )
            return [item["sk"]["S"] for page in pages for item in page["Items"]]
        except AwsError as error:
            raise unavailable("the ledger") from error

    def taken(self, practice_id: str, operation: str, keys: frozenset[int], *, by: str) -> frozenset[int]:
        """See `Ledger.taken`."""
        return frozenset(key for key in keys if self._claimant(practice_id, operation, key) not in {None, by})

    def claim(self, practice_id: str, operation: str, key: int, *, by: str) -> bool:
        """See `Ledger.claim`."""
        item: Item = {**_claim_key(practice_id, operation, key), "operation_id": {"S": by}}
        item |= _expiry(datetime.now(UTC) + CLAIMS_KEPT)
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(pk) OR operation_id = :by",
                ExpressionAttributeValues={":by": {"S": by}},
            )
        except AwsError as error:
            if is_condition(error):
                return False
            raise unavailable("the ledger") from error
        return True

    # -- items ------------------------------------------------------------------------------------------------------

    def _claimed_by(self, request: Request, now: datetime) -> tuple[str | None, Record | None]:
        """The operation that the request's key or cache key leads to: its id, and its record if it still counts."""
        where = _pointer_of(request)
        item = None if where is None else self._get(where)
        if item is None:
            return None, None
        id_ = str(item["operation_id"]["S"])
        try:
            record = self._record(id_, now)
        except NotFound:
            return id_, None
        if request.idempotency_key is None and record.state.is_settled:
            return id_, None
        return id_, record

    def _record(self, operation_id: str, now: datetime | None = None) -> Record:
        item = self._get(_op_key(operation_id))
        if item is None or _is_over(item, now or datetime.now(UTC)):
            raise NotFound("no such operation")
        return self._record_of(item)

    def _record_of(self, item: Mapping[str, Any]) -> Record:
        return record_from(self._bodies.value(item), int(item["rev"]["N"]))

    def _record_item(self, record: Record) -> Item:
        state = _PARKED if record.parked_until is not None else record.state.value
        item: Item = {
            **_op_key(record.id),
            "practice_id": {"S": record.request.practice_id},
            "state": {"S": state},
            "attempt": {"N": str(record.attempt)},
            "rev": {"N": str(record.rev)},
            # Tells our own write from another's when its answer was lost and the SDK sent it again.
            "saved_by": {"S": secrets.token_hex(8)},
            **self._bodies.attributes(record_value(record), owner=record.id),
            **_expiry(record.expires_at),
        }
        if record.due_at is not None:
            item["due_shard"] = {"S": str(zlib.crc32(record.id.encode()) % SHARDS)}
            item["due_at"] = {"N": str(int(record.due_at.timestamp() * 1000))}
        return item

    def _told(self, was: Record, now: Record) -> list[Item]:
        """What the outbox gets in the same transaction: an operation settles, or becomes unknown, and is told, or
        neither."""
        is_news = now.state is not was.state and (now.state.is_settled or now.state is OperationState.UNKNOWN)
        if self._outbox is None or not is_news or ledger.is_fetch(now.request):
            return []
        # Only the worker settles; whoever takes a request in need not know how rows of a mirror are spelled.
        from gateway.adapters.events.facts import fact_item  # noqa: PLC0415
        from gateway.adapters.mirror.items import micros  # noqa: PLC0415

        at = datetime.now(UTC)
        content = {
            "id": now.id,
            "kind": now.request.kind,
            "state": now.state.value,
            "client_id": now.request.client_id,
        }
        if now.request.correlation_id is not None:
            content["correlation_id"] = now.request.correlation_id
        item = fact_item(now.request.practice_id, OPERATIONS, now.id, content, at=at, seq=micros(at))
        return [{"Put": {"TableName": self._outbox, "Item": item | _expiry(at + FACTS_KEPT)}}]

    def _unsettled_writes(self, was: Record, now: Record) -> list[Item]:
        before, after = (one.state is OperationState.UNKNOWN for one in (was, now))
        if before == after:
            return []
        pk = f"unsettled#{now.request.practice_id}"
        return [self._put({"pk": {"S": pk}, "sk": {"S": now.id}}) if after else self._delete(pk, now.id)]

    def _items(self, operation_id: str) -> list[Item]:
        items: list[Item] = []
        page: dict[str, Any] = {}
        try:
            while True:
                answer = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression="pk = :pk",
                    ExpressionAttributeValues={":pk": {"S": f"op#{operation_id}"}},
                    ConsistentRead=True,
                    **page,
                )
                items += answer["Items"]
                if "LastEvaluatedKey" not in answer:
                    break
                page = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        except AwsError as error:
            raise unavailable("the ledger") from error
        return items

    def _journal_deletes(self, operation_id: str, *, since: int = 0) -> list[Item]:
        """The journal from its answer number `since` on, which is of no use any more and holds health data."""
        try:
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND sk BETWEEN :from AND :to",
                ExpressionAttributeValues={
                    ":pk": {"S": f"op#{operation_id}"},
                    ":from": {"S": _note_key(since)},
                    ":to": {"S": _note_key(999_999)},
                },
                ProjectionExpression="pk, sk",
                ConsistentRead=True,
            )
            return [self._delete(item["pk"]["S"], item["sk"]["S"]) for page in pages for item in page["Items"]]
        except AwsError as error:
            raise unavailable("the ledger") from error

    def _claimant(self, practice_id: str, operation: str, key: int) -> str | None:
        item = self._get(_claim_key(practice_id, operation, key))
        return None if item is None or _is_over(item, datetime.now(UTC)) else str(item["operation_id"]["S"])

    # -- calls ------------------------------------------------------------------------------------------------------

    def _get(self, key: Item) -> Mapping[str, Any] | None:
        try:
            answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        except AwsError as error:
            raise unavailable("the ledger") from error
        return answer.get("Item")

    def _put(self, item: Item, condition: str | None = None, values: Mapping[str, Any] | None = None) -> Item:
        put: Item = {"TableName": self._table, "Item": item}
        if condition is not None:
            put["ConditionExpression"] = condition
        if values:
            put["ExpressionAttributeValues"] = dict(values)
        return {"Put": put}

    def _ageing(self, write: Item, until: datetime | None) -> Item:
        """What gives the item of `write` its end: the put itself, or for a delete an end beforehand."""
        if "Put" in write:
            return write
        return {
            "Update": {
                "TableName": self._table,
                "Key": write["Delete"]["Key"],
                "UpdateExpression": "SET expires_at = :end",
                "ExpressionAttributeValues": {":end": _expiry(until)["expires_at"]},
            }
        }

    def _delete(self, pk: str, sk: str) -> Item:
        return {"Delete": {"TableName": self._table, "Key": {"pk": {"S": pk}, "sk": {"S": sk}}}}

    def _write(self, writes: list[Item]) -> None:
        """All of `writes` or none.

        Raises: Superseded: a condition did not hold. Unavailable.
        """
        token = secrets.token_hex(16)
        for attempt in range(_CONFLICT_TRIES):
            try:
                if len(writes) == 1 and "Put" in writes[0]:
                    self._put_alone(writes[0]["Put"])
                else:
                    self._client.transact_write_items(
                        TransactItems=writes,  # type: ignore[arg-type]
                        ClientRequestToken=token,
                    )
            except AwsError as error:
                if is_condition(error):
                    raise Superseded from error
                if not is_conflict(error):
                    raise unavailable("the ledger") from error
                time.sleep(random.uniform(0.005, 0.02) * (attempt + 1))  # noqa: S311
            else:
                return
        raise unavailable("the ledger")

    def _put_alone(self, put: Item) -> None:
        try:
            self._client.put_item(**put)
        except AwsError as error:
            if not is_condition(error):
                raise
            # The SDK repeats a put whose answer was lost, and then meets its own item.
            stored = self._get({"pk": put["Item"]["pk"], "sk": put["Item"]["sk"]})
            if stored is None or stored.get("saved_by") != put["Item"].get("saved_by"):
                raise


def _op_key(operation_id: str) -> Item:
    return {"pk": {"S": f"op#{operation_id}"}, "sk": {"S": "op"}}


def _note_key(number: int) -> str:
    return f"note#{number:06}"


def _claim_key(practice_id: str, operation: str, key: int) -> Item:
    return {"pk": {"S": f"claim#{practice_id}#{operation}"}, "sk": {"S": str(key)}}


def _pointer_of(request: Request) -> Item | None:
    """Where the operation is found again by a repeat of the request."""
    if request.idempotency_key is not None:
        # A caller's key may be any text; its hash has a length and holds nothing.
        hashed = hashlib.sha256(request.idempotency_key.encode()).hexdigest()
        return {"pk": {"S": f"key#{request.client_id}#{request.practice_id}#{hashed}"}, "sk": {"S": "key"}}
    if request.cache_key is not None:
        return {"pk": {"S": f"twin#{request.practice_id}#{request.cache_key}"}, "sk": {"S": "twin"}}
    return None


def _room_for(besides: list[Item], writes: list[Item]) -> tuple[list[Item], list[Item]]:
    """Those of `besides` that fit into one transaction with `writes`, and those that do not."""
    most = _AT_ONCE - len(writes)
    left = _AT_ONCE_BYTES - sum(map(_size, writes))
    for number, write in enumerate(besides):
        left -= _size(write)
        if number >= most or left < 0:
            return besides[:number], besides[number:]
    return besides, []


def _size(write: Item) -> int:
    body = write.get("Put", {}).get("Item", {}).get("body")
    return 1000 + (len(body["B"]) if body is not None else 0)


def _expiry(at: datetime | None) -> Item:
    return {} if at is None else {"expires_at": {"N": str(int(at.timestamp()))}}


def _is_over(item: Mapping[str, Any], now: datetime) -> bool:
    return "expires_at" in item and int(item["expires_at"]["N"]) <= now.timestamp()


def _open_of(item: Mapping[str, Any]) -> Open:
    state = item["state"]["S"]
    return Open(
        operation_id=item["pk"]["S"].removeprefix("op#"),
        practice_id=item["practice_id"]["S"],
        state=OperationState.QUEUED if state == _PARKED else OperationState(state),
        due_at=datetime.fromtimestamp(int(item["due_at"]["N"]) / 1000, UTC),
        parked=state == _PARKED,
    )
