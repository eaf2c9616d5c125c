"""Condition -> Condition (https://hl7.org/fhir/R4/condition.html).

The patient's problem list. The status goes by the office's word; a problem that is active there though it has an end
keeps that in the extension `stopped-on`, because FHIR lets nothing active have abated. A row that stands for "no
problems" has the code `no-known-problems`. The id carries the patient.

| field | element |
|---|---|
| id | id |
| source.practice_id | identifier.system |
| source.table | identifier.system |
| source.key | identifier.value |
| updated_at | meta.lastUpdated |
| version | meta.versionId |
| patient_id | subject.reference |
| label | code.text |
| definition_key | code.coding.code |
| status | clinicalStatus.coding.code |
| started_on | onsetDateTime |
| stopped_on | extension.valueDate |
| note | note.text |
| codes.system | code.coding.system |
| codes.value | code.coding.code |
| says_none | code.coding.code |
| status_source, source.system, practice_id | - (the practice is in the identifier's system) |
| synced_at, deleted_at, raw, meta | - (of the answer, not of the problem) |
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

STATUS: Final[Mapping[str, str | None]] = {
    "active": "active",
    "resolved": "resolved",
    "inactive": "inactive",
    "other": None,
}
"""Our word -> FHIR's."""

_CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/condition-category"


def condition(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The Condition of a condition object."""
    status = STATUS[shown["status"]] if shown["status"] else None
    is_over = status in {"resolved", "inactive"}
    note, stopped = shown.get("note"), shown.get("stopped_on")
    return made(
        {
            **resource("Condition", shown, of_patient=shown["patient_id"]),
            "extension": several([extension("stopped-on", "Date", None if is_over else stopped)]),
            "identifier": [row_identifier(shown["source"])],
            "clinicalStatus": concept(_CLINICAL, status) or absent(),
            "category": [concept(_CATEGORY, "problem-list-item")],
            "code": history_code(shown, text=shown["label"], definitions="condition", none="no-known-problems"),
            "subject": reference(shown["patient_id"]) or absent(),
            "onsetDateTime": shown.get("started_on"),
            "abatementDateTime": stopped if is_over else None,
            "note": [{"text": note}] if note else None,
        }
    )
