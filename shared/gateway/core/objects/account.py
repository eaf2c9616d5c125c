"""What stands on a patient's account beside work and payments: adjustments, payment plans, the balance."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from gateway.core.objects.values import (
    AdjustmentId,
    CoverageId,
    Day,
    Labelled,
    LocationId,
    Money,
    Note,
    Object,
    Part,
    PatientId,
    PaymentPlanId,
    PlanChargeId,
    ProcedureId,
    ProviderId,
)


class Adjustment(Object):
    """A discount, or a charge that is no work: a finance charge, a fee for a missed visit.

    Its type fixes its effect. One on a procedure changes what is due there only if provider and location are the same.
    """

    id: AdjustmentId
    location_id: LocationId | None
    patient_id: PatientId | None
    provider_id: ProviderId | None
    procedure_id: ProcedureId | None
    effect: Literal["charge", "credit"]
    amount: Money
    signed_amount: Money
    """Signed: above zero a charge, below zero a credit."""
    type: Labelled | None
    adjusted_on: Day | None
    """The day it counts from."""
    procedure_on: Day | None
    entered_on: Day | None
    note: Note | None


class PlanCharge(Part):
    """One entry of a plan: what comes due on a day, or work whose cost moved to the plan (`credit`)."""

    id: PlanChargeId
    kind: Literal["charge", "credit"]
    due_on: Day | None
    principal: Money
    """Signed: an offset takes back what was charged too much."""
    interest: Money
    """Signed."""
    paid: Money | None
    """What splits that name this very charge paid of it; money for the plan as a whole is in its totals only."""
    procedure_id: ProcedureId | None
    adjustment_id: AdjustmentId | None
    provider_id: ProviderId | None
    location_id: LocationId | None
    is_offset: bool | None
    note: Note | None


class PlanLink(Part):
    """What a dynamic plan finances."""

    kind: Literal["procedure", "adjustment", "ortho_case", "other"] | None
    procedure_id: ProcedureId | None
    adjustment_id: AdjustmentId | None
    amount_override: Money | None
    """None: all that is open on it."""


class PlanTotals(Part):
    """How far a plan is paid, reckoned from its charges, on the day of the answer.

    Of a dynamic plan only charges that have come due exist (`is_schedule_complete` is false), so `principal` and
    `interest` are what was charged so far, and `financed` and `remaining` speak of completed work alone; they are null
    where Open Dental does not say how much that is. A plan of an insurer is paid by carriers: nothing of it is the
    patient's debt.
    """

    financed: Money | None
    principal: Money
    interest: Money
    come_due: Money
    paid: Money
    due: Money
    """What has come due and is not paid."""
    remaining: Money | None
    is_schedule_complete: bool


class PaymentPlan(Object):
    """An agreement to pay by instalments."""

    id: PaymentPlanId
    patient_id: PatientId | None
    guarantor_id: PatientId | None
    """Who pays; may be of another family."""
    kind: Literal["dynamic", "patient", "insurance"]
    """`dynamic` is what Open Dental makes today, `patient` the older kind, `insurance` money expected of a carrier."""
    coverage_id: CoverageId | None
    category: Labelled | None
    agreed_on: Day | None
    first_payment_on: Day | None
    """Dynamic plans only."""
    interest_from: Day | None
    annual_percentage_rate: Annotated[str, StringConstraints(pattern=r"^-?\d+(\.\d+)?$")] | None
    """Percent a year, as decimal text."""
    frequency: Literal["weekly", "every_other_week", "monthly", "quarterly", "weekday_of_month", "other"] | None
    number_of_payments: int | None
    """None where the amount was agreed on instead."""
    payment_amount: Money | None
    down_payment: Money | None
    completed_amount: Money | None
    """Dynamic plans only: what of the financed work is completed."""
    is_closed: bool | None
    is_locked: bool | None
    """Dynamic plans only: the terms follow insurance results no longer."""
    note: Note | None
    charges: list[PlanCharge] | None = None
    """On single plans, and in lists with `expand=charges`; so are `links`, `totals` and `account_rule`."""
    links: list[PlanLink] | None = None
    """Null also where the office is too old to show them (25.3.29)."""
    totals: PlanTotals | None = None
    account_rule: Literal["not_aged", "credits_and_debits", "credits_only", "no_charges", "other"] | None = None
    """How the whole office's accounts count plans (its preference PayPlansVersion 1 to 4): `not_aged` leaves a plan's
    charges out of the aging, `credits_and_debits` moves the debt from the work to the charges, `credits_only` takes the
    work off without counting charges, `no_charges` leaves the debt on the work. It decides whether `due` is part of the
    balances."""


class Aging(Part):
    """Unpaid charges of a family by age, in days. All credits of the family went to the oldest charge first."""

    days_0_30: Money | None
    days_31_60: Money | None
    days_61_90: Money | None
    days_over_90: Money | None


class FamilyBalance(Part):
    """What the family of a patient owes together. All but the aging is signed: below zero the practice owes."""

    patient_ids: list[PatientId]
    portion: Money | None
    total: Money | None
    """Before what insurance is expected to pay."""
    aging: Aging
    insurance_estimate: Money | None
    """What is expected of carriers for claims that are not answered, with their write-offs."""
    estimated: Money | None
    """`total` less `insurance_estimate`."""
    unearned: Money | None
    """Prepayments not yet used."""


class Balance(Object):
    """What a patient owes, and the family: Open Dental keeps the family's amounts together, on its guarantor.

    There is no such row: the id is the patient's, and the version a hash of what is shown. Amounts are as old as the
    office's last aging (`aged_on`), which is not run by writes through the API: a payment shows in none of them until
    then. Only what `estimated` takes off is of now.
    """

    id: PatientId
    patient_id: PatientId
    guarantor_id: PatientId | None
    portion: Money | None
    """Signed: this patient's portion, as Open Dental divides the family's balance among its members."""
    estimated: Money | None = None
    """Signed: this patient's balance, of the last aging, less what carriers are expected to pay by now. Once a carrier
    has answered it is too high until the next aging, and more than `family.estimated`, which takes off what was
    expected at the last one. Costs a call a patient, so in lists with `expand=estimated`."""
    family: FamilyBalance
    aged_on: Day | None
    """The office's day of the last aging. None where it cannot be read."""
