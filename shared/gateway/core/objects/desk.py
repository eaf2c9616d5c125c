"""What the front desk keeps: communications, recalls, tasks."""

from __future__ import annotations

from typing import Literal

from gateway.core.objects.clinical import Key
from gateway.core.objects.office import Interval
from gateway.core.objects.values import (
    AppointmentId,
    CommunicationId,
    Day,
    Instant,
    Labelled,
    LocalTime,
    Money,
    Note,
    Object,
    Part,
    PatientId,
    RecallId,
    RecallTypeId,
    TaskId,
    TaskListId,
)

Repeats = Literal["daily", "weekly", "monthly", "other"]


class Communication(Object):
    """A contact with a patient as somebody, or some program, wrote it down. Not the message itself."""

    id: CommunicationId
    patient_id: PatientId | None
    at: Instant | None
    local_at: LocalTime | None
    local_ambiguous: bool
    """The wall time occurs twice; `at` is the first."""
    time_zone: str
    type: Labelled | None = None
    """The office's own word; which of them stands for recalls, texts ... says the `value` of its definition."""
    mode: (
        Literal["email", "mail", "phone", "in_person", "text", "email_and_text", "phone_and_text", "fax", "other"]
        | None
    )
    direction: Literal["sent", "received", "other"] | None
    """Null where it was neither."""
    note: Note | None
    """Health data, as a rule."""
    origin: (
        Literal[
            "user",
            "web_sched",
            "program_link",
            "appointment_reminder",
            "eservices",
            "supplemental_backup",
            "appointment_thank_you",
            "api",
            "new_patient_thank_you",
            "message_to_pay",
            "mass_email",
            "other",
        ]
        | None
    ) = None
    """What wrote it; Open Dental's own API and FHIR are one. Null in offices before 25.1, which do not say."""
    user_key: Key | None = None
    """Who wrote it (UserNum); null for what came over an API."""
    entered_at: Instant | None = None
    """When it was written down; `at` can be changed, this cannot."""


class NamedRecallType(Part):
    """A type of recall of the office."""

    id: RecallTypeId
    label: str | None


class Recall(Object):
    """When a patient should come again for something that recurs. One for each patient and type."""

    id: RecallId
    patient_id: PatientId | None
    type: NamedRecallType | None
    due_on: Day | None
    """Null: it was never done, or the recall is disabled."""
    scheduled_on: Day | None
    """The day of a visit that is booked for it."""
    previous_on: Day | None
    interval: Interval | None
    status: Labelled | None
    """How far the office has got with reminding; not whether it is due."""
    priority: Literal["normal", "asap", "other"] | None
    is_disabled: bool
    """For good. `disabled_until` and `disabled_until_balance_below` disable it for a while."""
    disabled_until: Day | None
    disabled_until_balance_below: Money | None
    """The office's recall list leaves it out while the family owes this much or more."""
    note: Note | None


class TaskNote(Part):
    """What somebody added to a task."""

    at: Instant | None
    text: Note | None
    user_key: Key | None


class Task(Object):
    """Something for the staff to do. `description` and notes are free text, and often name patients."""

    id: TaskId
    task_list_id: TaskListId | None
    """Null in nobody's list."""
    patient_id: PatientId | None
    appointment_id: AppointmentId | None
    """What it is about: a patient, an appointment or neither."""
    status: Literal["new", "viewed", "done", "other"] | None
    title: Note | None
    description: Note | None
    priority: Labelled | None
    entered_at: Instant | None
    """When it was entered, or for a reminder when it is due."""
    local_entered_at: LocalTime | None
    local_ambiguous: bool
    time_zone: str
    created_at: Instant | None
    finished_at: Instant | None
    dated_on: Day | None
    """The day it is meant for, where it repeats."""
    repeats: Repeats | None
    repeat_of_id: TaskId | None
    is_reminder: bool | None
    is_read_only: bool | None
    user_key: Key | None
    """Who entered it (UserNum)."""
    notes: list[TaskNote] | None = None
    """Oldest first. On single objects and with `expand=notes`, in offices since 24.4.22."""


class TaskList(Object):
    """A list of tasks; lists form a tree. Its name may be that of somebody of the staff."""

    id: TaskListId
    name: str | None
    parent_id: TaskListId | None
    status: Literal["active", "archived", "other"] | None
    about: Literal["patient", "appointment", "other"] | None
    """What its tasks are about, where the office wants that."""
    dated_on: Day | None
    repeats: Repeats | None
    created_at: Instant | None
