"""What the audit trail shows."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gateway.core.objects.values import Instant, Part, PatientId, PracticeId


class AuditEntry(Part):
    """One answer, or one step of a write. What is not known, or has no place there, is null."""

    id: str
    at: Instant
    practice_id: PracticeId | None
    """Null: it was about no practice that the client has."""
    client_id: str
    """`gateway` where the gateway itself keeps something up at an office or makes a client, `nobody` where a request
    carried no credential."""
    action: str
    """Method and route of a request; of a write at Open Dental its operation, such as `appointments.create`."""
    phase: Literal["answered", "intent", "done", "refused", "unknown", "not_done", "not_sent"]
    purpose: str | None
    status: int | None
    code: str | None
    served_from: str | None
    request_id: str
    operation_id: str | None
    step: str | None
    patient_ids: list[PatientId]
    """Of an entry that was found by a patient, that one only."""
    part: int = Field(ge=1)
    parts: int = Field(ge=1)
    """An answer with more than 500 patients leaves several entries, all with one `request_id`."""
    group_id: str | None
    agreement: str | None
    correlation_id: str | None
    source_ip: str | None
    """The address that the request came from."""
    on_behalf_of: str | None
    """The person behind the client, by the id that its request said (`On-Behalf-Of`)."""
    actor: str | None
    """The AWS identity (an ARN) of whoever ran an operator's command."""


class Disclosure(Part):
    """One answer that showed a patient to somebody (45 CFR 164.528)."""

    at: Instant
    practice_id: PracticeId
    client_id: str
    disclosed_to: str | None
    """The client's name; null where there is no such client any more."""
    kind: str
    """What was shown, by its path: `appointments`, `patients_360`."""
    purpose: str | None
    """As the client said; who says TREAT, HPAYMT or HOPERAT need not be accounted for."""
    request_id: str
    entry_id: str


class TrailMeta(Part):
    """When the trail was read."""

    as_of: Instant
    practice_id: PracticeId | None
    indexed_to: Instant | None = None
    """Of what was looked for by a patient: how far the index was. What is younger was looked for in the trail."""


class AuditTrail(Part):
    """A page of a trail, the youngest entries first."""

    data: list[AuditEntry]
    has_more: bool
    next_cursor: str | None
    meta: TrailMeta


class Disclosures(Part):
    """A page of an accounting of disclosures, the youngest first."""

    data: list[Disclosure]
    has_more: bool
    next_cursor: str | None
    meta: TrailMeta
