"""What an office has set up, where a write must know it before it is sent: a preference, a definition.

One call each, asked in the write's own turn: what is decided by them must be true now. `at_hand` is for what a result
calls things, and costs none.
"""

from __future__ import annotations

from typing import Any

from gateway.core.errors import NotFound
from gateway.core.fetches import Steps
from gateway.core.office_words import NO_WORDS, OfficeWords, Table
from gateway.core.plans import OFFICE_WORDS, PlanContext, Row, UpstreamCall
from gateway.core.writes.common import listed
from open_dental import wire


def preference(name: str, context: PlanContext) -> Steps[str]:
    """The value of one preference, an empty text where the office has none. Costs one call."""
    rows = yield from listed("preferences.list", {"PrefName": name}, context)
    # An office that ignored the filter would list them all.
    return next((str(row.get("ValueString") or "") for row in rows if row.get("PrefName") == name), "")


def number_preference(name: str, context: PlanContext) -> Steps[int]:
    """A preference that holds a number or a key, 0 where it is empty. Costs one call."""
    value = yield from preference(name, context)
    return int(value) if value.isdecimal() else 0


def definitions(category: int, context: PlanContext) -> Steps[list[Row]]:
    """The definitions of a category, hidden ones as well. Costs one call."""
    query: dict[str, Any] = {"Category": category, "includeHidden": True}
    return (yield from listed("definitions.list", query, context))


def require_definition(def_num: int, category: int, context: PlanContext, *, param: str) -> Steps[Row]:
    """The definition, if it is of that category. Raises: NotFound, naming `param`."""
    for row in (yield from definitions(category, context)):
        if wire.key(row.get("DefNum")) == def_num:
            return row
    raise NotFound("no such definition of that kind", param=param)


def at_hand(*tables: Table) -> Steps[OfficeWords]:
    """What is known of the office without asking it. For a result, behind the last write, and for nothing else."""
    rows = (yield UpstreamCall(OFFICE_WORDS, query={"tables": tables})).data
    return OfficeWords(rows) if rows else NO_WORDS


def own_fields(words: OfficeWords, table: Table) -> list[Row] | None:
    """The values of fields of the office's own: none where it has no such fields, None where that takes a call."""
    return [] if words.knows(table) and not words.fields(table) else None
