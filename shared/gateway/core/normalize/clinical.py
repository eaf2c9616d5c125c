"""Rows of a patient's medical history -> Allergy, Medication, Condition.

Sources of the columns: https://www.opendental.com/site/apiallergies.html, apiallergydefs.html, apimedicationpats.html,
apimedications.html, apidiseases.html and apidiseasedefs.html there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from gateway.core.normalize.office import office, row_object
from gateway.core.normalize.values import Words, day, flag, key, text
from gateway.core.practices import Practice
from gateway.core.walltime import to_wall

ALLERGY_KIND: Final = Words(
    {
        "None": None,
        "AllergyToSubstance": "allergy_to_substance",
        "DrugAllergy": "drug_allergy",
        "DrugIntolerance": "drug_intolerance",
        "FoodAllergy": "food_allergy",
        "FoodIntolerance": "food_intolerance",
        "AdverseReactions": "adverse_reaction",
        "AdverseReactionsToDrug": "adverse_reaction_to_drug",
        "AdverseReactionsToFood": "adverse_reaction_to_food",
        "AdverseReactionsToSubstance": "adverse_reaction_to_substance",
    }
)
PROBLEM_STATUS: Final = Words({"Active": "active", "Resolved": "resolved", "Inactive": "inactive"})
ALLERGIES: Final = {"defSnomedType": ALLERGY_KIND}
CONDITIONS: Final = {"ProbStatus": PROBLEM_STATUS}
"""Columns whose words are watched for drift."""

_CODES: Final = {"ICD9Code": "ICD-9-CM", "ICD10Code": "ICD-10-CM", "SnomedCode": "SNOMED-CT", "UniiCode": "UNII"}

Definitions = Mapping[int, Mapping[str, Any]]


def allergy(
    row: Mapping[str, Any],
    *,
    practice: Practice,
    synced_at: datetime,
    raw: bool = False,
    definitions: Definitions | None = None,
    none: int | None = None,
) -> dict[str, Any]:
    """The allergy of a row of `allergies.list`.

    `definitions` (AllergyDefNum -> row of `allergydefs.list`) fills `codes`, and `none` (what the preference
    AllergiesIndicateNone holds) `says_none`; both are left out where they were not read.
    """
    here, get = office(practice), row.get
    patient, definition, active = key(get("PatNum")), key(get("AllergyDefNum")), flag(get("StatusIsActive"))
    return row_object(here, row, kind="allergy", table="allergy", column="AllergyNum", synced_at=synced_at, raw=raw) | {
        "patient_id": here.patient(patient) if patient else None,
        "label": text(get("defDescription")) or _name(definitions, definition, "Description"),
        "definition_key": str(definition) if definition else None,
        "kind": ALLERGY_KIND[text(get("defSnomedType"))],
        "reaction": text(get("Reaction")),
        "status": None if active is None else "active" if active else "inactive",
        "reacted_on": day(get("DateAdverseReaction")),
        **_defined(definition, definitions, none),
    }


def medication(
    row: Mapping[str, Any],
    *,
    practice: Practice,
    synced_at: datetime,
    raw: bool = False,
    definitions: Definitions | None = None,
    none: int | None = None,
) -> dict[str, Any]:
    """The medication of a row of `medicationpats.list`.

    `definitions` (MedicationNum -> row of `medications.list`) fills `generic_name`, and `none` (what the preference
    MedicationsIndicateNone holds) `says_none`; both are left out where they were not read.
    """
    here, get = office(practice), row.get
    patient, drug, prescriber = key(get("PatNum")), key(get("MedicationNum")), key(get("ProvNum"))
    today = to_wall(synced_at, practice.zone()).date().isoformat()
    shown = row_object(
        here, row, kind="medication", table="medicationpat", column="MedicationPatNum", synced_at=synced_at, raw=raw
    ) | {
        "patient_id": here.patient(patient) if patient else None,
        "name": text(get("medName")) or _name(definitions, drug, "MedName"),
        "definition_key": str(drug) if drug else None,
        "note": text(get("PatNote")),
        "started_on": day(get("DateStart")),
        "stopped_on": day(get("DateStop")),
        "is_current": is_current(row, today),
        "provider_id": here.provider(prescriber) if prescriber else None,
    }
    if definitions is not None:
        shown["generic_name"] = text(definitions.get(drug, {}).get("genericName"))
        shown["says_none"] = None if none is None else bool(drug) and drug == none
    return shown


def is_current(row: Mapping[str, Any], today: str) -> bool:
    """Whether a medication is taken on the office's calendar day `today`: only a stop before it ends it.

    Source: https://www.opendental.com/site/apimedicationpats.html and the database schema of medicationpat.
    """
    stop = day(row.get("DateStop"))
    return stop is None or stop >= today


def condition(
    row: Mapping[str, Any],
    *,
    practice: Practice,
    synced_at: datetime,
    raw: bool = False,
    definitions: Definitions | None = None,
    none: int | None = None,
) -> dict[str, Any]:
    """The condition of a row of `diseases.list` or `.get`.

    `definitions` (DiseaseDefNum -> row of `diseasedefs`) fills `codes`, and `none` (what the preference
    ProblemsIndicateNone holds) `says_none`; both are left out where they were not read.
    """
    here, get = office(practice), row.get
    patient, definition, word = key(get("PatNum")), key(get("DiseaseDefNum")), text(get("ProbStatus"))
    return row_object(
        here, row, kind="condition", table="disease", column="DiseaseNum", synced_at=synced_at, raw=raw
    ) | {
        "patient_id": here.patient(patient) if patient else None,
        "label": text(get("diseaseDefName")) or _name(definitions, definition, "DiseaseName"),
        "definition_key": str(definition) if definition else None,
        "status": PROBLEM_STATUS[word],
        "status_source": word,
        "started_on": day(get("DateStart")),
        "stopped_on": day(get("DateStop")),
        "note": text(get("PatNote")),
        **_defined(definition, definitions, none),
    }


def _defined(definition: int, definitions: Definitions | None, none: int | None) -> dict[str, Any]:
    if definitions is None:
        return {}
    row = definitions.get(definition, {})
    codes = [{"system": system, "value": value} for name, system in _CODES.items() if (value := text(row.get(name)))]
    return {"codes": codes, "says_none": None if none is None else bool(definition) and definition == none}


def _name(definitions: Definitions | None, number: int, column: str) -> str | None:
    """The name of a definition, for rows without it. The vendor prints one column's name with a blank behind it."""
    row = (definitions or {}).get(number, {})
    return next((text(value) for name, value in row.items() if name.strip() == column), None)
