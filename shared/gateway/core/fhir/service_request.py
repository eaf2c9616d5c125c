"""Procedure that is planned -> ServiceRequest (https://hl7.org/fhir/R4/servicerequest.html).

Planned work is a `plan` that is `active`, or `on-hold` where its treatment plan is not the active one; a referral is an
`order` that somebody else carries out. What was done is a Procedure, under the same id.

| field | element |
|---|---|
| id | id |
| source.practice_id | identifier.system |
| source.table | identifier.system |
| source.key | identifier.value |
| updated_at | meta.lastUpdated |
| version | meta.versionId |
| location_id | locationReference.reference |
| patient_id | subject.reference |
| appointment_id | extension.valueReference.reference |
| planned_appointment_id | extension.valueReference.reference |
| provider_id | requester.reference |
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
| quantity | quantityQuantity.value |
| diagnosis.id | reasonCode.coding.code |
| diagnosis.label | reasonCode.text |
| priority.id | extension.valueCodeableConcept.coding.code |
| priority.label | extension.valueCodeableConcept.text |
| planned_on | authoredOn |
| performed_on, status_source, source.system, practice_id | - (nothing was performed) |
| synced_at, deleted_at, raw, meta | - (of the answer, not of the plan) |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.fhir.elements import extension, labelled, made, reference, resource, row_identifier, several
from gateway.core.fhir.procedure import body_sites, charting, code, subject

STATUS: Final[Mapping[str, str]] = {"planned": "active", "planned_inactive": "on-hold", "referred": "active"}
"""Our word -> FHIR's, of the procedures that are a ServiceRequest."""


def service_request(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The ServiceRequest of a procedure object whose status is in `STATUS`."""
    practice = shown["practice_id"]
    return made(
        {
            **resource("ServiceRequest", shown),
            "extension": [
                *(one for one in charting(shown) if "valueInteger" not in one),
                *several(
                    [
                        extension("appointment", "Reference", reference(shown["appointment_id"])),
                        extension("planned-appointment", "Reference", reference(shown["planned_appointment_id"])),
                        # FHIR's priority is how urgent; the office's is the order of the plan.
                        extension("treatment-priority", "CodeableConcept", labelled(practice, shown["priority"])),
                    ]
                ),
            ],
            "identifier": [row_identifier(shown["source"])],
            "status": STATUS[shown["status"]],
            "intent": "order" if shown["status"] == "referred" else "plan",
            "code": code(shown),
            "quantityQuantity": {"value": shown["quantity"]},
            "subject": subject(shown),
            "authoredOn": shown["planned_on"],
            "requester": reference(shown["provider_id"]),
            "locationReference": several([reference(shown["location_id"])]),
            "reasonCode": several([labelled(practice, shown["diagnosis"])]),
            "bodySite": body_sites(shown["area"]),
        }
    )
