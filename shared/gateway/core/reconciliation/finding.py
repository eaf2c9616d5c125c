"""A finding: something in a practice's money that does not add up, with what shows it and what to do next.

It is known by what it is about, not by when it was found: the same problem has the same id for as long as it is there,
and again when it comes back, as another episode.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final

from gateway.core.hashing import canonical_hash
from gateway.core.ids import row_id

OPEN: Final = "open"
RESOLVED: Final = "resolved"
STATES: Final = (OPEN, RESOLVED)


class Severity(StrEnum):
    """How soon somebody should look at it."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Kind(StrEnum):
    """What does not add up."""

    UNAPPLIED_PATIENT_MONEY = "unapplied_patient_money"
    OVERPAID_PROCEDURE = "overpaid_procedure"
    UNDERPAID_BY_CARRIER = "underpaid_by_carrier"
    OVERPAID_BY_CARRIER = "overpaid_by_carrier"
    CLAIM_SILENT = "claim_silent"
    CLAIM_UNSENT = "claim_unsent"
    CLAIM_DENIED = "claim_denied"
    RECEIVED_NOT_FINALISED = "received_not_finalised"
    CLAIM_PAYMENT_MISMATCH = "claim_payment_mismatch"
    PAYMENT_MISMATCH = "payment_mismatch"
    SECONDARY_NOT_BILLED = "secondary_not_billed"
    CREDIT_BALANCE = "credit_balance"
    PAYMENT_PLAN_BEHIND = "payment_plan_behind"
    BALANCE_MISMATCH = "balance_mismatch"
    BROKEN_APPOINTMENT_OPEN = "broken_appointment_open"


ACTIONS: Final[Mapping[str, str]] = {
    "allocate": "Allocate the money to open work of the family.",
    "allocate_or_refund": "Nothing is open: keep it as a prepayment on purpose, or refund it.",
    "move_prepayment": "The work is done: move the prepayment to it.",
    "return_prepayment": "The work is no longer planned: allocate the prepayment to other work, or refund it.",
    "reallocate_or_refund": "Move what is too much to other open work, or refund it.",
    "appeal": "Appeal with the carrier, with notes and pictures.",
    "correct_and_resend": "Correct the claim and send it again.",
    "bill_secondary": "Bill the other coverage.",
    "bill_patient": "Bill the patient: the plan does not cover it.",
    "send_claim": "Complete and send the claim.",
    "call_carrier": "Ask the carrier how the claim stands; send it again if it is not there.",
    "check_estimate": "Compare with the plan's explanation: appeal, or correct the plan's benefits.",
    "return_to_carrier": "Ask the carrier whether it wants the money back, or correct what was entered.",
    "finalise": "Enter the carrier's payment that these lines belong to.",
    "correct_check": "Correct the payment's amount, or the lines that are under it.",
    "correct_splits": "Correct the splits: they do not sum to the payment.",
    "refund_credit": "Refund the credit, or keep it on purpose for planned work.",
    "call_patient": "Ask for the instalments that are due.",
    "run_aging": "Run the office's aging; if the difference stays, look at the rows that are named.",
    "charge_or_waive": "Collect the fee, or take it back by an adjustment.",
    "finish_treatment": "Complete the remaining visits, or take the procedure out of its group.",
}
"""Code -> what somebody at the front desk does next."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One row that shows it. `object` is one of the gateway's objects, `key` Open Dental's of its row; `why` a code.

    Of payments, `claim_payment` stands for a carrier's.
    """

    object: str
    key: int
    why: str
    field: str | None = None
    amount: int | None = None
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule found, in keys of rows and cents. `subject` is what its id is made of: keys that stay the same for as
    long as the problem does. `amount` is never below zero.
    """

    kind: Kind
    subject: tuple[int, ...]
    severity: Severity
    amount: int
    opened_on: date
    evidence: tuple[Evidence, ...]
    explanation: str
    action: str
    patient: int = 0
    family: int = 0
    claim: int = 0
    payment: int = 0
    """Of a carrier's payment below zero, as `ids.insurance_payment_key` makes it."""
    procedure: int = 0
    carrier: int = 0
    evidence_more: int = 0

    def key(self, practice_id: str) -> int:
        """The number that its id stands for."""
        return finding_key(practice_id, self.kind, self.subject)


def finding_key(practice_id: str, kind: str, subject: tuple[int, ...]) -> int:
    """63 bits of a hash of what the problem is about; never 0, which is no key."""
    digest = canonical_hash([practice_id, str(kind), list(subject)])
    return int(digest[:16], 16) >> 1 or 1


def finding_id(practice_id: str, kind: str, subject: tuple[int, ...]) -> str:
    """The id of a finding."""
    return row_id("finding", practice_id, finding_key(practice_id, kind, subject))


@dataclass(frozen=True, slots=True)
class Kept:
    """A finding as it is kept. `body`: as the API shows it, without what changes with every look at it (`as_of`).

    `seq` rises with each change, as that of the mirror's rows.
    """

    id: str
    state: str
    body: Mapping[str, Any]
    seq: int = 0
    places: Mapping[str, str] = field(default_factory=dict)
    """Ids that it is looked up by: `patient_id`, `claim_id`."""

    @property
    def is_open(self) -> bool:
        """Whether the problem is there."""
        return self.state == OPEN
