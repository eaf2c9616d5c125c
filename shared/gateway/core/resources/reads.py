"""Raw reads: any list or row of Open Dental, typed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from gateway.core.audit.answers import patients_by_key
from gateway.core.callers import Caller
from gateway.core.errors import Invalid, NotFound
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.reads.lists import Reading
from gateway.core.requests import Freshness
from gateway.core.resources.arguments import query_of
from gateway.core.resources.grants import permit
from gateway.core.resources.routes import called
from gateway.core.resources.secrets import without_secrets
from gateway.core.resources.typed import shape_of
from open_dental import catalogue, wire
from open_dental.catalogue import Operation

KIND: Final = "fetch.resource"
LIMIT: Final = 50
MOST: Final = 500

_OURS = frozenset({"practice_id", "include", "limit", "cursor"})


def read(
    segments: tuple[str, ...],
    query: Mapping[str, list[str]],
    *,
    caller: Caller,
    freshness: Freshness,
    on: Services,
) -> dict[str, Any]:
    """What Open Dental answers to a GET of `segments`, the path behind `/resources/`: a page of rows, or one row.

    `query` takes `practice_id`, `include=raw`, for lists `limit` and `cursor`, and what the operation takes. A page
    costs as many calls as it has pages of the vendor's, one if it has not more than 98 rows; a list that the vendor
    does not page comes whole.

    Raises:
        NotFound: no such path, practice or row. Invalid: names the parameter at fault. OperationClosed, ScopeMissing,
        PermissionMissing, VersionTooOld, and what `requests.fetch` raises.
    """
    found = called("GET", segments[0], *segments[1:])
    operation = found.operation
    practice = permit(operation, _one(query, "practice_id"), caller=caller, on=on)
    has_raw = _has_raw(query)
    asked = query_of(operation, {name: values for name, values in query.items() if name not in _OURS}, practice)
    input_: dict[str, Any] = {"operation": operation.id, "path": dict(found.path), "query": asked}
    reading = Reading(practice, caller, freshness, on)
    if operation.shape != "array":
        for name in ("limit", "cursor"):
            if name in query:
                raise Invalid(f"{name}: this is one row, not a list", param=name)
        rows = reading.rows(KIND, input_)["rows"]
        if not rows:
            raise NotFound("Open Dental has no such record")
        return {**_shown(operation, rows[0], has_raw=has_raw), "meta": _meta(reading, operation)}

    pager = _Pager(operation, input_, practice, query, on)
    if 404 in operation.errors and not found.path and _names_parent(operation, asked):
        # Of several lists, and which of them is not documented, that is the answer where a parent has no rows.
        input_["none_is_404"] = True
    got = reading.rows(KIND, {**input_, **pager.bound})
    page, cursor = pager.cut(got["rows"], got["page"][0]["offset"])
    return {
        "data": [_shown(operation, row, has_raw=has_raw) for row in page],
        "has_more": cursor is not None,
        "next_cursor": cursor,
        "meta": _meta(reading, operation),
    }


def patients_asked(segments: tuple[str, ...], query: Mapping[str, list[str]], practice_id: str) -> tuple[str, ...]:
    """Whom a read that was answered is about, by its path and its parameters: the rows of a chart do not say it."""
    given = {name: values[0] for name, values in query.items() if values}
    return patients_by_key({**given, **called("GET", segments[0], *segments[1:]).path}, practice_id)


def _shown(operation: Operation, row: Mapping[str, Any], *, has_raw: bool) -> dict[str, Any]:
    shown = shape_of(operation).typed(row)
    return {**shown, "raw": without_secrets(row)} if has_raw else shown


def _meta(reading: Reading, operation: Operation) -> dict[str, Any]:
    return {**reading.meta(()), "operation": operation.id}


def _names_parent(operation: Operation, asked: Mapping[str, Any]) -> bool:
    return any(one.ref is not None and one.name in asked for one in operation.query)


class _Pager:
    """Where a page begins, and the cursor behind it: an offset, and the key of the row that stands before it.

    Signed, and bound to practice, operation and parameters; it holds nobody's name.
    """

    def __init__(
        self,
        operation: Operation,
        asked: Mapping[str, Any],
        practice: Practice,
        query: Mapping[str, list[str]],
        on: Services,
    ) -> None:
        """Raises:
        Invalid: `limit` is no number it can be, or `cursor` another list's. NotFound: it is another practice's.
        """
        self._practice, self._asked, self._on = practice, dict(asked), on
        self._key = catalogue.resource(operation.resource).key
        self._is_paged = operation.paginated
        self._limit = _limit(query)
        cursor = _one(query, "cursor")
        self._offset, self._after = (0, None) if cursor is None else self._read(cursor)

    @property
    def bound(self) -> dict[str, Any]:
        """What the plan is asked for beside the operation: one row more than is shown tells whether there are more."""
        if not self._is_paged:
            return {}
        return {"offset": self._offset, "count": self._limit + 1, "after": self._after}

    def cut(self, rows: list[Mapping[str, Any]], offset: int) -> tuple[list[Mapping[str, Any]], str | None]:
        """The page of `rows`, which begin at `offset`, and the cursor of the next one."""
        if not self._is_paged:
            return rows, None
        page = rows[: self._limit]
        if len(rows) <= self._limit:
            return page, None
        after = wire.key(page[-1].get(self._key)) if self._key else None
        place = json.dumps([self._practice.id, self._fingerprint(), offset + len(page), after])
        return page, self._on.signer.sign(place.encode())

    def _fingerprint(self) -> str:
        return self._on.signer.fingerprint(json.dumps(["resources", self._asked], sort_keys=True))

    def _read(self, cursor: str) -> tuple[int, int | None]:
        payload = self._on.signer.verify(cursor)
        if payload is None:
            raise Invalid("send next_cursor of the page before, as it came", param="cursor")
        practice_id, fingerprint, *place = json.loads(payload)
        if practice_id != self._practice.id:
            raise NotFound("no such page", param="cursor")
        if fingerprint != self._fingerprint():
            raise Invalid("this cursor belongs to another list: send its parameters as well", param="cursor")
        offset, after = place
        return offset, after


def _limit(query: Mapping[str, list[str]]) -> int:
    text = _one(query, "limit")
    if text is None:
        return LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MOST):
        raise Invalid(f"limit: takes a whole number from 1 to {MOST}", param="limit")
    return int(text)


def _has_raw(query: Mapping[str, list[str]]) -> bool:
    text = _one(query, "include")
    if text not in {None, "raw"}:
        raise Invalid('include: takes "raw"', param="include")
    return text == "raw"


def _one(query: Mapping[str, list[str]], name: str) -> str | None:
    values = query.get(name)
    if values is not None and len(values) > 1:
        raise Invalid(f"{name} is given more than once", param=name)
    return values[0] if values else None
