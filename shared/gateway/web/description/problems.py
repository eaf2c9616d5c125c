"""Problem documents, and which statuses a route can refuse with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from gateway.core.errors import AppError, StillRunning
from gateway.web.problems import PROBLEM_JSON, PROBLEMS, TYPE_PREFIX, problem_for

Schema = dict[str, Any]

BEFORE: Final = {403: ("blocked",), 411: ("length-required",), 504: ("gateway-timeout",)}
"""Codes that only API Gateway and the firewall before it use."""

PROBLEM: Final[Schema] = {
    "title": "Problem",
    "description": "Problem details (RFC 9457). A program branches on `code`; other members depend on it.",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "retryable"],
    "properties": {
        "type": {"type": "string", "pattern": f"^{TYPE_PREFIX}"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string", "description": "For people. Names fields, never their values."},
        "param": {"type": "string", "description": "The field, parameter or header at fault."},
        "retryable": {
            "type": "boolean",
            "description": "Whether the same request may succeed later without a change.",
        },
        "upstream": {
            "type": "object",
            "description": "Open Dental's own answer; without a status where none came.",
            "properties": {"status": {"type": ["integer", "null"]}, "message": {"type": ["string", "null"]}},
        },
        "operation_id": {"type": "string", "description": "Of the write that ended so."},
        "errors": {
            "type": "array",
            "description": "Where several fields are at fault: each of them.",
            "items": {
                "type": "object",
                "required": ["param", "detail"],
                "properties": {"param": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}

_MEANS: Final = {
    400: "The request cannot be used as sent.",
    401: "Who is asking is not known.",
    403: "The client, the practice's key or an agreement does not allow it.",
    404: "There is no such record, or it is not the client's.",
    409: "The practice's data or version do not allow it now.",
    411: "The body's length is missing.",
    413: "The body is too long.",
    415: "The body is of another media type.",
    422: "The request is understood, and Open Dental or the gateway says no.",
    429: "Too many requests for now.",
    500: "Something went wrong here.",
    502: "Open Dental's answer is unusable.",
    503: "Nothing was changed; the same request may succeed later.",
    504: "No answer in time.",
}

ALWAYS: Final = (400, 403, 404, 429, 500, 503, 504)
WITH_BODY: Final = (411, 413, 415)
BEHIND_TOKEN: Final = (401,)
OF_OFFICE: Final = (409, 422, 502)
"""Where Open Dental is asked, or records can stand in the way."""


def codes_of(status: int) -> list[str]:
    """The codes that problems of a status have."""
    found = {cls.code if PROBLEMS[AppError] != problem_for(cls) else "internal" for cls in _with(status)}
    return sorted(found | set(BEFORE.get(status, ())))


def _with(status: int) -> Iterator[type[AppError]]:
    return (cls for cls in _all(AppError) if problem_for(cls).status == status and cls is not StillRunning)


def _all(cls: type[AppError]) -> Iterator[type[AppError]]:
    yield cls
    for sub in cls.__subclasses__():
        # A test's own are none of the API's.
        if sub.__module__.startswith(("gateway.", "open_dental.")):
            yield from _all(sub)


def responses() -> dict[str, Schema]:
    """Components: the answer of each status that refuses."""
    return {name_of(status): _response(status) for status in _MEANS}


def name_of(status: int) -> str:
    """The component's name."""
    return f"Problem{status}"


def _response(status: int) -> Schema:
    own = {"properties": {"status": {"const": status}, "code": {"enum": codes_of(status)}}}
    schema = {"allOf": [{"$ref": "#/components/schemas/Problem"}, own]}
    found: Schema = {"description": _MEANS[status], "content": {PROBLEM_JSON: {"schema": schema}}}
    if status in {429, 503}:
        found["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    return found
