"""What a call leaves as it was: fields its page does not offer, rows it does not touch, messages it does not send."""

from typing import Any

import pytest

from infra.sandbox.practice import facts

from .conftest import Desk

# Operation, its table, a row beside the patient's, and what is sent although the page does not offer it.
UNOFFERED: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("adjustments.update", "adjustment", {"AdjType": 1, "AdjAmt": -5.0}, {"PatNum": 77, "ProcDate": "2020-01-01"}),
    ("allergies.update", "allergy", {"AllergyDefNum": 1}, {"PatNum": 77, "AllergyDefNum": 2}),
    (
        "appointments.update",
        "appointment",
        {"AptStatus": 1, "Op": 1, "Pattern": "XX", "AptDateTime": "2026-12-01 09:00:00"},
        {"PatNum": 77, "procNums": [1]},
    ),
    ("benefits.update", "benefit", {"PlanNum": 1, "BenefitType": 1}, {"PlanNum": 2, "PatPlanNum": 3}),
    ("claimpayments.update", "claimpayment", {"CheckAmt": 5.0}, {"ClinicNum": 2, "claimNums": [3]}),
    ("clinics.update", "clinic", {"Address": "1 Road"}, {"Address": "2 Road", "City": "Elsewhere"}),
    ("commlogs.update", "commlog", {"Note": "a"}, {"CommType": 3, "Mode_": "Email", "PatNum": 77}),
    ("covspans.update", "covspan", {"CovCatNum": 1, "FromCode": "D0100", "ToCode": "D0200"}, {"CovCatNum": 2}),
    ("discountplansubs.update", "discountplansub", {"DiscountPlanNum": 1}, {"DiscountPlanNum": 2}),
    ("ehrpatients.update", "ehrpatient", {}, {"MotherMaidenFname": "Ann"}),
    (
        "fees.update",
        "fee",
        {"FeeSched": 1, "CodeNum": 1, "Amount": 5.0},
        {"Amount": "5.00", "CodeNum": 2, "FeeSched": 2},
    ),
    ("feescheds.update", "feesched", {"Description": "a"}, {"FeeSchedType": "CoPay", "ItemOrder": 9}),
    ("labcases.update", "labcase", {"LaboratoryNum": 1}, {"PatNum": 77}),
    ("labturnarounds.update", "labturnaround", {"LaboratoryNum": 1}, {"LaboratoryNum": 2}),
    ("medicationpats.update", "medicationpat", {"MedicationNum": 1}, {"PatNum": 77, "MedicationNum": 2}),
    ("patplans.update", "patplan", {"InsSubNum": 0, "Ordinal": 1}, {"PatNum": 77}),
    ("payments.update", "payment", {"PayAmt": 9.0, "PayType": 1}, {"PayAmt": "1.00", "PayDate": "2020-01-01"}),
    ("paysplits.update", "paysplit", {"SplitAmt": 9.0}, {"SplitAmt": 1.0, "ProcNum": 2, "PayNum": 3}),
    ("procedurecodes.update", "procedurecode", {"ProcCode": "T0001"}, {"ProcCode": "T0002"}),
    (
        "procedurelogs.update",
        "procedurelog",
        {"ProcStatus": 1, "CodeNum": 1},
        {"PatNum": 77, "priority": "x", "dxName": "x"},
    ),
    ("providers.update", "provider", {"Abbr": "T"}, {"IsHidden": "true", "FeeSched": 2, "SchedNote": "x"}),
    ("recalls.update", "recall", {"RecallTypeNum": 1}, {"PatNum": 77, "RecallTypeNum": 2}),
    ("subscriptions.update", "apisubscription", {"WatchTable": "Patient"}, {"WatchTable": "Schedule"}),
    ("substitutionlinks.update", "substitutionlink", {"PlanNum": 1, "CodeNum": 1}, {"PlanNum": 2, "CodeNum": 2}),
    ("tasks.update", "task", {"TaskListNum": 1, "UserNum": 1}, {"TaskListNum": 2, "UserNum": 2}),
    ("userods.update", "userod", {"UserName": "a"}, {"UserName": "b", "Password": "invented"}),
]


@pytest.mark.parametrize(("operation", "table", "row", "sent"), UNOFFERED, ids=[entry[0] for entry in UNOFFERED])
def test_a_field_the_page_does_not_offer_stays(
    desk: Desk, operation: str, table: str, row: dict[str, Any], sent: dict[str, Any]
) -> None:
    told = facts.operations()[operation]
    offered = {parameter.name for parameter in told.body if not parameter.required}
    assert not offered & sent.keys()
    patient = desk.patient()
    owner = {"PatNum": patient} if "PatNum" in {f.name for f in facts.resources()[told.resource].fields} else {}
    key = desk.store.insert(table, owner | row)
    before = desk.row(table, key)
    body = {p.name: patient for p in told.body if p.required and p.name == "PatNum"} | sent
    if told.id == "discountplansubs.update":
        body["PatNum"] = patient
    desk.ask(operation, key, body=body)
    assert desk.row(table, key) == before


def test_a_category_with_a_capital_is_ignored(desk: Desk) -> None:
    made = desk.ask("definitions.create", body={"ItemName": "Test", "category": "BillingTypes", "Category": 1})
    assert desk.row("definition", made["DefNum"])["Category"] == 4
    shown = len(desk.ask("definitions.list", Category=4))
    hidden = {"ItemName": "Hidden", "category": "BillingTypes", "isHidden": "true"}
    desk.ask("definitions.create", body=hidden)
    assert len(desk.ask("definitions.list", Category=4)) == shown
    assert len(desk.ask("definitions.list", Category=4, includeHidden="true")) == shown + 1


def test_a_patients_notes_are_replaced_never_joined(desk: Desk) -> None:
    patient = desk.patient()
    for text in ("One", "Two"):
        desk.ask("patientnotes.update", patient, body={"Medical": text})
    assert desk.ask("patientnotes.get", patient)["Medical"] == "Two"


def test_the_default_notes_of_a_code_are_not_copied(desk: Desk) -> None:
    code = desk.rows("procedurecode", ProcCode="D1110")[0]
    desk.store.update("procedurecode", code["CodeNum"], {"DefaultNote": "Cleaned.", "DefaultTPNote": "To clean."})
    body = {"PatNum": desk.patient(), "ProcDate": "2026-11-24", "ProcStatus": "TP", "procCode": "D1110"}
    key = desk.ask("procedurelogs.create", body=body)["ProcNum"]
    desk.ask("procedurelogs.update", key, body={"ProcStatus": "C"})
    assert desk.rows("procnote") == []


def test_the_number_and_display_names_of_a_new_procedure_are_not_taken(desk: Desk) -> None:
    body = {"PatNum": desk.patient(), "ProcDate": "2026-11-24", "ProcStatus": "TP", "procCode": "D1110"}
    made = desk.ask("procedurelogs.create", body=body | {"ProcNum": 4711, "provAbbr": "ZZ", "descript": "Other"})
    assert made["ProcNum"] != 4711
    assert (made["provAbbr"], made["descript"]) != ("ZZ", "Other")


@pytest.mark.parametrize("missing", ["PatNum", "AptNum", "procCode", "priority", "dxName"])
def test_what_a_new_procedure_names_must_exist(desk: Desk, missing: str) -> None:
    body: dict[str, Any] = {"PatNum": desk.patient(), "ProcDate": "2026-11-24", "ProcStatus": "TP", "procCode": "D1110"}
    body[missing] = 999 if missing.endswith("Num") else "Nothing"
    assert desk.refused("procedurelogs.create", body=body).status == 404


def test_nobody_found_is_an_empty_list(desk: Desk) -> None:
    assert desk.ask("patients.list", LName="Nobody") == []


def test_a_provider_list_by_clinic_leaves_out_the_clock_and_the_hidden(desk: Desk) -> None:
    desk.store.update("provider", 1, {"IsHidden": 1})
    everybody = desk.ask("providers.list")
    assert 1 in {row["ProvNum"] for row in everybody}
    of_clinic = desk.ask("providers.list", ClinicNum=1)
    assert 1 not in {row["ProvNum"] for row in of_clinic}
    assert all("serverDateTime" in row for row in everybody)
    assert not any("serverDateTime" in row for row in of_clinic)


def test_a_procedure_code_needs_a_category_by_number_or_by_name(desk: Desk) -> None:
    body = {"ProcCode": "T0009", "Descript": "Of the test", "AbbrDesc": "Test"}
    assert desk.refused("procedurecodes.create", body=body).status == 400
    name = desk.row("definition", desk.definition(11))["ItemName"]
    assert desk.ask("procedurecodes.create", body=body | {"procCat": name})["ProcCat"] == desk.definition(11)
    number = body | {"ProcCode": "T0010", "ProcCat": desk.definition(11)}
    assert desk.ask("procedurecodes.create", body=number)["procCat"] == name


def test_a_claims_list_knows_the_patient_and_archived_lists_stand_apart(desk: Desk) -> None:
    assert desk.refused("claims.list", PatNum=999).status == 404
    desk.store.insert(
        "tasklist", {"Descript": "Old", "TaskListStatus": desk.office.code("tasklist", "TaskListStatus", "Archived")}
    )
    active = {row["Descript"] for row in desk.ask("tasklists.list")}
    archived = {row["Descript"] for row in desk.ask("tasklists.list", TaskListStatus="Archived")}
    assert (archived, active & archived) == ({"Old"}, set())


def test_asap_messages_are_those_of_seven_days_unless_asked(desk: Desk) -> None:
    key = desk.store.insert("asapcomm", {"PatNum": desk.patient(), "DateTimeEntry": "2026-11-01 09:00:00"})
    assert desk.ask("asapcomms.list") == []
    desk.store.update("asapcomm", key, {"ResponseStatus": 7})
    assert desk.ask("asapcomms.list") == []
    assert len(desk.ask("asapcomms.list", dateStart="2026-10-01", dateEnd="2026-11-30")) == 1


def test_the_asap_list_goes_by_priority_not_by_the_old_status(desk: Desk) -> None:
    patient = desk.patient()
    asap = desk.store.insert("appointment", {"PatNum": patient, "AptStatus": 1, "Priority": 1})
    desk.store.insert("appointment", {"PatNum": patient, "AptStatus": 4})
    assert [row["AptNum"] for row in desk.ask("appointments.ASAP")] == [asap]


def test_editing_an_answered_line_deletes_the_income_transfers_of_its_claim(desk: Desk) -> None:
    patient = desk.patient()
    subscription = desk.insure(patient)
    work = desk.work(patient)
    claim = desk.ask("claims.create", body={"PatNum": patient, "procNums": [work], "ClaimType": "P"})["ClaimNum"]
    (line,) = desk.rows("claimproc", ClaimNum=claim)
    desk.ask("claimprocs.update", line["ClaimProcNum"], body={"Status": "Received", "InsPayAmt": "50.00"})
    transfer = {"ClaimNum": claim, "PatNum": patient, "IsTransfer": 1, "Status": 4, "InsSubNum": subscription}
    desk.store.insert("claimproc", transfer)
    desk.ask("claimprocs.update", line["ClaimProcNum"], body={"InsPayAmt": "50.00"})
    assert len(desk.rows("claimproc", ClaimNum=claim, IsTransfer=1)) == 1
    desk.ask("claimprocs.update", line["ClaimProcNum"], body={"InsPayAmt": "60.00"})
    assert desk.rows("claimproc", ClaimNum=claim, IsTransfer=1) == []


def test_marking_a_claim_sent_leaves_an_electronic_trace(desk: Desk) -> None:
    patient = desk.patient()
    desk.insure(patient)
    body = {"PatNum": patient, "procNums": [desk.work(patient)], "ClaimType": "P"}
    claim = desk.ask("claims.create", body=body)["ClaimNum"]
    desk.ask("claims.Status", claim, body={"ClaimStatus": "S", "DateSent": "2026-11-24"})
    assert [row["ClaimNum"] for row in desk.rows("etrans")] == [claim]
    assert desk.row("claim", claim)["ClaimStatus"] == "S"


def test_further_benefits_used_elsewhere_are_added_whatever_was_there(desk: Desk) -> None:
    patient = desk.patient()
    desk.insure(patient)
    body = {"PatPlanNum": desk.rows("patplan")[0]["PatPlanNum"], "insUsed": "10.00", "date": "2026-02-01"}
    for _ in range(2):
        desk.ask("claimprocs.InsAdjustCreate", body=body)
    assert [row["InsPayAmt"] for row in desk.rows("claimproc", PatNum=patient, Status=3)] == [10, 10]


def test_a_batch_makes_a_deposit_where_the_office_wants_it(desk: Desk) -> None:
    desk.prefer("ShowAutoDeposit", 1)
    patient = desk.patient()
    desk.insure(patient)
    body = {"PatNum": patient, "procNums": [desk.work(patient)], "ClaimType": "P"}
    claim = desk.ask("claims.create", body=body)["ClaimNum"]
    (line,) = desk.rows("claimproc", ClaimNum=claim)
    desk.ask("claimprocs.update", line["ClaimProcNum"], body={"Status": "Received", "InsPayAmt": "50.00"})
    desk.ask("claims.update", claim, body={"ClaimStatus": "R"})
    desk.ask("claimpayments.Batch", body={"claimNums": [claim], "CheckAmt": "50.00"})
    assert [row["Amount"] for row in desk.rows("deposit")] == [50]


def test_a_recall_is_one_of_its_type(desk: Desk) -> None:
    body = {"PatNum": desk.patient(), "RecallTypeNum": 1}
    desk.ask("recalls.create", body=body)
    assert desk.refused("recalls.create", body=body).status == 400


def test_free_time_reaches_over_the_whole_of_a_visit_and_is_free_in_all_its_providers_chairs(desk: Desk) -> None:
    day = {"date": "2026-11-30", "ProvNum": 1, "OpNum": 1}
    before = desk.ask("appointments.Slots", **day)
    start = before[0]["DateTimeStart"]
    visit = {
        "PatNum": desk.patient(),
        "AptStatus": 1,
        "Op": 3,
        "ProvNum": 1,
        "AptDateTime": start,
        "Pattern": "//XX////",
    }
    desk.store.insert("appointment", visit)
    after = desk.ask("appointments.Slots", **day)
    assert after[0]["DateTimeStart"] == start.replace(start[11:16], f"{start[11:13]}:{int(start[14:16]) + 40:02}")


def test_an_income_transfer_and_insurance_money_are_no_payments(desk: Desk) -> None:
    body = {"PatNum": desk.patient(), "PayAmt": "0.00"}
    assert desk.refused("payments.create", body=body).status == 400
    desk.store.insert("claimpayment", {"CheckAmt": 10.0})
    assert desk.ask("payments.list", PatNum=body["PatNum"]) == []


def test_a_prepayment_can_be_meant_for_a_plan(desk: Desk) -> None:
    patient = desk.patient()
    plan = desk.ask(
        "payplans.DynamicCreate", body={"PatNum": patient, "procNums": [desk.work(patient)], "PayAmt": 10.0}
    )["PayPlanNum"]
    body = {"PatNum": patient, "PayAmt": "20.00", "payPlanNum": plan, "isPrepayment": "true"}
    desk.ask("payments.create", body=body)
    (split,) = desk.rows("paysplit", PatNum=patient)
    assert (split["PayPlanNum"], split["SplitAmt"]) == (plan, 20)
    assert split["UnearnedType"]


def test_a_payment_must_exist_before_it_is_allocated(desk: Desk) -> None:
    body = {"procNumsAndAmounts": [{"ProcNum": desk.work(desk.patient()), "Amount": 1.0}]}
    assert desk.refused("payments.Partial", 99, body=body).status == 404


def test_an_old_plan_cannot_be_made_any_more(desk: Desk) -> None:
    told = facts.operations()["payplans.create"]
    assert told.deprecated == "23.3.1"
    assert desk.office.at_least(told.deprecated)


def test_a_check_with_a_picture_of_its_eob_stays_until_the_picture_is_gone(desk: Desk) -> None:
    check = desk.store.insert("claimpayment", {"CheckAmt": 5.0})
    picture = desk.store.insert("eobattach", {"ClaimPaymentNum": check})
    assert desk.refused("claimpayments.delete", check).status == 400
    desk.ask("eobattaches.delete", picture)
    assert desk.rows("eobattach") == []
    desk.ask("claimpayments.delete", check)


def test_lines_and_splits_follow_the_day_and_the_provider_of_their_procedure(desk: Desk) -> None:
    patient = desk.patient()
    desk.insure(patient)
    work = desk.work(patient)
    desk.ask("claims.create", body={"PatNum": patient, "procNums": [work], "ClaimType": "P"})
    desk.store.insert("paysplit", {"PatNum": patient, "ProcNum": work, "ProvNum": 3, "SplitAmt": 5.0})
    desk.ask("procedurelogs.update", work, body={"ProcDate": "2026-10-15", "ProvNum": 2})
    (line,), (split,) = desk.rows("claimproc", ProcNum=work), desk.rows("paysplit", ProcNum=work)
    assert (line["ProcDate"], line["ProvNum"], split["ProvNum"]) == ("2026-10-15", 2, 2)


def test_a_group_note_is_told_by_its_code(desk: Desk) -> None:
    patient = desk.patient()
    body = {"PatNum": patient, "Note": "Sore."}
    assert desk.refused("procedurelogs.GroupNoteUpdate", desk.work(patient), body=body).status == 400


@pytest.mark.parametrize(("status", "allowed"), [(1, True), (2, True), (8, True), (3, False), (4, False), (5, False)])
def test_only_planned_and_done_work_is_deleted(desk: Desk, status: int, allowed: bool) -> None:
    work = desk.work(desk.patient(), ProcStatus=status)
    if allowed:
        desk.ask("procedurelogs.delete", work)
    else:
        assert desk.refused("procedurelogs.delete", work).status == 400


def test_the_keys_of_a_schedule_are_those_of_its_type(desk: Desk) -> None:
    owners = {"Provider": "ProvNum", "Blockout": "BlockoutType", "Employee": "EmployeeNum"}
    days = {row["SchedDate"] for row in desk.rows("schedule")}
    rows = [row for day in sorted(days)[:10] for row in desk.ask("schedules.list", date=day)]
    assert {row["SchedType"] for row in rows} >= {"Provider", "Blockout"}
    for row in rows:
        filled = {name for name in owners.values() if row[name] != "0"}
        assert filled == ({owners[row["SchedType"]]} if row["SchedType"] in owners else set())


def test_a_patient_has_one_row_of_health_records_however_often_it_is_read(desk: Desk) -> None:
    patient = desk.patient()
    for _ in range(2):
        assert desk.ask("ehrpatients.get", patient)["PatNum"] == patient
    assert len(desk.rows("ehrpatient", PatNum=patient)) == 1


def test_every_change_of_a_visit_adds_a_copy_to_its_history(desk: Desk) -> None:
    visit = {"PatNum": desk.patient(), "Op": 1, "AptDateTime": "2026-12-01 09:00:00"}
    key = desk.ask("appointments.create", body=visit)["AptNum"]
    desk.ask("appointments.Note", key, body={"Note": "Late"})
    desk.ask("appointments.update", key, body={"Op": 2})
    desk.ask("appointments.Break", key, body={"sendToUnscheduledList": "false"})
    rows = desk.ask("histappointments.list", AptNum=key)
    assert [row["HistApptAction"] for row in rows] == ["Created", "Changed", "Changed", "Changed"]
    assert [(row["Note"], row["Op"], row["AptStatus"]) for row in rows] == [
        ("", 1, "Scheduled"),
        ("Late", 1, "Scheduled"),
        ("Late", 2, "Scheduled"),
        ("Late", 2, "Broken"),
    ]


def test_a_payment_with_negative_splits_is_not_refunded(desk: Desk) -> None:
    patient = desk.patient()
    payment = desk.store.insert("payment", {"PatNum": patient, "PayAmt": 10.0})
    for amount in (15.0, -5.0):
        desk.store.insert("paysplit", {"PatNum": patient, "PayNum": payment, "SplitAmt": amount})
    assert desk.refused("payments.Refund", body={"PayNum": payment}).status == 400
