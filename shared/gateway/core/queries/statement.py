"""One SQL statement of the fixed list, as a ShortQuery call. No text of a caller ever gets into one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, TypeAlias

from gateway.core.plans import UpstreamCall
from gateway.core.practices import Practice

OPERATION: Final = "queries.ShortQuery"
PERMISSION: Final = "Queries"
ROWS: Final = 100
"""Rows of one answer, and an answer with fewer is the last (https://www.opendental.com/site/apiqueries.html)."""

Value: TypeAlias = int | date | datetime | Sequence[int]

_NEVER: Final = re.compile(r"GROUP_CONCAT|JSON_ARRAYAGG|;|--|/\*|\\", re.IGNORECASE)
_PLACE: Final = re.compile(r":([a-z_]+)")


def may_query(practice: Practice) -> bool:
    """Whether the office may be asked by SQL: its key is known to be allowed it, and its operator lets it be."""
    return practice.queries and PERMISSION in practice.permissions


def without_queries(practice: Practice) -> Practice:
    """The practice as if nobody let it be asked: an operator may not want queries in the office's audit trail."""
    return replace(practice, queries=False)


@dataclass(frozen=True)
class Statement:
    """`text` is a SELECT with places for values (`:since`), in an order that no two rows share, so that its pages fit.

    MySQL cuts GROUP_CONCAT in silence, so none may be in it. Values are keys, days, moments of the server's clock
    (naive) and lists of keys; there are no texts among them.
    """

    name: str
    text: str

    def __post_init__(self) -> None:
        if _NEVER.search(self.text) or "ORDER BY" not in self.text.upper():
            raise ValueError(f"the statement {self.name} is not of the kind that can be paged")

    def sql(self, **values: Value) -> str:
        """The statement with its values. KeyError: one is missing. TypeError, ValueError: one is of another kind."""
        return _PLACE.sub(lambda place: _literal(values[place[1]]), " ".join(self.text.split()))

    def call(self, *, offset: int = 0, **values: Value) -> UpstreamCall:
        """The call for its rows from `offset` on."""
        query: Mapping[str, Any] = {"Offset": offset} if offset else {}
        return UpstreamCall(OPERATION, query=query, body={"SqlCommand": self.sql(**values)})


def wire_text(value: object) -> str:
    """A query's date-time (`2021-05-01T00:00:00`) as the lists write it (`2021-05-01 00:00:00`)."""
    return str(value).replace("T", " ", 1)


def _literal(value: Value) -> str:
    if isinstance(value, (bool, str)):
        raise TypeError("only keys and times go into a statement")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            raise ValueError("the server's clock has no zone")
        return f"'{value:%Y-%m-%d %H:%M:%S}'"
    if isinstance(value, date):
        return f"'{value:%Y-%m-%d}'"
    if not value or not all(type(one) is int for one in value):
        raise ValueError("a list of keys has keys, and at least one")
    return "(" + ", ".join(map(str, value)) + ")"
