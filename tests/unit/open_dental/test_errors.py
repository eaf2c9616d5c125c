"""What an answer means, from its status and its words."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_dental import errors
from open_dental.catalogue import operation
from open_dental.errors import (
    Garbage,
    Gone,
    Interrupted,
    Invalid,
    KeyNotAssigned,
    KeyRefused,
    NotFound,
    NotSent,
    OpenDentalError,
    OutcomeUnknown,
    PermissionMissing,
    PracticeOffline,
    Refused,
    Throttled,
    TimedOut,
    Unauthorized,
    Unavailable,
    VersionTooOld,
    classify,
    text_of,
)

READ = operation("patients.Simple")
WRITE = operation("appointments.create")
JSON = "application/json"

SAID = [
    (400, "The eConnector is not running. Please contact the office.", PracticeOffline),
    (400, "Error: two ECONNECTORs use this registration key", PracticeOffline),
    (503, "Failed to communicate with the API service: no such host.", PracticeOffline),
    (400, "API key has not been assigned.", KeyNotAssigned),
    (401, "API key has not been assigned", KeyNotAssigned),
    (400, "Error. This is most likely a version issue.", VersionTooOld),
    (400, "appointments POST Planned is not a valid method.", VersionTooOld),
    (404, "vitalsigns is not a valid resource", VersionTooOld),
    (405, "", VersionTooOld),
    (400, "An unexpected error occurred.", Interrupted),
    (500, "", Interrupted),
    (502, "Bad gateway", Interrupted),
    (503, "", Interrupted),
    (504, "", TimedOut),
    (408, "", TimedOut),
    (429, "Too many requests", Throttled),
    (410, "Deprecated", Gone),
    (404, "Patient not found", NotFound),
    (404, "Claim not found.", NotFound),
    (404, "", NotFound),
    (400, "PatNum is required", Invalid),
    (400, "'Nonsense' is not a valid parameter.", Invalid),
    (400, "", Invalid),
    (422, "anything", Invalid),
    (401, "", Unauthorized),
    (401, "Unauthorized", Unauthorized),
    (403, "", Unauthorized),
    (401, "This key does not have permission for this method", PermissionMissing),
    (401, "This key is enabled read-only.", PermissionMissing),
    (401, "The developer key is invalid.", KeyRefused),
    (401, "CustomerKey is disabled", KeyRefused),
]


@pytest.mark.parametrize(("status", "text", "kind"), SAID)
def test_an_answer_is_known_by_status_and_words_in_every_body_form(
    status: int, text: str, kind: type[OpenDentalError]
) -> None:
    bodies = [
        json.dumps(text),
        text,
        text.upper(),
        json.dumps({"Message": text}),
        json.dumps({"error": {"message": text}}),
        json.dumps({"issue": [{"severity": "error", "details": {"text": text}}]}),
    ]

    assert {type(classify(status, body.encode(), JSON, WRITE)) for body in bodies} == {kind}


def test_the_words_are_kept_for_people_and_stay_out_of_the_text() -> None:
    said = "Ann Invented, born 1980-01-01, is already scheduled"
    error = classify(400, json.dumps(said).encode(), JSON, WRITE)

    assert isinstance(error, Invalid)
    assert error.message == said
    assert "Ann" not in str(error) + repr(error)
    assert str(error) == "appointments.create: Open Dental calls it invalid (status 400)"


def test_an_invalid_answer_names_the_parameter_that_its_words_name() -> None:
    for text, name in [
        ("AptDateTime format must be yyyy-MM-dd HH:mm:ss", "AptDateTime"),
        ("'Op' is required.", "Op"),
        ("opposite", None),
    ]:
        error = classify(400, json.dumps(text).encode(), JSON, WRITE)
        assert isinstance(error, Invalid)
        assert error.param == name


def test_a_missing_permission_and_an_old_office_say_what_the_catalogue_knows() -> None:
    missing = classify(401, b'"no permission"', JSON, operation("claims.create"))
    old = classify(400, b'"Error. This is most likely a version issue"', JSON, operation("claimprocs.Supplemental"))

    assert isinstance(missing, PermissionMissing)
    assert missing.permission == "Insurance"
    assert "needs Insurance" in str(missing)
    assert isinstance(old, VersionTooOld)
    assert old.since == "25.2.7"


def test_a_query_that_is_not_read_only_is_invalid_and_no_matter_of_the_key() -> None:
    error = classify(401, b'"The query is not read-only"', JSON, operation("queries.ShortQuery"))

    assert isinstance(error, Invalid)
    assert error.param == "SqlCommand"


def test_a_bare_401_is_settled_by_the_permissions_of_the_key() -> None:
    bare = classify(401, b"", None, operation("claims.create"))
    assert isinstance(bare, Unauthorized)

    assert type(bare.settled({"ApiReadAll": True, "ApiInsurance": False})) is PermissionMissing
    assert type(bare.settled({"insurance": False})) is PermissionMissing
    assert type(bare.settled(None)) is KeyRefused
    assert type(bare.settled(None, key_is_right=True)) is PermissionMissing
    assert bare.settled({"ApiInsurance": True}) is bare
    assert bare.settled({"ApiReadAll": False}) is bare


def test_a_pause_is_as_long_as_the_answer_says_or_5_seconds() -> None:
    said, unsaid = (classify(429, b"", None, READ, retry_after=pause) for pause in (12.0, None))

    assert isinstance(said, Throttled)
    assert isinstance(unsaid, Throttled)
    assert (said.retry_after, unsaid.retry_after) == (12.0, 5.0)


HTML = b"<!DOCTYPE html><html>Blocked</html>"


@pytest.mark.parametrize(
    ("status", "body", "content_type"),
    [
        (200, HTML, "text/html"),
        (200, HTML, JSON),
        (200, b"Service Unavailable", "text/html; charset=utf-8"),
        (200, b"", JSON),
        (200, b"   ", JSON),
        (200, b'[{"PatNum": 1', JSON),
        (200, b'"a sentence"', JSON),
        (200, b"null", JSON),
        (200, b"12", JSON),
        (400, HTML, "text/html"),
        (404, b"\xef\xbb\xbf\r\n<html>", None),
        (302, b"", None),
        (304, b"", JSON),
    ],
)
def test_what_cannot_be_rows_is_garbage_on_a_read(status: int, body: bytes, content_type: str | None) -> None:
    assert type(classify(status, body, content_type, READ)) is Garbage


@pytest.mark.parametrize("status", [401, 403, 410, 429, 500, 502, 503, 504])
def test_a_page_of_html_leaves_a_plain_status_what_it_is(status: int) -> None:
    """Nobody outside knows the form of these answers, so only the status counts."""
    error = classify(status, HTML, "text/html", READ)

    assert type(error) is type(classify(status, b"", None, READ))
    assert error is not None
    assert error.message == ""


@pytest.mark.parametrize(("status", "body"), [(200, b"[]"), (200, b'{"PatNum": 1}'), (201, b'[{"PatNum": 1}]')])
def test_rows_are_no_error(status: int, body: bytes) -> None:
    assert classify(status, body, JSON, READ) is None


@pytest.mark.parametrize("body", [b"", b'"Note added."', b"Note added.", b"12", b"{}"])
def test_a_write_may_be_answered_with_a_sentence_or_nothing(body: bytes) -> None:
    assert classify(201, body, JSON, WRITE) is None


def test_half_a_row_after_a_write_leaves_its_outcome_unknown() -> None:
    error = classify(201, b'{"AptNum": 12, "PatNu', JSON, WRITE)

    assert isinstance(error, Garbage)
    assert not error.nothing_done


def test_a_relay_that_lost_the_service_may_have_handed_a_write_over() -> None:
    body = b'"Failed to communicate with the API service: time-out"'
    read, write = (classify(503, body, JSON, one) for one in (READ, WRITE))

    assert isinstance(read, PracticeOffline)
    assert isinstance(write, PracticeOffline)
    assert read.nothing_done
    assert not write.nothing_done


@given(st.integers(300, 599), st.binary(max_size=200), st.sampled_from([None, JSON, "text/html"]))
def test_every_bad_status_is_one_of_the_three_kinds_and_shows_no_words(
    status: int, body: bytes, content_type: str | None
) -> None:
    error = classify(status, body, content_type, READ)

    assert isinstance(error, Refused | Unavailable | OutcomeUnknown)
    assert not error.message or len(error.message) <= errors.MESSAGE_LIMIT
    assert error.message not in str(error) or len(error.message) < 4


@given(st.recursive(st.none() | st.text(max_size=9), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_words_are_looked_for_in_any_json(said: object) -> None:
    assert isinstance(text_of(json.dumps(said).encode()), str)


def test_a_body_of_a_million_brackets_is_only_a_text() -> None:
    assert len(text_of(b"[" * 1_000_000)) == errors.MESSAGE_LIMIT


def _tree(kind: type[OpenDentalError]) -> Iterator[type[OpenDentalError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _tree(one)


@pytest.mark.parametrize("kind", [OpenDentalError, *_tree(OpenDentalError)])
def test_every_class_can_be_made_says_something_of_its_own_and_is_in_the_overview(kind: type[OpenDentalError]) -> None:
    error = kind(operation="claims.get", status=400, message="words of the vendor", reason="reason")

    assert kind.__name__ in (errors.__doc__ or "")
    assert "says" in vars(kind)
    assert "words" not in str(error)
    assert str(error).startswith("claims.get: ")


def test_only_an_unknown_outcome_may_have_done_something() -> None:
    kinds = list(_tree(OpenDentalError))

    assert {kind for kind in kinds if not kind.nothing_done} == {
        kind for kind in kinds if issubclass(kind, OutcomeUnknown)
    }
    assert NotSent.nothing_done
