"""What the staff write in free text shows to nobody without the scope for it, wherever it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from gateway.core import objects
from gateway.core.notes import COLUMNS, fhir_without_notes, is_note, is_note_column, without_notes
from gateway.core.objects.desk import Task
from gateway.core.objects.values import Part
from open_dental import catalogue

MARK = "Zqmark"
MODELS = {
    model
    for module in iter_modules(objects.__path__)
    for model in vars(import_module(f"{objects.__name__}.{module.name}")).values()
    if isinstance(model, type) and issubclass(model, Part)
}
COUNTS = {("DayTotals", "notes"), ("Task", "notes")}
"""Numbers of notes, and a list of some whose `text` is the note."""


def is_marked(annotation: Any) -> bool:
    found = [one for one in getattr(annotation, "__metadata__", ()) if isinstance(one, FieldInfo)]
    marked = any((one.json_schema_extra or {}) == {"x-scope": "notes"} for one in found)
    return marked or any(is_marked(one) for one in get_args(annotation))


def fields() -> Iterator[tuple[type[Part], str, bool]]:
    for model in MODELS:
        for name, annotation in model.__annotations__.items():
            hint = vars(import_module(model.__module__)).get("Note") if "Note |" in str(annotation) else None
            yield model, name, hint is not None and is_marked(hint)


def test_the_members_that_the_models_mark_are_those_that_are_withheld() -> None:
    marked = {(model.__name__, name) for model, name, is_it in fields() if is_it}
    by_name = {
        (model.__name__, name)
        for model, name, _ in fields()
        if is_note(name, {"id": "tsk_x"} if model is Task else None)
    }

    assert marked == by_name
    assert len(marked) >= 25


def test_no_member_that_is_called_a_note_is_left_unmarked() -> None:
    called = {(model.__name__, name) for model, name, is_it in fields() if "note" in name and not is_it}

    assert called == COUNTS


_FREE = re.compile(
    r"note|descri|comment|narr|instr|memo|message|logtext|msgvalue|drawtext|fieldvalue|content|medical", re.I
)
NO_NOTES = {
    # What codes and procedures are called, and documents; who said a gender; names of companies and cities.
    "procdescript", "descript", "description", "defdescription", "descripition", "ismedical",
    "medicalcode", "medicalorder", "medicalinsplan", "medicaltype", "insmedical", "medicalclaim", "claimmedtype",
}  # fmt: skip


def columns() -> Iterator[tuple[str, str]]:
    for name in catalogue.resources():
        resource = catalogue.resource(name)
        if resource.phi:
            every = [*resource.fields, *(one for of in resource.action_fields.values() for one in of)]
            yield from {(name, one.name) for one in every if one.type == "string"}


def test_every_free_text_of_patients_raw_rows_is_a_note_or_known_to_be_none() -> None:
    """A column that the catalogue gets tomorrow must be looked at by somebody."""
    free = {(resource, column) for resource, column in columns() if _FREE.search(column)}
    left = {one for one in free if not is_note_column(one[1], one[0])}

    assert {column.lower() for _, column in left} <= NO_NOTES, left
    assert {column for resource, of in COLUMNS.items() for column in of} <= {
        column.lower() for _, column in columns()
    } | {"descriptoverride"}


_LEAVES = st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["", MARK, "tsk_x"])
_NAMES = st.sampled_from(
    ["note", "medical_note", "text", "name", "id", "data", "sections", "notes", "description", "title"]
)
_JSON = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4), max_leaves=12
)


@given(body=st.dictionaries(_NAMES, _JSON, max_size=4))
def test_wherever_a_note_stands_it_is_null_and_all_else_is_as_it_was(body: dict[str, Any]) -> None:
    def expected(value: Any, of: Any = None, name: str = "") -> Any:
        if name and is_note(name, of) and isinstance(value, str):
            return None
        if isinstance(value, dict):
            return {key: expected(one, value, key) for key, one in value.items()}
        return [expected(one) for one in value] if isinstance(value, list) else value

    assert without_notes(body) == expected(body)


def test_raw_rows_beside_objects_and_of_raw_writes_lose_their_notes_too() -> None:
    shown = {
        "id": "appt_a",
        "note": MARK,
        "raw": {"AptNum": 1, "Note": MARK, "ProcNote": MARK, "NoteNum": "7", "DateTimeNote": "2026-03-02"},
        "meta": {"omitted": []},
    }
    asked_after = {"result": {"resource": "popups", "row": {"description": MARK, "popup_num": 3}}}

    left = without_notes(shown)
    assert MARK not in json.dumps([left, without_notes(asked_after)])
    assert left["raw"] == {"AptNum": 1, "Note": None, "ProcNote": None, "NoteNum": "7", "DateTimeNote": "2026-03-02"}
    assert left["meta"] == {"omitted": [], "withheld": ["notes"]}


@pytest.mark.parametrize(
    "element", [{"note": [{"text": MARK}]}, {"comment": MARK}, {"payload": [{"contentString": MARK}]},
                {"supportingInfo": [{"sequence": 1, "valueString": MARK}]}]
)  # fmt: skip
def test_a_fhir_resource_that_loses_a_note_says_that_it_is_redacted(element: dict[str, Any]) -> None:
    resource = {"resourceType": "X", "id": "x", "meta": {"lastUpdated": "t"}}
    bundle = {"resourceType": "Bundle", "entry": [{"resource": {**resource, **element}}, {"resource": resource}]}
    left = fhir_without_notes(bundle)

    assert MARK not in json.dumps(left)
    redacted, plain = (one["resource"] for one in left["entry"])
    assert redacted["meta"]["security"][0]["code"] == "REDACTED" and redacted["meta"]["lastUpdated"] == "t"
    assert plain == resource
