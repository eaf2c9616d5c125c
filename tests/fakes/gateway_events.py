"""API Gateway's REST proxy events, as short as a test wants them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any


class Context:
    """Lambda's context, as far as handlers look at it."""

    aws_request_id = "a-lambda-request"
    function_name = "a-function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:a-function"

    def __init__(self, remaining_ms: int = 28_000) -> None:
        self._remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return self._remaining_ms


def event(
    method: str,
    route: str,
    *,
    params: Mapping[str, str] | None = None,
    query: Mapping[str, str | list[str]] | None = None,
    headers: Mapping[str, str] | None = None,
    body: Any = None,
    client_id: str | None = "cli_ada",
) -> dict[str, Any]:
    """A request of `route` (a template). A `body` that is no text is sent as JSON."""
    many = {name: [value] if isinstance(value, str) else value for name, value in (query or {}).items()}
    path = re.sub(r"{(\w+)}", lambda match: (params or {})[match[1]], route)
    return {
        "resource": route,
        "path": path,
        "httpMethod": method,
        "headers": dict(headers or {}) or None,
        "multiValueHeaders": {name: [value] for name, value in (headers or {}).items()} or None,
        "queryStringParameters": {name: values[-1] for name, values in many.items()} or None,
        "multiValueQueryStringParameters": many or None,
        "pathParameters": dict(params) if params else None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": route,
            "path": f"/v1{path}",
            "stage": "v1",
            "domainName": "gateway.test",
            "requestId": "3f6d2d3c-0000-4000-8000-000000000001",
            "identity": {"sourceIp": "203.0.113.7"},
            "authorizer": {"client_id": client_id, "principalId": client_id} if client_id else None,
        },
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
    }


def read(answer: Mapping[str, Any]) -> Any:
    """The body of an answer: of JSON what it says, of another kind the text."""
    is_text = answer["headers"].get("Content-Type", "").startswith("text/")
    return answer["body"] if is_text else json.loads(answer["body"])
