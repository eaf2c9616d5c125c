"""Procedure that was done -> Procedure (https://hl7.org/fhir/R4/procedure.html).

Completed here, or found done (`existing_current`, `existing_other`), or deleted (`entered-in-error`); what is planned
or referred is a ServiceRequest. A watched condition (`condition`) is neither: it is no work.

| field | element |
|---|---|
| id | id |
| source.practice_id | identifier.system |
| source.table | identifier.system |
| source.key | identifier.value |
| updated_at | meta.lastUpdated |
| version | meta.versionId |
| location_id | location.reference |
| patient_id | subject.reference |
| appointment_id | extension.valueReference.reference |
| provider_id | performer.actor.reference |
| code.system | code.coding.system |
| code.value | code.coding.code |
| code.description | code.text |
| status | status |
| area.teeth | bodySite.coding.code |
| area.surfaces | bodySite.coding.code |
| area.region | bodySite.coding.code |
| area.kind | extension.valueCode |
| fee | extension.valueMoney.value |
| total_fee | extension.valueMoney.value |
| quantity | extension.valueInteger |
| diagnosis.id | reasonCode.coding.code |
| diagnosis.label | reasonCode.text |
| performed_on | performedDateTime |
| planned_appointment_id, priority, planned_on | - (of the plan, which this has outlived) |
| status_source, source.system, practice_id | - (the practice is in the identifier's system) |
| synced_at, deleted_at, raw, meta | - (of the answer, not of the work) |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.fhir.elements import (
    CDT,
    MOUTH_AREA,
    OURS,
    SURFACE,
    TOOTH,
    absent,
    concept,
    extension,
    labelled,
    made,
    money,
    our_concept,
    own_system,
    reference,
    resource,
    row_identifier,
    several,
)

STATUS: Final[Mapping[str, str]] = {
    "completed": "completed",
    "existing_current": "completed",
    "existing_other": "completed",
    "deleted": "entered-in-error",
    "other": "unknown",
}
"""Our word -> FHIR's, of the procedures that are a Procedure."""

REGIONS: Final = {
    "upper": "01",
    "lower": "02",
    "upper_right": "10",
    "upper_left": "20",
    "lower_left": "30",
    "lower_right": "40",
}
"""Arches and quadrants in the codes of the ADA's areas of the oral cavity."""

_SEXTANTS: Final = {
    "upper_right": "03",
    "upper_front": "04",
    "upper_left": "05",
    "lower_left": "06",
    "lower_front": "07",
    "lower_right": "08",
}


def procedure(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The Procedure of a procedure object whose status is in `STATUS`."""
    performer = reference(shown["provider_id"])
    return made(
        {
            **resource("Procedure", shown),
            "extension": charting(shown)
            + several([extension("appointment", "Reference", reference(shown["appointment_id"]))]),
            "identifier": [row_identifier(shown["source"])],
            "status": STATUS[shown["status"] or "other"],
            "code": code(shown),
            "subject": subject(shown),
            "performedDateTime": shown["performed_on"],
            "performer": [{"actor": performer}] if performer else None,
            "location": reference(shown["location_id"]),
            "reasonCode": several([labelled(shown["practice_id"], shown["diagnosis"])]),
            "bodySite": body_sites(shown["area"]),
        }
    )


def charting(shown: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a chart says of a procedure, done or planned, for which FHIR has no element."""
    return several(
        [
            extension("status", "Code", shown["status"]),
            extension("area", "Code", shown["area"]["kind"]),
            extension("fee", "Money", money(shown["fee"])),
            extension("total-fee", "Money", money(shown["total_fee"])),
            extension("quantity", "Integer", shown["quantity"]),
        ]
    )


def subject(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The patient, whom FHIR requires."""
    return reference(shown["patient_id"]) or absent()


def code(shown: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is done: a CDT code or one of the office's, with the office's description."""
    said = shown["code"]
    system = CDT if said["system"] == "CDT" else own_system(shown["practice_id"], "procedure-code")
    return concept(system, said["value"], text=said["description"])


def body_sites(area: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Where in the mouth: each tooth, each surface, or the region."""
    sites = [concept(TOOTH, tooth) for tooth in area["teeth"]]
    sites += [concept(SURFACE, surface) for surface in area["surfaces"]]
    return several([*sites, _region(area)])


def _region(area: Mapping[str, Any]) -> dict[str, Any] | None:
    region = area["region"]
    codes = _SEXTANTS if area["kind"] == "sextant" else REGIONS
    if region in codes:
        found = concept(MOUTH_AREA, codes[region], text=region.replace("_", " "))
        return {**(found or {}), "coding": [*(found or {})["coding"], {"system": f"{OURS}:region", "code": region}]}
    return our_concept("region", region)
