"""Who asks: API clients, their keys and sessions; and the one question every use case puts first, `allow`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class ClientKind(StrEnum):
    """What a client is, for good: decides which scopes count and whether HTTP takes its keys."""

    APP = "app"
    """A product that uses the API."""
    WORKFLOW = "workflow"
    """A machine inside the deployment. It has no key, and no request over HTTP stands for it."""
    OPERATOR = "operator"
    """Somebody who runs the deployment: `OPERATOR_SCOPES` count for these clients only."""


OPERATOR_SCOPES: Final = frozenset(
    {
        "audit:read",
        "groups:write",
        "practices.baa:write",
        "practices.calls:write",
        "practices.keys:write",
        "practices.offboard:write",
        "sync:write",
        "webhooks.full:approve",
    }
)
"""What decides about practices instead of working with them: a product's key that leaks must not open a practice, stop
one, or hide who looked."""


SCOPES_AS_OF: Final = 2
"""Which rules a client's scopes were chosen by. 2: there is `notes`, and scopes for operators."""


class Verb(StrEnum):
    """What is done to an object; with the object it makes a scope: `appointments:write`."""

    READ = "read"
    WRITE = "write"
    CONNECT = "connect"


@dataclass(frozen=True, slots=True)
class Client:
    """An API client. `practices` are the ids it may touch; `scopes` are strings such as `patients:read`.

    A scope is `{object}:{verb}`; `*:read` covers every object's reads but not those of raw rows (`resources:read`) nor
    of files (`document_contents:read`), `*` nothing (there is no scope for all).
    `requests_per_minute` (1 or more) is how often it may ask; None: as often as the stage lets every client.
    """

    id: str
    name: str
    practices: frozenset[str]
    scopes: frozenset[str]
    kind: ClientKind = ClientKind.APP
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    requests_per_minute: int | None = None
    scopes_as_of: int = SCOPES_AS_OF
    """By which rules it was given its scopes, `SCOPES_AS_OF` of the release that made it; 1 if that said none."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A practice's two keys, by which alone a session was opened: whose, and the customer key's fingerprint."""

    practice_id: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Caller:
    """The client behind a request, read afresh for it: a revoked key or a removed scope acts on the next call."""

    client: Client
    correlation_id: str | None = None
    """Of the request, for whatever it brings about."""
    until: datetime | None = None
    """When the credential of the request ends, as far as that is known."""
    opened_by: str | None = None
    """The hash of the API key behind that credential, as far as that is known: its own, or its session's."""
    proof: Proof | None = None
    """The practice's two keys behind that credential, where it has no other right."""

    @property
    def id(self) -> str:
        """The client's id, the only thing of it that is logged."""
        return self.client.id
