"""The event log in DynamoDB.

    event#{practice}   {event id}   body (JSON), its place in the index `log`, and when it ends by itself
    told#{practice}    {resource}#{key}   the `seq` of the row that was told last, and when that ends by itself

The index is by practice and day (UTC) of logging, sorted by moment and id; it has the bodies, so that a page of the log
is one query. It may be behind by some milliseconds, and the clocks of two publishers differ: who reads on from where he
ended leaves the last seconds for later.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal

from gateway.adapters.mirror.items import micros, moment_from, time_text
from gateway.adapters.mirror.table import Table, key_of
from gateway.core.events.event import Cause, Event
from gateway.core.events.ports import KEPT, TOLD_KEPT, Logged

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_INDEX: Final = ("log", "log_day", "log_place")
_NEW: Final = "attribute_not_exists(pk)"
_LATER: Final = "attribute_not_exists(seq) OR seq < :seq"


class DynamoEventLog:
    """Fills `core.events.ports.EventLog`."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._table = Table(client, name=table, what="the event log")

    def add(self, events: Sequence[Event], *, at: datetime) -> frozenset[str]:
        """See `EventLog.add`."""
        several = list({(one.practice_id, one.id): one for one in events}.values())
        added = self._table.each(lambda one: self._table.put(_item(one, at), condition=_NEW), several)
        return frozenset(one.id for one, is_new in zip(several, added, strict=True) if is_new)

    def get(self, practice_id: str, event_ids: Iterable[str]) -> list[Logged]:
        """See `EventLog.get`."""
        found = self._table.get_all(_events_pk(practice_id), event_ids)
        return [_logged(found[sk]) for sk in sorted(found)]

    def page(
        self,
        practice_id: str,
        *,
        since: datetime,
        until: datetime,
        after: tuple[datetime, str] | None,
        order: Literal["asc", "desc"],
        limit: int,
    ) -> list[Logged]:
        """See `EventLog.page`."""
        first, last = time_text(since), time_text(until)
        days = _days(since, until)
        if after is not None:
            place = f"{time_text(after[0])}#{after[1]}"
            # Nothing sorts between a place and the place followed by a low character.
            first, last = (max(first, f"{place}!"), last) if order == "asc" else (first, min(last, place))
            days = _days(after[0], until) if order == "asc" else _days(since, after[0])
        backwards = order == "desc"
        found: list[Logged] = []
        for day in reversed(days) if backwards else days:
            within = self._table.query(
                f"{practice_id}#{day}", index=_INDEX, between=(first, last), backwards=backwards, limit=limit + 1
            )
            # The upper end is none of it.
            ours = (_logged(item) for item in within if item["log_place"]["S"] != last)
            found += islice(ours, limit - len(found))
            if len(found) == limit:
                break
        return found

    def told(self, rows: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], int]:
        """See `EventLog.told`."""
        found: dict[tuple[str, str], int] = {}
        for practice_id, whats in _by_practice(rows).items():
            items = self._table.get_all(_told_pk(practice_id), whats)
            found |= {(practice_id, what): int(item["seq"]["N"]) for what, item in items.items()}
        return found

    def mark_told(self, rows: Mapping[tuple[str, str], int], *, at: datetime) -> None:
        """See `EventLog.mark_told`."""
        over = str(int((at + TOLD_KEPT).timestamp()))

        def mark(one: tuple[tuple[str, str], int]) -> bool:
            (practice_id, what), seq = one
            values = {":seq": {"N": str(seq)}, ":over": {"N": over}}
            change = "SET seq = :seq, expires_at = :over"
            return self._table.update(_told_pk(practice_id), what, change, condition=_LATER, values=values)

        self._table.each(mark, list(rows.items()))


def _by_practice(rows: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for practice_id, what in rows:
        found.setdefault(practice_id, []).append(what)
    return found


def _events_pk(practice_id: str) -> str:
    return f"event#{practice_id}"


def _told_pk(practice_id: str) -> str:
    return f"told#{practice_id}"


def _days(first: datetime, last: datetime) -> list[date]:
    begin, end = first.astimezone(UTC).date(), last.astimezone(UTC).date()
    return [begin + timedelta(days=number) for number in range((end - begin).days + 1)]


def _item(event: Event, at: datetime) -> dict[str, Any]:
    day = at.astimezone(UTC).date()
    return {
        **key_of(_events_pk(event.practice_id), event.id),
        "body": {"S": json.dumps(event.told() | {"detected": micros(event.detected_at)}, separators=(",", ":"))},
        "log_day": {"S": f"{event.practice_id}#{day}"},
        "log_place": {"S": f"{time_text(at)}#{event.id}"},
        "expires_at": {"N": str(int((at + KEPT).timestamp()))},
    }


def _logged(item: Mapping[str, Any]) -> Logged:
    told = json.loads(item["body"]["S"])
    event = Event(
        id=told["id"],
        type=told["type"],
        occurred_at=datetime.fromisoformat(told["occurred_at"]),
        detected_at=moment_from(told["detected"]),
        practice_id=told["practice_id"],
        object=told["object"],
        object_id=told["object_id"],
        sequence=told["sequence"],
        cause=Cause(told["cause"]),
        changed=tuple(told["changed"]),
        before=told["before"],
        after=told["after"],
        related=told["related"],
        changes=tuple(told["changes"]) if "changes" in told else None,
        correlation_id=told.get("correlation_id"),
    )
    return Logged(event, moment_from(item["log_place"]["S"].partition("#")[0]))
