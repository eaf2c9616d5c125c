"""patient rows -> Patient. Source of the columns: https://www.opendental.com/site/apipatients.html."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from gateway.core.normalize.languages import iso_639_1
from gateway.core.normalize.office import Office, office
from gateway.core.normalize.values import ContentHash, Words, day, e164, emails, key, money, raw_row, text
from gateway.core.practices import Practice
from gateway.core.walltime import instant_text

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
_version = ContentHash(_COLUMNS, numbers=("EstBalance", "BalTotal"))
_NOTHING: Final = dict.fromkeys(_COLUMNS, "")

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
    show_ssn: bool = False,
    raw: bool = False,
) -> dict[str, Any]:
    """The patient of a full row (`patients.get`, `patients.Simple`), or with `detail="summary"` of a row of
    `patients.list`, which mirrors the selection window and lacks `SUMMARY_LACKS`.

    `show_ssn` only where the caller's scope names it: else `has_ssn` is all that leaves the house.
    """
    here = office(practice)
    if detail == "full":
        try:
            shown = _full(row, here)
        except KeyError:
            # An older office knows fewer columns.
            shown = _full({**_NOTHING, **row}, here)
        shown["version"] = _version(row)
    else:
        shown = _basic({**_NOTHING, **row}, here, preferred=None)
    shown["detail"] = detail
    shown["synced_at"] = instant_text(synced_at)
    if show_ssn:
        shown["ssn"] = text(row.get("SSN"))
    if raw:
        shown["raw"] = raw_row(row)
    return shown


def _basic(row: Mapping[str, Any], here: Office, *, preferred: str | None) -> dict[str, Any]:
    """What every list of patients has."""
    number, clinic, status = key(row["PatNum"]), key(row["ClinicNum"]), row["PatStatus"]
    first, last = text(row["FName"]), text(row["LName"])
    phones = []
    if phone := row["HmPhone"]:
        phones.append({"type": "home", "number": e164(phone), "raw": phone, "preferred": preferred == "home"})
    if phone := row["WkPhone"]:
        phones.append({"type": "work", "number": e164(phone), "raw": phone, "preferred": preferred == "work"})
    if phone := row["WirelessPhone"]:
        phones.append({"type": "mobile", "number": e164(phone), "raw": phone, "preferred": preferred == "mobile"})
    return {
        "id": here.patient(number),
        "source": {"system": "open_dental", "table": "patient", "key": str(number), "practice_id": here.practice_id},
        "practice_id": here.practice_id,
        "location_id": here.location(clinic) if clinic else None,
        "name": {
            "first": first,
            "middle": text(middle) if (middle := row["MiddleI"]) else None,
            "last": last,
            "preferred": text(called) if (called := row["Preferred"]) else None,
            "full": f"{first} {last}" if first and last else first or last,
        },
        "birth_date": day(row["Birthdate"]),
        "status": STATUS[status],
        "status_source": status or None,
        "phones": phones,
        "emails": emails(email) if (email := row["Email"]) else [],
        "address": {
            "line1": text(row["Address"]),
            "line2": text(line) if (line := row["Address2"]) else None,
            "city": text(row["City"]),
            "state": text(row["State"]),
            "postal_code": text(row["Zip"]),
            "country": None,
        },
        "billing_type": text(row["BillingType"]),
        "chart_number": text(chart) if (chart := row["ChartNumber"]) else None,
        "has_ssn": bool(row["SSN"]),
        "deleted_at": None,
    }


def _full(row: Mapping[str, Any], here: Office) -> dict[str, Any]:
    contact = row["PreferContactMethod"]
    shown = _basic(row, here, preferred=_PREFERRED.get(contact))
    guarantor, head, secondary = row["Guarantor"], key(row["SuperFamily"]), key(row["SecProv"])
    is_guarantor = guarantor == row["PatNum"]
    family_id = shown["id"] if is_guarantor else here.patient(key(guarantor)) if key(guarantor) else None
    language = text(row["Language"])
    shown["sex"] = SEX[row["Gender"]]
    shown["language"] = iso_639_1(language) if language else None
    shown["language_source"] = language
    shown["guarantor_id"] = family_id
    # There is no family table: a family is everybody with one guarantor, so the guarantor's id names it.
    shown["family_id"] = family_id
    shown["super_family_id"] = here.patient(head) if head else None
    shown["primary_provider_id"] = here.provider(primary) if (primary := key(row["PriProv"])) else None
    shown["secondary_provider_id"] = here.provider(secondary) if secondary else None
    shown["contact_preferences"] = {
        # Unknown stays unknown: the office's own preference may read it as yes, ours does not.
        "sms_consent": _CONSENT.get(row["TxtMsgOk"]),
        "confirm": METHODS[row["PreferConfirmMethod"]],
        "contact": METHODS[contact],
        "recall": METHODS[row["PreferRecallMethod"]],
        "do_not_contact": contact == "DoNotCall",
    }
    shown["balances"] = {
        "patient_estimated": money(row["EstBalance"]),
        # The family's total sits on the guarantor's row; 0 on the others means nothing.
        "family_total": money(row["BalTotal"]) if is_guarantor else None,
        "as_of": None,
    }
    shown["medicaid_id"] = text(medicaid) if (medicaid := row["MedicaidID"]) else None
    shown["first_visit_on"] = day(row["DateFirstVisit"])
    shown["created_on"] = day(row["SecDateEntry"])
    shown["updated_at"] = here.clock.instant(row["DateTStamp"])
    return shown


_PHONES: Final = ("HmPhone", "WkPhone", "WirelessPhone")


def has_phone(row: Mapping[str, Any], number: str | None) -> bool:
    """Whether one of the row's numbers is `number` (E.164), or no number is asked for."""
    return number is None or any(e164(phone) == number for column in _PHONES if (phone := row.get(column)))


def has_email(row: Mapping[str, Any], address: str | None) -> bool:
    """Whether one of the row's addresses is `address`, in any case, or none is asked for."""
    if address is None:
        return True
    return any(one["address"].casefold() == address.casefold() for one in emails(str(row.get("Email") or "")))
