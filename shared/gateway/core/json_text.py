"""How what is shown is written as JSON: the same in an answer and in a message."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any


def to_json(value: Any) -> str:
    """Compact JSON. Numbers keep their digits: what a float would change is written as text."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=plain)


def plain(value: Any) -> Any:
    """A value that JSON has no type for, as it will be sent."""
    for kinds, made in _PLAIN:
        if isinstance(value, kinds):
            return made(value)
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(mode="json", by_alias=True)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _number(value: Decimal) -> int | float | str:
    if value.as_tuple().exponent == 0:
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else str(value)


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value.tzinfo else value.isoformat()


# A datetime is a date, too: the order counts.
_PLAIN: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (Decimal, _number),
    (datetime, _moment),
    (date, date.isoformat),
    (Mapping, dict),
    ((set, frozenset), sorted),
)
