"""What a call tells, read defensively: rows of a table, deletions, an event of the screen, or nothing of ours. Pure.

Only the shape is looked at here. Bodies are not signed and their forms are not all published
(https://www.opendental.com/site/apievents.html), so that nothing is believed of them that a stamp or a read cannot
decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from gateway.core.mirror.mirrored import MIRRORED, Mirrored
from gateway.core.mirror.records import Row
from gateway.core.native.watched import WATCHED, Watched
from open_dental import wire
from open_dental.rows import let_in

TABLE: Final = "WatchTable:"
SCREEN: Final = "UiEventType:"

MOST_ROWS: Final = 10_000
"""Of one call. Open Dental sends blocks of 1,000 since 23.2.1, and all at once before."""

_UNNAMED: Final = ("Appointment", "PatField", "Patient")
"""Tables that there were when calls did not name theirs (before 22.4.35), those first whose rows have others' keys."""

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_WIDEST: Final = 25
_DEEPEST: Final = 8
"""Rows are flat; what a decoder can just read, whoever writes it out may not."""


class Kind(StrEnum):
    """What a call tells of."""

    ROWS = "rows"
    DELETIONS = "deletions"
    SCREEN = "screen"
    """Somebody opened a patient: no change of anything."""
    UNKNOWN = "unknown"
    """A table that nothing is made of."""


@dataclass(frozen=True, slots=True, repr=False)
class Told:
    """What one call tells. `rows`: by their order, each with a key that can be read; of deletions the `keys` alone.
    `odd`: how many rows cannot be used."""

    kind: Kind
    watched: Watched | None = None
    rows: tuple[Row, ...] = ()
    keys: frozenset[int] = frozenset()
    odd: int = 0


class Unreadable(ValueError):
    """The body is none that Open Dental sends. The message says why, and shows nothing of it."""


def told_by(event: str, body: bytes) -> Told:
    """What a call with this Event-Type and this body tells.

    Raises: Unreadable.
    """
    if event.startswith(SCREEN):
        return Told(Kind.SCREEN)
    named = event.removeprefix(TABLE).strip()
    if named and named not in WATCHED:
        return Told(Kind.UNKNOWN)
    found = _rows(body)
    watched = WATCHED[named] if named else _guessed(found)
    if watched is None:
        return Told(Kind.UNKNOWN)
    mirrored = MIRRORED[watched.resource]
    usable = tuple(row for row in found if isinstance(row, dict) and _is_usable(mirrored, row))
    if found and not usable:
        raise Unreadable("no row of its table is in it")
    let_in(usable, watched.resource)
    odd = len(found) - len(usable)
    if watched.is_deletion:
        return Told(Kind.DELETIONS, watched, keys=frozenset(mirrored.key_of(row) for row in usable), odd=odd)
    return Told(Kind.ROWS, watched, rows=usable, odd=odd)


def _rows(body: bytes) -> list[Any]:
    try:
        found = wire.loads(body)
    except wire.Malformed:
        raise Unreadable("no JSON") from None
    if not isinstance(found, list):
        raise Unreadable("no list of rows")
    if len(found) > MOST_ROWS:
        raise Unreadable("more rows than a call has")
    return found


def _guessed(found: list[Any]) -> Watched | None:
    """The table whose rows these are, by the key that all of them have."""
    rows = [row for row in found if isinstance(row, dict)]
    for name in _UNNAMED:
        if rows and all(MIRRORED[WATCHED[name].resource].key in row for row in rows):
            return WATCHED[name]
    return None


def _is_usable(mirrored: Mirrored, row: dict[str, Any]) -> bool:
    """Whether its key and its parents can be read, and nothing in it grows when it is written out."""
    try:
        numbers = [mirrored.key_of(row), *mirrored.parents_of(row).values()]
    except wire.Malformed:
        return False
    return all(_LOWEST <= number <= _HIGHEST for number in numbers) and all(map(_is_plain, row.values()))


def _is_plain(value: object, depth: int = _DEEPEST) -> bool:
    if isinstance(value, Decimal):
        # 1E+999999999 is short, and as many bytes as it says once somebody writes it.
        return value.is_finite() and abs(value.adjusted()) <= _WIDEST
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return depth > 0 and all(_is_plain(one, depth - 1) for one in inner)
