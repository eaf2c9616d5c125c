"""Rows of queries in the form of the lists: what converts, and what is left to the API."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.core.queries import day
from gateway.core.queries.listing import STATEMENTS
from gateway.core.queries.raw_rows import NUMBERED, wire_row
from gateway.core.queries.statement import Statement
from infra.sandbox.practice.schema import tables
from open_dental import catalogue

TABLES = {"patients": "patient", "familymodules": "patplan", "recalls": "recall", "diseases": "disease"}


@pytest.mark.parametrize(("resource", "column"), sorted(NUMBERED))
def test_a_number_becomes_the_word_that_the_published_schema_has_for_it(resource: str, column: str) -> None:
    """A status that is off by one would call the living dead."""
    found = {
        number: wire_row(resource, {column: number}, [column])[column]
        for _, number in tables()[TABLES[resource]].columns[column].words
    }
    words = dict(tables()[TABLES[resource]].columns[column].words)
    # The vendor's pages spell one word in two ways; its number is one.
    spelt = {"InjuredPlantiff": "InjuredPlaintiff"}

    assert found == {number: spelt.get(word, word) for word, number in words.items()}


def test_a_number_that_nobody_has_published_is_no_word_of_another() -> None:
    assert wire_row("patients", {"PatStatus": 9}, ["PatStatus"]) == {"PatStatus": "9"}
    assert wire_row("patients", {"PatStatus": -1}, ["PatStatus"]) == {"PatStatus": "-1"}
    assert wire_row("patients", {"PatStatus": "6"}, ["PatStatus"]) == {"PatStatus": "Prospective"}
    assert wire_row("patients", {"PatStatus": "Patient"}, ["PatStatus"]) == {"PatStatus": "Patient"}
    with pytest.raises(ValueError, match=r"numbers of patients\.Position"):
        wire_row("patients", {"Position": 0}, ["Position"])


def test_days_moments_and_flags_are_written_as_lists_write_them() -> None:
    raw = {"Birthdate": "1980-02-29T00:00:00", "DateTStamp": "2026-03-02T09:30:00", "Premed": 1, "LName": "T"}
    shown = wire_row("patients", raw, raw)

    assert shown == {
        "Birthdate": "1980-02-29", "DateTStamp": "2026-03-02 09:30:00", "Premed": "true", "LName": "T",
    }  # fmt: skip
    assert [wire_row("patients", {"Premed": one}, ["Premed"])["Premed"] for one in (0, False, "False", "1")] == [
        "false", "false", "false", "true",
    ]  # fmt: skip


def test_what_an_outer_join_did_not_find_is_no_value() -> None:
    assert wire_row("familymodules", {"CarrierName": None, "CarrierNum": None}, ["CarrierName", "CarrierNum"]) == {}


def test_a_days_statements_are_among_those_that_are_tried_and_name_no_newer_columns() -> None:
    """An office whose database lacks one column would refuse the whole statement."""
    assert set(day.ALL) <= set(STATEMENTS)
    newest = {
        (resource, name): field.since
        for resource, columns in (("patients", day.PATIENT), ("recalls", day.RECALL))
        for name in columns
        for field in catalogue.resource(resource).fields
        if field.name == name and field.since is not None
    }

    # An old column, which the API has shown since then only.
    assert {name for _, name in newest} == {"Premed"}


@pytest.mark.parametrize("statement", day.ALL, ids=lambda one: one.name)
def test_a_statement_asks_for_the_patients_it_is_given_and_never_for_their_secrets(statement: Statement) -> None:
    text = statement.sql(patients=[3, 5], today=date(2026, 3, 2))

    assert "IN (3, 5)" in text and " ORDER BY " in text
    assert not any(word in text for word in ("SSN", "*", "GROUP_CONCAT"))
