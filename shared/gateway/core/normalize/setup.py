"""Rows of the office's own set-up -> Provider, Location, Operatory, Carrier, AppointmentType, Definition.

Sources of the columns: https://www.opendental.com/site/apiproviders.html, apiclinics.html, apioperatories.html,
apicarriers.html, apiappointmenttypes.html and apidefinitions.html there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from gateway.core.normalize.office import office, row_object
from gateway.core.normalize.values import Words, e164, flag, key, text, whole
from gateway.core.office_words import NO_WORDS, OfficeWords
from gateway.core.practices import Practice

REQUIRED: Final = Words({"None": "none", "AtLeastOne": "at_least_one", "All": "all", "0": "none"})
UNIT_MINUTES: Final = 5
"""What one character of a pattern stands for."""

CATEGORY: Final = Words(
    {
        "AccountColors": "account_color",
        "AccountQuickCharge": "quick_charge",
        "AdjTypes": "adjustment_type",
        "AppointmentColors": "appointment_color",
        "ApptConfirmed": "confirmation",
        "ApptPhoneNotes": "appointment_phone_note",
        "ApptProcsQuickAdd": "appointment_quick_add",
        "AutoDeposit": "auto_deposit",
        "AutoNoteCats": "auto_note_category",
        "BillingTypes": "billing_type",
        "BlockoutTypes": "blockout_type",
        "CarrierGroupNames": "carrier_group",
        "CertificationCategories": "certification_category",
        "ChartGraphicColors": "chart_graphic_color",
        "ClaimCustomTracking": "claim_tracking",
        "ClaimErrorCode": "claim_error",
        "ClaimFormats": "claim_format",
        "ClaimPaymentGroups": "claim_payment_group",
        "ClaimPaymentTracking": "claim_payment_tracking",
        "ClinicSpecialty": "location_specialty",
        "CommLogTypes": "communication_type",
        "ContactCategories": "contact_category",
        "Diagnosis": "diagnosis",
        "DiscountTypes": "discount_type",
        "DunningMessages": "dunning_message",
        "EClipboardImageCapture": "eclipboard_image_capture",
        "FeeColors": "fee_color",
        "FeeSchedNamesOld": "fee_schedule_old",
        "ImageCats": "document_category",
        "InsurancePaymentType": "insurance_payment_type",
        "InsuranceFilingCodeGroup": "insurance_filing_code_group",
        "InsuranceVerificationStatus": "insurance_verification_status",
        "JobPriorities": "job_priority",
        "LetterMergeCats": "letter_merge_category",
        "MedicalNotes": "medical_note",
        "MiscColors": "misc_color",
        "OperatoriesOld": "operatory_old",
        "OperatoryTypes": "operatory_type",
        "PayPlanCategories": "payment_plan_category",
        "PaySplitUnearnedType": "unearned_type",
        "PaymentTypes": "payment_type",
        "ProcButtonCats": "procedure_button_category",
        "ProcCodeCats": "procedure_code_category",
        "ProgNoteColors": "progress_note_color",
        "Prognosis": "prognosis",
        "ProviderSpecialties": "provider_specialty",
        "RecallUnschedStatus": "recall_status",
        "Regions": "region",
        "ServiceNotes": "service_note",
        "SupplyCats": "supply_category",
        "TaskCategories": "task_category",
        "TaskPriorities": "task_priority",
        "TimeCardAdjTypes": "time_card_adjustment_type",
        "TxPriorities": "treatment_priority",
        "WebSchedExistingApptTypes": "online_existing_patient_type",
        "WebSchedNewPatApptTypes": "online_new_patient_type",
    }
)
"""Definition categories. Source: https://www.opendental.com/site/apidefinitions.html."""

DEFINITIONS: Final = {"category": CATEGORY}
"""Columns whose words are watched for drift."""

AREA: Final = Words(
    {
        "None": None,
        "Surf": "surface",
        "Tooth": "tooth",
        "Mouth": "mouth",
        "Quad": "quadrant",
        "Sextant": "sextant",
        "Arch": "arch",
        "ToothRange": "range",
    }
)
CODES: Final = {"TreatArea": AREA}
"""Columns of procedurecodes whose words are watched for drift."""

INCREMENT: Final = "AppointmentTimeIncrement"
CDT: Final = re.compile(r"D\d{4}")

_INTERVAL = re.compile(r"(\d+)([ymwd])")
_UNITS: Final = {"y": "years", "m": "months", "w": "weeks", "d": "days"}
_CODES = re.compile(r"\s*,\s*")


def provider(
    row: Mapping[str, Any],
    *,
    practice: Practice,
    synced_at: datetime,
    words: OfficeWords = NO_WORDS,
    raw: bool = False,
) -> dict[str, Any]:
    """The provider of a row of `providers.list` or `.get`. Social security number and birth date are left out.

    `words` have the name of the specialty.
    """
    here, get = office(practice), row.get
    first, middle, last, suffix = (text(get(name)) for name in ("FName", "MI", "LName", "Suffix"))
    specialty = key(get("Specialty"))
    named = " ".join(part for part in (first, middle, last) if part)
    return row_object(here, row, kind="provider", table="provider", column="ProvNum", synced_at=synced_at, raw=raw) | {
        "abbreviation": text(get("Abbr")),
        "name": {
            "first": first,
            "middle": middle,
            "last": last,
            "suffix": suffix,
            "preferred": text(get("PreferredName")),
            "full": ", ".join(part for part in (named or text(get("Abbr")) or "", suffix) if part),
        },
        "is_hygienist": flag(get("IsSecondary")),
        "is_person": None if flag(get("IsNotPerson")) is None else not flag(get("IsNotPerson")),
        "is_active": not flag(get("IsHidden")) and get("ProvStatus") != "Deleted",
        "specialty": {"id": here.definition(specialty), "label": words.label(specialty)} if specialty else None,
        "npi": text(get("NationalProvID")),
        "state_license": text(get("StateLicense")),
        "schedule_note": text(get("SchedNote")),
        "updated_at": here.clock.instant(get("DateTStamp")),
    }


def location(row: Mapping[str, Any], *, practice: Practice, synced_at: datetime, raw: bool = False) -> dict[str, Any]:
    """The location of a row of `clinics.list`."""
    here, get = office(practice), row.get
    number = key(get("ClinicNum"))
    return row_object(here, row, kind="location", table="clinic", column="ClinicNum", synced_at=synced_at, raw=raw) | {
        "name": text(get("Description")),
        "abbreviation": text(get("Abbr")),
        "address": _address(row),
        "phone": _phone(get("Phone")),
        "time_zone": practice.location_zones.get(number, practice.time_zone),
        "is_active": not flag(get("IsHidden")),
    }


def operatory(row: Mapping[str, Any], *, practice: Practice, synced_at: datetime, raw: bool = False) -> dict[str, Any]:
    """The operatory of a row of `operatories.list` or `.get`."""
    here, get = office(practice), row.get
    clinic, dentist, hygienist = key(get("ClinicNum")), key(get("ProvDentist")), key(get("ProvHygienist"))
    kind = key(get("OperatoryType"))
    return row_object(
        here, row, kind="operatory", table="operatory", column="OperatoryNum", synced_at=synced_at, raw=raw
    ) | {
        "location_id": here.location(clinic) if clinic else None,
        "name": text(get("OpName")),
        "abbreviation": text(get("Abbrev")),
        "position": whole(get("ItemOrder")),
        "is_hygiene": flag(get("IsHygiene")),
        "is_active": not flag(get("IsHidden")),
        "dentist_id": here.provider(dentist) if dentist else None,
        "hygienist_id": here.provider(hygienist) if hygienist else None,
        "is_bookable_online": flag(get("IsWebSched")),
        "makes_prospective": flag(get("SetProspective")),
        "type": {"id": here.definition(kind), "label": text(get("operatoryType"))} if kind else None,
    }


def carrier(row: Mapping[str, Any], *, practice: Practice, synced_at: datetime, raw: bool = False) -> dict[str, Any]:
    """The carrier of a row of `carriers.list` or `.get`."""
    here, get = office(practice), row.get
    electronic = text(get("NoSendElect"))
    return row_object(here, row, kind="carrier", table="carrier", column="CarrierNum", synced_at=synced_at, raw=raw) | {
        "name": text(get("CarrierName")),
        "payer_id": text(get("ElectID")),
        "address": _address(row),
        "phone": _phone(get("Phone")),
        "is_active": not flag(get("IsHidden")),
        "accepts_electronic": None if electronic is None else electronic != "NoSendElect",
    }


def appointment_type(
    row: Mapping[str, Any], *, practice: Practice, synced_at: datetime, raw: bool = False
) -> dict[str, Any]:
    """The kind of visit of a row of `appointmenttypes.list`."""
    here, get = office(practice), row.get
    pattern = text(get("Pattern"))
    return row_object(
        here,
        row,
        kind="appointment_type",
        table="appointmenttype",
        column="AppointmentTypeNum",
        synced_at=synced_at,
        raw=raw,
    ) | {
        "name": text(get("AppointmentTypeName")),
        "duration_minutes": len(pattern) * UNIT_MINUTES if pattern else None,
        "pattern": pattern,
        "procedure_codes": _codes(get("CodeStr")),
        "required_codes": _codes(get("CodeStrRequired")),
        "required": REQUIRED[text(get("RequiredProcCodesNeeded"))],
        "is_active": not flag(get("IsHidden")),
    }


def definition(row: Mapping[str, Any], *, practice: Practice, synced_at: datetime, raw: bool = False) -> dict[str, Any]:
    """The definition of a row of `definitions.list`."""
    here, get = office(practice), row.get
    category = text(get("category"))
    return row_object(
        here, row, kind="definition", table="definition", column="DefNum", synced_at=synced_at, raw=raw
    ) | {
        "category": CATEGORY[category],
        "category_source": category,
        "label": text(get("ItemName")),
        "value": text(get("ItemValue")),
        "is_active": not flag(get("isHidden")),
    }


def procedure_code(
    row: Mapping[str, Any],
    *,
    practice: Practice,
    synced_at: datetime,
    words: OfficeWords = NO_WORDS,
    raw: bool = False,
) -> dict[str, Any]:
    """The code of a row of `procedurecodes.list` or `.get`. `words` have the length of the office's time units."""
    here, get = office(practice), row.get
    value, category, provider = text(get("ProcCode")), key(get("ProcCat")), key(get("ProvNumDefault"))
    return row_object(
        here, row, kind="procedure_code", table="procedurecode", column="CodeNum", synced_at=synced_at, raw=raw
    ) | {
        "system": "CDT" if value and CDT.fullmatch(value) else "office",
        "value": value,
        "description": text(get("Descript")),
        "abbreviation": text(get("AbbrDesc")),
        "layman_term": text(get("LaymanTerm")),
        "category": {"id": here.definition(category), "label": text(get("procCat"))} if category else None,
        "area": AREA[text(get("TreatArea"))],
        "base_units": whole(get("BaseUnits")) or 0,
        "duration_minutes": _units(get("ProcTime"), words),
        "is_hygiene": flag(get("IsHygiene")),
        "is_prosthesis": flag(get("IsProsth")),
        "bills_insurance": None if flag(get("NoBillIns")) is None else not flag(get("NoBillIns")),
        "default_provider_id": here.provider(provider) if provider else None,
        "updated_at": here.clock.instant(get("DateTStamp")),
    }


def recall_type(
    row: Mapping[str, Any],
    *,
    practice: Practice,
    synced_at: datetime,
    words: OfficeWords = NO_WORDS,
    raw: bool = False,
) -> dict[str, Any]:
    """The kind of recall of a row of `recalltypes.list` or `.get`. `words` have the length of a time unit."""
    here, get = office(practice), row.get
    return row_object(
        here, row, kind="recall_type", table="recalltype", column="RecallTypeNum", synced_at=synced_at, raw=raw
    ) | {
        "name": text(get("Description")),
        "interval": _interval(get("DefaultInterval")),
        "duration_minutes": _units(get("TimePattern"), words),
        "procedure_codes": _codes(get("Procedures")),
        "is_appended": flag(get("AppendToSpecial")),
    }


def _units(pattern: object, words: OfficeWords) -> int | None:
    """Minutes of a pattern whose characters are the office's time units, unlike those of visits and their types."""
    marks, increment = text(pattern), whole(words.preference(INCREMENT))
    return len(marks) * increment if marks and increment else None


def _interval(value: object) -> dict[str, int] | None:
    """`6m1d` in its parts."""
    parts = {unit: int(number) for number, unit in _INTERVAL.findall(text(value) or "")}
    return {name: parts.get(unit, 0) for unit, name in _UNITS.items()} if parts else None


def _address(row: Mapping[str, Any]) -> dict[str, str | None]:
    return {
        "line1": text(row.get("Address")),
        "line2": text(row.get("Address2")),
        "city": text(row.get("City")),
        "state": text(row.get("State")),
        "postal_code": text(row.get("Zip")),
    }


def _phone(value: object) -> dict[str, str | None] | None:
    written = text(value)
    return None if written is None else {"number": e164(written), "raw": written}


def _codes(value: object) -> list[str]:
    return [code for code in _CODES.split(text(value) or "") if code]
