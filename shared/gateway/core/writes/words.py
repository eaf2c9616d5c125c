"""What an office has set up, where a write must know it before it is sent: a preference, a definition.

One call each, asked in the write's own turn: what is decided by them must be true now.
"""

from __future__ import annotations

from typing import Any

from gateway.core.errors import NotFound
from gateway.core.fetches import Steps
from gateway.core.plans import PlanContext, Row
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
