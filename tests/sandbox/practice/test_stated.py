"""What the vendor's pages state of refusals and side effects is simulated and tested, or said not to be.

`stated/` holds one file a resource: per operation "none", or what is stated in our own words. The number after the #
counts the page's remarks on the operation; Q counts those on the resource as a whole.
"""

import ast
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from infra.sandbox.practice import coverage, facts

HERE = Path(__file__).parent
Entry = dict[str, str]


@cache
def stated(resource: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / "stated" / f"{resource}.json").read_text("utf-8"))
    return found


def entries(resource: str) -> list[Entry]:
    told = stated(resource)
    lists = [*(entry for entry in told["operations"].values() if entry != "none"), told.get("quirks", [])]
    return [entry for one in lists for entry in one]


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((HERE.parent / path).read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("resource", facts.resources())
def test_every_statement_is_tested_or_said_not_to_be_simulated(resource: str) -> None:
    for entry in entries(resource):
        assert entry["kind"] in ("refusal", "effect")
        assert entry["says"]
        assert ("test" in entry) != ("not_simulated" in entry), entry["id"]
        if "test" in entry:
            path, _, name = entry["test"].partition("::")
            assert name in functions(path), entry["id"]
        else:
            assert entry["not_simulated"], entry["id"]


@pytest.mark.parametrize("resource", facts.resources())
def test_every_operation_is_told_of(resource: str) -> None:
    operations = [operation.id for operation in facts.resources()[resource].operations]
    assert list(stated(resource)["operations"]) == operations
    for operation, told in stated(resource)["operations"].items():
        assert told == "none" or all(entry["id"].startswith(f"{operation}#") for entry in told)
        assert told


def test_no_statement_stands_twice_and_no_file_is_left_over() -> None:
    ids = [entry["id"] for resource in facts.resources() for entry in entries(resource)]
    assert len(ids) == len(set(ids))
    assert {path.stem for path in (HERE / "stated").glob("*.json")} == facts.resources().keys()


def test_at_most_one_statement_in_five_is_not_simulated() -> None:
    told = [entry for resource in facts.resources() for entry in entries(resource)]
    left_out = [entry["id"] for entry in told if "not_simulated" in entry]
    assert len(left_out) * 5 <= len(told), left_out


def test_what_an_operation_without_a_simulation_states_is_said_not_to_be_simulated() -> None:
    for operation in coverage.missing():
        told = stated(facts.operations()[operation].resource)["operations"][operation]
        assert told == "none" or all("not_simulated" in entry for entry in told)
