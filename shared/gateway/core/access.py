"""`allow`: the one place that says who may do what. Every use case calls it first; there is no second way.

Before it stand `caller_of`, who asks, and `count_request`, whether it asks too often.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from gateway.core.baa.protected import is_protected
from gateway.core.callers import OPERATOR_SCOPES, Caller, ClientKind, Verb
from gateway.core.errors import BaaMissing, Invalid, NotFound, RateLimited, ScopeMissing, Unauthenticated, Unavailable
from gateway.core.ports import Services
from gateway.core.practices import Practice

RESOURCES = "resources"
"""The object of raw access. No wildcard has it: whoever may read every object of ours has not been given every row of
the practice's database, nor a single one of its columns that no object of ours shows."""

DOCUMENT_CONTENTS = "document_contents"
"""The object of files themselves: X-rays, letters, cards, consents. No wildcard has it: a client that was given all
reads was given what the objects show, and each look at a file makes the office send it out of the house."""

AUDIT = "audit"
"""The object of audit trails: who saw whom. No wildcard has it: an operator reads it, not those whom it is about."""

EXPORTS = "exports"
"""The object of copies of whole practices. No wildcard has it: they go to where this API watches over nobody."""

READ_ALL: Final = "*:read"
_IN_NO_WILDCARD: Final = frozenset({RESOURCES, DOCUMENT_CONTENTS, AUDIT, EXPORTS})


def caller_of(client_id: str, *, on: Services, of_run: bool = False) -> Caller:
    """The client behind a request, read afresh. `of_run`: a workflow asks, by the function `task`.

    Raises:
        Unauthenticated: it is gone, revoked or expired since its token was checked, or a workflow, which nobody may
            speak for over HTTP.
    """
    try:
        client = on.callers.client(client_id)
    except NotFound as error:
        raise Unauthenticated("the client is no longer known") from error
    now = on.clock.now()
    if client.revoked_at is not None or (client.expires_at is not None and client.expires_at <= now):
        raise Unauthenticated("the client has been revoked or has expired")
    if client.kind is ClientKind.WORKFLOW and not of_run:
        raise Unauthenticated("this client belongs to a workflow, for which no token stands")
    return Caller(client)


def count_request(caller: Caller, *, on: Services) -> bool:
    """Count a request of `caller` in the present minute; False if it could not be counted.

    What cannot be counted is let through: the count protects the deployment and the other clients, it permits nothing.

    Raises:
        RateLimited: the client has made as many requests in this minute as it may.
    """
    at = on.clock.now()
    try:
        count = on.callers.count_request(caller.id, at=at)
    except Unavailable:
        return False
    limit = caller.client.requests_per_minute
    keep_to_limit(count, on.client_requests_per_minute if limit is None else limit, at=at)
    return True


def keep_to_limit(count: int, limit: int, *, at: datetime) -> None:
    """Pass the request number `count` of the minute that holds `at` if it is within `limit`.

    Minutes are the clock's, so a client may send two limits' worth around the turn of one; the stage's own throttle
    bounds that, too.

    Raises:
        RateLimited: it is not; `retry_after` is what is left of the minute.
    """
    if count > limit:
        raise RateLimited(
            f"this client may make {limit} requests a minute; the limit is its own, not the practice's pace",
            retry_after=60 - at.timestamp() % 60,
            requests_per_minute=limit,
        )


def only_practice(caller: Caller) -> str:
    """The practice of a client that has just one, for a request that names none.

    Raises:
        Invalid: it has several, or none.
    """
    if len(caller.client.practices) != 1:
        raise Invalid("send practice_id: this client does not have exactly one practice", param="practice_id")
    (only,) = caller.client.practices
    return only


def in_read_all(scope: str) -> bool:
    """Whether a client with `READ_ALL` needs no such scope besides."""
    obj, _, verb = scope.partition(":")
    return verb == Verb.READ and obj not in _IN_NO_WILDCARD


def allow_client(caller: Caller, obj: str, verb: Verb | str) -> None:
    """What `allow` asks of the client alone, for what is of no practice.

    Raises: ScopeMissing: the client lacks `{obj}:{verb}`, or is of a kind for which that does not count.
    """
    need = f"{obj}:{verb}"
    if need in OPERATOR_SCOPES and caller.client.kind is not ClientKind.OPERATOR:
        raise ScopeMissing(f"the scope {need} counts for clients of the kind operator only", scope=need)
    reads_all = READ_ALL in caller.client.scopes and in_read_all(need)
    if not (need in caller.client.scopes or reads_all):
        raise ScopeMissing(f"the client lacks the scope {need}", scope=need)


def allow(
    caller: Caller,
    practice_id: str,
    obj: str,
    verb: Verb | str,
    *,
    on: Services,
    maker_id: str | None = None,
    protected: bool | None = None,
) -> Practice:
    """The practice, if `caller` may do `verb` to `obj` there.

    `obj` is the scope's word (`patients`, `appointments`, `procedures`, `claims`, `payments`, `operations`). For
    `resources`, raw access, reading takes `resources:read`, which `*:read` does not cover, and each write a scope of
    its own, whose `verb` is the catalogue's operation id: `resources:recalls.create`. Nothing stands for several.
    `document_contents`, files, is in no wildcard either.
    `maker_id` is the client that made the record, where one did: it reads what it made by the scope that let it make
    it. Practice and agreement are asked of the maker like of anybody. `protected`: whether the agreement is asked for;
    unless told, the table of `core.baa.protected` says it of the object.

    Raises:
        NotFound: the practice is not the caller's, or there is none: the two are told apart nowhere.
        ScopeMissing: the client lacks `{obj}:{verb}`.
        BaaMissing: no agreement covers today, and it is about patients. In the sandbox a practice that never had one
            is open.
    """
    if practice_id not in caller.client.practices:
        raise NotFound("no such practice")
    if not (verb is Verb.READ and maker_id == caller.id):
        allow_client(caller, obj, verb)
    practice = on.practices.get(practice_id)
    if practice.state != "active":
        raise NotFound("no such practice")
    if practice.is_open(on.clock.now().date()) or not (is_protected(obj) if protected is None else protected):
        return practice
    raise BaaMissing("no current business associate agreement is on record for this practice")
