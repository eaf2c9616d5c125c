"""A practice whose key may query: what no filter follows is answered from the mirror, and as it is at the office."""

from __future__ import annotations

from typing import Any

from infra.sandbox.practice import schema
from tests.fakes.deployment import Answered
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office
from tests.functions.test_mirrored_reads import content, live

TABLES = ("claim", "claimproc", "recall", "payment", "paysplit", "patplan", "insplan", "disease", "procedurelog")


def edited(office: MirroredOffice, patient: int) -> int:
    """Change every row of a patient in these tables, as the program does; returns how many."""
    count = 0
    for table in TABLES:
        columns = schema.tables()[table].columns
        text = next((name for name in ("ClaimNote", "Remarks", "Note", "PayNote", "PatNote") if name in columns), None)
        changes: dict[str, Any] = {text: "changed at the office"} if text is not None else {"ClinicNum": 1}
        if table == "paysplit":
            changes = {"SplitAmt": 12.5}
        if table == "patplan":
            changes = {"PatID": "changed"}
        where = {} if table == "insplan" else {"PatNum": patient}
        if table == "insplan":
            changes = {"GroupName": "changed"}
        for row in office.store.find(table, where):
            count += office.store.update(table, row[schema.tables()[table].key], changes)
    return count


def questions(office: MirroredOffice, patient: int) -> dict[str, tuple[str, dict[str, Any]]]:
    """What people ask about somebody, of which most has no filter by change."""
    id_ = office.d.id_of("patient", patient)
    return {
        "claims with lines": ("/claims", {"patient_id": id_, "expand": "lines"}),
        "recalls": ("/recalls", {"patient_id": id_}),
        "payments": ("/payments", {"patient_id": id_}),
        "plans": ("/coverages", {"patient_id": id_}),
        "conditions": ("/conditions", {"patient_id": id_}),
    }


def asked(office: MirroredOffice, patient: int) -> dict[str, Answered]:
    return {name: office.d.get(path, **query) for name, (path, query) in questions(office, patient).items()}


def test_claims_lines_recalls_payments_and_plans_are_answered_from_the_mirror_edits_included() -> None:
    with mirrored_office("--patients", "30", queries=True) as office:
        office.d.grant("*:read")
        office.load()
        office.run(2400)
        patients = [
            row["PatNum"]
            for row in office.store.rows(
                'SELECT DISTINCT "PatNum" FROM claim WHERE "PatNum" IN (SELECT "PatNum" FROM payment)'
            )
        ]
        patient = max(patients, key=lambda one: len(office.store.find("claimproc", {"PatNum": one})))
        before = asked(office, patient)
        assert edited(office, patient) > 8
        office.run(130)
        calls = len(office.d.upstream_calls)
        after = asked(office, patient)

        assert len(office.d.upstream_calls) == calls
        for name, answered in after.items():
            assert (name, answered.body["meta"]["served_from"]) == (name, "mirror")
            assert answered.body["meta"]["age_seconds"] < 150
            assert content(answered.body) != content(before[name].body), name
            path, query = questions(office, patient)[name]
            assert content(answered.body) == content(live(office.d, path, **query).body), name


def test_without_queries_the_same_reads_go_to_open_dental() -> None:
    with mirrored_office("--patients", "30") as office:
        office.d.grant("*:read")
        office.load()
        office.run(2400)
        patient = office.store.rows('SELECT "PatNum" FROM claim')[0]["PatNum"]
        served = {name: one.body["meta"]["served_from"] for name, one in asked(office, patient).items()}

        assert "mirror" not in set(served.values())


def test_a_patient_who_is_deleted_at_the_office_is_soon_no_active_one_though_no_list_tells() -> None:
    """To delete a patient is to mark the row; a list by change then hides it as any other does."""
    with mirrored_office("--patients", "30", queries=True) as office:
        office.d.grant("*:read")
        office.load()
        office.run(300)
        gone = office.store.rows('SELECT "PatNum" FROM patient WHERE "PatStatus" = 0')[0]["PatNum"]
        id_ = office.d.id_of("patient", gone)
        assert office.d.get(f"/patients/{id_}").body["status"] == "active"
        office.store.update("patient", gone, {"PatStatus": 4})
        office.run(130)
        one, listed = office.d.get(f"/patients/{id_}"), office.d.get("/patients", status="active")

        assert one.body["status"] == "deleted"
        assert listed.body["meta"]["served_from"] == "mirror"
        assert id_ not in {row["id"] for row in listed.body["data"]}
