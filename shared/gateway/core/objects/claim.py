"""Claim."""

from __future__ import annotations

from typing import Literal

from gateway.core.objects.values import (
    CarrierId,
    ClaimId,
    ClaimLineId,
    CoverageId,
    Day,
    DefinitionId,
    LocationId,
    Money,
    Note,
    Object,
    Part,
    PatientId,
    PaymentId,
    ProcedureId,
    ProviderId,
)


class Totals(Part):
    """Sums of a claim, as Open Dental keeps them; signed, because take-backs are below zero.

    `patient_portion` is ours: what this claim leaves to the patient, an estimate until it is answered, null where a
    secondary claim's lines were not read or do not say what the first payer covered.
    """

    billed: Money | None
    estimated: Money | None
    paid: Money | None
    write_off: Money | None
    deductible: Money | None
    patient_portion: Money | None


class ClaimLine(Part):
    """What one claim says of one procedure; without a procedure a payment on the whole claim. Amounts are signed."""

    id: ClaimLineId
    procedure_id: ProcedureId | None
    code_sent: str | None
    status: (
        Literal[
            "not_received",
            "received",
            "preauthorization",
            "adjustment",
            "supplemental",
            "capitation_claim",
            "capitation_complete",
            "capitation_estimate",
            "estimate",
            "insurance_history",
            "other",
        ]
        | None
    )
    billed: Money | None
    estimated: Money | None
    paid: Money | None
    write_off: Money | None
    deductible: Money | None
    copay: Money | None
    allowed: Money | None
    """Where somebody at the office entered one; Open Dental does not store what it reckons."""
    remarks: str | None
    payment_id: PaymentId | None
    paid_on: Day | None


class Carrier(Part):
    """Who pays."""

    id: CarrierId
    name: str | None
    payer_id: str | None


class Tracking(Part):
    """The office's own tracking status."""

    code: DefinitionId
    label: str | None


class DenialEvidence(Part):
    """Something that speaks for a denial, best first."""

    kind: Literal["reason_code", "remarks", "payment_tracking", "underpaid_reason"]
    value: str | None
    line_id: ClaimLineId | None


class Claim(Object):
    """A claim.

    `is_denied` is ours, because Open Dental has no such status: true only with evidence, false for preauthorization
    and capitation and where money, a deductible or a maximum explains the answer, else null.
    """

    id: ClaimId
    patient_id: PatientId | None
    location_id: LocationId | None = None
    type: Literal["primary", "secondary", "preauthorization", "capitation", "other"] | None
    status: Literal["unsent", "held", "queued", "sent", "received", "in_process", "other"] | None
    status_source: str | None
    service_on: Day | None
    sent_on: Day | None
    """Open Dental enters the day on which the claim was made; it counts once `status` is `sent`."""
    received_on: Day | None
    coverage_id: CoverageId | None
    other_coverage_id: CoverageId | None
    carrier: Carrier | None = None
    """With `expand=carrier`."""
    relationship: str | None
    billing_provider_id: ProviderId | None
    treating_provider_id: ProviderId | None
    totals: Totals
    lines: list[ClaimLine] | None = None
    """On single claims, and in lists with `expand=lines`; so are `location_id`, `payment_ids`, `denial_evidence`."""
    tracking: Tracking | None
    prior_authorization_number: str | None
    note: Note | None
    underpaid_reason: str | None
    is_denied: bool | None
    denial_evidence: list[DenialEvidence] | None = None
    payment_ids: list[PaymentId] | None = None
