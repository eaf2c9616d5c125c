"""Webhook endpoints, and what became of what was sent to them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from gateway.core.objects.event import EventId
from gateway.core.objects.values import Instant, Part, PracticeId

WebhookId = Annotated[str, StringConstraints(pattern=r"^whk_[a-z2-7]{16}$")]


class FullApproval(Part):
    """Under which agreement whole objects are sent there, and of which practices."""

    baa_reference: str
    practice_ids: list[PracticeId]
    approved_by: str
    """The client who said so."""
    approved_at: Instant


class Webhook(Part):
    """Where a client wants its events."""

    id: WebhookId
    url: str
    types: list[str]
    practice_ids: list[PracticeId] | None
    """Null: all that the client has, those to come as well."""
    description: str
    payload: Literal["thin", "full"]
    full_approval: FullApproval | None
    state: Literal["enabled", "disabled"]
    reason: Literal["owner", "gone", "failing"] | None
    """Why it is disabled: its client said so, it answered 410, or it has failed for days."""
    disabled_at: Instant | None
    secret_generation: Annotated[int, Field(ge=1)]
    secret_overlaps_until: Instant | None
    """Until when the secret before signs beside the present one."""
    created_at: Instant
    updated_at: Instant
    deleted_at: Instant | None


class WebhookWithSecret(Webhook):
    """The same with its secret, which is shown when it is made and when it is rotated."""

    secret: str | None = None
    """`whsec_` and the key in base64; left out where a repeat finds that it was rotated or deleted since."""


class WebhookHealth(Part):
    """How an endpoint answers."""

    failures_in_a_row: Annotated[int, Field(ge=0)]
    failing_since: Instant | None
    paused_until: Instant | None


class WebhookWithHealth(Webhook):
    """The same with how it answers."""

    health: WebhookHealth


class DeliveryAttempt(Part):
    """One call of an endpoint."""

    at: Instant
    status: int | None
    error: str | None
    body_begins: str | None
    took_ms: int


class WebhookDelivery(Part):
    """One event on its way to one endpoint."""

    event_id: EventId
    type: str
    practice_id: PracticeId
    object_id: str
    state: Literal["pending", "succeeded", "failed"]
    reason: Literal["endpoint-disabled", "endpoint-gone", "not-allowed", "not-wanted", "event-expired"] | None
    attempts: Annotated[int, Field(ge=0)]
    created_at: Instant
    next_attempt_at: Instant | None
    last_attempt: DeliveryAttempt | None


class WebhookTrial(Part):
    """What an endpoint said to an invented event."""

    event_id: EventId
    succeeded: bool
    attempt: DeliveryAttempt


class WebhookRedelivery(Part):
    """How many events are sent again."""

    deliveries: Annotated[int, Field(ge=0)]
