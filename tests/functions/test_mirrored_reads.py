"""Reads from the mirror and from Open Dental: the same question, the same answer, whichever road it took."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.mirror.mirrored import MIRRORED, Rank
from tests.fakes.deployment import NOW, Answered, Deployment, deployed
from tests.fakes.mirroring import mirror

DEARER = frozenset(
    {
        "broken",
        "allergies",
        "medications",
        "documents",
        "adjustments",
        "tasks",
        "procedure codes",
    }
)
"""What has no list of all, no filter that rows tell, or a copy of its own for a day."""


@pytest.fixture(scope="module")
def shared() -> Iterator[Deployment]:
    """One practice for all questions: nothing here changes it."""
    with deployed(scopes=("*:read", "patients.ssn")) as d:
        fill(d)
        d.read_up()
        mirror(d)
        yield d


def fill(d: Deployment) -> None:
    """Rows of what few patients have, so that each question has an answer whatever the day is."""
    day = str(d.today)
    for table, row in {
        "adjustment": {"PatNum": 3, "AdjAmt": "-5.00", "AdjType": 1, "ProvNum": 1, "AdjDate": day, "DateEntry": day},
    }.items():
        d.simulated.office.store.insert(table, row)


def live(d: Deployment, path: str, **query: Any) -> Answered:
    return d.send("GET", path, query=query, headers={"Cache-Control": "no-cache", "Prefer": "wait=25"})


def content(value: Any) -> Any:
    """An answer without when and whence."""
    if isinstance(value, dict):
        return {
            name: content(one)
            for name, one in value.items()
            if name not in {"meta", "synced_at", "next_cursor", "as_of", "age_seconds", "served_from"}
        }
    return [content(one) for one in value] if isinstance(value, list) else value


def _days(start: int, end: int) -> dict[str, str]:
    today = NOW.date()
    return {"date_from": str(today + timedelta(days=start)), "date_to": str(today + timedelta(days=end))}


def _someone(d: Deployment, table: str, column: str = "PatNum") -> int:
    """Whoever has the most rows of a table."""
    numbers: list[int] = [row[column] for row in d.rows(table, f"{column} <> 0")]
    return max(sorted(set(numbers)), key=numbers.count)


def _ids(d: Deployment, kind: str, table: str, column: str, where: str = "1=1", most: int = 5) -> list[str]:
    return [d.id_of(kind, row[column]) for row in d.rows(table, where)[:most]]


def questions(d: Deployment) -> dict[str, tuple[str, dict[str, Any]]]:
    """Every documented filter of the main lists, alone or with what it needs to be asked."""
    patient = d.rows("patient", "PatNum = 3")[0]
    since = (d.on.clock.now() - timedelta(days=400)).strftime("%Y-%m-%dT%H:%M:%SZ")
    visitor = d.id_of("patient", _someone(d, "appointment"))
    treated = d.id_of("patient", _someone(d, "procedurelog"))
    claimant = d.id_of("patient", _someone(d, "claim"))
    payer = d.id_of("patient", _someone(d, "payment"))
    provider = d.id_of("provider", _someone(d, "appointment", "ProvNum"))
    hygienist = d.id_of("provider", _someone(d, "appointment", "ProvHyg"))
    operatory = d.id_of("operatory", _someone(d, "appointment", "Op"))
    born = str(patient["Birthdate"])[:10]
    found: dict[str, tuple[str, dict[str, Any]]] = {
        "name": ("/patients", {"name": patient["LName"]}),
        "name, first": ("/patients", {"name": f"{patient['LName']}, {patient['FName']}"}),
        "part of a name": ("/patients", {"name": patient["LName"][:2]}),
        "any name": ("/patients", {"any_name": patient["FName"]}),
        "birth date": ("/patients", {"birth_date": born}),
        "email of nobody": ("/patients", {"email": "nobody@example.test"}),
        "primary provider": ("/patients", {"provider_id": d.id_of("provider", patient["PriProv"])}),
        "location": ("/patients", {"location_id": d.id_of("location", patient["ClinicNum"] or 1)}),
        "patients since": ("/patients", {"updated_since": since}),
        "name and status": ("/patients", {"name": patient["LName"], "status": "active"}),
        "patients by ids": ("/patients", {"ids": ",".join(_ids(d, "patient", "patient", "PatNum"))}),
        "deleted": ("/patients", {"name": patient["LName"], "status": "deleted"}),
        "their own fields": ("/patients", {"name": patient["LName"], "expand": "extensions"}),
        "one patient": (f"/patients/{d.id_of('patient', 3)}", {}),
        "visits of a patient": ("/appointments", {"patient_id": visitor}),
        "visits of days": ("/appointments", _days(-10, 10)),
        "visits of a day": ("/appointments", _days(0, 0)),
        "visits of a provider": ("/appointments", {**_days(-10, 10), "provider_id": provider}),
        "visits of a hygienist": ("/appointments", {**_days(-10, 10), "provider_id": hygienist}),
        "visits in an operatory": ("/appointments", {**_days(-10, 10), "operatory_id": operatory}),
        "visits at a location": ("/appointments", {**_days(-10, 10), "location_id": d.id_of("location", 1)}),
        "visits since": ("/appointments", {"updated_since": since}),
        "visits by ids": ("/appointments", {"ids": ",".join(_ids(d, "appointment", "appointment", "AptNum"))}),
        "visits with procedures": ("/appointments", {"patient_id": visitor, "expand": "procedure_ids"}),
        "broken": ("/appointments", {**_days(-60, -31), "status": "broken,no_show,cancelled"}),
        "one visit": (f"/appointments/{_ids(d, 'appointment', 'appointment', 'AptNum', 'AptStatus = 1')[0]}", {}),
        "procedures of a patient": ("/procedurelogs", {"patient_id": treated}),
        "procedures of a visit": (
            "/procedurelogs",
            {"appointment_id": d.id_of("appointment", _someone(d, "procedurelog", "AptNum"))},
        ),
        "procedures since": ("/procedurelogs", {"updated_since": since}),
        "procedures by ids": ("/procedurelogs", {"ids": ",".join(_ids(d, "procedure", "procedurelog", "ProcNum"))}),
        "procedures by code": ("/procedurelogs", {"patient_id": treated, "code": "D0120,D1110"}),
        "procedures by days": ("/procedurelogs", {"patient_id": treated, **_days(-400, 0)}),
        "one procedure": (f"/procedurelogs/{_ids(d, 'procedure', 'procedurelog', 'ProcNum')[0]}", {}),
        "claims of a patient": ("/claims", {"patient_id": claimant}),
        "claims since": ("/claims", {"updated_since": since}),
        "claims by ids": ("/claims", {"ids": ",".join(_ids(d, "claim", "claim", "ClaimNum"))}),
        "claims by carrier": (
            "/claims",
            {"patient_id": claimant, "carrier_id": d.id_of("carrier", _someone(d, "insplan", "CarrierNum"))},
        ),
        "claims with lines": ("/claims", {"patient_id": claimant, "expand": "lines,carrier"}),
        "claims by days": ("/claims", {"patient_id": claimant, **_days(-400, 0)}),
        "one claim": (f"/claims/{_ids(d, 'claim', 'claim', 'ClaimNum')[0]}", {"expand": "carrier"}),
        "payments of a patient": ("/payments", {"patient_id": payer, "expand": "allocations"}),
        "payments of a claim": ("/payments", {"claim_id": d.id_of("claim", _someone(d, "claimproc", "ClaimNum"))}),
        "payments entered": (
            "/payments",
            {"entered_from": str(d.on.clock.now().date() - timedelta(days=20)), "expand": "allocations"},
        ),
        "payments of carriers": ("/payments", {"updated_since": since, "kind": "insurance"}),
        "one payment": (f"/payments/{_ids(d, 'payment', 'payment', 'PayNum')[0]}", {}),
        "coverages": ("/coverages", {"patient_id": d.id_of("patient", _someone(d, "patplan"))}),
        "recalls": ("/recalls", {"patient_id": d.id_of("patient", _someone(d, "recall"))}),
        "recalls due": ("/recalls", {"due_from": "2020-01-01", "due_to": "2040-01-01"}),
        "communications": ("/communications", {"patient_id": d.id_of("patient", _someone(d, "commlog"))}),
        "conditions": ("/conditions", {"patient_id": d.id_of("patient", _someone(d, "disease"))}),
        "allergies": ("/allergies", {"patient_id": d.id_of("patient", _someone(d, "allergy"))}),
        "medications": ("/medications", {"patient_id": d.id_of("patient", _someone(d, "medicationpat"))}),
        "documents": ("/documents", {"patient_id": d.id_of("patient", 3)}),
        "adjustments": ("/adjustments", {"patient_id": d.id_of("patient", _someone(d, "adjustment"))}),
        "treatment plans": ("/treatment_plans", {"patient_id": d.id_of("patient", _someone(d, "treatplan"))}),
        "perio exams": ("/perio_exams", {"patient_id": d.id_of("patient", _someone(d, "perioexam"))}),
        "payment plans": ("/payment_plans", {"patient_id": d.id_of("patient", _someone(d, "payplan"))}),
        "tasks": ("/tasks", {"status": "new,viewed,done"}),
        "providers": ("/providers", {}),
        "operatories": ("/operatories", {}),
        "locations": ("/locations", {}),
        "carriers": ("/carriers", {}),
        "procedure codes": ("/procedure_codes", {"code": "D0120"}),
        "definitions": ("/definitions", {}),
        "schedules": ("/schedules", _days(0, 6)),
        "sections": (f"/patients/{treated}/360", {"sections": "appointments,treatment,recalls,family,claims"}),
    }
    for status in ("active", "non_patient", "inactive", "archived", "deceased", "prospective"):
        found[f"{status} patients"] = ("/patients", {"status": status})
    for status in ("scheduled", "completed", "unscheduled", "planned", "arrived"):
        found[f"{status} visits"] = ("/appointments", {**_days(-15, 15), "status": status})
        found[f"{status} visits of a patient"] = ("/appointments", {"patient_id": visitor, "status": status})
    for status in ("planned", "completed", "existing_other", "referred", "condition", "deleted"):
        found[f"{status} procedures"] = ("/procedurelogs", {"patient_id": treated, "status": status})
    for status in ("unsent", "held", "queued", "sent", "received"):
        found[f"{status} claims"] = ("/claims", {"status": status})
    return found


def test_every_filter_is_answered_alike_by_the_mirror_and_by_open_dental(shared: Deployment) -> None:
    """A filter that finds other rows in the mirror hides a patient from whoever trusts it."""
    differing, dear = [], []
    for name, (path, query) in questions(shared).items():
        theirs, ours = live(shared, path, **query), shared.get(path, **query)

        if (theirs.status, content(theirs.body)) != (ours.status, content(ours.body)):
            differing.append(name)
        if ours.status == 200 and ours.body["meta"]["served_from"] != "mirror":
            dear.append(name)

    assert differing == []
    assert set(dear) <= DEARER


def test_every_filter_is_answered_alike_for_a_practice_too_large_to_look_through() -> None:
    """Nothing scans: what no key, parent, day, way or time of change bounds is walked, a page at a time."""
    with deployed(scopes=("*:read", "patients.ssn")) as d:
        fill(d)
        d.read_up()
        mirror(d)
        for name, state in d.on.syncs.load(d.practice_id).resources.items():
            # A set-up does not grow with the patients.
            if MIRRORED[name].rank is not Rank.SETUP and name != "tasklists":
                d.on.syncs.save(d.practice_id, replace(state, rows=500_000))
        patient = d.rows("patient", "PatNum = 3")[0]
        recall = d.rows("recall", "RecallTypeNum <> 0")[0]
        asked = questions(d) | {
            "any name, both": ("/patients", {"any_name": f"{patient['FName']} {patient['LName'][:3]}"}),
            "only a first name": ("/patients", {"name": f", {patient['FName']}"}),
            "name and birth date": (
                "/patients",
                {"name": patient["LName"], "birth_date": str(patient["Birthdate"])[:10]},
            ),
            "active and others": ("/patients", {"status": "active,inactive"}),
            "several statuses": ("/patients", {"status": "inactive,archived,deceased"}),
            "received claims and others": ("/claims", {"status": "received,sent", "limit": 500}),
            "recalls of a type": ("/recalls", {"type_id": d.id_of("recall_type", recall["RecallTypeNum"])}),
            "recalls due from": ("/recalls", {"due_from": "2026-01-01"}),
            "recalls due on a day": ("/recalls", {"due_from": "2026-01-01", "due_to": "2026-01-01"}),
            "new tasks": ("/tasks", {"status": "new"}),
            "tasks done": ("/tasks", {"status": "done"}),
            "tasks made": ("/tasks", {"created_from": "2020-01-01"}),
            "plans of a guarantor": (
                "/payment_plans",
                {"guarantor_id": d.id_of("patient", _someone(d, "payplan", "Guarantor"))},
            ),
            "perio exams since": ("/perio_exams", {"date_from": "2020-01-01"}),
        }
        differing, dear = [], []
        for name, (path, query) in asked.items():
            theirs, ours = live(d, path, **query), d.get(path, **query)
            if (theirs.status, content(theirs.body)) != (ours.status, content(ours.body)):
                differing.append(name)
            if ours.status == 200 and ours.body["meta"]["served_from"] != "mirror":
                dear.append(name)

    assert differing == []
    assert set(dear) <= DEARER - {"tasks"}


def test_who_calls_is_known_from_the_mirror_with_all_that_a_row_says(shared: Deployment) -> None:
    """Open Dental's window finds the same people, as summaries."""
    rows = [row for row in shared.rows("patient", "PatStatus <> 4") if row["WirelessPhone"] and row["Email"]]
    for more in ({"phone": rows[0]["WirelessPhone"]}, {"email": rows[0]["Email"].split(",")[0].upper()}):
        theirs, ours = live(shared, "/patients", **more), shared.get("/patients", **more)

        assert [one["id"] for one in ours.body["data"]] == [one["id"] for one in theirs.body["data"]] != []
        assert {one["detail"] for one in theirs.body["data"]} == {"summary"}
        assert {one["detail"] for one in ours.body["data"]} == {"full"}
        assert ours.body["meta"]["served_from"] == "mirror"
        assert ours.body["meta"]["omitted"] == ["extensions"]


def test_the_mirror_that_the_background_filled_answers_every_filter_as_open_dental_does() -> None:
    """Loaded by feeds and passes, not at one go: what they say is complete must be."""
    with deployed(scopes=("*:read", "patients.ssn", "sync:write")) as d:
        fill(d)
        d.read_up()
        assert d.patch(f"/practices/{d.practice_id}/sync", {"state": "on"}).status == 200
        d.on.world.run(900)
        asked = questions(d)
        roads, differing = [], []
        for name, (path, query) in asked.items():
            ours = d.send("GET", path, query=query, headers={"Cache-Control": "max-age=86400"})
            roads.append(ours.body.get("meta", {}).get("served_from"))
            theirs = live(d, path, **query)
            if (theirs.status, content(theirs.body)) != (ours.status, content(ours.body)):
                differing.append(name)

    assert differing == []
    assert roads.count("mirror") >= len(asked) - len(DEARER)


def test_what_changes_at_the_office_is_answered_once_the_background_has_been_there() -> None:
    with deployed(scopes=("*:read", "sync:write")) as d:
        d.read_up()
        d.patch(f"/practices/{d.practice_id}/sync", {"state": "on"})
        d.on.world.run(600)
        store = d.simulated.office.store
        store.update("patient", 3, {"FName": "Renamed"})
        visit = d.rows("appointment", "AptStatus = 1")[0]
        store.update("appointment", visit["AptNum"], {"Note": "moved by the desk"})
        d.on.world.run(200)
        d.upstream_calls.clear()

        name = d.get(f"/patients/{d.id_of('patient', 3)}").body["name"]["first"]
        listed = d.get("/appointments", patient_id=d.id_of("patient", visit["PatNum"]))

        assert name == "Renamed"
        assert "moved by the desk" in {one["note"] for one in listed.body["data"]}
        assert listed.body["meta"]["served_from"] == "mirror"
        assert "appointments.list" not in d.upstream_calls
