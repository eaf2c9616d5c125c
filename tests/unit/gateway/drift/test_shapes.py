"""What rows look like, held against the catalogue."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.drift import shapes
from gateway.core.drift.known import Odd, Oddity
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from open_dental import catalogue
from open_dental.versions import Version
from tests.fakes.deployment import deployed
from tests.fakes.drifts import FakeDrifts
from tests.fakes.identity import NOON

VERSION = "25.3.36"
RECALLS = UpstreamCall("recalls.list")


@pytest.fixture(scope="module")
def recall() -> dict[str, Any]:
    with deployed("--patients", "5") as d:
        row: dict[str, Any] = d.on.upstream.send(d.on.practices.get(d.practice_id), RECALLS).row
        return row


def found(row: dict[str, Any], version: str | None = VERSION) -> set[tuple[str, str]]:
    return {(one.kind.value, one.field) for one in shapes.differences(RECALLS, UpstreamAnswer(200, [row]), version)}


def test_rows_that_are_as_the_catalogue_says_differ_in_nothing() -> None:
    with deployed("--patients", "10") as d:
        practice, asked = d.on.practices.get(d.practice_id), 0
        for name in catalogue.resources():
            for one in catalogue.resource(name).operations:
                if one.kind != "list" or any(param.required for param in one.query) or one.permission == "PortalKey":
                    continue
                if not Version.parse(practice.version or "").has(one.since):
                    continue
                call = UpstreamCall(one.id)
                assert not shapes.differences(call, d.on.upstream.send(practice, call), practice.version), one.id
                asked += 1
        assert asked > 60


def test_a_new_a_missing_and_a_retyped_field_are_named_and_their_values_are_not(recall: dict[str, Any]) -> None:
    changed = {**recall, "ShinyNew": "Anna Smith", "RecallNum": "Anna Smith"}
    del changed["DateDue"]

    assert found(changed) == {("new", "ShinyNew"), ("missing", "DateDue"), ("retyped", "RecallNum")}


def test_a_field_of_a_later_version_is_missed_only_where_the_version_has_it() -> None:
    late = [
        (one.id, field)
        for name in catalogue.resources()
        for one in catalogue.resource(name).operations
        if one.effect == "read" and one.shape == "array" and name != "queries"
        for field in catalogue.resource(name).fields_of(one)
        if field.since is not None and not field.derived
    ]
    operation, field = late[0]
    row = {one.name: None for one in catalogue.resource(operation.partition(".")[0]).fields_of(operation)}
    del row[field.name]

    def missed(version: str) -> bool:
        odd = shapes.differences(UpstreamCall(operation), UpstreamAnswer(200, [row]), version)
        return Odd(operation, Oddity.MISSING, field.name) in odd

    assert missed("99.1")
    assert not missed("1.0")


def test_a_row_whose_keys_are_data_leaves_none_of_them(recall: dict[str, Any]) -> None:
    assert found({**recall, "Smith, Anna (1980)": 1, "anna@example.com": 2}) == {("new", "unnamed")}


def test_a_full_page_of_fewer_rows_than_were_asked_for_is_noticed(recall: dict[str, Any]) -> None:
    call = UpstreamCall("recalls.list", query={"Limit": 1000})
    odd = shapes.differences(call, UpstreamAnswer(200, [recall] * 100), VERSION)

    assert odd == {Odd("recalls.list", Oddity.SHORT_PAGE, "100")}
    assert not shapes.differences(call, UpstreamAnswer(200, [recall] * 99), VERSION)


@given(
    data=st.recursive(
        st.none() | st.booleans() | st.integers() | st.decimals() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    )
)
def test_whatever_an_office_sends_nothing_is_raised_and_little_is_kept(data: Any) -> None:
    row = {"RecallNum": data, "PatNum": data, "DateDue": data}
    for sent in ([row], [data], data if isinstance(data, dict | list) else None):
        odd = shapes.differences(RECALLS, UpstreamAnswer(200, sent), VERSION)
        assert len(odd) <= shapes.MOST_OF_A_ROW


def test_what_was_noted_costs_nothing_for_an_hour_and_is_noted_again_after() -> None:
    drifts, odd = FakeDrifts(), {Odd("recalls.list", Oddity.NEW, "ShinyNew"): 3}
    for minutes in range(0, 121, 5):
        shapes.note("prac_a", odd, drifts=drifts, now=NOON + timedelta(minutes=minutes))

    assert drifts.writes == 3
    (seen,) = drifts.odd("prac_a", now=NOON + timedelta(hours=2))
    assert (seen.first_at, seen.last_at, seen.count) == (NOON, NOON + timedelta(hours=2), 9)


def test_an_office_that_makes_up_names_writes_no_more_than_a_hundred_times_an_hour() -> None:
    drifts = FakeDrifts()
    for number in range(300):
        odd = {Odd("recalls.list", Oddity.NEW, f"Made{number}"): 1}
        shapes.note("prac_a", odd, drifts=drifts, now=NOON)

    assert drifts.writes == shapes.MOST_OF_A_PRACTICE
