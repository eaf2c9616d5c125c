"""The OpenAPI document is the API: all of it, and whatever it says of requests and answers holds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.fhir.types import TYPES
from gateway.core.resources.routes import our_method, our_path
from gateway.core.resources.twins import TWINS
from gateway.web.description.problems import BEFORE
from gateway.web.problems import PROBLEMS
from infra.catalogue import FUNCTIONS, Http
from infra.problems import GATEWAY_PROBLEMS, WAF_PROBLEMS
from open_dental.catalogue import resource, resources
from tests.fakes import described
from tests.fakes.deployment import deployed
from tests.fakes.strangers import SCOPES, walk

OF_MACHINES = ("POST", "/hooks/{practice_id}/{token}")
"""Open Dental calls it, as it wants; no client does."""


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in described.document()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_every_route_that_is_deployed_is_described_and_no_other() -> None:
    deployed_ = {
        (route.method, route.path) for row in FUNCTIONS if isinstance(row.trigger, Http) for route in row.trigger.routes
    }
    by_itself = {route for route in deployed_ if "{resource}" not in route[1] and "{type}" not in route[1]}
    described_ = {(method, path) for method, path, _ in operations()}
    own = {(method, path) for method, path in described_ if not re.match(r"/resources/|/fhir/R4/(?!metadata)", path)}

    assert own == by_itself - {OF_MACHINES}


def test_every_operation_of_open_dental_that_a_scope_opens_is_described() -> None:
    opened = {
        (our_method(one), our_path(one))
        for name in resources()
        for one in resource(name).operations
        if one.exposure != "closed" and one.id not in TWINS
    }

    assert {(method, path) for method, path, _ in operations() if path.startswith("/resources/")} == opened


def test_a_route_is_open_to_anybody_exactly_where_no_authorizer_guards_it() -> None:
    public = {
        (route.method, route.path)
        for row in FUNCTIONS
        if isinstance(row.trigger, Http) and row.trigger.public
        for route in row.trigger.routes
    }

    assert {(method, path) for method, path, one in operations() if one.get("security") == []} == public - {OF_MACHINES}


def test_each_path_of_fhir_names_the_profile_that_its_answers_are_held_to() -> None:
    """What is generated from the description is told which of FHIR's definitions to read it by."""
    named = set()
    for method, path, one in operations():
        if path.startswith("/fhir/R4/") and path != "/fhir/R4/metadata":
            type_ = path.split("/")[3]
            schema = one["responses"]["200"]["content"]["application/fhir+json"]["schema"]
            profile = schema["x-fhir-profile"] if path.endswith("/{id}") else schema["x-fhir-entry-profiles"][0]
            assert profile == f"http://hl7.org/fhir/StructureDefinition/{type_}", (method, path)
            named.add(type_)

    assert named == set(TYPES)


def test_what_the_document_refers_to_is_in_it_and_names_are_unique() -> None:
    document = described.document()
    names = [one["operationId"] for _, _, one in operations()]

    assert len(names) == len(set(names))
    for one in set(references(document)):
        found = document
        for part in one.removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]


def test_codes_of_the_gateway_before_the_functions_are_in_the_document() -> None:
    ours = {problem.slug for problem in PROBLEMS.values()}
    before = {(one.status, one.code) for one in (*GATEWAY_PROBLEMS.values(), *WAF_PROBLEMS.values())}

    assert {(status, code) for status, codes in BEFORE.items() for code in codes} == {
        (status, code) for status, code in before if code not in ours
    }


def test_the_command_writes_the_document_with_the_address_it_is_given() -> None:
    command = [sys.executable, "-m", "gateway.wiring.describe", "--server", "https://api.example.test/v1"]
    written = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)

    assert written["openapi"] == "3.1.0"
    assert written["servers"] == [{"url": "https://api.example.test/v1"}]
    assert written["paths"].keys() == described.document()["paths"].keys()


def test_an_answer_that_is_not_as_described_is_noticed() -> None:
    json_ = {"Content-Type": "application/json"}
    for method, path, status, headers, body in (
        ("GET", "/practices/prac_aaaaaaaaaaaaaaaa", 200, json_, {"id": "prac_aaaaaaaaaaaaaaaa"}),
        ("GET", "/practices/prac_aaaaaaaaaaaaaaaa", 418, json_, {}),
        ("GET", "/practices", 200, {"Content-Type": "text/html"}, {"data": [], "has_more": False, "next_cursor": None}),
        ("DELETE", "/groups/grp_aaaaaaaaaaaaaaaa", 204, json_, {"deleted": True}),
        ("GET", "/resources/appointments/7", 200, json_, {"apt_num": 7}),
    ):
        with pytest.raises(described.NotAsDescribed):
            described.check(method, path, status, headers, body)


@pytest.mark.parametrize("part", ["own", "generated"])
def test_nobody_s_request_breaks_anything_and_every_answer_is_as_described(part: str) -> None:
    """A few right and a few wrong requests; `uv run bench robustness` makes many more, of each operation."""
    names = [f"{method} {path}" for method, path, _ in operations()]
    generated = [name for name in names if " /resources/" in name or " /fhir/" in name]
    # Most of these are the same code over another row of a table.
    chosen = set(names).difference(generated) if part == "own" else set(generated[::8])
    with deployed() as office:
        office.grant(*SCOPES)
        walked = walk(office, examples=2, chosen=chosen.__contains__)

    assert not walked.faults, "\n\n".join(f"{name}\n{what}" for name, what in walked.faults.items())
    assert sum(walked.statuses.values()) > 100
    assert {200, 400, 404} <= walked.statuses.keys()
