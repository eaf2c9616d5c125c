"""Treatment plans and perio exams, read through their handlers from a simulated practice."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from gateway.core.ids import row_id
from gateway.core.objects.treatment import PerioExam, TreatmentPlan
from gateway.core.objects.values import Object
from tests.fakes.deployment import IDS, Deployment, deployed

FAMILIES: dict[str, tuple[str, str, str, type[Object]]] = {
    "treatment_plans": ("treatplan", "TreatPlanNum", "treatment_plan", TreatmentPlan),
    "perio_exams": ("perioexam", "PerioExamNum", "perio_exam", PerioExam),
}
JOINED = {"treatment_plans": "procedures", "perio_exams": "measures"}
EVERYTHING: dict[str, dict[str, Any]] = {
    "treatment_plans": {"updated_since": "2000-01-01T00:00:00Z"},
    "perio_exams": {"date_from": "2000-01-01"},
}


def id_of(kind: str, number: int, practice_id: str = IDS[0]) -> str:
    return row_id(kind, practice_id, number)


def furnish(d: Deployment) -> None:
    """Fill one saved plan with amounts, one live procedure with estimates, and an exam with every kind of measure."""
    store = d.simulated.office.store
    saved = d.rows("proctp")[0]
    amounts = {"FeeAmt": 200.0, "PriInsAmt": 90.5, "SecInsAmt": 10.0, "Discount": 20.0, "PatAmt": 79.5}
    store.update("proctp", saved["ProcTPNum"], amounts | {"FeeAllowed": -1.0, "Dx": "Caries", "Prognosis": "Good"})
    attach = d.rows("treatplanattach")[0]
    store.update(
        "treatplanattach", attach["TreatPlanAttachNum"], {"Priority": d.rows("definition", "Category=20")[0]["DefNum"]}
    )
    work = d.rows("procedurelog", f"ProcNum={attach['ProcNum']}")[0]
    store.update("procedurelog", work["ProcNum"], {"ProcFee": 100.0, "Discount": 1.0})
    for row in d.rows("claimproc", f"ProcNum={work['ProcNum']}"):
        store.delete("claimproc", row["ClaimProcNum"])
    base = {"ProcNum": work["ProcNum"], "PatNum": work["PatNum"], "InsEstTotalOverride": -1, "WriteOffEstOverride": -1}
    for more in (
        {"Status": 6, "InsEstTotal": 40.0, "WriteOffEst": 15.0},
        {"Status": 6, "InsEstTotal": 30.0, "InsEstTotalOverride": 12.5, "WriteOffEst": -1.0},
        # On a claim already, or history: no estimate of what is to come.
        {"Status": 0, "InsEstTotal": 77.0, "WriteOffEst": 7.0},
    ):
        store.insert("claimproc", base | more)
    exam = d.rows("perioexam")[0]["PerioExamNum"]
    for row in d.rows("periomeasure", f"PerioExamNum={exam}"):
        store.delete("periomeasure", row["PerioMeasureNum"])
    none = dict.fromkeys(("MBvalue", "Bvalue", "DBvalue", "MLvalue", "Lvalue", "DLvalue"), -1)
    for kind, tooth, values in (
        (4, 3, {"MBvalue": 5, "Bvalue": 3, "DLvalue": 0}),
        (2, 3, {"MBvalue": 2, "Bvalue": 101}),
        (3, 3, {"MBvalue": 4}),
        (1, 3, {"Lvalue": 2}),
        (6, 3, {"MBvalue": 5, "Bvalue": 0, "DBvalue": 10}),
        (0, 3, {"ToothValue": 1}),
        (5, 1, {"ToothValue": 1}),
    ):
        row = {"PerioExamNum": exam, "SequenceType": kind, "IntTooth": tooth, "ToothValue": -1}
        store.insert("periomeasure", row | none | values)


@pytest.fixture(scope="module")
def office() -> Iterator[Deployment]:
    with deployed(practices=2) as deployment:
        furnish(deployment)
        yield deployment


def every(name: str, d: Deployment, **more: Any) -> list[dict[str, Any]]:
    answer = d.get(f"/{name}", **{"practice_id": d.practice_id, "limit": 500} | EVERYTHING[name] | more)
    assert answer.status == 200, answer.body
    data: list[dict[str, Any]] = answer.body["data"]
    return data


@pytest.mark.parametrize("name", FAMILIES)
def test_the_widest_list_shows_every_row_of_the_table_as_its_object(name: str, office: Deployment) -> None:
    table, column, _, model = FAMILIES[name]
    for more in ({}, {"expand": JOINED[name]}):
        data = every(name, office, **more)

        assert {one["source"]["key"] for one in data} == {str(row[column]) for row in office.rows(table)}
        for one in data:
            model.model_validate(one, strict=True)
            assert (JOINED[name] in one) is bool(more)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_single_object_is_the_one_of_the_expanded_list(name: str, office: Deployment) -> None:
    listed = every(name, office, expand=JOINED[name])[0]
    hint = {"patient_id": listed["patient_id"]} if name == "treatment_plans" else {}
    single = office.get(f"/{name}/{listed['id']}", **hint)

    assert single.status == 200, single.body
    assert single.body["meta"]["omitted"] == []
    assert {k: v for k, v in single.body.items() if k not in ("synced_at", "meta")} == {
        k: v for k, v in listed.items() if k != "synced_at"
    }


@pytest.mark.parametrize("name", FAMILIES)
def test_pages_make_the_whole_list(name: str, office: Deployment) -> None:
    whole = [one["id"] for one in every(name, office)]
    asked = {"practice_id": office.practice_id, "limit": max(1, len(whole) // 3)} | EVERYTHING[name]
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = office.get(f"/{name}", **asked, **cursor).body
        found += [one["id"] for one in page["data"]]
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert found == whole and cursor


@pytest.mark.parametrize("name", FAMILIES)
def test_nothing_bounds_a_list_of_everybody(name: str, office: Deployment) -> None:
    answer = office.get(f"/{name}", practice_id=office.practice_id)

    assert (answer.status, answer.body["code"]) == (422, "filter-too-wide")
    assert office.get(f"/{name}").status == 400


@pytest.mark.parametrize("name", FAMILIES)
def test_a_client_without_the_scope_reads_nothing(name: str) -> None:
    with deployed(scopes=["patients:read"]) as deployment:
        answer = deployment.get(f"/{name}", **EVERYTHING[name])

    assert (answer.status, answer.body["code"]) == (403, "scope-missing")


@pytest.mark.parametrize("name", FAMILIES)
def test_another_practices_object_and_patient_are_not_found(name: str, office: Deployment) -> None:
    _, _, kind, _ = FAMILIES[name]
    ours = every(name, office)[0]
    theirs = id_of(kind, int(ours["source"]["key"]), IDS[1])

    if name == "treatment_plans":
        assert office.get(f"/{name}/{theirs}", patient_id=ours["patient_id"]).status == 404
        assert office.get(f"/{name}/{ours['id']}").status == 422
    assert office.get(f"/{name}", practice_id=IDS[0], ids=theirs).status == 404
    assert office.get(f"/{name}", practice_id=IDS[1], patient_id=ours["patient_id"]).status == 404
    assert office.get(f"/{name}/{id_of(kind, 999_999)}", patient_id=ours["patient_id"]).status == (
        404 if name == "treatment_plans" else 400
    )


@pytest.mark.parametrize(
    ("name", "member"),
    [("treatment_plans", "patient_id"), ("treatment_plans", "status"), ("perio_exams", "patient_id")],
)
def test_a_filter_keeps_what_fits_and_drops_what_does_not(name: str, member: str, office: Deployment) -> None:
    data = every(name, office)
    for wanted in {one[member] for one in data}:
        found = every(name, office, **{member: wanted})

        assert [one["id"] for one in found] == [one["id"] for one in data if one[member] == wanted]
        assert 0 < len(found) < len(data)


def test_exams_of_some_days_are_those_held_then(office: Deployment) -> None:
    data = every("perio_exams", office)
    days = sorted({one["examined_on"] for one in data})
    assert len(days) > 1
    first, last = days[0], days[-1]

    for asked in ({"date_to": first}, {"date_from": last}, {"date_from": first, "date_to": first}):
        found = every("perio_exams", office, **asked)
        begin, end = asked.get("date_from", "2000"), asked.get("date_to", "9999")
        assert [one["id"] for one in found] == [one["id"] for one in data if begin <= one["examined_on"] <= end]
        assert 0 < len(found) < len(data)


def plan_of(office: Deployment, number: int) -> dict[str, Any]:
    row = office.rows("treatplan", f"TreatPlanNum={number}")[0]
    answer = office.get(
        f"/treatment_plans/{id_of('treatment_plan', number)}", patient_id=id_of("patient", row["PatNum"])
    )
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.body
    return body


def amounts(estimates: dict[str, Any]) -> dict[str, Any]:
    return {name: value and value["amount"] for name, value in estimates.items()}


def test_a_saved_plan_shows_its_copies_with_what_was_estimated_then(office: Deployment) -> None:
    row = office.rows("proctp")[0]
    plan = plan_of(office, row["TreatPlanNum"])
    copies = office.rows("proctp", f"TreatPlanNum={row['TreatPlanNum']} ORDER BY ItemOrder")
    one = plan["procedures"][0]

    assert plan["status"] == "saved" and plan["is_signed"] is False and plan["signed_at"] is None
    assert [item["procedure_id"] for item in plan["procedures"]] == [
        id_of("procedure", copy["ProcNumOrig"]) for copy in copies
    ]
    assert (one["fee"]["amount"], one["diagnosis"], one["prognosis"]) == ("200.00", "Caries", "Good")
    assert amounts(one["estimates"]) == {
        "allowed": None,
        "primary_insurance": "90.50",
        "secondary_insurance": "10.00",
        "insurance": "100.50",
        "discount": "20.00",
        "patient": "79.50",
    }


def test_a_live_plan_shows_its_procedures_as_they_are_with_what_insurance_should_pay(office: Deployment) -> None:
    attach = office.rows("treatplanattach")[0]
    plan = plan_of(office, attach["TreatPlanNum"])
    attached = office.rows("treatplanattach", f"TreatPlanNum={attach['TreatPlanNum']}")
    one = plan["procedures"][0]
    work = office.rows("procedurelog", f"ProcNum={attach['ProcNum']}")[0]

    assert plan["status"] == "active"
    assert [item["procedure_id"] for item in plan["procedures"]] == [
        id_of("procedure", row["ProcNum"]) for row in attached
    ]
    assert one["priority"]["label"] == office.rows("definition", f"DefNum={attach['Priority']}")[0]["ItemName"]
    assert (one["fee"]["amount"], one["tooth"] or "") == ("100.00", work["ToothNum"])
    assert amounts(one["estimates"]) == {
        "allowed": None,
        "primary_insurance": None,
        "secondary_insurance": None,
        "insurance": "52.50",
        "discount": "16.00",
        "patient": "31.50",
    }


def test_fees_of_live_procedures_are_those_of_procedures(office: Deployment) -> None:
    plan = plan_of(office, office.rows("treatplanattach")[0]["TreatPlanNum"])
    for item in plan["procedures"]:
        procedure = office.get(f"/procedurelogs/{item['procedure_id']}").body
        assert (item["fee"], item["status"], item["code"]) == (
            procedure["total_fee"],
            procedure["status"],
            procedure["code"]["value"],
        )
        rest = Decimal(item["fee"]["amount"]) - sum(
            Decimal(item["estimates"][name]["amount"]) for name in ("insurance", "discount")
        )
        assert Decimal(item["estimates"]["patient"]["amount"]) == rest


def test_a_single_plan_costs_its_list_and_one_turn_more(office: Deployment) -> None:
    number = office.rows("treatplanattach")[0]["TreatPlanNum"]
    row = office.rows("treatplan", f"TreatPlanNum={number}")[0]
    answer = office.send(
        "GET",
        f"/treatment_plans/{id_of('treatment_plan', number)}",
        query={"patient_id": id_of("patient", row["PatNum"])},
        headers={"Cache-Control": "no-cache"},
    )

    assert answer.body["meta"]["upstream_calls"] == 4


def test_an_office_that_cannot_be_asked_for_estimates_leaves_them_out() -> None:
    with deployed("--version", "22.4.40") as older:
        row = older.rows("treatplan", "TPStatus=1")[0]
        patient = id_of("patient", row["PatNum"])
        answer = older.get(f"/treatment_plans/{id_of('treatment_plan', row['TreatPlanNum'])}", patient_id=patient)

    assert answer.status == 200, answer.body
    assert answer.body["meta"]["omitted"] == ["procedures.estimates"]
    assert all(item["estimates"] is None and item["fee"] for item in answer.body["procedures"])


def test_what_a_discount_plan_takes_off_is_not_guessed(office: Deployment) -> None:
    number = office.rows("treatplanattach")[-1]["TreatPlanNum"]
    office.simulated.office.store.update("treatplan", number, {"TPType": 1})
    # The answer of a moment ago would do otherwise.
    row = office.rows("treatplan", f"TreatPlanNum={number}")[0]
    plan = office.send(
        "GET",
        f"/treatment_plans/{id_of('treatment_plan', number)}",
        query={"patient_id": id_of("patient", row["PatNum"])},
        headers={"Cache-Control": "no-cache"},
    ).body

    assert plan["type"] == "discount"
    assert plan["procedures"] and all(item["estimates"] is None for item in plan["procedures"])


def exam_of(office: Deployment) -> dict[str, Any]:
    number = office.rows("perioexam")[0]["PerioExamNum"]
    body: dict[str, Any] = office.get(f"/perio_exams/{id_of('perio_exam', number)}").body
    return body


def test_an_exam_shows_each_tooth_with_its_six_sites(office: Deployment) -> None:
    first, third = exam_of(office)["measures"]
    sites = {site["site"]: site for site in third["sites"]}

    assert (first["tooth"], first["is_skipped"], third["tooth"], third["is_skipped"]) == (1, True, 3, False)
    assert list(sites) == ["MB", "B", "DB", "ML", "L", "DL"]
    assert (first["mobility"], third["mobility"]) == (None, 1)
    assert sites["MB"] == {
        "site": "MB",
        "probing_depth": 5,
        "recession": 2,
        "attachment_loss": 7,
        "mucogingival_junction": 4,
        "furcation": None,
        "bleeding": True,
        "suppuration": False,
        "plaque": True,
        "calculus": False,
    }
    assert sites["L"]["furcation"] == 2


def test_gum_that_covers_the_enamel_is_negative_and_lessens_the_loss(office: Deployment) -> None:
    site = exam_of(office)["measures"][1]["sites"][1]

    assert (site["probing_depth"], site["recession"], site["attachment_loss"]) == (3, -1, 2)


def test_what_was_not_measured_is_null_and_what_was_nought_is_nought(office: Deployment) -> None:
    *_, last = exam_of(office)["measures"][1]["sites"]

    assert (last["probing_depth"], last["recession"], last["attachment_loss"]) == (0, None, None)
    assert last["bleeding"] is None


def test_an_exam_is_found_alone_for_two_calls(office: Deployment) -> None:
    number = office.rows("perioexam")[0]["PerioExamNum"]
    answer = office.send("GET", f"/perio_exams/{id_of('perio_exam', number)}", headers={"Cache-Control": "no-cache"})

    assert answer.body["meta"]["upstream_calls"] == 2
