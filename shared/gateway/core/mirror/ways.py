"""How it is found out whether one row is gone, and what reads one row again: by what a practice's version offers."""

from __future__ import annotations

from enum import StrEnum

from gateway.core.fetches import knows
from gateway.core.mirror.mirrored import WHOLE_ROWS, Mirrored
from gateway.core.practices import Practice
from open_dental import catalogue


class Way(StrEnum):
    """How it is found out whether a row that a list did not show is gone."""

    GET = "get"
    PARENT = "parent"
    AGAIN = "again"


def way_of(practice: Practice, one: Mirrored) -> tuple[Way, str | None]:
    """The surest way that the practice's version has, and for `PARENT` the column that its list is asked by."""
    names = {operation.id for operation in catalogue.resource(one.resource).operations}
    if f"{one.resource}.get" in names & WHOLE_ROWS and knows(practice, f"{one.resource}.get"):
        return Way.GET, None
    for column in one.parents:
        if knows(practice, one.lists, column):
            return Way.PARENT, column
    return Way.AGAIN, None
