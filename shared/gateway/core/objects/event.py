"""Event."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from gateway.core.objects.values import Instant, Part, PracticeId

EventId = Annotated[str, StringConstraints(pattern=r"^evt_[a-z2-7]{32}$")]


class EventChange(Part):
    """What has changed, for programs and for people."""

    code: str
    explanation: str


class Event(Part):
    """One change of one object: ids, words of status, dates, and never who somebody is or what somebody owes.

    The same change always has the same `id`. Of two events of one object the one with the greater `sequence` tells of
    the later state. What the object is now is asked for by `object_id`, under its own scope.
    """

    id: EventId
    type: Annotated[str, StringConstraints(pattern=r"^[a-z_]+\.[a-z_]+$")]
    occurred_at: Instant
    """When it happened at the office as far as Open Dental says, else when it was noticed."""
    detected_at: Instant
    practice_id: PracticeId
    object: str
    object_id: str
    sequence: Annotated[int, Field(ge=0, lt=2**53)]
    cause: Literal["native", "poll", "sweep", "read", "own_write", "recovery", "gateway"]
    """How it was noticed. `recovery`: too late to know what was before."""
    changed: list[str]
    """Names of the object's fields that are not what they were; none of them where it is new, gone, or not known."""
    before: dict[str, Any]
    after: dict[str, Any]
    """Of the type's own fields those that are known; `events/README.md` has them by type."""
    related: dict[str, str]
    """Ids of whom and what it is about."""
    changes: list[EventChange] = Field(default_factory=list)
    """Only of `practice.capabilities_changed`: what has changed there, a sentence each."""
    correlation_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{8,64}$")] | None = None
    """Of the request to this gateway that brought it about; not there where none did."""


class LoggedEvent(Event):
    """An event as `GET /events` shows it."""

    logged_at: Instant
    """When it was published: the order of the list."""
