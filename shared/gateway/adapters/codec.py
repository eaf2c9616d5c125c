"""Plain values as bytes and back: JSON, compressed, with decimals and moments kept exactly."""

from __future__ import annotations

import json
import zlib
from datetime import date, datetime
from decimal import Decimal
from typing import Any

_TAG = "$"


def pack(value: Any) -> bytes:
    """`value` as compressed bytes. Numbers of money stay decimal text, 64-bit keys stay whole."""
    return zlib.compress(json.dumps(value, default=_tagged, separators=(",", ":")).encode(), 6)


def unpack(raw: bytes) -> Any:
    """What `pack` was given; tuples and frozensets come back as lists."""
    return json.loads(zlib.decompress(raw), object_hook=_untagged, parse_float=Decimal)


def _tagged(value: Any) -> Any:
    if isinstance(value, Decimal):
        return {_TAG: "decimal", "is": str(value)}
    if isinstance(value, datetime):
        return {_TAG: "moment", "is": value.isoformat()}
    if isinstance(value, date):
        return {_TAG: "date", "is": value.isoformat()}
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"a {type(value).__name__} is not stored")


def _untagged(value: dict[str, Any]) -> Any:
    kind = value.get(_TAG)
    if kind == "decimal":
        return Decimal(value["is"])
    if kind == "moment":
        return datetime.fromisoformat(value["is"])
    if kind == "date":
        return date.fromisoformat(value["is"])
    return value
