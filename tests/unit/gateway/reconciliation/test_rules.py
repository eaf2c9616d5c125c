"""Each kind of finding: found where it is planted, with what shows it, and gone once it is mended."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from gateway.core.reconciliation.finding import ACTIONS, Found, Kind, Severity, finding_id
from gateway.core.reconciliation.rules import RULES, find
from gateway.core.reconciliation.settings import DEFAULT
from tests.unit.gateway.reconciliation.planted import (
    ANNA,
    BEN,
    CLEO,
    Row,
    adds_up,
    ago,
    books,
    claim,
    line,
    payment,
    procedure,
    split,
    with_rows,
)

PRACTICE = "prac_aaaaaaaaaaaaaaaa"


@dataclass(frozen=True)
class Planted:
    """Rows that make one kind of finding, rows that mend it, and what is said of it. `beside`: what else follows."""

    rows: dict[str, list[Row]]
    mended: dict[str, list[Row]]
    amount: int
    action: str
    evidence: set[tuple[str, str]]
    about: dict[str, int] = field(default_factory=dict)
    beside: frozenset[Kind] = frozenset()


def stored(patient: int, guarantor: int, balance: float) -> Row:
    return {"PatNum": patient, "Guarantor": guarantor, "BalTotal": balance, "EstBalance": balance}


DENIED = claim(2, CLEO, "R", DateReceived=ago(20))
PLAN = {"PayPlanNum": 1, "PatNum": CLEO, "Guarantor": CLEO, "PayPlanDate": ago(100), "PlanNum": 0, "IsClosed": "false"}
PLAN |= {"IsDynamic": "true", "CompletedAmt": 50.0}
DUE = {"PayPlanChargeNum": 1, "PayPlanNum": 1, "PatNum": CLEO, "Guarantor": CLEO, "ChargeDate": ago(15)}
DUE |= {"Principal": 25.0, "Interest": 0.5, "ChargeType": "Debit", "LinkType": "Procedure", "FKey": 2, "ProcNum": 2}
WORK = procedure(3, CLEO, "100.00", ago(60))

PLANTED: dict[Kind, Planted] = {
    Kind.UNAPPLIED_PATIENT_MONEY: Planted(
        {"payments": [payment(2, CLEO, "30.00", ago(9))],
         "paysplits": [split(2, 2, CLEO, 30.0, ago(9), UnearnedType=70)]},
        {"paysplits": [split(2, 2, CLEO, 30.0, ago(9), ProcNum=2)]},
        3000,
        "allocate",
        {("payment", "unearned")},
        {"patient": CLEO, "family": CLEO},
    ),
    Kind.OVERPAID_PROCEDURE: Planted(
        {"payments": [payment(1, ANNA, "35.00", ago(30))], "paysplits": [split(1, 1, BEN, 35.0, ago(30), ProcNum=1)]},
        {"payments": [payment(1, ANNA, "20.00", ago(30))], "paysplits": [split(1, 1, BEN, 20.0, ago(30), ProcNum=1)]},
        1500,
        "reallocate_or_refund",
        {("procedure", "charge"), ("payment", "paid_by_patient"), ("claim_line", "paid_by_carrier")},
        {"procedure": 1, "patient": BEN, "family": ANNA},
        frozenset({Kind.CREDIT_BALANCE}),
    ),
    Kind.CREDIT_BALANCE: Planted(
        {"adjustments": [{"AdjNum": 1, "PatNum": ANNA, "AdjDate": ago(9), "AdjAmt": -12.0, "ProvNum": 1}]},
        {"adjustments": [{"AdjNum": 1, "PatNum": ANNA, "AdjDate": ago(9), "AdjAmt": 0.0, "ProvNum": 1}]},
        1200,
        "refund_credit",
        {("patient", "balance")},
        {"patient": ANNA, "family": ANNA},
    ),
    Kind.PAYMENT_MISMATCH: Planted(
        {"payments": [payment(1, ANNA, "21.00", ago(30))]},
        {"payments": [payment(1, ANNA, "20.00", ago(30))]},
        100,
        "correct_splits",
        {("payment", "paid"), ("payment", "split")},
        {"payment": 1},
    ),
    Kind.PAYMENT_PLAN_BEHIND: Planted(
        {"payplans": [PLAN], "payplancharges": [DUE]},
        {
            "payments": [payment(2, CLEO, "25.50", ago(1))],
            "paysplits": [split(2, 2, CLEO, 25.5, ago(1), PayPlanNum=1, PayPlanChargeNum=1)],
        },
        2550,
        "call_patient",
        {("plan_charge", "due_and_unpaid")},
        {"patient": CLEO},
    ),
    Kind.BROKEN_APPOINTMENT_OPEN: Planted(
        {"procedurelogs": [procedure(3, CLEO, "45.00", ago(40), procCode="D9986")]},
        {"procedurelogs": [procedure(3, CLEO, "0.00", ago(40), procCode="D9986")]},
        4500,
        "charge_or_waive",
        {("procedure", "broken_appointment")},
        {"procedure": 3},
    ),
    Kind.UNDERPAID_BY_CARRIER: Planted(
        {"claimprocs": [line(1, 1, 1, BEN, "Received", InsPayAmt=60.0, ClaimPaymentNum=1, DateCP=ago(40))],
         "claimpayments": [{"ClaimPaymentNum": 1, "CheckAmt": "60.00", "CheckDate": ago(40)}]},
        {"claimprocs": [
            line(2, 1, 1, BEN, "Supplemental", InsPayAmt=20.0, InsPayEst=0.0, ClaimPaymentNum=2, DateCP=ago(5))],
         "claimpayments": [{"ClaimPaymentNum": 2, "CheckAmt": "20.00", "CheckDate": ago(5)}]},
        2000,
        "check_estimate",
        {("claim_line", "estimated"), ("claim_line", "paid_by_carrier")},
        {"claim": 1, "carrier": 1},
    ),
    Kind.OVERPAID_BY_CARRIER: Planted(
        {"claimprocs": [line(1, 1, 1, BEN, "Received", InsPayAmt=95.0, ClaimPaymentNum=1, DateCP=ago(40))],
         "claimpayments": [{"ClaimPaymentNum": 1, "CheckAmt": "95.00", "CheckDate": ago(40)}]},
        {"claimprocs": [
            line(2, 1, 1, BEN, "Supplemental", InsPayAmt=-15.0, InsPayEst=0.0, ClaimPaymentNum=2, DateCP=ago(5))],
         "claimpayments": [{"ClaimPaymentNum": 2, "CheckAmt": "-15.00", "CheckDate": ago(5)}]},
        1500,
        "return_to_carrier",
        {("claim_line", "estimated"), ("claim_line", "paid_by_carrier")},
        {"claim": 1, "carrier": 1},
        frozenset({Kind.OVERPAID_PROCEDURE, Kind.CREDIT_BALANCE}),
    ),
    Kind.CLAIM_SILENT: Planted(
        {"procedurelogs": [WORK], "claims": [claim(2, CLEO, "S", DateSent=ago(31))],
         "claimprocs": [line(2, 2, 3, CLEO, "NotReceived")]},
        {"claims": [claim(2, CLEO, "S", DateSent=ago(2))]},
        8000,
        "call_carrier",
        {("claim", "sent_and_unanswered")},
        {"claim": 2, "carrier": 1},
    ),
    Kind.CLAIM_UNSENT: Planted(
        {"procedurelogs": [WORK], "claims": [claim(2, CLEO, "W", DateSent="0001-01-01")],
         "claimprocs": [line(2, 2, 3, CLEO, "NotReceived")]},
        {"claims": [claim(2, CLEO, "S", DateSent=ago(1))]},
        10000,
        "send_claim",
        {("claim", "not_sent")},
        {"claim": 2},
    ),
    Kind.CLAIM_DENIED: Planted(
        {"procedurelogs": [WORK], "claims": [DENIED],
         "claimprocs": [line(2, 2, 3, CLEO, "Received", ClaimAdjReasonCodes="CO-16", DateCP=ago(20))]},
        {"claims": [DENIED | {"InsPayAmt": 80.0}],
         "claimprocs": [line(3, 2, 3, CLEO, "Supplemental", InsPayAmt=80.0, InsPayEst=0.0, ClaimPaymentNum=2)],
         "claimpayments": [{"ClaimPaymentNum": 2, "CheckAmt": "80.00", "CheckDate": ago(5)}]},
        8000,
        "correct_and_resend",
        {("claim_line", "reason_code_16")},
        {"claim": 2, "carrier": 1},
    ),
    Kind.RECEIVED_NOT_FINALISED: Planted(
        {"claimprocs": [line(1, 1, 1, BEN, "Received", InsPayAmt=80.0, ClaimPaymentNum=0, DateCP=ago(40))],
         "claimpayments": [{"ClaimPaymentNum": 1, "CheckAmt": "0.00", "CheckDate": ago(40)}]},
        {"claimprocs": [line(1, 1, 1, BEN, "Received", InsPayAmt=80.0, ClaimPaymentNum=1, DateCP=ago(40))],
         "claimpayments": [{"ClaimPaymentNum": 1, "CheckAmt": "80.00", "CheckDate": ago(40)}]},
        8000,
        "finalise",
        {("claim_line", "received_without_payment")},
        {"claim": 1, "patient": BEN, "carrier": 1},
    ),
    Kind.CLAIM_PAYMENT_MISMATCH: Planted(
        {"claimpayments": [{"ClaimPaymentNum": 1, "CheckAmt": "90.00", "CheckDate": ago(40), "IsPartial": "false"}]},
        {"claimpayments": [{"ClaimPaymentNum": 1, "CheckAmt": "80.00", "CheckDate": ago(40), "IsPartial": "false"}]},
        1000,
        "correct_check",
        {("claim_payment", "paid_by_carrier"), ("claim_line", "under_this_payment")},
        {"payment": -1},
    ),
    Kind.SECONDARY_NOT_BILLED: Planted(
        {"procedurelogs": [WORK],
         "claims": [claim(2, CLEO, "R", PlanNum2=2, DateReceived=ago(9), InsPayAmt=80.0)],
         "claimprocs": [line(2, 2, 3, CLEO, "Received", InsPayAmt=80.0, ClaimPaymentNum=2, DateCP=ago(9))],
         "claimpayments": [{"ClaimPaymentNum": 2, "CheckAmt": "80.00", "CheckDate": ago(9)}]},
        {"claims": [claim(3, CLEO, "S", ClaimType="S", PlanNum=2, DateSent=ago(1))],
         "claimprocs": [line(3, 3, 3, CLEO, "NotReceived", PlanNum=2, InsPayEst=20.0)]},
        2000,
        "bill_secondary",
        {("claim", "answered_by_first"), ("procedure", "open")},
        {"claim": 2, "carrier": 2},
    ),
    Kind.BALANCE_MISMATCH: Planted(
        {"patients": [*(stored(number, number, 0.0) for number in (5, 6)),
                      *({"PatNum": number, "Guarantor": number, "BalTotal": 9.0} for number in range(10, 20))],
         "procedurelogs": [procedure(number, number, "9.00", ago(50)) for number in range(10, 20)]
         + [procedure(5, 5, "7.00", ago(50))]},
        {"patients": [stored(5, 5, 7.0)]},
        700,
        "run_aging",
        {("patient", "stored_balance"), ("patient", "sum_of_rows")},
        {"patient": 5, "family": 5},
    ),
}  # fmt: skip


def test_where_everything_adds_up_nothing_is_found() -> None:
    assert find(books(adds_up())) == []


def test_every_kind_has_its_rule_and_is_planted_here() -> None:
    assert set(RULES) == set(Kind) == set(PLANTED)


@pytest.mark.parametrize("kind", PLANTED)
def test_what_is_planted_is_found_once_with_its_evidence_and_gone_once_it_is_mended(kind: Kind) -> None:
    planted = PLANTED[kind]
    tables = with_rows(**planted.rows)
    settings = replace(DEFAULT, agreeing_share=0 if kind is not Kind.BALANCE_MISMATCH else DEFAULT.agreeing_share)

    found = [one for one in find(books(tables)) if one.kind is not Kind.BALANCE_MISMATCH or kind is one.kind]
    (one,) = (one for one in found if one.kind is kind)

    assert {one.kind for one in found} == {kind} | planted.beside
    assert (one.amount, one.action) == (planted.amount, planted.action)
    assert {(piece.object, piece.why) for piece in one.evidence} == planted.evidence
    assert {name: getattr(one, name) for name in planted.about} == planted.about
    assert one.action in ACTIONS
    mended = with_rows(
        **{
            name: [
                *(
                    row
                    for row in planted.rows.get(name, [])
                    if not any(row[next(iter(row))] == new[next(iter(new))] for new in planted.mended.get(name, []))
                ),
                *planted.mended.get(name, []),
            ]
            for name in planted.rows.keys() | planted.mended.keys()
        }
    )
    assert kind not in {one.kind for one in find(books(mended), settings)}


def test_a_finding_keeps_its_id_whatever_else_changes_of_it() -> None:
    planted = PLANTED[Kind.CLAIM_SILENT].rows
    first = only(with_rows(**planted), Kind.CLAIM_SILENT)
    later = only(
        with_rows(**planted | {"claimprocs": [line(2, 2, 3, CLEO, "NotReceived", InsPayEst=70.0)]}), Kind.CLAIM_SILENT
    )

    assert first.amount != later.amount
    ids = {finding_id(PRACTICE, one.kind, one.subject) for one in (first, later)}
    assert len(ids) == 1
    assert ids != {finding_id("prac_bbbbbbbbbbbbbbbb", first.kind, first.subject)}


def only(tables: Any, kind: Kind) -> Found:
    (one,) = (one for one in find(books(tables)) if one.kind is kind)
    return one


# What is no finding though it looks like one


@pytest.mark.parametrize(
    "rows",
    [
        {"claims": [claim(2, CLEO, "S", ClaimType="PreAuth", DateSent=ago(400), DateService="0001-01-01")]},
        {"claims": [claim(2, CLEO, "S", PlanNum=2, DateSent=ago(40))]},
        {"claims": [claim(2, CLEO, "S", ClaimType="S", DateSent=ago(40))]},
        {"claims": [claim(2, CLEO, "I", DateSent="0001-01-01")]},
        {"claims": [claim(2, CLEO, "R", ClaimType="Cap", DateReceived=ago(3), ReasonUnderPaid="x")]},
    ],
    ids=["preauthorization", "by post", "second carrier", "visits not done", "capitation"],
)
def test_claims_that_need_more_time_or_no_answer_are_not_found(rows: dict[str, list[Row]]) -> None:
    assert find(books(with_rows(**rows))) == []


def test_a_payment_of_nothing_that_the_deductible_explains_is_no_denial() -> None:
    rows = {
        "procedurelogs": [WORK],
        "claims": [DENIED | {"DedApplied": 100.0}],
        "claimprocs": [line(2, 2, 3, CLEO, "Received", InsPayEst=0.0, DedApplied=100.0, Remarks="x", DateCP=ago(20))],
    }

    assert find(books(with_rows(**rows))) == []


def test_a_hidden_prepayment_waits_for_its_work_and_is_found_once_that_is_done() -> None:
    planned = procedure(3, CLEO, "100.00", ago(9), ProcStatus="TP")
    prepaid = {
        "payments": [payment(2, CLEO, "30.00", ago(9))],
        "paysplits": [split(2, 2, CLEO, 30.0, ago(9), UnearnedType=71, ProcNum=3)],
    }

    waiting = find(books(with_rows(procedurelogs=[planned], **prepaid)))
    done = only(with_rows(procedurelogs=[planned | {"ProcStatus": "C"}], **prepaid), Kind.UNAPPLIED_PATIENT_MONEY)
    dropped = only(with_rows(procedurelogs=[planned | {"ProcStatus": "D"}], **prepaid), Kind.UNAPPLIED_PATIENT_MONEY)

    assert waiting == []
    assert (done.action, dropped.action) == ("move_prepayment", "return_prepayment")


def test_an_adjustment_of_another_provider_does_not_change_what_is_due_of_a_procedure() -> None:
    def due(provider: int) -> int:
        less = {"AdjNum": 1, "PatNum": BEN, "AdjDate": ago(50), "AdjAmt": -5.0, "ProvNum": provider, "ClinicNum": 1}
        return books(with_rows(adjustments=[less | {"ProcNum": 1}])).covers[1].due_of_patient

    assert (due(1), due(2)) == (1500, 2000)


def test_credits_that_name_nothing_cover_the_oldest_work_of_the_family() -> None:
    rows = with_rows(
        procedurelogs=[procedure(3, BEN, "40.00", ago(20)), procedure(4, ANNA, "40.00", ago(10))],
        payments=[payment(2, ANNA, "50.00", ago(9))],
        paysplits=[split(2, 2, ANNA, 50.0, ago(9))],
    )

    covers = books(rows).covers

    assert [(covers[number].unattached, covers[number].left) for number in (3, 4)] == [(4000, 0), (1000, 3000)]


def test_an_income_transfer_is_no_money_of_a_patients() -> None:
    rows = with_rows(
        payments=[payment(2, CLEO, "0.00", ago(9), PayType=0)],
        paysplits=[split(2, 2, CLEO, 10.0, ago(9)), split(3, 2, CLEO, -10.0, ago(9), UnearnedType=70)],
    )

    assert find(books(rows)) == []


def test_an_office_whose_aging_did_not_run_has_no_balances_that_differ() -> None:
    rows = {
        "patients": [stored(number, number, 0.0) for number in range(10, 20)],
        "procedurelogs": [procedure(number, number, "9.00", ago(50)) for number in range(10, 20)],
    }

    assert find(books(with_rows(**rows))) == []


@pytest.mark.parametrize(
    ("code", "other", "action"),
    [
        ("CO-16", False, "correct_and_resend"),
        ("PR-204", False, "bill_patient"),
        ("PR-204", True, "bill_secondary"),
        ("CO-50", True, "appeal"),
        ("22", False, "bill_secondary"),
    ],
)
def test_what_follows_a_denial_depends_on_its_reasons(code: str, other: bool, action: str) -> None:
    rows = with_rows(
        procedurelogs=[WORK],
        claims=[DENIED | {"PlanNum2": 2 if other else 0, "DateReceived": ago(1)}],
        claimprocs=[line(2, 2, 3, CLEO, "Received", ClaimAdjReasonCodes=code, DateCP=ago(1))],
    )

    assert only(rows, Kind.CLAIM_DENIED).action == action


def test_what_was_typed_is_nowhere_in_a_finding() -> None:
    rows = with_rows(
        procedurelogs=[WORK],
        claims=[DENIED | {"ReasonUnderPaid": "Marker"}],
        claimprocs=[line(2, 2, 3, CLEO, "Received", Remarks="Marker of Zoe", ClaimPaymentTracking=4, DateCP=ago(20))],
    )

    (one,) = (one for one in find(books(rows)) if one.kind is Kind.CLAIM_DENIED)

    assert {piece.why for piece in one.evidence} == {"remarks", "payment_tracking", "underpaid_reason"}
    assert "Marker" not in repr(one)


def test_what_is_large_or_old_is_more_severe() -> None:
    def of(fee: float, sent: int) -> Severity:
        one = claim(2, CLEO, "S", DateSent=ago(sent), ClaimFee=fee)
        return only(with_rows(claims=[one]), Kind.CLAIM_SILENT).severity

    assert [of(40.0, 31), of(100.0, 31), of(600.0, 31), of(40.0, 200)] == ["low", "medium", "high", "medium"]
