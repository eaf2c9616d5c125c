"""POST /claims and PATCH /claims/{id} through handler, ledger and worker, at a simulated practice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.ids import row_id
from gateway.core.objects.claim import Claim
from tests.fakes.deployment import Answered, Deployment, deployed
from tests.functions.writes import assert_a_get_shows, changed, result_of, row_of

SCOPES = ("*:read", "claims:write")
WRITES = {"claims.create", "claims.update", "claims.Status"}


@pytest.fixture
def office() -> Iterator[Deployment]:
    with deployed(scopes=SCOPES) as deployment:
        deployment.read_up()
        yield deployment


def procedures(office: Deployment, status: int = 2, count: int = 2) -> list[str]:
    """Crowns of patient 1, who is insured."""
    store = office.simulated.office.store
    code = store.find("procedurecode", {"ProcCode": "D2740"})[0]["CodeNum"]
    row = {
        "PatNum": 1, "ProcStatus": status, "ProcFee": 100.0, "UnitQty": 1, "CodeNum": code, "ProvNum": 1,
        "ProcDate": "2026-01-05", "ClinicNum": 1, "ToothNum": "14",
    }  # fmt: skip
    return [row_id("procedure", office.practice_id, store.insert("procedurelog", row)) for _ in range(count)]


def bill(office: Deployment, ids: list[str], key: str | None = None, **more: Any) -> Answered:
    body = {"patient_id": row_id("patient", office.practice_id, 1), "type": "primary", "procedure_ids": ids}
    return office.post("/claims", body | more, key=key)


def claims(office: Deployment) -> int:
    return len(office.rows("claim", "PatNum = 1"))


def row_of_claim(office: Deployment, shown: dict[str, Any]) -> dict[str, Any]:
    return row_of(office, "claim", "ClaimNum", int(shown["source"]["key"]))


def writes(office: Deployment) -> list[str]:
    return [call for call in office.upstream_calls if call in WRITES]


def answer_lines(office: Deployment, shown: dict[str, Any], **more: Any) -> None:
    store = office.simulated.office.store
    for line in store.find("claimproc", {"ClaimNum": int(shown["source"]["key"])}):
        store.update("claimproc", line["ClaimProcNum"], {"Status": 1, **more})


def test_a_claim_has_a_line_for_each_procedure_and_is_shown_by_get_and_list(office: Deployment) -> None:
    ids = procedures(office)
    answer = bill(office, ids, treating_provider_id=row_id("provider", office.practice_id, 2))
    result = result_of(answer, 201)

    assert sorted(line["procedure_id"] for line in result["lines"]) == sorted(ids)
    assert (result["type"], result["status"], result["totals"]["billed"]["amount"]) == ("primary", "queued", "200.00")
    assert result["treating_provider_id"] == row_id("provider", office.practice_id, 2)
    assert_a_get_shows(office, "/claims", result)
    listed = office.get("/claims", patient_id=result["patient_id"], limit=500).body["data"]
    assert result["id"] in [one["id"] for one in listed]
    Claim.model_validate(result, strict=True)
    assert answer.headers["Location"].endswith(f"claims/{result['id']}")


def test_a_procedure_is_not_claimed_twice(office: Deployment) -> None:
    ids = procedures(office)
    first = result_of(bill(office, ids[:1]))
    before = claims(office)
    refused = bill(office, ids)

    assert (refused.status, refused.body["reason"], refused.body["claim_ids"]) == (
        409, "already-claimed", [first["id"]]
    )  # fmt: skip
    assert (claims(office), writes(office)) == (before, ["claims.create"])
    assert bill(office, ids[1:]).status == 201


def test_planned_work_is_asked_about_beforehand(office: Deployment) -> None:
    ids = procedures(office, status=1)
    coverage = row_id("coverage", office.practice_id, office.rows("patplan", "PatNum = 1")[0]["InsSubNum"])
    result = result_of(bill(office, ids, type="preauthorization", coverage_id=coverage, relationship="self"), 201)

    assert (result["type"], result["coverage_id"], result["relationship"]) == ("preauthorization", coverage, "self")
    assert {line["status"] for line in result["lines"]} == {"preauthorization"}


@pytest.mark.parametrize(
    ("body", "columns"),
    [
        ({"note": "see the x-ray"}, {"ClaimNote"}),
        ({"underpaid_reason": "maximum used up"}, {"ReasonUnderPaid"}),
        ({"prior_authorization_number": "PA-1"}, {"PriorAuthorizationNumber"}),
        ({"status": "unsent"}, {"ClaimStatus"}),
        ({"status": "held"}, {"ClaimStatus"}),
        ({"relationship": "spouse"}, {"PatRelat"}),
        ({"treating_provider_id": 3}, {"ProvTreat"}),
        ({"billing_provider_id": 3}, {"ProvBill"}),
    ],
)
def test_only_what_is_named_changes_and_a_get_shows_it(
    body: dict[str, Any], columns: set[str], office: Deployment
) -> None:
    body = {
        name: row_id("provider", office.practice_id, value) if isinstance(value, int) else value
        for name, value in body.items()
    }
    made = result_of(bill(office, procedures(office)))
    before = row_of_claim(office, made)
    result = result_of(office.patch(f"/claims/{made['id']}", body), 200)

    assert changed(before, row_of_claim(office, made)) == columns
    assert {name: result[name] for name in body} == body
    assert_a_get_shows(office, "/claims", result)


def test_a_claim_is_sent_on_a_day_and_leaves_its_trace(office: Deployment) -> None:
    made = result_of(bill(office, procedures(office)))
    traces = len(office.rows("etrans"))
    result = result_of(office.patch(f"/claims/{made['id']}", {"status": "sent", "sent_on": "2026-02-03", "note": "x"}))

    assert (result["status"], result["sent_on"], result["note"]) == ("sent", "2026-02-03", "x")
    assert len(office.rows("etrans")) == traces + 1
    assert writes(office)[1:] == ["claims.update", "claims.Status"]


def test_a_claim_is_received_when_its_lines_are(office: Deployment) -> None:
    made = result_of(bill(office, procedures(office)))
    refused = office.patch(f"/claims/{made['id']}", {"status": "received"})
    answer_lines(office, made)
    received = result_of(office.patch(f"/claims/{made['id']}", {"status": "received", "received_on": "2026-02-03"}))

    assert (refused.status, refused.body["reason"]) == (409, "line-open")
    assert (received["status"], received["received_on"]) == ("received", "2026-02-03")
    answer_lines(office, made, ClaimPaymentNum=1)
    kept = office.patch(f"/claims/{made['id']}", {"status": "sent"})
    assert (kept.status, kept.body["reason"]) == (409, "paid")


@pytest.mark.parametrize("kind", ["drop_answer", "lose_request"])
@pytest.mark.parametrize("operation", ["claims.create", "claims.update", "claims.Status"])
def test_a_write_whose_answer_is_lost_happens_at_most_once(kind: str, operation: str, office: Deployment) -> None:
    ids = procedures(office)
    made = None if operation == "claims.create" else result_of(bill(office, ids))
    before, traces = claims(office), len(office.rows("etrans"))
    office.faulty(kind, operation)
    if made is None:
        settled = office.settled(bill(office, ids))
    else:
        body = {"note": "x"} if operation == "claims.update" else {"status": "sent", "sent_on": "2026-02-03"}
        settled = office.settled(office.patch(f"/claims/{made['id']}", body))

    written = kind == "drop_answer"
    assert settled["state"] == ("succeeded" if written or operation == "claims.update" else "failed")
    assert claims(office) == before + (written and made is None)
    assert len(office.rows("etrans")) == traces + (written and operation == "claims.Status")


@pytest.mark.parametrize(
    ("method", "body", "param"),
    [
        ("POST", {"procedure_ids": []}, "procedure_ids"),
        ("POST", {"procedure_ids": ["proc_x", "proc_x"]}, "procedure_ids"),
        ("POST", {"type": "preauthorization"}, "coverage_id"),
        ("POST", {"type": "capitation"}, "type"),
        ("PATCH", {}, "body"),
        ("PATCH", {"sent_on": "2026-02-03"}, "sent_on"),
        ("PATCH", {"status": "sent", "received_on": "2026-02-03"}, "received_on"),
        ("PATCH", {"status": None}, "status"),
        ("PATCH", {"status": "in_process"}, "status"),
        ("PATCH", {"amount": "1.00"}, "amount"),
    ],
)
def test_what_cannot_be_is_refused_and_nobody_is_asked(
    method: str, body: dict[str, Any], param: str, office: Deployment
) -> None:
    if method == "POST":
        new = {"patient_id": "pat_x", "type": "primary", "procedure_ids": ["proc_x"], **body}
        refused = office.post("/claims", new)
    else:
        refused = office.patch(f"/claims/{row_id('claim', office.practice_id, 1)}", body)

    assert (refused.status, refused.body["code"], refused.body["param"]) == (400, "invalid", param)
    assert office.upstream_calls == []


def test_one_key_is_one_claim(office: Deployment) -> None:
    ids = procedures(office)
    before = claims(office)
    answers = [bill(office, ids, key="the-same-key") for _ in range(2)]

    assert answers[0].body == answers[1].body
    assert claims(office) == before + 1
    assert bill(office, ids[:1], key="the-same-key").body["code"] == "key-reused"


def test_without_the_scope_or_in_another_practice_nothing_is_asked() -> None:
    with deployed(practices=2, scopes=SCOPES) as office:
        here, there = office.servers
        elsewhere = bill(office, [row_id("procedure", there, 1)])
        office.grant("*:read", "patients:write")
        refused = [
            bill(office, [row_id("procedure", here, 1)]),
            office.patch(f"/claims/{row_id('claim', here, 1)}", {"note": "x"}),
        ]

        assert (elsewhere.status, elsewhere.body["param"]) == (404, "procedure_ids")
        assert [(one.status, one.body["scope"]) for one in refused] == [(403, "claims:write")] * 2
        assert office.upstream_calls == []


def test_a_secondary_claim_needs_a_second_coverage(office: Deployment) -> None:
    ids = procedures(office)
    store = office.simulated.office.store
    for place in office.rows("patplan", "PatNum = 1")[1:]:
        store.delete("patplan", place["PatPlanNum"])
    refused = bill(office, ids, type="secondary")

    assert (refused.status, refused.body["param"], refused.body["reason"]) == (409, "type", "no-coverage")
    assert writes(office) == []


def test_a_claim_needs_a_coverage_of_its_patient(office: Deployment) -> None:
    ids = procedures(office)
    own = {place["InsSubNum"] for place in office.rows("patplan", "PatNum = 1")}
    other = next(row["InsSubNum"] for row in office.rows("inssub") if row["InsSubNum"] not in own)
    foreign = bill(office, ids, coverage_id=row_id("coverage", office.practice_id, other))
    for place in office.rows("patplan", "PatNum = 1"):
        office.simulated.office.store.delete("patplan", place["PatPlanNum"])
    uninsured = bill(office, ids)

    assert (foreign.status, foreign.body["param"], foreign.body["reason"]) == (409, "coverage_id", "no-coverage")
    assert (uninsured.status, uninsured.body["param"], uninsured.body["reason"]) == (409, "type", "no-coverage")
    assert writes(office) == []


@pytest.mark.parametrize("count", [1, 4])
def test_another_patients_procedure_is_named_before_anything_is_written(count: int, office: Deployment) -> None:
    ids = procedures(office, count=count)
    other = row_id("procedure", office.practice_id, office.rows("procedurelog", "PatNum > 1")[0]["ProcNum"])
    refused = bill(office, [*ids, other])

    assert (refused.status, refused.body["param"], refused.body["reason"]) == (409, "procedure_ids", "other-patient")
    assert writes(office) == []


def test_a_procedure_that_is_none_is_named(office: Deployment) -> None:
    refused = bill(office, [*procedures(office), row_id("procedure", office.practice_id, 999_999)])

    assert (refused.status, refused.body["param"], writes(office)) == (404, "procedure_ids", [])
