"""Procedure."""

from __future__ import annotations

from typing import Literal

from gateway.core.objects.values import (
    AppointmentId,
    Day,
    Labelled,
    LocationId,
    Money,
    Object,
    Part,
    PatientId,
    ProcedureId,
    ProviderId,
)


class Code(Part):
    """A procedure code; `office` where it is the office's own. The description is the office's text."""

    system: Literal["CDT", "office"]
    value: str | None
    description: str | None


class Area(Part):
    """Where in the mouth. Teeth in universal numbering, whatever the office displays."""

    kind: Literal["tooth", "surface", "quadrant", "sextant", "arch", "range", "mouth"]
    teeth: list[str]
    surfaces: list[str]
    region: (
        Literal[
            "upper_right",
            "upper_left",
            "lower_left",
            "lower_right",
            "upper_front",
            "lower_front",
            "upper",
            "lower",
        ]
        | None
    )


class Procedure(Object):
    """A procedure: planned, done, done elsewhere, referred, watched, or deleted."""

    id: ProcedureId
    location_id: LocationId | None
    patient_id: PatientId | None
    appointment_id: AppointmentId | None
    planned_appointment_id: AppointmentId | None
    provider_id: ProviderId | None
    code: Code
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
    status_source: str | None
    area: Area
    fee: Money | None
    """Signed: of one unit, as the office charges it."""
    quantity: int
    total_fee: Money | None
    """Signed: fee times quantity."""
    diagnosis: Labelled | None
    priority: Labelled | None
    performed_on: Day | None
    planned_on: Day | None
