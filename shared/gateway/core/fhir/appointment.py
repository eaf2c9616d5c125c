"""Appointment -> Appointment (https://hl7.org/fhir/R4/appointment.html).

Notes in the schedule (`kind: note`) are no visits and have no resource. Instants are UTC. `unscheduled` and `planned`
have no start, which FHIR allows a `waitlist` and a `proposed` appointment. A broken visit of which nothing says
whether it was missed or cancelled is `cancelled` there too; the extension `status` keeps the difference. Without
its procedures, which searches by patient and reads have, a resource is marked SUBSETTED.

| field | element |
|---|---|
| id | id |
| source.practice_id | identifier.system |
| source.table | identifier.system |
| source.key | identifier.value |
| updated_at | meta.lastUpdated |
| version | meta.versionId |
| location_id | participant.actor.reference |
| patient_id | participant.actor.reference |
| provider_id | participant.actor.reference |
| hygienist_id | participant.actor.reference |
| operatory_id | participant.actor.reference |
| status | status |
| confirmation.status | participant.status |
| confirmation.label | extension.valueCodeableConcept.text |
| confirmation.definition_id | extension.valueCodeableConcept.coding.code |
| start_at | start |
| end_at | end |
| time_zone | extension.valueCode |
| unscheduled_from | extension.valueString |
| duration_minutes | minutesDuration |
| is_hygiene | serviceType.coding.code |
| type.id | appointmentType.coding.code |
| type.name | appointmentType.text |
| procedure_ids | basedOn.identifier.value |
| description | description |
| is_new_patient | extension.valueBoolean |
| is_asap | priority |
| arrived_at | extension.valueInstant |
| seated_at | extension.valueInstant |
| dismissed_at | extension.valueInstant |
| asked_to_arrive_at | extension.valueInstant |
| planned_appointment_id | extension.valueReference.reference |
| extensions.name | extension.extension.valueString |
| extensions.kind | extension.extension.valueCode |
| extensions.value | extension.extension.valueString |
| note | comment |
| local_start, local_end, local_ambiguous, local_nonexistent | - (follow from the instants and the zone) |
| time_blocks, assistant_id, coverage_ids, status_source, kind | - (no element of a visit's) |
| source.system, practice_id, synced_at, deleted_at, raw, meta | - (the practice is in the identifier's system) |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.fhir.elements import (
    PARTICIPATION,
    code_or_absent,
    concept,
    extension,
    fhir_id,
    logical_reference,
    made,
    office_fields,
    our_concept,
    own_system,
    reference,
    resource,
    row_identifier,
    several,
)
from gateway.core.fhir.location import TIME_ZONE

STATUS: Final[Mapping[str, str | None]] = {
    "scheduled": "booked",
    "arrived": "arrived",
    "in_chair": "checked-in",
    "completed": "fulfilled",
    "broken": "cancelled",
    "no_show": "noshow",
    "cancelled": "cancelled",
    "unscheduled": "waitlist",
    "planned": "proposed",
    "other": None,
}
"""Our word -> FHIR's; read the other way for searches. `pending` and `entered-in-error` are nobody's."""

PARTICIPANT: Final[Mapping[str | None, str]] = {
    "confirmed": "accepted",
    "declined": "declined",
    "unconfirmed": "needs-action",
    "sent": "needs-action",
    "failed": "needs-action",
}
_ASAP: Final = 1


def appointment(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The Appointment of an appointment object of kind `appointment`."""
    practice, confirmation, kind = shown["practice_id"], shown["confirmation"], shown["type"]
    status = STATUS[shown["status"]] if shown["status"] else None
    return made(
        {
            **resource("Appointment", shown, subsetted=shown.get("procedure_ids") is None),
            "extension": several(
                [
                    extension("status", "Code", shown["status"]),
                    extension(
                        "confirmation",
                        "CodeableConcept",
                        concept(
                            own_system(practice, "definition"),
                            fhir_id(confirmation["definition_id"]) if confirmation["definition_id"] else None,
                            text=confirmation["label"],
                        ),
                    ),
                    {"url": TIME_ZONE, "valueCode": shown["time_zone"]},
                    extension("unscheduled-from", "String", shown["unscheduled_from"]),
                    extension("is-new-patient", "Boolean", shown["is_new_patient"]),
                    extension("arrived", "Instant", shown["arrived_at"]),
                    extension("seated", "Instant", shown["seated_at"]),
                    extension("dismissed", "Instant", shown["dismissed_at"]),
                    extension("asked-to-arrive", "Instant", shown["asked_to_arrive_at"]),
                    extension("planned-appointment", "Reference", reference(shown["planned_appointment_id"])),
                    *office_fields(shown),
                ]
            ),
            "identifier": [row_identifier(shown["source"])],
            **code_or_absent("status", status),
            "serviceType": several([our_concept("service-type", "hygiene") if shown["is_hygiene"] else None]),
            "appointmentType": concept(
                own_system(practice, "appointment-type"), fhir_id(kind["id"]), text=kind.get("name")
            )
            if kind
            else None,
            "priority": _ASAP if shown["is_asap"] else None,
            "description": shown["description"],
            "start": shown["start_at"],
            "end": shown["end_at"],
            "minutesDuration": shown["duration_minutes"] or None,
            "comment": shown["note"],
            "basedOn": [
                logical_reference(one, "procedure", "procedurelog") for one in shown.get("procedure_ids") or ()
            ],
            "participant": _participants(shown),
        }
    )


def _participants(shown: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Who and what takes part. The office has said yes for its own; the patient's answer is the confirmation."""
    own = {"status": "accepted"}
    answer = PARTICIPANT.get(shown["confirmation"]["status"])
    found = [
        _participant(shown["patient_id"], "PART", code_or_absent("status", answer)),
        _participant(shown["provider_id"], "PPRF", own),
        _participant(shown["hygienist_id"], "SPRF", own),
        _participant(shown["operatory_id"], "LOC", own),
        _participant(shown["location_id"], "LOC", own),
    ]
    # FHIR requires one, and a row without patient, provider and place names nobody.
    return several(found) or [{"type": [concept(PARTICIPATION, "PART")], **code_or_absent("status", None)}]


def _participant(object_id: str | None, role: str, status: Mapping[str, Any]) -> dict[str, Any] | None:
    if object_id is None:
        return None
    return {"type": [concept(PARTICIPATION, role)], "actor": reference(object_id), "required": "required", **status}
