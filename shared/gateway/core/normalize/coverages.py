"""inssub rows, with their patplans, insplans, carriers and benefits -> Coverage.

Sources of the columns: https://www.opendental.com/site/apiinssubs.html, apipatplans.html, apiinsplans.html,
apibenefits.html, apicovcats.html and apiinsverifies.html there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from gateway.core.normalize.claims import RELATIONSHIP
from gateway.core.normalize.office import Office, office, row_object
from gateway.core.normalize.values import (
    SERVER_CLOCK,
    Words,
    day,
    exact_or_unset,
    flag,
    key,
    money_of,
    raw_row,
    text,
    whole,
)
from gateway.core.practices import Practice

PLAN_TYPE: Final = Words({"p": "ppo", "f": "flat_copay", "c": "capitation"})
BENEFIT: Final = Words(
    {
        "ActiveCoverage": "active_coverage",
        "CoInsurance": "percentage",
        "Deductible": "deductible",
        "CoPayment": "copay",
        "Exclusions": "exclusion",
        "Limitations": "limitation",
        "WaitingPeriod": "waiting_period",
    }
)
PERIOD: Final = Words(
    {
        "None": None,
        "ServiceYear": "service_year",
        "CalendarYear": "calendar_year",
        "Lifetime": "lifetime",
        "Years": "years",
        "NumberInLast12Months": "last_12_months",
    }
)
UNIT: Final = Words(
    {
        "None": None,
        "NumberOfServices": "services",
        "AgeLimit": "years_of_age",
        "Visits": "visits",
        "Years": "years",
        "Months": "months",
    }
)
LEVEL: Final = Words({"None": None, "Individual": "individual", "Family": "family"})
RANK: Final = {1: "primary", 2: "secondary", 3: "tertiary"}
YEARLY: Final = frozenset({"service_year", "calendar_year"})

NEEDS: Final = {
    "patients": ("patients",),
    "plan": ("plan", "carrier"),
    "benefits": ("benefits",),
    "verification": ("verification",),
}
"""What of a coverage is not in its own row, by the `expand` that adds it."""

_MONTHS = range(1, 13)
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")
# The vendor's page spells one word in two ways.
_MISSPELT = {"InjuredPlantiff": "InjuredPlaintiff", "Dependant": "Dependent"}


def coverage(
    row: Mapping[str, Any],
    *,
    practice: Practice,
    synced_at: datetime,
    places: Iterable[Mapping[str, Any]] | None = None,
    plans: Iterable[Mapping[str, Any]] | None = None,
    carriers: Iterable[Mapping[str, Any]] = (),
    benefits: Iterable[Mapping[str, Any]] | None = None,
    categories: Iterable[Mapping[str, Any]] = (),
    groups: Iterable[Mapping[str, Any]] = (),
    verified: Iterable[Mapping[str, Any]] | None = None,
    raw: bool = False,
) -> dict[str, Any]:
    """The coverage of a row of `inssubs.list` or `.get`.

    `places` are rows of patplans, `plans` of insplans, `categories` of covcats, `groups` of codegroups, `verified` of
    insverifies. What is None is left out of the object.
    """
    here, get = office(practice), row.get
    number, subscriber, plan_number = key(get("InsSubNum")), key(get("Subscriber")), key(get("PlanNum"))
    shown = row_object(here, row, kind="coverage", table="inssub", column="InsSubNum", synced_at=synced_at, raw=raw) | {
        "subscriber_id": here.patient(subscriber) if subscriber else None,
        "member_id": text(get("SubscriberID")),
        "effective_on": day(get("DateEffective")),
        "terminated_on": day(get("DateTerm")),
        "assigns_benefits": flag(get("AssignBen")),
        "releases_information": flag(get("ReleaseInfo")),
        "benefit_note": text(get("BenefitNotes")),
        "note": text(get("SubscNote")),
        "updated_at": here.clock.instant(get("SecDateTEdit")),
    }
    own = None if places is None else [place for place in places if key(place.get("InsSubNum")) == number]
    if own is not None:
        own.sort(key=lambda place: (key(place.get("Ordinal")), key(place.get("PatPlanNum"))))
        shown["patients"] = [_place(place, here) for place in own]
    if plans is not None:
        plan = next((one for one in plans if key(one.get("PlanNum")) == plan_number), None)
        wanted = 0 if plan is None else key(plan.get("CarrierNum"))
        carrier = next((one for one in carriers if key(one.get("CarrierNum")) == wanted), None)
        shown["plan"] = None if plan is None else _plan(plan)
        shown["carrier"] = (
            {
                "id": here.carrier(wanted),
                "name": text(carrier.get("CarrierName")),
                "payer_id": text(carrier.get("ElectID")),
            }
            if carrier is not None
            else None
        )
    if benefits is not None:
        patients = {key(place.get("PatPlanNum")): key(place.get("PatNum")) for place in own or ()}
        mine = [
            one
            for one in benefits
            if (plan_number and key(one.get("PlanNum")) == plan_number) or key(one.get("PatPlanNum")) in patients
        ]
        by_category = {key(one.get("CovCatNum")): one for one in categories}
        names = {key(one.get("CodeGroupNum")): text(one.get("GroupName")) for one in groups}
        mine.sort(key=lambda one: key(one.get("BenefitNum")))
        shown["benefits"] = [_benefit(one, here, by_category, names, patients, raw=raw) for one in mine]
    if verified is not None:
        shown["verification"] = _verification(list(verified), plan_number, own or [], here)
    return shown


def _place(place: Mapping[str, Any], here: Office) -> dict[str, Any]:
    get = place.get
    patient, ordinal = key(get("PatNum")), whole(get("Ordinal")) or 0
    word = text(get("Relationship")) or ""
    return {
        "patient_id": here.patient(patient) if patient else None,
        "ordinal": ordinal,
        "rank": RANK.get(ordinal, "other"),
        "relationship": RELATIONSHIP[_MISSPELT.get(word, word)],
        "is_pending": flag(get("IsPending")),
        "member_id": text(get("PatID")),
    }


def _plan(plan: Mapping[str, Any]) -> dict[str, Any]:
    get = plan.get
    return {
        "key": str(key(get("PlanNum"))),
        # An empty word is the program's own percentage plan.
        "type": PLAN_TYPE[get("PlanType")] or "percentage",
        "group_name": text(get("GroupName")),
        "group_number": text(get("GroupNum")),
        "is_medical": flag(get("IsMedical")),
        "is_active": not flag(get("IsHidden")),
        "renews_in_month": month if (month := whole(get("MonthRenew")) or 0) in _MONTHS else 1,
        "note": text(get("PlanNote")),
    }


def _benefit(
    row: Mapping[str, Any],
    here: Office,
    categories: Mapping[int, Mapping[str, Any]],
    groups: Mapping[int, str | None],
    patients: Mapping[int, int],
    *,
    raw: bool,
) -> dict[str, Any]:
    get = row.get
    category, group = categories.get(key(get("CovCatNum"))), key(get("CodeGroupNum"))
    percent, amount, quantity = whole(get("Percent")), exact_or_unset(get("MonetaryAmt")), whole(get("Quantity"))
    patient = patients.get(key(get("PatPlanNum")), 0)
    unit = UNIT[get("QuantityQualifier")]
    shown = {
        "kind": benefit_kind(row, category),
        "level": LEVEL[get("CoverageLevel")],
        "patient_id": here.patient(patient) if patient else None,
        "category": _category(key(get("CovCatNum")), category),
        "procedure_code": text(get("procCode")),
        "code_group": groups.get(group) if group else None,
        "percent": None if percent is None or percent < 0 else percent,
        "amount": None if amount is None else money_of(amount),
        "period": PERIOD[get("TimePeriod")],
        "quantity": quantity if quantity and (unit or get("TimePeriod") == "NumberInLast12Months") else None,
        "quantity_unit": unit or ("services" if quantity and get("TimePeriod") == "NumberInLast12Months" else None),
        "area": _area(get("TreatArea")),
    }
    if raw:
        shown["raw"] = raw_row({name: value for name, value in row.items() if name != SERVER_CLOCK})
    return shown


def benefit_kind(row: Mapping[str, Any], category: Mapping[str, Any] | None) -> str:
    """What a row of `benefits` says. All limits are one type to Open Dental.

    An annual maximum is a limit in money of a year, without a category or of the general one.
    Source: https://www.opendental.com/manual/benefitinfo.html.
    """
    kind = BENEFIT[row.get("BenefitType")] or "other"
    if kind != "limitation":
        return kind
    unit, period = UNIT[row.get("QuantityQualifier")], PERIOD[row.get("TimePeriod")]
    if unit == "years_of_age":
        return "age_limit"
    if unit is not None or period == "last_12_months":
        return "frequency"
    if exact_or_unset(row.get("MonetaryAmt")) is None:
        return "limitation"
    if period == "lifetime":
        return "lifetime_maximum"
    named = any(key(row.get(column)) for column in ("CodeNum", "CodeGroupNum"))
    general = not key(row.get("CovCatNum")) or (category is not None and category.get("EbenefitCat") == "General")
    return "annual_maximum" if period in YEARLY and general and not named else "maximum"


def _category(number: int, row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not number:
        return None
    code = None if row is None else text(row.get("EbenefitCat"))
    return {
        "key": str(number),
        "name": None if row is None else text(row.get("Description")),
        "code": None if code in (None, "None") else _WORD.sub("_", code or "").lower(),
    }


def _area(word: object) -> str | None:
    named = text(word)
    return None if named in (None, "None") else _WORD.sub("_", named or "").lower()


def _verification(
    rows: list[Mapping[str, Any]], plan: int, places: list[Mapping[str, Any]], here: Office
) -> dict[str, Any]:
    """When somebody last verified the plan's benefits and each patient's eligibility."""

    def last(kind: str, number: int) -> str | None:
        days = [
            day(row.get("DateLastVerified"))
            for row in rows
            if row.get("VerifyType") == kind and key(row.get("FKey")) == number
        ]
        return max((one for one in days if one), default=None)

    return {
        "benefits_on": last("InsuranceBenefit", plan) if plan else None,
        "eligibility": [
            {
                "patient_id": here.patient(key(place.get("PatNum"))),
                "verified_on": last("PatientEnrollment", key(place.get("PatPlanNum"))),
            }
            for place in places
        ],
    }
