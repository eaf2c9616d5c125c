"""Rows by the types of the catalogue, and what never comes out of one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.json_text import to_json
from gateway.core.resources.names import field_names
from gateway.core.resources.secrets import is_secret, without_secrets
from gateway.core.resources.typed import by_value, shape_of
from open_dental import wire
from open_dental.catalogue import operation, resource, resources

READS = [one for name in resources() for one in resource(name).operations if one.effect == "read"]


def typed(operation_id: str, row: Mapping[str, Any]) -> dict[str, Any]:
    return shape_of(operation(operation_id)).typed(wire.loads(json.dumps(row)))


def test_values_have_the_types_of_their_columns() -> None:
    shown = typed(
        "appointments.list",
        {
            "AptNum": 34,
            "PatNum": "15",
            "Confirmed": 19,
            "confirmed": "Not Called",
            "ProvHyg": 0,
            "IsHygiene": "True",
            "AptDateTime": "2026-03-05 09:00:00",
            "DateTimeArrived": "0001-01-01 00:00:00",
            "Note": "  two blanks  ",
            "Pattern": "",
        },
    )

    assert shown == {
        "apt_num": "34",
        "pat_num": "15",
        "confirmed": "19",
        "confirmed_label": "Not Called",
        "prov_hyg": None,
        "is_hygiene": True,
        "apt_date_time": "2026-03-05T09:00:00",
        "date_time_arrived": None,
        "note": "two blanks",
        "pattern": None,
    }


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("339", "339.00"),
        ("250.0", "250.00"),
        ("0", "0.00"),
        ("-0.0", "0.00"),
        ("7.5", "7.50"),
        ("1.5E2", "150.00"),
        ("-12.345", "-12.345"),
        ("12345678901234567.89",) * 2,
    ],
)
def test_an_amount_is_text_with_two_places_or_more(written: str, text: str) -> None:
    row = wire.loads(f'{{"AdjAmt": {written}}}')

    assert shape_of(operation("adjustments.list")).typed(row) == {"adj_amt": text}


def test_a_key_of_19_digits_keeps_every_one() -> None:
    assert typed("patients.get", {"PatNum": 2**62 + 1}) == {"pat_num": str(2**62 + 1)}


def test_an_odd_value_spoils_neither_its_row_nor_the_page() -> None:
    shown = typed("appointments.list", {"AptNum": 34, "AptDateTime": "next week", "IsHygiene": "perhaps", "Op": "A"})

    assert shown == {"apt_num": "34", "apt_date_time": "next week", "is_hygiene": "perhaps", "op": "A"}


def test_a_field_of_a_newer_office_is_shown_by_its_value() -> None:
    row = {"AptNum": 1, "BrandNew": "true", "NewNum": 7, "NewDate": "0001-01-01", "Parts": [{"IsIn": "false", "N": 1}]}
    first, again = (typed("appointments.list", row) for _ in range(2))

    assert first == again == {
        "apt_num": "1",
        "brand_new": True,
        "new_num": "7",
        "new_date": None,
        "parts": [{"is_in": False, "n": 1}],
    }  # fmt: skip


def test_names_with_a_blank_too_many_are_known() -> None:
    assert typed("allergydefs.list", {"Description ": "Latex"}) == {"description": "Latex"}


SECRETS = {"SSN": "900-00-0001", "CustomerKey": "FakeKey", "DeveloperKey": "FakeKey", "Password": "hunter2"}
MORE = {"SftpPassword": "hunter2", "PasswordHash": "abc", "ssn": "900-00-0001", "patSSN": "900-00-0001"}


@pytest.mark.parametrize("one", READS, ids=[one.id for one in READS])
def test_no_secret_comes_out_of_any_answer(one) -> None:  # type: ignore[no-untyped-def]
    inner = {**SECRETS, **MORE, "Kept": 1}
    row = {"Kept": 1, **inner, "nested": inner, "many": [inner]}
    for shown in (shape_of(one).typed(row), without_secrets(row)):
        text = to_json(shown)
        assert not any(secret in text for secret in ("900-00", "FakeKey", "hunter2", "abc"))
        assert text.count("ept") == 3


def test_every_field_that_the_catalogue_has_of_the_kind_is_one() -> None:
    cut = {
        (name, one.name)
        for name in resources()
        for fields in (resource(name).fields, *resource(name).action_fields.values())
        for one in fields
        if is_secret(one.name)
    }

    assert cut == {
        ("apikeys", "CustomerKey"), ("subscriptions", "CustomerKey"), ("userods", "Password"),
        ("patients", "SSN"), ("providers", "SSN"), ("referrals", "SSN"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("operation_id", "row"),
    [
        ("preferences.list", {"PrefName": "EmailPassword", "ValueString": "hunter2"}),
        ("preferences.list", {"PrefName": "XWebAuthKey", "ValueString": "hunter2"}),
        ("preferences.list", {"PrefName": "PaySimpleApiKey", "ValueString": "hunter2"}),
        ("preferences.list", {"PrefName": "ClearinghouseToken", "ValueString": "hunter2"}),
        # What an office proves to Open Dental who it is with.
        ("preferences.list", {"PrefName": "RegistrationKey", "ValueString": "hunter2"}),
        ("sheetfields.list", {"FieldName": "SSN", "FieldValue": "hunter2"}),
        ("sheetfields.list", {"FieldName": "patSSN", "FieldValue": "hunter2"}),
        ("patfields.list", {"FieldName": "SS#", "FieldValue": "hunter2"}),
        ("chartmodules.PatientInfo", {"Field": "SS Number", "Content": "hunter2"}),
        ("chartmodules.PatientInfo", {"Field": "Social Security", "Content": "hunter2"}),
    ],
)
def test_a_value_is_cut_where_its_label_says_what_it_is(operation_id: str, row: dict[str, str]) -> None:
    assert "hunter2" not in to_json(typed(operation_id, row))
    assert "hunter2" not in to_json(without_secrets(row))


@pytest.mark.parametrize("label", ["ProgramVersion", "ClassNotes", "AssignBenefits", "PassiveMode", "KeyboardLayout"])
def test_other_values_with_a_label_are_kept(label: str) -> None:
    row = {"PrefName": label, "ValueString": "kept"}

    assert typed("preferences.list", row)["value_string"] == without_secrets(row)["ValueString"] == "kept"


_LEAF = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-(10**9), 10**9).map(lambda thousandths: Decimal(thousandths) / 1000),
    st.text(max_size=12),
    st.sampled_from(["true", "0001-01-01", "2026-02-30", "2026-03-02 09:00:00", "12", "1E+99", "", " "]),
)
_JSON = _LEAF | st.lists(_LEAF, max_size=2) | st.dictionaries(st.text(max_size=6), _LEAF, max_size=2)


@given(st.sampled_from(READS), st.lists(_JSON, min_size=3, max_size=3), st.integers(0, 1000))
def test_whatever_a_column_holds_a_row_is_shown_with_all_its_columns(one, values, start) -> None:  # type: ignore[no-untyped-def]
    """A page must not be lost to a value that nobody has seen before."""
    fields = resource(one.resource).fields_of(one)
    row = {fields[(start + at) % len(fields)].name: value for at, value in enumerate(values)} if fields else {}
    names = field_names(one.resource)
    shown = shape_of(one).typed(row)

    assert set(shown) == {names[name] for name in row if not is_secret(name)}
    json.loads(to_json(shown))


@given(_JSON)
def test_any_value_has_a_form(value: object) -> None:
    json.loads(to_json({"it": by_value(value), "raw": without_secrets(value)}))
