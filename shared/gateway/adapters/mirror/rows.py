"""The rows of one resource of one practice, each read and written by its key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from itertools import islice
from typing import Any, Final

from gateway.adapters.aws_errors import unavailable
from gateway.adapters.codec import unpack
from gateway.adapters.mirror import items
from gateway.adapters.mirror.items import Head, Item, Places
from gateway.adapters.mirror.table import Table, key_of
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.records import OWN_WRITE, Hearsay, Order, ReadAt, Record, Row, stamp_of
from gateway.core.normalize.values import SERVER_CLOCK, content_version

_TRIES: Final = 12
"""Each try that fails is somebody else's change of the same row."""

_STRETCH: Final = 20
"""Fewer keys are asked for one by one."""

_NOT_KEPT: Final = "attribute_not_exists(pk)"
_AS_READ: Final = "seq = :was AND (epoch < :epoch OR (epoch = :epoch AND turn <= :turn))"


class Outcome(Enum):
    """What a reading of a row came to."""

    CHANGED = auto()
    SAME = auto()
    OLDER = auto()
    UNSURE = auto()
    """Hearsay of, and nothing says whether what is kept is older."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One row as it was read, or `told` of, without the server's clock."""

    key: int
    row: Row
    version: str
    places: Places
    told: Hearsay | None = None

    @classmethod
    def of(cls, resource: str, row: Row, told: Hearsay | None = None) -> Reading:
        """Raises Malformed: its key or a parent cannot be read."""
        content = {name: value for name, value in row.items() if name != SERVER_CLOCK}
        key = MIRRORED[resource].key_of(content)
        return cls(key, content, content_version(content), Places.of(resource, content), told)


@dataclass(frozen=True, slots=True)
class Because:
    """Which reading of Open Dental a change comes from, on what occasion it was made, and the `seq` that it has at
    least: its moment in microseconds."""

    read: ReadAt
    cause: str
    seq: int

    def order_after(self, one: Reading, head: Head | None) -> Order:
        """The order that a row has once it is stored: of what was there where nobody read it."""
        return head.order if one.told is not None and head is not None else self.read.order

    def seq_after(self, head: Head | None) -> int:
        """The `seq` of a change of a row of which `head` was kept."""
        return self.seq if head is None else max(self.seq, head.seq + 1)


def nothing(_: int) -> None:
    """Nothing leads to the row but what it says itself."""


def judged(head: Head | None, one: Reading, read: ReadAt) -> Outcome:
    """What a reading comes to where `head` is kept."""
    if _is_as_kept(head, one):
        return Outcome.SAME
    if head is None:
        return Outcome.CHANGED
    is_outdated = head.told is not None and head.told.outdates(one.row, read.at)
    return Outcome.OLDER if read.order < head.order or is_outdated else Outcome.CHANGED


def judged_told(head: Head | None, one: Reading, told: Hearsay, kept: Record | None) -> Outcome:
    """What a row that was told of comes to where `head` is kept, and `kept` is the row of it that was met."""
    if _is_as_kept(head, one):
        return Outcome.SAME
    if head is None:
        return Outcome.CHANGED
    if kept is None or kept.seq != head.seq:
        # Somebody has changed it in between: the put of what was judged by that fails, and it is looked at again.
        return Outcome.CHANGED
    stamp = stamp_of(kept.row, told.column)
    if stamp is not None and told.stamp < stamp:
        return Outcome.OLDER
    # What was read after the call came cannot be older than it: a clock or a database was set back.
    was_read_since = kept.told is None and kept.read.at >= told.at
    is_unsure = head.dead or stamp is None or told.stamp == stamp or was_read_since
    return Outcome.UNSURE if is_unsure else Outcome.CHANGED


def _is_as_kept(head: Head | None, one: Reading) -> bool:
    return head is not None and not head.dead and head.version == one.version


class Rows:
    """One partition of the table."""

    def __init__(self, table: Table, practice_id: str, resource: str, *, now: Callable[[], datetime]) -> None:
        self._table = table
        self._practice_id = practice_id
        self._resource = resource
        self._pk = items.rows_pk(practice_id, resource)
        self._now = now

    def heads(self, keys: Iterable[int], *, are_near: bool = False) -> dict[int, Head]:
        """What is kept of these rows, without their content.

        `are_near`: the keys may well be those of a page in the order of keys. Read as a stretch, a row costs a fifth
        of what it costs by itself; where other rows lie between them, the stretch ends soon and the rest is asked for.
        """
        left = sorted({items.row_sk(key) for key in keys})
        wanted, found = frozenset(left), dict[str, Mapping[str, Any]]()
        if are_near and len(left) >= _STRETCH:
            most = len(left) + len(left) // 2
            stretch = self._table.query(self._pk, between=(left[0], left[-1]), only=items.HEAD, limit=most)
            met = {item["sk"]["S"]: item for item in islice(stretch, most)}
            found = {sk: item for sk, item in met.items() if sk in wanted}
            left = [sk for sk in left if sk > max(met)] if len(met) == most else []
        found.update(self._table.get_all(self._pk, left, only=items.HEAD))
        return {items.key_from(sk): items.head_from(item) for sk, item in found.items()}

    def get(self, keys: Iterable[int]) -> dict[int, Record]:
        """These rows, tombstones included."""
        found = self._table.get_all(self._pk, [items.row_sk(key) for key in keys])
        records = (self._record(item) for item in found.values())
        return {one.key: one for one in records if one is not None}

    def living(self, *, after: int | None, limit: int) -> Iterator[Record]:
        """Rows behind a key in the order of keys, without tombstones; `limit` is how many are read at a time."""
        above = None if after is None else items.row_sk(after)
        for item in self._table.query(self._pk, above=above, limit=limit):
            one = None if "dead_at" in item else self._record(item)
            if one is not None and one.is_living:
                yield one

    def versions(self, *, after: int | None, limit: int) -> Iterator[tuple[int, str]]:
        """Keys and content hashes of rows, as `living`."""
        above = None if after is None else items.row_sk(after)
        for item in self._table.query(self._pk, above=above, only=("sk", "v", "dead_at"), limit=limit):
            if "dead_at" not in item:
                yield items.key_from(item["sk"]["S"]), item["v"]["S"]

    def judge(self, one: Reading, head: Head | None, read: ReadAt, *, kept: Record | None = None) -> Outcome:
        """What a reading comes to where `head` is kept; `kept` spares a look at the row, if that is still the one."""
        if one.told is None:
            return judged(head, one, read)
        if head is not None and (kept is None or kept.seq != head.seq) and not _is_as_kept(head, one):
            kept = self.get([one.key]).get(one.key)
        return judged_told(head, one, one.told, kept)

    def keep(
        self,
        one: Reading,
        head: Head | None,
        because: Because,
        *,
        again: Callable[[int], None] = nothing,
    ) -> tuple[Outcome, int]:
        """What became of a reading of a row of which `head` was kept, and the row's `seq`.

        `again` is called before each further try with the `seq` that the row
        is to have: whoever came first may have cleared what had been laid for it.
        """
        pieces: list[bytes] = []
        for tried in range(_TRIES):
            outcome = self.judge(one, head, because.read)
            if outcome is not Outcome.CHANGED:
                return outcome, because.seq_after(head) if head is None else head.seq
            pieces = pieces or items.pieces_of(one.row)
            parts = None if len(pieces) == 1 else f"{items.new_token()}#{len(pieces)}"
            seq = because.seq_after(head)
            mine = Head(one.version, seq, because.order_after(one, head), parts=parts, told=one.told)
            if tried:
                again(seq)
            item: Item = {
                **key_of(self._pk, items.row_sk(one.key)),
                "v": {"S": one.version},
                **self._state(one.key, mine, because),
                **items.place_attributes(self._practice_id, self._resource, one.key, one.places),
                **({"body": {"B": pieces[0]}} if parts is None else {"parts": {"S": parts}}),
            }
            if parts is not None:
                for number, piece in enumerate(pieces):
                    self._table.put({**self._part_key(one.key, parts, number), "body": {"B": piece}})
            was = head
            if head is None:
                stored = self._table.put(item, condition=_NOT_KEPT)
            else:
                order = {":epoch": item["epoch"], ":turn": item["turn"]}
                stored = self._table.put(item, condition=_AS_READ, values={":was": {"N": str(head.seq)}, **order})
            if not stored:
                head = self.heads([one.key]).get(one.key)
            if stored or head == mine:
                self._drop_parts(one.key, was)
                return outcome, seq
            self._drop_parts(one.key, mine)
            self._table.pause(tried)
        raise unavailable("the mirror")

    def bury(self, key: int, head: Head | None, because: Because, at: datetime) -> int | None:
        """The `seq` of the tombstone that the row, of which `head` was kept, was made; None where it was not."""
        order = because.read.order
        for tried in range(_TRIES):
            if head is None or head.dead or order < head.order:
                return None
            if head.told is not None and because.read.at < head.told.at:
                # Whoever missed it had looked before Open Dental told that it is there.
                return None
            mine = Head(head.version, because.seq_after(head), order, dead=True, parts=head.parts)
            new: Item = {**self._state(key, mine, because), "dead_at": {"N": str(items.micros(at))}}
            if self._table.update(
                self._pk,
                items.row_sk(key),
                # Its day stays: tombstones are asked for by day.
                "SET " + ", ".join(f"{name} = :{name}" for name in new) + " REMOVE parent_1, parent_2, told",
                condition=_AS_READ,
                values={f":{name}": value for name, value in new.items()} | {":was": {"N": str(head.seq)}},
            ):
                return mine.seq
            head = self.heads([key]).get(key)
            if head == mine:
                # The SDK repeats a write whose answer was lost, and then meets its own row.
                return mine.seq
            self._table.pause(tried)
        raise unavailable("the mirror")

    def tell_again(self, key: int, seq: int) -> bool:
        """Touch a row of this `seq`, so that the stream shows it; False where it is another by now."""
        now, was = {"N": str(items.micros(self._now()))}, {"N": str(seq)}
        values = {":now": now, ":was": was}
        return self._table.update(
            self._pk, items.row_sk(key), "SET told_again = :now", condition="seq = :was", values=values
        )

    def _state(self, key: int, mine: Head, because: Because) -> Item:
        """What every change of a row writes."""
        return {
            "seq": {"N": str(mine.seq)},
            "cause": {"S": because.cause},
            # Empty where nobody knows, or a tombstone would keep that of the row.
            **({"of_request": {"S": because.read.by or ""}} if because.cause == OWN_WRITE else {}),
            **items.order_attributes(ReadAt(mine.order, because.read.at)),
            **items.told_attributes(mine.told),
            **items.change_attributes(self._practice_id, self._resource, key, self._now()),
        }

    def _record(self, item: Mapping[str, Any] | None) -> Record | None:
        """What an item holds; None if it was erased while its pieces were read."""
        for tried in range(_TRIES):
            if item is None:
                return None
            head = items.head_from(item)
            raw = bytes(item["body"]["B"]) if head.parts is None else self._long(item["sk"]["S"], head.parts)
            if raw is not None:
                return Record(
                    resource=self._resource,
                    key=items.key_from(item["sk"]["S"]),
                    row=unpack(raw),
                    version=head.version,
                    seq=head.seq,
                    read=ReadAt(head.order, items.moment_from(item["read_at"]["N"])),
                    changed_at=items.change_time_from(item["change_place"]["S"]),
                    deleted_at=items.moment_from(item["dead_at"]["N"]) if head.dead else None,
                    cause=item["cause"]["S"],
                    told=head.told,
                )
            # Somebody has replaced the row, and with it its pieces.
            self._table.pause(tried)
            item = self._table.get(self._pk, item["sk"]["S"])
        raise unavailable("the mirror")

    def from_pieces(self, sk: str, parts: str) -> Row | None:
        """The content that lies in pieces; None if they are not all there."""
        raw = self._long(sk, parts)
        return None if raw is None else unpack(raw)

    def _long(self, sk: str, parts: str) -> bytes | None:
        """The content that lies in pieces; None if they are not all there."""
        token, _, count = parts.partition("#")
        pk = items.parts_pk(self._practice_id, self._resource)
        pieces = [bytes(one["body"]["B"]) for one in self._table.query(pk, starts=f"{sk}#{token}#")]
        return b"".join(pieces) if len(pieces) == int(count) else None

    def _drop_parts(self, key: int, head: Head | None) -> None:
        """Delete the pieces of a content that no row has any more."""
        if head is not None and head.parts is not None:
            count = int(head.parts.partition("#")[2])
            self._table.delete_all([self._part_key(key, head.parts, number) for number in range(count)])

    def _part_key(self, key: int, parts: str, number: int) -> Item:
        token = parts.partition("#")[0]
        return key_of(items.parts_pk(self._practice_id, self._resource), f"{items.row_sk(key)}#{token}#{number:04}")
