"""patient rows -> Patient. Source of the columns: https://www.opendental.com/site/apipatients.html."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Literal

from gateway.core.normalize.by_fhir import only_known
from gateway.core.normalize.languages import iso_639_1
from gateway.core.normalize.office import Office, Standing, Wishes, office
from gateway.core.normalize.values import (
    Shape,
    Words,
    day,
    e164,
    emails,
    extensions,
    key,
    plain_and_money,
    raw_row,
    shown_version,
    text,
)
from gateway.core.office_words import BILLING_TYPE, NO_WORDS, OfficeWords, Table
from gateway.core.practices import Practice
from gateway.core.walltime import instant_text
from open_dental import wire

STATUS: Final = Words(
    {
        "Patient": "active",
        "NonPatient": "non_patient",
        "Inactive": "inactive",
        "Archived": "archived",
        "Deceased": "deceased",
        "Prospective": "prospective",
        "Deleted": "deleted",
    },
)
SEX: Final = Words({"Male": "male", "Female": "female", "Unknown": None, "Other": "other"})
METHODS: Final = Words(
    {
        "None": None,
        "DoNotCall": "do_not_call",
        "HmPhone": "home_phone",
        "WkPhone": "work_phone",
        "WirelessPh": "mobile_phone",
        "Email": "email",
        "SeeNotes": "see_notes",
        "Mail": "mail",
        "TextMessage": "text_message",
    }
)
WATCHED: Final = {
    "PatStatus": STATUS,
    "Gender": SEX,
    "PreferContactMethod": METHODS,
    "PreferConfirmMethod": METHODS,
    "PreferRecallMethod": METHODS,
}
"""Columns whose words are watched for drift."""

_COLUMNS: Final = (  # noqa: SIM905 - one word a line would be all one sees of this file.
    "PatNum LName FName MiddleI Preferred PatStatus Gender Position Birthdate SSN Address Address2 City State Zip "
    "HmPhone WkPhone WirelessPhone Guarantor Email EstBalance PriProv priProvAbbr SecProv secProvAbbr FeeSched "
    "BillingType ImageFolder FamFinUrgNote ChartNumber MedicaidID BalTotal EmployerNum DateFirstVisit ClinicNum "
    "clinicAbbr Premed Ward PreferConfirmMethod PreferContactMethod PreferRecallMethod Language AdmitDate "
    "siteDesc DateTStamp SuperFamily TxtMsgOk SecDateEntry"
).split()
# How a patient stands with the office, and how they wish to be reached: each a few hundred combinations.
_STANDING: Final = ("ClinicNum", "PatStatus", "Gender", "BillingType", "PriProv", "SecProv", "FeeSched")
_STANDING_CLASSES: Final = (int, str, str, str, int, int, int)
_KEYS: Final = frozenset({"PatNum", "Guarantor", "SuperFamily", "ClinicNum", "PriProv", "SecProv", "FeeSched"})
_AMOUNTS: Final = frozenset({"BalTotal", "EstBalance"})
_REST: Final = (  # noqa: SIM905
    "Address Address2 AdmitDate BalTotal Birthdate ChartNumber City DateFirstVisit DateTStamp Email EmployerNum "
    "EstBalance FName FamFinUrgNote Guarantor HmPhone ImageFolder LName Language MedicaidID MiddleI PatNum Position "
    "PreferConfirmMethod PreferContactMethod PreferRecallMethod Preferred Premed SSN SecDateEntry State SuperFamily "
    "TxtMsgOk Ward WirelessPhone WkPhone Zip priProvAbbr secProvAbbr clinicAbbr siteDesc"
).split()
_AT_BAL_TOTAL, _AT_EST_BALANCE, _AT_SSN = (_REST.index(name) for name in ("BalTotal", "EstBalance", "SSN"))
_SHAPE: Final = Shape(_COLUMNS, few=_STANDING, rest=_REST)
_read_standing, _read_rest = _SHAPE.few, _SHAPE.rest
_NOTHING: Final = {name: 0 if name in _KEYS else "" for name in _COLUMNS}

_CONSENT: Final = {"Yes": True, "No": False}
_PREFERRED: Final = {"HmPhone": "home", "WkPhone": "work", "WirelessPh": "mobile", "TextMessage": "mobile"}

SUMMARY_LACKS: Final = (
    "balances",
    "contact_preferences",
    "created_on",
    "family_id",
    "first_visit_on",
    "guarantor_id",
    "language",
    "language_source",
    "medicaid_id",
    "primary_provider_id",
    "secondary_provider_id",
    "sex",
    "super_family_id",
    "updated_at",
    "version",
)
"""What the patient selection window's rows do not have. Left out there, not sent as null."""


def patient(
    row: Mapping[str, Any],
    *,
    practice: Practice,
    synced_at: datetime,
    detail: Literal["full", "summary"] = "full",
    words: OfficeWords = NO_WORDS,
    fields: Iterable[Mapping[str, Any]] | None = None,
    show_ssn: bool = False,
    raw: bool = False,
) -> dict[str, Any]:
    """The patient of a full row (`patients.get`, `patients.Simple`), or with `detail="summary"` of a row of
    `patients.list`, which mirrors the selection window and lacks `SUMMARY_LACKS`.

    `words` find the billing type, which rows name by its label. With `fields` (rows of patfields, of any patients) it
    has `extensions`.
    `show_ssn` only where the caller's scope names it: else `has_ssn` is all that leaves the house.
    """
    here = office(practice)
    if detail == "full":
        try:
            shown = _full(row, here)
        except (AttributeError, KeyError, TypeError):
            # An older office knows fewer columns; another form of the row quotes its keys.
            shown = _full(_plain({**_NOTHING, **row}), here)
            shown["version"] = shown_version(row)
    else:
        whole = {**_NOTHING, **row, "PreferContactMethod": ""}
        try:
            shown = _full(whole, here)
        except (AttributeError, TypeError):
            shown = _full(_plain(whole), here)
        for name in SUMMARY_LACKS:
            del shown[name]
    if shown["billing_type"] is not None and words is not NO_WORDS:
        label = shown["billing_type"]["label"]
        found = words.by_label(BILLING_TYPE, label)
        shown["billing_type"] = {"id": here.definition(found) if found else None, "label": label}
    if fields is not None:
        number = key(row.get("PatNum"))
        own = (field for field in fields if key(field.get("PatNum")) == number)
        shown["extensions"] = extensions(own, words.fields(Table.PATIENT_FIELDS))
    shown["detail"] = detail
    shown["synced_at"] = instant_text(synced_at)
    if show_ssn:
        shown["ssn"] = text(row.get("SSN"))
    if raw:
        shown["raw"] = raw_row(row)
    return only_known("patient", shown, row)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row in the form that `_full` counts on: keys as numbers, amounts as they are, all else as text."""
    return {name: _plain_value(name, value) for name, value in row.items()}


def _plain_value(name: str, value: object) -> object:
    if name in _KEYS:
        return key(value)
    if value.__class__ is str or name in _AMOUNTS:
        return value
    if name == "Zip":
        return (text(value) if isinstance(value, bool) else wire.postal_code(value)) or ""
    return (text(value) or "") if value else ""


def _full(row: Mapping[str, Any], here: Office) -> dict[str, Any]:
    """What a row says by itself.

    Raises:
        AttributeError, KeyError, TypeError: a column is missing, or not in its usual form.
    """
    few = _read_standing(row)
    standing = here.standings.get(few) or here.remember(here.standings, few, _standing(few, here))
    rest = _read_rest(row)
    (
        line1, line2, _, bal_total, birth, chart, city, first_visit, stamp, email, _,
        est_balance, first, _, guarantor, home, _, last, language, medicaid, middle, number, _,
        confirm, contact, recall, called, _, ssn, created, state, head,
        consent, _, mobile, work, postal_code, *_,
    ) = rest  # fmt: skip
    few = (confirm, contact, recall, consent, language)
    wishes = here.wishes.get(few) or here.remember(here.wishes, few, _wishes(*few))
    preferred = wishes.preferred
    phones = []
    if home:
        phones.append({"type": "home", "number": e164(home), "raw": home, "preferred": preferred == "home"})
    if work:
        phones.append({"type": "work", "number": e164(work), "raw": work, "preferred": preferred == "work"})
    if mobile:
        phones.append({"type": "mobile", "number": e164(mobile), "raw": mobile, "preferred": preferred == "mobile"})
    first, last = first.strip() or None, last.strip() or None
    shown = standing.shown.copy()
    shown["id"] = id_ = here.patient(number)
    shown["source"] = {"system": "open_dental", "table": "patient", "key": str(number), "practice_id": here.practice_id}
    shown["name"] = {
        "first": first,
        "middle": middle.strip() or None if middle else None,
        "last": last,
        "preferred": called.strip() or None if called else None,
        "full": f"{first} {last}" if first and last else first or last,
    }
    shown["birth_date"] = day(birth)
    shown["phones"] = phones
    shown["emails"] = emails(email) if email else []
    shown["address"] = {
        "line1": line1.strip() or None,
        "line2": line2.strip() or None if line2 else None,
        "city": city.strip() or None,
        "state": state.strip() or None,
        "postal_code": postal_code.strip() or None,
        "country": None,
    }
    if chart:
        shown["chart_number"] = chart.strip() or None
    values = list(rest)
    if ssn:
        shown["has_ssn"] = True
        # See `shown_version`.
        values[_AT_SSN] = ""
    shown["language"], shown["language_source"] = wishes.language, wishes.language_source
    is_guarantor = guarantor == number
    # There is no family table: a family is everybody with one guarantor, so the guarantor's id names it.
    shown["guarantor_id"] = shown["family_id"] = id_ if is_guarantor else here.patient(guarantor) if guarantor else None
    if head:
        shown["super_family_id"] = here.patient(head)
    shown["contact_preferences"] = wishes.preferences
    values[_AT_EST_BALANCE], estimated = plain_and_money(est_balance)
    values[_AT_BAL_TOTAL], total = plain_and_money(bal_total)
    # The family's total sits on the guarantor's row; 0 on the others means nothing.
    shown["balances"] = {
        "patient_estimated": estimated,
        "family_total": total if is_guarantor else None,
        "as_of": None,
    }
    if medicaid:
        shown["medicaid_id"] = medicaid.strip() or None
    shown["first_visit_on"] = day(first_visit)
    shown["created_on"] = day(created)
    shown["updated_at"] = here.clock.instant(stamp)
    shown["version"] = _SHAPE.version(row, standing.template, tuple(values))
    return shown


def _standing(few: tuple[Any, ...], here: Office) -> Standing:
    """What the values of `_STANDING` say.

    Raises:
        TypeError: one is not in its usual form.
    """
    if tuple(map(type, few)) != _STANDING_CLASSES:
        raise TypeError
    clinic, status, gender, billing, primary, secondary, _ = few
    shown = {
        "id": None,
        "source": None,
        "practice_id": here.practice_id,
        "location_id": here.location(clinic) if clinic else None,
        "name": None,
        "birth_date": None,
        "status": STATUS[status],
        "status_source": status or None,
        "phones": None,
        "emails": None,
        "address": None,
        # Rows name it by its label, though the column is spelled like a key.
        "billing_type": {"id": None, "label": label} if (label := text(billing)) else None,
        "chart_number": None,
        "has_ssn": False,
        "deleted_at": None,
        "sex": SEX[gender],
        "language": None,
        "language_source": None,
        "guarantor_id": None,
        "family_id": None,
        "super_family_id": None,
        "primary_provider_id": here.provider(primary) if primary else None,
        "secondary_provider_id": here.provider(secondary) if secondary else None,
        "contact_preferences": None,
        "balances": None,
        "medicaid_id": None,
        "first_visit_on": None,
        "created_on": None,
        "updated_at": None,
        "version": None,
    }
    return Standing(shown, _SHAPE.template(few))


def _wishes(confirm: str, contact: str, recall: str, consent: str, language: str) -> Wishes:
    """What these columns say.

    Raises:
        TypeError: one is no text.
    """
    if not {str}.issuperset(map(type, (confirm, contact, recall, consent, language))):
        raise TypeError
    spoken = text(language)
    preferences = {
        # Unknown stays unknown: the office's own preference may read it as yes, ours does not.
        "sms_consent": _CONSENT.get(consent),
        "confirm": METHODS[confirm],
        "contact": METHODS[contact],
        "recall": METHODS[recall],
        "do_not_contact": contact == "DoNotCall",
    }
    return Wishes(_PREFERRED.get(contact), preferences, iso_639_1(spoken) if spoken else None, spoken)


_PHONES: Final = ("HmPhone", "WkPhone", "WirelessPhone")


def phones_of(row: Mapping[str, Any]) -> set[str]:
    """The row's telephone numbers in E.164, those that can be read."""
    return {number for column in _PHONES if (raw := row.get(column)) and (number := e164(raw)) is not None}


def has_phone(row: Mapping[str, Any], number: str | None) -> bool:
    """Whether one of the row's numbers is `number` (E.164), or no number is asked for."""
    return number is None or any(e164(phone) == number for column in _PHONES if (phone := row.get(column)))


def has_email(row: Mapping[str, Any], address: str | None) -> bool:
    """Whether one of the row's addresses is `address`, in any case, or none is asked for."""
    if address is None:
        return True
    return any(one["address"].casefold() == address.casefold() for one in emails(str(row.get("Email") or "")))
