"""Money from patients: where a payment lands, how it is moved, how it is given back.

Source: https://www.opendental.com/site/apipayments.html and https://www.opendental.com/manual/allocationssetup.html.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from infra.sandbox.practice.behaviours.ground import (
    Row,
    body_of,
    cents,
    columns,
    family,
    flag,
    living_patient,
    money,
    number,
    numbers,
    of_category,
    preference_number,
    preferred,
    row_of,
    shown,
    stored_cents,
)
from infra.sandbox.practice.behaviours.ledger import Charge, outstanding, plan_charges
from infra.sandbox.practice.enums import ProcStatus
from infra.sandbox.practice.handlers import Rejected, Reply, Request, handles
from infra.sandbox.practice.office import Office

MANUAL = "2"
"""RigorousAccounting: the office allocates by hand, so a payment is left as one split without a target."""


@handles("payments.create")
def create_payment(office: Office, request: Request) -> Reply:
    """Enter a payment and its splits; the splits always sum to the payment."""
    given = columns(office, request)
    patient = living_patient(office, given["PatNum"])
    amount = cents(body_of(request)["PayAmt"], "PayAmt")
    if amount <= 0:
        raise Rejected(400, "PayAmt is invalid. Refunds and income transfers cannot be entered here.")
    day = given.get("PayDate", office.today())
    if day > office.today() and not preferred(office, "FutureTransDatesAllowed"):
        raise Rejected(400, "PayDate cannot be in the future.")
    kind = given.get("PayType") or preference_number(office, "ApiPaymentType")
    of_category(office, kind, "PaymentTypes", "PayType")
    payment: Row = {
        "PayType": kind,
        "PayDate": day,
        "PayAmt": money(amount),
        "CheckNum": given.get("CheckNum", ""),
        "PayNote": given.get("PayNote", ""),
        "BankBranch": given.get("BankBranch", ""),
        "PatNum": patient["PatNum"],
        "ClinicNum": given.get("ClinicNum", patient["ClinicNum"]),
        "DateEntry": office.today(),
        "PaymentSource": office.code("payment", "PaymentSource", "API"),
    }
    splits = _allocate(office, request, patient, payment, amount)
    payment["PayNum"] = key = office.store.insert("payment", payment)
    _write_splits(office, payment, splits)
    office.log("PaymentCreate", patient["PatNum"], "Payment entered.", key)
    return shown(office, request, key)


def _allocate(office: Office, request: Request, patient: Row, payment: Row, amount: int) -> list[Row]:
    """The splits of a new payment. Prepayment and plan are looked at first, then procedures, then the oldest charge."""
    plan = number(request, "payPlanNum")
    prepaid = flag(request, "isPrepayment")
    members = family(office, patient)
    if plan:
        found = row_of(office, "payplan", plan)
        if not found["IsDynamic"] or not {found["PatNum"], found["Guarantor"]} & set(members):
            raise Rejected(400, "payPlanNum is invalid.")
        if not prepaid and not office.at_least("23.3.4"):
            raise Rejected(400, "payPlanNum is only allowed when isPrepayment is true.")
        if prepaid:
            return [_unearned(office, patient, payment, amount) | {"PayPlanNum": plan}]
        return _fill(office, patient, payment, amount, plan_charges(office, members, plan=plan))
    if prepaid:
        return [_unearned(office, patient, payment, amount)]
    chosen = numbers(request, "procNums")
    if chosen:
        return _fill(office, patient, payment, amount, _chosen(office, patient, chosen, members))
    if office.store.preference("RigorousAccounting", "1") == MANUAL:
        return [_split(patient["PatNum"], amount, patient["PriProv"], payment["ClinicNum"])]
    charges = outstanding(office, patient["PatNum"])
    if flag(request, "isPatientPreferred"):
        charges = [charge for charge in charges if charge.patient == patient["PatNum"]]
    return _fill(office, patient, payment, amount, _plan_first(office, patient, charges))


def _chosen(office: Office, patient: Row, keys: list[int], members: list[int]) -> list[Charge]:
    """The named procedures, oldest first; those of other families drop out without a word."""
    for key in keys:
        row_of(office, "procedurelog", key)
    wanted = set(keys)
    return [
        c
        for c in outstanding(office, patient["PatNum"])
        if c.procedure in wanted and not c.plan and c.patient in members
    ]


def _plan_first(office: Office, patient: Row, charges: list[Charge]) -> list[Charge]:
    """The oldest plan that the patient pays for comes before everything else, then the rest by age."""
    plans = office.store.find(
        "payplan",
        {"IsClosed": 0, "PlanNum": 0},
        sql='"Guarantor" = ? OR "PatNum" = ?',
        args=(patient["PatNum"], patient["PatNum"]),
        order='"PayPlanDate", "PayPlanNum"',
    )
    for plan in plans:
        due = [charge for charge in charges if charge.plan == plan["PayPlanNum"]]
        if due:
            return due + [charge for charge in charges if charge not in due]
    return charges


def _fill(office: Office, patient: Row, payment: Row, amount: int, charges: Iterable[Charge]) -> list[Row]:
    """Pay `charges` in their order; what is left over is unearned."""
    splits: list[Row] = []
    for charge in charges:
        part = min(amount, charge.due)
        if part <= 0:
            continue
        splits.append(_on(charge, part))
        amount -= part
    if amount > 0:
        splits.append(_unearned(office, patient, payment, amount))
    return splits


def _on(charge: Charge, amount: int) -> Row:
    split = _split(charge.patient, amount, charge.provider, charge.clinic)
    split |= {"ProcNum": charge.procedure, "AdjNum": charge.adjustment}
    return split | {
        "PayPlanNum": charge.plan,
        "PayPlanChargeNum": charge.plan_charge,
        "PayPlanDebitType": int(charge.plan > 0),
    }


def _split(patient: int, amount: int, provider: int, clinic: int) -> Row:
    return {"PatNum": patient, "SplitAmt": money(amount), "ProvNum": provider, "ClinicNum": clinic}


def _unearned(office: Office, patient: Row, payment: Row, amount: int) -> Row:
    kind = preference_number(office, "PrepaymentUnearnedType")
    return _split(patient["PatNum"], amount, 0, payment["ClinicNum"]) | {"UnearnedType": kind}


def _write_splits(office: Office, payment: Row, splits: Iterable[Row]) -> None:
    for split in splits:
        dated = {"PayNum": payment["PayNum"], "DatePay": payment["PayDate"], "DateEntry": office.today()}
        office.store.insert("paysplit", split | dated)


@handles("payments.update")
def update_payment(office: Office, request: Request) -> Reply:
    """Change what is not money: type, check number, branch, note, processing state."""
    row = row_of(office, "payment", request.id())
    changes = columns(office, request)
    if "PayType" in changes:
        of_category(office, changes["PayType"], "PaymentTypes", "PayType")
    if changes.get("ProcessStatus") == office.code("payment", "ProcessStatus", "OfficeProcessed"):
        raise Rejected(400, "ProcessStatus is invalid.")
    office.store.update("payment", row["PayNum"], changes)
    office.log("PaymentEdit", row["PatNum"], "Payment changed.", row["PayNum"])
    return shown(office, request, row["PayNum"])


@handles("payments.Partial")
def allocate_payment(office: Office, request: Request) -> Reply:
    """Replace a payment's splits by the ones given; all or none.

    A procedure needs an open charge, not counting what this very payment pays on it now. How much more than the open
    charge may be put on it is not documented; this practice takes any amount.
    """
    payment = row_of(office, "payment", request.id())
    patient = row_of(office, "patient", payment["PatNum"])
    procedures = _amounts(request, "procNumsAndAmounts", "ProcNum")
    plans = _amounts(request, "payPlanChargeNumsAndAmounts", "PayPlanChargeNum")
    if not procedures and not plans:
        raise Rejected(400, "procNumsAndAmounts or payPlanChargeNumsAndAmounts is required.")
    if sum(amount for _, amount in procedures + plans) != stored_cents(payment["PayAmt"]):
        raise Rejected(400, "The amounts must add up to the PayAmt of the payment.")
    members = family(office, patient)
    open_ = outstanding(office, patient["PatNum"], without_payment=payment["PayNum"])
    by_procedure = {charge.procedure: charge for charge in open_ if charge.procedure and not charge.plan}
    splits = []
    for key, amount in procedures:
        procedure = row_of(office, "procedurelog", key)
        if procedure["PatNum"] not in members:
            raise Rejected(400, "ProcNum is invalid. The procedure belongs to another family.")
        if procedure["ProcStatus"] != ProcStatus.C or key not in by_procedure:
            raise Rejected(400, "ProcNum is invalid. The procedure has no open charge.")
        splits.append(_on(by_procedure[key], amount))
    for key, amount in plans:
        splits.append(_on_plan(office, key, amount, members))
    for old in office.store.find("paysplit", {"PayNum": payment["PayNum"]}):
        office.store.delete("paysplit", old["SplitNum"])
    _write_splits(office, payment, splits)
    # The header's stamp moves although no column of it did: the program saves the payment with its splits.
    office.store.update("payment", payment["PayNum"], {"SecDateTEdit": office.now()})
    office.log("PaymentEdit", payment["PatNum"], "Payment allocated again.", payment["PayNum"])
    return shown(office, request, payment["PayNum"])


def _on_plan(office: Office, key: int, amount: int, members: list[int]) -> Row:
    charge = row_of(office, "payplancharge", key)
    plan = row_of(office, "payplan", charge["PayPlanNum"])
    if not plan["IsDynamic"] or not {plan["PatNum"], plan["Guarantor"]} & set(members):
        raise Rejected(400, "PayPlanChargeNum is invalid.")
    split = _split(charge["PatNum"], amount, charge["ProvNum"], charge["ClinicNum"]) | {"ProcNum": charge["ProcNum"]}
    return split | {"PayPlanNum": charge["PayPlanNum"], "PayPlanChargeNum": key, "PayPlanDebitType": 1}


def _amounts(request: Request, name: str, key: str) -> list[tuple[int, int]]:
    entries: Any = body_of(request).get(name) or []
    if not isinstance(entries, list):
        raise Rejected(400, f"{name} is invalid.")
    found = []
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get(key), int) or isinstance(entry[key], bool):
            raise Rejected(400, f"{key} is invalid.")
        amount = cents(entry.get("Amount"), "Amount")
        if amount <= 0:
            raise Rejected(400, "Amount is invalid.")
        found.append((entry[key], amount))
    return found


@handles("payments.Refund")
def refund_payment(office: Office, request: Request) -> Reply:
    """Give a payment back whole: a second payment with every amount turned round."""
    payment = row_of(office, "payment", number(request, "PayNum"))
    splits = office.store.find("paysplit", {"PayNum": payment["PayNum"]})
    if any(split["PayPlanNum"] for split in splits):
        raise Rejected(400, "Payments attached to a payment plan cannot be refunded.")
    if payment["PayAmt"] <= 0 or any(split["SplitAmt"] < 0 for split in splits):
        raise Rejected(400, "Payments with negative splits cannot be refunded.")
    kept = ("PayType", "PatNum", "ClinicNum", "CheckNum", "BankBranch")
    refund: Row = {name: payment[name] for name in kept}
    refund |= {
        "PayAmt": -payment["PayAmt"],
        "PayDate": office.today(),
        "DateEntry": office.today(),
        "PayNote": "Refund",
    }
    refund["PayNum"] = key = office.store.insert("payment", refund)
    for split in splits:
        copied = ("PatNum", "ProvNum", "ClinicNum", "ProcNum", "AdjNum", "UnearnedType")
        turned = {name: split[name] for name in copied} | {"SplitAmt": -split["SplitAmt"]}
        _write_splits(office, refund, [turned])
    office.log("PaymentCreate", payment["PatNum"], "Payment refunded.", key)
    return shown(office, request, key)


@handles("paysplits.update")
def update_split(office: Office, request: Request) -> Reply:
    """Move a split to another provider or clinic; unearned money has a provider only if the office wants it."""
    split = row_of(office, "paysplit", request.id())
    changes = columns(office, request)
    if split["UnearnedType"] and changes.get("ProvNum") and not preferred(office, "AllowPrepayProvider"):
        raise Rejected(400, "ProvNum is invalid. Unearned splits take no provider in this office.")
    office.store.update("paysplit", split["SplitNum"], changes)
    office.log("PaymentEdit", split["PatNum"], "Split changed.", split["PayNum"])
    return shown(office, request, split["SplitNum"])
