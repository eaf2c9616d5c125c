"""Coverage -> Coverage (https://hl7.org/fhir/R4/coverage.html).

An insurance covers several patients to Open Dental, one beneficiary to FHIR: so there is a resource for each patient
whom it covers now, and its id carries the patient (`cov-x.12`). A place that is pending is a `draft`, all others are
`active`: a patient whom the office has taken out has none.

| field | element |
|---|---|
| id | id |
| source.practice_id | identifier.system |
| source.table | identifier.system |
| source.key | identifier.value |
| updated_at | meta.lastUpdated |
| version | meta.versionId |
| subscriber_id | subscriber.reference |
| member_id | subscriberId |
| effective_on | period.start |
| terminated_on | period.end |
| assigns_benefits | extension.valueBoolean |
| patients.patient_id | beneficiary.reference |
| patients.ordinal | order |
| patients.relationship | relationship.text |
| patients.is_pending | status |
| patients.member_id | subscriberId |
| plan.key | class.value |
| plan.type | type.coding.code |
| plan.group_name | class.name |
| plan.group_number | class.value |
| plan.is_medical | type.coding.code |
| carrier.id | payor.reference |
| carrier.name | payor.display |
| patients.rank | - (follows from the ordinal) |
| plan.is_active, plan.renews_in_month, plan.note, benefit_note, note | - (of the plan, for the office's own eyes) |
| carrier.payer_id | - (Organization) |
| benefits, verification | - (what FHIR keeps in CoverageEligibilityResponse, not offered here) |
| releases_information, source.system, practice_id | - (the practice is in the identifier's system) |
| synced_at, deleted_at, raw, meta | - (of the answer, not of the coverage) |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.fhir.elements import (
    OURS,
    absent,
    extension,
    made,
    reference,
    resource,
    row_identifier,
    several,
)

RELATIONSHIP: Final = {
    "self": "self",
    "spouse": "spouse",
    "child": "child",
    "significant_other": "common",
    "life_partner": "common",
    "injured_plaintiff": "injured",
}
"""Our word -> FHIR's; the others are `other`, with ours as text."""

_RELATIONSHIP: Final = "http://terminology.hl7.org/CodeSystem/subscriber-relationship"
_POLICY: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_CLASS: Final = "http://terminology.hl7.org/CodeSystem/coverage-class"


def coverage(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The Coverage of the first patient that a coverage object names."""
    place: Mapping[str, Any] = next(iter(shown.get("patients") or ()), {})
    patient, plan, carrier = place.get("patient_id"), shown.get("plan"), shown.get("carrier")
    relationship = place.get("relationship")
    said = {"system": _RELATIONSHIP, "code": RELATIONSHIP.get(relationship or "", "other")}
    return made(
        {
            **resource("Coverage", shown, of_patient=patient),
            "extension": several([extension("assigns-benefits", "Boolean", shown["assigns_benefits"])]),
            "identifier": [row_identifier(shown["source"])],
            "status": "draft" if place.get("is_pending") else "active",
            "type": {"coding": _types(plan)} if plan else None,
            "subscriber": reference(shown["subscriber_id"]),
            "subscriberId": place.get("member_id") or shown["member_id"],
            "beneficiary": reference(patient) or absent(),
            "relationship": {"coding": [said], "text": relationship} if relationship else None,
            "period": made({"start": shown["effective_on"], "end": shown["terminated_on"]}),
            "payor": [reference(carrier["id"], display=carrier["name"]) if carrier else absent()],
            "class": _classes(plan) if plan else None,
            "order": place.get("ordinal") or None,
        }
    )


def _types(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    # `HIP` is a health plan: offices keep medical plans beside the dental ones.
    kind = {"system": _POLICY, "code": "HIP" if plan["is_medical"] else "DENTAL"}
    return [kind, {"system": f"{OURS}:plan-type", "code": plan["type"]}]


def _classes(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    name, group = plan["group_name"], plan["group_number"]
    found = [made({"type": _class("plan"), "value": plan["key"], "name": name})]
    return [*found, *([made({"type": _class("group"), "value": group, "name": name})] if group else [])]


def _class(code: str) -> dict[str, Any]:
    return {"coding": [{"system": _CLASS, "code": code}]}
