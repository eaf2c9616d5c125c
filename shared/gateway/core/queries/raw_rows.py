"""Rows of a query in the form that the lists write them, so that one normalizer reads both.

A query answers columns as the database has them: enumerations and booleans as numbers, days with a T and a time. Of
enumerations only those come back as words whose numbers are published; any other is to be had from the API alone.
Source: https://www.opendental.com/site/apiqueries.html, and the published database schema of version 25.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gateway.core.queries.statement import wire_text
from open_dental import catalogue, wire

NUMBERED: Final = frozenset(
    {
        ("patients", "PatStatus"),
        ("patients", "Gender"),
        ("patients", "PreferConfirmMethod"),
        ("patients", "PreferContactMethod"),
        ("patients", "PreferRecallMethod"),
        ("patients", "TxtMsgOk"),
        ("familymodules", "Relationship"),
        ("recalls", "Priority"),
        ("diseases", "ProbStatus"),
    }
)
"""Enumerations whose words the catalogue lists in the order of the schema's numbers, from 0 on and without a gap."""

_CODES: Final = frozenset({("familymodules", "PlanType")})
"""Enumerations that the database keeps as the codes that the lists show."""


def wire_row(resource: str, raw: Mapping[str, Any], columns: Iterable[str]) -> dict[str, Any]:
    """These columns of a query's row as a list of `resource` writes them. What an outer join left null is left out.

    Raises:
        KeyError: a column is not in the row or not one of the resource's. ValueError: its numbers are not published.
    """
    fields = {field.name: field for field in catalogue.resource(resource).fields}
    found: dict[str, Any] = {}
    for name in columns:
        value, field = raw[name], fields[name]
        if value is None:
            continue
        if field.type == "date":
            found[name] = str(value)[:10]
        elif field.type == "datetime":
            found[name] = wire_text(value)
        elif field.type == "bool_string":
            found[name] = "true" if wire.flag(value) else "false"
        elif field.type == "enum" and (resource, name) not in _CODES:
            found[name] = _word(resource, name, field.enum, value)
        else:
            found[name] = value
    return found


def _word(resource: str, name: str, words: tuple[str, ...], value: object) -> str:
    if (resource, name) not in NUMBERED:
        raise ValueError(f"nobody knows the numbers of {resource}.{name}")
    number = wire.integer(value) if isinstance(value, int) or str(value).isdecimal() else None
    # A number that is newer than the schema stays one, and is reported as drift like an unknown word; a word, which no
    # example shows and nothing rules out, is one.
    return words[number] if number is not None and 0 <= number < len(words) else str(value)
