"""`POST /patients` and `PATCH /patients/{id}`."""

from __future__ import annotations

from collections.abc import Mapping
from string import digits
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from gateway.core.access import allow, only_practice
from gateway.core.callers import Caller, Verb
from gateway.core.capability import require, require_fields
from gateway.core.errors import Invalid
from gateway.core.inputs import Day, broken_rule
from gateway.core.normalize.languages import iso_639_2
from gateway.core.normalize.patients import METHODS, SEX, STATUS
from gateway.core.operations import Operation
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.requests import submit
from gateway.core.writes.intake.changes import Change
from gateway.core.writes.models import Input
from gateway.core.writes.naming import allowed, key_in, named

Text100 = Annotated[str, StringConstraints(max_length=100)]
Name100 = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
PostalCode = Annotated[
    str,
    StringConstraints(pattern=r"^(\d{5}(-?\d{4})?|[A-Za-z]\d[A-Za-z] \d[A-Za-z]\d)$"),
    Field(description="12345, 12345-1234, or A0A 0A0"),
]
Method = Literal[
    "do_not_call", "home_phone", "work_phone", "mobile_phone", "email", "see_notes", "mail", "text_message"
]
Status = Literal["active", "non_patient", "inactive", "archived", "deceased", "prospective"]
Sex = Literal["male", "female"]

_PHONES: Final = {"home": "HmPhone", "work": "WkPhone", "mobile": "WirelessPhone"}
_ADDRESS: Final = {"line1": "Address", "line2": "Address2", "city": "City", "state": "State", "postal_code": "Zip"}
_NAMES: Final = {"first": "FName", "middle": "MiddleI", "last": "LName", "preferred": "Preferred"}
_METHODS: Final = {
    "confirm": "PreferConfirmMethod",
    "contact": "PreferContactMethod",
    "recall": "PreferRecallMethod",
}
_ROWS: Final = {
    "guarantor_id": ("Guarantor", "patient"),
    "primary_provider_id": ("PriProv", "provider"),
    "secondary_provider_id": ("SecProv", "provider"),
    "location_id": ("ClinicNum", "location"),
}
_TEXTS: Final = {"billing_type": "BillingType", "chart_number": "ChartNumber", "medicaid_id": "MedicaidID"}
_DAYS: Final = {"birth_date": "Birthdate", "first_visit_on": "DateFirstVisit"}

FIELDS: Final = {
    **{column: f"name.{name}" for name, column in _NAMES.items()},
    **{column: f"address.{name}" for name, column in _ADDRESS.items()},
    **dict.fromkeys(_PHONES.values(), "phones"),
    **{column: f"contact_preferences.{name}" for name, column in _METHODS.items()},
    **{column: name for name, (column, _) in _ROWS.items()},
    **{column: name for name, column in (*_TEXTS.items(), *_DAYS.items())},
    "Email": "emails",
    "Gender": "sex",
    "PatStatus": "status",
    "Language": "language",
    "TxtMsgOk": "contact_preferences.sms_consent",
}
"""Open Dental's fields, as callers call them."""


FEWEST_DIGITS: Final = 7
"""A local number of North America, without its area code."""


class NewName(Input):
    """A name. Open Dental needs the first and the last."""

    first: Name100
    last: Name100
    middle: Text100 | None = None
    preferred: Text100 | None = None


class NameChange(Change):
    """Parts of a name; those left out stay."""

    kept: ClassVar = frozenset({"first", "last"})

    first: Name100 | None = None
    last: Name100 | None = None
    middle: Text100 | None = None
    preferred: Text100 | None = None


class PhoneInput(Input):
    """A telephone number as the office is to see it, with whatever punctuation and at least 7 digits."""

    type: Literal["home", "work", "mobile"]
    number: Annotated[str, StringConstraints(min_length=1, max_length=30)]

    @model_validator(mode="after")
    def _can_be_called(self) -> Self:
        if sum(one in digits for one in self.number) < FEWEST_DIGITS:
            raise broken_rule("number", f"a telephone number has at least {FEWEST_DIGITS} digits")
        return self


class EmailInput(Input):
    """An e-mail address."""

    address: Annotated[str, StringConstraints(pattern=r"^[^\s,;@]+@[^\s,;@]+$", max_length=100)]


class AddressChange(Change):
    """Parts of a postal address; those left out stay."""

    line1: Text100 | None = None
    line2: Text100 | None = None
    city: Text100 | None = None
    state: Text100 | None = None
    postal_code: PostalCode | None = None


class PreferencesChange(Change):
    """Wishes; those left out stay. `sms_consent` null is unknown."""

    sms_consent: bool | None = None
    confirm: Method | None = None
    contact: Method | None = None
    recall: Method | None = None


class _Patient(Input):
    """What a new patient and a changed one have in common."""

    birth_date: Day | None = None
    sex: Sex | None = None
    status: Status | None = None
    phones: Annotated[tuple[PhoneInput, ...], Field(max_length=3)] | None = None
    """All of them: a type that is not in the list is emptied."""
    emails: Annotated[tuple[EmailInput, ...], Field(max_length=5)] | None = None
    """All of them, the primary one first."""
    address: AddressChange | None = None
    contact_preferences: PreferencesChange | None = None
    language: Language | None = None
    """ISO 639-1."""
    guarantor_id: str | None = None
    """Who pays; themselves unless said otherwise."""
    primary_provider_id: str | None = None
    secondary_provider_id: str | None = None
    location_id: str | None = None
    billing_type: Text100 | None = None
    """The office's name of a billing type."""
    chart_number: Annotated[str, StringConstraints(max_length=15)] | None = None
    medicaid_id: Annotated[str, StringConstraints(max_length=20)] | None = None
    first_visit_on: Day | None = None

    @model_validator(mode="after")
    def _lists_fit(self) -> Self:
        types = [phone.type for phone in self.phones or ()]
        if len(set(types)) != len(types):
            raise broken_rule("phones", "phones has one number of each type")
        if len(",".join(email.address for email in self.emails or ())) > 100:
            raise broken_rule("emails", "Open Dental keeps all addresses in one field of 100 characters")
        return self


class NewPatient(_Patient):
    """`POST /patients`. Somebody of the same name and birth date is a `possible-duplicate` unless `allow_duplicate`.

    Open Dental itself refuses a patient whose name, birth date and telephone or e-mail another one has.
    """

    name: NewName
    practice_id: str | None = None
    allow_duplicate: bool = False


class PatientChange(_Patient, Change):
    """`PATCH /patients/{id}`: only what is named changes; null empties it, where Open Dental can."""

    kept: ClassVar = frozenset(
        {"name", "birth_date", "status", "guarantor_id", "primary_provider_id", "billing_type", "first_visit_on"}
    )

    name: NameChange | None = None


def create_patient(patient: NewPatient, *, caller: Caller, key: str, on: Services) -> Operation:
    """Queue a new patient. The result is the patient; the plan is `gateway.core.writes.patient`.

    Raises: NotFound, Invalid, PermissionMissing, VersionTooOld, KeyReused, QueueFull.
    """
    practice = _practice(patient, caller, on)
    require(practice, "patients.create", "patients.get", "patients.Simple")
    body = {name: value for name, value in _body(patient, practice).items() if value not in ("", 0)}
    require_fields(practice, "patients.create", body, FIELDS)
    input_ = {"body": body, "allow_duplicate": patient.allow_duplicate}
    return submit("patients.create", input_, practice=practice, caller=caller, idempotency_key=key, on=on)


def update_patient(patient_id: str, change: PatientChange, *, caller: Caller, key: str, on: Services) -> Operation:
    """Queue a change of a patient. The result is the patient; the plan is `gateway.core.writes.patient`.

    Raises: NotFound, Invalid, PermissionMissing, VersionTooOld, KeyReused, QueueFull.
    """
    patient = named(patient_id, "patient")
    practice = allowed(caller, patient, "patients", on)
    require(practice, "patients.update", "patients.get")
    body = _body(change, practice)
    require_fields(practice, "patients.update", body, FIELDS)
    input_ = {"patient": patient.key, "body": body}
    return submit("patients.update", input_, practice=practice, caller=caller, idempotency_key=key, on=on)


def _practice(patient: NewPatient, caller: Caller, on: Services) -> Practice:
    """Where the patient is to be: named by `practice_id` or by an id, or the only one that the client has."""
    practice_id = patient.practice_id
    for name, (_, kind) in _ROWS.items():
        text = getattr(patient, name)
        if practice_id is None and text is not None:
            practice_id = named(text, kind, name).practice_id
    if practice_id is None:
        practice_id = only_practice(caller)
    return allow(caller, practice_id, "patients", Verb.WRITE, on=on)


def _body(patient: NewPatient | PatientChange, practice: Practice) -> dict[str, Any]:
    """What is named, as Open Dental spells it; an empty text or 0 for what is emptied."""
    given = {name: getattr(patient, name) for name in patient.model_fields_set}
    body: dict[str, Any] = {}
    for part, columns in (("name", _NAMES), ("address", _ADDRESS), ("contact_preferences", _METHODS)):
        if part in given:
            body |= _part(given[part], columns)
    if "contact_preferences" in given:
        body |= _consent(given["contact_preferences"])
    for name, (column, kind) in _ROWS.items():
        if name in given:
            body[column] = key_in(given[name], kind, practice, name)
    for name, column in _TEXTS.items():
        if name in given:
            body[column] = given[name] or ""
    for name, column in _DAYS.items():
        if given.get(name) is not None:
            body[column] = given[name].isoformat()
    return body | _words(given)


def _words(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is not one text, day or row."""
    body: dict[str, Any] = {}
    if "phones" in given:
        numbers = {phone.type: phone.number for phone in given["phones"] or ()}
        body |= {column: numbers.get(type_, "") for type_, column in _PHONES.items()}
    if "emails" in given:
        body["Email"] = ",".join(email.address for email in given["emails"] or ())
    if "sex" in given:
        body["Gender"] = _word(SEX, given["sex"]) or "Unknown"
    if given.get("status") is not None:
        body["PatStatus"] = _word(STATUS, given["status"])
    if "language" in given:
        body["Language"] = _language(given["language"])
    return body


def _part(part: Input | None, columns: dict[str, str]) -> dict[str, Any]:
    """The columns of a part: those it names, or all of them where it is null."""
    is_methods = columns is _METHODS
    values: dict[str, Any] = {}
    for name, column in columns.items():
        if part is None or name in part.model_fields_set:
            value = None if part is None else getattr(part, name)
            values[column] = (_word(METHODS, value) or "None") if is_methods else value or ""
    return values


def _consent(wishes: PreferencesChange | None) -> dict[str, str]:
    if wishes is None:
        return {"TxtMsgOk": "Unknown"}
    if "sms_consent" not in wishes.model_fields_set:
        return {}
    return {"TxtMsgOk": {True: "Yes", False: "No", None: "Unknown"}[wishes.sms_consent]}


def _word(words: Any, ours: str | None) -> str | None:
    """The vendor's word for one of ours."""
    return None if ours is None else words.upstream(ours)[0]


def _language(code: str | None) -> str:
    if code is None:
        return ""
    kept = iso_639_2(code)
    if kept is None:
        raise Invalid("language is no ISO 639-1 code", param="language")
    return kept
