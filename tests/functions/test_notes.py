"""A client without the scope `notes` is shown no word of what the staff wrote, by whatever road; with it, all of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from gateway.core.fhir.types import TYPES
from gateway.core.notes import COLUMNS
from infra.sandbox.practice.schema import tables
from open_dental import catalogue
from tests.fakes.deployment import Answered, Deployment, deployed

MARK: Final = "Zqmark"
SCOPES: Final = ("*:read", "resources:read", "communications:write", "appointments:write", "resources:popups.create")
UNDER_A_PATIENT: Final = (
    "adjustments", "allergies", "appointments", "claims", "communications", "conditions", "coverages", "documents",
    "medications", "payment_plans", "payments", "perio_exams", "procedures", "recalls", "tasks", "treatment_plans",
)  # fmt: skip
PATIENTS: Final = range(1, 6)


def note_columns() -> Iterator[tuple[str, str]]:
    """Table and column of all that is free text of the staff, as the database has it."""
    resources = {catalogue.resource(name).table: name for name in catalogue.resources()}
    for name, table in tables().items():
        specific = COLUMNS.get(resources.get(name) or "", frozenset())
        for column in table.columns:
            low = column.lower()
            is_named_so = "note" in low and not low.endswith("num") and not low.startswith("date")
            if is_named_so or low in specific:
                yield name, column


@pytest.fixture(scope="module")
def office() -> Iterator[Deployment]:
    with deployed("--patients", "8", scopes=SCOPES) as d:
        store, known = d.simulated.office.store, tables()
        for table, column in note_columns():
            for row in d.rows(table):
                if isinstance(row[column], str):
                    store.update(table, row[known[table].key], {column: f"{MARK} {table}"})
        d.read_up()
        yield d


def asked(d: Deployment) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What of, path and query of every read that might show a note."""
    every: dict[str, Any] = {"include": "raw", "limit": 100}
    for number in PATIENTS:
        patient = d.id_of("patient", number)
        for family in UNDER_A_PATIENT:
            yield family, f"/{family}", {"patient_id": patient, **every}
        yield "patients", f"/patients/{patient}", {"include": "raw"}
        yield "360", f"/patients/{patient}/360", {"include": "raw"}
        for resource in catalogue.resources():
            params = {one.name for one in _list_of(resource)}
            if "PatNum" in params:
                yield f"raw {resource}", f"/resources/{resource}", {"PatNum": number, "include": "raw"}
        for action in ("ProgNotes", "PatientInfo"):
            yield "raw chartmodules", f"/resources/chartmodules/{number}/{action}", {}
        for type_, one in TYPES.items():
            if one.param("patient") is not None:
                yield f"FHIR {type_}", f"/fhir/R4/{type_}", {"patient": f"Patient/{patient.replace('_', '-')}"}
    for day in {row["AptDateTime"][:10] for row in d.rows("appointment", "AptStatus=1")}:
        yield "day", "/day", {"date": day}
        yield "schedules", "/schedules", {"date_from": day, "date_to": day, "include": "raw"}
        yield "FHIR Schedule", "/fhir/R4/Schedule", {"date": day}
    yield "providers", "/providers", every
    for path in ("popups", "tasks", "sheetfields", "statements", "procnotes", "labcases"):
        yield f"raw {path}", f"/resources/{path}", {}


def _list_of(resource: str) -> tuple[Any, ...]:
    found = [one for one in catalogue.resource(resource).operations if one.id == f"{resource}.list"]
    return found[0].query if found and found[0].exposure == "open" else ()


def both(d: Deployment, path: str, query: dict[str, Any]) -> tuple[Answered, Answered]:
    """The answer with the scope, and the one without it."""
    d.grant(*SCOPES)
    shown = d.get(path, **query)
    client = d.on.callers.client("cli_ada")
    d.on.callers.take(client.id, scopes=["notes"])
    return shown, d.get(path, **query)


def test_no_road_shows_a_note_without_the_scope_and_each_does_with_it(office: Deployment) -> None:
    showing: set[str] = set()
    singles: dict[str, tuple[str, str]] = {}
    for of, path, query in asked(office):
        shown, withheld = both(office, path, query)
        if shown.status != 200:
            continue
        assert withheld.status == 200
        assert MARK not in json.dumps(withheld.body, default=str), (of, path)
        if MARK in json.dumps(shown.body, default=str):
            showing.add(of)
            rows = shown.body.get("data") or []
            if path.strip("/") in UNDER_A_PATIENT and rows:
                singles[of] = (rows[0]["id"], query["patient_id"])
    for of, (id_, patient) in singles.items():
        hint = {"patient_id": patient} if of not in {"appointments", "claims", "payments", "procedures"} else {}
        for query in ({**hint, "include": "raw"}, {"include": "raw"}):
            shown, withheld = both(office, f"/{of}/{id_}", query)
            if shown.status == 200:
                assert MARK not in json.dumps(withheld.body, default=str), of
                assert withheld.body["meta"]["withheld"] == ["notes"]
                assert shown.headers["ETag"] != withheld.headers["ETag"]
                break
        else:
            raise AssertionError(of)

    assert showing >= {
        "appointments", "claims", "communications", "360", "patients", "payments", "recalls", "tasks", "day",
        "raw commlogs", "raw appointments", "raw chartmodules", "FHIR Appointment", "FHIR Communication",
    }, sorted(showing)  # fmt: skip


def test_what_a_write_answers_and_its_operation_show_no_note_either(office: Deployment) -> None:
    """Who may log a contact reads what was logged only with the scope."""
    office.grant(*SCOPES)
    office.on.callers.take("cli_ada", scopes=["notes"])
    body = {"patient_id": office.id_of("patient", 3), "note": MARK, "mode": "phone", "direction": "received"}
    written = office.post("/communications", body)
    assert written.status == 201, written.body
    raw = office.post("/resources/popups", {"pat_num": 3, "description": MARK})
    assert raw.status == 201, raw.body
    followed = [office.get(f"/operations/{one.body['id']}") for one in (written, raw)]

    for answer in (written, raw, *followed):
        assert MARK not in json.dumps(answer.body), answer.body
    office.grant(*SCOPES)
    assert MARK in json.dumps(office.get(f"/operations/{written.body['id']}").body)
    assert MARK in json.dumps(office.get(f"/operations/{raw.body['id']}").body)


def test_neither_version_nor_tag_proves_a_guess_at_a_note(office: Deployment) -> None:
    """By a hash of the whole row somebody who sees all else of it finds out whether there is a note, and which."""
    number = office.rows("appointment", "AptStatus=1")[0]["AptNum"]
    store, visit = office.simulated.office.store, office.id_of("appointment", number)
    patient = office.id_of("patient", 3)
    asked_for: list[tuple[str, dict[str, Any]]] = [
        (f"/appointments/{visit}", {}),
        (f"/appointments/{visit}", {"include": "raw"}),
        ("/appointments", {"ids": visit}),
        (f"/fhir/R4/Appointment/{visit.replace('_', '-')}", {}),
        ("/fhir/R4/Appointment", {"_id": visit.replace("_", "-")}),
        (f"/patients/{patient}", {}),
        ("/resources/appointments", {"AptStatus": "Scheduled"}),
    ]
    seen: list[list[Any]] = []
    stamp = office.rows("appointment", f"AptNum={number}")[0]["DateTStamp"]
    of_patient = office.rows("patient", "PatNum=3")[0]["DateTStamp"]
    office.grant(*SCOPES)
    office.on.callers.take("cli_ada", scopes=["notes"])
    for note in ("owes money", "", f"{MARK} appointment"):
        store.update("appointment", number, {"Note": note})
        # As an office's clock of whole seconds leaves it.
        store.update("appointment", number, {"DateTStamp": stamp})
        store.update("patient", 3, {"FamFinUrgNote": note})
        store.update("patient", 3, {"DateTStamp": of_patient})
        office.on.clock.seconds += 60
        answers = [office.get(path, **query) for path, query in asked_for]
        assert {one.status for one in answers} == {200}
        seen.append([(versions(one.body), one.headers["ETag"]) for one in answers])

    assert seen[0] == seen[1] == seen[2]
    assert all(version for version, _ in seen[0][:-1])


def versions(body: Any) -> list[str]:
    """All that stands for the content of something in an answer."""
    if isinstance(body, dict):
        own = [str(value) for name, value in body.items() if name in {"version", "versionId"}]
        return own + [one for value in body.values() for one in versions(value)]
    return [one for value in body for one in versions(value)] if isinstance(body, list) else []


def test_a_field_of_the_offices_own_is_a_note_where_it_is_free_text_and_a_secret_where_it_is_named_so() -> None:
    with deployed("--patients", "8", scopes=SCOPES) as d:
        store = d.simulated.office.store
        for kind, name, value in (
            ("Text", "Fears", MARK),
            ("PickList", "Insurance tier", "gold"),
            ("Text", "SSN", "900-00-0001"),
        ):
            store.insert("patfielddef", {"FieldName": name, "FieldType": kind})
            store.insert("patfield", {"PatNum": 3, "FieldName": name, "FieldValue": value})
        patient = d.id_of("patient", 3)
        shown, withheld = both(d, f"/patients/{patient}", {})
        in_fhir, fhir_withheld = both(d, f"/fhir/R4/Patient/{patient.replace('_', '-')}", {})

    assert {one["name"]: one["value"] for one in shown.body["extensions"]} == {"Fears": MARK, "Insurance tier": "gold"}
    assert {one["name"]: one["value"] for one in withheld.body["extensions"]} == {
        "Fears": None,
        "Insurance tier": "gold",
    }
    assert MARK in json.dumps(in_fhir.body) and "gold" in json.dumps(fhir_withheld.body)
    assert MARK not in json.dumps(fhir_withheld.body) and "900-00-0001" not in json.dumps([shown.body, in_fhir.body])


def test_who_gets_the_scope_is_shown_the_notes_on_the_next_call_though_nothing_changed(office: Deployment) -> None:
    """A tag that stood for the answer without notes must not keep them from whoever may see them now."""
    visit = office.id_of("appointment", office.rows("appointment", "AptStatus=1")[0]["AptNum"])
    _, withheld = both(office, f"/appointments/{visit}", {})
    held = {"If-None-Match": withheld.headers["ETag"]}
    assert office.send("GET", f"/appointments/{visit}", headers=held).status == 304
    office.grant(*SCOPES)

    shown = office.send("GET", f"/appointments/{visit}", headers=held)
    assert (shown.status, shown.body["note"]) == (200, f"{MARK} appointment")


@pytest.mark.parametrize("family", ["appointments", "communications", "allergies", "conditions", "medications"])
def test_a_row_that_was_read_by_fhir_loses_its_notes_as_well(office: Deployment, family: str) -> None:
    """`include=raw` shows the resource as it came, where what REST calls a note has other names."""
    office.know_anew(upstream="fhir")
    try:
        seen = False
        for number in PATIENTS:
            query = {"patient_id": office.id_of("patient", number), "include": "raw"}
            shown, withheld = both(office, f"/{family}", query)
            assert MARK not in json.dumps(withheld.body), withheld.body
            seen = seen or MARK in json.dumps([one["raw"] for one in shown.body["data"]])
    finally:
        office.know_anew(upstream="auto")

    assert seen or family == "allergies"
