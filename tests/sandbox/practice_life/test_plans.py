"""Insurance as it is set up: benefits, fees, subscriptions, verification, claim history, deposits, past treatment."""

import pytest

from .conftest import TODAY, Desk


def test_a_benefit_is_a_plans_or_one_patients(desk: Desk) -> None:
    body = {"BenefitType": "Exclusions", "CoverageLevel": "None"}
    place = desk.rows("patplan")
    assert place == []
    desk.insure(desk.patient())
    key = desk.rows("patplan")[0]["PatPlanNum"]
    assert desk.ask("benefits.create", body=body | {"PatPlanNum": key})["PlanNum"] == 0
    made = desk.ask("benefits.create", body=body | {"PlanNum": 1})
    assert (made["PatPlanNum"], made["Percent"], made["MonetaryAmt"]) == (0, -1, -1)
    for wrong in ({}, {"PlanNum": 1, "PatPlanNum": key}):
        assert desk.refused("benefits.create", body=body | wrong).status == 400


def test_the_fees_of_a_group_of_clinics_are_not_the_apis(desk: Desk) -> None:
    desk.store.insert("feeschedgroup", {"Description": "East", "FeeSchedNum": 1, "ClinicNums": "1,2"})
    body = {"Amount": "10.00", "FeeSched": 1, "CodeNum": 1}
    assert desk.refused("fees.create", body=body | {"ClinicNum": 2}).status == 400
    free = desk.ask("fees.create", body=body)["FeeNum"]
    held = desk.store.insert("fee", {"FeeSched": 1, "CodeNum": 1, "ClinicNum": 2, "Amount": 10.0})
    assert desk.refused("fees.update", held, body={"Amount": "11.00"}).status == 400
    assert desk.refused("fees.delete", held).status == 400
    desk.ask("fees.update", free, body={"Amount": "11.00"})
    desk.ask("fees.delete", free)


@pytest.mark.parametrize("table", ["patient", "insplan"])
def test_an_employer_in_use_stays(desk: Desk, table: str) -> None:
    key = desk.ask("employers.create", body={"EmpName": "Works of the Test"})["EmployerNum"]
    user = desk.store.insert(table, {"EmployerNum": key})
    assert desk.refused("employers.delete", key).status == 400
    desk.store.update(table, user, {"EmployerNum": 0})
    desk.ask("employers.delete", key)


def test_a_subscription_stays_while_it_covers_somebody(desk: Desk) -> None:
    patient = desk.patient()
    key = desk.insure(patient)
    assert desk.refused("inssubs.delete", key).status == 400
    desk.ask("patplans.delete", desk.rows("patplan")[0]["PatPlanNum"])
    desk.ask("inssubs.delete", key)
    assert desk.store.get("inssub", key) is None


def test_a_subscription_can_move_to_another_plan_and_makes_none(desk: Desk) -> None:
    patient = desk.patient()
    before = (desk.store.count("insplan"), desk.store.count("benefit"), desk.store.count("patplan"))
    made = desk.ask("inssubs.create", body={"PlanNum": 1, "Subscriber": patient, "SubscriberID": "T9"})
    assert (desk.store.count("insplan"), desk.store.count("benefit"), desk.store.count("patplan")) == before
    place = desk.ask("patplans.create", body={"PatNum": patient, "InsSubNum": made["InsSubNum"], "Ordinal": 1})
    stamp = {"PlanNum": 2, "SecDateTEdit": "2020-01-01 00:00:00"}
    desk.ask("inssubs.update", made["InsSubNum"], body=stamp)
    row = desk.row("inssub", made["InsSubNum"])
    assert (row["PlanNum"], row["SecDateTEdit"]) == (2, desk.office.now())
    assert desk.row("patplan", place["PatPlanNum"])["InsSubNum"] == made["InsSubNum"]


def test_a_place_needs_a_patient_and_a_subscription_that_exist_and_each_once(desk: Desk) -> None:
    patient = desk.patient()
    key = desk.insure(patient)
    body = {"PatNum": patient, "InsSubNum": key, "Ordinal": 1}
    assert desk.refused("patplans.create", body=body).status == 400
    assert desk.refused("patplans.create", body=body | {"PatNum": 999}).status == 404
    place = desk.rows("patplan")[0]["PatPlanNum"]
    assert desk.refused("patplans.update", place, body={"InsSubNum": 999}).status == 404


def test_verifying_keeps_what_was_verified_before(desk: Desk) -> None:
    kind = desk.office.code("insverify", "VerifyType", "InsuranceBenefit")
    desk.store.insert(
        "insverify", {"VerifyType": kind, "FKey": 1, "Note": "By phone", "DateLastVerified": "2026-01-05"}
    )
    body = {"VerifyType": "InsuranceBenefit", "FKey": 1, "DateLastVerified": TODAY, "Note": "On line"}
    assert desk.ask("insverifies.update", body=body)["DateLastVerified"] == TODAY
    assert [row["Note"] for row in desk.rows("insverifyhist")] == ["By phone"]
    assert [row["Note"] for row in desk.rows("insverify")] == ["On line"]
    assert desk.refused("insverifies.update", body=body | {"FKey": 77}).status == 400


def test_a_new_category_comes_last_and_wins_from_there(desk: Desk) -> None:
    last = max(row["CovOrder"] for row in desk.rows("covcat"))
    made = desk.ask("covcats.create", body={"Description": "Of the test"})
    assert made["CovOrder"] == last + 1
    patient = desk.patient()
    desk.insure(patient, percent=80)
    work = desk.work(patient, 99, ProcStatus=1)
    desk.ask("procedurelogs.update", work, body={"ProcFee": "100.00"})
    before = desk.rows("claimproc", ProcNum=work)[0]["InsEstTotal"]
    plan = desk.rows("claimproc", ProcNum=work)[0]["PlanNum"]
    desk.store.insert("covspan", {"CovCatNum": made["CovCatNum"], "FromCode": "D0000", "ToCode": "D9999"})
    narrow = {"PlanNum": plan, "BenefitType": 1, "CovCatNum": made["CovCatNum"], "Percent": 10}
    desk.store.insert("benefit", narrow)
    desk.ask("procedurelogs.update", work, body={"ProcFee": "101.00"})
    assert (before, desk.rows("claimproc", ProcNum=work)[0]["InsEstTotal"]) == (80, 10.1)
    desk.ask("covcats.update", made["CovCatNum"], body={"CovOrder": -1})
    desk.ask("procedurelogs.update", work, body={"ProcFee": "100.00"})
    assert desk.rows("claimproc", ProcNum=work)[0]["InsEstTotal"] == 80


def test_a_remittance_is_taken_in_with_its_message_and_answered_with_nothing(desk: Desk) -> None:
    assert desk.ask("etrans.create", body={"MessageText": "ISA*00*"}) is None
    (row,) = desk.rows("etrans")
    assert desk.office.word("etrans", "Etype", row["Etype"]) == "ERA_835"
    assert desk.ask("etransmessagetexts.get", row["EtransMessageTextNum"])["MessageText"] == "ISA*00*"


def test_claim_history_is_set_up_first_and_carries_the_time_of_its_last_change(desk: Desk) -> None:
    claim = desk.store.insert("claim", {"PatNum": desk.patient(), "ClaimStatus": "S"})
    made = desk.ask("claimtrackings.create", body={"ClaimNum": claim, "Note": "Called"})
    assert (made["TrackingType"], made["UserNum"], made["DateTimeEntry"]) == ("StatusHistory", 0, desk.office.now())
    desk.clock.advance(3600)
    changed = desk.ask("claimtrackings.update", made["ClaimTrackingNum"], body={"Note": "Called twice"})
    assert changed["DateTimeEntry"] == desk.office.now() != made["DateTimeEntry"]
    for row in desk.rows("definition", Category=31):
        desk.store.update("definition", row["DefNum"], {"IsHidden": 0, "Category": 30})
    assert desk.refused("claimtrackings.create", body={"ClaimNum": claim}).status == 400


def test_a_deposit_is_the_sum_of_its_payments_which_go_to_the_bank_once(desk: Desk) -> None:
    desk.office.version = "26.1.1"
    payments = [desk.store.insert("payment", {"PayAmt": amount}) for amount in (10.25, 5.5)]
    check = desk.store.insert("claimpayment", {"CheckAmt": 100.0})
    body = {"payNums": payments, "claimPaymentNums": [check]}
    made = desk.ask("deposits.create", body=body)
    assert (made["Amount"], made["DateDeposit"]) == (115.75, TODAY)
    assert desk.row("payment", payments[0])["DepositNum"] == made["DepositNum"]
    assert desk.refused("deposits.create", body={"payNums": payments[:1]}).status == 400
    assert desk.refused("deposits.create", body={}).status == 400
    assert desk.refused("claimpayments.delete", check).status == 400
    desk.ask("deposits.delete", made["DepositNum"])
    desk.ask("claimpayments.delete", check)


def test_past_treatment_is_an_existing_procedure_of_the_first_code_and_a_line_for_the_plan(desk: Desk) -> None:
    patient = desk.patient(PriProv=2)
    subscription = desk.insure(patient)
    desk.prefer("InsHistBWCodes", "D0274,D0272")
    who = {"PatNum": patient, "InsSubNum": subscription}
    body = who | {"insHistPrefName": "InsHistBWCodes", "ProcDate": "2026-02-03"}
    made = desk.ask("procedurelogs.InsuranceHistoryCreate", body=body)
    assert (made["procCode"], made["ProcStatus"], made["ProvNum"], made["ClinicNum"]) == ("D0272", "EO", 2, 1)
    (line,) = desk.rows("claimproc", ProcNum=made["ProcNum"])
    assert (line["Status"], line["InsSubNum"]) == (9, subscription)

    rows = desk.ask("procedurelogs.InsuranceHistoryList", **who)
    found = {row["insHistPrefName"]: (row["procDate"], row["ProcNum"]) for row in rows}
    assert len(found) == 10
    assert found["InsHistBWCodes"] == ("2026-02-03", made["ProcNum"])
    assert found["InsHistPanoCodes"][1] == 0
    other = desk.patient()
    assert desk.refused("procedurelogs.InsuranceHistoryCreate", body=body | {"PatNum": other}).status == 400
