"""Groups of practices, and what looking for a person at all of them answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.core.objects.patient import Patient
from gateway.core.objects.patient_360 import Patient360, Sections
from gateway.core.objects.values import (
    Day,
    GroupId,
    Instant,
    Meta,
    OperationId,
    Part,
    PatientId,
    PracticeId,
    PracticeMeta,
    Unavailable,
)

Level = Literal["certain", "likely", "possible"]


class GroupAgreement(Part):
    """The agreement under which the practices share patients' data. Both days are covered."""

    reference: str
    signed_on: Day | None
    expires_on: Day | None


class Group(Part):
    """Practices whose patients may be looked for together."""

    id: GroupId
    name: str
    practice_ids: list[PracticeId]
    agreement: GroupAgreement
    created_at: Instant
    updated_at: Instant
    deleted_at: Instant | None


class MatchReason(Part):
    """How one field compares, and what it adds to the score. `missing`: one of the two does not say."""

    field: Literal["birth_date", "last_name", "first_name", "phone", "email", "sex", "suffix"]
    kind: Literal["exact", "folded", "partial", "missing", "conflict"]
    weight: float


class MatchedPatient(Part):
    """Somebody who may be the person looked for: a record of one practice, never merged with another."""

    practice_id: PracticeId
    patient_id: PatientId
    level: Level
    score: Annotated[float, Field(ge=0, le=1)]
    reasons: list[MatchReason]
    patient: Patient


class AcrossUnavailable(Unavailable):
    """Why a practice is not answered for: a problem of its own."""

    retryable: bool
    operation_id: OperationId | None = None
    """Of a reading that goes on: send the request again when it is done."""
    permission: str | None = None
    tier: str | None = None
    version: str | None = None
    scope: str | None = None


class PracticeAnswer(PracticeMeta):
    """How the search went at one practice."""

    matches: int | None = None
    """How many of its people are in the answer."""
    unavailable: AcrossUnavailable | None = None


class AcrossMeta(Meta):
    """What an answer across a group says of itself."""

    group_id: GroupId
    practices: list[PracticeAnswer]  # type: ignore[assignment]


class MatchedPatients(Part):
    """A page of `GET /patients?across=group`: practice after practice, the best matches of each first."""

    data: list[MatchedPatient]
    has_more: bool
    next_cursor: str | None
    meta: AcrossMeta


class OtherPractice(Part):
    """A record of another practice that may be the patient's. `sections` of those that are `certain` or `likely`."""

    practice_id: PracticeId
    patient_id: PatientId
    level: Level
    score: Annotated[float, Field(ge=0, le=1)]
    reasons: list[MatchReason]
    sections: Sections | None


class Patient360Across(Patient360):
    """The answer of `GET /patients/{id}/360?across=group`: the patient's own practice, and the others beside it."""

    others: list[OtherPractice]
    meta: AcrossMeta
