"""What an office consists of: providers, locations, operatories, carriers, appointment types, definitions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from gateway.core.objects.values import (
    AppointmentTypeId,
    CarrierId,
    DefinitionId,
    Labelled,
    LocationId,
    Note,
    Object,
    OperatoryId,
    Part,
    ProcedureCodeId,
    ProviderId,
    RecallTypeId,
)


class PostalAddress(Part):
    """An address in the office's own country."""

    line1: str | None
    line2: str | None
    city: str | None
    state: str | None
    postal_code: str | None


class Phone(Part):
    """A telephone number: in E.164 where it can be read as one, and as the office wrote it."""

    number: Annotated[str, StringConstraints(pattern=r"^\+\d{8,15}$")] | None
    raw: str


class ProviderName(Part):
    """The name of a person, or of an entity that bills."""

    first: str | None
    middle: str | None
    last: str | None
    suffix: str | None
    preferred: str | None
    full: str


class Provider(Object):
    """A dentist, a hygienist, or an entity that bills. Providers are never deleted: they become inactive."""

    id: ProviderId
    abbreviation: str | None
    name: ProviderName
    is_hygienist: bool | None
    """Open Dental's "secondary provider", which offices use for hygienists."""
    is_person: bool | None
    is_active: bool
    specialty: Labelled | None
    npi: str | None
    """National provider identifier."""
    state_license: str | None
    schedule_note: Note | None


class Location(Object):
    """A clinic of the practice. An office that does not use clinics has none."""

    id: LocationId
    name: str | None
    abbreviation: str | None
    address: PostalAddress
    phone: Phone | None
    time_zone: str
    """IANA: the practice's, unless another was said for this location."""
    is_active: bool


class Operatory(Object):
    """A chair. `position` counts from the left of the office's schedule."""

    id: OperatoryId
    location_id: LocationId | None
    name: str | None
    abbreviation: str | None
    position: int | None
    is_hygiene: bool | None
    is_active: bool
    dentist_id: ProviderId | None
    """The provider who works there unless the schedule says otherwise."""
    hygienist_id: ProviderId | None
    is_bookable_online: bool | None
    makes_prospective: bool | None
    """A patient booked there becomes prospective."""
    type: Labelled | None


class Carrier(Object):
    """An insurance company."""

    id: CarrierId
    name: str | None
    payer_id: str | None
    """Electronic payer id."""
    address: PostalAddress
    phone: Phone | None
    is_active: bool
    accepts_electronic: bool | None


class AppointmentType(Object):
    """A kind of visit, as the office defines it."""

    id: AppointmentTypeId
    name: str | None
    duration_minutes: int | None
    """None: the procedures decide."""
    pattern: str | None
    """One character is 5 minutes, X with the provider."""
    procedure_codes: list[str]
    required_codes: list[str]
    required: str | None
    """How many of `required_codes` a visit must have: `none`, `at_least_one`, `all`."""
    is_active: bool


class ProcedureCode(Object):
    """A code that procedures are charted with: CDT's, or one of the office's own."""

    id: ProcedureCodeId
    system: Literal["CDT", "office"]
    value: str | None
    description: str | None
    abbreviation: str | None
    layman_term: str | None
    category: Labelled | None
    area: Literal["surface", "tooth", "mouth", "quadrant", "sextant", "arch", "range", "other"] | None
    """What a procedure of this code is done on; null where the code does not say."""
    base_units: int
    duration_minutes: int | None
    is_hygiene: bool | None
    is_prosthesis: bool | None
    bills_insurance: bool | None
    default_provider_id: ProviderId | None


class Interval(Part):
    """A stretch of the calendar."""

    years: int
    months: int
    weeks: int
    days: int


class RecallType(Object):
    """Why patients are called back: cleaning, X-rays ..."""

    id: RecallTypeId
    name: str | None
    interval: Interval | None
    """From one visit to the next, unless a patient has another."""
    duration_minutes: int | None
    procedure_codes: list[str]
    is_appended: bool | None
    """Done within another recall's visit instead of one of its own."""


class Definition(Object):
    """A word of the office's own: a confirmation status, a payment type, a billing type ..."""

    id: DefinitionId
    category: str | None
    """In lower snake case: `confirmation`, `payment_type`, `billing_type`, `adjustment_type` ..."""
    category_source: str | None
    label: str | None
    value: str | None
    """What the label means to the program, in a form that depends on the category."""
    is_active: bool
