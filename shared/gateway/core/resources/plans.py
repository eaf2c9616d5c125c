"""The two plans of raw access: the rows of one read, and one write with what can be known of it.

A list is read from where the page begins to where it ends, in as many of the vendor's pages as that takes, never from
its start. Offsets count live rows, so a page that goes on begins one row early, at the last row of the page before: if
that row has moved, the page is set right before anything is shown twice or left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.capability import require
from gateway.core.errors import (
    AppError,
    FilterTooWide,
    NotFound,
    PermissionMissing,
    UpstreamBroken,
    UpstreamRefused,
    VersionTooOld,
)
from gateway.core.fetches import Steps, collect, knows
from gateway.core.plans import Evidence, Outcome, Plan, PlanContext, Row, UpstreamAnswer, UpstreamCall
from gateway.core.practices import Practice
from gateway.core.resources.secrets import is_secret
from gateway.core.resources.typed import shape_of
from open_dental import catalogue, wire
from open_dental.catalogue import Operation
from open_dental.paging import CAPS

STEP_BACK: Final = 100
"""Rows in front of a page that are looked at where its first row is not the one it was."""

_HIDING: Final = frozenset({"asapcomms", "documents", "tasks", "definitions", "userods", "tasklists", "schedules"})
"""Lists that leave rows out unless told otherwise: not seeing a row there proves nothing."""

_COMPOSED: Final = frozenset({"array", "object", "int_array", "color", "time"})
"""Types whose values come back in more than one spelling."""


# Reading


def fetch(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """The rows of one read.

    `input_`: the `operation`, its `path` and `query`; for a page of a list the `offset` it begins at, the `count` of
    rows wanted and the key of the row `after` which it begins (None at the start); `none_is_404` where Open Dental
    answers 404 when nothing is found. The outcome's `page` says at which offset its `rows` begin.
    """
    operation = catalogue.operation(input_["operation"])
    try:
        if operation.paginated and input_.get("count") is not None:
            rows, offset = yield from _page(operation, input_, context.practice)
        else:
            rows, offset = _rows((yield UpstreamCall(operation.id, path=input_["path"], query=input_["query"])).rows), 0
    except NotFound:
        if not input_.get("none_is_404"):
            raise
        rows, offset = [], 0
    return Outcome(rows={"rows": rows, "page": [{"offset": offset}]})


def _page(operation: Operation, input_: Mapping[str, Any], practice: Practice) -> Steps[tuple[list[Row], int]]:
    offset, count, after = input_["offset"], input_["count"], input_["after"]
    row_key = catalogue.resource(operation.resource).key
    if after is None or row_key is None or offset == 0:
        return (yield from _window(operation, input_, offset, count, practice)), offset
    begin = offset - 1
    rows = yield from _window(operation, input_, begin, count + 1, practice)
    found = _behind(rows, row_key, after)
    if found is None:
        # Rows before it have gone, and it stands further in front; or it is gone itself.
        begin = max(0, begin - STEP_BACK)
        rows = [*(yield from _window(operation, input_, begin, offset - 1 - begin, practice)), *rows]
        found = _behind(rows, row_key, after)
    if found is None:
        found = _in_its_place(operation, rows, row_key, after, offset - 1 - begin)
    return rows[found : found + count], begin + found


def _behind(rows: list[Row], row_key: str, after: int) -> int | None:
    return next((at + 1 for at, row in enumerate(rows) if wire.key(row.get(row_key)) == after), None)


def _in_its_place(operation: Operation, rows: list[Row], row_key: str, after: int, otherwise: int) -> int:
    """Where the list goes on behind a row that is gone: by the keys, where they are its order."""
    order = catalogue.resource(operation.resource).order
    if order and order[0][0] != row_key:
        return otherwise
    falling = bool(order) and order[0][1] == "desc"
    for at, row in enumerate(rows):
        number = wire.key(row.get(row_key)) or 0
        if (number < after) if falling else (number > after):
            return at
    return len(rows)


def _window(
    operation: Operation, input_: Mapping[str, Any], offset: int, count: int, practice: Practice
) -> Steps[list[Row]]:
    """`count` rows from `offset` on, fewer where the list ends."""
    rows: list[Row] = []
    last: list[Row] = []
    while len(rows) < count:
        limit = min(practice.page_limit, count - len(rows))
        query = {**input_["query"], "Limit": limit, "Offset": offset + len(rows)}
        page = _rows((yield UpstreamCall(operation.id, path=input_["path"], query=query)).rows)
        if len(page) > limit:
            # Some lists heed neither: what came is all there is.
            return page[offset : offset + count]
        if page and page == last:
            raise UpstreamBroken("Open Dental answered one page of the list twice")
        rows.extend(page)
        last = page
        # Exactly so many may be a cut page: the office allows less than we were told.
        if len(page) < limit and len(page) not in CAPS:
            break
    return rows[:count]


def _rows(rows: list[Any]) -> list[Row]:
    if not all(isinstance(row, dict) for row in rows):
        raise UpstreamBroken("Open Dental answered something else than rows")
    return rows


# Writing


def write(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """One write, and the row that it made or changed.

    `input_`: the `operation`, its `path` and `body`, spelled as Open Dental spells them. Costs one call; one or more
    before it where a lost answer could be settled by a look at the rows of the same parent; one before a deletion,
    which tells whether there is anything to delete; one behind it where Open Dental answers no row and has a call that
    gets it.
    """
    operation = catalogue.operation(input_["operation"])
    path, body = input_["path"], input_["body"]
    evidence = (yield from _evidence(operation, body, context)) if operation.effect == "add" else None
    resource = catalogue.resource(operation.resource)
    get = _get_of(operation)
    was_there = operation.kind == "delete" and get is not None and (yield from _is_there(get, path, context.practice))
    try:
        answer = yield UpstreamCall(
            operation.id,
            path=path,
            body=body if operation.body else None,
            step="call",
            evidence=evidence,
            is_blind=operation.effect == "add" and evidence is None,
        )
    except NotFound:
        # It was there a moment ago: a deletion whose answer was lost has been sent again.
        if not was_there:
            raise
        answer = UpstreamAnswer(200)
    row: Row = answer.row
    row_key = resource.key or ""
    number = wire.key(row.get(row_key))
    if number is None and operation.path_params == (row_key,):
        number = path[row_key]
    warnings: tuple[Mapping[str, Any], ...] = ()
    shape = shape_of(operation)
    if not row and number is not None and get is not None and operation.kind != "delete":
        shape = shape_of(get)
        try:
            require(context.practice, get.id)
            row = (yield UpstreamCall(get.id, path={row_key: number})).row
        except AppError:
            detail = "the write stands, but the row could not be read back"
            warnings = ({"code": "not-read-back", "detail": detail},)
    body_ = {
        "resource": resource.resource,
        "operation": operation.id,
        "key": None if number is None else str(number),
        "row": shape.typed(row) if row else None,
    }
    return Outcome(body=body_, created=operation.method == "POST", warnings=warnings)


def _get_of(operation: Operation) -> Operation | None:
    """The call that gets one row of the operation's resource by its key."""
    resource = catalogue.resource(operation.resource)
    return next((one for one in resource.operations if one.kind == "get" and one.path_params == (resource.key,)), None)


def _is_there(get: Operation, path: Mapping[str, int], practice: Practice) -> Steps[bool]:
    """Whether the row of `path` stands, as far as the practice may say.

    Raises:
        NotFound: it does not.
    """
    try:
        require(practice, get.id)
        yield UpstreamCall(get.id, path=path)
    except (PermissionMissing, VersionTooOld, UpstreamRefused):
        return False
    return True


def look_for(operation: Operation, body: Mapping[str, Any], practice: Practice) -> UpstreamCall | None:
    """The list among whose rows the new one would be, bound by what it belongs to; None where there is none.

    Only plain creations that answer their row: what else adds leaves a line of text or a state, and no row of its own.
    """
    resource = catalogue.resource(operation.resource)
    if operation.kind != "create" or operation.shape != "object" or not resource.key or resource.resource in _HIDING:
        return None
    list_ = next((one for one in resource.operations if one.kind == "list" and not one.path_params), None)
    # An older office ignores a filter that it does not know, and answers the whole table.
    if list_ is None or not knows(practice, list_.id):
        return None
    asked = {one.name: one for one in list_.query}
    parents = [
        one.name
        for one in operation.body
        if one.ref is not None
        and one.name in asked
        and asked[one.name].ref == one.ref
        and body.get(one.name)
        and knows(practice, list_.id, one.name)
    ]
    needed = [one.name for one in list_.query if one.required]
    if not parents or not set(needed) <= set(parents):
        return None
    return UpstreamCall(list_.id, query={name: body[name] for name in needed or parents[:1]})


def _evidence(operation: Operation, body: Mapping[str, Any], context: PlanContext) -> Steps[Evidence | None]:
    look = look_for(operation, body, context.practice)
    if look is None:
        return None
    try:
        require(context.practice, look.operation)
        before = yield from collect(look.operation, look.query, context.practice)
    except NotFound:
        before = []
    except (PermissionMissing, VersionTooOld, FilterTooWide, UpstreamRefused):
        return None
    row_key = catalogue.resource(operation.resource).key or ""
    known = (wire.key(row.get(row_key)) for row in before)
    return Evidence(
        look=look,
        key_field=row_key,
        natural=_natural(operation, body),
        known_keys=frozenset(one for one in known if one is not None),
        leaves_doubt=True,
    )


def _natural(operation: Operation, body: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent that the row should show, in the row's own spelling."""
    fields = {one.name: one.type for one in catalogue.resource(operation.resource).fields if not one.derived}
    return {
        one.name: wire.write(one.type, body[one.name])
        for one in operation.body
        if one.name in body and one.name in fields and one.type not in _COMPOSED and not is_secret(one.name)
    }
