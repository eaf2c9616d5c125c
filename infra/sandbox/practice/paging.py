"""Any page of a list in the time of its first page, however far down it starts.

An SQL OFFSET walks over every row before it. Here every `STEP`th row of a list is remembered by its place in the
order, so a page starts from the nearest remembered row. A write forgets what lies behind it.
"""

# ruff: noqa: S608  (names come from the schema; values are always bound)
from __future__ import annotations

import bisect
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from infra.sandbox.practice import schema
from infra.sandbox.practice.store import Store

STEP = 1000
_REMEMBERED_LISTS = 128

Place = tuple[Any, ...]


class Order(NamedTuple):
    """Columns a list is sorted by, key included, all in one direction."""

    columns: tuple[str, ...]
    descending: bool = False

    @property
    def sql(self) -> str:
        direction = " DESC" if self.descending else ""
        return ", ".join(f'"{column}"{direction}' for column in self.columns)


class Listing(NamedTuple):
    """One list: table, SQL condition with its values, order. `volatile` ones depend on other tables."""

    table: str
    condition: str
    args: tuple[object, ...]
    order: Order
    volatile: bool = False


@dataclass(slots=True)
class _Marks:
    """Row number `steps[i] * STEP` of a list stands at `places[i]`; both in the list's order."""

    steps: list[int] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)

    def keep(self, count: int) -> None:
        del self.steps[count:]
        del self.places[count:]


class Pager:
    """Reads pages of lists out of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._marks: OrderedDict[Listing, _Marks] = OrderedDict()
        store.watch(self._forget)

    def page(self, listing: Listing, *, limit: int, offset: int) -> list[dict[str, Any]]:
        """Up to `limit` rows after the first `offset`, each call a fresh look at the table."""
        with self._store.locked():
            start, skip = None, offset
            if offset >= STEP and not listing.volatile:
                start, skip = self._nearest(listing, offset)
            statement, args = _select("*", listing, start)
            return self._store.rows(f"{statement} LIMIT ? OFFSET ?", (*args, limit, skip))

    def _nearest(self, listing: Listing, offset: int) -> tuple[Place | None, int]:
        marks = self._marks.pop(listing, None) or _Marks()
        self._marks[listing] = marks
        while len(self._marks) > _REMEMBERED_LISTS:
            self._marks.popitem(last=False)
        wanted = offset // STEP
        at = bisect.bisect_right(marks.steps, wanted) - 1
        if at < 0 or marks.steps[at] < wanted:
            start, behind = (marks.places[at], marks.steps[at]) if at >= 0 else (None, 0)
            columns = ", ".join(f'"{column}"' for column in listing.order.columns)
            statement, args = _select(columns, listing, start, narrow=True)
            found = self._store.tuples(f"{statement} LIMIT 1 OFFSET ?", (*args, (wanted - behind) * STEP))
            if not found:
                return start, offset - behind * STEP
            at += 1
            marks.steps.insert(at, wanted)
            marks.places.insert(at, found[0])
        return marks.places[at], offset - wanted * STEP

    def _forget(self, table: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        for listing, marks in self._marks.items():
            if listing.table != table:
                continue
            places = [tuple(row[column] for column in listing.order.columns) for row in (before, after) if row]
            if not listing.condition and len(places) == 2 and places[0] == places[1]:
                continue
            if listing.order.descending:
                marks.keep(sum(place > max(places) for place in marks.places))
            else:
                marks.keep(bisect.bisect_left(marks.places, min(places)))


def _select(columns: str, listing: Listing, start: Place | None, *, narrow: bool = False) -> tuple[str, list[object]]:
    terms = [f"({listing.condition})"] if listing.condition else []
    args = list(listing.args)
    if start is not None:
        names = ", ".join(f'"{column}"' for column in listing.order.columns)
        marks = ", ".join("?" * len(start))
        terms.append(f"({names}) {'<=' if listing.order.descending else '>='} ({marks})")
        args.extend(start)
    condition = f" WHERE {' AND '.join(terms)}" if terms else ""
    key = schema.tables()[listing.table].key
    by_key_alone = narrow and not listing.condition and listing.order.columns == (key,)
    # Walking the wide rows themselves costs pages; the index over the key alone is small.
    index = f' INDEXED BY "{listing.table}_key"' if by_key_alone else ""
    return f'SELECT {columns} FROM "{listing.table}"{index}{condition} ORDER BY {listing.order.sql}', args


def order_of(table: str, order: Sequence[tuple[str, str]]) -> Order:
    """A catalogue order, made unique by the key."""
    shape = schema.tables()[table]
    columns = [column for column, _ in order if column in shape.columns]
    descending = bool(order) and order[0][1] == "desc"
    return Order((*columns, *([] if shape.key in columns else [shape.key])), descending)
