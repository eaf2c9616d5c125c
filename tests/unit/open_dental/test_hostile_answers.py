"""Whatever a machine on the way answers, the client ends in rows or in one of its errors, which say nothing of it."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from open_dental import catalogue, wire
from open_dental.client import Client, Keys
from open_dental.errors import OpenDentalError, classify, text_of

MARK = "Zq7Marker"
"""Stands for a patient's name."""

ASKED: dict[str, dict[str, Any]] = {
    "patients.list": {},
    "patients.get": {"path": {"PatNum": 7}},
    "appointments.create": {"body": {"PatNum": 7, "Op": 1, "AptDateTime": "2026-03-09 09:00:00"}},
    "appointments.update": {"path": {"AptNum": 7}, "body": {"Note": "n"}},
    "accountmodules.Aging": {"path": {"PatNum": 7}},
    "documents.delete": {"path": {"DocNum": 7}},
}
JUNK = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=True)
    | st.sampled_from(
        [MARK, f"<html>{MARK}</html>", f"{MARK}\0", "\ud800" + MARK, "0001-01-01", "9" * 5000, "1e999999999"]
    )
)
VALUES = st.recursive(
    JUNK,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just(MARK) | st.text(max_size=5), inner, max_size=3),
)
TEXTS = VALUES.map(lambda value: json.dumps(value).encode("utf-8", errors="surrogatepass"))
CUT = st.tuples(TEXTS, st.integers(0, 40)).map(lambda made: made[0][: -made[1] or None])
RAW = (
    st.sampled_from(
        [
            b"",
            b" ",
            f"<!DOCTYPE html><html><body>{MARK}</body></html>".encode(),
            f'[{{"PatNum": 7, "LName": "{MARK}'.encode(),
            json.dumps([{"LName": MARK}]).encode("utf-16"),
            json.dumps([{"LName": MARK + "\u00e9"}], ensure_ascii=False).encode("latin-1"),
            b"[" * 100_000,
            b'{"a":' * 50_000,
            b"-" + b"9" * 6000,
            b"[NaN]",
            b"[1e999999999]",
            b'"' + MARK.encode() + b' is invalid"',
            b"\xff\xfe\x00",
            f'"{MARK}"'.encode() * 2,
        ]
    )
    | TEXTS
    | CUT
    | st.binary(max_size=40).map(lambda raw: raw + MARK.encode())
)
STATUSES = st.sampled_from(
    [200, 201, 204, 206, 301, 400, 401, 403, 404, 405, 409, 413, 415, 429, 500, 502, 503, 504, 599]
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from(
            ["application/json", "text/html", "text/plain; charset=x", "", "x" * 300, "a/b;;"]
        ),
        "retry-after": st.sampled_from(["", "-1", "nan", "inf", "9" * 400, "Wed, 21 Oct 2015 07:28:00 GMT", "5"]),
        "location": st.sampled_from([f"/{MARK}", "", "https://[::"]),
        "content-encoding": st.sampled_from(["gzip", "br", "identity", "x-unknown"]),
    },
)


def said(error: BaseException) -> Iterator[str]:
    """What a log of the error could show: it, its causes and what was around them."""
    while error is not None:
        yield from (str(error), repr(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)  # type: ignore[assignment]


@pytest.mark.parametrize("operation", ASKED)
@settings(max_examples=80, derandomize=True)
@given(status=STATUSES, raw=RAW, headers=HEADERS)
def test_a_hostile_answer_is_rows_or_an_error_of_ours(
    operation: str, status: int, raw: bytes, headers: dict[str, str]
) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=raw, headers=headers))
    with Client(Keys("FakeDeveloperKey", "FakeCustomerKey"), transport=transport) as client:
        try:
            data = client.call(operation, **ASKED[operation]).data
            assert not isinstance(data, list) or wire.rows(data) == data
        except OpenDentalError as error:
            shown = "".join(said(error)) + "".join(traceback.format_exception(error))
            assert MARK not in shown.replace(__file__, "")


@settings(max_examples=80, derandomize=True)
@given(status=STATUSES, raw=RAW, headers=HEADERS, bundle=st.none() | VALUES)
def test_a_hostile_answer_of_the_fhir_side_is_too(
    status: int, raw: bytes, headers: dict[str, str], bundle: Any
) -> None:
    if bundle is not None:
        raw = json.dumps({"resourceType": "Bundle", "entry": bundle, "issue": bundle}).encode()
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=raw, headers=headers))
    with Client(Keys("FakeDeveloperKey", "FakeCustomerKey"), transport=transport) as client:
        for ask in (client.capability, lambda: client.fhir("patient", query={"name": "a"})):
            try:
                ask()
            except OpenDentalError as error:
                assert MARK not in "".join(said(error))


@settings(max_examples=150, derandomize=True)
@given(value=VALUES | st.text() | st.decimals() | st.binary(max_size=5))
@example("9" * 10_000_000)
@example("1e" + "9" * 100)
@example("-" * 1_000_000)
@example("0001" + "x" * 10_000_000)
def test_every_reader_takes_every_value_or_says_that_it_is_malformed(value: Any) -> None:
    for read in {*wire.READERS.values(), wire.key, wire.money, wire.yes_no, wire.visit_moment, wire.postal_code}:
        try:
            read(value)
        except wire.Malformed as error:
            assert MARK not in "".join(said(error))
            assert len(str(error)) < 60


@settings(max_examples=100, derandomize=True)
@given(status=STATUSES, raw=RAW, kind=st.sampled_from([None, "application/json", "text/html"]))
def test_every_answer_is_classified(status: int, raw: bytes, kind: str | None) -> None:
    for id_ in ("patients.list", "appointments.create"):
        error = classify(status, raw, kind, catalogue.operation(id_))
        assert error is None or MARK not in str(error)
    assert isinstance(text_of(raw), str)
