"""Rules of messages, messages, and looks ahead, in one DynamoDB table.

    rules#{practice}              {rule}      the record (JSON), with `rev`; a deleted one leaves by TTL
    message#{practice}#{patient}  {message}   the message (JSON), with `rev`; leaves by TTL
    ahead                         {practice}  how far the practice's look ahead is (JSON), with `rev`

What has to be looked at is in the index `due` (`due_shard`, and `due_at` in epoch milliseconds), every message in the
index `going` by its practice and the moment at which it goes out.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.aws_errors import AwsError, unavailable
from gateway.adapters.mirror.items import Item, micros, moment_from, time_text
from gateway.adapters.mirror.table import Table, key_of
from gateway.core.engagement.messages import Message, Outcome, Said, State
from gateway.core.engagement.planning import Reason
from gateway.core.engagement.ports import Ahead, Due, Superseded
from gateway.core.engagement.rules import REMEMBERED, Channel, Filters, Kind, Offset, Quiet, Rule, Text, Window
from gateway.core.errors import NotFound

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SHARDS: Final = 8
"""Partitions of the index of what is due."""

_WHAT: Final = "the table of messages"
_GOING: Final = ("going", "going_for", "going_place")
_NEW: Final = "attribute_not_exists(pk)"
_AHEAD: Final = "ahead"


class DynamoMessages:
    """Fills `core.engagement.ports.Messages`."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client: Any = client
        self._name = table
        self._table = Table(client, name=table, what=_WHAT)

    def make_rule(self, rule: Rule) -> Rule:
        """See `Messages.make_rule`."""
        if self._table.put(_rule_item(rule), condition=_NEW):
            return rule
        return self.rule(rule.practice_id, rule.id)

    def change_rule(self, rule: Rule) -> Rule:
        """See `Messages.change_rule`."""
        changed = replace(rule, rev=rule.rev + 1)
        self._over(_rule_item(changed), rule.rev)
        return changed

    def rule(self, practice_id: str, rule_id: str) -> Rule:
        """See `Messages.rule`."""
        item = self._table.get(_rules_pk(practice_id), rule_id)
        if item is None:
            raise NotFound("no such rule")
        return _rule(item)

    def rules(self, practice_id: str) -> list[Rule]:
        """See `Messages.rules`."""
        return [_rule(item) for item in self._table.query(_rules_pk(practice_id))]

    def get(self, practice_id: str, patient: int, message_id: str) -> Message:
        """See `Messages.get`."""
        item = self._table.get(_messages_pk(practice_id, patient), message_id)
        if item is None:
            raise NotFound("no such message")
        return _message(item)

    def of_patient(self, practice_id: str, patient: int) -> list[Message]:
        """See `Messages.of_patient`."""
        return [_message(item) for item in self._table.query(_messages_pk(practice_id, patient))]

    def add(self, message: Message) -> bool:
        """See `Messages.add`."""
        return self._table.put(_message_item(message), condition=_NEW)

    def save(self, message: Message) -> Message:
        """See `Messages.save`."""
        saved = replace(message, rev=message.rev + 1)
        self._over(_message_item(saved), message.rev)
        return saved

    def due(self, now: datetime, *, part: int, of: int, limit: int) -> list[Due]:
        """See `Messages.due`."""
        found: list[Due] = []
        for shard in range(part, SHARDS, of):
            # Of each shard as many: those longest due may all lie in the last.
            found += [_due(item) for item in self._due_in(shard, now, limit)]
        return sorted(found, key=lambda one: one.due_at)[:limit]

    def page(
        self, practice_id: str, *, since: datetime, until: datetime, after: tuple[datetime, str] | None, limit: int
    ) -> list[Message]:
        """See `Messages.page`."""
        first = time_text(since) if after is None else f"{time_text(after[0])}#{after[1]}"
        found = self._table.query(practice_id, index=_GOING, between=(first, time_text(until)), limit=limit + 1)
        # The lower end is none of it where it is a message.
        return list(islice((_message(item) for item in found if item["going_place"]["S"] != first), limit))

    def ahead(self, practice_id: str) -> Ahead | None:
        """See `Messages.ahead`."""
        item = self._table.get(_AHEAD, practice_id)
        if item is None:
            return None
        kept = json.loads(item["body"]["S"])
        return Ahead(
            practice_id,
            due_at=_moment(kept["due_at"]),
            day=kept["day"] and date.fromisoformat(kept["day"]),
            step=kept["step"],
            after=kept["after"],
            rev=int(item["rev"]["N"]),
        )

    def save_ahead(self, ahead: Ahead) -> Ahead:
        """See `Messages.save_ahead`."""
        saved = replace(ahead, rev=ahead.rev + 1)
        body = {
            "due_at": _micros(ahead.due_at),
            "day": ahead.day and ahead.day.isoformat(),
            "step": ahead.step,
            "after": ahead.after,
        }
        item = _with_due(_item(_AHEAD, ahead.practice_id, body, saved.rev), ahead.due_at, ahead.practice_id)
        if ahead.rev:
            self._over(item, ahead.rev)
        elif not self._table.put(item, condition=_NEW):
            raise Superseded
        return saved

    def _over(self, item: Item, was: int) -> None:
        """Store an item over the one that has this `rev` yet."""
        if not self._table.put(item, condition="rev = :was", values={":was": {"N": str(was)}}):
            raise Superseded

    def _due_in(self, shard: int, now: datetime, limit: int) -> list[Mapping[str, Any]]:
        try:
            answer = self._client.query(
                TableName=self._name,
                IndexName="due",
                KeyConditionExpression="due_shard = :shard AND due_at <= :now",
                ExpressionAttributeValues={":shard": {"S": str(shard)}, ":now": {"N": str(micros(now) // 1000)}},
                Limit=limit,
            )
        except AwsError as error:
            raise unavailable(_WHAT) from error
        found: list[Mapping[str, Any]] = answer["Items"]
        return found


def _rules_pk(practice_id: str) -> str:
    return f"rules#{practice_id}"


def _messages_pk(practice_id: str, patient: int) -> str:
    return f"message#{practice_id}#{patient}"


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else micros(moment)


def _moment(kept: int | None) -> datetime | None:
    return None if kept is None else moment_from(kept)


def _item(pk: str, sk: str, body: Mapping[str, Any], rev: int) -> Item:
    return {**key_of(pk, sk), "body": {"S": json.dumps(body)}, "rev": {"N": str(rev)}}


def _with_due(item: Item, due_at: datetime | None, what: str) -> Item:
    if due_at is not None:
        item["due_shard"] = {"S": str(zlib.crc32(what.encode()) % SHARDS)}
        item["due_at"] = {"N": str(micros(due_at) // 1000)}
    return item


def _due(item: Mapping[str, Any]) -> Due:
    pk, sk = item["pk"]["S"], item["sk"]["S"]
    at = moment_from(int(item["due_at"]["N"]) * 1000)
    if pk == _AHEAD:
        return Due(sk, 0, None, at)
    _, practice_id, patient = pk.split("#")
    return Due(practice_id, int(patient), sk, at)


def _rule_item(rule: Rule) -> Item:
    of, filters = rule.offset, rule.filters
    body = {
        "name": rule.name,
        "kind": str(rule.kind),
        "offset": [of.days, of.minutes],
        "window": [sorted(rule.window.days), rule.window.since, rule.window.until],
        "quiet": [rule.quiet.since, rule.quiet.until],
        "channels": [str(one) for one in rule.channels],
        "texts": {name: [one.text, one.subject] for name, one in rule.texts.items()},
        "language": rule.language,
        "filters": {
            "location_ids": sorted(filters.location_ids),
            "provider_ids": sorted(filters.provider_ids),
            "appointment_type_ids": sorted(filters.appointment_type_ids),
            "recall_type_ids": sorted(filters.recall_type_ids),
            "confirmed": filters.confirmed,
            "min_balance": str(filters.min_balance),
            "every_days": filters.every_days,
        },
        "is_on": rule.is_on,
        "made_by": rule.made_by,
        "made_at": micros(rule.made_at),
        "changed_at": micros(rule.changed_at),
        "body_hash": rule.body_hash,
        "deleted_at": _micros(rule.deleted_at),
    }
    item = _item(_rules_pk(rule.practice_id), rule.id, body, rule.rev)
    if rule.deleted_at is not None:
        item["expires_at"] = {"N": str(int((rule.deleted_at + REMEMBERED).timestamp()))}
    return item


def _rule(item: Mapping[str, Any]) -> Rule:
    kept = json.loads(item["body"]["S"])
    filters = kept["filters"]
    days, since, until = kept["window"]
    return Rule(
        id=item["sk"]["S"],
        practice_id=item["pk"]["S"].partition("#")[2],
        name=kept["name"],
        kind=Kind(kept["kind"]),
        offset=Offset(*kept["offset"]),
        made_at=moment_from(kept["made_at"]),
        changed_at=moment_from(kept["changed_at"]),
        window=Window(frozenset(days), since, until),
        quiet=Quiet(*kept["quiet"]),
        channels=tuple(Channel(one) for one in kept["channels"]),
        texts={name: Text(*one) for name, one in kept["texts"].items()},
        language=kept["language"],
        filters=Filters(
            frozenset(filters["location_ids"]),
            frozenset(filters["provider_ids"]),
            frozenset(filters["appointment_type_ids"]),
            frozenset(filters["recall_type_ids"]),
            filters["confirmed"],
            Decimal(filters["min_balance"]),
            filters["every_days"],
        ),
        is_on=kept["is_on"],
        made_by=kept["made_by"],
        body_hash=kept["body_hash"],
        deleted_at=_moment(kept["deleted_at"]),
        rev=int(item["rev"]["N"]),
    )


def _message_item(message: Message) -> Item:
    body = {
        "rule_id": message.rule_id,
        "kind": str(message.kind),
        "subject_id": message.subject_id,
        "mark": message.mark,
        "state": str(message.state),
        "made_at": micros(message.made_at),
        "changed_at": micros(message.changed_at),
        "send_after": _micros(message.send_after),
        "expire_at": _micros(message.expire_at),
        "channel": message.channel and str(message.channel),
        "language": message.language,
        "reason": message.reason and str(message.reason),
        "named_day": message.named_day and message.named_day.isoformat(),
        "round": message.round,
        "telling": message.telling,
        "claim": message.claim,
        "claimed_by": message.claimed_by,
        "claimed_at": _micros(message.claimed_at),
        "said": [[str(one.outcome), micros(one.at), one.mark, one.provider_message_id] for one in message.said],
    }
    item = _item(_messages_pk(message.practice_id, message.patient), message.id, body, message.rev)
    item |= {
        "going_for": {"S": message.practice_id},
        "going_place": {"S": f"{time_text(message.send_after or message.changed_at)}#{message.id}"},
        "expires_at": {"N": str(int(message.expires_at.timestamp()))},
    }
    return _with_due(item, message.due_at, message.id)


def _message(item: Mapping[str, Any]) -> Message:
    kept = json.loads(item["body"]["S"])
    _, practice_id, patient = item["pk"]["S"].split("#")
    return Message(
        id=item["sk"]["S"],
        practice_id=practice_id,
        patient=int(patient),
        rule_id=kept["rule_id"],
        kind=Kind(kept["kind"]),
        subject_id=kept["subject_id"],
        mark=kept["mark"],
        state=State(kept["state"]),
        made_at=moment_from(kept["made_at"]),
        changed_at=moment_from(kept["changed_at"]),
        send_after=_moment(kept["send_after"]),
        expire_at=_moment(kept["expire_at"]),
        channel=kept["channel"] and Channel(kept["channel"]),
        language=kept["language"],
        reason=kept["reason"] and Reason(kept["reason"]),
        named_day=kept["named_day"] and date.fromisoformat(kept["named_day"]),
        round=kept["round"],
        telling=kept["telling"],
        claim=kept["claim"],
        claimed_by=kept["claimed_by"],
        claimed_at=_moment(kept["claimed_at"]),
        said=tuple(Said(Outcome(what), moment_from(at), mark, number) for what, at, mark, number in kept["said"]),
        rev=int(item["rev"]["N"]),
    )
