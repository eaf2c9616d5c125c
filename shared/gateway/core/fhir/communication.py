"""Communication -> Communication (https://hl7.org/fhir/R4/communication.html).

What somebody, or some program, wrote down of a contact: it has happened, so it is `completed`. Between the practice and
the patient, in the direction that the row says; where it says none, neither sender nor recipient is named. The id
carries the patient, because older offices find a single one no other way.

| field | element |
|---|---|
| id | id |
| source.practice_id | identifier.system |
| source.table | identifier.system |
| source.key | identifier.value |
| practice_id | sender.reference |
| updated_at | meta.lastUpdated |
| version | meta.versionId |
| patient_id | subject.reference |
| at | sent |
| type.id | category.coding.code |
| type.label | category.text |
| mode | extension.valueCode |
| direction | extension.valueCode |
| note | payload.contentString |
| origin | extension.valueCode |
| entered_at | extension.valueInstant |
| local_at, local_ambiguous, time_zone | - (follow from the instant) |
| user_key, source.system | - (of Open Dental's own) |
| synced_at, deleted_at, raw, meta | - (of the answer, not of the contact) |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.fhir.elements import (
    concept,
    extension,
    labelled,
    made,
    reference,
    resource,
    row_identifier,
    several,
)

MEDIA: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("EMAILWRIT",),
    "mail": ("MAILWRIT",),
    "phone": ("PHONE",),
    "in_person": ("PHYSICAL",),
    "text": ("SMSWRIT",),
    "email_and_text": ("EMAILWRIT", "SMSWRIT"),
    "phone_and_text": ("PHONE", "SMSWRIT"),
    "fax": ("FAXWRIT",),
    "other": (),
}
"""Our word -> HL7's; the extension `mode` keeps ours."""

_MEDIUM: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"


def communication(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The Communication of a communication object."""
    practice, patient, direction = (
        reference(shown["practice_id"]),
        reference(shown["patient_id"]),
        shown.get("direction"),
    )
    ends = {"sent": (practice, patient), "received": (patient, practice)}
    sender, recipient = ends.get(direction or "", (None, None))
    note = shown.get("note")
    return made(
        {
            **resource("Communication", shown, of_patient=shown["patient_id"]),
            "extension": several(
                [
                    extension("mode", "Code", shown.get("mode")),
                    extension("direction", "Code", direction),
                    extension("origin", "Code", shown.get("origin")),
                    extension("entered", "Instant", shown.get("entered_at")),
                ]
            ),
            "identifier": [row_identifier(shown["source"])],
            "status": "completed",
            "category": several([labelled(shown["practice_id"], shown.get("type"))]),
            "medium": [concept(_MEDIUM, code) for code in MEDIA.get(shown.get("mode") or "other", ())],
            "subject": patient,
            "sent": None if direction == "received" else shown["at"],
            "received": shown["at"] if direction == "received" else None,
            "recipient": several([recipient]),
            "sender": sender,
            "payload": [{"contentString": note}] if note else None,
        }
    )
