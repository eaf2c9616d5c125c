"""The exchange of a practice's customer key, as its callers see it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.core.objects.values import Instant, Part, PracticeId

RotationState = Literal[
    "requested",
    "waiting_for_office",
    "verifying",
    "subscribing",
    "promoting",
    "ending_old",
    "draining",
    "done",
    "cancelling",
    "cancelled",
    "failed",
]


class RotationView(Part):
    """One exchange."""

    id: str
    practice_id: PracticeId
    state: RotationState
    since: Instant | None
    """When it came to this state."""
    requested_at: Instant
    requested_by: str
    """The client that asked for it."""
    key_from: Literal["portal", "request"]
    customer_key: Annotated[str | None, Field(repr=False)]
    """The new key: while the office has to add it, for clients with `practices.keys:write`; else null."""
    looked_at_next: Instant | None
    given_up_at: Instant | None
    """Until when the office has to add the key."""
    promoted_at: Instant | None
    """Since when the new key is in use."""
    ended_at: Instant | None
    reason: str | None
    """Why it failed, in a word."""
    lacks: list[str]
    """Permissions that the present key has and the new one has not."""
    says: str | None
    """What is to be done now, for people."""
