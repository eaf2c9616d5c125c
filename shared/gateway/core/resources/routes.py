"""Which operation of the catalogue a request is: Open Dental's own path behind `/resources`.

The path is the vendor's, and so is the method, but that PUT is PATCH here: only the fields that are named change, also
where the vendor calls the change an action (`PATCH /resources/appointments/34/Confirm`). In a path a word is an
action and a number is a key; no action is called by a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.core.errors import NotFound
from open_dental import catalogue
from open_dental.catalogue import Operation

METHODS: Final[Mapping[str, str]] = {"GET": "GET", "POST": "POST", "PUT": "PATCH", "DELETE": "DELETE"}
"""Vendor's method -> ours."""

_KEY = re.compile(r"-?[0-9]{1,19}")
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Called:
    """An operation and the keys in its path, by the vendor's names."""

    operation: Operation
    path: Mapping[str, int]


def our_method(operation: Operation) -> str:
    """The method by which an operation is called here."""
    return METHODS[operation.method]


def our_path(operation: Operation) -> str:
    """The path by which an operation is called here: the vendor's, behind ours."""
    return f"/resources{operation.path}"


def called(method: str, resource: str, *segments: str) -> Called:
    """The operation behind `method` of `/resources/{resource}/{segments}`.

    Raises:
        NotFound: no such resource or path, or the path does not take the method; says what there is.
    """
    if resource not in catalogue.resources():
        raise NotFound(_no_such("resource", resource, catalogue.resources()), param="resource")
    found = [Called(one, keys) for one in _of(resource) if (keys := _keys(one, segments)) is not None]
    for one in found:
        if our_method(one.operation) == method:
            return one
    if found:
        there = sorted({our_method(one.operation) for one in found})
        raise NotFound(f"Open Dental has no {method} of this; it has {', '.join(there)}")
    level = len(segments)
    words = sorted({parts[-1] for one in _of(resource) if len(parts := _parts(one)) == level and "{" not in parts[-1]})
    if segments and _KEY.fullmatch(segments[-1]) is None and words:
        raise NotFound(_no_such("action", segments[-1], words), param="action" if level == 2 else "key")
    raise NotFound("Open Dental has no such path of this resource; GET /resources?resource= lists what it has")


@lru_cache(maxsize=128)
def _of(resource: str) -> tuple[Operation, ...]:
    return catalogue.resource(resource).operations


@lru_cache(maxsize=512)
def _parts(operation: Operation) -> tuple[str, ...]:
    return tuple(operation.path.split("/")[2:])


def _keys(operation: Operation, segments: tuple[str, ...]) -> dict[str, int] | None:
    """The keys that `segments` have where the operation's path has braces; None where they do not fit it."""
    parts = _parts(operation)
    if len(parts) != len(segments):
        return None
    keys: dict[str, int] = {}
    for part, segment in zip(parts, segments, strict=True):
        if part.startswith("{"):
            if _KEY.fullmatch(segment) is None or not _LOWEST <= int(segment) <= _HIGHEST:
                return None
            keys[part.strip("{}")] = int(segment)
        elif part != segment:
            return None
    return keys


def _no_such(what: str, name: str, known: Iterable[str]) -> str:
    from gateway.core.wording import no_such  # noqa: PLC0415 - a request that is right needs no words

    return no_such(what, name, known)
