"""What API Gateway and WAF say when they refuse a request before any function sees it.

The same problem documents (RFC 9457) and the same words that `gateway.web` answers with, so a client needs one way of
reading errors. A test holds this table to API Gateway's list of response types.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

TYPE_BASE = "urn:open-dental-gateway:problem:"


@dataclass(frozen=True, kw_only=True)
class GatewayProblem:
    """One refusal: its status and stable `code`, and what it means for the caller."""

    status: int
    code: str
    title: str
    detail: str
    retryable: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> str:
        """The problem document. Constant text: nothing of the request is repeated in it."""
        return json.dumps(
            {
                "type": TYPE_BASE + self.code,
                "title": self.title,
                "status": self.status,
                "code": self.code,
                "detail": self.detail,
                "retryable": self.retryable,
            }
        )


_NO_ROUTE = GatewayProblem(
    status=404, code="not-found", title="No such path", detail="There is no such path, or not with this method."
)
_NO_TOKEN = GatewayProblem(
    status=401,
    code="unauthenticated",
    title="Who is asking is not known",
    detail="Send `Authorization: Bearer ...` with a session token or an API key that is valid.",
    headers={"WWW-Authenticate": "Bearer"},
)
_NOT_ALLOWED = GatewayProblem(
    status=403, code="not-allowed", title="This is not allowed", detail="The credential does not allow this."
)
_MALFORMED = GatewayProblem(
    status=400, code="invalid", title="A field cannot be used as sent", detail="The request is malformed."
)
_TOO_LARGE = GatewayProblem(
    status=413, code="too-large", title="The body is too long", detail="A body may have at most 256 kB."
)
_NO_LENGTH = GatewayProblem(
    status=411,
    code="length-required",
    title="The body's length is missing",
    detail="Send Content-Length with long bodies.",
)
_MEDIA_TYPE = GatewayProblem(
    status=415, code="unsupported-media-type", title="Bodies are JSON", detail="Send application/json."
)
_BLOCKED = GatewayProblem(
    status=403, code="blocked", title="The request was blocked", detail="The request looks like an attack."
)
_THROTTLED = GatewayProblem(
    status=429,
    code="throttled",
    title="Too many requests for now",
    detail="Requests come in faster than this gateway takes them.",
    retryable=True,
    headers={"Retry-After": "1"},
)
_SOURCE_THROTTLED = GatewayProblem(
    status=429,
    code="throttled",
    title="Too many requests for now",
    detail="Too many requests came from this address in the last 5 minutes.",
    retryable=True,
    headers={"Retry-After": "60"},
)
_UNAVAILABLE = GatewayProblem(
    status=503,
    code="unavailable",
    title="Try again later",
    detail="The gateway could not answer. Repeat a write with the same Idempotency-Key; it happens once.",
    retryable=True,
    headers={"Retry-After": "5"},
)
_TIMED_OUT = GatewayProblem(
    status=504,
    code="gateway-timeout",
    title="The gateway did not finish",
    detail="The answer took too long. Repeat a write with the same Idempotency-Key; it happens once.",
    retryable=True,
    headers={"Retry-After": "5"},
)

GATEWAY_PROBLEMS: Mapping[str, GatewayProblem] = {
    "ACCESS_DENIED": _NOT_ALLOWED,
    "API_CONFIGURATION_ERROR": _UNAVAILABLE,
    "AUTHORIZER_CONFIGURATION_ERROR": _UNAVAILABLE,
    # The authorizer raised or timed out: nothing is known of the token, so it is not called wrong.
    "AUTHORIZER_FAILURE": _UNAVAILABLE,
    "BAD_REQUEST_BODY": _MALFORMED,
    "BAD_REQUEST_PARAMETERS": _MALFORMED,
    "EXPIRED_TOKEN": _NO_TOKEN,
    "INTEGRATION_FAILURE": _UNAVAILABLE,
    "INTEGRATION_TIMEOUT": _TIMED_OUT,
    "INVALID_API_KEY": _NOT_ALLOWED,
    # No route is signed by IAM. On an unknown path API Gateway tries to read a bearer token as such a signature.
    "INVALID_SIGNATURE": _NO_ROUTE,
    "MISSING_AUTHENTICATION_TOKEN": _NO_ROUTE,
    "QUOTA_EXCEEDED": _THROTTLED,
    "REQUEST_TOO_LARGE": _TOO_LARGE,
    "RESOURCE_NOT_FOUND": _NO_ROUTE,
    "THROTTLED": _THROTTLED,
    "UNAUTHORIZED": _NO_TOKEN,
    "UNSUPPORTED_MEDIA_TYPE": _MEDIA_TYPE,
    "WAF_FILTERED": _BLOCKED,
    # Whatever AWS adds to the list. The status is fixed so that it agrees with the one in the body.
    "DEFAULT_4XX": _MALFORMED,
    "DEFAULT_5XX": _UNAVAILABLE,
}
"""By API Gateway's response type. REQUEST_TOO_LARGE is listed although AWS lets only some of its cases be changed."""

WAF_PROBLEMS: Mapping[str, GatewayProblem] = {
    "too-large": _TOO_LARGE,
    "length-required": _NO_LENGTH,
    "throttled": _SOURCE_THROTTLED,
}
"""Answers that WAF gives itself. AWS fixes their content type to application/json; the document is the same."""
