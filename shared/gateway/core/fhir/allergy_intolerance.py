"""Allergy -> AllergyIntolerance (https://hl7.org/fhir/R4/allergyintolerance.html).

Codes are those of the office's definition, where it has any. A row that stands for "no known allergies" has the code
`no-known-allergies`; no resource at all means that nobody asked. The id carries the patient.

| field | element |
|---|---|
| id | id |
| source.practice_id | identifier.system |
| source.table | identifier.system |
| source.key | identifier.value |
| updated_at | meta.lastUpdated |
| version | meta.versionId |
| patient_id | patient.reference |
| label | code.text |
| definition_key | code.coding.code |
| kind | extension.valueCode |
| reaction | reaction.manifestation.text |
| status | clinicalStatus.coding.code |
| reacted_on | lastOccurrence |
| codes.system | code.coding.system |
| codes.value | code.coding.code |
| says_none | code.coding.code |
| source.system, practice_id | - (the practice is in the identifier's system) |
| synced_at, deleted_at, raw, meta | - (of the answer, not of the allergy) |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.fhir.elements import (
    absent,
    concept,
    extension,
    history_code,
    made,
    reference,
    resource,
    row_identifier,
    several,
)

KINDS: Final[Mapping[str, tuple[str | None, str | None]]] = {
    "allergy_to_substance": ("allergy", None),
    "drug_allergy": ("allergy", "medication"),
    "drug_intolerance": ("intolerance", "medication"),
    "food_allergy": ("allergy", "food"),
    "food_intolerance": ("intolerance", "food"),
    "adverse_reaction": (None, None),
    "adverse_reaction_to_drug": (None, "medication"),
    "adverse_reaction_to_food": (None, "food"),
    "adverse_reaction_to_substance": (None, None),
    "other": (None, None),
}
"""Our word -> FHIR's type and category, as far as it says them."""

STATUS: Final = {"active": "active", "inactive": "inactive"}
_CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"


def allergy_intolerance(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The AllergyIntolerance of an allergy object."""
    type_, category = KINDS.get(shown.get("kind") or "other", (None, None))
    reaction = shown.get("reaction")
    return made(
        {
            **resource("AllergyIntolerance", shown, of_patient=shown["patient_id"]),
            "extension": several([extension("kind", "Code", shown.get("kind"))]),
            "identifier": [row_identifier(shown["source"])],
            "clinicalStatus": concept(_CLINICAL, STATUS.get(shown["status"] or "")) or absent(),
            "type": type_,
            "category": several([category]),
            "code": history_code(
                shown, text=shown["label"], definitions="allergy-definition", none="no-known-allergies"
            ),
            "patient": reference(shown["patient_id"]) or absent(),
            "lastOccurrence": shown.get("reacted_on"),
            "reaction": [{"manifestation": [{"text": reaction}]}] if reaction else None,
        }
    )
