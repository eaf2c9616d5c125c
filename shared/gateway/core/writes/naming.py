"""From what a caller names to what Open Dental calls it: rows by id, and starts by the office's clock."""

from __future__ import annotations

from datetime import datetime

from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.errors import Invalid, NotFound
from gateway.core.ids import RowId, parse_row_id
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.walltime import read_wall, to_wall, write_wall


def allowed(
    caller: Caller, row: RowId, obj: str, on: Services, *, practice_id: str | None = None, param: str | None = None
) -> Practice:
    """The practice of `row`, if the caller may write `obj` there. `param` names the field that `row` stood in.

    Raises: NotFound: the row is of another practice than `practice_id` or the caller's. And what `allow` raises.
    """
    if practice_id is not None and practice_id != row.practice_id:
        raise NotFound("no such record in this practice", param="practice_id")
    try:
        return allow(caller, row.practice_id, obj, Verb.WRITE, on=on)
    except NotFound:
        raise NotFound(f"no such {row.kind}", param=param) from None


def named(text: str, kind: str, param: str | None = None) -> RowId:
    """The row that `text` is the id of. Raises: NotFound, naming `param`."""
    try:
        return parse_row_id(text, kind)
    except NotFound as error:
        raise NotFound(error.detail, param=param) from None


def key_in(text: str | None, kind: str, practice: Practice, param: str) -> int:
    """The upstream key of an id, 0 for none; an id of another practice names nothing here."""
    if text is None:
        return 0
    found = named(text, kind, param)
    if found.practice_id != practice.id:
        raise NotFound(f"no such {kind.replace('_', ' ')}", param=param)
    return found.key


def start_of(
    local_start: datetime | None,
    start_at: datetime | None,
    practice: Practice,
    *,
    params: tuple[str, str] = ("local_start", "start_at"),
) -> datetime | None:
    """The wall time that a caller said in one of two ways, or None. `params`: what the two fields are called.

    Raises: Invalid: it does not exist there, or Open Dental has no way to say which of two it is.
    """
    if local_start is not None:
        write_wall(local_start, practice.zone(), param=params[0])
        return local_start
    if start_at is None:
        return None
    if practice.location_zones:
        raise Invalid(f"locations of this practice lie in different zones: send {params[0]}", param=params[1])
    start = to_wall(start_at, practice.zone())
    if read_wall(start, practice.zone()).instant != start_at:
        # Open Dental keeps wall times, and this one is read as the first of the two.
        raise Invalid("the clocks are put back over this time; the office can only hold the first", param=params[1])
    return start
