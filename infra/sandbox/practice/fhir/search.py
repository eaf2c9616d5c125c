"""How a search parameter is held against a resource: strings, tokens, references, dates with their prefixes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["string", "token", "reference", "date"]
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le")


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a parameter looks at, and how."""

    kind: Kind
    values: Callable[[dict[str, Any]], Iterable[str]]


def matches(resource: dict[str, Any], parameter: Parameter, wanted: str) -> bool:
    """Whether a resource fits one parameter; a comma between values means either.

    Raises:
        ValueError: a date has a prefix that nobody knows.
    """
    found = [value for value in parameter.values(resource) if value]
    return any(_fits(parameter.kind, found, one) for one in wanted.split(","))


def _fits(kind: Kind, found: list[str], wanted: str) -> bool:
    if kind == "string":
        return any(wanted.casefold() in value.casefold() for value in found)
    if kind == "token":
        plain = wanted.rpartition("|")[2].casefold()
        return any(value.casefold() == plain for value in found)
    if kind == "reference":
        plain = wanted.rpartition("/")[2]
        return any(value.rpartition("/")[2] == plain for value in found)
    return any(_on(value, wanted) for value in found)


def _on(value: str, wanted: str) -> bool:
    prefix = wanted[:2] if wanted[:2].isalpha() else "eq"
    if prefix not in PREFIXES:
        raise ValueError("The prefix of a date is not known.")
    moment = wanted.removeprefix(prefix)
    # A bare date stands for the whole day.
    value = value[: len(moment)]
    return {
        "eq": value == moment,
        "ne": value != moment,
        "gt": value > moment,
        "lt": value < moment,
        "ge": value >= moment,
        "le": value <= moment,
    }[prefix]
