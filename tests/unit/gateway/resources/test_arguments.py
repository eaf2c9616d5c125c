"""What a caller sends, held against the catalogue: by name, type, word and version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from gateway.core.errors import AppError, Invalid, VersionTooOld
from gateway.core.resources.arguments import body_of, query_of
from gateway.core.resources.names import request_names
from open_dental import wire
from open_dental.catalogue import operation, resource, resources
from tests.fakes.services import ELM_STREET

NEW = replace(ELM_STREET, version="26.3.1.0")
WRITES = [one for name in resources() for one in resource(name).operations if one.body]
BODY: dict[str, Any] = {
    "PatNum": "15",
    "recall_type_num": 1,
    "date_due": "2026-03-02",
    "recall_interval": "1y",
    "is_disabled": False,
    "disable_until_balance": Decimal("12.5"),
    "Note": "two\nlines",
}


def body(id_: str = "recalls.create", **given: Any) -> dict[str, Any]:
    return body_of(operation(id_), given, NEW)


def query(id_: str, **given: str) -> dict[str, Any]:
    return query_of(operation(id_), {name: [value] for name, value in given.items()}, NEW)


def refused(make: Callable[[], object]) -> AppError:
    with pytest.raises(AppError) as caught:
        make()
    return caught.value


def test_either_spelling_becomes_the_vendors() -> None:
    assert body(**BODY) == {
        "PatNum": 15,
        "RecallTypeNum": 1,
        "DateDue": "2026-03-02",
        "RecallInterval": "1y",
        "IsDisabled": False,
        "DisableUntilBalance": "12.5",
        "Note": "two\nlines",
    }
    assert query("procedurelogs.list", pat_num="15", DateTStamp="2026-03-02T09:00:00") == {
        "PatNum": 15,
        "DateTStamp": "2026-03-02T09:00:00",
    }


@pytest.mark.parametrize(
    ("given", "param", "says"),
    [
        ({"pat_nums": 1}, "pat_nums", 'did you mean "pat_num"'),
        ({"patnum": 1}, "patnum", 'did you mean "pat_num"'),
        ({"pat_num": True}, "pat_num", "a whole number"),
        ({"pat_num": "1.0"}, "pat_num", "a whole number"),
        ({"pat_num": 2**63}, "pat_num", "a whole number"),
        ({"pat_num": None}, "pat_num", "not null"),
        ({"date_due": "03/02/2026"}, "date_due", "YYYY-MM-DD"),
        ({"date_due": "2026-02-30"}, "date_due", "YYYY-MM-DD"),
        ({"date_due": "2026-03-02T09:00:00"}, "date_due", "YYYY-MM-DD"),
        ({"is_disabled": "true"}, "is_disabled", "true or false"),
        ({"disable_until_balance": "1e3"}, "disable_until_balance", "a number"),
        ({"note": 5}, "note", "text"),
        ({"note": "a\0b"}, "note", "text"),
    ],
)
def test_what_does_not_fit_is_refused_by_name_and_never_by_value(given: dict[str, Any], param: str, says: str) -> None:
    error = refused(
        lambda: body(
            **{**{k: v for k, v in BODY.items() if k not in {"PatNum", "Note", *given}}, "pat_num": 15, **given}
        )
    )

    assert isinstance(error, Invalid)
    assert error.param == param
    assert says in error.detail
    assert not any(str(value) in error.detail for value in given.values() if isinstance(value, str) and value != "true")


def test_one_name_in_two_spellings_is_given_twice() -> None:
    error = refused(lambda: body(PatNum=15, pat_num=16, recall_type_num=1))

    assert "more than once" in error.detail


def test_all_that_is_wrong_is_said_at_once() -> None:
    error = refused(lambda: body(note=5, nots="x"))

    assert {one["param"] for one in error.more["errors"]} == {"note", "nots", "pat_num", "recall_type_num"}


def test_a_field_that_is_needed_and_wrong_is_refused_once() -> None:
    error = refused(lambda: body(pat_num="seventy", recall_type_num=1))

    assert (error.param, error.more) == ("pat_num", {})
    assert "whole number" in error.detail


def test_a_word_of_an_enumeration_is_the_vendors_own() -> None:
    one = operation("commlogs.create")
    words = next(param.enum for param in one.body if param.name == "Mode_")

    assert body_of(one, {"pat_num": 1, "note": "x", "mode": words[0]}, NEW)["Mode_"] == words[0]
    error = refused(lambda: body_of(one, {"pat_num": 1, "note": "x", "mode": words[0].lower() + "x"}, NEW))
    assert (error.param, f'did you mean "{words[0]}"' in error.detail) == ("mode", True)


def test_a_parameter_that_the_office_would_ignore_is_never_sent() -> None:
    """Older offices answer the whole table instead."""
    one = operation("appointments.list")
    param = max((param for param in one.query if param.since), key=lambda param: str(param.since))
    name = request_names(one)[param.name]
    old = replace(ELM_STREET, version="21.1.1.0")
    value = {"int": "1", "date": "2026-03-02", "datetime": "2026-03-02T09:00:00"}.get(param.type) or param.enum[0]
    error = refused(lambda: query_of(one, {name: [value]}, old))

    assert isinstance(error, VersionTooOld)
    assert (error.param, error.more["version"]) == (name, str(param.since))
    assert query_of(one, {name: [value]}, NEW)


@pytest.mark.parametrize("name", ["Limit", "Offset", "limit", "offset"])
def test_pages_are_not_asked_for_in_the_vendors_words(name: str) -> None:
    assert "limit and cursor" in refused(lambda: query("recalls.list", **{name: "5"})).detail


def test_nobody_looks_for_a_patient_by_social_security_number() -> None:
    error = refused(lambda: query("patients.list", SSN="900-00-0001"))

    assert (error.param, "900" in error.detail) == ("SSN", False)


def test_a_parameter_given_twice_is_refused_unless_it_is_a_list() -> None:
    assert refused(lambda: query_of(operation("recalls.list"), {"pat_num": ["1", "2"]}, NEW)).param == "pat_num"
    found = query_of(operation("reports.FinanceCharges"), {"prov_nums": ["1,2", "3"]}, replace(NEW, version=None))
    assert found == {"ProvNums": [1, 2, 3]}


def test_null_writes_what_the_vendor_calls_nothing() -> None:
    assert body("recalls.update", date_due=None, note=None, recall_status=None) == {
        "DateDue": "0001-01-01",
        "Note": "",
        "RecallStatus": 0,
    }


def test_an_update_of_nothing_is_refused() -> None:
    assert refused(lambda: body("recalls.update")).param == "body"


_GOOD: dict[str, Any] = {
    "int": 2**62, "int_string": "7", "float": "12.5", "decimal_string": Decimal("12.50"), "bool_string": True,
    "date": "2026-03-02", "datetime": "2026-03-02T09:00:00", "time": "09:00:00", "color": "1,2,3", "string": "a",
    "enum": "a", "int_array": [1, "2"], "array": [],
}  # fmt: skip


@pytest.mark.parametrize("one", WRITES, ids=[one.id for one in WRITES])
def test_what_is_let_through_can_be_written(one) -> None:  # type: ignore[no-untyped-def]
    """The client would refuse it in the middle of a turn, when nobody can be told which field it was."""
    names = request_names(one)
    given = {names[param.name]: param.enum[0] if param.enum else _GOOD[param.type] for param in one.body}
    found = body_of(one, given, replace(NEW, version=None))

    assert set(found) == {param.name for param in one.body}
    wire.dumps({param.name: wire.write(param.type, found[param.name]) for param in one.body})
    nothing = {names[param.name]: None for param in one.body if not param.required}
    for name in nothing:
        try:
            written = body_of(one, {**given, name: None}, replace(NEW, version=None))
        except Invalid as error:
            assert error.param == name
        else:
            wire.dumps({param.name: wire.write(param.type, written[param.name]) for param in one.body})
