"""Charting: https://www.opendental.com/site/apiprocedurelogs.html."""

from typing import Any

import pytest

from .conftest import TODAY, Desk


def charted(desk: Desk, patient: int, code: str = "D1110", status: str = "TP", **more: object) -> dict[str, Any]:
    body = {"PatNum": patient, "ProcDate": TODAY, "ProcStatus": status, "procCode": code}
    answer: dict[str, Any] = desk.ask("procedurelogs.create", body=body | more)
    return answer


def test_a_procedure_is_priced_and_assigned_as_the_office_would(desk: Desk) -> None:
    row = charted(desk, desk.patient(PriProv=2, ClinicNum=2))

    assert (row["ProcFee"], row["ProvNum"], row["ClinicNum"], row["DateTP"]) == ("112.00", 2, "2", TODAY)
    assert row["Priority"] == desk.definition(20)
    assert row["Dx"] == desk.definition(16)
    assert charted(desk, desk.patient(), ProcFee="90.00")["ProcFee"] == "90.00"
    assert charted(desk, desk.patient(), "D7240", "R", ToothNum="17")["ProcFee"] == "0.00"


def test_work_on_a_visit_is_done_by_the_visits_provider_and_only_for_its_patient(desk: Desk) -> None:
    patient = desk.patient()
    visit = desk.store.insert("appointment", {"PatNum": patient, "ProvNum": 2, "AptStatus": 1})

    assert charted(desk, patient, AptNum=visit)["ProvNum"] == 2
    body = {"PatNum": desk.patient(), "ProcDate": TODAY, "ProcStatus": "TP", "procCode": "D1110", "AptNum": visit}
    assert desk.refused("procedurelogs.create", body=body).status == 400


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("D2391", {"ToothNum": "3"}),
        ("D2391", {"ToothNum": "33", "Surf": "O"}),
        ("D2391", {"ToothNum": "3", "Surf": "Q"}),
        ("D2740", {}),
        ("D4341", {"Surf": "XX"}),
        ("D5110", {"Surf": "UL"}),
    ],
)
def test_a_code_wants_its_place_in_the_mouth(desk: Desk, code: str, place: dict[str, str]) -> None:
    body = {"PatNum": desk.patient(), "ProcDate": TODAY, "ProcStatus": "TP", "procCode": code}

    assert desk.refused("procedurelogs.create", body=body | place).status == 400


def test_an_unknown_code_and_two_names_for_one_thing_are_refused(desk: Desk) -> None:
    body = {"PatNum": desk.patient(), "ProcDate": TODAY, "ProcStatus": "TP"}

    assert desk.refused("procedurelogs.create", body=body | {"procCode": "D9999"}).status == 404
    assert desk.refused("procedurelogs.create", body=body).status == 400
    both = {"procCode": "D1110", "Priority": desk.definition(20), "priority": "1"}
    assert desk.refused("procedurelogs.create", body=body | both).status == 400


def test_an_insured_patients_work_is_estimated_at_once(desk: Desk) -> None:
    patient = desk.patient()
    desk.insure(patient, percent=50)
    row = charted(desk, patient)

    (line,) = desk.rows("claimproc", ProcNum=row["ProcNum"])
    assert (line["Status"], line["ClaimNum"], line["InsEstTotal"], line["InsEstTotalOverride"]) == (6, 0, 56, -1)
    desk.ask("procedurelogs.update", row["ProcNum"], body={"ProcFee": "200.00"})
    assert desk.row("claimproc", line["ClaimProcNum"])["InsEstTotal"] == 100


def test_planned_work_joins_the_active_treatment_plan(desk: Desk) -> None:
    patient = desk.patient()
    works = [charted(desk, patient)["ProcNum"] for _ in range(2)]

    (plan,) = desk.rows("treatplan", PatNum=patient, TPStatus=1)
    assert [row["ProcNum"] for row in desk.rows("treatplanattach", TreatPlanNum=plan["TreatPlanNum"])] == works


def test_completing_work_dates_it_and_earns_the_deposit_on_it(desk: Desk) -> None:
    patient = desk.patient()
    work = charted(desk, patient)["ProcNum"]
    hidden = desk.definition(29, 1)
    split = desk.store.insert("paysplit", {"PatNum": patient, "ProcNum": work, "SplitAmt": 20, "UnearnedType": hidden})

    desk.ask("procedurelogs.update", work, body={"ProcStatus": "C"})

    assert desk.row("procedurelog", work)["DateEntryC"] == TODAY
    assert desk.row("paysplit", split)["UnearnedType"] == 0


def test_work_put_back_to_planned_leaves_its_visit(desk: Desk) -> None:
    patient = desk.patient()
    work = desk.work(patient, AptNum=7)

    desk.ask("procedurelogs.update", work, body={"ProcStatus": "TP"})

    assert desk.row("procedurelog", work)["AptNum"] == 0


def test_done_work_keeps_code_and_place_and_claimed_work_its_fee_and_status(desk: Desk) -> None:
    patient = desk.patient()
    desk.insure(patient)
    work = desk.work(patient)
    assert desk.refused("procedurelogs.update", work, body={"procCode": "D0120"}).status == 400
    desk.ask("claims.create", body={"PatNum": patient, "procNums": [work], "ClaimType": "P"})

    for body in ({"ProcFee": "1.00"}, {"ProcStatus": "TP"}):
        assert desk.refused("procedurelogs.update", work, body=body).status == 400
    assert desk.ask("procedurelogs.update", work, body={"BillingNote": "x"})["BillingNote"] == "x"


def test_empty_places_in_the_mouth_are_ignored(desk: Desk) -> None:
    work = charted(desk, desk.patient(), "D2740", ToothNum="19")["ProcNum"]

    assert desk.ask("procedurelogs.update", work, body={"ToothNum": ""})["ToothNum"] == "19"


def test_deleted_work_stays_as_a_row_of_status_d(desk: Desk) -> None:
    patient = desk.patient()
    desk.insure(patient)
    work = charted(desk, patient)["ProcNum"]
    desk.ask("procedurelogs.delete", work)

    assert desk.row("procedurelog", work)["ProcStatus"] == 6
    assert not desk.rows("claimproc", ProcNum=work)
    assert desk.refused("procedurelogs.delete", work).status == 400


@pytest.mark.parametrize("what", ["claim", "split", "adjustment", "plan"])
def test_work_that_money_hangs_on_cannot_be_deleted(desk: Desk, what: str) -> None:
    patient = desk.patient()
    work = desk.work(patient)
    table, row = {
        "claim": ("claimproc", {"ProcNum": work, "ClaimNum": 1}),
        "split": ("paysplit", {"ProcNum": work}),
        "adjustment": ("adjustment", {"ProcNum": work}),
        "plan": ("payplanlink", {"FKey": work, "LinkType": 2}),
    }[what]
    desk.store.insert(table, row)

    assert desk.refused("procedurelogs.delete", work).status == 400


def test_undoing_a_trigger_computes_the_recall_backwards(desk: Desk) -> None:
    patient = desk.patient()
    old, new = desk.work(patient, day="2026-01-05"), desk.work(patient, day="2026-07-05")
    recall = desk.store.insert("recall", {"PatNum": patient, "RecallTypeNum": 1, "RecallInterval": 393217})
    desk.ask("procedurelogs.update", old, body={"BillingNote": "x"})
    assert desk.row("recall", recall)["DateDue"] == "2027-01-06"

    desk.ask("procedurelogs.delete", new)
    assert (desk.row("recall", recall)["DatePrevious"], desk.row("recall", recall)["DateDue"]) == (
        "2026-01-05",
        "2026-07-06",
    )


def test_done_work_without_a_visit_needs_a_recent_office(desk: Desk) -> None:
    desk.office.version = "25.2.9"
    body = {"PatNum": desk.patient(), "ProcDate": TODAY, "ProcStatus": "C", "procCode": "D1110"}
    assert desk.refused("procedurelogs.create", body=body).status == 400
    desk.office.version = "25.3.1"
    assert desk.ask("procedurelogs.create", body=body)["ProcStatus"] == "C"


def test_a_disabled_recall_keeps_its_note_and_stays_blank(desk: Desk) -> None:
    patient = desk.patient()
    row = {"PatNum": patient, "RecallTypeNum": 1, "RecallInterval": 393217, "IsDisabled": 1, "Note": "moved away"}
    recall = desk.store.insert("recall", row)
    charted(desk, patient, status="C")

    kept = desk.row("recall", recall)
    assert (kept["DatePrevious"], kept["DateDue"], kept["Note"]) == (TODAY, "0001-01-01", "moved away")


def priced(desk: Desk, patient: int, **more: object) -> float:
    body = {"PatNum": patient, "ProcDate": TODAY, "ProcStatus": "TP", "procCode": "D1110"}
    return float(desk.ask("procedurelogs.create", body=body | more)["ProcFee"])


def schedule(desk: Desk, amount: float, **more: object) -> int:
    """A fee schedule with one fee."""
    key = desk.store.insert("feesched", {"Description": "Of the test"})
    desk.store.insert("fee", {"FeeSched": key, "CodeNum": desk.code("D1110"), "Amount": amount} | more)
    return key


def test_a_fee_comes_from_the_patients_schedule_before_the_providers(desk: Desk) -> None:
    own = desk.patient(FeeSched=schedule(desk, 11.0))
    assert priced(desk, own) == 11
    desk.store.update("provider", 2, {"FeeSched": schedule(desk, 12.0)})
    assert priced(desk, desk.patient(), ProvNum=2) == 12
    assert priced(desk, desk.patient(PriProv=2), ProvNum=3) != 12
    desk.store.update("provider", 3, {"FeeSched": desk.store.insert("feesched", {})})
    assert priced(desk, desk.patient(PriProv=2), ProvNum=3) == 12


@pytest.mark.parametrize(
    ("kind", "usual", "of_plan", "billed"),
    [("", 50.0, 40.0, 40.0), ("f", 50.0, 60.0, 60.0), ("p", 50.0, 40.0, 50.0), ("p", 50.0, 60.0, 60.0)],
)
def test_the_first_plan_decides_what_is_billed(
    desk: Desk, kind: str, usual: float, of_plan: float, billed: float
) -> None:
    patient = desk.patient(PriProv=2)
    desk.store.update("provider", 2, {"FeeSched": schedule(desk, usual)})
    plan = desk.row("inssub", desk.insure(patient, kind=kind))["PlanNum"]
    desk.store.update("insplan", plan, {"FeeSched": schedule(desk, of_plan)})
    desk.prefer("InsPpoAlwaysUseUcrFee", 0)
    assert priced(desk, patient, ProvNum=3) == billed
    desk.prefer("InsPpoAlwaysUseUcrFee", 1)
    assert priced(desk, patient, ProvNum=3) == (usual if kind == "p" else billed)


def test_a_capitation_plan_bills_its_copay_or_nothing(desk: Desk) -> None:
    patient = desk.patient()
    plan = desk.row("inssub", desk.insure(patient, kind="c"))["PlanNum"]
    assert priced(desk, patient) == 0
    desk.store.update("insplan", plan, {"CopayFeeSched": schedule(desk, 15.0)})
    assert priced(desk, patient) == 15


def test_a_fee_of_clinic_and_provider_beats_the_general_one(desk: Desk) -> None:
    key = schedule(desk, 10.0)
    fee = {"FeeSched": key, "CodeNum": desk.code("D1110")}
    desk.store.insert("fee", fee | {"Amount": 20.0, "ClinicNum": 1})
    desk.store.insert("fee", fee | {"Amount": 30.0, "ProvNum": 2})
    desk.store.insert("fee", fee | {"Amount": 40.0, "ClinicNum": 1, "ProvNum": 2})
    patient = desk.patient(FeeSched=key)
    prices = [
        priced(desk, patient, ClinicNum=clinic, ProvNum=provider)
        for clinic, provider in ((2, 3), (1, 3), (2, 2), (1, 2))
    ]
    assert prices == [10, 20, 30, 40]
