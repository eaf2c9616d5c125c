"""Appointment."""

from __future__ import annotations

from typing import Literal

from gateway.core.objects.values import (
    AppointmentId,
    AppointmentTypeId,
    CoverageId,
    DefinitionId,
    Extension,
    Instant,
    LocalTime,
    LocationId,
    Note,
    Object,
    OperatoryId,
    Part,
    PatientId,
    ProcedureId,
    ProviderId,
)


class Confirmation(Part):
    """How far the visit is confirmed. `label` is the office's own word; `status` its meaning, which the office's
    preferences tell and no name does: `other` for a word that only the office knows the meaning of.
    """

    status: (
        Literal["unconfirmed", "sent", "confirmed", "not_accepted", "failed", "arrived", "seated", "dismissed", "other"]
        | None
    )
    label: str | None
    definition_id: DefinitionId | None


class TimeBlock(Part):
    """A stretch of the visit, with or without the provider."""

    minutes: int
    provider_needed: bool


class AppointmentType(Part):
    """The office's type of the visit."""

    id: AppointmentTypeId
    name: str | None = None


class Appointment(Object):
    """A visit, or (`kind: note`) a note in the schedule.

    `no_show` and `cancelled` only with evidence, else `broken`; broken and sent to the unscheduled list is
    `unscheduled`. Unscheduled and planned visits have no start.
    """

    id: AppointmentId
    location_id: LocationId | None
    patient_id: PatientId | None
    kind: Literal["appointment", "note"]
    status: (
        Literal[
            "scheduled",
            "arrived",
            "in_chair",
            "completed",
            "broken",
            "no_show",
            "cancelled",
            "unscheduled",
            "planned",
            "other",
        ]
        | None
    )
    status_source: str | None
    confirmation: Confirmation
    start_at: Instant | None
    end_at: Instant | None
    local_start: LocalTime | None
    local_end: LocalTime | None
    time_zone: str
    """IANA."""
    local_ambiguous: bool
    """The clocks show this time twice that day; `start_at` is the first."""
    local_nonexistent: bool
    """The clocks skip this time that day; `start_at` is where it would be without the change."""
    unscheduled_from: LocalTime | None
    """The time an unscheduled visit was taken from."""
    duration_minutes: int
    time_blocks: list[TimeBlock]
    provider_id: ProviderId | None
    hygienist_id: ProviderId | None
    assistant_id: ProviderId | None
    """Open Dental's API does not show it."""
    operatory_id: OperatoryId | None
    is_hygiene: bool | None
    type: AppointmentType | None
    procedure_ids: list[ProcedureId] | None = None
    """On single visits, and in lists with `expand=procedure_ids`."""
    description: str | None
    is_new_patient: bool | None
    is_asap: bool
    arrived_at: Instant | None
    seated_at: Instant | None
    dismissed_at: Instant | None
    asked_to_arrive_at: Instant | None
    planned_appointment_id: AppointmentId | None
    """The planned appointment that this one came from."""
    coverage_ids: list[CoverageId] | None = None
    extensions: list[Extension] | None = None
    """The office's own fields that are filled in: on single visits, and in lists with `expand=extensions`."""
    note: Note | None
