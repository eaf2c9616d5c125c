"""How the vendor's names are spelled here, and found again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.resources.names import RESERVED, field_names, request_names, snake, spelled, vendor_name
from open_dental.catalogue import operation, resource, resources

ALL = [one for name in resources() for one in resource(name).operations]


@pytest.mark.parametrize("name", resources())
def test_every_field_of_a_resource_has_a_name_of_its_own(name: str) -> None:
    """Two fields under one name would show one of them and lose the other."""
    it = resource(name)
    fields = {one.name for fields in (it.fields, *it.action_fields.values()) for one in fields}
    names = field_names(name)

    assert set(names) == fields
    assert len(set(names.values())) == len(fields)
    assert not RESERVED & set(names.values())
    assert all(ours == snake(ours) for ours in names.values())


@pytest.mark.parametrize("one", ALL, ids=[one.id for one in ALL])
def test_what_a_request_takes_is_found_by_either_spelling(one) -> None:  # type: ignore[no-untyped-def]
    names = request_names(one)

    assert len(set(names.values())) == len(names)
    for theirs, ours in names.items():
        assert vendor_name(one, ours) == theirs
        if theirs != theirs.lower():
            assert vendor_name(one, theirs) == theirs


def test_the_column_keeps_the_plain_name_and_its_label_says_what_it_is() -> None:
    names = field_names("appointments")

    assert (names["Confirmed"], names["confirmed"]) == ("confirmed", "confirmed_label")
    assert names["AptDateTime"] == "apt_date_time"


def test_a_name_without_a_capital_letter_is_ours() -> None:
    """`priority` is the vendor's word for a text and ours for the key: one of them must win."""
    create = operation("procedurelogs.create")

    assert vendor_name(create, "priority") == "Priority"
    assert vendor_name(create, "priority_label") == "priority"
    assert vendor_name(create, "Priority") == "Priority"


def test_what_an_operation_does_not_take_is_called_nothing() -> None:
    update = operation("recalls.update")

    for name in ("patnum", "PATNUM", "pat_nums", "Patnum", "", "__class__"):
        assert vendor_name(update, name) is None


@given(st.lists(st.text("abcABC_1", min_size=1, max_size=6), unique=True, max_size=12))
def test_no_two_names_are_spelled_alike_however_they_look(names: list[str]) -> None:
    found = spelled(names, {"a", "b_c"})

    assert set(found) == set(names)
    assert len(set(found.values())) == len(names)
    assert not {"a", "b_c"} & set(found.values())
