"""Rows of a patient's account -> Adjustment, PaymentPlan, Balance.

Sources of the columns: https://www.opendental.com/site/apiadjustments.html, apipayplans.html, apipayplancharges.html,
apipayplanlinks.html and apiaccountmodules.html there.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from gateway.core.normalize.office import Office, office, row_object
from gateway.core.normalize.values import (
    SERVER_CLOCK,
    Words,
    content_version,
    day,
    exact,
    flag,
    key,
    money,
    money_of,
    raw_row,
    text,
    whole,
)
from gateway.core.practices import Practice
from gateway.core.walltime import instant_text, to_wall
from open_dental import wire

FREQUENCY: Final = Words(
    {
        "Weekly": "weekly",
        "EveryOtherWeek": "every_other_week",
        "Monthly": "monthly",
        "Quarterly": "quarterly",
        "OrdinalWeekday": "weekday_of_month",
        # What `PaySchedule` calls the same.
        "BiWeekly": "every_other_week",
        "MonthlyDayOfWeek": "weekday_of_month",
    }
)
ACCOUNT_RULE: Final = Words({"1": "not_aged", "2": "credits_and_debits", "3": "credits_only", "4": "no_charges"})
"""Preference PayPlansVersion. Source: https://www.opendental.com/manual/paymentplandynamic.html."""
LINKED: Final = Words({"None": None, "Procedure": "procedure", "Adjustment": "adjustment", "OrthoCase": "ortho_case"})
WATCHED_PLANS: Final = {"ChargeFrequency": FREQUENCY}

NEEDS_CHARGES: Final = ("account_rule", "charges", "links", "totals")
"""What only a plan's charges, links and splits say, which cost calls of their own."""

_UNSET_DAY = "2001-01-01"
_ZERO = Decimal(0)


def adjustment(row: Mapping[str, Any], *, practice: Practice, synced_at: datetime, raw: bool = False) -> dict[str, Any]:
    """The adjustment of a row of `adjustments.list`."""
    here, get = office(practice), row.get
    patient, provider, clinic = key(get("PatNum")), key(get("ProvNum")), key(get("ClinicNum"))
    procedure, type_ = key(get("ProcNum")), key(get("AdjType"))
    signed = exact(get("AdjAmt"))
    return row_object(
        here, row, kind="adjustment", table="adjustment", column="AdjNum", synced_at=synced_at, raw=raw
    ) | {
        "location_id": here.location(clinic) if clinic else None,
        "patient_id": here.patient(patient) if patient else None,
        "provider_id": here.provider(provider) if provider else None,
        "procedure_id": here.procedure(procedure) if procedure else None,
        "effect": effect_of(row),
        "amount": money_of(abs(signed)),
        "signed_amount": money_of(signed),
        "type": {"id": here.definition(type_), "label": text(get("adjType"))} if type_ else None,
        "adjusted_on": day(get("AdjDate")),
        "procedure_on": day(get("ProcDate")),
        "entered_on": day(get("DateEntry")),
        "note": text(get("AdjNote")),
        "updated_at": here.clock.instant(get("SecDateTEdit")),
    }


def effect_of(row: Mapping[str, Any]) -> str:
    """What an adjustment does to the account."""
    return "credit" if exact(row.get("AdjAmt")) < 0 else "charge"


def kind_of_plan(row: Mapping[str, Any]) -> str:
    """What a row of `payplans` is: who owes, and which of its charges are stored."""
    if key(row.get("PlanNum")):
        return "insurance"
    return "dynamic" if flag(row.get("IsDynamic")) else "patient"


def payment_plan(
    row: Mapping[str, Any],
    *,
    practice: Practice,
    synced_at: datetime,
    charges: Iterable[Mapping[str, Any]] | None = None,
    links: Iterable[Mapping[str, Any]] | None = None,
    splits: Iterable[Mapping[str, Any]] = (),
    lines: Iterable[Mapping[str, Any]] = (),
    account_rule: str | None = None,
    raw: bool = False,
) -> dict[str, Any]:
    """The plan of a row of `payplans.list` or `.get`.

    With `charges` (rows of payplancharges) it has `NEEDS_CHARGES`: `links` are rows of payplanlinks, None where the
    office is too old to have them; `splits` are what the plan's people paid, `lines` what carriers did.
    """
    here, get = office(practice), row.get
    number, patient, guarantor = key(get("PayPlanNum")), key(get("PatNum")), key(get("Guarantor"))
    kind, category, coverage = kind_of_plan(row), key(get("PlanCategory")), key(get("InsSubNum"))
    is_dynamic = kind == "dynamic"
    frequency = FREQUENCY[get("ChargeFrequency") if is_dynamic else get("PaySchedule")]
    shown = row_object(
        here, row, kind="payment_plan", table="payplan", column="PayPlanNum", synced_at=synced_at, raw=raw
    ) | {
        "patient_id": here.patient(patient) if patient else None,
        "guarantor_id": here.patient(guarantor) if guarantor else None,
        "kind": kind,
        "coverage_id": here.coverage(coverage) if coverage else None,
        "category": {"id": here.definition(category), "label": text(get("planCategory"))} if category else None,
        "agreed_on": _plan_day(get("PayPlanDate")),
        "first_payment_on": _plan_day(get("DatePayPlanStart")) if is_dynamic else None,
        "interest_from": _plan_day(get("DateInterestStart")),
        "annual_percentage_rate": _percent(get("APR")),
        "frequency": frequency,
        "number_of_payments": whole(get("NumberOfPayments")) or None,
        "payment_amount": money(get("PayAmt")),
        "down_payment": money(get("DownPayment")),
        "completed_amount": money(get("CompletedAmt")) if is_dynamic else None,
        "is_closed": flag(get("IsClosed")),
        "is_locked": flag(get("IsLocked")) if is_dynamic else None,
        "note": text(get("Note")),
    }
    if charges is not None:
        own = [charge for charge in charges if key(charge.get("PayPlanNum")) == number]
        paid = [split for split in splits if key(split.get("PayPlanNum")) == number]
        covered = [line for line in lines if key(line.get("PayPlanNum")) == number]
        by_charge: dict[int, Decimal] = defaultdict(Decimal)
        for split in paid:
            by_charge[key(split.get("PayPlanChargeNum"))] += exact(split.get("SplitAmt"))
        today = to_wall(synced_at, practice.zone()).date().isoformat()
        shown["charges"] = [_charge(charge, here, by_charge) for charge in _by_day(own)]
        shown["links"] = None if links is None else [_link(link, here) for link in _own(links, number)]
        shown["totals"] = _totals(row, own, paid, covered, today=today)
        shown["account_rule"] = ACCOUNT_RULE[account_rule]
    return shown


def _totals(
    row: Mapping[str, Any],
    charges: Sequence[Mapping[str, Any]],
    splits: Sequence[Mapping[str, Any]],
    lines: Sequence[Mapping[str, Any]],
    *,
    today: str,
) -> dict[str, Any]:
    """What was charged, what is due by `today`, what was paid, what is left.

    An old plan stores every charge at its start, so all of it is known. Of a dynamic plan only what has come due is
    stored: what is left follows from the completed work that is on it, where Open Dental says how much that is.
    Carriers pay an insurance plan, and nothing of it is the patient's debt.
    """
    kind = kind_of_plan(row)
    debits = [charge for charge in charges if charge.get("ChargeType") != "Credit"]
    principal = sum((exact(charge.get("Principal")) for charge in debits), _ZERO)
    interest = sum((exact(charge.get("Interest")) for charge in debits), _ZERO)
    come = [charge for charge in debits if (day(charge.get("ChargeDate")) or today) <= today]
    due = sum((exact(charge.get("Principal")) + exact(charge.get("Interest")) for charge in come), _ZERO)
    if kind == "insurance":
        paid = sum((exact(line.get("InsPayAmt")) for line in lines), _ZERO)
    else:
        paid = sum((exact(split.get("SplitAmt")) for split in splits), _ZERO)
    financed: Decimal | None = principal
    if kind == "dynamic":
        completed = exact(row.get("CompletedAmt"))
        financed = max(completed, principal) if completed else None
    return {
        "financed": None if financed is None else money_of(financed),
        "principal": money_of(principal),
        "interest": money_of(interest),
        "come_due": money_of(due),
        "paid": money_of(paid),
        "due": money_of(max(_ZERO, due - paid)),
        "remaining": None if financed is None else money_of(max(_ZERO, financed + interest - paid)),
        "is_schedule_complete": kind != "dynamic",
    }


def _charge(charge: Mapping[str, Any], here: Office, paid: Mapping[int, Decimal]) -> dict[str, Any]:
    get = charge.get
    number, provider, clinic = key(get("PayPlanChargeNum")), key(get("ProvNum")), key(get("ClinicNum"))
    is_credit = get("ChargeType") == "Credit"
    linked, foreign = LINKED[get("LinkType")], key(get("FKey"))
    procedure = key(get("ProcNum")) or (foreign if linked == "procedure" else 0)
    adjustment_key = foreign if linked == "adjustment" else 0
    return {
        "id": here.plan_charge(number),
        "kind": "credit" if is_credit else "charge",
        "due_on": day(get("ChargeDate")),
        "principal": money_of(exact(get("Principal"))),
        "interest": money_of(exact(get("Interest"))),
        "paid": None if is_credit else money_of(paid.get(number, _ZERO)),
        "procedure_id": here.procedure(procedure) if procedure else None,
        "adjustment_id": here.adjustment(adjustment_key) if adjustment_key else None,
        "provider_id": here.provider(provider) if provider else None,
        "location_id": here.location(clinic) if clinic else None,
        "is_offset": flag(get("IsOffset")),
        "note": text(get("Note")),
    }


def _link(link: Mapping[str, Any], here: Office) -> dict[str, Any]:
    get = link.get
    kind, foreign, override = LINKED[get("LinkType")], key(get("FKey")), exact(get("AmountOverride"))
    return {
        "kind": kind,
        "procedure_id": here.procedure(foreign) if kind == "procedure" and foreign else None,
        "adjustment_id": here.adjustment(foreign) if kind == "adjustment" and foreign else None,
        "amount_override": money_of(override) if override else None,
    }


def _by_day(charges: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(charges, key=lambda row: (day(row.get("ChargeDate")) or "", key(row.get("PayPlanChargeNum"))))


def _own(links: Iterable[Mapping[str, Any]], number: int) -> list[Mapping[str, Any]]:
    return [link for link in links if key(link.get("PayPlanNum")) == number]


def _plan_day(value: object) -> str | None:
    """A day of a plan; lists write 2001-01-01 for one that is not set."""
    found = day(value)
    return None if found == _UNSET_DAY else found


def _percent(value: object) -> str | None:
    """A percentage as decimal text; None for nothing and for what is none."""
    try:
        found = wire.number(value)
    except ValueError:
        return None
    if found is None:
        return None
    shown = f"{found:f}"
    return shown.rstrip("0").rstrip(".") or "0" if "." in shown else shown


def balance(
    patient: int,
    *,
    practice: Practice,
    synced_at: datetime,
    members: Sequence[Mapping[str, Any]],
    aging: Mapping[str, Any],
    own_aging: Mapping[str, Any] | None,
    aged_on: str | None,
    family: str,
    raw: bool = False,
) -> dict[str, Any]:
    """What a patient and the family owe, of the rows of `accountmodules.PatientBalances` and `.Aging`.

    `family` is the name of the row that is no member's. `aging` is of anybody in the family; `own_aging` of the
    patient, or None where it was not read. Nothing of it is a row with a key, so the version is that of what is shown.
    """
    here = office(practice)
    own = [row for row in members if row.get("Name") != family]
    whole_family = next((row for row in members if row.get("Name") == family), {})
    mine = next((row for row in own if key(row.get("PatNum")) == patient), {})
    head = key(whole_family.get("PatNum"))
    content: dict[str, Any] = {
        "patient_id": here.patient(patient),
        "guarantor_id": here.patient(head) if head else None,
        "portion": money(mine.get("Balance")),
        "family": {
            "patient_ids": [here.patient(key(row.get("PatNum"))) for row in own],
            "portion": money(whole_family.get("Balance")),
            "total": money(aging.get("Total")),
            "aging": {
                "days_0_30": money(aging.get("Bal_0_30")),
                "days_31_60": money(aging.get("Bal_31_60")),
                "days_61_90": money(aging.get("Bal_61_90")),
                "days_over_90": money(aging.get("BalOver90")),
            },
            "insurance_estimate": money(aging.get("InsEst")),
            "estimated": money(aging.get("EstBal")),
            "unearned": money(aging.get("Unearned")),
        },
        "aged_on": aged_on,
    }
    if own_aging is not None:
        content["estimated"] = money(own_aging.get("PatEstBal"))
    shown = {
        "id": here.patient(patient),
        "source": {"system": "open_dental", "table": "patient", "key": str(patient), "practice_id": practice.id},
        "practice_id": practice.id,
        **content,
        "updated_at": None,
        "synced_at": instant_text(synced_at),
        "deleted_at": None,
        "version": content_version({"Content": json.dumps(content, sort_keys=True)}),
    }
    if raw:
        shown["raw"] = raw_row(
            {"PatientBalances": [_plain(row) for row in members], "Aging": _plain(own_aging or aging)}
        )
    return shown


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != SERVER_CLOCK}


def aged_on(preferences: Iterable[Mapping[str, Any]]) -> str | None:
    """The day of the office's last aging, from the row of its preference DateLastAging."""
    values = [text(row.get("ValueString")) for row in preferences]
    found = values[0] if values else None
    if found is None:
        return None
    try:
        return date.fromisoformat(found[:10]).isoformat()
    except ValueError:
        # Older offices keep it as the program displays it.
        return None
