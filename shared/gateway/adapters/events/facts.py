"""The gateway's own facts in the mirror's table, beside its rows:

    row#{practice}#{kind}   {key}   content (JSON, deflated), `seq`, `cause`, its moment

They are in none of the table's indexes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.aws_errors import unavailable
from gateway.adapters.codec import pack, unpack
from gateway.adapters.mirror.items import Item, micros, rows_pk, time_text
from gateway.adapters.mirror.table import Table, key_of
from gateway.core.hashing import canonical_hash

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CAUSE: Final = "gateway"
_TRIES: Final = 5


def fact_item(practice_id: str, kind: str, key: str, content: Mapping[str, Any], *, at: datetime, seq: int) -> Item:
    """The item of a fact."""
    return {
        **key_of(rows_pk(practice_id, kind), key),
        "body": {"B": pack(dict(content))},
        "v": {"S": canonical_hash(content)},
        "seq": {"N": str(seq)},
        "cause": {"S": CAUSE},
        "change_place": {"S": f"{time_text(at)}#{key}"},
    }


class DynamoFacts:
    """Fills `core.events.facts.Facts`."""

    def __init__(self, client: DynamoDBClient, *, table: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._table = Table(client, name=table, sleep=sleep)

    def note(
        self,
        practice_id: str,
        kind: str,
        key: str,
        content: Mapping[str, Any],
        *,
        at: datetime,
        until: datetime | None = None,
    ) -> bool:
        """See `Facts.note`."""
        for tried in range(_TRIES):
            was = self._table.get(rows_pk(practice_id, kind), key)
            if was is not None and unpack(bytes(was["body"]["B"])) == dict(content):
                return False
            seq = micros(at) if was is None else max(micros(at), int(was["seq"]["N"]) + 1)
            item = fact_item(practice_id, kind, key, content, at=at, seq=seq)
            if until is not None:
                item["expires_at"] = {"N": str(int(until.timestamp()))}
            if was is None:
                stored = self._table.put(item, condition="attribute_not_exists(pk)")
            else:
                stored = self._table.put(item, condition="seq = :was", values={":was": was["seq"]})
            if stored:
                return True
            self._table.pause(tried)
        raise unavailable("the gateway's facts")
