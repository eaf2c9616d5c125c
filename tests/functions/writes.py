"""What the tests of all writes ask: what changed in a row, and whether an answer is what a GET then shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.fakes.deployment import Answered, Deployment

STAMPS = frozenset({"DateTStamp", "SecDateTEdit"})


def row_of(deployment: Deployment, table: str, column: str, key: int) -> dict[str, Any]:
    """One row of the first practice's database."""
    (row,) = deployment.rows(table, f'"{column}" = {key}')
    return row


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """The columns whose values differ, without the stamps that every change moves."""
    return {name for name in after if after[name] != before[name]} - STAMPS


def timeless(shown: Mapping[str, Any]) -> dict[str, Any]:
    """An object without when and how it was read."""
    return {name: value for name, value in shown.items() if name not in {"synced_at", "meta"}}


def result_of(answered: Answered, *statuses: int) -> dict[str, Any]:
    """The object that a write made or changed."""
    assert answered.status in (statuses or (200, 201)), answered.body
    result: dict[str, Any] = answered.body["result"]
    return result


COSTS_A_CALL = frozenset({"extensions", "procedure_ids", "carrier"})
"""What a GET asks Open Dental for by itself; a result has it where that takes no call, or none more."""


def assert_a_get_shows(deployment: Deployment, path: str, result: Mapping[str, Any], **query: Any) -> None:
    """What the write answered is what a GET shows."""
    got = deployment.get(f"{path}/{result['id']}", **query)
    assert got.status == 200, got.body
    shown, made = timeless(got.body), timeless(result)
    assert shown.keys() - made.keys() <= COSTS_A_CALL
    assert {name: shown[name] for name in made} == made
