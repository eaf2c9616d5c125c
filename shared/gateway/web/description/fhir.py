"""Paths under `/fhir/R4`, one for each resource type that is served, with its search parameters.

What a resource may hold is FHIR's to say: an answer names its type, and FHIR's own definitions hold for the rest.
"""

from __future__ import annotations

from typing import Any, Final

from gateway.core.fhir.types import TYPES
from gateway.web.description.schemas import LINE
from gateway.web.fhir import FHIR_JSON, ROOT
from gateway.web.params import FORM

Schema = dict[str, Any]

OUTCOME: Final = "OperationOutcome"
PROFILE: Final = "x-fhir-profile"
ENTRIES: Final = "x-fhir-entry-profiles"
"""Of what a Bundle has."""

_SPEC: Final = "https://hl7.org/fhir/R4"
_SHAPES: Final = {"GET": {f"{ROOT}/{{type}}", f"{ROOT}/{{type}}/{{id}}"}, "POST": {f"{ROOT}/{{type}}/_search"}}

_CONTROLS: Final[dict[str, Schema]] = {
    "_count": {"type": "integer", "minimum": 1},
    "_cursor": {"type": "string", "pattern": LINE},
    "practice_id": {"type": "string", "pattern": LINE},
}


def is_by_type(method: str, path: str) -> bool:
    """Whether a route is one of every type's."""
    return path in _SHAPES.get(method, ())


def paths_of(path: str) -> dict[str, str]:
    """Type -> the path of that type, for a route of every type's."""
    return {name: path.replace("{type}", name) for name in sorted(TYPES)}


def profile(type_: str) -> str:
    """The definition that a resource is held to: FHIR's own of its type, as no other is claimed."""
    return f"http://hl7.org/fhir/StructureDefinition/{type_}"


def resource(type_: str) -> Schema:
    """A resource of a type."""
    return {
        "type": "object",
        "required": ["resourceType"],
        "properties": {"resourceType": {"const": type_}},
        "externalDocs": {"url": f"{_SPEC}/{type_.lower()}.html"},
        PROFILE: profile(type_),
    }


def components() -> dict[str, Schema]:
    """Schemas that the paths refer to."""
    bundle = resource("Bundle")
    bundle["properties"] |= {"type": {"const": "searchset"}, "entry": {"type": "array", "items": {"type": "object"}}}
    bundle["required"] = ["resourceType", "type"]
    outcome = resource(OUTCOME)
    outcome["properties"] |= {"issue": {"type": "array", "minItems": 1, "items": {"type": "object"}}}
    outcome["required"] = ["resourceType", "issue"]
    return {"Bundle": bundle, OUTCOME: outcome}


def content(schema: Schema) -> Schema:
    """The body of an answer."""
    return {FHIR_JSON: {"schema": schema}}


def answers(type_: str, path: str) -> Schema:
    """The schema of success."""
    if path.endswith("/{id}"):
        return resource(type_)
    return {"$ref": "#/components/schemas/Bundle", ENTRIES: [profile(type_), profile(OUTCOME)]}


def search(type_: str) -> dict[str, Schema]:
    """Name -> schema and description of each search parameter; each is one text or several."""
    found = {}
    for one in TYPES[type_].params:
        schema: Schema = {"type": "string", "pattern": LINE}
        said = f"FHIR's `{one.type}`. {one.says}".strip()
        found[one.name] = {"schema": schema, "description": said}
    return found | {name: {"schema": schema} for name, schema in _CONTROLS.items()}


def parameters(type_: str, path: str) -> list[Schema]:
    """Path and query of a GET."""
    format_: Schema = {"name": "_format", "in": "query", "schema": {"type": "string", "enum": ["json", FHIR_JSON]}}
    if path.endswith("/{id}"):
        return [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}, format_]
    return [format_, *({"name": name, "in": "query", **rest} for name, rest in search(type_).items())]


def form(type_: str) -> Schema:
    """The same parameters in a body."""
    members = {
        name: {**one["schema"], **({"description": one["description"]} if "description" in one else {})}
        for name, one in search(type_).items()
    }
    return {FORM: {"schema": {"type": "object", "properties": members, "additionalProperties": False}}}
