"""Paths under `/resources`, one for each of Open Dental's operations that a scope opens: from the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gateway.core.resources.names import field_names, request_names
from gateway.core.resources.reads import LIMIT, MOST
from gateway.core.resources.routes import our_method, our_path
from gateway.core.resources.secrets import is_secret
from gateway.core.resources.twins import TWINS
from gateway.web.description.schemas import COMPONENTS, TEXT, Schema, in_a_line, may_be_null
from open_dental import catalogue
from open_dental.catalogue import Field, Operation, Param, Resource

LARGEST: Final = 2**63 - 1
META: Final = "RawMeta"

_KEY: Final[Schema] = {"type": "string", "pattern": "^-?[0-9]+$"}
_TEXT: Final[Schema] = {"type": "string"}
_TYPED: Final[Schema] = {"type": "string", "pattern": TEXT}
_DECIMAL: Final[Schema] = {"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2,}$"}
_LOCAL: Final[Schema] = {"type": "string", "description": "The office's wall clock, without a zone"}

_SHOWN: Final[dict[str, Schema]] = {
    "int": {"type": "integer"},
    "int_string": {"type": "integer"},
    "bool": {"type": "boolean"},
    "bool_string": {"type": "boolean"},
    "float": _DECIMAL,
    "decimal_string": _DECIMAL,
    "string": _TEXT,
    "enum": _TEXT,
    "date": {"type": "string", "format": "date"},
    "datetime": _LOCAL,
    "datetime_iso": _LOCAL,
    "time": {"type": "string"},
    "color": {"type": "string", "pattern": "^[0-9]+,[0-9]+,[0-9]+$"},
    "int_array": {"type": "array", "items": _KEY},
}
"""How a field's value is shown, by the type that the catalogue has for it; null for the vendor's "nothing"."""

_NUMBER: Final[Schema] = {"type": "integer", "minimum": -LARGEST - 1, "maximum": LARGEST}
_WHOLE: Final[Schema] = {
    "anyOf": [
        _NUMBER,
        {"type": "string", "pattern": "^-?[0-9]{1,19}$"},
    ]
}
_EXACT: Final[Schema] = {
    "anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^-?[0-9]{1,20}(\.[0-9]{1,10})?$"}]
}
_MOMENT: Final[Schema] = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?$",
    "description": "The office's wall time, without an offset",
}
_TAKEN: Final[dict[str, Schema]] = {
    "int": _WHOLE,
    "int_string": _WHOLE,
    "bool": {"type": "boolean"},
    "bool_string": {"type": "boolean"},
    "float": _EXACT,
    "decimal_string": _EXACT,
    "string": _TYPED,
    "enum": _TYPED,
    "date": {"type": "string", "format": "date"},
    "datetime": _MOMENT,
    "datetime_iso": _MOMENT,
    "time": {"type": "string", "pattern": "^[0-9]{2}:[0-9]{2}(:[0-9]{2})?$"},
    "color": {"type": "string", "pattern": "^[0-9]{1,3},[0-9]{1,3},[0-9]{1,3}$"},
    "int_array": {"type": "array", "items": _WHOLE},
    "array": {"type": "array", "items": {}},
    "object": {"type": "object"},
}
_IN_QUERY: Final[dict[str, Schema]] = {
    # There is one way to write a number in a URL.
    "int": _NUMBER,
    "int_string": _NUMBER,
    "int_array": {"type": "array", "items": _NUMBER},
}
_NEVER_NULL: Final = frozenset({"bool", "bool_string", "float", "decimal_string", "enum"})


def operations() -> Iterator[tuple[Resource, Operation]]:
    """Those that can be called: not the closed ones, and not those that a path of ours does with its checks."""
    for it in map(catalogue.resource, catalogue.resources()):
        for one in it.operations:
            if one.exposure != "closed" and one.id not in TWINS:
                yield it, one


def place(operation: Operation) -> tuple[str, str]:
    """Method and path, spelled as OpenAPI does."""
    return our_method(operation), our_path(operation)


def says(it: Resource, operation: Operation) -> Schema:
    """What an operation is called, and where the vendor describes it."""
    since = "" if operation.since is None else f" Since Open Dental {operation.since}."
    scope = "resources:read" if operation.exposure == "open" else f"resources:{operation.id}"
    found: Schema = {
        "operationId": operation.id,
        "summary": f"{it.title}: {operation.id.partition('.')[2]}",
        "description": f"Scope `{scope}`. The practice's key needs `{operation.permission}`.{since}",
        "tags": ["resources"],
    }
    return {**found, "deprecated": True} if operation.deprecated is not None else found


def parameters(operation: Operation) -> list[Schema]:
    """Keys in the path, and the query."""
    found: list[Schema] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": "^-?[0-9]{1,19}$"}}
        for name in operation.path_params
    ]
    found.append(_query("practice_id", {"type": "string"}, "May be left out by a client that has one practice."))
    if operation.method != "GET":
        return found
    found.append(
        _query(
            "include",
            {"type": "string", "enum": ["raw"]},
            "The row as Open Dental sent it beside ours, without secrets.",
        )
    )
    if operation.shape == "array":
        found.append(_query("limit", {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT}, ""))
        found.append(_query("cursor", {"type": "string"}, "`next_cursor` of the page before, with the same filters."))
    names = request_names(operation)
    for one in operation.query:
        if not is_secret(one.name):
            schema = _IN_QUERY.get(one.type) or _taken(one)
            found.append({**_query(names[one.name], schema, _since(one)), "required": one.required})
    return found


def _query(name: str, schema: Schema, description: str) -> Schema:
    found: Schema = {"name": name, "in": "query", "schema": in_a_line(schema)}
    if description:
        found["description"] = description
    # A list may be repeated or separated by commas; the latter is what one text says.
    return {**found, "style": "form", "explode": False} if schema.get("type") == "array" else found


def _since(param: Param) -> str:
    return "" if param.since is None else f"Since Open Dental {param.since}."


def _taken(param: Param) -> Schema:
    return {"type": "string", "enum": list(param.enum)} if param.enum else _TAKEN[param.type]


def body(operation: Operation) -> Schema:
    """The body of a write."""
    names = request_names(operation)
    members: Schema = {}
    for one in operation.body:
        schema = _taken(one)
        if not one.required and one.type not in _NEVER_NULL:
            schema = may_be_null(schema)
        members[names[one.name]] = {**schema, "description": _since(one)} if one.since is not None else schema
    needed = [names[one.name] for one in operation.body if one.required]
    found: Schema = {"type": "object", "properties": members, "additionalProperties": False}
    if needed:
        found["required"] = needed
    if operation.kind == "update" and members:
        found["minProperties"] = 1
    return found


def rows_name(it: Resource, operation: Operation) -> str:
    """The component that describes the operation's rows."""
    own = it.fields_of(operation)
    return f"raw.{it.resource}" if own is it.fields or own == it.fields else f"raw.{operation.id}"


def row(it: Resource, operation: Operation) -> Schema:
    """A row: what the catalogue knows of it, and whatever a newer office adds."""
    names = field_names(it.resource)
    members = {names[one.name]: _shown(one, it) for one in it.fields_of(operation) if not is_secret(one.name)}
    members["raw"] = {"type": "object", "description": "The row as Open Dental sent it, with `include=raw`."}
    return {"title": f"{it.title}, a row", "type": "object", "properties": members, "additionalProperties": True}


def _shown(field: Field, it: Resource) -> Schema:
    if field.name.endswith("Zip"):
        return may_be_null(_TEXT)
    is_key = field.ref is not None or field.name == it.key or field.name.endswith("Num")
    schema = _KEY if is_key and field.type in {"int", "int_string"} else _SHOWN[field.type]
    return schema if field.type == "int_array" else may_be_null(schema)


def answer(it: Resource, operation: Operation) -> Schema:
    """The body of a read's answer."""
    shown: Schema = {"$ref": f"{COMPONENTS}{rows_name(it, operation)}"}
    meta: Schema = {"$ref": f"{COMPONENTS}{META}"}
    if operation.shape != "array":
        return {"allOf": [shown, {"required": ["meta"], "properties": {"meta": meta}}]}
    return {
        "type": "object",
        "required": ["data", "has_more", "next_cursor", "meta"],
        "properties": {
            "data": {"type": "array", "items": shown},
            "has_more": {"type": "boolean"},
            "next_cursor": {"type": ["string", "null"]},
            "meta": meta,
        },
        "additionalProperties": False,
    }
