"""Endpoints, deliveries and health in one DynamoDB table.

    endpoints             {endpoint}   the record (JSON), with `rev`; a deleted one leaves by TTL
    health#{endpoint}     health       what its last answers were (JSON), with `rev`
    delivery#{endpoint}   {event id}   the delivery (JSON), with `turn`; leaves by TTL

A pending delivery is in the index `due` (`due_shard`, and `due_at` in epoch milliseconds), each in the index `made` by
its endpoint and the moment it was begun.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.aws_errors import AwsError, unavailable
from gateway.adapters.mirror.items import Item, micros, moment_from, time_text
from gateway.adapters.mirror.table import Table, key_of
from gateway.core.errors import NotFound
from gateway.core.webhooks.deliveries import Delivery, DeliveryState, Due, Ended, Health, Message, Outcome
from gateway.core.webhooks.endpoints import REMEMBERED, Approval, Endpoint, EndpointState, Payload, Reason
from gateway.core.webhooks.ports import Superseded

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SHARDS: Final = 4
"""Partitions of the index of what is due."""

_MADE: Final = ("made", "made_for", "made_place")
_NEW: Final = "attribute_not_exists(pk)"


class DynamoWebhooks:
    """Fills `core.webhooks.ports.Webhooks`."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client: Any = client
        self._name = table
        self._table = Table(client, name=table, what="the table of webhooks")

    def make(self, endpoint: Endpoint) -> Endpoint:
        """See `Webhooks.make`."""
        if self._table.put(_endpoint_item(endpoint), condition=_NEW):
            return endpoint
        return self.get(endpoint.id)

    def change(self, endpoint: Endpoint) -> Endpoint:
        """See `Webhooks.change`."""
        changed = replace(endpoint, rev=endpoint.rev + 1)
        self._over(_endpoint_item(changed), "rev", endpoint.rev)
        return changed

    def get(self, endpoint_id: str) -> Endpoint:
        """See `Webhooks.get`."""
        item = self._table.get("endpoints", endpoint_id)
        if item is None:
            raise NotFound("no such webhook")
        return _endpoint(item)

    def all(self) -> list[Endpoint]:
        """See `Webhooks.all`."""
        return [_endpoint(item) for item in self._table.query("endpoints")]

    def begin(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """See `Webhooks.begin`."""
        stored = self._table.each(lambda one: self._table.put(_delivery_item(one), condition=_NEW), deliveries)
        return [one for one, is_new in zip(deliveries, stored, strict=True) if is_new]

    def delivery(self, endpoint_id: str, event_id: str) -> Delivery | None:
        """See `Webhooks.delivery`."""
        item = self._table.get(_deliveries_pk(endpoint_id), event_id)
        return None if item is None else _delivery(item)

    def save(self, delivery: Delivery, *, was: Delivery) -> None:
        """See `Webhooks.save`."""
        self._over(_delivery_item(delivery), "turn", was.turn)

    def due(self, now: datetime, *, limit: int, latest: bool = False) -> list[Due]:
        """See `Webhooks.due`."""
        found: list[Due] = []
        for shard in range(SHARDS):
            # Of each shard as many: those longest due may all lie in the last.
            found += [_due(item) for item in self._due_in(shard, now, limit, latest=latest)]
        return sorted(found, key=lambda one: one.due_at, reverse=latest)[:limit]

    def page(self, endpoint_id: str, *, after: tuple[datetime, str] | None, limit: int) -> list[Delivery]:
        """See `Webhooks.page`."""
        last = "~" if after is None else f"{time_text(after[0])}#{after[1]}"
        found = self._table.query(endpoint_id, index=_MADE, between=("0", last), backwards=True, limit=limit + 1)
        # The upper end is none of it.
        return list(islice((_delivery(item) for item in found if item["made_place"]["S"] != last), limit))

    def health(self, endpoint_id: str) -> Health:
        """See `Webhooks.health`."""
        item = self._table.get(f"health#{endpoint_id}", "health")
        if item is None:
            return Health(endpoint_id)
        kept = json.loads(item["body"]["S"])
        return Health(
            endpoint_id,
            failures=kept["failures"],
            failing_since=_moment(kept["failing_since"]),
            opened=kept["opened"],
            open_until=_moment(kept["open_until"]),
            is_probing=kept["is_probing"],
            rev=int(item["rev"]["N"]),
        )

    def save_health(self, health: Health) -> Health:
        """See `Webhooks.save_health`."""
        saved = replace(health, rev=health.rev + 1)
        body = {
            "failures": health.failures,
            "failing_since": _micros(health.failing_since),
            "opened": health.opened,
            "open_until": _micros(health.open_until),
            "is_probing": health.is_probing,
        }
        item = {
            **key_of(f"health#{health.endpoint_id}", "health"),
            "body": {"S": json.dumps(body)},
            "rev": {"N": str(saved.rev)},
        }
        if health.rev:
            self._over(item, "rev", health.rev)
        elif not self._table.put(item, condition=_NEW):
            raise Superseded
        return saved

    def _over(self, item: Item, number: str, was: int) -> None:
        """Store an item over the one that has this number yet."""
        if not self._table.put(item, condition=f"{number} = :was", values={":was": {"N": str(was)}}):
            raise Superseded

    def _due_in(self, shard: int, now: datetime, limit: int, *, latest: bool) -> list[Mapping[str, Any]]:
        try:
            answer = self._client.query(
                TableName=self._name,
                IndexName="due",
                KeyConditionExpression="due_shard = :shard AND due_at <= :now",
                ExpressionAttributeValues={":shard": {"S": str(shard)}, ":now": {"N": str(_millis(now))}},
                Limit=limit,
                ScanIndexForward=not latest,
            )
        except AwsError as error:
            raise unavailable("the table of webhooks") from error
        found: list[Mapping[str, Any]] = answer["Items"]
        return found


def _deliveries_pk(endpoint_id: str) -> str:
    return f"delivery#{endpoint_id}"


def _millis(moment: datetime) -> int:
    return micros(moment) // 1000


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else micros(moment)


def _moment(kept: int | None) -> datetime | None:
    return None if kept is None else moment_from(kept)


def _endpoint_item(endpoint: Endpoint) -> Item:
    body = {
        "client_id": endpoint.client_id,
        "url": endpoint.url,
        "types": list(endpoint.types),
        "made_at": micros(endpoint.made_at),
        "changed_at": micros(endpoint.changed_at),
        "practices": None if endpoint.practices is None else sorted(endpoint.practices),
        "description": endpoint.description,
        "state": str(endpoint.state),
        "reason": endpoint.reason and str(endpoint.reason),
        "disabled_at": _micros(endpoint.disabled_at),
        "generation": endpoint.generation,
        "overlaps_until": _micros(endpoint.overlaps_until),
        "rotated_by": list(endpoint.rotated_by),
        "body_hash": endpoint.body_hash,
        "payload": str(endpoint.payload),
        "approval": None if endpoint.approval is None else _approval_kept(endpoint.approval),
        "deleted_at": _micros(endpoint.deleted_at),
    }
    item: Item = {
        **key_of("endpoints", endpoint.id),
        "body": {"S": json.dumps(body)},
        "rev": {"N": str(endpoint.rev)},
    }
    if endpoint.deleted_at is not None:
        item["expires_at"] = {"N": str(int((endpoint.deleted_at + REMEMBERED).timestamp()))}
    return item


def _endpoint(item: Mapping[str, Any]) -> Endpoint:
    kept = json.loads(item["body"]["S"])
    return Endpoint(
        id=item["sk"]["S"],
        client_id=kept["client_id"],
        url=kept["url"],
        types=tuple(kept["types"]),
        made_at=moment_from(kept["made_at"]),
        changed_at=moment_from(kept["changed_at"]),
        practices=None if kept["practices"] is None else frozenset(kept["practices"]),
        description=kept["description"],
        state=EndpointState(kept["state"]),
        reason=kept["reason"] and Reason(kept["reason"]),
        disabled_at=_moment(kept["disabled_at"]),
        generation=kept["generation"],
        overlaps_until=_moment(kept["overlaps_until"]),
        rotated_by=tuple(kept["rotated_by"]),
        body_hash=kept["body_hash"],
        # Those of before there were full bodies have neither.
        payload=Payload(kept.get("payload", Payload.THIN)),
        approval=_approval(kept.get("approval")),
        deleted_at=_moment(kept["deleted_at"]),
        rev=int(item["rev"]["N"]),
    )


def _approval_kept(approval: Approval) -> dict[str, Any]:
    return {
        "baa_reference": approval.baa_reference,
        "practices": sorted(approval.practices),
        "by": approval.by,
        "at": micros(approval.at),
    }


def _approval(kept: Mapping[str, Any] | None) -> Approval | None:
    if kept is None:
        return None
    return Approval(kept["baa_reference"], frozenset(kept["practices"]), kept["by"], moment_from(kept["at"]))


def _delivery_item(delivery: Delivery) -> Item:
    body = {
        "practice_id": delivery.practice_id,
        "type": delivery.type,
        "object_id": delivery.object_id,
        "made_at": micros(delivery.made_at),
        "changed_at": micros(delivery.changed_at),
        "due_at": _micros(delivery.due_at),
        "state": str(delivery.state),
        "attempts": delivery.attempts,
        "last": delivery.last and asdict(delivery.last),
        "last_at": _micros(delivery.last_at),
        "ended": delivery.ended and str(delivery.ended),
    }
    item: Item = {
        **key_of(_deliveries_pk(delivery.endpoint_id), delivery.event_id),
        "body": {"S": json.dumps(body)},
        "turn": {"N": str(delivery.turn)},
        "object_id": {"S": delivery.object_id},
        "made_for": {"S": delivery.endpoint_id},
        "made_place": {"S": f"{time_text(delivery.made_at)}#{delivery.event_id}"},
        "expires_at": {"N": str(int(delivery.expires_at.timestamp()))},
    }
    if delivery.due_at is not None:
        shard = zlib.crc32(f"{delivery.endpoint_id}#{delivery.event_id}".encode()) % SHARDS
        item["due_shard"] = {"S": str(shard)}
        item["due_at"] = {"N": str(_millis(delivery.due_at))}
    return item


def _delivery(item: Mapping[str, Any]) -> Delivery:
    kept = json.loads(item["body"]["S"])
    return Delivery(
        endpoint_id=item["pk"]["S"].partition("#")[2],
        event_id=item["sk"]["S"],
        practice_id=kept["practice_id"],
        object_id=kept["object_id"],
        type=kept["type"],
        made_at=moment_from(kept["made_at"]),
        changed_at=moment_from(kept["changed_at"]),
        due_at=_moment(kept["due_at"]),
        state=DeliveryState(kept["state"]),
        attempts=kept["attempts"],
        turn=int(item["turn"]["N"]),
        last=kept["last"] and Outcome(**kept["last"]),
        last_at=_moment(kept["last_at"]),
        ended=kept["ended"] and Ended(kept["ended"]),
    )


def _due(item: Mapping[str, Any]) -> Due:
    endpoint_id = item["pk"]["S"].partition("#")[2]
    message = Message(endpoint_id, item["sk"]["S"], item["object_id"]["S"], int(item["turn"]["N"]))
    return Due(message, moment_from(int(item["due_at"]["N"]) * 1000))
