"""Medication -> MedicationStatement (https://hl7.org/fhir/R4/medicationstatement.html).

What a patient takes is `active`, what was stopped `stopped`. A row that stands for "takes none" has the code
`no-known-medications`. Open Dental's API shows no RxNorm code. The id carries the patient.

| field | element |
|---|---|
| id | id |
| source.practice_id | identifier.system |
| source.table | identifier.system |
| source.key | identifier.value |
| updated_at | meta.lastUpdated |
| version | meta.versionId |
| patient_id | subject.reference |
| name | medicationCodeableConcept.text |
| definition_key | medicationCodeableConcept.coding.code |
| note | note.text |
| started_on | effectivePeriod.start |
| stopped_on | effectivePeriod.end |
| is_current | status |
| provider_id | informationSource.reference |
| generic_name | extension.valueString |
| says_none | medicationCodeableConcept.coding.code |
| source.system, practice_id | - (the practice is in the identifier's system) |
| synced_at, deleted_at, raw, meta | - (of the answer, not of the medicine) |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.fhir.elements import (
    absent,
    extension,
    history_code,
    made,
    reference,
    resource,
    row_identifier,
    several,
)

STATUS: Final = {"true": "active", "false": "stopped"}
"""Whether it is taken now -> FHIR's word."""


def medication_statement(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The MedicationStatement of a medication object."""
    note = shown.get("note")
    return made(
        {
            **resource("MedicationStatement", shown, of_patient=shown["patient_id"]),
            "extension": several([extension("generic-name", "String", shown.get("generic_name"))]),
            "identifier": [row_identifier(shown["source"])],
            "status": STATUS[str(shown["is_current"]).lower()],
            "medicationCodeableConcept": history_code(
                shown, text=shown["name"], definitions="medication", none="no-known-medications"
            ),
            "subject": reference(shown["patient_id"]) or absent(),
            "effectivePeriod": made({"start": shown.get("started_on"), "end": shown.get("stopped_on")}),
            "informationSource": reference(shown.get("provider_id")),
            "note": [{"text": note}] if note else None,
        }
    )
