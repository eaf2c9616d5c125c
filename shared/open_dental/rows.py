"""Rows as they are let in: where a column has one value, a list or an object is none, whoever sent it.

Nothing in Open Dental writes such a row; a machine on the way might. Everything behind may take values of columns for
what they are, look them up and compare them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from open_dental import catalogue
from open_dental.catalogue import Operation

_HOLD_OTHERS: Final = frozenset({"array", "int_array", "object"})
_NESTED: Final = (dict, list)


def let_in(found: Iterable[dict[str, Any]], resource: str, operation: Operation | None = None) -> None:
    """Take what holds others out of the columns that the catalogue has for the rows of `operation`'s answers."""
    columns = _columns(resource, operation)
    for row in found:
        for name, value in row.items():
            if value.__class__ in _NESTED and name in columns:
                row[name] = None


def is_flat(raw: bytes, rows: int) -> bool:
    """Whether so many rows in a JSON text hold nothing that holds others; False also where a text only looks so."""
    return raw.count(b"{") <= rows and raw.count(b"[") <= 1


@lru_cache(maxsize=512)
def _columns(resource: str, operation: Operation | None) -> frozenset[str]:
    it = catalogue.resource(resource)
    fields = it.fields if operation is None else (*it.fields, *it.fields_of(operation))
    return frozenset(one.name for one in fields if one.type not in _HOLD_OTHERS)
