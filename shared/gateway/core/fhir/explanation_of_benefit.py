"""Claim that was answered -> ExplanationOfBenefit (https://hl7.org/fhir/R4/explanationofbenefit.html).

Only claims whose status is `received` have one, under the claim's own id. Amounts are Open Dental's: signed, because
take-backs are below zero. `created` is the day the answer was received. In searches that name no patient, items and
insurer are left out and the resource is marked SUBSETTED.

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
| service_on | billablePeriod.start |
| received_on | created |
| coverage_id | insurance.coverage.reference |
| other_coverage_id | insurance.coverage.reference |
| carrier.id | insurer.reference |
| carrier.name | insurer.display |
| billing_provider_id | provider.reference |
| treating_provider_id | careTeam.provider.reference |
| totals.billed | total.amount.value |
| totals.estimated | total.amount.value |
| totals.paid | payment.amount.value |
| totals.write_off | total.amount.value |
| totals.deductible | total.amount.value |
| totals.patient_portion | total.amount.value |
| lines.id | item.id |
| lines.procedure_id | procedure.procedureReference.identifier.value |
| lines.code_sent | item.productOrService.coding.code |
| lines.status | item.extension.valueCode |
| lines.billed | item.adjudication.amount.value |
| lines.estimated | item.adjudication.amount.value |
| lines.paid | item.adjudication.amount.value |
| lines.write_off | item.adjudication.amount.value |
| lines.deductible | item.adjudication.amount.value |
| lines.copay | item.adjudication.amount.value |
| lines.allowed | item.adjudication.amount.value |
| lines.remarks | processNote.text |
| lines.payment_id | item.extension.valueIdentifier.value |
| lines.paid_on | item.extension.valueDate |
| prior_authorization_number | insurance.preAuthRef |
| note | supportingInfo.valueString |
| underpaid_reason | disposition |
| is_denied | extension.valueBoolean |
| payment_ids | extension.valueIdentifier.value |
| status, tracking, sent_on | - (always received; Claim) |
| denial_evidence | - (taken from remarks, reason and tracking, which are shown) |
| carrier.payer_id, relationship | - (Organization, Coverage) |
| status_source, source.system, practice_id | - (the practice is in the identifier's system) |
| synced_at, deleted_at, raw, meta | - (of the answer, not of the claim) |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.fhir.claim import billed_by, day_or_absent, insurance, insurer, item, notes, performed
from gateway.core.fhir.elements import (
    OURS,
    absent,
    concept,
    extension,
    fhir_id,
    made,
    money,
    our_concept,
    own_system,
    reference,
    resource,
    row_identifier,
    several,
)

STATUS: Final = {"received": "active"}
"""Our word -> FHIR's, of the claims that have an answer."""

_ADJUDICATION: Final = "http://terminology.hl7.org/CodeSystem/adjudication"
_PAYMENT_TYPE: Final = "http://terminology.hl7.org/CodeSystem/ex-paymenttype"
_AMOUNTS: Final = {
    "billed": "submitted",
    "allowed": "eligible",
    "deductible": "deductible",
    "copay": "copay",
    "paid": "benefit",
}
"""Amounts that FHIR's example codes have a word for."""
_OWN_AMOUNTS: Final = ("estimated", "write_off", "patient_portion")


def explanation_of_benefit(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The ExplanationOfBenefit of a claim object that was received."""
    lines = shown.get("lines")
    remarks = [line for line in lines or () if line["remarks"]]
    return made(
        {
            **resource("ExplanationOfBenefit", shown, subsetted=lines is None),
            "extension": [
                *several([extension("is-denied", "Boolean", shown["is_denied"])]),
                *(_payment(one, shown) for one in shown.get("payment_ids") or ()),
            ],
            "identifier": [row_identifier(shown["source"])],
            "status": "active",
            **billed_by(shown),
            **day_or_absent("created", shown["received_on"]),
            "insurer": insurer(shown) or absent(),
            "claim": reference(shown["id"]),
            "outcome": "complete",
            "disposition": shown["underpaid_reason"],
            "supportingInfo": notes(shown),
            "insurance": insurance(shown, focal=False),
            "procedure": performed(lines or ()),
            "item": [_item(line, place, remarks, shown) for place, line in enumerate(lines or (), 1)],
            "total": _adjudication(shown["totals"]),
            "payment": _paid(shown),
            "processNote": [
                {"number": number, "type": "print", "text": line["remarks"]} for number, line in enumerate(remarks, 1)
            ],
        }
    )


def _item(
    line: Mapping[str, Any], place: int, remarks: list[Mapping[str, Any]], shown: Mapping[str, Any]
) -> dict[str, Any]:
    notes_ = [number for number, one in enumerate(remarks, 1) if one is line]
    return made(
        {
            **item(line, place, shown),
            "extension": several(
                [
                    extension("line-status", "Code", line["status"]),
                    _payment(line["payment_id"], shown) if line["payment_id"] else None,
                    extension("paid-on", "Date", line["paid_on"]),
                ]
            ),
            "noteNumber": notes_,
            "adjudication": _adjudication(line),
        }
    )


def _adjudication(amounts: Mapping[str, Any]) -> list[dict[str, Any]]:
    named = [(concept(_ADJUDICATION, code), amounts.get(name)) for name, code in _AMOUNTS.items()]
    named += [(our_concept("adjudication", name), amounts.get(name)) for name in _OWN_AMOUNTS]
    return [{"category": category, "amount": money(amount)} for category, amount in named if amount is not None]


def _payment(payment_id: str, shown: Mapping[str, Any]) -> dict[str, Any]:
    system = own_system(shown["practice_id"], "payment")
    return {"url": f"{OURS}:payment", "valueIdentifier": {"system": system, "value": fhir_id(payment_id)}}


def _paid(shown: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was paid in all, on the day of the last payment."""
    paid = money(shown["totals"]["paid"])
    if paid is None:
        return None
    days = [line["paid_on"] for line in shown.get("lines") or () if line["paid_on"]]
    billed = shown["totals"]["billed"]
    whole = billed is not None and money(billed) == paid
    kind = concept(_PAYMENT_TYPE, "complete" if whole else "partial")
    return made({"type": kind, "date": max(days, default=None), "amount": paid})
