"""Coverage: a subscriber's insurance, its plan and carrier, whom it covers, and what it pays."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from gateway.core.objects.claim import Carrier
from gateway.core.objects.values import CoverageId, Day, Money, Note, Object, Part, PatientId

Key = Annotated[str, StringConstraints(pattern=r"^-?\d+$")]


class CoveredPatient(Part):
    """A patient's place in a coverage. Dental and medical plans share the ordinals of a patient."""

    patient_id: PatientId | None
    ordinal: int
    rank: Literal["primary", "secondary", "tertiary", "other"]
    relationship: str | None
    """To the subscriber: `self`, `spouse`, `child` ..."""
    is_pending: bool | None
    member_id: str | None
    """Where it differs from the subscriber's."""


class CoveragePlan(Part):
    """The plan, which many subscribers share."""

    key: Key
    type: Literal["percentage", "ppo", "flat_copay", "capitation", "other"]
    group_name: str | None
    """Usually the employer."""
    group_number: str | None
    is_medical: bool | None
    is_active: bool
    renews_in_month: Annotated[int, Field(ge=1, le=12)]
    """The month on whose first day benefits begin anew; 1 is the calendar year."""
    note: Note | None


class BenefitCategory(Part):
    """A category of work, as the office defines it. Null names where the office is too old to list them (23.3.8)."""

    key: Key
    name: str | None
    code: str | None
    """The standard's word for it: `general`, `routine_preventive`, `oral_surgery` ..."""


class Benefit(Part):
    """One rule of a plan, or for one patient of it. What says nothing is null; null is unknown, not nothing.

    `annual_maximum`, `lifetime_maximum` and `maximum` (of a category or code) have an `amount`; so have `deductible`
    and `copay`. `percentage` is the share that insurance pays. `frequency` has a `quantity` of `quantity_unit`: with
    services or visits so many in `period`, with years or months one in so many. `waiting_period` and `age_limit` have
    a `quantity`, too. The narrower rule wins: code before category, a patient's before the plan's.
    """

    kind: Literal[
        "annual_maximum",
        "lifetime_maximum",
        "maximum",
        "deductible",
        "percentage",
        "copay",
        "frequency",
        "age_limit",
        "waiting_period",
        "limitation",
        "exclusion",
        "active_coverage",
        "other",
    ]
    level: Literal["individual", "family", "other"] | None
    patient_id: PatientId | None
    """Whom it holds for alone, with `expand=overrides`."""
    category: BenefitCategory | None
    procedure_code: str | None
    code_group: str | None
    percent: int | None
    amount: Money | None
    period: Literal["calendar_year", "service_year", "lifetime", "years", "last_12_months", "other"] | None
    quantity: int | None
    quantity_unit: Literal["services", "visits", "years", "months", "years_of_age", "other"] | None
    area: str | None
    raw: dict[str, Any] | None = None


class Eligibility(Part):
    """When a patient's eligibility was last verified."""

    patient_id: PatientId
    verified_on: Day | None


class Verification(Part):
    """What somebody at the office verified, and when."""

    benefits_on: Day | None
    eligibility: list[Eligibility]


class Coverage(Object):
    """A subscriber's insurance. It covers the patients who are in it now; a patient who was dropped is not named.

    `terminated_on` does not end anybody's coverage: taking the patient out of `patients` does.
    """

    id: CoverageId
    subscriber_id: PatientId | None
    member_id: str | None
    effective_on: Day | None
    terminated_on: Day | None
    assigns_benefits: bool | None
    """Whether the carrier pays the office."""
    releases_information: bool | None
    benefit_note: Note | None
    note: Note | None
    patients: list[CoveredPatient] | None = None
    """In lists with `patient_id`, where that patient alone is named, or `expand=patients`."""
    plan: CoveragePlan | None = None
    """In lists with `patient_id` or `expand=plan`; so is `carrier`."""
    carrier: Carrier | None = None
    benefits: list[Benefit] | None = None
    """In lists with `expand=benefits`."""
    verification: Verification | None = None
    """With `expand=verification`."""
