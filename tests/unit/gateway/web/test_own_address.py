"""Whoever could say where this API is would have practices' data sent to himself."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.web.http import request_of
from gateway.web.own_address import own_address
from tests.fakes.gateway_events import Context, event

ROUTE = "/practices/{id}/sync"
PATH = "/practices/prac_a/sync"


def asked(headers: dict[str, str] | None = None, *, route: str = ROUTE, **about: Any) -> dict[str, Any]:
    made = event("PATCH", route, params={"id": "prac_a"}, headers=headers or {})
    made["requestContext"] = {**made["requestContext"], **about}
    return made


def address(made: dict[str, Any], stage: str = "prod") -> str | None:
    request = request_of(made, Context())
    return own_address(request.api_url, request.emulated_url, stage=stage)


@pytest.mark.parametrize(
    ("domain", "path", "found"),
    [
        ("a1.execute-api.us-east-1.amazonaws.com", f"/v1{PATH}", "https://a1.execute-api.us-east-1.amazonaws.com/v1"),
        ("API.elm.example", PATH, "https://api.elm.example"),
        ("api.elm.example", f"{PATH}/", "https://api.elm.example"),
        ("api.elm.example", f"/dental{PATH}", "https://api.elm.example/dental"),
        ("api.elm.example", f"/dental/gateway{PATH}", "https://api.elm.example/dental/gateway"),
    ],
)
def test_it_is_the_domain_and_what_is_mounted_there(domain: str, path: str, found: str) -> None:
    assert address(asked(domainName=domain, path=path)) == found


@pytest.mark.parametrize(
    ("domain", "path"),
    [
        (None, f"/v1{PATH}"),
        ("", f"/v1{PATH}"),
        ("api.elm.example", None),
        ("api.elm.example", "/sync"),
        ("api.elm.example@evil.example", PATH),
        ("api.elm.example:8443", PATH),
        ("localhost", PATH),
        ("api.elm.example", f"/a b{PATH}"),
        ("api.elm.example", f"/..%2f{PATH}"),
    ],
)
def test_what_is_odd_is_no_address(domain: str | None, path: str | None) -> None:
    assert address(asked(domainName=domain, path=path)) is None


@pytest.mark.parametrize("stage", ["prod", "dev", "sandbox"])
def test_no_header_says_where_the_api_is(stage: str) -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    assert address(asked(headers), stage) == "https://gateway.test/v1"
    assert address(asked(headers, domainName=None, apiId="gateway"), stage) is None


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("127.0.0.1:4566", "http://127.0.0.1:4566/_aws/execute-api/gateway/v1"),
        ("[::1]:4566", "http://[::1]:4566/_aws/execute-api/gateway/v1"),
        ("127.0.0.1", None),
        ("10.0.0.7:4566", None),
        ("169.254.169.254:80", None),
        ("evil.example:80", None),
        ("localhost.evil.example:80", None),
        ("me@127.0.0.1:4566", None),
        ("127.0.0.1:4566/x", None),
        ("127.0.0.1:x", None),
        ("", None),
    ],
)
def test_the_sandboxes_is_this_machine_and_nothing_else_whoever_asks(host: str, found: str | None) -> None:
    made = asked({"Host": host}, domainName=None, apiId="gateway")
    assert address(made, "sandbox") == found
    assert address(made, "dev") is None
    assert address(made, "prod") is None
