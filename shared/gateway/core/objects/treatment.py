"""Treatment plans, and exams of the gums."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.core.objects.clinical import Key
from gateway.core.objects.values import (
    Day,
    DocumentId,
    Instant,
    Labelled,
    Money,
    Note,
    Object,
    Part,
    PatientId,
    PerioExamId,
    ProcedureId,
    ProviderId,
    TreatmentPlanId,
)


class TreatmentEstimates(Part):
    """What is expected of whom. `patient` is `fee - insurance - discount`, and negative where those exceed the fee."""

    allowed: Money | None
    """By the primary insurance; on saved plans only."""
    primary_insurance: Money | None
    secondary_insurance: Money | None
    """On saved plans only: what is estimated now names the plan and not its place."""
    insurance: Money
    """All insurance together."""
    discount: Money | None
    """Expected write-offs, and a discount on the procedure."""
    patient: Money | None


class PlannedProcedure(Part):
    """A procedure of a treatment plan: as it is now, or in a saved plan as it was then."""

    procedure_id: ProcedureId | None
    """In a saved plan the procedure it was copied from, which may be gone."""
    status: (
        Literal[
            "planned",
            "planned_inactive",
            "completed",
            "existing_current",
            "existing_other",
            "referred",
            "condition",
            "deleted",
            "other",
        ]
        | None
    )
    """The procedure's; null in saved plans, whose copies have none."""
    code: str | None
    """In a saved plan a text that the office may have changed."""
    description: str | None
    tooth: str | None
    """One tooth or several, as the plan writes them."""
    surface: str | None
    """Surfaces, or the part of the mouth, as the plan writes it."""
    priority: Labelled | None
    """Its priority in this plan, which the procedure's own may differ from."""
    provider_id: ProviderId | None
    diagnosis: str | None
    prognosis: str | None
    """On saved plans only."""
    fee: Money | None
    """For all units."""
    estimates: TreatmentEstimates | None
    """Null, but for saved plans, in offices before 23.2.16 and where the plan goes by a discount plan, whose part
    Open Dental shows only when the work is done."""


class TreatmentPlan(Object):
    """Proposed treatment. A patient has one active plan; saved ones are copies made to be shown and signed."""

    id: TreatmentPlanId
    patient_id: PatientId | None
    status: Literal["active", "inactive", "saved", "other"] | None
    type: Literal["insurance", "discount", "other"] | None
    """What its estimates go by: insurance or a discount plan."""
    heading: str | None
    note: Note | None
    planned_on: Day | None
    """The day of a saved plan."""
    created_on: Day | None
    responsible_party_id: PatientId | None
    """Who has to approve it; null for the patient."""
    presenter_key: Key | None
    """The user who presented it (UserNum)."""
    is_signed: bool | None
    signed_at: Instant | None
    signed_by: str | None
    """The name typed under the signature."""
    is_signed_by_practice: bool | None
    practice_signed_at: Instant | None
    practice_signed_by: str | None
    document_id: DocumentId | None
    """The signed plan, where the office keeps one."""
    procedures: list[PlannedProcedure] | None = None
    """On single objects and with `expand=procedures`."""


class PerioSite(Part):
    """One of the six sites of a tooth: mesial, middle and distal, on the cheek's and on the tongue's side. In mm."""

    site: Literal["MB", "B", "DB", "ML", "L", "DL"]
    probing_depth: int | None
    recession: int | None
    """From the edge of the enamel to that of the gum; negative where the gum covers the enamel."""
    attachment_loss: int | None
    """Clinical attachment loss: `probing_depth + recession`, where both were measured."""
    mucogingival_junction: int | None
    furcation: int | None
    """A grade."""
    bleeding: bool | None
    suppuration: bool | None
    plaque: bool | None
    calculus: bool | None
    """Null where nothing of the four is recorded for the tooth."""


class PerioTooth(Part):
    """What was found at a tooth."""

    tooth: Annotated[int, Field(ge=1, le=32)]
    """In universal numbering; primary teeth are not charted."""
    is_skipped: bool
    mobility: int | None
    """A grade."""
    sites: Annotated[list[PerioSite], Field(min_length=6, max_length=6)]


class PerioExam(Object):
    """An exam of the gums."""

    id: PerioExamId
    patient_id: PatientId | None
    provider_id: ProviderId | None
    examined_on: Day | None
    note: Note | None
    measures: list[PerioTooth] | None = None
    """Teeth of which something is recorded. On single objects and with `expand=measures`."""
