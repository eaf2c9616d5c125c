"""The app: what reaches a handler, and how everything else is answered."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from urllib.parse import urljoin

import pytest
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from gateway.core.callers import Caller, Client
from gateway.core.errors import PracticeOffline, StillRunning, Unavailable
from gateway.core.inputs import broken_rule
from gateway.core.operations import OperationState, Request
from gateway.core.requests import Freshness
from gateway.web.app import HttpApp, entrypoint, http_app
from gateway.web.http import Answer
from gateway.web.idempotency import IdempotencyKey
from gateway.web.logging import line_of
from gateway.web.prefer import Prefer
from tests.fakes.gateway_events import Context, event, read
from tests.fakes.identity import NOON
from tests.fakes.services import FakeServices

ADA = Client(id="cli_ada", name="Ada", practices=frozenset(), scopes=frozenset({"notes"}))


class Filters(BaseModel):
    model_config = ConfigDict(frozen=True)
    status: Literal["active", "inactive"] | None = None
    born: date | None = None
    since: AwareDatetime | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    ids: list[str] = Field(default_factory=list)


class Line(BaseModel):
    model_config = ConfigDict(extra="forbid")
    minutes: int


class Cash(BaseModel):
    kind: Literal["cash"]
    amount: Decimal


class Check(BaseModel):
    kind: Literal["check"]
    number: str
    dated: date | None = None
    lines: Annotated[tuple[Line, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _dated(self) -> Self:
        if self.number == "0" and self.dated is None:
            raise broken_rule("dated", "number 0 {needs} a date")
        return self


@pytest.fixture
def on() -> FakeServices:
    services = FakeServices()
    services.callers.put_client(ADA)
    return services


@pytest.fixture
def app(on: FakeServices) -> HttpApp:
    app = http_app(lambda: on)

    @app.get("/things")
    def get_things(filters: Filters, caller: Caller, fresh: Freshness) -> Answer:
        shown = filters.model_dump(mode="json") | {"max_age": fresh.max_age_s, "wait": fresh.wait_s}
        return Answer(200, {"who": caller.id, **shown}, etag="v1")

    @app.get("/things/{id}")
    def get_thing(id: str) -> Answer:
        if id == "offline":
            raise PracticeOffline("the office does not answer", retry_after=59.2)
        if id == "bug":
            raise RuntimeError("Jane Marker, born 1980")
        raise StillRunning(id)

    @app.post("/things")
    def post_things(
        thing: Annotated[Cash | Check, Field(discriminator="kind")], key: IdempotencyKey, prefer: Prefer
    ) -> Answer:
        return Answer(201, {"key": key, "wait": prefer.wait_s, "thing": thing})

    return app


def get(app: HttpApp, **parts: Any) -> dict[str, Any]:
    return app(event("GET", "/things", **parts), Context())


def post(app: HttpApp, body: Any, headers: dict[str, str] | None = None, **parts: Any) -> dict[str, Any]:
    return app(event("POST", "/things", body=body, headers={"Idempotency-Key": "k", **(headers or {})}, **parts), None)


def problem(answer: dict[str, Any]) -> tuple[int, str, str | None]:
    """Status, code and param of a problem, after checking its form."""
    body = read(answer)
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert answer["headers"]["Cache-Control"] == "no-store"
    assert {"type", "title", "status", "code", "detail", "retryable"} <= set(body)
    assert body["status"] == answer["statusCode"]
    return answer["statusCode"], body["code"], body.get("param")


def test_query_headers_and_caller_reach_the_handler_by_type(app: HttpApp) -> None:
    answer = get(
        app,
        query={"status": "active", "born": "1980-02-29", "limit": "7", "ids": ["a,b", "c"]},
        headers={"cache-CONTROL": "max-age=60", "PREFER": "wait=3"},
    )

    assert read(answer) == {
        "who": "cli_ada",
        "status": "active",
        "born": "1980-02-29",
        "since": None,
        "limit": 7,
        "ids": ["a", "b", "c"],
        "max_age": 60.0,
        "wait": 3.0,
    }
    assert answer["headers"]["Preference-Applied"] == "wait=3"


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"stauts": "active"}, "stauts"),
        ({"status": "Jane Marker"}, "status"),
        ({"status": ["active", "inactive"]}, "status"),
        ({"born": "2026-02-30"}, "born"),
        ({"born": "0"}, "born"),
        ({"born": "-86400.0"}, "born"),
        ({"born": "1980-02-29T00:00:00"}, "born"),
        ({"since": "0"}, "since"),
        ({"since": "1600000000.5"}, "since"),
        ({"status": "act\x00ive"}, "status"),
        ({"ids": ["a", "b\n"]}, "ids"),
        ({"limit": "0"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"limit": "1e2"}, "limit"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named_and_not_repeated(
    app: HttpApp, query: dict[str, Any], param: str
) -> None:
    answer = get(app, query=query)

    assert problem(answer) == (400, "invalid", param)
    assert "Marker" not in answer["body"]


def test_a_parameter_where_none_is_taken_is_refused(app: HttpApp) -> None:
    answer = app(event("GET", "/things/{id}", params={"id": "x"}, query={"expand": "lines"}), Context())

    assert problem(answer) == (400, "invalid", "expand")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"kind": "cash", "amount": "62.10"}, (201, None)),
        ({"kind": "check", "number": "7", "dated": "2026-03-01"}, (201, None)),
        ({"kind": "cash", "amount": "1", "amonut": "2"}, (400, "amonut")),
        ({"kind": "check", "number": 7}, (400, "number")),
        ({"kind": "check", "number": "7", "dated": "0"}, (400, "dated")),
        ({"kind": "check", "number": "7", "lines": [{"minutes": "5"}]}, (400, "lines.0.minutes")),
        ({"kind": "check", "number": "7", "lines": [{"minutes": True}]}, (400, "lines.0.minutes")),
        ({"kind": "check", "number": "7", "lines": [{"minutes": 5, "x": 1}]}, (400, "lines.0.x")),
        ({"kind": "check", "number": "0"}, (400, "dated")),
        ({"kind": "check", "number": "7\x00"}, (400, "number")),
        ({"kind": "check", "number": "7", "Jane\nMarker": 1}, (400, "body")),
        ({"kind": "cash", "amount": "1", "deep": {"in": ["x", "Marker\x1b"]}}, (400, "deep.in.1")),
        ({"kind": "Jane Marker"}, (400, "kind")),
        ({}, (400, "kind")),
    ],
)
def test_a_body_is_taken_as_json_means_it(app: HttpApp, body: Any, expected: tuple[int, str | None]) -> None:
    answer = post(app, body)

    assert (answer["statusCode"], read(answer).get("param")) == expected
    assert "Marker" not in answer["body"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 400, "body-not-json"),
        (None, 400, "body-not-json"),
        ("{", 400, "body-not-json"),
        ("[]", 400, "body-not-json"),
        ("null", 400, "body-not-json"),
        ('{"kind": NaN}', 400, "body-not-json"),
        ("[" * 100_000, 400, "body-not-json"),
        ("1" * 5000, 400, "body-not-json"),
        ('{"kind": "check", "number": "\\ud800"}', 400, "body-not-json"),
        ('{"kind": "cash", "amount": "1", "amount": "2"}', 400, "invalid"),
        ('{"kind": "' + "x" * 256 * 1024 + '"}', 413, "too-large"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(app: HttpApp, body: Any, status: int, code: str) -> None:
    assert problem(post(app, body))[:2] == (status, code)


def test_the_item_of_a_list_is_named_and_not_the_list_that_lacks_it(app: HttpApp) -> None:
    answer = read(post(app, {"kind": "check", "number": "7", "lines": [{"minutes": "5"}]}))

    assert answer["param"] == "lines.0.minutes"
    assert "errors" not in answer


@pytest.mark.parametrize(("encoding", "status"), [("utf-8-sig", 201), ("utf-16", 400), ("utf-32", 400)])
def test_a_body_is_utf8_with_or_without_its_mark(app: HttpApp, encoding: str, status: int) -> None:
    sent = event("POST", "/things", headers={"Idempotency-Key": "k"}, body="{}")
    body = base64.b64encode('{"kind": "cash", "amount": "1"}'.encode(encoding)).decode()
    answer = app({**sent, "body": body, "isBase64Encoded": True}, None)

    assert answer["statusCode"] == status
    assert status == 201 or problem(answer)[1] == "body-not-json"


def test_a_body_in_base64_is_read_and_a_broken_one_refused(app: HttpApp) -> None:
    sent = event("POST", "/things", headers={"Idempotency-Key": "k"}, body='{"kind": "cash", "amount": "1"}')
    coded = {**sent, "body": base64.b64encode(sent["body"].encode()).decode(), "isBase64Encoded": True}

    assert app(coded, None)["statusCode"] == 201
    for broken in ("%%%", "é"):
        assert problem(app({**coded, "body": broken}, None))[:2] == (400, "body-not-json")


@pytest.mark.parametrize(
    ("content_type", "status"),
    [("application/json; charset=utf-8", 201), ("application/x-www-form-urlencoded", 415), ("text/plain", 415)],
)
def test_bodies_are_json(app: HttpApp, content_type: str, status: int) -> None:
    answer = post(app, {"kind": "cash", "amount": "1"}, {"Content-Type": content_type})

    assert answer["statusCode"] == status


def test_a_write_without_a_key_is_refused_by_the_headers_name(app: HttpApp) -> None:
    answer = app(event("POST", "/things", body={"kind": "cash", "amount": "1"}), None)

    assert problem(answer) == (400, "idempotency-key-missing", "Idempotency-Key")


@pytest.mark.parametrize(("method", "route"), [("GET", "/nothing"), ("GET", "/things/{id}/x")])
def test_an_unknown_path_is_a_problem(app: HttpApp, method: str, route: str) -> None:
    assert problem(app(event(method, route, params={"id": "1"}), None))[:2] == (404, "not-found")


def test_a_method_the_path_does_not_take_is_answered_with_those_it_takes(app: HttpApp) -> None:
    answer = app(event("DELETE", "/things"), None)

    assert problem(answer)[:2] == (405, "method-not-allowed")
    assert answer["headers"]["Allow"] == "GET, HEAD, POST"


def test_a_stranger_learns_nothing_from_his_mistakes(app: HttpApp) -> None:
    assert problem(get(app, query={"stauts": "x"}, client_id=None))[:2] == (401, "unauthenticated")
    assert problem(get(app, query={"stauts": "x"}, client_id="cli_gone"))[:2] == (401, "unauthenticated")


def test_a_client_that_asks_too_often_is_told_so_whatever_it_asks_and_another_is_answered(
    app: HttpApp, on: FakeServices
) -> None:
    on.callers.put_client(replace(ADA, requests_per_minute=3))
    on.callers.put_client(replace(ADA, id="cli_ben"))
    on.clock.sleep(18.5)
    asked = [get(app), app(event("HEAD", "/things"), Context()), get(app, query={"limit": "0"}), get(app)]
    refused = asked[-1]

    assert [answer["statusCode"] for answer in asked] == [200, 200, 400, 429]
    assert problem(refused)[1] == "rate-limited"
    assert (read(refused)["retryable"], read(refused)["requests_per_minute"]) == (True, 3)
    assert refused["headers"]["Retry-After"] == "42"
    assert get(app, client_id="cli_ben")["statusCode"] == 200


def test_a_client_nobody_knows_is_not_counted(app: HttpApp, on: FakeServices) -> None:
    get(app, client_id="cli_nobody")
    app(event("GET", "/things", client_id=None), Context())

    assert on.callers.requests == {}


def test_a_request_that_cannot_be_counted_is_answered_and_leaves_only_the_clients_id_in_the_log(
    app: HttpApp, on: FakeServices, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(client_id: str, *, at: object) -> int:
        raise Unavailable("the record of clients does not answer")

    monkeypatch.setattr(on.callers, "count_request", fail)
    answer = get(app)
    (line,) = (line_of(record) for record in caplog.records if record.levelname == "WARNING")

    assert answer["statusCode"] == 200
    assert set(line) == {"time", "level", "logger", "message", "client_id"}
    assert line["client_id"] == ADA.id


def test_an_unavailable_practice_says_when_to_come_back(app: HttpApp) -> None:
    answer = app(event("GET", "/things/{id}", params={"id": "offline"}), None)

    assert problem(answer)[:2] == (503, "practice-offline")
    assert answer["headers"]["Retry-After"] == "60"
    assert read(answer)["retryable"] is True


def test_a_bug_is_a_problem_that_shows_nothing_of_itself(
    app: HttpApp, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    answer = app(event("GET", "/things/{id}", params={"id": "bug"}), None)

    assert problem(answer)[:2] == (500, "internal")
    assert "Marker" not in answer["body"]
    bug = next(record for record in caplog.records if record.levelname == "ERROR")
    assert (bug.error, bug.at.split(":")[0]) == ("RuntimeError", "test_app.py")  # type: ignore[attr-defined]
    assert "Marker" not in caplog.text


def test_a_wait_that_is_over_leads_to_the_operation(app: HttpApp, on: FakeServices) -> None:
    request = Request(kind="fetch.patients", practice_id="prac_elm", client_id="cli_ada", input={"born": "1980"})
    operation = on.operations.open(request, now=NOON).operation
    answer = app(event("GET", "/things/{id}", params={"id": operation.id}), None)

    assert answer["statusCode"] == 202
    assert answer["headers"]["Location"] == f"../operations/{operation.id}"
    assert answer["headers"]["Retry-After"] == "1"
    assert read(answer)["state"] == OperationState.QUEUED
    assert "1980" not in answer["body"]


@pytest.mark.parametrize("before", ["https://api.example.com", "https://a1b2.execute-api.us-east-1.amazonaws.com/v1"])
@pytest.mark.parametrize("path", ["/things/{}", "/things/{}/"])
def test_the_way_to_an_operation_is_found_from_any_address(
    app: HttpApp, on: FakeServices, before: str, path: str
) -> None:
    """API Gateway's own domain has the stage in its paths, a domain of the user's has not."""
    request = Request(kind="fetch.patients", practice_id="prac_elm", client_id="cli_ada", input={})
    operation = on.operations.open(request, now=NOON).operation
    sent = event("GET", "/things/{id}", params={"id": operation.id}) | {"path": path.format(operation.id)}
    answer = app(sent, None)

    found = urljoin(before + path.format("a%2Fb"), answer["headers"]["Location"])
    assert found == f"{before}/operations/{operation.id}"


def test_head_is_get_without_its_body(app: HttpApp) -> None:
    full, bare = (app(event(method, "/things"), Context()) for method in ("GET", "HEAD"))

    assert (bare["statusCode"], bare["headers"]) == (full["statusCode"], full["headers"])
    assert full["body"] and not bare["body"]


@pytest.mark.parametrize(
    ("header", "status"),
    [('"v1"', 304), ('W/"v1"', 304), ('"v0", "v1"', 304), ("*", 304), ('"v0"', 200), ("v1", 200), ("", 200)],
)
def test_what_the_caller_holds_already_is_not_sent_again(app: HttpApp, header: str, status: int) -> None:
    answer = get(app, headers={"If-None-Match": header})

    assert answer["statusCode"] == status
    assert answer["headers"]["ETag"] == '"v1"'
    assert bool(answer["body"]) == (status == 200)


def test_headers_are_found_without_the_multi_value_form(app: HttpApp) -> None:
    sent = event("GET", "/things", headers={"Prefer": "wait=2"}, query={"limit": "3"})
    sent |= {"multiValueHeaders": None, "multiValueQueryStringParameters": None}
    body = read(app(sent, Context()))

    assert (body["wait"], body["limit"]) == (2.0, 3)


def test_an_event_with_nothing_in_it_is_answered(app: HttpApp) -> None:
    assert problem(entrypoint(app)({}, None))[0] == 404


def test_numbers_in_answers_keep_their_digits(app: HttpApp) -> None:
    answer = post(app, {"kind": "cash", "amount": "9007199254740993.10"})

    assert json.loads(answer["body"])["thing"]["amount"] == "9007199254740993.10"


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({"stauts": "x"}, 'there is no such parameter; did you mean "status"?'),
        ({"xyz": "x"}, "there is no such parameter; known are status, born, since, limit, ids"),
        ({"born": "2026-02-30"}, "born: takes a date of the calendar, written as YYYY-MM-DD"),
        ({"since": "Marker"}, "since: takes a time of the calendar, written as YYYY-MM-DDThh:mm:ss"),
        ({"since": "2026-02-03T10:00:00"}, "since: takes a time with its offset, such as 2026-03-09T14:00:00Z"),
        ({"limit": "501"}, "limit: takes a number of at most 500"),
        ({"limit": "many"}, "limit: takes a whole number"),
        ({"status": "Marker"}, "status: takes active or inactive"),
    ],
)
def test_a_refused_parameter_is_told_what_it_takes(app: HttpApp, query: dict[str, Any], detail: str) -> None:
    assert read(get(app, query=query))["detail"] == detail


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("", "the body is empty: send one JSON object"),
        ({"kind": "Marker"}, 'kind: say "cash" or "check"'),
        ({"amount": "1"}, 'kind: say "cash" or "check"'),
        ({"kind": "check", "nubmer": "7", "number": "7"}, 'there is no such field; did you mean "number"?'),
        ({"kind": "cash", "amount": "1", "xyz": 1}, "there is no such field; known are kind, amount"),
        (
            {"kind": "check", "number": "7", "lines": [{"minutes": 5, "minute": 5}]},
            'there is no such field; did you mean "minutes"?',
        ),
        ({"kind": "check", "number": 7}, "number: takes text"),
        ({"kind": "check"}, "number: is needed"),
    ],
)
def test_a_refused_field_is_told_what_it_takes(app: HttpApp, body: Any, detail: str) -> None:
    assert read(post(app, body))["detail"] == detail
