"""FHIR's edge: errors in another form, forms as bodies, addresses as the caller wrote them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.core.errors import Invalid, PracticeOffline
from gateway.web.app import HttpApp, http_app
from gateway.web.fhir import as_outcome, base_of, link
from gateway.web.http import Answer, HttpRequest, request_of
from gateway.web.params import AnyQuery, Form
from tests.fakes.fhir_models import problems_of
from tests.fakes.gateway_events import Context, event, read
from tests.fakes.services import FakeServices

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def app() -> HttpApp:
    on = FakeServices()
    app = http_app(lambda: on, errors=as_outcome)

    @app.get("/things")
    def get_things(query: AnyQuery) -> Answer:
        if "bug" in query:
            raise RuntimeError("Jane Marker, born 1980")
        if "offline" in query:
            raise PracticeOffline("the office does not answer", retry_after=59.2)
        if "two" in query:
            errors = [{"param": "name", "detail": "is too short"}, {"param": "date", "detail": "is no day"}]
            raise Invalid("name: is too short", param="name", errors=errors)
        return Answer(200, dict(query))

    @app.post("/things/_search")
    def post_things(form: Form) -> Answer:
        return Answer(200, dict(form))

    return app


def asked(app: HttpApp, *arguments: str, **parts: Any) -> tuple[int, Any, dict[str, str]]:
    answer = app(event(*arguments, **parts), Context())
    return answer["statusCode"], read(answer), answer["headers"]


@pytest.mark.parametrize(
    ("query", "status", "code", "said"),
    [
        ({"bug": "1"}, 500, "exception", "the cause is in the log"),
        ({"offline": "1"}, 503, "transient", "the office does not answer"),
    ],
)
def test_every_error_has_the_form_that_the_app_was_given(
    app: HttpApp, query: dict[str, str], status: int, code: str, said: str
) -> None:
    got, body, headers = asked(app, "GET", "/things", query=query)

    assert (got, body["issue"][0]["code"], body["issue"][0]["diagnostics"]) == (status, code, said)
    assert headers["Content-Type"] == "application/fhir+json"
    assert problems_of(body) == []


def test_a_refusal_of_several_parameters_is_an_issue_for_each(app: HttpApp) -> None:
    _, body, _ = asked(app, "GET", "/things", query={"two": "1"})

    assert [one["expression"] for one in body["issue"]] == [["http.name"], ["http.date"]]


@pytest.mark.parametrize(("method", "route"), [("DELETE", "/things"), ("GET", "/elsewhere")])
def test_what_no_route_takes_has_that_form_too(app: HttpApp, method: str, route: str) -> None:
    status, body, _ = asked(app, method, route)

    assert (status, body["resourceType"]) == (405 if method == "DELETE" else 404, "OperationOutcome")


def test_a_form_and_the_query_are_one(app: HttpApp) -> None:
    status, body, _ = asked(
        app,
        "POST",
        "/things/_search",
        query={"_cursor": "patient:x", "name": "A"},
        headers=FORM,
        body="name=B%26C&given=&birthdate=1980-02-29",
    )

    assert status == 200
    assert body == {"_cursor": ["patient:x"], "name": ["A", "B&C"], "given": [""], "birthdate": ["1980-02-29"]}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ("name=A", {"Content-Type": "application/json"}, 415),
        ("name=%00", FORM, 400),
        ("name=%FF" + "a" * 300_000, FORM, 413),
        ("&".join(f"a{number}=1" for number in range(300)), FORM, 400),
        ("", {}, 200),
    ],
)
def test_what_is_no_form_is_refused(app: HttpApp, body: str, headers: dict[str, str], status: int) -> None:
    assert asked(app, "POST", "/things/_search", body=body, headers=headers)[0] == status


def test_a_control_character_in_a_query_is_refused_unseen(app: HttpApp) -> None:
    status, body, _ = asked(app, "GET", "/things", query={"na\x00me": "Marker"})

    assert (status, body["issue"][0]["expression"]) == (400, ["http.name"])
    assert "Marker" not in str(body)


def request(**headers: str) -> HttpRequest:
    made = event("GET", "/fhir/R4/{type}", params={"type": "Patient"}, headers={**headers})
    return request_of(made, Context())


def test_links_are_addresses_where_the_host_is_known() -> None:
    known = request(Host="api.example.org")

    assert base_of(known) == "https://api.example.org/v1/fhir/R4"
    assert link(known, {"name": ["A&B", "C"]}) == "https://api.example.org/v1/fhir/R4/Patient?name=A%26B&name=C"
    local = replace(request(Host="127.0.0.1:4566"), url=None)
    assert (base_of(local), link(local, {}), link(local, {"a": ["1"]})) == (None, "Patient", "Patient?a=1")


def test_links_keep_the_scheme_that_the_caller_used() -> None:
    assert (
        base_of(request(Host="127.0.0.1:4566", **{"X-Forwarded-Proto": "http"})) == "http://127.0.0.1:4566/v1/fhir/R4"
    )
