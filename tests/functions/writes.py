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


_WORDS = {"confirmation": "status", "type": "name", "billing_type": "id"}
"""What only the office's set-up says, by the part it stands in: a write does not read that, a GET does."""


def unworded(shown: Mapping[str, Any]) -> dict[str, Any]:
    """An object without what is no row of its own: the office's words, and its custom fields."""
    kept = {name: value for name, value in timeless(shown).items() if name != "extensions"}
    for part, word in _WORDS.items():
        if isinstance(kept.get(part), dict):
            kept[part] = {name: value for name, value in kept[part].items() if name != word}
    return kept


def result_of(answered: Answered, *statuses: int) -> dict[str, Any]:
    """The object that a write made or changed."""
    assert answered.status in (statuses or (200, 201)), answered.body
    result: dict[str, Any] = answered.body["result"]
    return result


def assert_a_get_shows(deployment: Deployment, path: str, result: Mapping[str, Any]) -> None:
    """What the write answered is what a GET shows."""
    got = deployment.get(f"{path}/{result['id']}")
    assert got.status == 200, got.body
    assert unworded(got.body) == unworded(result)
