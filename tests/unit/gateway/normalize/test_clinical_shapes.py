"""Whatever form a row of the history, the desk or the chart takes, its object conforms to the published schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.normalize import clinical as history
from gateway.core.normalize import desk as kept
from gateway.core.normalize import documents, treatment
from gateway.core.objects import clinical, desk
from gateway.core.objects.document import Document
from gateway.core.objects.treatment import PerioExam, TreatmentPlan
from gateway.core.objects.values import Object
from open_dental import catalogue
from tests.fakes import ELM_STREET

READ_AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
KEYS = st.sampled_from([0, 1, 7, 2**63 - 1]) | st.integers(1, 10**6)
TEXTS = st.sampled_from(["", "  ", "Penicillin", "3", "1y6m", "2,3", "E11.9"])
AMOUNTS = st.decimals(-5000, 5000, places=2) | st.sampled_from([Decimal(-1), Decimal("0.0")])
BY_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "int": KEYS,
    "int_string": KEYS.map(str),
    "float": AMOUNTS,
    "decimal_string": AMOUNTS.map(str),
    "bool_string": st.sampled_from(["true", "false", "True", ""]),
    "date": st.sampled_from(["2026-03-02", "0001-01-01", "", "1990-12-31", "2026-03-02T00:00:00"]),
    "datetime": st.sampled_from(
        ["2026-03-02 09:00:00", "0001-01-01 00:00:00", "", "2026-11-01 01:30:00", "2026-03-08T02:30:00"]
    ),
    "string": TEXTS,
}


def rows_of(resource: str, operation: str | None = None) -> st.SearchStrategy[dict[str, Any]]:
    known = catalogue.resource(resource)
    fields = known.fields if operation is None else known.fields_of(operation)
    return st.fixed_dictionaries(
        {
            one.name: st.sampled_from([*one.enum, "", "Unheard of"]) if one.enum else BY_TYPE.get(one.type, TEXTS)
            for one in fields
        }
    )


Made = Callable[..., dict[str, Any]]
HISTORY: dict[str, tuple[type[Object], str, str, str, Made]] = {
    "allergy": (clinical.Allergy, "allergies", "allergydefs", "AllergyDefNum", history.allergy),
    "medication": (clinical.Medication, "medicationpats", "medications", "MedicationNum", history.medication),
    "condition": (clinical.Condition, "diseases", "diseasedefs", "DiseaseDefNum", history.condition),
}


@pytest.mark.parametrize("name", HISTORY)
@settings(max_examples=40)
@given(data=st.data())
def test_every_row_of_the_history_conforms_and_is_json(name: str, data: st.DataObject) -> None:
    model, resource, definitions, column, make = HISTORY[name]
    row, definition = data.draw(rows_of(resource)), data.draw(rows_of(definitions))
    known = data.draw(st.none() | st.just({int(row[column]): definition}))
    more = {"definitions": known, "none": data.draw(st.none() | KEYS)}
    shown = make(row, practice=ELM_STREET, synced_at=READ_AT, raw=True, **more)

    model.model_validate(shown, strict=True)
    assert json.loads(json.dumps(shown)) == shown


Rows = st.SearchStrategy[dict[str, Any]]
DESK: dict[str, tuple[type[Object], Rows, Made, Callable[[dict[str, Any]], Rows]]] = {
    "communication": (desk.Communication, rows_of("commlogs"), kept.communication, lambda row: st.just({})),
    "recall": (
        desk.Recall,
        rows_of("recalls"),
        kept.recall,
        lambda row: rows_of("recalltypes").map(lambda kind: {"types": {int(row["RecallTypeNum"]): kind}}),
    ),
    "task": (
        desk.Task,
        rows_of("tasks"),
        kept.task,
        lambda row: rows_of("tasknotes").map(lambda note: {"notes": {int(row["TaskNum"]): [note]}}),
    ),
    "task list": (desk.TaskList, rows_of("tasklists"), kept.task_list, lambda row: st.just({})),
}


@pytest.mark.parametrize("name", DESK)
@settings(max_examples=40)
@given(data=st.data())
def test_every_row_of_the_desk_conforms_and_is_json(name: str, data: st.DataObject) -> None:
    model, rows, make, more = DESK[name]
    row = data.draw(rows)
    shown = make(row, practice=ELM_STREET, synced_at=READ_AT, raw=True, **data.draw(more(row)))

    model.model_validate(shown, strict=True)
    assert json.loads(json.dumps(shown)) == shown


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("6m1d", (0, 6, 0, 1)),
        ("1y", (1, 0, 0, 0)),
        ("393217", (0, 6, 0, 1)),
        (262144, (0, 4, 0, 0)),
        ("2w", (0, 0, 2, 0)),
    ],
)
def test_an_interval_is_read_in_both_forms(written: object, parts: tuple[int, ...]) -> None:
    assert tuple((kept.interval(written) or {}).values()) == parts


@pytest.mark.parametrize("written", ["", "0", 0, None, "often", "m", "0d", "1d2y"])
def test_what_is_no_interval_is_none(written: object) -> None:
    assert kept.interval(written) is None


@pytest.mark.parametrize("operation", ["documents.list", "documents.get"])
@settings(max_examples=40)
@given(data=st.data())
def test_every_row_of_both_answers_of_documents_conforms(operation: str, data: st.DataObject) -> None:
    row = data.draw(rows_of("documents", operation).filter(lambda row: row["DocNum"] or row.get("MountNum")))
    shown = documents.document(row, practice=ELM_STREET, synced_at=READ_AT, raw=True)

    Document.model_validate(shown, strict=True)
    assert json.loads(json.dumps(shown)) == shown


@settings(max_examples=60)
@given(
    plan=rows_of("treatplans"),
    attaches=st.lists(rows_of("treatplanattaches"), max_size=2),
    copies=st.lists(rows_of("proctps"), max_size=2),
    work=rows_of("procedurelogs"),
    lines=st.none() | st.lists(rows_of("claimprocs"), max_size=3),
)
def test_every_treatment_plan_conforms(
    plan: dict[str, Any],
    attaches: list[dict[str, Any]],
    copies: list[dict[str, Any]],
    work: dict[str, Any],
    lines: list[dict[str, Any]] | None,
) -> None:
    shown = treatment.treatment_plan(
        plan,
        practice=ELM_STREET,
        synced_at=READ_AT,
        raw=True,
        items={int(plan["TreatPlanNum"]): copies if plan["TPStatus"] == "Saved" else attaches},
        procedures={int(one["ProcNum"]): work for one in attaches[:1]},
        estimates=None if lines is None else {int(one["ProcNum"]): lines for one in attaches},
    )

    TreatmentPlan.model_validate(shown, strict=True)
    assert json.loads(json.dumps(shown)) == shown


VALUES = st.sampled_from([-1, 0, 3, 15, 19, 101, 119])
MEASURES = st.fixed_dictionaries(
    {
        "SequenceType": st.sampled_from(
            [
                "Mobility",
                "Furcation",
                "GingMargin",
                "MGJ",
                "Probing",
                "SkipTooth",
                "BleedSupPlaqCalc",
                "Bleeding",
                "CAL",
            ]
        ),
        "IntTooth": st.integers(0, 33),
        **dict.fromkeys(("ToothValue", "MBvalue", "Bvalue", "DBvalue", "MLvalue", "Lvalue", "DLvalue"), VALUES),
    }
)


@settings(max_examples=60)
@given(exam=rows_of("perioexams"), measures=st.lists(MEASURES, max_size=8))
def test_every_perio_exam_conforms(exam: dict[str, Any], measures: list[dict[str, Any]]) -> None:
    known = {int(exam["PerioExamNum"]): measures}
    shown = treatment.perio_exam(exam, practice=ELM_STREET, synced_at=READ_AT, raw=True, measures=known)

    PerioExam.model_validate(shown, strict=True)
    assert json.loads(json.dumps(shown)) == shown


@given(depth=st.integers(0, 19), margin=st.integers(-19, 19))
def test_attachment_loss_is_depth_and_recession_together(depth: int, margin: int) -> None:
    base = {"IntTooth": 3, "ToothValue": -1, **dict.fromkeys(("Bvalue", "DBvalue", "MLvalue", "Lvalue", "DLvalue"), -1)}
    rows = [
        {**base, "SequenceType": "Probing", "MBvalue": depth},
        {**base, "SequenceType": "GingMargin", "MBvalue": margin if margin >= 0 else 100 - margin},
    ]
    shown = treatment.perio_exam({"PerioExamNum": 1}, practice=ELM_STREET, synced_at=READ_AT, measures={1: rows})
    site = shown["measures"][0]["sites"][0]

    assert (site["probing_depth"], site["recession"], site["attachment_loss"]) == (depth, margin, depth + margin)


def test_bleeding_is_read_under_the_name_it_had_before_24_1() -> None:
    row = {"SequenceType": "Bleeding", "IntTooth": 3, **dict.fromkeys(("MBvalue", "Bvalue", "DBvalue"), 1)}
    shown = treatment.perio_exam({"PerioExamNum": 1}, practice=ELM_STREET, synced_at=READ_AT, measures={1: [row]})

    assert shown["measures"][0]["sites"][0]["bleeding"] is True


def test_an_allergy_without_a_name_takes_its_definitions_even_behind_a_blank() -> None:
    """The vendor's page prints the column as "Description " once."""
    row = {"AllergyNum": 1, "AllergyDefNum": "4", "defDescription": ""}
    shown = history.allergy(
        row, practice=ELM_STREET, synced_at=READ_AT, definitions={4: {"Description ": "Latex"}}, none=4
    )

    assert (shown["label"], shown["says_none"]) == ("Latex", True)
