"""Nothing that can be asked of the API is missing from what is said of a practice's capabilities."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from gateway.core import day_fetches, patient_360, reads, writes
from gateway.core.drift.abilities import ABILITIES, QUERIES
from gateway.core.reads.families import Family
from gateway.core.registry import KINDS
from infra.catalogue import FUNCTIONS, Http
from open_dental import catalogue

GATEWAYS_OWN = {
    *("audiences", "audit", "authenticate", "events", "exports", "groups", "health", "hooks", "mcp"),
    *("openapi", "operations", "practices", "reconciliation", "session", "webhooks", "workflow_runs"),
}
"""What is no matter of what a practice can do."""

ROUTES = {
    f"{route.method} {route.path}"
    for row in FUNCTIONS
    if isinstance(row.trigger, Http)
    for route in row.trigger.all_routes()
    if route.method != "HEAD" and route.path.split("/")[1] not in GATEWAYS_OWN
}
FAMILIES = [
    value
    for module in iter_modules(reads.__path__)
    for value in vars(import_module(f"{reads.__name__}.{module.name}")).values()
    if isinstance(value, Family)
]


def test_each_route_is_of_an_ability_and_none_is_made_up() -> None:
    assert {route for one in ABILITIES for route in one.routes} == ROUTES


def test_each_ability_has_one_name_and_says_what_it_does() -> None:
    names = [one.name for one in ABILITIES]
    assert len(set(names)) == len(names)
    assert all(one.does and (one.needs or one.is_raw) for one in ABILITIES)


@pytest.mark.parametrize("one", ABILITIES, ids=lambda one: one.name)
def test_what_an_ability_takes_is_in_the_catalogue(one: object) -> None:
    for id_ in (*one.needs, *one.helps, QUERIES):  # type: ignore[attr-defined]
        assert catalogue.operation(id_).id == id_


@pytest.mark.parametrize("family", {one.obj: one for one in FAMILIES}.values(), ids=lambda one: one.obj)
def test_a_family_of_reads_takes_its_list(family: Family) -> None:
    (ability,) = (one for one in ABILITIES if one.name == f"{family.obj}.read")
    assert family.lists in ability.needs


def test_each_kind_of_write_is_an_ability() -> None:
    beside = {"practices.connect", "practices.fallback", "resources.write"}
    kinds = {name for name in KINDS if not name.startswith("fetch.")} - beside
    assert kinds <= {one.name for one in ABILITIES}


def test_whatever_a_use_case_requires_is_taken_or_helps_somewhere() -> None:
    named = {id_ for one in ABILITIES for id_ in (*one.needs, *one.helps)}
    required = _required(Path(reads.__file__).parent) | _required(Path(writes.__file__).parent)
    for part in (
        *(part for section in patient_360.SECTIONS.values() for part in section.parts),
        *(part for parts in day_fetches.PARTS.values() for part in parts),
    ):
        required.add(part.operation)

    assert len(required) > 40
    assert required <= named


def _required(folder: Path) -> set[str]:
    """What stands as text in calls of `require` below a folder."""
    return {
        argument.value
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "require"
        for given in node.args
        for argument in ast.walk(given)
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and "." in argument.value
        and argument.value.partition(".")[0] in catalogue.resources()
    }  # fmt: skip
