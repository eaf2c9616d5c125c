"""One practice read by both of Open Dental's APIs gives the same objects, less what FHIR does not say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.normalize.by_fhir import LACKS
from tests.fakes.deployment import ALL_PERMISSIONS, Deployment, deployed

VOLATILE = {"synced_at", "version", "meta", "raw"}
LISTS: dict[str, tuple[str, dict[str, Any]]] = {
    "patient": ("/patients", {"status": "active"}),
    "appointment": ("/appointments", {}),
    "procedure": ("/procedurelogs", {"status": "completed,planned"}),
    "provider": ("/providers", {}),
    "location": ("/locations", {}),
    "operatory": ("/operatories", {}),
    "allergy": ("/allergies", {}),
    "condition": ("/conditions", {}),
    "medication": ("/medications", {}),
    "communication": ("/communications", {}),
}
SINGLE = {"procedure_ids", "extensions", "generic_name", "says_none"}
"""What single objects have beside the fields of their list."""
TABLE_OF_PATIENTS = {
    "appointment": "appointment",
    "procedure": "procedurelog",
    "allergy": "allergy",
    "condition": "disease",
    "medication": "medicationpat",
    "communication": "commlog",
}
DIFFERS: dict[str, set[str]] = {
    # One text holds first and middle name; which telephone is preferred is not said.
    "patient": {"detail", "name", "phones"},
    # REST lists name no procedures.
    "appointment": {"procedure_ids"},
    # FHIR keeps the category of a code, not its treatment area, and no clinic of planned work.
    "procedure": {"location_id", "area", "planned_on"},
    "provider": {"name"},
    "location": set(),
    # Clinic 0 is the practice.
    "operatory": set(),
    "allergy": set(),
    "condition": set(),
    "medication": set(),
    "communication": set(),
}
"""Fields that both have and that need not be equal, each with its reason."""


@pytest.fixture(scope="module")
def office() -> Iterator[Deployment]:
    with deployed() as deployment:
        yield deployment


@pytest.fixture
def by_fhir(office: Deployment) -> Iterator[Deployment]:
    office.know_anew(upstream="fhir")
    yield office
    office.know_anew(upstream="auto", permissions=ALL_PERMISSIONS)


def bounded(office: Deployment, kind: str) -> dict[str, Any]:
    table = TABLE_OF_PATIENTS.get(kind)
    if table is None:
        return {}
    patient = office.rows(table, "PatNum <> 0")[0]["PatNum"]
    return {"patient_id": office.id_of("patient", patient)}


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_has_the_same_objects_by_either_road(kind: str, office: Deployment) -> None:
    path, query = LISTS[kind]
    query = {**query, **bounded(office, kind), "limit": 500}
    headers = {"Cache-Control": "no-cache"}
    rest = office.send("GET", path, query=query, headers=headers)
    office.know_anew(upstream="fhir")
    fhir = office.send("GET", path, query=query, headers=headers)
    office.know_anew(upstream="auto")

    assert (rest.status, fhir.status) == (200, 200), (rest.body, fhir.body)
    ours = {one["id"]: one for one in rest.body["data"]}
    theirs = {one["id"]: one for one in fhir.body["data"]}
    assert theirs and set(theirs) == set(ours)
    assert set(LACKS[kind]) <= set(fhir.body["meta"]["omitted"])
    for id_, one in theirs.items():
        assert not set(one) & set(LACKS[kind])
        shared = set(one) & set(ours[id_]) - VOLATILE - DIFFERS[kind]
        assert {name: one[name] for name in shared} == {name: ours[id_][name] for name in shared}


@pytest.mark.parametrize("kind", LISTS)
def test_one_object_by_fhir_is_the_one_of_its_list(kind: str, by_fhir: Deployment) -> None:
    path, query = LISTS[kind]
    listed = by_fhir.get(path, **query, **bounded(by_fhir, kind)).body["data"][0]
    single = by_fhir.get(f"{path}/{listed['id']}")

    assert single.status == 200, single.body
    assert {k: v for k, v in single.body.items() if k not in VOLATILE | SINGLE} == {
        k: v for k, v in listed.items() if k not in VOLATILE | SINGLE
    }


def test_a_visit_names_its_procedures_by_fhir_without_another_call(by_fhir: Deployment) -> None:
    row = by_fhir.rows("procedurelog", "AptNum <> 0 AND ProcStatus = 2")[0]
    before = len(by_fhir.upstream_calls)
    visit = by_fhir.get(f"/appointments/{by_fhir.id_of('appointment', row['AptNum'])}")

    assert by_fhir.id_of("procedure", row["ProcNum"]) in visit.body["procedure_ids"]
    assert by_fhir.upstream_calls[before:] == ["fhir.appointment"]


def test_a_key_without_the_rest_permission_reads_by_fhir_on_its_own() -> None:
    with deployed("--permissions", "Appointments") as office:
        office.know(permissions=frozenset({"Appointments"}))
        answer = office.get("/patients", status="active")
        refused = office.get("/carriers")

    assert (answer.status, office.upstream_calls[0]) == (200, "fhir.patient")
    assert (refused.status, refused.body["code"]) == (403, "permission-missing")


def test_a_practice_that_wants_rest_is_never_asked_by_fhir() -> None:
    with deployed("--permissions", "Appointments") as office:
        office.know(permissions=frozenset({"Appointments"}), upstream="rest")
        office.get("/patients", status="active")

    assert not [one for one in office.upstream_calls if one.startswith("fhir.")]


def test_a_key_without_the_fhir_permission_is_told_so() -> None:
    with deployed("--fhir-permissions", "PatientRead") as office:
        office.know(upstream="fhir")
        answer = office.get("/providers")

    assert answer.status == 403, answer.body


def test_the_raw_form_is_the_resource_without_the_number_of_social_security(by_fhir: Deployment) -> None:
    patient = by_fhir.rows("patient", "PatStatus = 0")[0]["PatNum"]
    by_fhir.simulated.office.store.update("patient", patient, {"SSN": "900000001"})
    shown = by_fhir.get(f"/patients/{by_fhir.id_of('patient', patient)}", include="raw").body

    assert shown["has_ssn"] is True
    assert shown["raw"]["resourceType"] == "Patient"
    assert "900000001" not in str(shown)


def test_many_patients_cost_one_call_by_fhir() -> None:
    with deployed("--patients", "230") as office:
        office.know(upstream="fhir")
        answer = office.get("/patients", status="active", limit=500)

    assert len(answer.body["data"]) > 100
    assert office.upstream_calls == ["fhir.patient"]
