"""From method and path to a documented operation, or to the refusal Open Dental gives."""

from __future__ import annotations

from functools import cache

from infra.sandbox.practice import facts
from infra.sandbox.practice.handlers import Rejected


@cache
def _routes() -> dict[str, list[tuple[str, tuple[str, ...], facts.Operation]]]:
    found: dict[str, list[tuple[str, tuple[str, ...], facts.Operation]]] = {}
    for operation in facts.operations().values():
        head, *rest = operation.path.strip("/").split("/")
        found.setdefault(head, []).append((operation.method, tuple(rest), operation))
    return found


def route(method: str, path: str) -> tuple[facts.Operation, dict[str, str]]:
    """The operation at `path` (below /api/v1) with its URL ids. Raises Rejected 404 or 400."""
    head, *rest = [part for part in path.split("/") if part] or [""]
    if head not in _routes():
        raise Rejected(404, f"{head} is not a valid resource.")
    for its_method, pattern, operation in _routes()[head]:
        if its_method == method and len(pattern) == len(rest):
            ids = _ids(pattern, rest)
            if ids is not None:
                return operation, ids
    name = next((part for part in rest if not _is_id(part)), "")
    raise Rejected(400, " ".join(part for part in (head, method, name, "is not a valid method.") if part))


def _ids(pattern: tuple[str, ...], rest: list[str]) -> dict[str, str] | None:
    ids = {}
    for expected, part in zip(pattern, rest, strict=True):
        if expected.startswith("{"):
            if not _is_id(part):
                return None
            ids[expected[1:-1]] = part
        elif expected != part:
            return None
    return ids


def _is_id(part: str) -> bool:
    digits = part.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= 19
