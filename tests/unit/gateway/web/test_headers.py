"""The headers both ways: preferences, freshness, keys, ages, rates."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Invalid
from gateway.core.json_text import plain, to_json
from gateway.core.operations import Operation, OperationState, Request
from gateway.core.ports import PaceView
from gateway.core.requests import Road
from gateway.web.answers import (
    operation_answer,
    rate_limit,
    read_answer,
    write_answer,
)
from gateway.web.conditional import etag_of
from gateway.web.freshness import freshness_of
from gateway.web.http import HttpRequest, request_of
from gateway.web.idempotency import idempotency_key_of
from gateway.web.prefer import prefer_of
from gateway.web.problems import IdempotencyKeyMissing
from tests.fakes.gateway_events import Context, event
from tests.fakes.identity import NOON
from tests.fakes.services import FakePace, FakeServices

STANDARD = PaceView(interval_s=1.0, waiting=0, next_free_at=None, offline=False, key_refused=False, killed=False)


def request_with(headers: dict[str, str], remaining_ms: int = 28_000) -> HttpRequest:
    return request_of(event("GET", "/things", headers=headers), Context(remaining_ms))


@pytest.mark.parametrize(
    ("prefer", "wait_s", "applied"),
    [
        ("wait=5", 5, ["wait=5"]),
        ("Wait = 5", 5, ["wait=5"]),
        ('wait="5"', 5, ["wait=5"]),
        ("respond-async, wait=5", 5, ["wait=5"]),
        ("respond-async", 0, ["respond-async"]),
        ("wait=0", 0, ["wait=0"]),
        ("wait=5, wait=9", 5, ["wait=5"]),
        ("wait=5; because=slow", 5, ["wait=5"]),
        ("wait=600", 25, ["wait=25"]),
        ("wait=99999999999999999999", 10, []),
        ("wait=-1", 10, []),
        ("wait=soon", 10, []),
        ("wait=٥", 10, []),
        ("handling=lenient", 10, []),
        ("", 10, []),
    ],
)
def test_a_caller_waits_as_long_as_it_prefers(prefer: str, wait_s: float, applied: list[str]) -> None:
    request = request_with({"Prefer": prefer})

    assert prefer_of(request, default_s=10.0).wait_s == wait_s
    assert request.applied == applied


@given(st.integers(0, 28_000), st.integers(0, 10_000), st.sampled_from([10.0, 25.0]))
def test_no_wait_outlasts_the_function(remaining_ms: int, wait: int, default_s: float) -> None:
    for header in ("", f"wait={wait}"):
        granted = prefer_of(request_with({"Prefer": header}, remaining_ms), default_s=default_s).wait_s

        assert 0 <= granted <= max(0.0, remaining_ms / 1000 - 2)


@pytest.mark.parametrize(
    ("header", "max_age_s"),
    [
        ("no-cache", 0),
        ("No-Cache", 0),
        ("no-store", 0),
        ("max-age=0", 0),
        ("max-age=90", 90),
        ('max-age="90"', 90),
        ("max-age=90, no-cache", 0),
        ("max-age=-1", 30),
        ("max-age=x", 30),
        ("max-age", 30),
        ("only-if-cached", 30),
        ("", 30),
    ],
)
def test_an_answer_is_as_fresh_as_the_caller_asks(header: str, max_age_s: float) -> None:
    assert freshness_of(request_with({"Cache-Control": header})).max_age_s == max_age_s


@pytest.mark.parametrize(
    ("header", "min_fresh_s", "road"),
    [
        ("min-fresh=20", 20, Road.ANY),
        ("min-fresh=20, min-fresh=30, only-if-cached", 30, Road.KEPT),
        ("Only-If-Cached, max-age=5", 0, Road.KEPT),
        ("min-fresh=-1, only-if-cached=1", 0, Road.ANY),
        ("max-stale=60", 0, Road.ANY),
    ],
)
def test_a_caller_may_want_what_lasts_or_what_is_kept(header: str, min_fresh_s: float, road: Road) -> None:
    made = freshness_of(request_with({"Cache-Control": header}))

    assert (made.min_fresh_s, made.road) == (min_fresh_s, road)


@pytest.mark.parametrize(
    ("header", "key"),
    [("k", "k"), ('"k"', "k"), ('"a\\"b"', 'a"b'), ("  8e03978e  ", "8e03978e"), ("x" * 255, "x" * 255), ('"', '"')],
)
def test_a_key_is_the_same_quoted_or_bare(header: str, key: str) -> None:
    assert idempotency_key_of(request_with({"idempotency-key": header})) == key


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ("", IdempotencyKeyMissing),
        ('""', IdempotencyKeyMissing),
        ("x" * 256, Invalid),
        ("é", Invalid),
        ("a\tb", Invalid),
    ],
)
def test_a_key_nobody_could_send_again_is_refused(header: str, error: type[Invalid]) -> None:
    with pytest.raises(error) as refused:
        idempotency_key_of(request_with({"Idempotency-Key": header}))

    assert refused.value.param == "Idempotency-Key"


@pytest.mark.parametrize(
    ("pace", "policy", "limit"),
    [
        ({}, '"practice";q=1;w=1', '"practice";r=1;t=0'),
        ({"interval_s": 0.5}, '"practice";q=2;w=1', '"practice";r=2;t=0'),
        ({"interval_s": 5.0, "waiting": 2}, '"practice";q=1;w=5', '"practice";r=0;t=10'),
        ({"next_free_at": NOON + timedelta(seconds=0.2)}, '"practice";q=1;w=1', '"practice";r=0;t=1'),
        ({"next_free_at": NOON - timedelta(hours=1)}, '"practice";q=1;w=1', '"practice";r=1;t=0'),
        ({"interval_s": 7.3}, '"practice";q=1;w=8', '"practice";r=1;t=0'),
    ],
)
def test_the_rate_fields_tell_the_practices_pace(pace: dict[str, Any], policy: str, limit: str) -> None:
    assert rate_limit(replace(STANDARD, **pace), now=NOON) == {"RateLimit-Policy": policy, "RateLimit": limit}


def test_a_practice_without_a_pace_has_no_rate_fields() -> None:
    assert rate_limit(replace(STANDARD, interval_s=0.0), now=NOON) == {}


def read(served_from: str, age: float, **more: Any) -> Any:
    meta = {"age_seconds": age, "served_from": served_from, "practice_id": "prac_elm", "as_of": str(age)}
    return read_answer({"data": [{"id": "pat_1"}], "has_more": False, "meta": meta, **more}, on=FakeServices())


def test_a_live_answer_shows_the_pace_and_a_cached_one_its_age() -> None:
    live, cached = read("live", 0.4), read("cache", 12.9)

    assert live.headers["Age"] == "0" and "RateLimit" in live.headers
    assert cached.headers == {"Cache-Control": "private, no-cache", "Age": "12"}


def test_the_same_rows_have_the_same_tag_whatever_their_age() -> None:
    assert read("live", 0).etag == read("cache", 20).etag
    assert read("live", 0).etag != read("live", 0, has_more=True).etag


def operation(state: OperationState, **more: Any) -> Operation:
    request = Request("appointments.create", "prac_elm", "cli_ada", {"note": "Jane Marker"}, idempotency_key="k")
    return Operation("opn_1", request, state, 1, NOON, "abcdefghijkl", **more)


@pytest.mark.parametrize(
    ("as_it_stands", "status", "headers"),
    [
        (
            operation(OperationState.SUCCEEDED, created=True, result={"id": "appt_1"}),
            201,
            {"Location": "/appointments/appt_1"},
        ),
        (operation(OperationState.SUCCEEDED, result={"id": "appt_1"}), 200, {"Location": None, "Retry-After": None}),
        (operation(OperationState.QUEUED), 202, {"Location": "/operations/opn_1", "Retry-After": "1"}),
        (
            operation(OperationState.RUNNING, eta_at=NOON + timedelta(seconds=3.5)),
            202,
            {"Location": "/operations/opn_1", "Retry-After": "4"},
        ),
        (operation(OperationState.QUEUED, parked_until=NOON + timedelta(days=1)), 202, {"Retry-After": "900"}),
        (operation(OperationState.UNKNOWN), 202, {"Location": "/operations/opn_1", "Retry-After": "60"}),
        (
            operation(OperationState.FAILED, error={"code": "clash", "detail": "taken", "alternatives": [1]}),
            409,
            {"Location": None},
        ),
        (operation(OperationState.FAILED, error={"code": "never heard of"}), 500, {}),
        (operation(OperationState.FAILED), 500, {}),
    ],
)
def test_a_write_is_answered_as_it_stands(as_it_stands: Operation, status: int, headers: dict[str, Any]) -> None:
    answer = write_answer(as_it_stands, location="/appointments/{id}", now=NOON)

    assert answer.status == status
    assert {name: answer.headers.get(name) for name in headers} == headers
    assert answer.etag is None
    assert "Marker" not in to_json(answer.body)


def test_a_failed_operation_shows_its_problem_and_a_settled_one_needs_no_second_look() -> None:
    failed = operation(
        OperationState.FAILED, error={"code": "clash", "detail": "taken", "retryable": False, "alternatives": [1]}
    )
    answer = operation_answer(failed, now=NOON)

    assert answer.status == 200
    assert answer.body["error"]["status"] == 409 and answer.body["error"]["alternatives"] == [1]
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("62"), "62"),
        (Decimal("62.5"), "62.5"),
        (Decimal("62.50"), "62.5"),
        (Decimal("0.1000000000000000000001"), '"0.1000000000000000000001"'),
        (2**63 - 1, "9223372036854775807"),
        (datetime(2026, 3, 2, 6, 0, tzinfo=UTC), '"2026-03-02T06:00:00Z"'),
        (datetime(2026, 3, 2, 6, 0), '"2026-03-02T06:00:00"'),  # noqa: DTZ001 - a wall time
        (date(2026, 3, 2), '"2026-03-02"'),
        (frozenset({"b", "a"}), '["a","b"]'),
        (OperationState.QUEUED, '"queued"'),
        ("Zoë", '"Zoë"'),
    ],
)
def test_values_are_written_as_callers_read_them(value: Any, text: str) -> None:
    assert to_json(value) == text


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_no_number_changes_on_its_way_out(number: Decimal) -> None:
    assert Decimal(str(json.loads(to_json(number)))) == number


def test_a_tag_does_not_depend_on_the_order_of_members() -> None:
    assert etag_of({"a": 1, "b": 2}) == etag_of({"b": 2, "a": 1})


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.dates()
    | st.datetimes(timezones=st.just(UTC))
    | st.frozensets(st.text(), max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4).map(MappingProxyType),
    max_leaves=12,
)


@given(VALUES)
def test_a_tag_stands_for_what_is_sent(value: Any) -> None:
    """Whoever reads the answer and asks again must be told that nothing has changed."""
    assert etag_of(value, default=plain) == etag_of(json.loads(to_json(value)))


def test_paces_that_are_not_asked_are_not_read() -> None:
    class NoPaces(FakePace):
        def view(self, practice_id: str) -> Any:
            raise AssertionError("a cached answer costs no read of the pace")

    on = FakeServices()
    on.paces = NoPaces()
    read_answer({"meta": {"served_from": "cache", "practice_id": "prac_elm"}}, on=on)
