"""What whoever listens finds in EventBridge about the events."""

from __future__ import annotations

import json
from pathlib import Path

from infra.parts.event_schemas import SCHEMAS
from infra.sandbox.stand_ins import adapt
from tests.infra.templates import Assembly

QUOTA = 100
"""Schemas in a registry; a type beyond it would fail the deployment."""


def files() -> dict[str, Path]:
    return {path.name.removesuffix(".schema.json"): path for path in SCHEMAS.glob("*.schema.json")}


def test_each_type_of_event_is_in_the_stages_own_registry_as_its_file_says(assembly: Assembly) -> None:
    registry = assembly.one("AWS::EventSchemas::Registry")
    found = {}
    for part, _, schema in assembly.resources("AWS::EventSchemas::Schema"):
        properties = schema["Properties"]
        assert part == "data"
        assert properties["Type"] == "JSONSchemaDraft4"
        assert assembly.templates["data"]["Resources"][properties["RegistryName"]["Fn::GetAtt"][0]] is registry
        found[properties["SchemaName"]] = json.loads(properties["Content"])

    assert registry["Properties"]["RegistryName"] == f"open-dental-gateway-{assembly.stage}"
    assert found == {f"open-dental-gateway@{type_}": json.loads(path.read_text()) for type_, path in files().items()}
    assert len(found) > 50


def test_the_registry_has_room_for_all_types() -> None:
    assert len(files()) <= QUOTA


def test_a_schema_names_the_source_that_the_archive_keeps(assembly: Assembly) -> None:
    (source,) = assembly.one("AWS::Events::Archive")["Properties"]["EventPattern"]["source"]

    assert {json.loads(path.read_text())["x-amazon-events-source"] for path in files().values()} == {source}


def test_the_sandbox_goes_without_them(assembly: Assembly) -> None:
    """The emulator knows no registry; nothing else may hang on one."""
    types = {one["Type"] for one in adapt(assembly.templates["data"])["Resources"].values()}

    assert not {one for one in types if one.startswith("AWS::EventSchemas::")}
