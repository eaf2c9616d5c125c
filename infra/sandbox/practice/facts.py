"""The catalogue of the vendor's API as typed facts: what the practice shares with a client, and all it shares."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Kind = Literal["list", "get", "create", "update", "delete", "action"]
Shape = Literal["object", "array", "none", "scalar"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter or a body field."""

    name: str
    type: str
    required: bool = False
    since: str | None = None
    ref: str | None = None
    default: Any = None
    enum: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an answer; `derived` ones are not columns."""

    name: str
    type: str
    derived: bool = False
    since: str | None = None
    ref: str | None = None
    enum: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One documented call."""

    id: str
    resource: str
    method: str
    path: str
    kind: Kind
    permission: str
    since: str | None
    deprecated: str | None
    paginated: bool
    status: int
    shape: Shape
    errors: tuple[int, ...]
    location_header: bool
    query: tuple[Parameter, ...]
    body: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class Resource:
    """One segment under /api/v1/, with its table and its rows."""

    name: str
    title: str
    table: str | None
    key: str | None
    order: tuple[tuple[str, str], ...]
    cursor_param: str | None
    operations: tuple[Operation, ...]
    fields: tuple[Field, ...]
    action_fields: dict[str, tuple[Field, ...]]


def _parameter(raw: dict[str, Any]) -> Parameter:
    return Parameter(
        name=raw["name"],
        type=raw["type"],
        required=bool(raw.get("required", False)),
        since=raw.get("since"),
        ref=raw.get("ref"),
        default=raw.get("default"),
        enum=tuple(map(str, raw.get("enum", ()))),
    )


def _field(raw: dict[str, Any]) -> Field:
    return Field(
        name=raw["name"],
        type=raw["type"],
        derived=bool(raw.get("derived", False)),
        since=raw.get("since"),
        ref=raw.get("ref"),
        enum=tuple(map(str, raw.get("enum", ()))),
    )


def _operation(resource: str, raw: dict[str, Any]) -> Operation:
    return Operation(
        id=raw["id"],
        resource=resource,
        method=raw["method"],
        path=raw["path"],
        kind=raw["kind"],
        permission=raw["permission"],
        since=raw.get("since"),
        deprecated=raw.get("deprecated"),
        paginated=raw["paginated"],
        status=raw["status"],
        shape=raw["shape"],
        errors=tuple(raw["errors"]),
        location_header=raw["location_header"],
        query=tuple(map(_parameter, raw["query"])),
        body=tuple(map(_parameter, raw["body"])),
    )


def _resource(raw: dict[str, Any]) -> Resource:
    name = raw["resource"]
    return Resource(
        name=name,
        title=raw["title"],
        table=raw["table"],
        key=raw["key"],
        order=tuple((column, direction) for column, direction in raw["order"] or ()),
        cursor_param=(raw["sync"] or {}).get("cursor_param"),
        operations=tuple(_operation(name, operation) for operation in raw["operations"]),
        fields=tuple(map(_field, raw["fields"])),
        action_fields={key: tuple(map(_field, fields)) for key, fields in raw["action_fields"].items()},
    )


@cache
def resources() -> dict[str, Resource]:
    """All resources by their URL segment."""
    folder = files("open_dental") / "catalogue" / "data"
    entries = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".json")), key=lambda e: e.name)
    found = (_resource(json.loads(entry.read_text("utf-8"))) for entry in entries)
    return {resource.name: resource for resource in found}


@cache
def operations() -> dict[str, Operation]:
    """All operations by id."""
    return {operation.id: operation for resource in resources().values() for operation in resource.operations}


def version(text: str) -> tuple[int, ...]:
    """Comparable form of an office version: "25.3.36" -> (25, 3, 36). A branch without a build is its first build."""
    return tuple(int(part) for part in text.split(".") if part.isdigit())
