"""Texts that lead to rows: an item for each, beside the rows and never behind them.

Who changes a row lays the ways to its new content first and clears those that only its old content had afterwards, so
there is no moment in which a row cannot be found by what it is. Each item names the `seq` of the row that it was laid
for: a way that somebody has laid again for a later state is not cleared by who replaced an earlier one. What a crash
leaves over leads to a row that does not fit, which whoever asks finds out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from gateway.adapters.mirror import items
from gateway.adapters.mirror.items import Item
from gateway.adapters.mirror.table import Table, key_of
from gateway.core.mirror.lookups import WAYS, Way, way_to
from gateway.core.mirror.records import Row

_UNLESS_LATER: Final = "attribute_not_exists(pk) OR laid_for < :seq"
_IF_EARLIER: Final = "laid_for < :seq"

_MAC_LETTERS: Final = 24
"""Hexadecimal digits of an HMAC: two texts of a practice that share them lead to some rows too many."""

_PASSED_BY: Final = 10
"""Items looked at for each that may be wanted, where only some of a stretch are."""


class Ways:
    """The ways to the rows of one resource of one practice; `fingerprint` is what hides a text."""

    def __init__(self, table: Table, practice_id: str, resource: str, *, fingerprint: Callable[[str], str]) -> None:
        self._table = table
        self._practice_id = practice_id
        self._resource = resource
        self._pk = items.ways_pk(practice_id, resource)
        self._fingerprint = fingerprint

    def to(self, row: Row) -> frozenset[str]:
        """All ways to a row with this content."""
        ways = WAYS.get(self._resource, ())
        return frozenset(items.way_sk(way.name, self._text(way, text)) for way in ways for text in way.texts(row))

    def lay_first(self, rows: Iterable[tuple[int, frozenset[str]]], *, seq: int) -> None:
        """Lay the ways to rows that nobody has stored yet, many at a time."""
        self._table.put_all([self._item(key, way, seq) for key, ways in rows for way in sorted(ways)])

    def lay(self, key: int, ways: Iterable[str], *, seq: int) -> None:
        """Lay ways to a row that is about to be stored with this `seq`."""
        for way in sorted(ways):
            self._table.put(self._item(key, way, seq), condition=_UNLESS_LATER, values={":seq": {"N": str(seq)}})

    def clear(self, key: int, ways: Iterable[str], *, seq: int) -> None:
        """Clear ways that were laid before the row was stored with this `seq`."""
        for way in sorted(ways):
            sk = way + items.row_sk(key)
            self._table.delete(self._pk, sk, condition=_IF_EARLIER, values={":seq": {"N": str(seq)}})

    def behind(self, name: str, text: str, *, after: int | None, limit: int) -> list[int]:
        """Keys behind `after` that one text leads to, in ascending order, `limit` of them at most."""
        start = items.way_sk(name, self._text(way_to(self._resource, name), text))
        first = start if after is None else f"{start}{items.row_sk(after)}!"
        found = self._table.query(self._pk, between=(first, f"{start}~"), only=("sk",), limit=limit)
        return [_key(item["sk"]["S"]) for item in islice(found, limit)]

    def within(self, name: str, first: str, last: str, *, behind: str, limit: int) -> list[int] | None:
        """Keys that texts from `first` to `last` lead to; None for more than `limit`, or after too many others."""
        if way_to(self._resource, name).is_secret:
            raise ValueError("texts that nobody can read have no order")
        found = set[int]()
        for place, (text, key) in enumerate(self._texts(name, first, last)):
            if first <= text <= last and (not behind or text.partition(" ")[2].startswith(behind)):
                found.add(key)
            if len(found) > limit or place > limit * _PASSED_BY:
                return None
        return sorted(found)

    def _texts(self, name: str, first: str, last: str) -> Iterator[tuple[str, int]]:
        between = f"{name}#{first}", f"{items.way_sk(name, last)}~"
        for item in self._table.query(self._pk, between=between, only=("sk",)):
            sk = item["sk"]["S"]
            yield sk[len(name) + 1 :].rpartition("#")[0], _key(sk)

    def _text(self, way: Way, text: str) -> str:
        if not way.is_secret:
            return text
        return self._fingerprint(f"{self._practice_id}#{self._resource}#{way.name}#{text}")[:_MAC_LETTERS]

    def _item(self, key: int, way: str, seq: int) -> Item:
        return {**key_of(self._pk, way + items.row_sk(key)), "laid_for": {"N": str(seq)}}


def _key(sk: str) -> int:
    return items.key_from(sk.rpartition("#")[2])
