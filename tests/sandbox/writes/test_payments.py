from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from gateway.core.errors import AppError, Conflict, Invalid, NotFound
from gateway.core.writes.insurance import create_for_claim
from gateway.core.writes.payment import create_for_patient
from tests.sandbox.writes.conftest import Desk


def payment(**changes: Any) -> dict[str, Any]:
    return {
        "patient": 1, "amount": "80.00", "received_on": None, "payment_type": 0, "location": 0, "check_number": "1042",
        "bank_branch": None, "note": None, "only_this_patient": False, "is_prepayment": False, "allocations": [],
    } | changes  # fmt: skip


@pytest.fixture
def charges(desk: Desk) -> list[int]:
    """Two completed, unpaid procedures of patient 1, 100.00 each; the older one first."""
    code = desk.store.find("procedurecode")[0]["CodeNum"]
    day = desk.today.date()
    return [
        desk.store.insert("procedurelog", {
            "PatNum": 1, "ProcStatus": 2, "ProcFee": 100.0, "UnitQty": 1, "CodeNum": code, "ProvNum": 1,
            "ProcDate": f"{day.replace(day=1) if first else day}",
        })
        for first in (True, False)
    ]  # fmt: skip


def splits(desk: Desk) -> dict[int, float]:
    (made,) = (row for row in desk.store.find("payment") if "REF123456789" in row["PayNote"])
    return {row["ProcNum"]: row["SplitAmt"] for row in desk.store.find("paysplit", {"PayNum": made["PayNum"]})}


def test_an_unallocated_payment_is_spread_by_the_office_and_adds_up(desk: Desk) -> None:
    outcome = desk.work_off(create_for_patient, payment())

    assert outcome.body is not None
    assert outcome.body["amount"] == {"amount": "80.00", "currency": "USD"}
    assert sum(splits(desk).values()) == pytest.approx(80)
    allocated = sum(Decimal(one["amount"]["amount"]) for one in outcome.body["allocations"])
    assert allocated == Decimal("80.00")


def test_allocations_that_the_office_made_otherwise_are_put_right(desk: Desk, charges: list[int]) -> None:
    older, newer = charges

    outcome = desk.work_off(create_for_patient, payment(allocations=[[newer, "70.00"], [older, "10.00"]]))

    assert splits(desk) == {newer: 70.0, older: 10.0}
    assert [call.step for call in desk.writes] == ["create", "allocate"]
    assert outcome.body is not None
    assert sorted(one["amount"]["amount"] for one in outcome.body["allocations"]) == ["10.00", "70.00"]


def test_allocations_that_the_office_made_as_asked_cost_no_second_write(desk: Desk, charges: list[int]) -> None:
    desk.work_off(create_for_patient, payment(allocations=[[charges[0], "80.00"]]))

    assert [call.step for call in desk.writes] == ["create"]
    assert splits(desk) == {charges[0]: 80.0}


def test_more_than_is_due_on_a_procedure_is_refused_before_anything_is_written(desk: Desk, charges: list[int]) -> None:
    desk.work_off(create_for_patient, payment(allocations=[[charges[0], "80.00"]]))

    with pytest.raises(Conflict) as caught:
        desk.work_off(create_for_patient, payment(allocations=[[charges[0], "80.00"]]))

    assert caught.value.more["reason"] == "more-than-due"
    assert len(desk.writes) == 1


def test_a_procedure_outside_the_family_is_refused_before_anything_is_written(desk: Desk) -> None:
    family = desk.store.get("patient", 1)
    assert family is not None
    stranger = next(
        row["ProcNum"]
        for row in desk.store.find("procedurelog", {"ProcStatus": 2})
        if (desk.store.get("patient", row["PatNum"]) or {})["Guarantor"] != family["Guarantor"]
    )

    with pytest.raises(NotFound):
        desk.work_off(create_for_patient, payment(allocations=[[stranger, "80.00"]]))

    assert desk.writes == []


def test_planned_work_is_no_charge(desk: Desk, charges: list[int]) -> None:
    desk.store.update("procedurelog", charges[0], {"ProcStatus": 1})

    with pytest.raises(Conflict):
        desk.work_off(create_for_patient, payment(allocations=[[charges[0], "80.00"]]))


def test_a_procedure_on_a_payment_plan_is_refused_before_anything_is_written(desk: Desk, charges: list[int]) -> None:
    plan = desk.store.insert("payplan", {"PatNum": 1, "Guarantor": 1, "IsDynamic": 1, "PayPlanDate": "2026-01-01"})
    desk.store.insert("payplanlink", {"PayPlanNum": plan, "LinkType": 2, "FKey": charges[0]})

    with pytest.raises(Conflict) as caught:
        desk.work_off(create_for_patient, payment(allocations=[[charges[0], "80.00"]]))

    assert caught.value.more["reason"] == "plan-financed"
    assert desk.writes == []


def test_what_the_office_refuses_is_named_as_the_caller_wrote_it(desk: Desk) -> None:
    with pytest.raises(AppError) as caught:
        desk.work_off(create_for_patient, payment(received_on=f"{desk.today.date() + timedelta(days=2)}"))

    assert caught.value.param == "received_on"


@pytest.fixture
def claim(desk: Desk) -> dict[str, Any]:
    """A sent claim with unanswered lines: how many of those a small practice has today is the calendar's affair."""
    sent = next(row for row in desk.store.find("claim", {"ClaimType": "P"}) if row["ClaimStatus"] in {"S", "R"})
    desk.store.update("claim", sent["ClaimNum"], {"ClaimStatus": "S"})
    for line in desk.store.find("claimproc", {"ClaimNum": sent["ClaimNum"]}):
        open_again = {"Status": 0, "InsPayAmt": 0.0, "WriteOff": 0.0, "ClaimPaymentNum": 0}
        desk.store.update("claimproc", line["ClaimProcNum"], open_again)
    return desk.store.get("claim", sent["ClaimNum"]) or {}


def check(desk: Desk, claim: dict[str, Any], amount: str = "50.00", **changes: Any) -> dict[str, Any]:
    lines = desk.store.find("claimproc", {"ClaimNum": claim["ClaimNum"]}, order="ClaimProcNum")
    first, *rest = (row["ClaimProcNum"] for row in lines)
    decided = [{"line": first, "paid": amount, "write_off": "5.00", "deductible": None, "remarks": "as estimated"}]
    nothing = {"write_off": None, "deductible": None, "remarks": None}
    decided += [{"line": key, "paid": "0.00", **nothing} for key in rest]
    return {
        "claim": claim["ClaimNum"], "amount": amount, "received_on": None, "issued_on": None, "payment_type": 0,
        "check_number": "88", "bank_branch": None, "note": None, "lines": decided,
    } | changes  # fmt: skip


def test_a_check_receives_the_lines_and_the_claim_and_ties_them_together(desk: Desk, claim: dict[str, Any]) -> None:
    asked = check(desk, claim)

    outcome = desk.work_off(create_for_claim, asked)

    assert outcome.body is not None
    assert outcome.body["kind"] == "insurance"
    assert outcome.body["amount"]["amount"] == "50.00"
    lines = desk.store.find("claimproc", {"ClaimNum": claim["ClaimNum"]})
    assert {row["Status"] for row in lines} == {1}
    assert len({row["ClaimPaymentNum"] for row in lines}) == 1
    assert 0 not in {row["ClaimPaymentNum"] for row in lines}
    assert (desk.store.get("claim", claim["ClaimNum"]) or {})["ClaimStatus"] == "R"
    assert [call.step for call in desk.writes][-2:] == ["receive", "finalize"]


def test_a_batch_only_office_gets_a_batch_of_one(desk: Desk, claim: dict[str, Any]) -> None:
    desk.store.set_preference("ClaimPaymentBatchOnly", "1")

    desk.work_off(create_for_claim, check(desk, claim))

    assert desk.calls[-3] == "claimpayments.Batch"


def test_a_line_without_a_result_is_refused_before_anything_is_written(desk: Desk, claim: dict[str, Any]) -> None:
    extra = dict(desk.store.find("claimproc", {"ClaimNum": claim["ClaimNum"]})[0])
    del extra["ClaimProcNum"]
    asked = check(desk, claim)
    desk.store.insert("claimproc", extra)

    with pytest.raises(Conflict) as caught:
        desk.work_off(create_for_claim, asked)

    assert caught.value.more["reason"] == "line-open"
    assert desk.writes == []


@pytest.mark.parametrize(
    ("status", "kind", "reason"), [("W", "P", "not-sent"), ("H", "P", "not-sent"), ("S", "PreAuth", "preauthorization")]
)
def test_a_claim_that_takes_no_payment_is_refused_before_anything_is_written(
    desk: Desk, claim: dict[str, Any], status: str, kind: str, reason: str
) -> None:
    desk.store.update("claim", claim["ClaimNum"], {"ClaimStatus": status, "ClaimType": kind})

    with pytest.raises(Conflict) as caught:
        desk.work_off(create_for_claim, check(desk, claim))

    assert caught.value.more["reason"] == reason
    assert desk.writes == []


def test_an_amount_that_is_not_the_sum_of_the_lines_is_refused_before_anything_is_written(
    desk: Desk, claim: dict[str, Any]
) -> None:
    with pytest.raises(Invalid) as caught:
        desk.work_off(create_for_claim, check(desk, claim) | {"amount": "50.01"})

    assert caught.value.param == "amount"
    assert desk.writes == []


def test_a_write_off_beyond_what_was_billed_is_refused_before_anything_is_written(
    desk: Desk, claim: dict[str, Any]
) -> None:
    asked = check(desk, claim)
    asked["lines"][0]["write_off"] = "999999.00"

    with pytest.raises(Conflict) as caught:
        desk.work_off(create_for_claim, asked)

    assert caught.value.more["reason"] == "write-off-too-large"
    assert desk.writes == []


def test_a_line_of_another_claim_is_refused_before_anything_is_written(desk: Desk, claim: dict[str, Any]) -> None:
    other = next(row for row in desk.store.find("claimproc") if row["ClaimNum"] not in {0, claim["ClaimNum"]})
    asked = check(desk, claim)
    asked["lines"][0]["line"] = other["ClaimProcNum"]

    with pytest.raises(NotFound):
        desk.work_off(create_for_claim, asked)

    assert desk.writes == []


def test_a_day_to_come_is_refused_before_anything_is_written(desk: Desk, claim: dict[str, Any]) -> None:
    """The office would refuse the payment itself, with the claim received and its lines decided already."""
    to_come = f"{desk.today.date() + timedelta(days=2)}"
    with pytest.raises(Invalid) as caught:
        desk.work_off(create_for_claim, check(desk, claim, received_on=to_come))

    assert caught.value.param == "received_on"
    assert desk.writes == []

    desk.store.set_preference("FutureTransDatesAllowed", "1")
    assert desk.work_off(create_for_claim, check(desk, claim, received_on=to_come)).created


def test_a_type_of_other_payments_is_refused_before_anything_is_written(desk: Desk, claim: dict[str, Any]) -> None:
    types = {row["DefNum"]: row["Category"] for row in desk.store.find("definition")}
    other = next(number for number, category in types.items() if category == 10)
    with pytest.raises(NotFound) as caught:
        desk.work_off(create_for_claim, check(desk, claim, payment_type=other))

    assert caught.value.param == "payment_type_id"
    assert desk.writes == []

    own = next(number for number, category in types.items() if category == 32)
    assert desk.work_off(create_for_claim, check(desk, claim, payment_type=own)).created


def test_a_second_check_for_the_same_lines_is_refused(desk: Desk, claim: dict[str, Any]) -> None:
    asked = check(desk, claim)
    desk.work_off(create_for_claim, asked)
    written = len(desk.writes)

    with pytest.raises(AppError):
        desk.work_off(create_for_claim, asked)

    assert len(desk.writes) == written
