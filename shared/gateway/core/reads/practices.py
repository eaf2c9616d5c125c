"""The practices a client may touch: their records hold no health data, so no agreement is asked for."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.core.access import allow, allow_client
from gateway.core.callers import Caller, Verb
from gateway.core.errors import Invalid, NotFound
from gateway.core.ids import is_id
from gateway.core.normalize.views import practice_view
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.walltime import optional_instant_text


class PracticesQuery(BaseModel):
    """Filters of `GET /practices`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=500)] = 50
    cursor: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    """`next_cursor` of the page before."""


def list_practices(query: PracticesQuery, *, caller: Caller, on: Services) -> dict[str, Any]:
    """All of them, in the order of their ids: scope `practices:read`.

    Raises: ScopeMissing. Invalid: the cursor is none of this list.
    """
    allow_client(caller, "practices", Verb.READ)
    if query.cursor is not None and not is_id(query.cursor, "practice"):
        raise Invalid("send next_cursor of the page before, as it came", param="cursor")
    # The cursor is the last id that was shown: it names a practice of the caller's own, and works wherever it stands.
    left = sorted(one for one in caller.client.practices if query.cursor is None or one > query.cursor)
    found = []
    for practice_id in left[: query.limit]:
        try:
            found.append(practice_view(_practice(practice_id, caller=caller, on=on)))
        except NotFound:
            continue  # Disconnected, or being connected.
    has_more = len(left) > query.limit
    return {"data": found, "has_more": has_more, "next_cursor": left[query.limit - 1] if has_more else None}


def get_practice(practice_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """One of them, and whether it may be called. Raises: NotFound, ScopeMissing."""
    return shown_practice(_practice(practice_id, caller=caller, on=on), on=on)


def shown_practice(practice: Practice, *, on: Services) -> dict[str, Any]:
    """A practice alone, with what a list leaves out because it would take a read for each."""
    pace = on.paces.view(practice.id)
    calls = {
        "state": "stopped" if pace.killed else "allowed",
        "changed_at": optional_instant_text(pace.switched_at),
        "changed_by": pace.switched_by,
    }
    return {**practice_view(practice, pace), "calls": calls}


def _practice(practice_id: str, *, caller: Caller, on: Services) -> Practice:
    return allow(caller, practice_id, "practices", Verb.READ, on=on, protected=False)
