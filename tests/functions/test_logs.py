"""Nothing that a caller sends, and nothing of a patient, is logged: at DEBUG, by any logger, in any field."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from gateway.web.logging import TALKATIVE, JsonFormatter, configure
from gateway.wiring.background import background_logger
from tests.fakes.gateway_events import Context
from tests.fakes.living import LivingServices
from tests.functions.test_events import FILES, event_of, handler_of

MARKS = ("MARK", "Marker", "Zoe", "1980-02-29", "FakeCustomer", "FakeDeveloper", "odg_test_")


class Everything(logging.Handler):
    """Keeps each record in every form it could be written in."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = JsonFormatter().format(record)
        self.lines.append(json.loads(line))
        own = {name: value for name, value in vars(record).items() if name not in {"pathname", "exc_info"}}
        self.texts.append(f"{line} {record.getMessage()} {own!r}")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Everything]:
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers[:] = [everything := Everything()]
    configure()
    root.setLevel(logging.DEBUG)
    yield everything
    root.handlers[:] = before
    root.setLevel(level)


def marked(value: Any) -> Any:
    """JSON with every text, number and name of a member replaced by a mark."""
    if isinstance(value, dict):
        return {name: marked(inner) for name, inner in value.items()} | {"MARK-name": "MARK-extra"}
    if isinstance(value, list):
        return [marked(inner) for inner in value]
    return "MARK-value" if isinstance(value, str) else value


def variants(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The event, and the same with marks in the path, the query, each header and the body."""
    yield event
    if "httpMethod" not in event:
        return
    yield {**event, "pathParameters": {"id": "MARK-id"}, "path": "/patients/MARK-id"}
    query = event.get("multiValueQueryStringParameters") or {}
    hidden = {name: ["MARK-query"] for name in query}
    yield {**event, "multiValueQueryStringParameters": hidden}
    yield {**event, "multiValueQueryStringParameters": {**hidden, "MARK-param": ["MARK"]}}
    for name in [*event["multiValueHeaders"], "Idempotency-Key", "Prefer", "Cache-Control", "If-None-Match", "Cookie"]:
        changed = {**event["multiValueHeaders"], name: ["MARK-header"]}
        yield {**event, "multiValueHeaders": changed, "headers": {key: one[0] for key, one in changed.items()}}
    body = event.get("body")
    if body is not None:
        yield {**event, "body": '{"MARK": "MARK"'}
        with suppress(ValueError):
            yield {**event, "body": json.dumps(marked(json.loads(body)))}
            several = json.loads(body)
            for name in several if isinstance(several, dict) else ():
                yield {**event, "body": json.dumps(several | {name: "MARK-value"})}
    yield {**event, "httpMethod": "MARK"}
    yield {**event, "resource": "/MARK/{id}"}


@pytest.mark.parametrize("name", FILES)
def test_no_record_holds_what_was_sent(name: str, on: LivingServices, log: Everything) -> None:
    handler = handler_of(name)
    for event in variants(event_of(name)):
        with suppress(Exception):  # the authorizer's only way to say 401
            handler(event, Context())

    for text in log.texts:
        assert not [mark for mark in MARKS if mark in text]


def test_a_request_is_logged_by_ids_and_words_of_ours(on: LivingServices, log: Everything) -> None:
    handler_of("create_appointment/book")(event_of("patients/get"), Context())
    handler_of("patients/get")(event_of("patients/get"), Context())
    line = log.lines[-1]

    assert {name: line[name] for name in ("message", "route", "method", "status", "client_id", "practice_id")} == {
        "message": "answered",
        "route": "/patients/{id}",
        "method": "GET",
        "status": 200,
        "client_id": "cli_ada",
        "practice_id": "prac_mvwg2llton2hezlf",
    }
    assert line["request_id"] == "3f6d2d3c-0000-4000-8000-000000000001"


def test_the_authorizer_writes_whom_it_lets_in_where_it_is_asked_to(on: LivingServices, log: Everything) -> None:
    """The sandbox asks it to; elsewhere nobody pays for a line that the function behind writes as well."""
    handler_of("authorizer/known_token")(event_of("authorizer/known_token"), Context())

    assert [(line["level"], line["message"], line["client_id"]) for line in log.lines] == [
        ("DEBUG", "let in", "cli_ada")
    ]


def test_an_exception_leaves_its_type_and_place(log: Everything) -> None:
    try:
        raise ValueError("MARK: a value")
    except ValueError:
        logging.getLogger("somebody").exception("it went wrong")

    assert (log.lines[-1]["error"], log.lines[-1]["at"].split(":")[0]) == ("ValueError", "test_logs.py")
    assert "MARK" not in json.dumps(log.lines)


def test_a_records_arguments_are_not_written(log: Everything) -> None:
    logging.getLogger("somebody").warning("patient %s of %s", "MARK", "MARK", extra={"body": "MARK", "code": "clash"})

    assert log.lines[-1]["code"] == "clash"
    assert "MARK" not in json.dumps(log.lines)


@pytest.mark.parametrize("name", TALKATIVE)
def test_clients_that_write_urls_and_headers_are_quiet(name: str, log: Everything) -> None:
    logging.getLogger(name).info("GET https://api.opendental.com/api/v1/patients?LName=MARK")
    logging.getLogger(f"{name}.inner").debug("MARK")

    assert not log.lines


def test_a_background_function_writes_the_same_fields_and_its_invocations(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Powertools by itself writes every key it is handed, the arguments put in, and what an exception said."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "a_worker_of_this_test")
    logger = background_logger()

    @logger.inject_lambda_context
    def work(_event: object, _context: object) -> None:
        logger.append_keys(patient="MARK")
        try:
            raise ValueError("MARK")
        except ValueError:
            logger.exception("it broke: %s", "MARK", extra={"body": "MARK", "code": "clash"})

    work({}, Context())
    (line,) = [json.loads(one) for one in capsys.readouterr().out.splitlines()]

    assert "MARK" not in json.dumps(line)
    assert (line["message"], line["error"], line["code"]) == ("it broke: ", "ValueError", "clash")
    assert (line["service"], line["function_request_id"]) == ("a_worker_of_this_test", "a-lambda-request")
    assert "cold_start" in line
