"""Documents, read through their handler from a simulated practice, and mounts from an office with a few rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.callers import Caller
from gateway.core.errors import FilterTooWide
from gateway.core.ids import row_id
from gateway.core.objects.document import Document
from gateway.core.reads.documents import DOCUMENTS, DocumentQuery, DocumentsQuery
from gateway.core.reads.families import get_object, list_objects
from gateway.core.requests import Freshness
from tests.fakes.deployment import CLIENT, IDS, Deployment, deployed
from tests.fakes.living import LivingServices
from tests.functions.conftest import ELM


@pytest.fixture(scope="module")
def office() -> Iterator[Deployment]:
    with deployed(practices=2) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def patient(office: Deployment) -> str:
    """Whoever has most documents."""
    owners = [row["PatNum"] for row in office.rows("document")]
    return row_id("patient", IDS[0], max(owners, key=owners.count))


def listed(office: Deployment, patient: str, **more: Any) -> list[dict[str, Any]]:
    answer = office.get("/documents", patient_id=patient, **more)
    assert answer.status == 200, answer.body
    data: list[dict[str, Any]] = answer.body["data"]
    return data


def test_a_patients_documents_are_the_rows_of_the_patient(office: Deployment, patient: str) -> None:
    data = listed(office, patient)
    rows = [row for row in office.rows("document") if row_id("patient", IDS[0], row["PatNum"]) == patient]

    assert rows and {one["source"]["key"] for one in data} == {str(row["DocNum"]) for row in rows}
    for one in data:
        Document.model_validate(one, strict=True)


def test_a_single_document_is_the_listed_one_with_its_kind_and_without_its_note(
    office: Deployment, patient: str
) -> None:
    """Open Dental's two answers have different columns; each names what it leaves out."""
    answer = office.get("/documents", patient_id=patient)
    one = answer.body["data"][0]
    single = office.get(f"/documents/{one['id']}")

    assert single.status == 200
    Document.model_validate(single.body, strict=True)
    assert (answer.body["meta"]["omitted"], single.body["meta"]["omitted"]) == (["kind"], ["note"])
    assert "kind" not in one and "note" not in single.body
    # This office keeps its files in the database, whose list shows no paths.
    differs = {"synced_at", "meta", "kind", "note", "version", "file_name", "extension"}
    assert {k: v for k, v in one.items() if k not in differs} == {
        k: v for k, v in single.body.items() if k not in differs
    }
    assert (single.body["kind"], single.body["extension"]) in {("document", "pdf"), ("radiograph", "jpg")}


def test_the_files_are_said_to_be_out_of_reach(office: Deployment, patient: str) -> None:
    assert {tuple(one["content"].items()) for one in listed(office, patient)} == {
        (("status", "unavailable"), ("reason", "needs-sftp"))
    }


def test_filters_keep_what_fits_and_drop_what_does_not(office: Deployment, patient: str) -> None:
    data = listed(office, patient)
    category = data[0]["category"]["id"]
    day = data[0]["local_created_at"][:10]

    assert [one["id"] for one in listed(office, patient, category_id=category)] == [
        one["id"] for one in data if one["category"]["id"] == category
    ]
    assert len(listed(office, patient, date_from=day, date_to=day)) == sum(
        one["local_created_at"][:10] == day for one in data
    )
    assert listed(office, patient, date_to="1999-01-01") == listed(office, patient, is_mount=True) == []
    ids = [one["id"] for one in data[:2]]
    assert [one["id"] for one in office.get("/documents", ids=",".join(ids)).body["data"]] == sorted(
        ids, key=[one["id"] for one in data].index
    )


def test_documents_without_a_patient_are_not_listed(office: Deployment) -> None:
    answer = office.get("/documents", practice_id=office.practice_id)

    assert (answer.status, answer.body["code"]) == (422, "filter-too-wide")


def test_another_practices_patient_and_document_are_not_found(office: Deployment, patient: str) -> None:
    one = listed(office, patient)[0]

    assert office.get("/documents", practice_id=IDS[1], patient_id=patient).status == 404
    assert office.get(f"/documents/{one['id']}", patient_id=row_id("patient", IDS[1], 1)).status == 404
    assert office.get(f"/documents/{row_id('document', IDS[0], 999_999)}").status == 404


def test_a_client_without_the_scope_reads_nothing(patient: str) -> None:
    with deployed(scopes=["patients:read"]) as deployment:
        answer = deployment.get("/documents", patient_id=patient)

    assert (answer.status, answer.body["code"]) == (403, "scope-missing")


MOUNT = {
    "DocNum": 0,
    "filePath": "",
    "Description": "Full set",
    "PatNum": 15,
    "Note": "",
    "DateCreated": "2026-03-02 09:00:00",
    "docCategory": "X-rays",
    "DocCategory": 7,
    "ToothNumbers": "",
    "ProvNum": "0",
    "PrintHeading": "",
    "DateTStamp": "",
    "serverDateTime": "2026-03-02 10:00:00",
}


def test_mounts_are_documents_of_their_own_and_found_by_their_patient(on: LivingServices) -> None:
    """All mounts have the document key 0: by it they would be one."""
    on.office.rows["documents"] = [
        {**MOUNT, "MountNum": 3},
        {**MOUNT, "MountNum": 4},
        {**MOUNT, "DocNum": 3, "MountNum": 0, "filePath": "C:\\Images\\M\\MarkerZoe15\\a.b.JPG"},
    ]
    caller, freshness = Caller(on.callers.client(CLIENT)), Freshness(max_age_s=0)
    patient = row_id("patient", ELM.id, 15)
    data = list_objects(DOCUMENTS, DocumentsQuery(patient_id=patient), caller=caller, freshness=freshness, on=on)[
        "data"
    ]
    mounts = [one for one in data if one["is_mount"]]

    assert {(one["source"]["table"], one["source"]["key"]) for one in data} == {
        ("mount", "3"),
        ("mount", "4"),
        ("document", "3"),
    }
    assert len({one["id"] for one in data}) == 3
    assert {one["kind"] for one in mounts} == {"mount"} and mounts[0]["file_name"] is None
    hint = DocumentQuery(patient_id=patient)
    found = get_object(DOCUMENTS, mounts[0]["id"], hint, caller=caller, freshness=freshness, on=on)
    assert (found["id"], found["source"]["table"]) == (mounts[0]["id"], "mount")
    (file,) = (one for one in data if not one["is_mount"])
    # The folder has the patient's name, and is not shown.
    assert (file["file_name"], file["extension"]) == ("a.b.JPG", "jpg")
    assert "MarkerZoe" not in str(file)
    with pytest.raises(FilterTooWide):
        get_object(DOCUMENTS, mounts[0]["id"], caller=caller, freshness=freshness, on=on)
