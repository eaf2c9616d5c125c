"""Forms of patients through their handlers: read, approved by a person, dismissed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.intake.records import State
from gateway.core.objects.intake import Intake, IntakeWithAnswers
from infra.sandbox.practice.forms import fill_in
from tests.fakes.deployment import IDS, Answered, Deployment, deployed

SCOPES = ("intakes:read", "intakes:write", "patients:read", "patients:write")
BY = {"On-Behalf-Of": "u-77"}


@pytest.fixture
def d() -> Iterator[Deployment]:
    with deployed("--patients", "12", practices=2, scopes=SCOPES) as d:
        d.read_up()
        yield d


def somebody(d: Deployment) -> int:
    number: int = d.rows("patient", "PatStatus = 0 AND PatNum = Guarantor")[0]["PatNum"]
    d.simulated.office.store.update(
        "patient", number, {"WirelessPhone": "", "Email": "old@example.com", "LName": "Marker"}
    )
    for one in d.rows("sheet", f"PatNum = {number}"):
        d.simulated.office.store.update("sheet", one["SheetNum"], {"IsDeleted": 1, "SheetType": 15, "IsWebForm": 0})
    return number


def form(d: Deployment, patient: int, **answers: str) -> str:
    said = {"WirelessPhone": "(212)555-0123", "Email": "new@example.com", "LName": "Miller", **answers}
    return d.id_of("intake", fill_in(d.simulated.office, {"PatNum": patient, "answers": said})["SheetNum"])


def shown(d: Deployment, intake: str, patient: int) -> dict[str, Any]:
    d.on.clock.seconds += 700
    answer = d.get(f"/intakes/{intake}", patient_id=d.id_of("patient", patient))
    assert answer.status == 200, answer.body
    IntakeWithAnswers.model_validate(answer.body, strict=True)
    found: dict[str, Any] = answer.body
    return found


def approve(
    d: Deployment, intake: dict[str, Any], *fields: str, key: str = "k-1", headers: dict[str, str] | None = None
) -> Answered:
    body = {"patient_id": intake["patient_id"], "version": intake["version"], "fields": list(fields)}
    return d.send(
        "POST", f"/intakes/{intake['id']}/approve", body=body, key=key, headers=BY if headers is None else headers
    )


def refused(answer: Answered) -> tuple[int, str, Any]:
    return answer.status, answer.body["code"], answer.body.get("reason") or answer.body.get("param")


def test_a_form_is_listed_read_and_says_what_it_would_change(d: Deployment) -> None:
    patient = somebody(d)
    intake = form(d, patient)
    fill_in(d.simulated.office, {"PatNum": patient, "form": "Medical History", "answers": {"allergy:Latex": "X"}})
    listed = d.get("/intakes", patient_id=d.id_of("patient", patient))

    assert [(one["form"], one["is_web_form"], one["state"]) for one in listed.body["data"]] == [
        ("patient_form", True, "open"),
        ("medical_history", True, "open"),
    ]
    for one in listed.body["data"]:
        Intake.model_validate(one, strict=True)
    found = shown(d, intake, patient)
    assert {one["field"]: (one["from"], one["to"]) for one in found["proposals"]} == {
        "phones.mobile": (None, "(212)555-0123"),
        "emails": ("old@example.com", "new@example.com"),
        "name.last": ("Marker", "Miller"),
    }
    assert [one["name"] for one in found["answers"]][:2] == ["FName", "LName"]
    first = d.get("/intakes", patient_id=d.id_of("patient", patient), limit=1)
    second = d.get("/intakes", patient_id=d.id_of("patient", patient), limit=1, cursor=first.body["next_cursor"])
    assert first.body["data"] + second.body["data"] == listed.body["data"]


def test_only_what_a_person_approves_is_written_and_who_it_was_is_kept(d: Deployment) -> None:
    patient = somebody(d)
    intake = shown(d, form(d, patient), patient)
    d.upstream_calls.clear()
    answer = approve(d, intake, "phones.mobile", "emails")

    assert (answer.status, answer.body["state"], answer.body["kind"]) == (200, "succeeded", "intakes.approve")
    assert d.upstream_calls.count("patients.update") == 1
    (row,) = d.rows("patient", f"PatNum = {patient}")
    assert (row["WirelessPhone"], row["Email"], row["LName"]) == ("(212)555-0123", "new@example.com", "Marker")
    now = shown(d, intake["id"], patient)
    assert (now["state"], now["decided_by"], now["approved_fields"]) == (
        "approved", "u-77", ["emails", "phones.mobile"],
    )  # fmt: skip
    assert {one.on_behalf_of for one in d.on.audit.entries if one.action.endswith("/approve")} == {"u-77"}
    again = approve(d, intake, "phones.mobile", "emails")
    assert (again.body["id"], again.headers["Idempotent-Replayed"]) == (answer.body["id"], "true")
    assert d.upstream_calls.count("patients.update") == 1
    assert refused(approve(d, now, "name.last", key="k-2")) == (409, "conflict", "approved")


def test_nothing_is_written_of_a_patient_who_was_changed_since(d: Deployment) -> None:
    """Whoever corrected the number at the desk is not overruled by a form that somebody looked at before."""
    patient = somebody(d)
    intake = shown(d, form(d, patient), patient)
    d.simulated.office.store.update("patient", patient, {"WirelessPhone": "(212)555-0199"})
    answer = approve(d, intake, "phones.mobile")

    assert refused(answer) == (409, "conflict", "changed")
    assert d.rows("patient", f"PatNum = {patient}")[0]["WirelessPhone"] == "(212)555-0199"
    now = shown(d, intake["id"], patient)
    assert (now["state"], now["decided_by"]) == ("open", None)
    assert approve(d, now, "phones.mobile", key="k-2").status == 200


def test_what_the_form_does_not_propose_or_nobody_can_approve_is_refused(d: Deployment) -> None:
    patient = somebody(d)
    intake = shown(d, form(d, patient, Birthdate="soon", ins1CarrierName="Mill"), patient)
    for number, name in enumerate(("birth_date", "insurance", "sex", "status")):
        answer = approve(d, intake, name, key=f"k-{number}")
        assert refused(answer) == (409, "conflict", "not-proposed"), name
    assert d.rows("patient", f"PatNum = {patient}")[0]["WirelessPhone"] == ""
    assert "patients.update" not in d.upstream_calls


def test_a_person_stands_behind_each_decision(d: Deployment) -> None:
    patient = somebody(d)
    intake = shown(d, form(d, patient), patient)
    nobody = approve(d, intake, "emails", headers={"On-Behalf-Of": ""})
    dismissed = d.send("POST", f"/intakes/{intake['id']}/dismiss", body={"patient_id": intake["patient_id"]})

    assert [refused(one)[1:] for one in (nobody, dismissed)] == [("invalid", "On-Behalf-Of")] * 2
    assert d.on.intakes.kept == {} and "patients.update" not in d.upstream_calls


def test_a_form_that_was_dismissed_is_approved_by_nobody(d: Deployment) -> None:
    patient = somebody(d)
    intake = shown(d, form(d, patient), patient)
    path, body = f"/intakes/{intake['id']}/dismiss", {"patient_id": intake["patient_id"]}
    first, second = (d.send("POST", path, body=body, headers=BY) for _ in range(2))

    assert first.body == second.body and first.body["state"] == "dismissed"
    assert refused(approve(d, intake, "emails")) == (409, "conflict", "dismissed")
    listed = d.get("/intakes", patient_id=intake["patient_id"], state="dismissed").body["data"]
    assert [one["id"] for one in listed] == [intake["id"]]
    assert d.get("/intakes", patient_id=intake["patient_id"], state="open").body["data"] == []


def test_a_write_that_goes_on_is_followed_by_whoever_reads_the_form(d: Deployment) -> None:
    patient = somebody(d)
    intake = shown(d, form(d, patient), patient)
    taken = approve(d, intake, "emails", headers=BY | {"Prefer": "respond-async"})
    assert taken.status == 202
    assert next(iter(d.on.intakes.kept.values())).state is State.APPROVING
    other = d.send("POST", f"/intakes/{intake['id']}/dismiss", body={"patient_id": intake["patient_id"]}, headers=BY)
    assert refused(other)[2] in {"approving", "approved"}
    d.settled(taken)

    assert shown(d, intake["id"], patient)["state"] == "approved"


def test_scopes_of_both_are_needed_and_no_wildcard_has_forms(d: Deployment) -> None:
    patient = somebody(d)
    intake = shown(d, form(d, patient), patient)
    whose = intake["patient_id"]
    for scopes, path, scope in (
        (("*:read",), "/intakes", "intakes:read"),
        (("*:read",), f"/intakes/{intake['id']}", "intakes:read"),
        (("intakes:read",), f"/intakes/{intake['id']}", "patients:read"),
    ):
        d.grant(*scopes)
        assert d.get(path, patient_id=whose).body["scope"] == scope
    d.grant("intakes:write")
    assert approve(d, intake, "emails").body["scope"] == "patients:write"


def test_forms_of_another_practice_or_patient_are_not_there(d: Deployment) -> None:
    patient = somebody(d)
    intake = form(d, patient)
    other = d.rows("patient", f"PatStatus = 0 AND PatNum <> {patient}")[0]["PatNum"]
    assert d.get(f"/intakes/{intake}", patient_id=d.id_of("patient", other)).status == 404
    there = d.id_of("patient", patient).replace(IDS[0][5:], IDS[1][5:])
    assert d.get(f"/intakes/{intake}", patient_id=there).status == 404
    assert d.get("/intakes", practice_id=IDS[1], patient_id=d.id_of("patient", patient)).status == 404
    wide = d.get("/intakes", practice_id=IDS[0])
    assert (wide.status, wide.body["code"], wide.body["bounds"]) == (422, "filter-too-wide", ["patient_id"])
    assert d.get(f"/intakes/{intake}").body["code"] == "filter-too-wide"
    elsewhere = {"id": intake, "patient_id": there, "version": "0" * 32}
    assert refused(approve(d, elsewhere, "emails"))[:2] == (404, "not-found")


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"fields": []}, "fields"),
        ({"version": "x"}, "version"),
        ({"fields": [1]}, "fields.0"),
        ({"patient_id": 7}, "patient_id"),
        ({"colour": "Zq7Marker"}, "colour"),
    ],
    ids=str,
)
def test_what_must_not_be_sent_is_refused_by_its_place(d: Deployment, change: dict[str, Any], param: str) -> None:
    body = {"patient_id": d.id_of("patient", 1), "version": "0" * 32, "fields": ["emails"], **change}
    answer = d.send("POST", f"/intakes/{d.id_of('intake', 1)}/approve", body=body, key="k", headers=BY)

    assert (answer.status, answer.body["param"]) == (400, param)
    assert "Zq7Marker" not in str({**answer.body, "param": ""})
