"""Tokens: how they are made, what is kept of them, and what one stands for.

A token is `odg_live_` or `odg_test_` and 32 random bytes, URL-safe. Only its SHA-256 is stored: 256 random bits need
no slow hash, and nothing that is stored can be used as a token.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gateway.core.callers import Client
from gateway.core.errors import NotAllowed, Unauthenticated
from gateway.core.ports import Callers, Services, Session

SESSION_LIFETIME = timedelta(hours=12)
_RANDOM_BYTES = 32


@dataclass(frozen=True, slots=True, repr=False)
class OpenedSession:
    """A new session with its token, which is shown once. Has no repr on purpose."""

    token: str
    client: Client
    expires_at: datetime
    lifetime: timedelta


def new_token(*, live: bool) -> str:
    """A fresh token; `live` is False for sandboxes and test practices, so that people see which one they hold."""
    return f"odg_{'live' if live else 'test'}_{secrets.token_urlsafe(_RANDOM_BYTES)}"


def token_hash(token: str) -> str:
    """What is stored and looked up instead of `token`."""
    return hashlib.sha256(token.encode()).hexdigest()


def bearer(authorization: str | None) -> str | None:
    """The token of an `Authorization` header, or None if it is no Bearer credential. The scheme's case is free."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def session_of(token: str | None, *, callers: Callers, now: datetime) -> Session:
    """What `token` stands for, by one strongly consistent read; of a key is noted that it is used.

    A session that a key opened takes a second read: of that key, which may have been revoked or ended since.

    Raises:
        Unauthenticated: there is none, or it or its key is unknown, expired or revoked: the cases are told apart
            nowhere.
    """
    session = callers.session(token_hash(token)) if token else None
    if token is None or session is None or not _is_live(session, now) or not _key_is_live(session, callers, now):
        raise Unauthenticated("the access token is missing, unknown, expired or revoked")
    if session.is_key:
        callers.note_use(token_hash(token), now)
    return session


def open_session(
    client: Client, *, on: Services, until: datetime | None = None, opened_by: str | None = None
) -> OpenedSession:
    """Start a session for `client`; it covers the practices the client has at each call, not those of today.

    `until`: when the credential ends that it is opened with; `opened_by`: the hash of the API key behind that.
    """
    now = on.clock.now()
    token = new_token(live=on.stage == "prod")
    ends = (now + SESSION_LIFETIME, client.expires_at, until)
    expires_at = min(one for one in ends if one is not None)
    on.callers.put_session(token_hash(token), Session(client.id, expires_at, created_at=now, opened_by=opened_by))
    return OpenedSession(token=token, client=client, expires_at=expires_at, lifetime=expires_at - now)


def end_session(authorization: str | None, *, on: Services) -> None:
    """End the session of the token in `authorization`; a session that is over already stays over.

    Raises:
        Unauthenticated: no token was sent.
        NotAllowed: the token is an API key, which only an operator revokes.
    """
    token = bearer(authorization)
    if token is None:
        raise Unauthenticated("the request carries no access token")
    hashed = token_hash(token)
    session = on.callers.session(hashed)
    if session is None:
        return
    if session.is_key:
        raise NotAllowed("an API key is revoked by an operator, not by ending a session")
    if session.revoked_at is None:
        on.callers.revoke(hashed, on.clock.now())


def as_answer(opened: OpenedSession) -> dict[str, Any]:
    """The members of a token answer, as RFC 6749 section 5.1 names them, and what the session covers."""
    return {
        "access_token": opened.token,
        "token_type": "Bearer",
        "expires_in": int(opened.lifetime.total_seconds()),
        # Whole seconds like every other time; rounded down, so that nobody relies on a moment too long.
        "expires_at": opened.expires_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "client_id": opened.client.id,
        "practices": sorted(opened.client.practices),
    }


def _key_is_live(session: Session, callers: Callers, now: datetime) -> bool:
    if session.opened_by is None:
        return True
    key = callers.session(session.opened_by)
    return key is not None and _is_live(key, now)


def _is_live(session: Session, now: datetime) -> bool:
    return session.revoked_at is None and (session.expires_at is None or now < session.expires_at)
