"""What rows look like, held against the catalogue: names of fields and whether they can be read, never what is in them.

Learned from answers that come anyway, one row of each page; what is known already costs nothing for an hour.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from gateway.core.drift.known import Drifts, Odd, Oddity
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from open_dental import catalogue, wire
from open_dental.versions import Version

if TYPE_CHECKING:
    from open_dental.catalogue import Operation

NOTED_EVERY: Final = timedelta(hours=1)
"""How often a process notes the same difference of a practice."""

MOST_OF_A_ROW: Final = 20
MOST_OF_A_PRACTICE: Final = 100
"""Differences that one process notes of a practice within an hour."""

PAGE_LIMITS: Final = frozenset({100, 1000})
"""Pages that are full at fewer rows than 10,000 (https://www.opendental.com/site/apispecification.html)."""

UNNAMED: Final = "unnamed"
"""Stands for names that look like no field: a row whose keys are data must not leave its keys here."""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}\Z")
_NOT_OF_ROWS: Final = frozenset({"queries"})
"""Their rows are whatever was asked for."""


def differences(call: UpstreamCall, answer: UpstreamAnswer, version: str | None) -> frozenset[Odd]:
    """How the first row of an answer differs from the catalogue, for an office of this version.

    Only of reads: what comes back from a write lacks columns without a reason
    (https://www.opendental.com/site/apispecification.html).
    """
    resource = call.operation.partition(".")[0]
    if resource in _NOT_OF_ROWS or resource not in catalogue.resources():
        return frozenset()
    operation = catalogue.operation(call.operation)
    if operation.effect != "read" or operation.shape not in {"array", "object"}:
        return frozenset()
    rows = answer.rows
    found = _of_page(call, len(rows))
    row = next((one for one in rows if isinstance(one, Mapping)), None)
    return found | _of_row(operation, row, version) if row else found


def _of_page(call: UpstreamCall, rows: int) -> frozenset[Odd]:
    asked = call.query.get("Limit")
    if not isinstance(asked, int) or rows not in PAGE_LIMITS or rows >= asked:
        return frozenset()
    return frozenset({Odd(call.operation, Oddity.SHORT_PAGE, str(rows))})


def _of_row(operation: Operation, row: Mapping[str, Any], version: str | None) -> frozenset[Odd]:
    known, expected = _fields(operation.id, version)
    found = {Odd(operation.id, Oddity.NEW, _named(name)) for name in row.keys() - known.keys()}
    found |= {Odd(operation.id, Oddity.MISSING, name) for name in expected - row.keys()}
    for name, read in known.items():
        if (value := row.get(name)) is not None:
            try:
                read(value)
            except (ValueError, TypeError, ArithmeticError):
                found.add(Odd(operation.id, Oddity.RETYPED, name))
    return frozenset(sorted(found)[:MOST_OF_A_ROW])


def _named(name: object) -> str:
    text = str(name).strip()
    return text if _NAME.match(text) else UNNAMED


@lru_cache(maxsize=512)
def _fields(operation_id: str, version: str | None) -> tuple[Mapping[str, Any], frozenset[str]]:
    """How each field that may come is read, and the names of those that have to."""
    resource = catalogue.resource(operation_id.partition(".")[0])
    own = resource.fields_of(operation_id)
    office = None
    if version is not None:
        try:
            office = Version.parse(version)
        except ValueError:
            office = None
    known = {one.name.strip(): wire.READERS.get(one.type, wire.as_is) for one in (*resource.fields, *own)}
    # Misprints of the vendor's text begin or end with a blank.
    expected = {
        one.name
        for one in own
        if not one.derived and (one.since is None or (office is not None and office.has(one.since)))
    }
    return known, frozenset(name for name in expected if name == name.strip())


# By the port, so that two deployments in one process share nothing.
_NOTED: WeakKeyDictionary[Drifts, dict[str, dict[Odd, datetime]]] = WeakKeyDictionary()


def note(practice_id: str, odd: Mapping[Odd, int], *, drifts: Drifts, now: datetime) -> None:
    """Keep what differed in a turn, unless this process has within the hour. Raises: Unavailable."""
    noted = _NOTED.setdefault(drifts, {}).setdefault(practice_id, {})
    for old in [one for one, at in noted.items() if now - at >= NOTED_EVERY]:
        del noted[old]
    room = MOST_OF_A_PRACTICE - len(noted)
    news = {one: odd[one] for one in sorted(odd.keys() - noted.keys())[: max(0, room)]}
    if news:
        drifts.note_odd(practice_id, news, at=now)
        noted.update(dict.fromkeys(news, now))
