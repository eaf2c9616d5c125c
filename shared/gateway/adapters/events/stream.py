"""What the stream of the mirror's table shows of a row, as a change.

A record has the item before and after (`NEW_AND_OLD_IMAGES`). Items of partitions `row#` are rows; whatever else lies
in the table is no change of anything, and the mapping that feeds the publisher leaves it out. A row that was removed
was erased with its mirror, and nothing is told of that: a deletion at the office is a burial, which modifies the item.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.adapters.codec import unpack
from gateway.adapters.mirror.items import change_time_from, key_from
from gateway.core.events.changes import Row, RowChange, Was
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.records import OWN_WRITE

ROWS: Final = "row#"
Pieces = Callable[[str, str, str, str], Row | None]
"""What brings a content that lies in pieces: (practice, resource, sort key, `{token}#{pieces}`) -> the row; None where
the pieces are gone because the row has been replaced since."""


def change_from(record: Mapping[str, Any], pieces: Pieces) -> RowChange | None:
    """The change in a record of the stream, as Lambda gets it; None for what is no change of a row."""
    told = record["dynamodb"]
    pk = told["Keys"]["pk"]["S"]
    new, old = told.get("NewImage"), told.get("OldImage")
    if not pk.startswith(ROWS) or new is None:
        return None
    is_again = old is not None and old["seq"] == new["seq"]
    if is_again and (old is None or old.get("told_again") == new.get("told_again")):
        return None
    _, practice_id, resource = pk.split("#", 2)
    sk = told["Keys"]["sk"]["S"]
    key: int | str = key_from(sk) if resource in MIRRORED else sk
    row = _row(new, practice_id, resource, sk, pieces)
    if row is None or is_again:
        # Its content has been replaced while nobody looked, or nobody told of it in time (`Records.tell_again`).
        was, old = Was.UNSEEN, None
        row = row or ({MIRRORED[resource].key: key} if resource in MIRRORED else {})
    else:
        was = Was.NOTHING if old is None else Was.BURIED if "dead_at" in old else Was.LIVING
    return RowChange(
        practice_id=practice_id,
        resource=resource,
        key=key,
        seq=int(new["seq"]["N"]),
        row=row,
        was=was,
        is_dead="dead_at" in new,
        cause=new["cause"]["S"],
        stored_at=change_time_from(new["change_place"]["S"]),
        before=None if old is None else _row(old, practice_id, resource, sk, pieces),
        before_seq=None if old is None else int(old["seq"]["N"]),
        before_cause=None if old is None else old["cause"]["S"],
        before_at=None if old is None else change_time_from(old["change_place"]["S"]),
        correlation_id=(new.get("of_request", {}).get("S") or None) if new["cause"]["S"] == OWN_WRITE else None,
    )


def _row(image: Mapping[str, Any], practice_id: str, resource: str, sk: str, pieces: Pieces) -> Row | None:
    if "parts" in image:
        return pieces(practice_id, resource, sk, image["parts"]["S"])
    raw = image["body"]["B"]
    found: Row = unpack(base64.b64decode(raw) if isinstance(raw, str) else bytes(raw))
    return found
