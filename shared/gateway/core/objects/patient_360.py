"""Patient360: all that an office knows of a patient, in sections."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from gateway.core.objects.account import Aging
from gateway.core.objects.appointment import Appointment
from gateway.core.objects.claim import Claim
from gateway.core.objects.clinical import Allergy, Condition, Medication
from gateway.core.objects.desk import Communication, Recall
from gateway.core.objects.patient import Patient
from gateway.core.objects.procedure import Procedure
from gateway.core.objects.values import CarrierId, CoverageId, Instant, Meta, Money, Note, Part, PatientId, PracticeId

T = TypeVar("T")


class Reason(Part):
    """Why a section is not there: a problem of its own."""

    code: str
    """`permission-missing`, `version-too-old`, `scope-missing`, `upstream-invalid` ..."""
    detail: str
    permission: str | None = None
    tier: str | None = None
    """The cheapest price per location and month that has the permission."""
    version: str | None = None
    """The first version of Open Dental that has it."""
    scope: str | None = None
    """What the client lacks."""
    retryable: bool


class Section(Part, Generic[T]):
    """A part of the answer, with its own age. It is there whole, or says why it is not."""

    status: Literal["ok", "unavailable"]
    reason: Reason | None = None
    as_of: Instant | None
    """Nothing in it is older; null where nothing was asked."""
    age_seconds: float | None
    served_from: Literal["live", "cache", "mirror"] | None
    data: T | None
    """Of `alerts` that are unavailable in part, what came; else null where it is unavailable."""


class Family(Part):
    """Everybody with the same guarantor, who comes first."""

    guarantor_id: PatientId | None
    members: list[Patient]
    has_more: bool


class Popup(Part):
    """What the program shows when the patient's records are opened."""

    text: Note | None
    level: Literal["patient", "family", "super_family", "other"] | None
    created_at: Instant | None


class Alerts(Part):
    """What whoever treats the patient must know. A list that is null was not read, which is not "none"."""

    is_premedicated: bool | None
    urgent_financial_note: Note | None
    medical_note: Note | None
    service_note: Note | None
    allergies: list[Allergy] | None
    """Active ones."""
    conditions: list[Condition] | None
    """Active ones."""
    medications: list[Medication] | None
    """Those taken now."""
    popups: list[Popup] | None


class Visits(Part):
    """Visits ahead, the soonest first; those behind, the newest first; planned and unscheduled ones."""

    upcoming: list[Appointment]
    past: list[Appointment]
    waiting: list[Appointment]
    has_more: bool


class Treatment(Part):
    """Procedures, the newest first."""

    planned: list[Procedure]
    completed: list[Procedure]
    has_more: bool


class InsuranceCarrier(Part):
    """The insurance company."""

    id: CarrierId
    name: str | None


class InsurancePlan(Part):
    """The plan."""

    type: Literal["percentage", "ppo", "flat_copay", "capitation", "other"] | None
    group_name: str | None
    group_number: str | None


class Insurance(Part):
    """One of the patient's insurances; `GET /coverages/{coverage_id}` has the rest of it."""

    coverage_id: CoverageId
    ordinal: int
    """1 is primary."""
    relationship: str | None
    """Of the patient to the subscriber."""
    is_pending: bool | None
    is_medical: bool | None
    subscriber_id: PatientId | None
    member_id: str | None
    carrier: InsuranceCarrier | None
    plan: InsurancePlan


class Insurances(Part):
    """The patient's insurances, the primary first."""

    insurances: list[Insurance]


class FamilyOwes(Part):
    """Amounts of the whole family, signed."""

    total: Money | None
    insurance_estimate: Money | None
    estimated: Money | None
    """Total less what insurance is expected to pay."""
    unearned: Money | None
    aging: Aging | None


class Owed(Part):
    """What is owed, as old as the office's last aging; signed, below zero is a credit.

    The mirror has `portion` and `family.total`; the others are null then, and `meta.omitted` names them.
    """

    portion: Money | None
    """This patient's part of the family's total."""
    estimated: Money | None
    """This patient's balance, of the last aging, less what carriers are expected to pay by now."""
    family: FamilyOwes


class Claims(Part):
    """Claims without their lines, the newest first."""

    claims: list[Claim]
    has_more: bool


class Recalls(Part):
    """Recalls that are not disabled for good, the next due first."""

    recalls: list[Recall]


class Communications(Part):
    """The newest first."""

    communications: list[Communication]
    has_more: bool


class Sections(Part):
    """Those that were asked for. Lists have 100 entries at most, the newest."""

    demographics: Section[Patient] | None = None
    alerts: Section[Alerts] | None = None
    appointments: Section[Visits] | None = None
    treatment: Section[Treatment] | None = None
    coverage: Section[Insurances] | None = None
    balances: Section[Owed] | None = None
    recalls: Section[Recalls] | None = None
    family: Section[Family] | None = None
    claims: Section[Claims] | None = None
    communications: Section[Communications] | None = None


class Patient360(Part):
    """All that an office knows of a patient. Each section says how old it is, or why it is not there."""

    id: PatientId
    practice_id: PracticeId
    sections: Sections
    meta: Meta
