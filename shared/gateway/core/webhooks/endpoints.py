"""A webhook endpoint: where a client wants its events, which of them, how much of each, and whether it gets any now.

What it may get is bounded by its client as that is at the moment of each attempt: a scope that was taken away acts on
the next one.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from gateway.core.callers import Caller, Client
from gateway.core.events.reading import EVENTS, matches, may_see
from gateway.core.ports import Signer

MOST_ENDPOINTS: Final = 20
"""Endpoints of one client."""

REMEMBERED: Final = timedelta(days=30)
"""How long a deleted one is kept, so that a repeat of the request that made it makes no second one."""

OVERLAP: Final = timedelta(hours=24)
"""How long the secret before signs beside the new one."""


class EndpointState(StrEnum):
    """Whether an endpoint gets events."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class Payload(StrEnum):
    """What its client wants of each event."""

    THIN = "thin"
    """The event."""
    FULL = "full"
    """The object as well, as far as an operator has approved that."""


class Reason(StrEnum):
    """Why it gets none."""

    OWNER = "owner"
    """Its client said so."""
    GONE = "gone"
    """It answered 410."""
    FAILING = "failing"
    """It has failed for days."""


@dataclass(frozen=True, slots=True)
class Approval:
    """An operator's word that whoever is behind the endpoint's URL may be sent whole objects of these practices.

    It holds for the URL it was given for: another one ends it. Practices that the endpoint gets events of only since
    then are none of it.
    """

    baa_reference: str
    """Of the business associate agreement with the receiver."""
    practices: frozenset[str]
    by: str
    """The client that gave it."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`body_hash` tells a repeat of the request that made it from another one; `rev` is raised by each change.

    `practices` None: all that its client has. `generation` counts its secrets from 1; until `overlaps_until` the one
    before signs as well.
    """

    id: str
    client_id: str
    url: str
    types: tuple[str, ...]
    made_at: datetime
    changed_at: datetime
    practices: frozenset[str] | None = None
    description: str = ""
    state: EndpointState = EndpointState.ENABLED
    reason: Reason | None = None
    disabled_at: datetime | None = None
    generation: int = 1
    overlaps_until: datetime | None = None
    rotated_by: tuple[str, ...] = ()
    """Tells a repeat of a request that made a secret from another one: marks of those requests, the latest first."""
    body_hash: str = ""
    payload: Payload = Payload.THIN
    approval: Approval | None = None
    deleted_at: datetime | None = None
    rev: int = 0

    @property
    def is_open(self) -> bool:
        """Whether anything is to be sent to it."""
        return self.state is EndpointState.ENABLED and self.deleted_at is None

    def practices_of(self, client: Client) -> frozenset[str]:
        """The practices whose events it gets, of a client that has these now."""
        return client.practices if self.practices is None else self.practices & client.practices

    def wants(self, type_: str, practice_id: str) -> bool:
        """Whether its filters let an event through."""
        return (self.practices is None or practice_id in self.practices) and any(
            matches(pattern, type_) for pattern in self.types
        )

    def generations(self, now: datetime) -> tuple[int, ...]:
        """The generations whose secrets sign at `now`, the newest first."""
        overlaps = self.generation > 1 and self.overlaps_until is not None and now < self.overlaps_until
        return (self.generation, self.generation - 1) if overlaps else (self.generation,)


def may_get(type_: str, practice_id: str, caller: Caller, *, now: datetime) -> bool:
    """Whether a client, as it is at `now`, may be shown an event: it lives, it has the practice and the scopes."""
    client = caller.client
    lives = client.revoked_at is None and (client.expires_at is None or now < client.expires_at)
    reads_events = bool({"*:read", f"{EVENTS}:read"} & client.scopes)
    return lives and reads_events and practice_id in client.practices and may_see(type_, caller)


def secret_of(endpoint_id: str, generation: int, *, signer: Signer) -> bytes:
    """The secret that an endpoint shares with us in one generation: made anew whenever it is needed, stored nowhere."""
    return signer.secret("webhook", f"{endpoint_id}\n{generation}")


def secret_text(secret: bytes) -> str:
    """As its owner is told it, once."""
    return f"whsec_{base64.b64encode(secret).decode()}"
