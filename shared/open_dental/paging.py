"""Reading a list to its end, page by page.

The vendor pages by `Limit` and `Offset` over a live query: no total, no next link, and rows that come, go or move shift
every later page. So what is read is never a snapshot. `Paging` holds the rule and calls nothing, for callers that run
each page as a paced call of its own; `pages` walks it with a function that calls.

Source: https://www.opendental.com/site/apispecification.html, "Paging".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from open_dental import wire
from open_dental.catalogue import operation as catalogued
from open_dental.catalogue import resource as catalogued_resource

CAPS: Final = (100, 1000, 10_000)
"""Rows at which the vendor cuts a page, by mode and tier: exactly so many may be a cut page, whatever was asked for."""

Row = Mapping[str, Any]


class _Answer(Protocol):
    def rows(self) -> Sequence[Row]: ...


Call = Callable[[str, Mapping[str, object]], _Answer]
"""Makes one call: operation id and query in, answer out; `Client.call` behind a lambda will do."""


_LONGEST_KEY = 20
"""Digits and sign of 64 bits: what is longer is no key, and Python would not read it as a number at all."""


class Paging:
    """Where the reading of one list stands: ask `next_query`, call, hand the rows to `take`, until `done`.

    Every row is given out once, by the resource's key; rows without one are compared whole.
    """

    def __init__(self, operation_id: str, query: Mapping[str, object] | None = None, *, page_limit: int = 100) -> None:
        """`page_limit` is what the practice's mode and tier allow: 100, 1000 or 10,000 rows.

        Raises:
            UnknownOperation: the catalogue has no such operation.
            ValueError: `page_limit` is not positive, or the query sets the page itself.
        """
        operation = catalogued(operation_id)
        if page_limit < 1:
            raise ValueError("a page has at least one row")
        if {"Limit", "Offset"} & set(query or {}):
            raise ValueError("Limit and Offset are set here")
        self.operation_id = operation_id
        self._query = dict(query or {})
        self._paginated = operation.paginated
        self._key = catalogued_resource(operation.resource).key
        self._limit = page_limit
        self._offset = 0
        self._seen = set[object]()
        self._last_page: list[object] | None = None
        self._stale_pages = 0
        self.pages_read = 0
        """Upstream calls that the list has cost so far."""
        self.repeats = 0
        """Rows that came again: more than none says that rows moved while the list was read."""
        self.done = False
        self.complete = False
        """True once a short page ended the list; False if a page came again, so that some rows may be missing."""

    def next_query(self) -> dict[str, object] | None:
        """Return the query of the next page, None if there is none."""
        if self.done:
            return None
        if not self._paginated:
            return dict(self._query)
        # Exactly so: in lower case both are ignored, and page one comes for ever.
        return {**self._query, "Limit": self._limit, "Offset": self._offset}

    def take(self, rows: Sequence[Row]) -> list[Row]:
        """Take the page in and return the rows of it that are new, in their order.

        Raises:
            ValueError: the list had ended.
        """
        if self.done:
            raise ValueError("the list had ended")
        self.pages_read += 1
        page = [self._identity(row) for row in rows]
        new = []
        for identity, row in zip(page, rows, strict=True):
            if identity in self._seen:
                self.repeats += 1
            else:
                self._seen.add(identity)
                new.append(row)
        self._stale_pages = 0 if new or not rows else self._stale_pages + 1
        repeated = bool(rows) and (page == self._last_page or self._stale_pages > 1)
        short = not self._paginated or not self._is_full(len(rows))
        self.done = short or repeated
        self.complete = short
        self._last_page = page
        self._offset += len(rows)
        return new

    def _is_full(self, count: int) -> bool:
        if count >= self._limit:
            return True
        if count in CAPS and self.pages_read == 1:
            # The office allows less than we were told. Asking on costs one call if it was the last page after all;
            # stopping would lose the rest of the list without a sign.
            self._limit = count
            return True
        return False

    def _identity(self, row: Row) -> object:
        if self._key is not None and (value := row.get(self._key)) is not None:
            # 12 and "12" are one key: some resources quote theirs, and not always.
            is_key = isinstance(value, str) and len(value) <= _LONGEST_KEY and value.lstrip("-").isdecimal()
            identity = wire.integer(value) if is_key else value
            # 0 names nobody: mounts among the documents all have it.
            if identity != 0:
                return identity
        return repr(sorted(row.items()))


def pages(
    call: Call, operation_id: str, query: Mapping[str, object] | None = None, *, page_limit: int = 100
) -> Iterator[list[Row]]:
    """Read a list to its end, one list of new rows for each page that has any.

    Raises:
        OpenDentalError: as the call does; what was given out before stays good.
    """
    paging = Paging(operation_id, query, page_limit=page_limit)
    while (page := paging.next_query()) is not None:
        if new := paging.take(call(operation_id, page).rows()):
            yield new
