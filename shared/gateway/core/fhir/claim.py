"""Claim -> Claim (https://hl7.org/fhir/R4/claim.html).

A claim for each payer: the one it is for is `focal`, the patient's other coverage is named beside it. `created` is the
day it was sent, so one that was not sent yet has none. What a claim was answered is its ExplanationOfBenefit, which has
the same id. In searches that name no patient, lines and insurer are left out and the resource is marked SUBSETTED:
they cost calls for every claim.

| field | element |
|---|---|
| id | id |
| source.practice_id | identifier.system |
| source.table | identifier.system |
| source.key | identifier.value |
| updated_at | meta.lastUpdated |
| version | meta.versionId |
| patient_id | patient.reference |
| location_id | facility.reference |
| type | subType.coding.code |
| status | status |
| service_on | billablePeriod.start |
| sent_on | created |
| coverage_id | insurance.coverage.reference |
| other_coverage_id | insurance.coverage.reference |
| carrier.id | insurer.reference |
| carrier.name | insurer.display |
| billing_provider_id | provider.reference |
| treating_provider_id | careTeam.provider.reference |
| totals.billed | total.value |
| lines.id | item.id |
| lines.procedure_id | procedure.procedureReference.identifier.value |
| lines.code_sent | item.productOrService.coding.code |
| lines.billed | item.net.value |
| tracking.code | extension.valueCodeableConcept.coding.code |
| tracking.label | extension.valueCodeableConcept.text |
| prior_authorization_number | insurance.preAuthRef |
| note | supportingInfo.valueString |
| totals.estimated | extension.valueMoney.value |
| totals.paid, totals.write_off, totals.deductible, totals.patient_portion | - (ExplanationOfBenefit) |
| lines.status, lines.estimated, lines.paid, lines.write_off, lines.deductible | - (ExplanationOfBenefit) |
| lines.copay, lines.allowed, lines.remarks, lines.payment_id, lines.paid_on | - (ExplanationOfBenefit) |
| received_on, underpaid_reason, is_denied, denial_evidence, payment_ids | - (ExplanationOfBenefit) |
| carrier.payer_id, relationship | - (Organization, Coverage) |
| status_source, source.system, practice_id | - (the practice is in the identifier's system) |
| synced_at, deleted_at, raw, meta | - (of the answer, not of the claim) |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.fhir.elements import (
    CDT,
    absent,
    code_or_absent,
    concept,
    extension,
    fhir_id,
    labelled,
    logical_reference,
    made,
    money,
    our_concept,
    own_system,
    reference,
    resource,
    row_identifier,
    several,
)
from gateway.core.normalize.procedures import is_cdt

STATUS: Final[Mapping[str, str | None]] = {
    "unsent": "draft",
    "held": "draft",
    "queued": "draft",
    "sent": "active",
    "in_process": "active",
    "received": "active",
    "other": None,
}
"""Our word -> FHIR's; the extension `status` keeps ours."""

_CLAIM_TYPE: Final = "http://terminology.hl7.org/CodeSystem/claim-type"
_PRIORITY: Final = "http://terminology.hl7.org/CodeSystem/processpriority"
_CARE_TEAM: Final = "http://terminology.hl7.org/CodeSystem/claimcareteamrole"
_INFORMATION: Final = "http://terminology.hl7.org/CodeSystem/claiminformationcategory"


def claim(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The Claim of a claim object, with its items where the object has lines."""
    lines = shown.get("lines")
    return made(
        {
            **resource("Claim", shown, subsetted=lines is None),
            "extension": several(
                [
                    extension("status", "Code", shown["status"]),
                    extension("tracking", "CodeableConcept", tracking(shown)),
                    extension("estimated", "Money", money(shown["totals"]["estimated"])),
                ]
            ),
            "identifier": [row_identifier(shown["source"])],
            **code_or_absent("status", STATUS[shown["status"]] if shown["status"] else None),
            **billed_by(shown),
            **day_or_absent("created", shown["sent_on"]),
            "insurer": insurer(shown),
            "priority": concept(_PRIORITY, "normal"),
            "supportingInfo": notes(shown),
            "insurance": insurance(shown, focal=True),
            "procedure": performed(lines or ()),
            "item": [_item(line, place, shown) for place, line in enumerate(lines or (), 1)],
            "total": money(shown["totals"]["billed"]),
        }
    )


def billed_by(shown: Mapping[str, Any]) -> dict[str, Any]:
    """What claim and answer say alike: the kind of claim, for whom, when, where, and by whom."""
    day, treating = shown["service_on"], reference(shown["treating_provider_id"])
    team = {
        "sequence": 1,
        "provider": treating,
        "responsible": True,
        "role": concept(_CARE_TEAM, "primary"),
    }
    return {
        "type": concept(_CLAIM_TYPE, "oral"),
        "subType": our_concept("claim-type", shown["type"]),
        "use": "preauthorization" if shown["type"] == "preauthorization" else "claim",
        "patient": reference(shown["patient_id"]) or absent(),
        "billablePeriod": {"start": day, "end": day} if day else None,
        "provider": reference(shown["billing_provider_id"]) or treating or absent(),
        "careTeam": [team] if treating else None,
        "facility": reference(shown.get("location_id")),
    }


def insurance(shown: Mapping[str, Any], *, focal: bool) -> list[dict[str, Any]]:
    """The coverage that the claim is for, and the patient's other one. `focal`: whether it has a `sequence`."""
    prior = shown["prior_authorization_number"]
    own: dict[str, Any] = {
        "focal": True,
        "coverage": _coverage(shown["coverage_id"], shown) or absent(),
        "preAuthRef": several([prior]),
    }
    other: dict[str, Any] = {"focal": False, "coverage": _coverage(shown["other_coverage_id"], shown)}
    both = [own, *([other] if other["coverage"] else [])]
    return [made({"sequence": place if focal else None, **one}) for place, one in enumerate(both, 1)]


def _coverage(coverage_id: str | None, shown: Mapping[str, Any]) -> dict[str, Any] | None:
    return reference(coverage_id, of_patient=shown["patient_id"])


def insurer(shown: Mapping[str, Any]) -> dict[str, Any] | None:
    """Who pays; None where the carrier was not read."""
    carrier = shown.get("carrier")
    return reference(carrier["id"], display=carrier["name"]) if carrier else None


def notes(shown: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The claim's note, as information that goes with it."""
    note = shown["note"]
    return [{"sequence": 1, "category": concept(_INFORMATION, "info"), "valueString": note}] if note else []


def tracking(shown: Mapping[str, Any]) -> dict[str, Any] | None:
    """The office's own tracking status."""
    said = shown["tracking"]
    return labelled(shown["practice_id"], {"id": said["code"], "label": said["label"]}) if said else None


def performed(lines: Any) -> list[dict[str, Any]]:
    """The procedures that items name by their number: each by its identifier, for planned work is no Procedure."""
    return [
        {"sequence": place, "procedureReference": logical_reference(line["procedure_id"], "procedure", "procedurelog")}
        for place, line in enumerate(lines, 1)
        if line["procedure_id"]
    ]


def product(line: Mapping[str, Any], practice_id: str) -> dict[str, Any]:
    """The code that was sent, which FHIR requires; lines that pay for the claim as a whole have none."""
    code = line["code_sent"]
    if not code:
        return absent("not-applicable" if line["procedure_id"] is None else "unknown")
    return concept(CDT if is_cdt(code) else own_system(practice_id, "procedure-code"), code) or {}


def item(line: Mapping[str, Any], place: int, shown: Mapping[str, Any]) -> dict[str, Any]:
    """What the items of claim and answer say alike."""
    return {
        "id": fhir_id(line["id"]),
        "sequence": place,
        "procedureSequence": [place] if line["procedure_id"] else None,
        "productOrService": product(line, shown["practice_id"]),
    }


def day_or_absent(name: str, day: str | None) -> dict[str, Any]:
    """A day that FHIR requires, or that it is not known."""
    return code_or_absent(name, day)


def _item(line: Mapping[str, Any], place: int, shown: Mapping[str, Any]) -> dict[str, Any]:
    return made({**item(line, place, shown), "net": money(line["billed"])})
