"""What search parameters are read as."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Invalid
from gateway.core.fhir.parameters import Asked, alternatives, begins, days, plain, telecom, when

DAYS = st.dates(date(1900, 1, 1), date(2100, 1, 1))
PREFIXES = {
    "": lambda day, low, high: low <= day <= high,
    "eq": lambda day, low, high: low <= day <= high,
    "ge": lambda day, low, high: day >= low,
    "gt": lambda day, low, high: day > high,
    "sa": lambda day, low, high: day > high,
    "le": lambda day, low, high: day <= high,
    "lt": lambda day, low, high: day < low,
    "eb": lambda day, low, high: day < low,
}


@given(
    asked=DAYS,
    day=DAYS,
    near=st.integers(-40, 40),
    prefix=st.sampled_from(sorted(PREFIXES)),
    size=st.sampled_from([4, 7, 10]),
)
def test_a_date_means_the_days_that_it_leaves_open(asked: date, day: date, near: int, prefix: str, size: int) -> None:
    day = asked + timedelta(days=near) if near % 2 else day
    written = asked.isoformat()[:size]
    open_days = [asked + timedelta(days=number) for number in range(-370, 371)]
    span = [one for one in open_days if one.isoformat().startswith(written)]

    fits = PREFIXES[prefix](day, span[0], span[-1])

    assert when("date", prefix + written).has_day(day.isoformat()) == fits


@pytest.mark.parametrize(
    ("written", "first", "after"),
    [
        ("2026-03-05T10:00:00Z", "10:00:00", "10:00:01"),
        ("2026-03-05T10:00Z", "10:00:00", "10:01:00"),
        ("2026-03-05T05:00:00-05:00", "10:00:00", "10:00:01"),
        ("2026-03-05T05:00-05:00", "10:00:00", "10:01:00"),
        ("2026-03-05T11:00:00+01:00", "10:00:00", "10:00:01"),
        # As a plus sign arrives that was not written as %2B.
        ("2026-03-05T11:00:00 01:00", "10:00:00", "10:00:01"),
    ],
)
def test_a_moment_is_as_long_as_it_is_exact(written: str, first: str, after: str) -> None:
    said = when("date", written)

    assert said.first == datetime.fromisoformat(f"2026-03-05T{first}+00:00")
    assert said.after == datetime.fromisoformat(f"2026-03-05T{after}+00:00")
    assert said.has_instant(f"2026-03-05T{first}Z") and not said.has_instant(f"2026-03-05T{after}Z")


@pytest.mark.parametrize(
    "written",
    [
        "",
        "2026-02-30",
        "2026-13",
        "ne2026",
        "2026-03-05T25:00:00Z",
        "2026-03-05T10:00:00",
        "0001-01-01",
        "0001-01-01T00:00:00+14:00",
        "9999",
        "9999-12",
        "lt9999-12-31",
        "9999-12-31T23:59:59Z",
        "x",
    ],
)
def test_what_is_no_date_is_refused_by_its_parameters_name(written: str) -> None:
    with pytest.raises(Invalid) as refused:
        when("date", written)

    assert refused.value.param == "date"


def test_moments_bound_the_list_by_the_days_around_them() -> None:
    """The office's day may be the one before or after UTC's."""
    asked = Asked("appointment", "appointment")
    ask = days("date_from", "date_to", instant="start_at")
    ask("date", ["ge2026-03-05T01:00:00Z"], asked)
    ask("date", ["lt2026-03-06T00:00:00Z"], asked)

    assert asked.fields == {"date_from": date(2026, 3, 4), "date_to": date(2026, 3, 7)}
    fits = [
        all(test({"start_at": at}) for test in asked.tests) for at in ("2026-03-05T00:59:59Z", "2026-03-05T23:59:59Z")
    ]
    assert fits == [False, True]


@given(
    st.lists(st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1).filter(str.strip), min_size=1)
)
def test_alternatives_are_what_was_joined(values: list[str]) -> None:
    escaped = ["".join("\\" + letter if letter in "\\,|$" else letter for letter in value.strip()) for value in values]

    assert [plain(one) for one in alternatives(",".join(escaped))] == [value.strip() for value in values]


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ("phone|555-555-0197", {"phone": "555-555-0197"}),
        ("email|a@example.com", {"email": "a@example.com"}),
        ("a@example.com", {"email": "a@example.com"}),
        ("5555550197", {"phone": "5555550197"}),
    ],
)
def test_a_telecom_is_a_number_or_an_address(value: str, fields: dict[str, str]) -> None:
    asked = Asked("patient", "patient")
    telecom("telecom", [value], asked)

    assert asked.fields == fields


def test_a_name_is_found_by_the_beginning_of_any_of_its_words() -> None:
    asked = Asked("location", "clinic")
    begins(lambda shown: [shown["name"]])("name", ["de", "Main Str"], asked)

    names = ("Main Street Dental", "Elm", "Dental", None, "Garden")
    assert [asked.tests[0]({"name": name}) for name in names] == [True, False, True, False, False]


def test_one_list_filter_is_never_given_two_values() -> None:
    asked = Asked("patient", "patient")
    asked.give("phone", "phone", "5555550197")
    with pytest.raises(Invalid):
        asked.give("phone", "telecom", "5555550198")
