"""What callers send to book and to pay, and what it may look like. Unknown members are refused."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gateway.core.chairs import LONGEST_UNITS
from gateway.core.inputs import Day, Moment, WallTime, broken_rule

NOTE_LIMIT = 1000
MAX_ALLOCATIONS = 20
MAX_LINES = 100


class Input(BaseModel):
    """A request body: immutable, and strict about members nobody knows."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class TimeBlock(Input):
    """A stretch of a visit: `minutes` is a multiple of 5."""

    minutes: Annotated[int, Field(gt=0, multiple_of=5)]
    provider_needed: bool = True


Minutes = Annotated[int, Field(gt=0, le=LONGEST_UNITS * 5, multiple_of=5)]
Blocks = Annotated[tuple[TimeBlock, ...], Field(min_length=1, max_length=LONGEST_UNITS)]
MaybePattern = Annotated[
    Annotated[str, StringConstraints(pattern=r"^[X/]+$", max_length=LONGEST_UNITS)] | None,
    Field(description="one character for each 5 minutes: X with the provider, / without"),
]
"""The three ways to say how long a visit is."""


class Booking(Input):
    """`POST /create_appointment`.

    When: `local_start` (the office's wall clock, without an offset) or `start_at` (with an offset). How long: exactly
    one of `duration_minutes` (provider needed throughout), `time_blocks`, `pattern` (one character for each 5 minutes,
    `X` with the provider and `/` without); none where `appointment_type_id` brings its own. At most 9 hours.
    `hygienist_id` is the second provider, and the main one if `is_hygiene` is set. `hold_id` is a hold of the same
    time by the same client; other holds are in the way like visits. `allow_past` enters a visit of a day that is over.
    """

    patient_id: str
    provider_id: str
    operatory_id: str
    practice_id: str | None = None
    local_start: WallTime | None = None
    start_at: Moment | None = None
    duration_minutes: Minutes | None = None
    time_blocks: Blocks | None = None
    pattern: MaybePattern = None
    appointment_type_id: str | None = None
    hygienist_id: str | None = None
    is_hygiene: bool = False
    note: Annotated[str, StringConstraints(max_length=NOTE_LIMIT)] | None = None
    is_new_patient: bool = False
    is_asap: bool = False
    allow_double_booking: bool = False
    allow_outside_schedule: bool = False
    allow_past: bool = False
    hold_id: str | None = None

    @model_validator(mode="after")
    def _one_time_one_length(self) -> Self:
        if (self.local_start is None) == (self.start_at is None):
            raise broken_rule("local_start", "exactly one of local_start and start_at is needed")
        lengths = [name for name in ("duration_minutes", "time_blocks", "pattern") if getattr(self, name) is not None]
        if len(lengths) > 1:
            raise broken_rule(lengths[-1], "only one of duration_minutes, time_blocks and pattern may be sent")
        if not lengths and self.appointment_type_id is None:
            raise broken_rule(
                "duration_minutes", "duration_minutes, time_blocks, pattern or appointment_type_id is needed"
            )
        if self.time_blocks is not None and sum(block.minutes for block in self.time_blocks) > LONGEST_UNITS * 5:
            raise broken_rule("time_blocks", "time_blocks add up to more than 9 hours")
        if self.is_hygiene and self.hygienist_id is None:
            raise broken_rule("hygienist_id", "is_hygiene needs a hygienist_id")
        for name, start in (("local_start", self.local_start), ("start_at", self.start_at)):
            if start is not None and (start.second or start.microsecond):
                raise broken_rule(name, "a visit starts on a whole minute")
        return self

    @property
    def wire_pattern(self) -> str | None:
        """The length as Open Dental writes it; None where the appointment type decides."""
        return pattern_of(self.pattern, self.duration_minutes, self.time_blocks)


def pattern_of(
    pattern: str | None, duration_minutes: int | None, time_blocks: tuple[TimeBlock, ...] | None
) -> str | None:
    """A length, said in one of three ways, as Open Dental writes it; None where none was said."""
    if pattern is not None:
        return pattern
    if duration_minutes is not None:
        return "X" * (duration_minutes // 5)
    if time_blocks is not None:
        return "".join(("X" if block.provider_needed else "/") * (block.minutes // 5) for block in time_blocks)
    return None


class Amount(Input):
    """Money in a request: decimal text with at most two places, never a number that went through a float."""

    amount: Annotated[
        str,
        StringConstraints(pattern=r"^[0-9]{1,9}(\.[0-9]{1,2})?$"),
        Field(description="decimal text with at most two places, such as 62.00"),
    ]
    currency: Literal["USD"] = "USD"

    @property
    def value(self) -> Decimal:
        """The amount with two places."""
        return Decimal(self.amount).quantize(Decimal("0.01"))


class Allocation(Input):
    """What part of a patient's payment goes to which procedure."""

    procedure_id: str
    amount: Amount


class PatientPayment(Input):
    """`POST /create_payment` with `kind: patient`: money a patient or guarantor paid.

    Without `allocations` the office's own rules spread it, oldest charge first, over the family or, with
    `only_this_patient`, over this patient. With them the sum must be the amount exactly. `is_prepayment` keeps all of
    it as unearned. `payment_type_id` is a definition of the category `payment_type`; without it the office's default
    applies.
    """

    kind: Literal["patient"]
    patient_id: str
    amount: Amount
    practice_id: str | None = None
    received_on: Day | None = None
    payment_type_id: str | None = None
    check_number: Annotated[str, StringConstraints(max_length=25)] | None = None
    bank_branch: Annotated[str, StringConstraints(max_length=25)] | None = None
    note: Annotated[str, StringConstraints(max_length=NOTE_LIMIT)] | None = None
    location_id: str | None = None
    only_this_patient: bool = False
    is_prepayment: bool = False
    allocations: Annotated[tuple[Allocation, ...], Field(max_length=MAX_ALLOCATIONS)] = ()

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.amount.value <= 0:
            raise broken_rule("amount", "amount must be more than zero")
        if self.allocations:
            if self.is_prepayment or self.only_this_patient:
                raise broken_rule("allocations", "allocations exclude is_prepayment and only_this_patient")
            ids = [allocation.procedure_id for allocation in self.allocations]
            if len(set(ids)) != len(ids):
                raise broken_rule("allocations", "allocations name a procedure twice")
            if any(allocation.amount.value <= 0 for allocation in self.allocations):
                raise broken_rule("allocations", "every allocation must be more than zero")
            if sum(allocation.amount.value for allocation in self.allocations) != self.amount.value:
                raise broken_rule("allocations", "allocations must add up to the amount")
        return self


class LineResult(Input):
    """What the carrier decided on one line of the claim."""

    claim_line_id: str
    paid: Amount
    write_off: Amount | None = None
    deductible: Amount | None = None
    remarks: Annotated[str, StringConstraints(max_length=255)] | None = None


class InsurancePayment(Input):
    """`POST /create_payment` with `kind: insurance`: a carrier's check for one claim.

    `lines` are set received with their amounts, then the claim, and the payment ties them together; every open line
    needs its result. `amount` must be what the claim's received lines that are on no payment yet add up to. `issued_on`
    is the date on the check, `received_on` the day of entry (default today).
    """

    kind: Literal["insurance"]
    claim_id: str
    amount: Amount
    lines: Annotated[tuple[LineResult, ...], Field(max_length=MAX_LINES)] = ()
    practice_id: str | None = None
    received_on: Day | None = None
    issued_on: Day | None = None
    payment_type_id: str | None = None
    check_number: Annotated[str, StringConstraints(max_length=25)] | None = None
    bank_branch: Annotated[str, StringConstraints(max_length=25)] | None = None
    note: Annotated[str, StringConstraints(max_length=NOTE_LIMIT)] | None = None

    @model_validator(mode="after")
    def _lines_once(self) -> Self:
        if self.amount.value <= 0:
            raise broken_rule("amount", "amount must be more than zero")
        ids = [line.claim_line_id for line in self.lines]
        if len(set(ids)) != len(ids):
            raise broken_rule("lines", "lines name a claim line twice")
        return self


class RefundPayment(Input):
    """`POST /payments` with `kind: refund`: gives a patient's payment back whole, as a payment below zero.

    Open Dental refunds no part of a payment; `amount` may be sent to say what is expected. A payment that has its
    refund already is refused, unless `allow_duplicate`. `patient_id`, whose payment it is, is a hint for payments
    that are split among others only.
    """

    kind: Literal["refund"]
    payment_id: str
    amount: Amount | None = None
    patient_id: str | None = None
    practice_id: str | None = None
    allow_duplicate: bool = False


PaymentInput = Annotated[PatientPayment | InsurancePayment | RefundPayment, Field(discriminator="kind")]


def wall_text(moment: datetime) -> str:
    """A wall time as plans carry it: `2026-03-09T09:00:00`."""
    return moment.replace(tzinfo=None).isoformat(timespec="seconds")
