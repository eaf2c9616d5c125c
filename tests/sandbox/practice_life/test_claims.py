"""From a claim to the insurer's money: https://www.opendental.com/site/apiclaims.html and its neighbours."""

from typing import Any

import pytest

from .conftest import TODAY, Desk


def billed(desk: Desk, *fees: float, percent: int = 80, **more: object) -> tuple[int, dict[str, Any], list[int]]:
    """A new patient's primary claim over procedures of these fees: (PatNum, claim, ClaimProcNums)."""
    patient = desk.patient()
    desk.insure(patient, percent=percent)
    works = [desk.work(patient, fee) for fee in fees]
    body = {"PatNum": patient, "procNums": works, "ClaimType": "P"} | more
    claim = desk.ask("claims.create", body=body)
    return patient, claim, [line["ClaimProcNum"] for line in desk.rows("claimproc", ClaimNum=claim["ClaimNum"])]


def received(desk: Desk, *fees: float) -> tuple[dict[str, Any], list[int]]:
    """A claim whose lines were paid as estimated, received but not finalized."""
    _, claim, lines = billed(desk, *fees)
    for line in lines:
        estimate = desk.row("claimproc", line)["InsPayEst"]
        desk.ask("claimprocs.update", line, body={"Status": "Received", "InsPayAmt": str(estimate)})
    return desk.ask("claims.update", claim["ClaimNum"], body={"ClaimStatus": "R"}), lines


def test_a_claim_takes_the_estimates_of_its_procedures_and_sums_them(desk: Desk) -> None:
    _, claim, lines = billed(desk, 100, 50)

    assert (claim["ClaimStatus"], claim["ClaimFee"], claim["InsPayEst"]) == ("W", 150, 120)
    rows = [desk.row("claimproc", line) for line in lines]
    assert [(row["Status"], row["FeeBilled"], row["InsPayEst"]) for row in rows] == [(0, 100, 80), (0, 50, 40)]


def test_a_procedure_that_is_not_done_not_the_patients_or_billed_already_cannot_be_billed(desk: Desk) -> None:
    patient, claim, _ = billed(desk, 100)
    on_claim = desk.rows("claimproc", ClaimNum=claim["ClaimNum"])[0]["ProcNum"]
    planned, foreign = desk.work(patient, 50, ProcStatus=1), desk.work(desk.patient(), 50)
    unbillable = desk.work(patient, 0, code="D9986")

    for work in (planned, foreign, on_claim, unbillable):
        body = {"PatNum": patient, "procNums": [work], "ClaimType": "P"}
        assert desk.refused("claims.create", body=body).status == 400


def test_a_patient_without_insurance_cannot_be_billed_to_one(desk: Desk) -> None:
    patient = desk.patient()
    body = {"PatNum": patient, "procNums": [desk.work(patient)], "ClaimType": "P"}

    assert desk.refused("claims.create", body=body).status == 400


def test_a_secondary_claim_is_held_until_the_primary_is_answered(desk: Desk) -> None:
    patient = desk.patient()
    desk.insure(patient)
    desk.insure(patient, ordinal=2)
    work = desk.work(patient)
    desk.ask("claims.create", body={"PatNum": patient, "procNums": [work], "ClaimType": "P"})

    second = desk.ask("claims.create", body={"PatNum": patient, "procNums": [work], "ClaimType": "S"})

    assert second["ClaimStatus"] == "H"


def test_a_preauthorization_asks_about_planned_work_and_has_no_date_of_service(desk: Desk) -> None:
    patient = desk.patient()
    subscription = desk.insure(patient)
    work = desk.work(patient, 900, ProcStatus=1)
    body = {
        "PatNum": patient,
        "procNums": [work],
        "ClaimType": "PreAuth",
        "InsSubNum": subscription,
        "PatRelat": "Self",
    }

    claim = desk.ask("claims.create", body=body)

    assert claim["DateService"] == "0001-01-01"
    assert [line["Status"] for line in desk.rows("claimproc", ClaimNum=claim["ClaimNum"])] == [2]


def test_receiving_a_line_dates_it_and_the_claims_totals_follow(desk: Desk) -> None:
    _, claim, lines = billed(desk, 100, 50)

    row = desk.ask("claimprocs.update", lines[0], body={"Status": "Received", "InsPayAmt": "65.50", "WriteOff": "10"})

    assert (row["DateEntry"], row["DateCP"], row["DateSuppReceived"]) == (TODAY, TODAY, TODAY)
    stored = desk.row("claim", claim["ClaimNum"])
    assert (stored["InsPayAmt"], stored["WriteOff"]) == (65.5, 10)


@pytest.mark.parametrize("status", ["Adjustment", "InsHist", "CapClaim", "CapComplete", "CapEstimate"])
def test_lines_that_are_no_answer_of_an_insurer_cannot_be_changed(desk: Desk, status: str) -> None:
    number = desk.office.code("claimproc", "Status", status)
    line = desk.store.insert("claimproc", {"PatNum": desk.patient(), "Status": number})

    assert desk.refused("claimprocs.update", line, body={"Remarks": "x"}).status == 400


def test_a_line_can_only_take_a_status_that_fits_its_claim(desk: Desk) -> None:
    _, _, (line,) = billed(desk, 100)
    loose = desk.store.insert("claimproc", {"PatNum": 1, "Status": 6})

    assert desk.refused("claimprocs.update", line, body={"Status": "Preauth"}).status == 400
    assert desk.refused("claimprocs.update", loose, body={"Status": "Received"}).status == 400


def test_an_amount_needs_an_answered_line(desk: Desk) -> None:
    _, _, (line,) = billed(desk, 100)

    assert desk.refused("claimprocs.update", line, body={"InsPayAmt": "10"}).status == 400


def test_an_override_becomes_what_the_insurer_is_expected_to_pay(desk: Desk) -> None:
    _, claim, (line,) = billed(desk, 100)

    assert desk.ask("claimprocs.update", line, body={"PercentOverride": "50"})["InsPayEst"] == 50
    assert desk.ask("claimprocs.update", line, body={"InsEstTotalOverride": "33"})["InsPayEst"] == 33
    assert desk.row("claim", claim["ClaimNum"])["InsPayEst"] == 33


def test_a_check_must_be_the_sum_of_the_answered_unpaid_lines_and_then_locks_them(desk: Desk) -> None:
    claim, lines = received(desk, 100, 50)
    number = claim["ClaimNum"]
    assert desk.refused("claimpayments.create", body={"claimNum": number, "CheckAmt": "119.99"}).status == 400

    check = desk.ask("claimpayments.create", body={"claimNum": number, "CheckAmt": "120", "CheckDate": "2026-11-20"})

    rows = [desk.row("claimproc", line) for line in lines]
    assert {row["ClaimPaymentNum"] for row in rows} == {check["ClaimPaymentNum"]}
    assert {row["DateCP"] for row in rows} == {row["DateInsFinalized"] for row in rows} == {"2026-11-20"}
    assert check["IsPartial"] == "false"
    assert check["CarrierName"] == "Plan of the Test"
    assert desk.refused("claimprocs.update", lines[0], body={"InsPayAmt": "1"}).status == 400
    assert desk.refused("claimprocs.update", lines[0], body={"Status": "NotReceived"}).status == 400
    assert desk.ask("claimprocs.update", lines[0], body={"Remarks": "seen"})["Remarks"] == "seen"


def test_a_claim_is_paid_once_and_only_when_received(desk: Desk) -> None:
    claim, _ = received(desk, 100)
    body = {"claimNum": claim["ClaimNum"], "CheckAmt": "80"}
    desk.ask("claims.update", claim["ClaimNum"], body={"ClaimStatus": "S"})
    assert desk.refused("claimpayments.create", body=body).status == 400
    desk.ask("claims.update", claim["ClaimNum"], body={"ClaimStatus": "R"})
    desk.ask("claimpayments.create", body=body)

    assert desk.refused("claimpayments.create", body=body).status == 400
    assert desk.refused("claims.update", claim["ClaimNum"], body={"ClaimStatus": "S"}).status == 400


def test_an_office_that_takes_batches_only_refuses_single_checks(desk: Desk) -> None:
    claim, _ = received(desk, 100)
    desk.prefer("ClaimPaymentBatchOnly", 1)

    assert desk.refused("claimpayments.create", body={"claimNum": claim["ClaimNum"], "CheckAmt": "80"}).status == 400
    check = desk.ask("claimpayments.Batch", body={"claimNums": [claim["ClaimNum"]], "CheckAmt": "80"})
    assert check["IsPartial"] == "false"


def test_a_batch_pays_several_claims_and_is_partial_if_the_sum_differs(desk: Desk) -> None:
    claims = [received(desk, 100)[0]["ClaimNum"] for _ in range(2)]

    check = desk.ask("claimpayments.Batch", body={"claimNums": claims, "CheckAmt": "150"})

    assert check["IsPartial"] == "true"
    assert len(desk.rows("claimproc", ClaimPaymentNum=check["ClaimPaymentNum"])) == 2
    assert desk.ask("claimpayments.update", check["ClaimPaymentNum"], body={"CheckAmt": "160"})["IsPartial"] == "false"


def test_a_partial_check_takes_all_open_lines_of_a_further_claim_and_gives_them_back(desk: Desk) -> None:
    first, second = received(desk, 100), received(desk, 50, 25)
    check = desk.ask("claimpayments.Batch", body={"claimNums": [first[0]["ClaimNum"]], "CheckAmt": "140"})
    number = check["ClaimPaymentNum"]

    desk.ask("claimprocs.update", second[1][0], body={"ClaimPaymentNum": number})
    assert len(desk.rows("claimproc", ClaimPaymentNum=number)) == 3
    assert desk.row("claimpayment", number)["IsPartial"] == 0

    desk.ask("claimprocs.update", second[1][0], body={"ClaimPaymentNum": 0})
    assert len(desk.rows("claimproc", ClaimPaymentNum=number)) == 1


def test_deleting_a_check_frees_its_lines_but_not_one_on_a_deposit(desk: Desk) -> None:
    claim, lines = received(desk, 100)
    desk.prefer("ShowAutoDeposit", 1)
    check = desk.ask("claimpayments.Batch", body={"claimNums": [claim["ClaimNum"]], "CheckAmt": "80"})
    assert desk.refused("claimpayments.delete", check["ClaimPaymentNum"]).status == 400
    desk.store.update("claimpayment", check["ClaimPaymentNum"], {"DepositNum": 0})

    desk.ask("claimpayments.delete", check["ClaimPaymentNum"])

    row = desk.row("claimproc", lines[0])
    assert (row["ClaimPaymentNum"], row["Status"], row["InsPayAmt"]) == (0, 1, 80)


def test_a_later_payment_is_a_second_line_that_bills_nothing(desk: Desk) -> None:
    claim, (line,) = received(desk, 100)
    before = desk.row("claimproc", line)

    row = desk.ask("claimprocs.Supplemental", body={"ClaimProcNum": line, "InsPayAmt": 12.5})

    assert (row["Status"], row["FeeBilled"], row["InsPayAmt"], row["ClaimPaymentNum"]) == ("Supplemental", 0, 12.5, 0)
    assert desk.row("claimproc", line) == before
    assert desk.row("claim", claim["ClaimNum"])["InsPayAmt"] == 92.5


def test_only_an_answered_line_takes_a_later_payment(desk: Desk) -> None:
    _, _, (line,) = billed(desk, 100)

    assert desk.refused("claimprocs.Supplemental", body={"ClaimProcNum": line, "InsPayAmt": 1}).status == 400


def test_sending_again_moves_the_date_but_not_the_first_one(desk: Desk) -> None:
    _, claim, _ = billed(desk, 100)
    desk.ask("claims.Status", claim["ClaimNum"], body={"DateSent": "2026-11-01"})
    desk.ask("claims.Status", claim["ClaimNum"], body={"DateSent": "2026-11-20", "DateSentOrig": "2026-11-20"})

    row = desk.row("claim", claim["ClaimNum"])
    assert (row["ClaimStatus"], row["DateSent"], row["DateSentOrig"]) == ("S", "2026-11-20", "2026-11-01")
    assert len(desk.rows("etrans", ClaimNum=claim["ClaimNum"])) == 2


def test_splitting_moves_lines_to_a_new_claim_and_both_add_up(desk: Desk) -> None:
    _, claim, lines = billed(desk, 100, 50)
    work = desk.row("claimproc", lines[1])["ProcNum"]

    answer = desk.ask("claims.Split", claim["ClaimNum"], body={"ProcNums": [work]})

    fees = [desk.row("claim", number)["ClaimFee"] for number in (claim["ClaimNum"], answer["ClaimNum"])]
    assert fees == [100, 50]
    rest = desk.row("claimproc", lines[0])["ProcNum"]
    assert desk.refused("claims.Split", claim["ClaimNum"], body={"ProcNums": [rest]}).status == 400


def test_a_deleted_claim_leaves_estimates_and_a_received_one_stays(desk: Desk) -> None:
    _, claim, (line,) = billed(desk, 100)
    desk.ask("claims.delete", claim["ClaimNum"])

    row = desk.row("claimproc", line)
    assert (row["Status"], row["ClaimNum"], row["InsEstTotal"]) == (6, 0, 80)
    done, _ = received(desk, 100)
    assert desk.refused("claims.delete", done["ClaimNum"]).status == 400


def test_no_accident_is_sent_as_no_and_kept_blank(desk: Desk) -> None:
    _, claim, _ = billed(desk, 100)

    assert desk.ask("claims.update", claim["ClaimNum"], body={"AccidentRelated": "A"})["AccidentRelated"] == "A"
    assert desk.ask("claims.update", claim["ClaimNum"], body={"AccidentRelated": "No"})["AccidentRelated"] == ""
    assert desk.refused("claims.update", claim["ClaimNum"], body={"ClaimStatus": "I"}).status == 400
