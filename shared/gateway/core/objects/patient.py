"""Patient."""

from __future__ import annotations

from typing import Literal

from gateway.core.objects.values import (
    Day,
    DefinitionId,
    Extension,
    LocationId,
    Money,
    Object,
    Part,
    PatientId,
    ProviderId,
)

Method = Literal[
    "do_not_call", "home_phone", "work_phone", "mobile_phone", "email", "see_notes", "mail", "text_message", "other"
]


class Name(Part):
    """A name; `full` is first and last."""

    first: str | None
    middle: str | None
    last: str | None
    preferred: str | None
    full: str | None


class Phone(Part):
    """A telephone number. `number` is E.164, null where the office's text is none; `raw` is that text."""

    type: Literal["home", "work", "mobile"]
    number: str | None
    raw: str
    preferred: bool | None


class Email(Part):
    """An e-mail address."""

    address: str
    primary: bool


class Address(Part):
    """A postal address. Open Dental's API does not show the country."""

    line1: str | None
    line2: str | None
    city: str | None
    state: str | None
    postal_code: str | None
    country: str | None


class ContactPreferences(Part):
    """Wishes. `sms_consent` null is unknown and no consent, though an office's own setting may take it for one."""

    sms_consent: bool | None
    confirm: Method | None
    contact: Method | None
    recall: Method | None
    do_not_contact: bool


class Balances(Part):
    """Stored balances, signed (below zero is a credit); Open Dental refreshes them when accounts age, not at once."""

    patient_estimated: Money | None
    family_total: Money | None
    """On the guarantor only."""
    as_of: str | None


class BillingType(Part):
    """How the office bills: its own word, whose meaning is the office's as well."""

    id: DefinitionId | None
    """None where the office has no such word any more, or several, or its words have not been read yet."""
    label: str


class Patient(Object):
    """A patient. With `detail: summary` the fields that Open Dental's list leaves out are left out here as well."""

    id: PatientId
    location_id: LocationId | None
    name: Name
    birth_date: Day | None
    sex: Literal["male", "female", "other"] | None = None
    status: (
        Literal["active", "non_patient", "inactive", "archived", "deceased", "prospective", "deleted", "other"] | None
    )
    status_source: str | None
    phones: list[Phone]
    emails: list[Email]
    address: Address
    language: str | None = None
    """ISO 639-1."""
    language_source: str | None = None
    guarantor_id: PatientId | None = None
    family_id: PatientId | None = None
    super_family_id: PatientId | None = None
    primary_provider_id: ProviderId | None = None
    secondary_provider_id: ProviderId | None = None
    contact_preferences: ContactPreferences | None = None
    balances: Balances | None = None
    billing_type: BillingType | None
    chart_number: str | None
    medicaid_id: str | None = None
    first_visit_on: Day | None = None
    created_on: Day | None = None
    has_ssn: bool
    ssn: str | None = None
    """Only for callers with the scope `patients.ssn`."""
    extensions: list[Extension] | None = None
    """The office's own fields that are filled in: on single patients, and in lists with `expand=extensions`."""
    detail: Literal["summary", "full"]
