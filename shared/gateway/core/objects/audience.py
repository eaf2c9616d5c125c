"""Audiences: who may be written to, by which channel, and why."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from gateway.core.objects.patient import Name
from gateway.core.objects.values import AudienceId, Day, Instant, LocationId, Meta, Money, Part, PatientId, PracticeId

Channel = Literal["sms", "email", "voice", "mail"]


class AudienceProgress(Part):
    """Patients that were looked at, of about so many."""

    seen: Annotated[int, Field(ge=0)]
    of: Annotated[int, Field(ge=0)]


class Audience(Part):
    """An audience: what was asked for, and how far it is."""

    id: AudienceId
    practice_id: PracticeId
    name: str | None
    filter: dict[str, Any]
    """As it was asked for."""
    channels: list[Channel]
    include_unreachable: bool
    state: Literal["building", "ready", "failed", "deleted"]
    code: str | None
    """Why it failed: `mirror-off`, `not-loaded`, or a problem's code."""
    progress: AudienceProgress
    people: Annotated[int, Field(ge=0)]
    left_out: dict[str, int]
    """Who fits and can be reached by none of its channels, counted by reason: `do-not-contact`, `see-notes`,
    `minor-without-guarantor`, `consent-refused`, `no-consent`, `no-address`."""
    asked_at: Instant
    """The moment that all filters go by."""
    built_at: Instant | None
    expires_at: Instant


class AudienceChannel(Part):
    """One channel. Its address is there only where it is allowed."""

    channel: Channel
    allowed: bool
    address: str | None
    """E.164, an e-mail address, or the postal one in a line."""
    why: Literal[
        "consent",
        "no-objection",
        "no-consent",
        "consent-refused",
        "no-address",
        "do-not-contact",
        "see-notes",
        "minor-without-guarantor",
    ]
    preferred: bool


class QuietHours(Part):
    """When nobody is to be called or texted."""

    from_: Annotated[str, Field(alias="from")]
    to: str
    time_zone: str


class AudienceContact(Part):
    """Whose addresses those are: the patient, or the guarantor of a minor."""

    patient_id: PatientId
    name: Name
    language: str | None


class AudienceReason(Part):
    """What a filter goes by. `on`: a due day, a last visit, a birthday; `amount`: a balance, what work comes to."""

    filter: str
    on: Day | None
    amount: Money | None
    ids: list[str]
    """Up to 20 of what it goes by: recalls, procedures, visits, coverages."""


class AudiencePerson(Part):
    """Somebody who is in an audience, as the practice's copies have them now."""

    patient_id: PatientId
    name: Name
    is_minor: bool
    language: str | None
    """ISO 639-1."""
    location_id: LocationId | None
    household_id: PatientId | None
    """The family, which its guarantor's id names."""
    contact: AudienceContact | None
    """None for a minor whose guarantor cannot be written to."""
    channels: list[AudienceChannel]
    quiet_hours: QuietHours
    still_fits: bool
    """Whether the filters hold by what is known now; they go by the moment that the audience was asked for."""
    reasons: list[AudienceReason]
    """Of each filter; none where they hold no more."""


class AudiencePeople(Part):
    """A page of who is in an audience."""

    data: list[AudiencePerson]
    has_more: bool
    next_cursor: str | None
    meta: Meta
