"""Schedule."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from gateway.core.objects.values import (
    Day,
    Instant,
    Labelled,
    LocalTime,
    LocationId,
    Note,
    Object,
    OperatoryId,
    ProviderId,
    ScheduleId,
)


class Schedule(Object):
    """A stretch of one day: hours that somebody works, a blockout, a holiday or a note for the day.

    Nothing repeats by itself, and a day is closed because nobody has provider hours on it.
    """

    id: ScheduleId
    location_id: LocationId | None
    """Where all its chairs stand; null where it names none, or those of several locations."""
    kind: Literal["practice_day", "provider_hours", "blockout", "employee_hours", "asap_offer", "other"] | None
    """`practice_day` is a holiday or a note: Open Dental's API does not tell which."""
    kind_source: str | None
    date: Day | None
    is_whole_day: bool
    start_at: Instant | None
    end_at: Instant | None
    local_start: LocalTime | None
    local_end: LocalTime | None
    local_ambiguous: bool
    local_nonexistent: bool
    time_zone: str
    """IANA."""
    provider_id: ProviderId | None
    employee_key: Annotated[str, StringConstraints(pattern=r"^-?\d+$")] | None
    """EmployeeNum, for `/resources/employees`."""
    operatory_ids: list[OperatoryId]
    """Hours without any hold wherever the provider is a chair's default."""
    blockout_type: Labelled | None
    is_closed: bool | None
    """Whether nobody may be booked there: the office's own mark on the type of a blockout. Null for practice days."""
    note: Note | None
