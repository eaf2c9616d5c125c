"""The API's description, and answers held against it: status, content type, headers, body."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs

from gateway.wiring.describe import description

_DOCUMENT = "urn:open-dental-gateway:openapi"


class NotAsDescribed(AssertionError):
    """An answer that the description does not allow."""


@cache
def document() -> dict[str, Any]:
    """The description, made once."""
    return description()


def check(method: str, path: str, status: int, headers: Mapping[str, str], body: Any) -> None:
    """Hold an answer of the path `path` (filled in, without query) against the description.

    Raises: NotAsDescribed.
    """
    where = f"{method} {path}: {status}"
    found = _operation("GET" if method == "HEAD" else method, path)
    if found is None:
        # What is no operation is refused as such.
        if body is not None:
            _hold(where, f"/components/schemas/{'OperationOutcome' if '/fhir/' in path else 'Problem'}", body)
        return
    pointer, operation = found
    response = operation["responses"].get(str(status))
    if response is None:
        raise NotAsDescribed(f"{where} is not described: {body}")
    pointer = f"{pointer}/responses/{status}"
    if "$ref" in response:
        pointer = response["$ref"].removeprefix("#")
        response = _at(pointer)
    _check_headers(where, response.get("headers", {}), headers)
    content = response.get("content")
    if body is None:
        if content is not None and method != "HEAD":
            raise NotAsDescribed(f"{where} has no body")
        return
    kind = {name.lower(): value for name, value in headers.items()}["content-type"]
    if kind not in (content or {}):
        raise NotAsDescribed(f"{where} is {kind}, which is not described")
    _hold(where, f"{pointer}/content/{_escaped(kind)}/schema", body)


def _check_headers(where: str, described: Mapping[str, Any], sent: Mapping[str, str]) -> None:
    there = {name.lower(): value for name, value in sent.items()}
    for name, one in described.items():
        shown = _at(one["$ref"].removeprefix("#")) if "$ref" in one else one
        value = there.get(name.lower())
        if value is None:
            if shown.get("required"):
                raise NotAsDescribed(f"{where} lacks {name}")
        elif shown["schema"]["type"] == "integer" and not value.isdigit():
            raise NotAsDescribed(f"{where}: {name} is no whole number")


def _hold(where: str, pointer: str, body: Any) -> None:
    errors = [
        f"{'.'.join(map(str, one.instance_path))}: {one.message}" for one in _validator(pointer).iter_errors(body)
    ]
    if errors:
        raise NotAsDescribed(f"{where}\n" + "\n".join(one[:1500] for one in errors[:10]))


@cache
def _registry() -> Any:
    return jsonschema_rs.Registry([(_DOCUMENT, document())], draft=jsonschema_rs.Draft202012)


@cache
def _validator(pointer: str) -> Any:
    schema = {"$ref": f"{_DOCUMENT}#{pointer}"}
    return jsonschema_rs.Draft202012Validator(schema, registry=_registry(), validate_formats=True)


@cache
def _templates() -> list[tuple[int, re.Pattern[str], str]]:
    """Those with the fewest braces first, as API Gateway and `resources.routes` choose."""
    found = [
        (path.count("{"), re.compile(re.sub(r"{(\w+)}", lambda one: _PARTS.get(one[1], "[^/]+"), path)), path)
        for path in document()["paths"]
    ]
    return sorted(found, key=lambda one: (one[0], one[2]))


# Words are actions and numbers are keys in paths of Open Dental's own.
_PARTS: Mapping[str, str] = {"id": "[^/]+"}


def _operation(method: str, path: str) -> tuple[str, dict[str, Any]] | None:
    for _, pattern, template in _templates():
        operation = document()["paths"][template].get(method.lower())
        if operation is not None and pattern.fullmatch(path):
            return f"/paths/{_escaped(template)}/{method.lower()}", operation
    return None


def _at(pointer: str) -> Any:
    found: Any = document()
    for part in pointer.strip("/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


def _escaped(part: str) -> str:
    """As part of a JSON pointer in a URI's fragment."""
    return part.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D").replace("+", "%2B")
