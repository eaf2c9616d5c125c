"""A request as API Gateway hands it over, and an answer as handlers give it back."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.web import own_address
from gateway.web.correlation import correlation_of

if TYPE_CHECKING:
    from gateway.core.callers import Caller

# The gateway gives up at 29 s and the function ends at 28: what is not answered by then is not answered at all.
ANSWER_MARGIN_S = 2.0


@dataclass(frozen=True, slots=True, repr=False)
class HttpRequest:
    """One request. Has no repr on purpose: query, headers and body hold health data and credentials.

    `headers` are keyed in lower case, repeated ones joined by commas (RFC 9110, section 5.3). `route` is the
    template the gateway matched. `client_id` is the authorizer's word; None on routes that it does not guard.
    `applied` collects the preferences that were honoured, for `Preference-Applied`.
    """

    method: str
    route: str
    path: str
    path_params: Mapping[str, str]
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes | None
    client_id: str | None
    source_ip: str
    request_id: str
    remaining_s: float
    url: str | None = None
    """Where the caller sent it, without the query; None where the event does not say."""
    api_url: str | None = None
    """The API's own address, by `own_address.told`."""
    emulated_url: str | None = None
    """The same in an emulator, by `own_address.emulated`; true in the sandbox only."""
    applied: list[str] = field(default_factory=list)
    correlation_id: str = ""
    """By `correlation`: an id and nothing else, so that it may be logged and told."""
    of_run: bool = False
    """Whether a workflow asks: no event of API Gateway says so, and who else may invoke a function IAM decides."""
    callers: list[Caller] = field(default_factory=list)
    """Who asks, once that is known."""

    def reference_to(self, path: str) -> str:
        """`path` of this API, such as `/operations/opn_x`, as a reference relative to this request's URL.

        A path from the root would lose what stands before ours there: the stage under API Gateway's own domain, a base
        path under the user's, whatever a proxy adds. None of it is asked here, so all of them resolve.
        """
        # A slash at the end opens one level more (RFC 3986, section 5.2.3).
        depth = self.route.strip("/").count("/") + self.path.endswith("/")
        return "../" * depth + path.removeprefix("/")


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """A status, a JSON body and headers. `None` as body means no body at all.

    `etag` is the validator without quotes; `etag_is_weak`: what it leaves out, such as an age, is in the body, so that
    two bodies of one tag say the same and are not the same bytes (RFC 9110, section 8.8.1).
    `practice_id`, `operation_id` and `code` are for the log and the audit trail: ids and words of ours only.
    """

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    etag: str | None = None
    etag_is_weak: bool = False
    practice_id: str | None = None
    operation_id: str | None = None
    code: str | None = None
    served_from: str | None = None
    practices: tuple[str, ...] = ()
    """Of an answer of several practices those that have answered."""
    patient_ids: tuple[str, ...] = ()
    """Whom it shows without naming them: what a link leads to. Whom the body names is read there."""


def request_of(event: Mapping[str, Any], context: object) -> HttpRequest:
    """Read API Gateway's REST proxy event (payload version 1). Absent parts are empty ones."""
    about = event.get("requestContext") or {}
    headers, request_id = _headers(event), str(about.get("requestId") or getattr(context, "aws_request_id", ""))
    remaining_ms = getattr(context, "get_remaining_time_in_millis", None)
    return HttpRequest(
        method=str(event.get("httpMethod") or "GET").upper(),
        route=str(event.get("resource") or event.get("path") or "/"),
        path=str(event.get("path") or "/"),
        path_params=event.get("pathParameters") or {},
        query=_query(event),
        headers=headers,
        body=_body(event),
        client_id=(about.get("authorizer") or {}).get("client_id"),
        source_ip=str((about.get("identity") or {}).get("sourceIp") or ""),
        request_id=request_id,
        remaining_s=remaining_ms() / 1000 if callable(remaining_ms) else 28.0,
        url=_url(event),
        api_url=own_address.told(event),
        emulated_url=own_address.emulated(event, headers.get("host", "")),
        correlation_id=correlation_of(headers, request_id),
        of_run="task" in event,
    )


def _url(event: Mapping[str, Any]) -> str | None:
    """The address as the caller wrote it: `requestContext.path` has the stage or the base path that `path` lacks."""
    headers, path = _headers(event), (event.get("requestContext") or {}).get("path")
    host = headers.get("host")
    if not host or not path:
        return None
    scheme = "http" if headers.get("x-forwarded-proto") == "http" else "https"
    return f"{scheme}://{host}{path}"


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    many = event.get("multiValueHeaders") or {}
    if many:
        return {name.lower(): ", ".join(values) for name, values in many.items()}
    return {name.lower(): value for name, value in (event.get("headers") or {}).items()}


def _query(event: Mapping[str, Any]) -> dict[str, list[str]]:
    many = event.get("multiValueQueryStringParameters") or {}
    if many:
        return {name: list(values) for name, values in many.items()}
    return {name: [value] for name, value in (event.get("queryStringParameters") or {}).items()}


def _body(event: Mapping[str, Any]) -> bytes | None:
    body = event.get("body")
    if body is None:
        return None
    if not event.get("isBase64Encoded"):
        # Half a character is no UTF-8, and no reason to fail here.
        return str(body).encode(errors="surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        # Not JSON either way; the parser says so in the usual words.
        return b"\xff"
