"""What all reads share: which practice, which rows, which page, and how old the answer is."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.errors import Invalid, NotFound
from gateway.core.ids import parse_row_id, practice_of_row
from gateway.core.normalize.values import Drift
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.reads.queries import ListQuery
from gateway.core.requests import Fetched, Freshness, fetch
from gateway.core.walltime import instant_text

Row = Mapping[str, Any]
Filter = Callable[[Row], bool]
SortKey = tuple[str | int, ...]

MOST_DAYS: Final = 31
"""Days that a list of appointments may cover where nothing else bounds it."""

_log = logging.getLogger("gateway.drift")


def practice_of(query: ListQuery, obj: str, *, caller: Caller, on: Services) -> Practice:
    """The practice a list is about, if the caller may read `obj` there: the one named, else that of the first id among
    the filters, else the only one the client has. That all ids are of one practice is seen to by `key_of`.

    Raises:
        NotFound: an id that is none, or of a practice that is not the caller's.
        Invalid: the client has several practices and nothing names one. And what `allow` raises.
    """
    practice_id, param = query.practice_id, "practice_id"
    if practice_id is None:
        for param, text in query.row_ids():
            practice_id = practice_of_row(text)
            if practice_id is None:
                raise NotFound("no such record", param=param)
            break
    if practice_id is None:
        if len(caller.client.practices) != 1:
            raise Invalid("send practice_id: the client does not have exactly one practice", param="practice_id")
        (practice_id,) = caller.client.practices
    try:
        return allow(caller, practice_id, obj, Verb.READ, on=on)
    except NotFound as error:
        raise NotFound(error.detail, param=param) from None


def key_of(text: str | None, kind: str, practice: Practice, *, param: str) -> int | None:
    """Open Dental's key behind an id given as a filter; None where none is given.

    Raises:
        NotFound: it is no id of a `kind`, or of another practice.
    """
    if text is None:
        return None
    try:
        found = parse_row_id(text, kind)
    except NotFound as error:
        raise NotFound(error.detail, param=param) from None
    if found.practice_id != practice.id:
        raise NotFound(f"no such {kind.replace('_', ' ')}", param=param)
    return found.key


def keys_of(query: ListQuery, kind: str, practice: Practice) -> list[int] | None:
    """The keys of `ids`, each once. An id of another practice is refused like one that does not exist."""
    if query.ids is None:
        return None
    found = (key_of(one, kind, practice, param="ids") for one in query.ids)
    return list(dict.fromkeys(one for one in found if one is not None))


@dataclass(slots=True)
class Reading:
    """The fetches that one answer needed, and what they say of it together."""

    practice: Practice
    caller: Caller
    freshness: Freshness
    on: Services
    _done: list[Fetched] = field(default_factory=list)

    def rows(self, kind: str, bound: Mapping[str, Any], *, of: str | None = None) -> Mapping[str, list[Row]]:
        """The rows of one fetch. `of` names the filter whose row Open Dental may not find.

        Raises: what `requests.fetch` raises.
        """
        try:
            fetched = fetch(
                kind, bound, practice=self.practice, caller=self.caller, freshness=self.freshness, on=self.on
            )
        except NotFound as error:
            if of is None:
                raise
            raise NotFound("no such record to filter by", param=of, upstream=error.upstream) from error
        self._done.append(fetched)
        return fetched.rows.rows

    @property
    def as_of(self) -> datetime:
        """Nothing in the answer is older."""
        return min(fetched.rows.as_of for fetched in self._done)

    def meta(self, omitted: Iterable[str]) -> dict[str, Any]:
        """What every answer says of itself. `omitted` are fields that would have cost calls, or that upstream hides."""
        return {
            "as_of": instant_text(self.as_of),
            "age_seconds": round(max(fetched.age_seconds for fetched in self._done), 1),
            "served_from": "live" if any(fetched.served_from == "live" for fetched in self._done) else "cache",
            "practice_id": self.practice.id,
            "upstream_calls": sum(fetched.upstream_calls for fetched in self._done),
            "omitted": sorted(omitted),
        }


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one page and where the next begins."""

    rows: list[Row]
    has_more: bool
    next_cursor: str | None

    def envelope(self, data: list[dict[str, Any]], meta: dict[str, Any]) -> dict[str, Any]:
        """The answer of a list."""
        return {"data": data, "has_more": self.has_more, "next_cursor": self.next_cursor, "meta": meta}


class Pager:
    """Cuts a list into pages by keyset: a page begins behind the last row of the one before, wherever that now stands.

    So rows that come between two pages never make another row come twice or not at all. A cursor is bound to its
    practice and to the filters: it carries a hash of them, and of a row only its place in the order: nobody's name.
    """

    def __init__(self, query: ListQuery, obj: str, practice: Practice, *, on: Services) -> None:
        """Raises:
        NotFound: the cursor is another practice's. Invalid: it is another query's, or none of ours.
        """
        self._limit = query.limit
        self._practice = practice
        self._query = query
        self._obj = obj
        self._on = on
        self._after = None if query.cursor is None else self._read(query.cursor)

    def cut(self, rows: Iterable[Row], place: Callable[[Row], SortKey]) -> Page:
        """The page of `rows`, which come in any order. No two rows may have one place."""
        placed = sorted(((place(row), row) for row in rows), key=lambda pair: pair[0])
        if self._after is not None:
            after = self._after
            placed = [pair for pair in placed if pair[0] > after]
        page, more = placed[: self._limit], len(placed) > self._limit
        cursor = self._write(page[-1][0]) if more else None
        return Page([row for _, row in page], more, cursor)

    def _fingerprint(self) -> str:
        """What the cursor is bound to. Most lists fit on one page: they neither sign nor fetch the key for it."""
        # How an answer looks is no part of which rows it has.
        asked = self._query.model_dump(
            mode="json", exclude={"cursor", "limit", "practice_id", "include", "expand"}, exclude_none=True
        )
        return self._on.signer.fingerprint(json.dumps([self._obj, asked], sort_keys=True))

    def _write(self, place: SortKey) -> str:
        return self._on.signer.sign(json.dumps([self._practice.id, self._fingerprint(), *place]).encode())

    def _read(self, cursor: str) -> SortKey:
        payload = self._on.signer.verify(cursor)
        if payload is None:
            raise Invalid("send next_cursor of the page before, as it came", param="cursor")
        practice_id, fingerprint, *place = json.loads(payload)
        if practice_id != self._practice.id:
            raise NotFound("no such page", param="cursor")
        if fingerprint != self._fingerprint():
            raise Invalid("this cursor belongs to other filters: send the filters of the page before", param="cursor")
        return tuple(place)


def on_days(query_from: date | None, query_to: date | None, *, param: str = "date_to") -> Callable[[str | None], bool]:
    """Whether a calendar day (`yyyy-MM-dd` or None) lies in the asked range, ends included.

    Raises:
        Invalid: the range ends before it begins.
    """
    first = None if query_from is None else query_from.isoformat()
    last = None if query_to is None else query_to.isoformat()
    if first is not None and last is not None and last < first:
        raise Invalid("the last day is before the first", param=param)

    def within(day: str | None) -> bool:
        if first is None and last is None:
            return True
        return day is not None and (first is None or day >= first) and (last is None or day <= last)

    return within


def not_before(stamp: str | None, column: str) -> Filter:
    """Whether a row's stamp is at or after `stamp`, both in the office's clock. A row without one passes."""

    def late_enough(row: Row) -> bool:
        changed = str(row.get(column) or "").replace("T", " ")
        return stamp is None or changed[:4] in {"", "0001"} or changed >= stamp

    return late_enough


def report_drift(found: Iterable[Drift]) -> None:
    """Log words of enumerations that nobody knew: the vendor's words, with object and column, never a person's."""
    for one in found:
        _log.warning("unknown word", extra={"object": one.obj, "field": one.field, "word": one.word[:40]})
