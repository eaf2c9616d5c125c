"""What is read of a body that anybody with an office's key may have written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.native.sorting import MOST_ROWS, Kind, Unreadable, told_by
from gateway.core.native.watched import WATCHED

VISIT = {"AptNum": 34, "PatNum": 15, "DateTStamp": "2026-03-02 11:59:58"}
APPOINTMENT = "WatchTable: Appointment"


def body(*rows: Any) -> bytes:
    return json.dumps(list(rows)).encode()


@pytest.mark.parametrize("table", WATCHED)
def test_each_table_that_is_watched_is_sorted_as_what_it_is(table: str) -> None:
    one = WATCHED[table]
    told = told_by(f"WatchTable: {table}", body({MIRRORED[one.resource].key: "9", "PatNum": 15}))

    assert (told.kind, told.watched) == (Kind.DELETIONS if one.is_deletion else Kind.ROWS, one)
    assert told.keys == ({9} if one.is_deletion else set())
    assert len(told.rows) == (not one.is_deletion)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("UiEventType: PatientSelected", Kind.SCREEN),
        ("WatchTable: LabCase", Kind.UNKNOWN),
        ("WatchTable: appointment", Kind.UNKNOWN),
        ("WatchTable: Appointment Patient", Kind.UNKNOWN),
        ("Drop: Table", Kind.UNKNOWN),
    ],
)
def test_what_nothing_is_made_of_is_not_even_read(event: str, kind: Kind) -> None:
    assert told_by(event, b"\xff") == told_by(event, body(VISIT))
    assert told_by(event, b"\xff").kind is kind


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"null",
        b'{"AptNum": 34}',
        b'"text"',
        b"[" * 200_000,
        b'[{"AptNum": ' + b"[" * 200_000,
        b'[{"AptNum": NaN}]',
        b'[{"AptNum": ' + b"9" * 5_000 + b"}]",
        body(1, "2", None, [VISIT]),
        body({"PatNum": 15}),
        body({"AptNum": 0}, {"AptNum": None}, {"AptNum": ""}, {"AptNum": "34a"}, {"AptNum": 3.5}, {"AptNum": {}}),
        body({"AptNum": 2**63}, {"AptNum": -(2**63) - 1}),
    ],
)
def test_a_body_without_a_row_of_its_table_is_unreadable_and_nothing_of_it_is_shown(raw: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        told_by(APPOINTMENT, raw)

    assert str(refused.value) in {"no JSON", "no list of rows", "no row of its table is in it"}
    assert refused.value.__cause__ is None


def test_more_rows_than_a_call_has_are_not_looked_at() -> None:
    with pytest.raises(Unreadable, match="more rows"):
        told_by(APPOINTMENT, b"[" + b",".join([b"0"] * (MOST_ROWS + 1)) + b"]")


def test_keys_come_bare_quoted_and_with_64_bits() -> None:
    keys = [1, "2", 2**63 - 1, str(-(2**63)), 2**53 + 1]
    told = told_by("WatchTable: AppointmentDeleted", body(*({"AptNum": key} for key in keys)))

    assert told.keys == {1, 2, 2**63 - 1, -(2**63), 2**53 + 1}


@pytest.mark.parametrize(
    "odd",
    [
        {"Fee": 10},
        7,
        VISIT | {"PatNum": "no number"},
        VISIT | {"PatNum": 2**64},
    ],
)
def test_rows_that_cannot_be_used_are_counted_and_the_others_taken(odd: Any) -> None:
    told = told_by(APPOINTMENT, body(odd, VISIT))

    assert (told.rows, told.odd) == ((VISIT,), 1)


@pytest.mark.parametrize("number", ["1E+999999999", "-1E-999999999", "9.9E+400"])
def test_a_number_that_would_fill_the_memory_makes_its_row_odd(number: str) -> None:
    raw = b'[{"AptNum": 1, "Fee": %s}, {"AptNum": 2, "More": [{"Fee": %s}]}, {"AptNum": 3}]'
    told = told_by(APPOINTMENT, raw.replace(b"%s", number.encode()))

    assert (told.rows, told.odd) == (({"AptNum": 3},), 2)


@pytest.mark.parametrize("depth", [20, 300, 900])
@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a":', "}")])
def test_a_value_that_is_deeper_than_any_makes_its_row_odd(opens: str, closes: str, depth: int) -> None:
    deep = opens * depth + "1" + closes * depth
    told = told_by(APPOINTMENT, f'[{{"AptNum": 1, "Note": {deep}}}, {{"AptNum": 3}}]'.encode())

    assert (told.rows, told.odd) == (({"AptNum": 3},), 1)


def test_an_empty_list_tells_nothing() -> None:
    assert told_by(APPOINTMENT, b"[]").rows == ()


@pytest.mark.parametrize(
    ("row", "table"),
    [
        (VISIT, "Appointment"),
        ({"PatFieldNum": 1, "PatNum": 15}, "PatField"),
        ({"PatNum": 15, "Guarantor": 15}, "Patient"),
        ({"ProcNum": 3}, None),
    ],
)
def test_a_version_that_names_no_table_is_known_by_the_key_of_its_rows(row: Any, table: str | None) -> None:
    told = told_by("", body(row))

    assert told.watched == (None if table is None else WATCHED[table])


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["AptNum", "PatNum", "x"]), inner),
    max_leaves=8,
)


@given(
    event=st.sampled_from([APPOINTMENT, "WatchTable: AppointmentDeleted", "", "WatchTable: Patient"]), value=anything
)
def test_whatever_is_sent_is_sorted_or_unreadable(event: str, value: Any) -> None:
    try:
        told = told_by(event, json.dumps(value).encode())
    except Unreadable:
        return
    for row in told.rows:
        assert told.watched is not None
        assert -(2**63) <= MIRRORED[told.watched.resource].key_of(row) < 2**63
    assert isinstance(value, list)
    assert len(told.rows) + told.odd + len(told.keys) <= len(value)
