"""The API as one OpenAPI 3.0 document, made from the function table. Routes and integrations only: what a body may
hold is checked by the functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from infra.catalogue import Authorizes, FunctionRow, Http
from infra.problems import GATEWAY_PROBLEMS, GatewayProblem

API_TIMEOUT_MS = 29_000
"""How long API Gateway waits for a function; the most it allows without asking AWS."""

_BEARER = "bearer"


def openapi_body(
    rows: Iterable[FunctionRow], *, title: str, invocation_uri: Callable[[FunctionRow], str]
) -> dict[str, Any]:
    """Return the document; `invocation_uri` says how API Gateway reaches the function of a row.

    Raises:
        ValueError: two rows have the same route, or there is not exactly one authorizer.
    """
    rows = tuple(rows)
    authorizers = [row for row in rows if isinstance(row.trigger, Authorizes)]
    if len(authorizers) != 1:
        raise ValueError("the API needs exactly one authorizer in infra/catalogue.py")
    paths: dict[str, dict[str, Any]] = {}
    for row in rows:
        if not isinstance(row.trigger, Http):
            continue
        for route in row.trigger.all_routes():
            operations = paths.setdefault(route.path, {})
            if route.method.lower() in operations:
                raise ValueError(f"{route.method} {route.path} is in two rows of infra/catalogue.py")
            operations[route.method.lower()] = {
                "operationId": f"{route.method.lower()}{_camel(route.path)}",
                "summary": row.does,
                "parameters": [
                    {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                    for name in re.findall(r"{(\w+)\+?}", route.path)
                ],
                "responses": {"200": {"description": "See the README; errors are application/problem+json."}},
                "security": [] if row.trigger.public else [{_BEARER: []}],
                "x-amazon-apigateway-integration": {
                    "type": "aws_proxy",
                    "httpMethod": "POST",
                    "uri": invocation_uri(row),
                    "timeoutInMillis": API_TIMEOUT_MS,
                    "passthroughBehavior": "when_no_match",
                },
            }
    return {
        "openapi": "3.0.1",
        "info": {"title": title, "version": "1"},
        "paths": dict(sorted(paths.items())),
        "components": {
            "securitySchemes": {
                _BEARER: {
                    "type": "apiKey",
                    "name": "Authorization",
                    "in": "header",
                    "x-amazon-apigateway-authtype": "custom",
                    "x-amazon-apigateway-authorizer": {
                        "type": "request",
                        "identitySource": "method.request.header.Authorization",
                        "authorizerUri": invocation_uri(authorizers[0]),
                        # A revoked key or a closed agreement acts on the next call.
                        "authorizerResultTtlInSeconds": 0,
                    },
                }
            }
        },
        # Here and not as resources of their own: every new import of the body would wipe those out.
        "x-amazon-apigateway-gateway-responses": {
            response_type: _gateway_response(problem) for response_type, problem in GATEWAY_PROBLEMS.items()
        },
    }


def _gateway_response(problem: GatewayProblem) -> dict[str, Any]:
    headers: Mapping[str, str] = {"Content-Type": "application/problem+json", **problem.headers}
    return {
        "statusCode": str(problem.status),
        "responseParameters": {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in headers.items()},
        # API Gateway renders this template whatever is accepted; the header says what it is.
        "responseTemplates": {"application/json": problem.body()},
    }


def _camel(path: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", path))
