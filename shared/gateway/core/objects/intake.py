"""Forms that patients fill in: answers, what they propose, and what was decided."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.core.objects.values import (
    Instant,
    IntakeId,
    LocationId,
    Meta,
    OperationId,
    Part,
    PatientId,
    PracticeId,
    Source,
    Version,
)

DecisionState = Literal["open", "approving", "approved", "dismissed"]


class IntakeDecision(Part):
    """What was decided of a form."""

    id: IntakeId
    practice_id: PracticeId
    patient_id: PatientId
    state: DecisionState
    decided_by: str | None
    """The person, by the id that the client said in `On-Behalf-Of`."""
    decided_at: Instant | None
    approved_fields: list[str]
    operation_id: OperationId | None
    """Of the write of what was approved."""


class Intake(IntakeDecision):
    """A form that a patient filled in: a web form, or one on a tablet."""

    source: Source
    location_id: LocationId | None
    form: Literal["patient_form", "medical_history", "consent", "other"]
    title: str | None
    """What the office calls the form."""
    is_web_form: bool
    received_at: Instant | None
    updated_at: Instant | None


class IntakeAnswer(Part):
    """One field of a form."""

    name: str
    kind: Literal["text", "check_box", "choice", "signature"]
    value: str | None
    """What was written or chosen; null for boxes and signatures."""
    is_on: bool | None
    """Whether a box is ticked, or a signature is there; null for others."""
    is_required: bool


class IntakeProposal(Part):
    """What an answer would change of the patient."""

    field: str
    """As `PATCH /patients/{id}` has it: `phones.mobile`; or `allergies`, `conditions`, `medications`, `insurance`."""
    from_: Annotated[str | None, Field(alias="from")]
    to: str
    confidence: Literal["high", "medium", "low"]
    source_field: str
    can_be_approved: bool


class IntakeWithAnswers(Intake):
    """A form with its answers."""

    answers: list[IntakeAnswer]
    proposals: list[IntakeProposal]
    version: Version
    """For approving: another one where the patient was changed since."""
    meta: Meta
