"""Payment: one object over patients' payments, claim payments and their splits."""

from __future__ import annotations

from typing import Literal

from gateway.core.objects.values import (
    AdjustmentId,
    ClaimLineId,
    Day,
    DefinitionId,
    DepositId,
    LocationId,
    Money,
    Note,
    Object,
    Part,
    PatientId,
    PaymentId,
    PaymentPlanId,
    PlanChargeId,
    ProcedureId,
    ProviderId,
)


class PaymentMethod(Part):
    """How it was paid. `category` is a guess from the office's own name of the type, and `inferred` says so."""

    category: Literal["cash", "check", "card", "eft", "other"]
    label: str | None
    definition_id: DefinitionId | None
    inferred: bool


class Payer(Part):
    """Who paid. A patient's payment may be for others of the family: see the allocations."""

    kind: Literal["patient", "carrier"]
    patient_id: PatientId | None
    carrier_name: str | None


class Allocation(Part):
    """What a part of it is for. `amount` is signed: a transfer takes from one what it gives to another."""

    kind: Literal["procedure", "claim_line", "adjustment", "plan_charge", "unapplied"]
    procedure_id: ProcedureId | None
    """The claim line's, or that of the work which a payment plan's charge finances, too."""
    claim_line_id: ClaimLineId | None
    adjustment_id: AdjustmentId | None
    payment_plan_id: PaymentPlanId | None
    plan_charge_id: PlanChargeId | None
    patient_id: PatientId | None
    provider_id: ProviderId | None
    amount: Money


class Payment(Object):
    """Money received, or given back."""

    id: PaymentId
    location_id: LocationId | None
    kind: Literal["patient", "insurance", "refund", "income_transfer"]
    amount: Money
    signed_amount: Money
    """Signed: above zero to the practice, below zero a refund."""
    method: PaymentMethod
    received_on: Day | None
    entered_on: Day | None
    check_number: str | None
    bank_branch: str | None
    payer: Payer
    allocations: list[Allocation] | None = None
    """On single payments, and in lists with `expand=allocations`; so is `unapplied_amount`."""
    unapplied_amount: Money | None = None
    """Signed: with the allocations of every kind but `unapplied` it makes `signed_amount`."""
    is_partial: bool | None
    deposit_id: DepositId | None
    status: Literal["posted", "edited", "voided"]
    note: Note | None
