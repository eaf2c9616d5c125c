"""`POST /claims` and `PATCH /claims/{id}`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from gateway.core.callers import Caller
from gateway.core.capability import require, require_fields
from gateway.core.inputs import Day, broken_rule
from gateway.core.normalize.claims import RELATIONSHIP, STATUS, TYPE
from gateway.core.operations import Operation
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.requests import submit
from gateway.core.writes.intake.changes import Change
from gateway.core.writes.models import MAX_LINES, Input
from gateway.core.writes.naming import allowed, key_in, named

Relationship = Literal[
    "self",
    "spouse",
    "child",
    "employee",
    "handicapped_dependent",
    "significant_other",
    "injured_plaintiff",
    "life_partner",
    "dependent",
]

_ROWS: Final = {
    "coverage_id": ("InsSubNum", "coverage"),
    "other_coverage_id": ("InsSubNum2", "coverage"),
    "treating_provider_id": ("ProvTreat", "provider"),
    "billing_provider_id": ("ProvBill", "provider"),
}
_DAYS: Final = {"service_on": "DateService", "sent_on": "DateSent", "received_on": "DateReceived"}
_TEXTS: Final = {
    "note": "ClaimNote",
    "underpaid_reason": "ReasonUnderPaid",
    "prior_authorization_number": "PriorAuthorizationNumber",
}

FIELDS: Final = {
    **{column: name for name, (column, _) in _ROWS.items()},
    **{column: name for name, column in (*_DAYS.items(), *_TEXTS.items())},
    "PatNum": "patient_id",
    "procNums": "procedure_ids",
    "ClaimType": "type",
    "ClaimStatus": "status",
    "PatRelat": "relationship",
}
"""Open Dental's fields, as callers call them."""


class NewClaim(Input):
    """`POST /claims`: bills procedures of a patient to one of their plans. It is queued, and sent by the office.

    `primary` and `secondary` take the patient's first and second coverage, unless `coverage_id` names one; a
    `preauthorization`, which asks about planned work, needs `coverage_id` and `relationship`. A procedure that is on a
    claim of that type already is refused, and so are another patient's procedure and a coverage that the patient does
    not have. Open Dental notes the day of entry as the day of sending, unless `sent_on` is sent.
    """

    patient_id: str
    type: Literal["primary", "secondary", "preauthorization"]
    procedure_ids: Annotated[tuple[str, ...], Field(min_length=1, max_length=MAX_LINES)]
    practice_id: str | None = None
    coverage_id: str | None = None
    other_coverage_id: str | None = None
    relationship: Relationship | None = None
    service_on: Day | None = None
    sent_on: Day | None = None
    treating_provider_id: str | None = None
    billing_provider_id: str | None = None

    @model_validator(mode="after")
    def _says_whom(self) -> Self:
        if len(set(self.procedure_ids)) != len(self.procedure_ids):
            raise broken_rule("procedure_ids", "procedure_ids name a procedure twice")
        if self.type == "preauthorization":
            for name in ("coverage_id", "relationship"):
                if getattr(self, name) is None:
                    raise broken_rule(name, f"a preauthorization needs {name}")
            if self.service_on is not None:
                raise broken_rule("service_on", "a preauthorization has no service_on")
        return self


class ClaimChange(Change):
    """`PATCH /claims/{id}`: only what is named changes; null empties it, where Open Dental can.

    `received` says that the carrier has answered every line; money is entered by `POST /payments`.
    """

    kept: ClassVar = frozenset(
        {"status", "sent_on", "received_on", "treating_provider_id", "billing_provider_id", "relationship"}
    )

    status: Literal["unsent", "held", "queued", "sent", "received"] | None = None
    sent_on: Day | None = None
    """With `status: sent`: also notes the sending among the electronic transactions."""
    received_on: Day | None = None
    note: Annotated[str, StringConstraints(max_length=400)] | None = None
    underpaid_reason: Annotated[str, StringConstraints(max_length=255)] | None = None
    prior_authorization_number: Annotated[str, StringConstraints(max_length=50)] | None = None
    treating_provider_id: str | None = None
    billing_provider_id: str | None = None
    other_coverage_id: str | None = None
    relationship: Relationship | None = None

    @model_validator(mode="after")
    def _day_fits(self) -> Self:
        if self.sent_on is not None and self.status != "sent":
            raise broken_rule("sent_on", "sent_on needs status sent")
        if self.received_on is not None and self.status not in {None, "received"}:
            raise broken_rule("received_on", f"received_on does not go together with status {self.status}")
        return self


def create_claim(claim: NewClaim, *, caller: Caller, key: str, on: Services) -> Operation:
    """Queue a new claim. The result is the claim with its lines; the plan is `gateway.core.writes.claim`.

    Raises: NotFound, PermissionMissing, VersionTooOld, KeyReused, QueueFull.
    """
    patient = named(claim.patient_id, "patient", "patient_id")
    practice = allowed(caller, patient, "claims", on, practice_id=claim.practice_id, param="patient_id")
    require(practice, "claims.create", "claims.list", "claimprocs.list", "patplans.list", "procedurelogs.list")
    body = _body(claim, practice)
    body |= {
        "PatNum": patient.key,
        "ClaimType": TYPE.upstream(claim.type)[0],
        "procNums": sorted(key_in(one, "procedure", practice, "procedure_ids") for one in claim.procedure_ids),
    }
    require_fields(practice, "claims.create", body, FIELDS)
    input_ = {"body": {name: value for name, value in body.items() if value not in ("", 0)}}
    return submit("claims.create", input_, practice=practice, caller=caller, idempotency_key=key, on=on)


def update_claim(claim_id: str, change: ClaimChange, *, caller: Caller, key: str, on: Services) -> Operation:
    """Queue a change of a claim. The result is the claim with its lines; the plan is `gateway.core.writes.claim`.

    Raises: NotFound, PermissionMissing, VersionTooOld, KeyReused, QueueFull.
    """
    claim = named(claim_id, "claim")
    practice = allowed(caller, claim, "claims", on)
    require(practice, "claims.update", "claimprocs.list")
    body = _body(change, practice)
    require_fields(practice, "claims.update", body, FIELDS)
    if change.sent_on is not None:
        require(practice, "claims.Status")
    input_ = {"claim": claim.key, "body": body}
    return submit("claims.update", input_, practice=practice, caller=caller, idempotency_key=key, on=on)


def _body(claim: NewClaim | ClaimChange, practice: Practice) -> dict[str, Any]:
    """What is named, as Open Dental spells it; an empty text or 0 for what is emptied."""
    given = {name: getattr(claim, name) for name in claim.model_fields_set}
    body: dict[str, Any] = {}
    for name, (column, kind) in _ROWS.items():
        if name in given:
            body[column] = key_in(given[name], kind, practice, name)
    for name, column in _DAYS.items():
        if given.get(name) is not None:
            body[column] = given[name].isoformat()
    for name, column in _TEXTS.items():
        if name in given:
            body[column] = " ".join((given[name] or "").split())
    if given.get("status") is not None:
        body["ClaimStatus"] = STATUS.upstream(given["status"])[0]
    if given.get("relationship") is not None:
        body["PatRelat"] = RELATIONSHIP.upstream(given["relationship"])[0]
    return body
