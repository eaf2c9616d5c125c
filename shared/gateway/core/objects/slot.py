"""Free times, and times that are kept for somebody."""

from __future__ import annotations

from gateway.core.objects.values import (
    Day,
    Instant,
    LocalTime,
    LocationId,
    Meta,
    OperatoryId,
    Part,
    PatientId,
    PracticeId,
    ProviderId,
    SlotHoldId,
)


class Slot(Part):
    """A time at which a visit can be booked as it is. It is nothing of Open Dental's and has no id."""

    practice_id: PracticeId
    location_id: LocationId | None
    start_at: Instant
    end_at: Instant
    local_start: LocalTime
    local_end: LocalTime
    time_zone: str
    """IANA, of the location."""
    duration_minutes: int
    provider_id: ProviderId
    """Whose hours it is in: send it as `provider_id` of a booking, or as `hygienist_id` of a hygiene visit."""
    operatory_id: OperatoryId


class FirstSlots(Part):
    """The first free times from a day on. Fewer than were asked for: there are no more in the days looked at."""

    data: list[Slot]
    searched_from: Day
    searched_to: Day
    meta: Meta


class SlotHold(Part):
    """A time that is kept for a caller. It binds callers of this gateway only: the office does not see it."""

    id: SlotHoldId
    practice_id: PracticeId
    patient_id: PatientId | None
    expires_at: Instant
    hygienist_id: ProviderId | None
    is_hygiene: bool
    slot: Slot
