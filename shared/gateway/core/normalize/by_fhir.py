"""What an object that came by FHIR does not have: left out there, as `meta.omitted` says, never sent as null."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.normalize.office import Office
from gateway.core.normalize.values import key
from open_dental.fhir import RESOURCE, SSN_SYSTEM

LACKS: Final[Mapping[str, tuple[str, ...]]] = {
    "patient": (
        "balances",
        "billing_type",
        "chart_number",
        "contact_preferences",
        "created_on",
        "family_id",
        "first_visit_on",
        "guarantor_id",
        "language",
        "language_source",
        "medicaid_id",
        "secondary_provider_id",
        "super_family_id",
    ),
    "appointment": (
        "arrived_at",
        "asked_to_arrive_at",
        "confirmation",
        "dismissed_at",
        "is_hygiene",
        "is_new_patient",
        "location_id",
        "planned_appointment_id",
        "seated_at",
        "time_blocks",
        "type",
        "unscheduled_from",
    ),
    "procedure": (
        "appointment_id",
        "diagnosis",
        "fee",
        "planned_appointment_id",
        "priority",
        "quantity",
        "total_fee",
    ),
    "provider": ("abbreviation", "is_person", "npi", "schedule_note", "specialty", "state_license"),
    "location": ("name",),
    "operatory": (
        "abbreviation",
        "dentist_id",
        "hygienist_id",
        "is_bookable_online",
        "is_hygiene",
        "makes_prospective",
        "position",
        "type",
    ),
    "allergy": ("codes", "definition_key", "kind", "says_none"),
    "condition": ("codes", "definition_key", "says_none"),
    "medication": ("provider_id",),
    "communication": ("entered_at", "origin", "type", "user_key"),
}
"""Object -> its fields that FHIR knows nothing of."""


OBJECT_OF: Final[Mapping[str, str]] = {
    "patients": "patient",
    "appointments": "appointment",
    "procedurelogs": "procedure",
    "providers": "provider",
    "clinics": "location",
    "operatories": "operatory",
    "allergies": "allergy",
    "diseases": "condition",
    "medicationpats": "medication",
    "commlogs": "communication",
}
"""REST resource -> the object that its rows become."""


def visit(resource: Mapping[str, Any], here: Office) -> dict[str, Any]:
    """What a visit's resource says that no column of the row does."""
    named = [*_objects(resource.get("reasonReference")), *_objects(resource.get("basedOn"))]
    numbers = sorted(number for one in named if (number := key(str(one.get("reference", "")).rpartition("/")[2])))
    said: dict[str, Any] = {"procedure_ids": [here.procedure(number) for number in numbers]}
    if resource.get("status") == "arrived":
        said["status"] = "arrived"
    return said


def only_known(kind: str, shown: dict[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """The object without what FHIR does not say of it; as it is where the row came by REST."""
    resource = row.get(RESOURCE)
    if resource is None:
        return shown
    for name in LACKS.get(kind, ()):
        shown.pop(name, None)
    if kind == "patient":
        # Not active: inactive, archived, prospective, or no patient at all. No word of FHIR's says which.
        shown["status"] = shown["status"] or "other"
        # Which of them the patient prefers is not said.
        shown["phones"] = [{**phone, "preferred": None} for phone in shown["phones"]]
    if kind == "procedure" and shown["status"] == "completed":
        shown.pop("planned_on", None)
        if shown["updated_at"] is None:
            shown.pop("updated_at")
    if "detail" in shown:
        shown["detail"] = "summary"
    if "raw" in shown:
        shown["raw"] = {name: value for name, value in resource.items() if name != "identifier"} | {
            "identifier": [one for one in _objects(resource.get("identifier")) if one.get("system") != SSN_SYSTEM]
        }
    return shown


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
