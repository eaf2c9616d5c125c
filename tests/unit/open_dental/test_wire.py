# ruff: noqa: DTZ001 - the office's wall clock has no zone.
"""The vendor's spelling, both ways."""

import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_dental import wire

CENTS = st.decimals(min_value=-(10**9), max_value=10**9, places=2)
WHOLE_64_BIT = st.integers(-(2**63), 2**63 - 1)
MOMENTS = st.datetimes(min_value=datetime(2, 1, 1)).map(lambda at: at.replace(microsecond=0))
DAYS = st.dates(min_value=date(2, 1, 1))
PRINTED = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1)

ROUND_TRIPS: dict[str, st.SearchStrategy[Any]] = {
    "int": WHOLE_64_BIT,
    "int_string": WHOLE_64_BIT,
    "float": CENTS,
    "decimal_string": CENTS,
    "bool": st.booleans(),
    "bool_string": st.booleans(),
    "string": PRINTED,
    "enum": PRINTED,
    "date": DAYS,
    "datetime": MOMENTS,
    "datetime_iso": MOMENTS,
    "time": st.times().map(lambda at: at.replace(microsecond=0)),
    "color": st.tuples(*[st.integers(0, 255)] * 3),
    "int_array": st.lists(WHOLE_64_BIT.filter(bool)).map(tuple),
}


@pytest.mark.parametrize("type_name", ROUND_TRIPS)
@given(data=st.data())
def test_what_is_written_is_read_back_the_same(type_name: str, data: st.DataObject) -> None:
    value = data.draw(ROUND_TRIPS[type_name])

    on_the_wire = wire.loads(wire.dumps({"Field": wire.write(type_name, value)}).encode())["Field"]

    assert wire.READERS[type_name](on_the_wire) == value


def test_every_type_with_a_value_of_its_own_is_round_tripped() -> None:
    assert set(ROUND_TRIPS) == set(wire.WRITERS) - {"array", "object"}


@given(WHOLE_64_BIT)
def test_a_key_keeps_all_its_digits_bare_or_quoted(number: int) -> None:
    """Offices with random keys have 19-digit ones: a float would make two patients one."""
    assert wire.key(wire.loads(str(number))) == (number or None)
    assert wire.key(wire.loads(f'"{number}"')) == (number or None)


@given(CENTS)
def test_three_forms_of_money_are_one_amount(amount: Decimal) -> None:
    forms = [f"{amount}", f'"{amount}"', f"{amount.normalize():f}", f'"{amount.normalize():f}"']

    assert {wire.money(wire.loads(form)) for form in forms} == {amount}


@pytest.mark.parametrize(
    ("form", "amount"),
    [
        ('"339"', "339.00"),
        ("250.0", "250.00"),
        ('"0"', "0.00"),
        ("0.1", "0.10"),
        ("1.005", "1.01"),
        ("-12.5", "-12.50"),
    ],
)
def test_money_has_two_places_and_no_trace_of_a_float(form: str, amount: str) -> None:
    read = wire.money(wire.loads(form))

    assert isinstance(read, Decimal)
    assert str(read) == amount


@pytest.mark.parametrize("form", ["true", '"true"', '"True"', '"TRUE"', '" true"', "1", '"1"'])
def test_yes_is_yes_in_every_case_bare_or_quoted(form: str) -> None:
    assert wire.flag(wire.loads(form)) is True


@pytest.mark.parametrize("form", ["false", '"false"', '"False"', "0", '"0"'])
def test_no_is_no_in_every_case_bare_or_quoted(form: str) -> None:
    assert wire.flag(wire.loads(form)) is False


@pytest.mark.parametrize(
    "form",
    [
        "2026-03-09",
        "2026-03-09 00:00:00",
        "2026-03-09T14:05:00",
        "3/9/2026",
        "03/09/2026",
        "3/9/2026 2:05:00 PM",
        "03/09/2026 14:05",
    ],
)
def test_a_day_is_the_same_in_every_form(form: str) -> None:
    assert wire.day(form) == date(2026, 3, 9)


@pytest.mark.parametrize(
    ("form", "at"),
    [
        ("2026-03-09 14:05:06", datetime(2026, 3, 9, 14, 5, 6)),
        ("2026-03-09T14:05:06", datetime(2026, 3, 9, 14, 5, 6)),
        ("2026-03-09T14:05:06-07:00", datetime(2026, 3, 9, 14, 5, 6)),
        ("3/9/2026 2:05:06 PM", datetime(2026, 3, 9, 14, 5, 6)),
        ("3/9/2026 12:00:00 AM", datetime(2026, 3, 9)),
        ("3/9/2026 12:30 pm", datetime(2026, 3, 9, 12, 30)),
    ],
)
def test_a_moment_stays_the_wall_clock_it_was(form: str, at: datetime) -> None:
    read = wire.moment(form)

    assert read == at
    assert read.tzinfo is None


@pytest.mark.parametrize(
    "form", [None, "", "0001-01-01", "0001-01-01 00:00:00", "0001-01-01T00:00:00", "1/1/0001", "1/1/0001 12:00:00 AM"]
)
def test_no_date_is_none_in_every_form(form: str | None) -> None:
    assert wire.day(form) is None
    assert wire.moment(form) is None


def test_a_second_nothing_is_none_only_where_it_is_documented() -> None:
    assert wire.day("2001-01-01") == date(2001, 1, 1)
    assert wire.day("2001-01-01", wire.JANUARY_2001) is None
    assert wire.day("2000-01-01T00:00:00", wire.JANUARY_2000) is None


def test_a_visit_at_midnight_has_not_happened_and_a_schedule_at_midnight_has() -> None:
    assert wire.visit_moment("2026-03-09 00:00:00") is None
    assert wire.visit_moment("2026-03-09 08:00:00") == datetime(2026, 3, 9, 8)
    assert wire.clock("00:00:00") == time(0, 0)


def test_nothing_is_none_and_zero_is_an_amount() -> None:
    assert wire.key(0) is None
    assert wire.key("0") is None
    assert wire.money(0) == 0
    assert wire.money("") is None
    assert wire.money_or_unset("-1") is None
    assert wire.money_or_unset(-1) is None
    assert wire.money_or_unset(wire.loads("-1.0")) is None
    assert wire.money_or_unset("-1.50") == Decimal("-1.50")
    assert wire.integer_or_unset(-1) is None
    assert wire.text("   ") is None
    assert wire.yes_no("Unknown") is None
    assert wire.yes_no("Yes") is True
    assert wire.yes_no([]) is None
    assert wire.color("") is None
    assert wire.keys("") == ()
    assert wire.keys("[3, 4]") == (3, 4)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b'{"a": 1', b"<html>", b"NaN", b"[1e]", b"\xff\xfe", b"[" * 100_000, b'"' + b"9" * 10, b"1" * 5000],
)
def test_half_a_text_is_malformed_and_the_error_does_not_carry_it(raw: bytes) -> None:
    """`json`'s own error holds the whole text: a page of patients in a traceback."""
    with pytest.raises(wire.Malformed) as caught:
        wire.loads(raw)

    assert str(caught.value) == "not a JSON text"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_no_number_becomes_a_float() -> None:
    read = wire.loads(b'{"a": 1.10, "b": 9223372036854775807, "c": [1e2, -0.5], "d": {"e": 0.1}}')

    assert read == {
        "a": Decimal("1.10"),
        "b": 2**63 - 1,
        "c": [Decimal(100), Decimal("-0.5")],
        "d": {"e": Decimal("0.1")},
    }
    assert str(read["a"]) == "1.10"


def test_texts_that_other_decoders_refuse_are_read() -> None:
    assert wire.loads(b'\xef\xbb\xbf"a\tb\nc"') == "a\tb\nc"
    assert wire.loads(rb'["\ud83d\ude00", {"n": "cut \ud83d"}]') == ["\N{GRINNING FACE}", {"n": "cut \ufffd"}]


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (wire.integer, "12a"),
        (wire.integer, True),
        (wire.integer, 1.0),
        (wire.integer, Decimal("1E+999999999")),
        (wire.money, "12 dollars"),
        (wire.money, 1.5),
        (wire.money, True),
        (wire.money, "NaN"),
        (wire.money, "1E+999999999"),
        (wire.flag, "maybe"),
        (wire.day, "2026-02-30"),
        (wire.day, "13/13/2026"),
        (wire.day, 20260309),
        (wire.moment, "2026-03-09 25:00:00"),
        (wire.moment, "3/9/2026 13:00 PM"),
        (wire.clock, "25:00:00"),
        (wire.color, "1,2"),
        (wire.color, "1,2,256"),
        (wire.text, ["a"]),
        (wire.keys, 5),
        (wire.rows, "sentence"),
        (wire.rows, [1]),
    ],
)
def test_what_makes_no_sense_is_malformed_and_the_error_does_not_show_it(read: Any, value: Any) -> None:
    with pytest.raises(wire.Malformed) as caught:
        read(value)

    assert str(value) not in str(caught.value)


@pytest.mark.parametrize(
    ("type_name", "value", "written"),
    [
        ("bool_string", True, '"true"'),
        ("bool_string", False, '"false"'),
        ("bool", True, "true"),
        ("decimal_string", Decimal("339"), '"339.00"'),
        ("decimal_string", "5", '"5.00"'),
        ("float", Decimal("250.10"), "250.10"),
        ("float", 3, "3"),
        ("int", "12", "12"),
        ("int", None, "0"),
        ("int_string", 2**63 - 1, f'"{2**63 - 1}"'),
        ("date", date(2026, 3, 9), '"2026-03-09"'),
        ("date", None, '"0001-01-01"'),
        ("datetime", datetime(2026, 3, 9, 14, 5), '"2026-03-09 14:05:00"'),
        ("datetime", None, '"0001-01-01 00:00:00"'),
        ("datetime_iso", datetime(2026, 3, 9, 14, 5), '"2026-03-09T14:05:00"'),
        ("time", time(8, 30), '"08:30:00"'),
        ("string", None, '""'),
        ("color", (1, 2, 3), '"1,2,3"'),
        ("int_array", [1, 2], "[1, 2]"),
        ("array", [{"ProcNum": 1, "Amount": Decimal("20.50")}], '[{"ProcNum": 1, "Amount": 20.50}]'),
    ],
)
def test_the_catalogues_type_decides_the_form_on_the_wire(type_name: str, value: object, written: str) -> None:
    assert wire.dumps(wire.write(type_name, value)) == written


@pytest.mark.parametrize(
    ("type_name", "value"),
    [
        ("float", 0.1),
        ("decimal_string", 0.1),
        ("decimal_string", Decimal("1.005")),
        ("float", None),
        ("int", True),
        ("int", 2**63),
        ("string", 5),
        ("string", "a\0b"),
        ("bool_string", None),
        ("datetime", datetime.fromisoformat("2026-03-09T14:05:00+00:00")),
        ("int_array", "1,2"),
        ("color", (1, 2)),
    ],
)
def test_what_would_arrive_as_something_else_is_not_written(type_name: str, value: object) -> None:
    with pytest.raises(wire.Malformed):
        wire.write(type_name, value)


def test_no_float_gets_into_a_body_by_the_back_door() -> None:
    with pytest.raises(TypeError, match="float"):
        wire.dumps({"rows": [{"Amount": 0.1}]})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_dumps_writes_json(value: object) -> None:
    assert json.loads(wire.dumps(value)) == value


@pytest.mark.parametrize(
    ("type_name", "value", "written"),
    [
        ("bool_string", True, "true"),
        ("bool", False, "false"),
        ("int", 12, "12"),
        ("date", date(2026, 3, 9), "2026-03-09"),
        ("int_array", [1, 2], "1,2"),
        ("float", Decimal("1.50"), "1.50"),
        ("string", "O'Neil", "O'Neil"),
    ],
)
def test_a_query_value_is_plain_text(type_name: str, value: object, written: str) -> None:
    assert wire.write_query(type_name, value) == written
