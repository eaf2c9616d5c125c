"""Day: what a front desk needs to know of one day, in one answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.core.objects.appointment import Appointment, Confirmation
from gateway.core.objects.desk import NamedRecallType
from gateway.core.objects.patient import ContactPreferences, Email, Name, Phone
from gateway.core.objects.patient_360 import Insurance, Reason
from gateway.core.objects.schedule import Schedule
from gateway.core.objects.values import (
    AllergyId,
    ConditionId,
    Instant,
    Labelled,
    LocalTime,
    LocationId,
    MedicationId,
    Money,
    Note,
    OperatoryId,
    Part,
    PatientId,
    PracticeId,
    ProviderId,
    RecallId,
    Withheld,
)
from gateway.core.objects.values import Day as CalendarDay


class DayPatient(Part):
    """Whom the desk greets; `GET /patients/{id}` has the rest."""

    id: PatientId
    name: Name
    birth_date: CalendarDay | None
    age: int | None
    """In years, on the day that was asked for."""
    sex: Literal["male", "female", "other"] | None = None
    status: (
        Literal["active", "non_patient", "inactive", "archived", "deceased", "prospective", "deleted", "other"] | None
    )
    """`deleted` also of somebody who was merged into another patient: the visit still names them."""
    phones: list[Phone]
    emails: list[Email]
    language: str | None = None
    """ISO 639-1."""
    language_source: str | None = None
    guarantor_id: PatientId | None = None
    primary_provider_id: ProviderId | None = None
    location_id: LocationId | None
    contact_preferences: ContactPreferences | None = None


class DayBalance(Part):
    """What is owed, signed: below zero is a credit. As old as the office's last aging."""

    portion: Money | None
    """The patient's, as `GET /balances` calls it."""
    family_total: Money | None
    guarantor_id: PatientId | None
    urgent_note: Note | None
    """What the office wants seen before money is talked of; the family's."""


class DayRecall(Part):
    """When the patient should come again for one reason; recalls that are disabled for good are left out."""

    id: RecallId
    type: NamedRecallType | None
    due_on: CalendarDay
    is_overdue: bool
    """Due before the day that was asked for."""
    scheduled_on: CalendarDay | None
    status: Labelled | None
    disabled_until: CalendarDay | None


class DayAllergy(Part):
    """An active allergy."""

    id: AllergyId
    label: str | None
    reaction: str | None


class DayCondition(Part):
    """An active condition."""

    id: ConditionId
    label: str | None
    note: Note | None
    started_on: CalendarDay | None


class DayMedication(Part):
    """A medication that is taken now."""

    id: MedicationId
    name: str | None
    note: Note | None
    started_on: CalendarDay | None
    stopped_on: CalendarDay | None


class DayAlerts(Part):
    """What whoever treats the patient must know."""

    is_premedicated: bool | None
    """Whether something has to be taken before each visit; null where it is not known."""
    allergies: list[DayAllergy]
    conditions: list[DayCondition]
    medications: list[DayMedication]


class DayVisit(Part):
    """A visit and its patient. What is null was not read, and its section says why; nothing found is an empty list."""

    appointment: Appointment
    """`description` sums up what is planned for the visit."""
    patient: DayPatient | None
    """Null also where Open Dental has no such patient any more."""
    balance: DayBalance | None
    coverage: list[Insurance] | None
    """The primary first."""
    recalls: list[DayRecall] | None
    """The next of each type, the first due first."""
    alerts: DayAlerts | None


class ConfirmationCount(Confirmation):
    """How many visits are confirmed so far."""

    visits: int


class DayTotals(Part):
    """Counts of the visits that are shown, notes in the schedule aside."""

    visits: int
    notes: int
    patients: int
    new_patients: int | None
    """Null where Open Dental is read by FHIR, which does not tell; nor does it tell who is confirmed."""
    minutes: int
    """What visits that are not broken, missed or cancelled take."""
    by_status: dict[str, int]
    by_confirmation: list[ConfirmationCount]


class DayStretch(Part):
    """Hours of a provider. No operatory is named where they hold for all that the provider is the default of."""

    start_at: Instant | None
    end_at: Instant | None
    local_start: LocalTime | None
    local_end: LocalTime | None
    operatory_ids: list[OperatoryId]
    note: Note | None


class DayProvider(Part):
    """Who works that day."""

    provider_id: ProviderId | None
    hours: list[DayStretch]


class DaySchedules(Part):
    """Who works. A day without provider hours is closed, whatever else stands there."""

    is_open: bool
    providers: list[DayProvider]
    practice_days: list[Schedule]
    """Holidays and notes for the whole day: Open Dental does not tell which."""
    blockouts: list[Schedule]


class DaySection(Part):
    """How a part of the answer came about. It is there whole, or says why it is not."""

    status: Literal["ok", "unavailable"]
    reason: Reason | None = None
    """Beside other problems `too-many-calls` and, in a dry run, `not-read`: nothing was asked."""
    as_of: Instant | None
    """Nothing in it is older; null where nothing was asked."""
    age_seconds: float | None
    served_from: Literal["live", "cache", "mirror"] | None
    calls_needed: int | None = None
    """Where nothing was asked, how many calls of Open Dental it would add to the answer; null where the visits tell,
    which are not at hand. More where an answer of Open Dental is full and has to be paged."""
    comes_with: Literal["patients", "balance"] | None = None
    """The section whose call brings this one too, which therefore adds none."""
    mirrored_as_of: Instant | None = None
    """Of alerts that are unavailable, as of when the mirror has them: too long ago for who does not say how old they
    may be, and shown to who sends `Cache-Control: max-age` with so many seconds."""


class DaySections(Part):
    """Those that were asked for."""

    appointments: DaySection
    patients: DaySection | None = None
    balance: DaySection | None = None
    coverage: DaySection | None = None
    recalls: DaySection | None = None
    alerts: DaySection | None = None
    schedules: DaySection | None = None


class DayMeta(Part):
    """What the answer says of itself, and what it left out."""

    as_of: Instant | None
    """Nothing in the answer is older. It is null, as age and road are, where a dry run found nothing at hand."""
    age_seconds: float | None
    served_from: Literal["cache", "live", "mirror"] | None
    practice_id: PracticeId
    upstream_calls: Annotated[int, Field(ge=0)]
    """Calls of Open Dental that this answer cost."""
    omitted: list[str]
    """Fields left out because they would have cost more calls, or because Open Dental's list hides them."""
    calls_needed: int | None
    """Those of all sections together; null where that of one is not known."""
    withheld: Withheld | None = None


class Day(Part):
    """A day of one office: its visits in their order, each with what the desk needs."""

    date: CalendarDay
    """By the office's wall."""
    practice_id: PracticeId
    location_id: LocationId | None
    """The one that was asked for."""
    time_zone: str
    """IANA."""
    starts_at: Instant
    ends_at: Instant
    """23 or 25 hours later on days on which the clocks change."""
    visits: list[DayVisit] | None
    """Null only in a dry run that has none at hand."""
    totals: DayTotals | None
    schedules: DaySchedules | None
    sections: DaySections
    meta: DayMeta
