"""The practices' records and the fingerprints that lead to them, in one DynamoDB table (`pk`, `sk`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from gateway.core.errors import NotFound, Unavailable
from gateway.core.practices import REMOTE_NETWORK, Baa, Mode, Practice, Tier, Way, WayName

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_TRIES = 10
UNPROVEN_KEPT = timedelta(days=30)
"""How long the record of a practice whose keys were never proven stays: as long as its operation can be read."""


class DynamoPractices:
    """Fills `core.ports.Practices`.

    A record is one item with its fields as a JSON document: nothing filters on them. A record that was never connected
    leaves by TTL (`expires_at`, epoch seconds). Beside the document stands the agreement that `DynamoAgreements`
    recorded last (`baa`), so that one read has both. `may_lack_baa`: see `Practice`.
    """

    def __init__(self, client: DynamoDBClient, *, table: str, may_lack_baa: bool = False) -> None:
        self._client = client
        self._table = table
        self._may_lack_baa = may_lack_baa

    def get(self, practice_id: str) -> Practice:
        """See `Practices.get`."""
        return self._known(self._item(practice_id))

    def put(self, practice: Practice) -> None:
        """See `Practices.put`."""
        self._put(practice)

    def change(self, practice_id: str, rule: Callable[[Practice], Practice]) -> Practice:
        """See `Practices.change`."""
        for _ in range(_TRIES):
            item = self._item(practice_id)
            known = self._known(item)
            changed = rule(known)
            if changed == known or self._put(changed, was=item["record"]["S"]):
                return changed
        raise _unavailable()

    def _item(self, practice_id: str) -> Mapping[str, Any]:
        item = self._get(f"practice#{practice_id}", "practice")
        if item is None:
            raise NotFound("no such practice")
        return item

    def _known(self, item: Mapping[str, Any]) -> Practice:
        practice = from_record(json.loads(item["record"]["S"]))
        # What was recorded counts; the record has the copy of whoever stored it last.
        baa = baa_from(json.loads(item["baa"]["S"])) if "baa" in item else practice.baa
        return replace(practice, baa=baa, may_lack_baa=self._may_lack_baa)

    def _put(self, practice: Practice, *, was: str | None = None) -> bool:
        """Store the record, where `was` is said only if it is still that; whether it was stored."""
        change, values = "SET #record = :record", {":record": {"S": json.dumps(to_record(practice))}}
        if practice.connected_at is None and practice.state != "active":
            change += ", expires_at = :gone"
            values[":gone"] = {"N": str(int((datetime.now(UTC) + UNPROVEN_KEPT).timestamp()))}
        else:
            change += " REMOVE expires_at"
        condition: dict[str, Any] = {}
        if was is not None:
            condition = {"ConditionExpression": "#record = :was"}
            values[":was"] = {"S": was}
        try:
            # Not the item as a whole: its agreement is another's to change.
            self._client.update_item(
                TableName=self._table,
                Key=practice_key(practice.id),
                UpdateExpression=change,
                ExpressionAttributeNames={"#record": "record"},
                ExpressionAttributeValues=values,
                **condition,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        except (ClientError, BotoCoreError) as error:
            raise _unavailable() from error
        return True

    def by_fingerprint(self, fingerprint: str) -> str | None:
        """See `Practices.by_fingerprint`."""
        item = self._get(f"fingerprint#{fingerprint}", "fingerprint")
        return None if item is None else str(item["practice_id"]["S"])

    def claim_fingerprint(self, fingerprint: str, practice_id: str) -> str:
        """See `Practices.claim_fingerprint`."""
        for _ in range(3):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item={**_fingerprint_key(fingerprint), "practice_id": {"S": practice_id}},
                    ConditionExpression="attribute_not_exists(pk)",
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                holder = self.by_fingerprint(fingerprint)
                # Released between the two calls: it is free again.
                if holder is not None:
                    return holder
            except (ClientError, BotoCoreError) as error:
                raise _unavailable() from error
            else:
                return practice_id
        raise _unavailable()

    def release_fingerprint(self, fingerprint: str, practice_id: str) -> None:
        """See `Practices.release_fingerprint`."""
        try:
            self._client.delete_item(
                TableName=self._table,
                Key=_fingerprint_key(fingerprint),
                ConditionExpression="practice_id = :practice",
                ExpressionAttributeValues={":practice": {"S": practice_id}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return
        except (ClientError, BotoCoreError) as error:
            raise _unavailable() from error

    def _get(self, pk: str, sk: str) -> Mapping[str, Any] | None:
        try:
            answer = self._client.get_item(
                TableName=self._table, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
            )
        except (ClientError, BotoCoreError) as error:
            raise _unavailable() from error
        return answer.get("Item")


def to_record(practice: Practice) -> dict[str, Any]:
    """`practice` as JSON values.

    Raises: ValueError: it is said by another way than its first; its record would be lost.
    """
    if practice.by is not WayName.FIRST:
        raise ValueError("a practice is kept by its first way")
    baa, fallback = practice.baa, practice.fallback
    return {
        "id": practice.id,
        "name": practice.name,
        "time_zone": practice.time_zone,
        "mode": practice.mode.value,
        "base_url": practice.base_url,
        "network": practice.network,
        "fallback": fallback
        and {"mode": fallback.mode.value, "base_url": fallback.base_url, "network": fallback.network},
        "upstream": practice.upstream,
        "tier": practice.tier.value,
        "version": practice.version,
        "permissions": sorted(practice.permissions),
        "location_zones": {str(clinic): zone for clinic, zone in practice.location_zones.items()},
        "writes_reference": practice.writes_reference,
        "queries": practice.queries,
        "baa": baa and baa_record(baa),
        "key_fingerprint": practice.key_fingerprint,
        "other_fingerprints": list(practice.other_fingerprints),
        "rotation": practice.rotation,
        "leaving": practice.leaving,
        "state": practice.state,
        "connected_at": practice.connected_at and practice.connected_at.isoformat(),
    }


def from_record(record: Mapping[str, Any]) -> Practice:
    """Read `to_record` back."""
    baa, fallback = record["baa"], record.get("fallback")
    return Practice(
        id=record["id"],
        name=record["name"],
        time_zone=record["time_zone"],
        mode=Mode(record["mode"]),
        base_url=record["base_url"],
        # Records of releases without networks say none.
        network=record.get("network", REMOTE_NETWORK),
        fallback=fallback and Way(Mode(fallback["mode"]), fallback["base_url"], fallback["network"]),
        upstream=record.get("upstream", "auto"),
        tier=Tier(record["tier"]),
        version=record["version"],
        permissions=frozenset(record["permissions"]),
        location_zones={int(clinic): zone for clinic, zone in record["location_zones"].items()},
        writes_reference=record["writes_reference"],
        queries=record.get("queries", True),
        baa=baa and baa_from(baa),
        key_fingerprint=record["key_fingerprint"],
        # Records of releases that exchanged no keys say neither.
        other_fingerprints=tuple(record.get("other_fingerprints", ())),
        rotation=record.get("rotation"),
        leaving=record.get("leaving"),
        state=record["state"],
        connected_at=record["connected_at"] and datetime.fromisoformat(record["connected_at"]),
    )


def baa_record(baa: Baa) -> dict[str, Any]:
    """`baa` as JSON values."""
    return {
        "reference": baa.reference,
        "signed_by": baa.signed_by,
        "signed_on": baa.signed_on.isoformat(),
        "expires_on": baa.expires_on and baa.expires_on.isoformat(),
        "id": baa.id,
        "recorded_at": baa.recorded_at and baa.recorded_at.isoformat(),
        "recorded_by": baa.recorded_by,
        "closed_at": baa.closed_at and baa.closed_at.isoformat(),
    }


def baa_from(record: Mapping[str, Any]) -> Baa:
    """Read `baa_record` back; records of older releases have its first four fields."""
    return Baa(
        reference=record["reference"],
        signed_by=record["signed_by"],
        signed_on=date.fromisoformat(record["signed_on"]),
        expires_on=record["expires_on"] and date.fromisoformat(record["expires_on"]),
        id=record.get("id"),
        recorded_at=_moment(record.get("recorded_at")),
        recorded_by=record.get("recorded_by"),
        closed_at=_moment(record.get("closed_at")),
    )


def practice_key(practice_id: str) -> dict[str, Any]:
    """Where a practice's item is."""
    return {"pk": {"S": f"practice#{practice_id}"}, "sk": {"S": "practice"}}


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _fingerprint_key(fingerprint: str) -> dict[str, Any]:
    return {"pk": {"S": f"fingerprint#{fingerprint}"}, "sk": {"S": "fingerprint"}}


def _unavailable() -> Unavailable:
    return Unavailable("the record of practices does not answer")
