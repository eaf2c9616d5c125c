"""How the mirror lies in its table: keys, attributes, and the places of a row in the indexes.

    row#{practice}#{resource}    {key}            a row: content, order, seq, and its places in the indexes
    part#{practice}#{resource}   {key}#{token}#n  content that is too long for its row's item, in pieces
    way#{practice}#{resource}    {way}#{text}#{key}  that this text leads to this row
    kept#{practice}              {resource}       the months in which rows of it have days, and in which rows changed
    whole#{practice}             {resource}#{column}#{parent}  keys that a list under a parent showed
    fresh#{practice}#{resource}  {time}#{token}   keys and places of rows just stored that somebody may look for

Keys of rows are written as 16 hexadecimal digits, so that their text has the order of their numbers, negative ones
included. Moments are microseconds since 1970.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from gateway.adapters.codec import pack
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.records import Hearsay, Order, ReadAt, Row

Item = dict[str, Any]
"""An item as DynamoDB spells it."""

IN_ITEM_BYTES: Final = 300_000
"""Compressed bytes of content up to which it lies in its row's item, whose own limit is 400 kB; also a piece's size."""

HEAD: Final = ("sk", "v", "seq", "epoch", "turn", "dead_at", "parts", "told", "read_at")
"""Attributes that `Head` is made of."""

LOWEST_KEY: Final = -(2**63)
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Head:
    """All that decides whether another reading of a row counts. `parts`: `{token}#{pieces}` of a long content."""

    version: str
    seq: int
    order: Order
    dead: bool = False
    parts: str | None = None
    told: Hearsay | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """Where a row is found other than by its key: its parents in the order of `Mirrored.parents`, and its day."""

    parents: tuple[int | None, ...]
    day: date | None

    @classmethod
    def of(cls, resource: str, row: Row) -> Places:
        """The places that a row says it has."""
        mirrored = MIRRORED[resource]
        parents = mirrored.parents_of(row)
        return cls(tuple(parents.get(column) for column in mirrored.parents), mirrored.day_of(row))


# Keys


def rows_pk(practice_id: str, resource: str) -> str:
    """The partition of a resource's rows."""
    return f"row#{practice_id}#{resource}"


def parts_pk(practice_id: str, resource: str) -> str:
    """The partition of its pieces of content."""
    return f"part#{practice_id}#{resource}"


def ways_pk(practice_id: str, resource: str) -> str:
    """The partition of the texts that lead to its rows."""
    return f"way#{practice_id}#{resource}"


def way_sk(way: str, text: str, sk: str = "") -> str:
    """A text's sort key, up to the row's `sk`."""
    return f"{way}#{text}#{sk}"


def fresh_pk(practice_id: str, resource: str) -> str:
    """The partition of what was just stored."""
    return f"fresh#{practice_id}#{resource}"


def whole_pk(practice_id: str) -> str:
    """The partition of lists under a parent that were read as a whole."""
    return f"whole#{practice_id}"


def whole_sk(resource: str, column: str, value: int) -> str:
    """The sort key of one of them."""
    return f"{resource}#{column}#{row_sk(value)}"


def kept_pk(practice_id: str) -> str:
    """The partition of what a practice has rows of."""
    return f"kept#{practice_id}"


def row_sk(key: int) -> str:
    """A row's sort key. Raises ValueError for what is no key of 64 bits."""
    shifted = key - LOWEST_KEY
    if not 0 <= shifted < 2**64:
        raise ValueError("a key has 64 bits")
    return f"{shifted:016x}"


def key_from(sk: str) -> int:
    """See `row_sk`."""
    return int(sk, 16) + LOWEST_KEY


def parent_place(practice_id: str, resource: str, column: str, value: int) -> str:
    """The partition of an index of parents."""
    return f"{practice_id}#{resource}#{column}#{value}"


def month_place(practice_id: str, resource: str, month: str) -> str:
    """The partition of an index by month (`yyyy-mm`)."""
    return f"{practice_id}#{resource}#{month}"


def month_of(day: date) -> str:
    """A day's month; of a moment, that of its own zone."""
    return f"{day.year:04}-{day.month:02}"


def micros(at: datetime) -> int:
    """A moment as a whole number."""
    return (at - _FIRST) // timedelta(microseconds=1)


def moment_from(number: int | str) -> datetime:
    """See `micros`."""
    return _FIRST + timedelta(microseconds=int(number))


def time_text(at: datetime) -> str:
    """A moment as text with the order of time."""
    return f"{micros(at):016}"


def new_token() -> str:
    """A name for something that is written once and not looked for by anybody else."""
    return secrets.token_hex(8)


# Rows


def change_attributes(practice_id: str, resource: str, key: int, changed_at: datetime) -> Item:
    """A row's place among the changes."""
    at = changed_at.astimezone(UTC)
    return {
        "change_month": {"S": month_place(practice_id, resource, month_of(at))},
        "change_place": {"S": f"{time_text(at)}#{row_sk(key)}"},
    }


def order_attributes(read: ReadAt) -> Item:
    """What says when a row was read."""
    return {
        "epoch": {"N": str(read.order.epoch)},
        "turn": {"N": str(read.order.turn_no)},
        "read_at": {"N": str(micros(read.at))},
    }


def told_attributes(told: Hearsay | None) -> Item:
    """What says that nobody read a row; when its call came in is its `read_at`."""
    return {} if told is None else {"told": {"S": f"{told.column}#{told.stamp.isoformat()}"}}


def place_attributes(practice_id: str, resource: str, key: int, places: Places) -> Item:
    """A living row's places in the other indexes."""
    item: Item = {}
    for number, (column, value) in enumerate(zip(MIRRORED[resource].parents, places.parents, strict=True), start=1):
        if value is not None:
            item[f"parent_{number}"] = {"S": parent_place(practice_id, resource, column, value)}
    if places.day is not None:
        item["day_month"] = {"S": month_place(practice_id, resource, month_of(places.day))}
        item["day_place"] = {"S": f"{places.day.isoformat()}#{row_sk(key)}"}
    return item


def pieces_of(row: Row) -> list[bytes]:
    """A row's content in pieces that fit into an item each; nearly always one."""
    raw = pack(dict(row))
    return [raw[start : start + IN_ITEM_BYTES] for start in range(0, len(raw), IN_ITEM_BYTES)]


def head_from(item: Mapping[str, Any]) -> Head:
    """What of an item decides."""
    return Head(
        version=item["v"]["S"],
        seq=int(item["seq"]["N"]),
        order=Order(int(item["epoch"]["N"]), int(item["turn"]["N"])),
        dead="dead_at" in item,
        parts=item["parts"]["S"] if "parts" in item else None,
        told=_told_from(item),
    )


def _told_from(item: Mapping[str, Any]) -> Hearsay | None:
    if "told" not in item:
        return None
    column, _, stamp = item["told"]["S"].partition("#")
    return Hearsay(moment_from(item["read_at"]["N"]), column, datetime.fromisoformat(stamp))


def change_time_from(place: str) -> datetime:
    """The moment in a `change_place`."""
    return moment_from(place.partition("#")[0])
