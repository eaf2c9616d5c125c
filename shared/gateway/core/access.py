"""`allow`: the one place that says who may do what. Every use case calls it first; there is no second way."""

from __future__ import annotations

from gateway.core.callers import Caller, Verb
from gateway.core.errors import BaaMissing, NotFound, ScopeMissing, Unauthenticated
from gateway.core.ports import Services
from gateway.core.practices import Practice

SANDBOX = "sandbox"


def caller_of(client_id: str, *, on: Services) -> Caller:
    """The client behind a request, read afresh.

    Raises:
        Unauthenticated: it is gone, revoked or expired since its token was checked.
    """
    try:
        client = on.callers.client(client_id)
    except NotFound as error:
        raise Unauthenticated("the client is no longer known") from error
    now = on.clock.now()
    if client.revoked_at is not None or (client.expires_at is not None and client.expires_at <= now):
        raise Unauthenticated("the client has been revoked or has expired")
    return Caller(client)


def allow(
    caller: Caller, practice_id: str, obj: str, verb: Verb, *, on: Services, maker_id: str | None = None
) -> Practice:
    """The practice, if `caller` may do `verb` to `obj` there.

    `obj` is the scope's word (`patients`, `appointments`, `procedures`, `claims`, `payments`, `operations`).
    `maker_id` is the client that made the record, where one did: it reads what it made by the scope that let it make
    it. Practice and agreement are asked of the maker like of anybody.

    Raises:
        NotFound: the practice is not the caller's, or there is none: the two are told apart nowhere.
        ScopeMissing: the client lacks `{obj}:{verb}`.
        BaaMissing: no current agreement is on record; passes only where the stage is the sandbox.
    """
    if practice_id not in caller.client.practices:
        raise NotFound("no such practice")
    need = f"{obj}:{verb}"
    is_reading = verb is Verb.READ
    reads_own = is_reading and maker_id == caller.id
    if not (need in caller.client.scopes or (is_reading and "*:read" in caller.client.scopes) or reads_own):
        raise ScopeMissing(f"the client lacks the scope {need}", scope=need)
    practice = on.practices.get(practice_id)
    if practice.state != "active":
        raise NotFound("no such practice")
    agreed = practice.baa is not None and practice.baa.is_current(on.clock.now().date())
    if not agreed and not (practice.baa is None and on.stage == SANDBOX):
        raise BaaMissing("no current business associate agreement is on record for this practice")
    return practice
