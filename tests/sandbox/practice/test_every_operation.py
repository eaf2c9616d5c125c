"""No documented call, well or badly made, is answered by an unexpected error."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

from infra.sandbox.practice import facts, seed
from infra.sandbox.practice.facts import Operation, Parameter

from .conftest import HEADERS, Running

HEADERS_READ = {name.lower(): text for name, text in HEADERS.items()}

GOOD = {
    "int": "1",
    "int_string": "1",
    "float": "12.5",
    "decimal_string": "12.50",
    "bool_string": "true",
    "bool": "true",
    "date": "2026-03-02",
    "datetime": "2026-03-02 09:00:00",
    "time": "09:00:00",
    "color": "1,2,3",
    "string": "a",
}
BAD: tuple[Any, ...] = ("'", "-1", "99999999999999999999", "2026-13-45", "\u0000", "%", "1e999", "🦷")


def value(parameter: Parameter) -> str:
    return parameter.enum[0] if parameter.enum else GOOD.get(parameter.type, "1")


def path(operation: Operation) -> str:
    return "/".join("1" if part.startswith("{") else part for part in operation.path.strip("/").split("/"))


def queries(operation: Operation) -> Iterator[dict[str, str]]:
    required = {item.name: value(item) for item in operation.query if item.required}
    yield {}
    yield required
    for item in operation.query:
        yield required | {item.name: value(item)}
        yield from (required | {item.name: bad} for bad in BAD)


def bodies(operation: Operation) -> Iterator[dict[str, Any]]:
    full: dict[str, Any] = {item.name: value(item) for item in operation.body}
    required = {item.name: value(item) for item in operation.body if item.required}
    yield {}
    yield required
    yield full
    yield dict.fromkeys(full)
    for odd in (["1"], {"a": 1}, True, -1, 1.5, 10**20, "\u0000", "\ud83e", ""):
        yield required | dict.fromkeys(full, odd)


def seeded(start: Callable[..., Running]) -> Running:
    practice = start(version="26.3.1", mode="Service")
    seed.seed(practice.practice.office, patients=10, seed=1)
    return practice


def test_every_read_survives_every_filter(start: Callable[..., Running]) -> None:
    practice = seeded(start)
    for operation in facts.operations().values():
        if operation.method == "GET":
            for query in queries(operation):
                answer = practice.practice.handle(
                    "GET", f"/api/v1/{path(operation)}?{urlencode(query)}", HEADERS_READ, b"", "test"
                )
                assert answer.status in (200, 400, 401, 404), (operation.id, query, answer.body)


def test_every_write_survives_every_body(start: Callable[..., Running]) -> None:
    practice = seeded(start)
    for operation in facts.operations().values():
        if operation.method != "GET":
            for body in bodies(operation):
                # Escapes carry what UTF-8 cannot, such as half a character.
                answer = practice.api.request(operation.method, path(operation), content=json.dumps(body))
                assert answer.status_code in (200, 201, 400, 401, 404, 410), (operation.id, body, answer.text)


def test_every_operation_is_refused_without_its_permission_and_only_then(start: Callable[..., Running]) -> None:
    practice = seeded(start).practice
    every = practice.key.permissions
    for operation in facts.operations().values():
        if operation.deprecated:
            continue
        target = f"/api/v1/{path(operation)}"
        practice.change({"permissions": sorted(every - {operation.permission})})
        assert practice.handle(operation.method, target, HEADERS_READ, b"{}", "test").status == 401, operation.id
        practice.change({"permissions": [operation.permission] if operation.permission in every else []})
        without = practice.handle(operation.method, target, HEADERS_READ, b"{}", "test").status
        # A key of the portal is no key of an office.
        assert (without == 401) == (operation.permission not in every), operation.id
