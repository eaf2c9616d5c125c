"""payment and claimpayment rows, with their splits and lines -> Payment.

Sources of the columns: https://www.opendental.com/site/apipayments.html, https://www.opendental.com/site/apipaysplits.html,
https://www.opendental.com/site/apiclaimpayments.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from gateway.core import ids
from gateway.core.normalize.office import Office, office
from gateway.core.normalize.values import day, exact, flag, key, money, money_of, raw_row, shown_version, text
from gateway.core.office_words import NO_WORDS, OfficeWords, payment_method
from gateway.core.practices import Practice
from gateway.core.walltime import instant_text

_NOTHING: Final = Decimal(0)


def patient_payment(
    row: Mapping[str, Any],
    *,
    practice: Practice,
    synced_at: datetime,
    splits: Iterable[Mapping[str, Any]] | None,
    words: OfficeWords = NO_WORDS,
    raw: bool = False,
) -> dict[str, Any]:
    """The payment of a row of `payments`, with the rows of `paysplits` that belong to it: all of them, or None.

    A refund or a bounced check is a payment below zero, and an income transfer one of zero without a type.
    """
    here = office(practice)
    get = row.get
    number, patient = key(get("PayNum")), key(get("PatNum"))
    signed = exact(get("PayAmt"))
    shown = _payment(row, here, table="payment", number=number, signed=signed, row_key=number, words=words)
    shown |= {
        "received_on": day(get("PayDate")),
        "entered_on": day(get("DateEntry")),
        "payer": {"kind": "patient", "patient_id": here.patient(patient) if patient else None, "carrier_name": None},
        "is_partial": False,
        "note": text(get("PayNote")),
        "synced_at": instant_text(synced_at),
    }
    if splits is not None:
        own = (split for split in _in_order(splits, "SplitNum") if key(split.get("PayNum")) == number)
        shown |= _applied(signed, [_split(split, here) for split in own])
    if raw:
        shown["raw"] = raw_row(row)
    return shown


def insurance_payment(
    row: Mapping[str, Any],
    *,
    practice: Practice,
    synced_at: datetime,
    lines: Iterable[Mapping[str, Any]] | None,
    words: OfficeWords = NO_WORDS,
    raw: bool = False,
) -> dict[str, Any]:
    """The payment of a row of `claimpayments`, with the rows of `claimprocs` that it pays: all of them, or None."""
    here = office(practice)
    get = row.get
    number = key(get("ClaimPaymentNum"))
    signed = exact(get("CheckAmt"))
    own_key = ids.insurance_payment_key(number)
    shown = _payment(row, here, table="claimpayment", number=number, signed=signed, row_key=own_key, words=words)
    shown |= {
        "received_on": day(get("CheckDate")),
        "entered_on": day(get("SecDateEntry")),
        "payer": {"kind": "carrier", "patient_id": None, "carrier_name": text(get("CarrierName"))},
        "is_partial": flag(get("IsPartial")),
        "note": text(get("Note")),
        "synced_at": instant_text(synced_at),
    }
    if lines is not None:
        own = (line for line in _in_order(lines, "ClaimProcNum") if key(line.get("ClaimPaymentNum")) == number)
        shown |= _applied(signed, [_paid_line(line, here) for line in own])
    if raw:
        shown["raw"] = raw_row(row)
    return shown


def kind_of(row: Mapping[str, Any]) -> str:
    """What a row of `payments` or `claimpayments` is."""
    if "PayNum" not in row:
        return "refund" if exact(row.get("CheckAmt")) < 0 else "insurance"
    signed = exact(row.get("PayAmt"))
    if signed < 0:
        return "refund"
    return "patient" if signed or key(row.get("PayType")) else "income_transfer"


def category_of(row: Mapping[str, Any], words: OfficeWords = NO_WORDS) -> str:
    """How a row of either kind was paid, guessed from the office's name of its type."""
    return str(_method(row, words)["category"])


def _method(row: Mapping[str, Any], words: OfficeWords) -> dict[str, Any]:
    # Rows bring the name of their type themselves; the office's own list is for one that does not.
    label = text(row.get("payType"))
    return payment_method(words if label is None else NO_WORDS, key(row.get("PayType")), label=label)


def _payment(
    row: Mapping[str, Any],
    here: Office,
    *,
    table: str,
    number: int,
    signed: Decimal,
    row_key: int,
    words: OfficeWords,
) -> dict[str, Any]:
    get = row.get
    clinic, deposit, type_ = key(get("ClinicNum")), key(get("DepositNum")), key(get("PayType"))
    return {
        "id": here.payment(row_key),
        "source": {"system": "open_dental", "table": table, "key": str(number), "practice_id": here.practice_id},
        "practice_id": here.practice_id,
        "location_id": here.location(clinic) if clinic else None,
        "kind": kind_of(row),
        "amount": money_of(abs(signed)),
        "signed_amount": money_of(signed),
        "method": _method(row, words) | {"definition_id": here.definition(type_) if type_ else None},
        "check_number": text(get("CheckNum")),
        "bank_branch": text(get("BankBranch")),
        "deposit_id": here.deposit(deposit) if deposit else None,
        "status": "posted",
        "updated_at": here.clock.instant(get("SecDateTEdit")),
        "deleted_at": None,
        "version": shown_version(row),
    }


def _applied(signed: Decimal, allocations: list[dict[str, Any]]) -> dict[str, Any]:
    """What a payment is for. Whatever splits there are, what is applied and `unapplied_amount` make its amount."""
    spent = (Decimal(one["amount"]["amount"]) for one in allocations if one["kind"] != "unapplied")
    return {"allocations": allocations, "unapplied_amount": money_of(signed - sum(spent, _NOTHING))}


def _split(split: Mapping[str, Any], here: Office) -> dict[str, Any]:
    """One split. `amount` is signed here: an income transfer takes from one place what it gives to another."""
    get = split.get
    procedure, patient, provider = key(get("ProcNum")), key(get("PatNum")), key(get("ProvNum"))
    adjustment, charge, plan = key(get("AdjNum")), key(get("PayPlanChargeNum")), key(get("PayPlanNum"))
    kind = "unapplied"
    if charge or plan:
        # A charge of a dynamic plan names the procedure that it finances, and so does its split.
        kind = "plan_charge"
    elif procedure:
        kind = "procedure"
    elif adjustment:
        kind = "adjustment"
    return {
        "kind": kind,
        "procedure_id": here.procedure(procedure) if procedure else None,
        "claim_line_id": None,
        "adjustment_id": here.adjustment(adjustment) if adjustment else None,
        "payment_plan_id": here.payment_plan(plan) if plan else None,
        "plan_charge_id": here.plan_charge(charge) if charge else None,
        "patient_id": here.patient(patient) if patient else None,
        "provider_id": here.provider(provider) if provider else None,
        "amount": money(get("SplitAmt")) or money_of(_NOTHING),
    }


def _paid_line(line: Mapping[str, Any], here: Office) -> dict[str, Any]:
    get = line.get
    procedure, patient, provider = key(get("ProcNum")), key(get("PatNum")), key(get("ProvNum"))
    plan = key(get("PayPlanNum"))
    return {
        "kind": "claim_line",
        "procedure_id": here.procedure(procedure) if procedure else None,
        "claim_line_id": here.claim_line(key(get("ClaimProcNum"))),
        "adjustment_id": None,
        "payment_plan_id": here.payment_plan(plan) if plan else None,
        "plan_charge_id": None,
        "patient_id": here.patient(patient) if patient else None,
        "provider_id": here.provider(provider) if provider else None,
        "amount": money(get("InsPayAmt")) or money_of(_NOTHING),
    }


def _in_order(rows: Iterable[Mapping[str, Any]], column: str) -> list[Mapping[str, Any]]:
    return sorted(rows, key=lambda row: key(row.get(column)))
