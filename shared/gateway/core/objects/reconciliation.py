"""What reconciliation shows."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway.core.objects.values import (
    CarrierId,
    ClaimId,
    Day,
    FindingId,
    Instant,
    Money,
    Part,
    PatientId,
    PaymentId,
    PracticeId,
    ProcedureId,
)
from gateway.core.reconciliation.asking import KindWord, SeverityWord, StateWord


class FindingEvidence(Part):
    """A row that shows it."""

    object: str
    object_id: str | None
    field: str | None
    """The object's field that it is about."""
    amount: Money | None
    """Signed."""
    date: Day | None
    why: str
    """A code: `sent_and_unanswered`, `reason_code_16` (of X12's adjustment reasons)."""


class NextAction(Part):
    """What somebody at the front desk does next."""

    code: str
    text: str


class ReconciliationMeta(Part):
    """Of which run an answer is; null before the first one."""

    practice_id: PracticeId
    as_of: Day | None
    """The office's day that it was reckoned for."""
    reconciled_at: Instant | None
    plan_rule: str | None
    """How payment plans count in the office's balances, by what these are: `credits_and_debits`, `credits_only`,
    `not_counted`."""


class FindingsMeta(ReconciliationMeta):
    """The same, and what is open."""

    open: dict[str, Annotated[int, Field(ge=0)]]
    """By kind."""


class Finding(Part):
    """Something in a practice's money that does not add up. The same problem keeps its id until it is gone, and has it
    again when it is back."""

    id: FindingId
    practice_id: PracticeId
    kind: KindWord
    severity: SeverityWord
    state: StateWord
    amount: Money
    opened_on: Day
    """The office's day from which on it is a problem; when it was found first is `first_seen_at`."""
    as_of: Day
    """The day of the last run that saw it so."""
    patient_id: PatientId | None
    family_id: PatientId | None
    """The guarantor's, as everywhere."""
    claim_id: ClaimId | None
    payment_id: PaymentId | None
    procedure_id: ProcedureId | None
    carrier_id: CarrierId | None
    evidence: list[FindingEvidence]
    """The youngest fifty pieces."""
    evidence_more: Annotated[int, Field(ge=0)]
    explanation: str
    """In a sentence, without names."""
    next_action: NextAction
    first_seen_at: Instant
    """When this episode was found."""
    resolved_at: Instant | None
    episode: Annotated[int, Field(ge=1)]
    """How often it has opened."""
    version: str
    meta: ReconciliationMeta | None = None
    """Of a single one."""


class Findings(Part):
    """A page of findings. A page may be short, or empty, while `has_more` says that others are behind it."""

    data: list[Finding]
    has_more: bool
    next_cursor: str | None
    meta: FindingsMeta


class AgedBalance(Part):
    """What is owed, by the age of the oldest charges that credits have not reached. The four buckets and `upcoming`,
    less `credit`, are `balance`, to the cent. Of a carrier it is what unanswered claims are expected to bring, by the
    age of the claims.
    """

    practice_id: PracticeId
    patient_id: PatientId | None
    family_id: PatientId | None
    carrier_id: CarrierId | None
    """The one that was asked by; of lines without a known carrier, and of the practice, all are null."""
    days_0_30: Money
    days_31_60: Money
    days_61_90: Money
    days_over_90: Money
    upcoming: Money
    """Charges of later days, after what credit covers of them."""
    credit: Money
    balance: Money
    """Signed."""
    insurance_pending: Money
    """What carriers are expected to pay and write off on claims that are not answered: no part of the balance. Of a
    family and the practice; of others nothing."""


class Aging(Part):
    """A page of balances by age, in the order of Open Dental's keys."""

    data: list[AgedBalance]
    has_more: bool
    next_cursor: str | None
    meta: ReconciliationMeta
