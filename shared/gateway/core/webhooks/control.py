"""What a client does with its webhook endpoints: make, look, change, delete, rotate, try, send again; and the one thing
that an operator does with them: approve whole objects, and take that back.

An endpoint belongs to the client that made it, and no other sees it, but for who may approve. Its secret is shown when
it is made and when it is rotated; it is kept nowhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import IPv6Address
from typing import Annotated, Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gateway.core.access import allow, allow_client
from gateway.core.audit import AuditEntry
from gateway.core.callers import Caller, Verb
from gateway.core.errors import Conflict, FilterTooWide, Invalid, KeyReused, NotAllowed, NotFound, Unavailable
from gateway.core.events.event import Cause, Event, event_id
from gateway.core.events.event_types import ID_PREFIXES, TYPES
from gateway.core.events.ports import KEPT
from gateway.core.events.reading import EVENTS, FORMS, Pattern, is_for, matching, may_see, no_such_type
from gateway.core.hashing import canonical_hash
from gateway.core.ids import id_from, is_id, new_id
from gateway.core.inputs import Moment, broken_rule
from gateway.core.ports import Services
from gateway.core.practices import SANDBOX
from gateway.core.walltime import instant_text
from gateway.core.webhooks import deliveries as rules
from gateway.core.webhooks.deliveries import Delivery, DeliveryState, Health, Outcome
from gateway.core.webhooks.delivering import call
from gateway.core.webhooks.endpoints import (
    MOST_ENDPOINTS,
    OVERLAP,
    Approval,
    Endpoint,
    EndpointState,
    Payload,
    Reason,
    may_get,
    secret_of,
    secret_text,
)
from gateway.core.webhooks.full import TEST, FullObject
from gateway.core.webhooks.ports import Superseded

WEBHOOKS: Final = "webhooks"
FULL: Final = "webhooks.full"
APPROVE: Final = "approve"
"""Object and verb of the scope to approve; no wildcard has it."""

APPROVED: Final = "webhooks.full.approve"
WITHDRAWN: Final = "webhooks.full.withdraw"
"""Actions in the practices' audit trails."""

MOST_AGAIN: Final = 500
"""Events that one request sends again."""

READ_AT_MOST: Final = 20_000
QUERIES_AT_MOST: Final = 3_000
"""Events, and days of practices, that one request looks through for them: what can be done while a caller waits."""

_ROTATIONS: Final = 50
"""Rotations of an endpoint whose repeats are known."""

_TRIES: Final = 5
_READ_AT_ONCE: Final = 500

Url = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=8, max_length=2000, pattern=r"^[\x21-\x7e]+$"),
    Field(description="an https URL, without blanks"),
]
Types = Annotated[list[Pattern], Field(min_length=1, max_length=50, description=FORMS)]
Id = Annotated[str, StringConstraints(min_length=5, max_length=64)]
PracticeIds = Annotated[list[Id], Field(min_length=1, max_length=500)]
Description = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class EndpointInput(BaseModel):
    """The body of `POST /webhooks`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Url
    """https, with a name or address of the public internet."""
    types: Types = ["*"]
    """`appointment.completed`, `appointment.*`, `*`."""
    practice_ids: PracticeIds | None = None
    """Without them all that the client has, those to come as well."""
    description: Description = ""
    payload: Payload = Payload.THIN
    """`full`: each event with the object that it is of, once an operator has approved that."""


class EndpointChange(BaseModel):
    """The body of `PATCH /webhooks/{id}`. What it names is replaced as a whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Url | None = None
    types: Types | None = None
    practice_ids: PracticeIds | None = None
    """null: all that the client has."""
    description: Description | None = None
    payload: Payload | None = None
    state: EndpointState | None = None

    @model_validator(mode="after")
    def _nothing_is_emptied(self) -> Self:
        for name in self.model_fields_set - {"practice_ids"}:
            if getattr(self, name) is None:
                raise broken_rule(name, "it cannot be emptied")
        return self


class Rotation(BaseModel):
    """The body of `POST /webhooks/{id}/rotate`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    overlap_hours: Annotated[int, Field(ge=0, le=168)] = int(OVERLAP.total_seconds() // 3600)
    """How long the secret before signs beside the new one; 0 where it has got into wrong hands."""


class ApprovalInput(BaseModel):
    """The body of `POST /webhooks/{id}/approve`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    baa_reference: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    """Where the agreement with the receiver is: a contract number. No person's name: it stands in audit trails."""
    url: Url
    """Where the agreement lets data be sent: the endpoint's own URL, so that nothing is approved that was changed
    meanwhile."""


class Trial(BaseModel):
    """The body of `POST /webhooks/{id}/test`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Annotated[str, StringConstraints(max_length=64)] = "appointment.updated"


class Again(BaseModel):
    """The body of `POST /webhooks/{id}/redeliver`: one event, or what was logged in a span of time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event_id: Id | None = None
    since: Moment | None = None
    until: Moment | None = None
    """Logged at or after the one and before the other."""
    include_succeeded: bool = False
    """Of a span: whether also what the endpoint has taken already."""

    @model_validator(mode="after")
    def _one_or_span(self) -> Self:
        if (self.event_id is None) == (self.since is None):
            raise broken_rule("event_id", "send either event_id or since")
        return self


class DeliveriesQuery(BaseModel):
    """What `GET /webhooks/{id}/deliveries` takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: DeliveryState | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    cursor: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None


class Made(NamedTuple):
    """An endpoint as its maker sees it, with its secret. `is_replayed`: a request of the same key had made it."""

    endpoint: Mapping[str, Any]
    is_replayed: bool


def make_webhook(wanted: EndpointInput, *, caller: Caller, key: str, on: Services) -> Made:
    """Make an endpoint: scope `webhooks:write`. A repeat with the same key is the same endpoint, as it stands now; its
    secret is shown again as long as it was not rotated.

    Raises:
        ScopeMissing. Invalid: the URL, or a type that there is not. NotFound: a practice is not the caller's.
        Conflict: the client has as many as it may. KeyReused.
    """
    allow_client(caller, "webhooks", Verb.WRITE)
    _check(wanted.url, wanted.types, wanted.practice_ids, caller, on)
    now = on.clock.now()
    made = Endpoint(
        # The same key names the same endpoint, without a second place to look it up in.
        id=id_from("webhook", on.signer.fingerprint(f"webhook {caller.id} {key}")),
        client_id=caller.id,
        url=wanted.url,
        types=tuple(wanted.types),
        made_at=now,
        changed_at=now,
        practices=None if wanted.practice_ids is None else frozenset(wanted.practice_ids),
        description=wanted.description,
        payload=wanted.payload,
        body_hash=canonical_hash(wanted.model_dump(mode="json")),
    )
    theirs = [one for one in on.webhooks.all() if one.client_id == caller.id]
    known = next((one for one in theirs if one.id == made.id), None)
    if known is None and sum(one.deleted_at is None for one in theirs) >= MOST_ENDPOINTS:
        raise Conflict(f"a client has {MOST_ENDPOINTS} webhooks at most", reason="too-many")
    endpoint = known or on.webhooks.make(made)
    if endpoint.body_hash != made.body_hash:
        raise KeyReused("this Idempotency-Key belongs to another request", param="Idempotency-Key")
    shows_secret = endpoint.generation == 1 and endpoint.deleted_at is None
    view = _with_secret(endpoint, on) if shows_secret else _shown(endpoint)
    return Made(view, is_replayed=endpoint is not made)


def list_webhooks(*, caller: Caller, on: Services) -> dict[str, Any]:
    """The client's endpoints: scope `webhooks:read`. Raises: ScopeMissing."""
    allow_client(caller, "webhooks", Verb.READ)
    found = [one for one in on.webhooks.all() if one.client_id == caller.id and one.deleted_at is None]
    return {"data": [_shown(one) for one in found], "has_more": False, "next_cursor": None}


def get_webhook(endpoint_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """One of them, and how it answers: scope `webhooks:read`. Who may approve it sees it too.

    Raises: ScopeMissing, NotFound.
    """
    allow_client(caller, "webhooks", Verb.READ)
    try:
        endpoint = _find(endpoint_id, caller, on)
    except NotFound:
        if f"{FULL}:{APPROVE}" not in caller.client.scopes:
            raise
        endpoint = _of_anybody(endpoint_id, caller, on)
    return _shown(endpoint) | {"health": _health(on.webhooks.health(endpoint.id))}


def change_webhook(endpoint_id: str, change: EndpointChange, *, caller: Caller, on: Services) -> dict[str, Any]:
    """Change what `change` names: scope `webhooks:write`. One that is enabled again begins with a clean record; what
    it missed is asked for by `redeliver`.

    Raises: as `make_webhook`, NotFound, Unavailable: others changed it all the while.
    """
    allow_client(caller, "webhooks", Verb.WRITE)
    _check(change.url, change.types, change.practice_ids, caller, on)
    for _ in range(_TRIES):
        was = _find(endpoint_id, caller, on)
        wanted = _changed(was, change, on.clock.now())
        if wanted == was:
            return _shown(was)
        if was.approval is not None and wanted.approval is None:
            _note(was.approval, WITHDRAWN, was, caller, on)
        if wanted.is_open and not was.is_open:
            _clean(was.id, on)
        try:
            return _shown(on.webhooks.change(replace(wanted, changed_at=on.clock.now())))
        except Superseded:
            continue
    raise _busy()


def delete_webhook(endpoint_id: str, *, caller: Caller, on: Services) -> None:
    """Delete it; what is pending ends. Scope `webhooks:write`. One that was deleted stays so.

    Raises: ScopeMissing, NotFound, Unavailable.
    """
    allow_client(caller, "webhooks", Verb.WRITE)
    for _ in range(_TRIES):
        was = _find(endpoint_id, caller, on, deleted=True)
        if was.deleted_at is not None:
            return
        now = on.clock.now()
        try:
            on.webhooks.change(replace(was, deleted_at=now, changed_at=now))
        except Superseded:
            continue
        return
    raise _busy()


def rotate_secret(endpoint_id: str, wanted: Rotation, *, caller: Caller, key: str, on: Services) -> dict[str, Any]:
    """Give it a new secret, which is shown: scope `webhooks:write`. A repeat with the same key shows the same one.

    Raises: ScopeMissing, NotFound, Unavailable. Conflict: it has been rotated since by another request. KeyReused.
    """
    allow_client(caller, "webhooks", Verb.WRITE)
    mark = f"{on.signer.fingerprint(f'rotate {caller.id} {endpoint_id} {key}')}.{wanted.overlap_hours}"
    for _ in range(_TRIES):
        was = _find(endpoint_id, caller, on)
        if mark in was.rotated_by[:1]:
            return _with_secret(was, on)
        if mark in was.rotated_by:
            raise Conflict("it has been rotated since by another request", reason="rotated-since")
        if mark.partition(".")[0] in {one.partition(".")[0] for one in was.rotated_by}:
            raise KeyReused("this Idempotency-Key belongs to another request", param="Idempotency-Key")
        now = on.clock.now()
        rotated = replace(
            was,
            generation=was.generation + 1,
            overlaps_until=now + timedelta(hours=wanted.overlap_hours),
            rotated_by=(mark, *was.rotated_by)[:_ROTATIONS],
            changed_at=now,
        )
        try:
            return _with_secret(on.webhooks.change(rotated), on)
        except Superseded:
            continue
    raise _busy()


def approve_full(endpoint_id: str, wanted: ApprovalInput, *, caller: Caller, on: Services) -> dict[str, Any]:
    """Approve whole objects for whoever is behind an endpoint's URL: scope `webhooks.full:approve`, every practice that
    the endpoint gets events of now, and an endpoint of another client. In their audit trails before it holds.

    Raises:
        ScopeMissing. NotFound: no such endpoint, or it gets events of a practice that is not the caller's.
        NotAllowed: it is the caller's own. Conflict: it has another URL. AuditUnavailable, Unavailable.
    """
    allow_client(caller, FULL, APPROVE)
    for _ in range(_TRIES):
        was = _of_anybody(endpoint_id, caller, on)
        if was.client_id == caller.id:
            raise NotAllowed("another client has to approve this: it is your own webhook")
        if was.url != wanted.url:
            raise Conflict("the webhook has another URL", param="url", reason="other-url")
        now = on.clock.now()
        approval = Approval(wanted.baa_reference, _practices_of(was, on), caller.id, now)
        if was.approval is not None and replace(approval, by=was.approval.by, at=was.approval.at) == was.approval:
            return _shown(was)
        _note(approval, APPROVED, was, caller, on)
        try:
            return _shown(on.webhooks.change(replace(was, approval=approval, changed_at=now)))
        except Superseded:
            continue
    raise _busy()


def withdraw_full(endpoint_id: str, *, caller: Caller, on: Services) -> None:
    """Take an approval back as a whole, from the next attempt on: scope `webhooks.full:approve`, and one of the
    practices that it is for. Where there is none, nothing happens.

    Raises: ScopeMissing, NotFound, AuditUnavailable, Unavailable.
    """
    allow_client(caller, FULL, APPROVE)
    for _ in range(_TRIES):
        was = _known(endpoint_id, on)
        theirs = _practices_of(was, on) if was.approval is None else was.approval.practices
        if not theirs & caller.client.practices:
            raise NotFound("no such webhook")
        if was.approval is None:
            return
        _note(was.approval, WITHDRAWN, was, caller, on)
        try:
            on.webhooks.change(replace(was, approval=None, changed_at=on.clock.now()))
        except Superseded:
            continue
        return
    raise _busy()


def try_webhook(endpoint_id: str, wanted: Trial, *, caller: Caller, on: Services) -> dict[str, Any]:
    """Post an invented event of a type there, once and now, also while it is disabled; the answer is shown and counts
    for nothing. Scope `webhooks:write`.

    Raises: ScopeMissing, NotFound. Invalid: there is no such type.
    """
    allow_client(caller, "webhooks", Verb.WRITE)
    endpoint = _find(endpoint_id, caller, on)
    if wanted.type not in TYPES:
        raise no_such_type(wanted.type, param="type")
    now = on.clock.now()
    name = wanted.type.partition(".")[0]
    # As its schema has it: whoever holds messages to that must be able to try it.
    id_ = event_id("prac_test", new_id("event"), wanted.type, 0)
    object_id = f"{ID_PREFIXES[name]}_test"
    # Nothing has changed; a type that lists changes lists none.
    changes = () if wanted.type == "practice.capabilities_changed" else None
    event = Event(id_, wanted.type, now, now, "prac_test", name, object_id, 0, Cause.GATEWAY, changes=changes)
    shown = FullObject(unavailable=TEST) if endpoint.payload is Payload.FULL else None
    outcome = call(endpoint, event, on, shown=shown)
    return {"event_id": event.id, "succeeded": outcome.is_success, "attempt": _attempt(outcome, now)}


def list_deliveries(endpoint_id: str, query: DeliveriesQuery, *, caller: Caller, on: Services) -> dict[str, Any]:
    """Deliveries of the last 30 days, the youngest first, of what the client may see now; one may lag by seconds. Scope
    `webhooks:read`.

    Raises: ScopeMissing, NotFound. Invalid: the cursor is none of this list.
    """
    allow_client(caller, "webhooks", Verb.READ)
    endpoint = _find(endpoint_id, caller, on)
    after = None if query.cursor is None else _place(query.cursor, endpoint.id, on)
    found: list[Delivery] = []
    theirs = _Allowed(caller, on)
    looked_at, is_end = 0, False
    while len(found) < query.limit and looked_at < 8 * _READ_AT_ONCE and not is_end:
        page = on.webhooks.page(endpoint.id, after=after, limit=_READ_AT_ONCE)
        is_end = len(page) < _READ_AT_ONCE
        for one in page:
            looked_at += 1
            after = (one.made_at, one.event_id)
            if query.state in {None, one.state} and may_see(one.type, caller) and one.practice_id in theirs:
                found.append(one)
                if len(found) == query.limit:
                    is_end = is_end and one is page[-1]
                    break
    cursor = None
    if not is_end and after is not None:
        cursor = on.signer.sign(json.dumps([WEBHOOKS, endpoint.id, after[0].isoformat(), after[1]]).encode())
    return {"data": [_delivery(one) for one in found], "has_more": not is_end, "next_cursor": cursor}


def redeliver(endpoint_id: str, wanted: Again, *, caller: Caller, on: Services) -> dict[str, Any]:
    """Have events sent there again, or for the first time, within a minute: scope `webhooks:write`. What is pending
    stays as it is.

    Raises: ScopeMissing. NotFound: no such endpoint, or no such event that it could get. Conflict: it is disabled.
        FilterTooWide: more than `MOST_AGAIN` events lie in that span.
    """
    allow_client(caller, "webhooks", Verb.WRITE)
    endpoint = _find(endpoint_id, caller, on)
    if not endpoint.is_open:
        raise Conflict("enable the webhook first", reason="disabled")
    now = on.clock.now()
    events = list(_events(endpoint, wanted, caller, now, on))
    if wanted.event_id is not None and not events:
        raise NotFound("no such event", param="event_id")
    begun = 0
    for event in events:
        was = on.webhooks.delivery(endpoint.id, event.id)
        if was is None:
            begun += len(on.webhooks.begin([replace(rules.begun(endpoint.id, event, now), due_at=now)]))
        elif was.state is DeliveryState.FAILED or (
            was.state is DeliveryState.SUCCEEDED and (wanted.include_succeeded or wanted.event_id is not None)
        ):
            try:
                on.webhooks.save(rules.again(was, now), was=was)
            except Superseded:
                continue
            begun += 1
    return {"deliveries": begun}


def _events(endpoint: Endpoint, wanted: Again, caller: Caller, now: datetime, on: Services) -> Iterator[Event]:
    """The events that are asked for and that the endpoint could get."""
    count = looked_at = 0
    theirs = _Allowed(caller, on)
    practices = sorted(endpoint.practices_of(caller.client))
    if wanted.since is not None:
        since, until = _span(wanted.since, wanted.until, now)
        if ((until - since).days + 1) * len(practices) > QUERIES_AT_MOST:
            raise FilterTooWide("too many days of too many practices: send a shorter span", bounds=["since", "until"])
    for practice_id in practices:
        if practice_id not in theirs:
            continue
        for event in _logged(practice_id, wanted, now, on):
            looked_at += 1
            if looked_at > READ_AT_MOST:
                raise FilterTooWide(
                    f"more than {READ_AT_MOST} events to look at: send a shorter span", bounds=["until"]
                )
            may = may_get(event.type, practice_id, caller, now=now) and is_for(event, caller)
            if may and endpoint.wants(event.type, practice_id):
                count += 1
                if count > MOST_AGAIN:
                    raise FilterTooWide(f"more than {MOST_AGAIN} events: send a shorter span", bounds=["until"])
                yield event


def _span(since: datetime, until: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    return max(since, now - KEPT), min(until or now, now)


class _Allowed:
    """The practices whose events a caller may be shown now; each is asked for once."""

    def __init__(self, caller: Caller, on: Services) -> None:
        self._caller, self._on = caller, on
        self._known: dict[str, bool] = {}

    def __contains__(self, practice_id: str) -> bool:
        if practice_id not in self._known:
            try:
                allow(self._caller, practice_id, EVENTS, Verb.READ, on=self._on)
            except (NotFound, NotAllowed):
                self._known[practice_id] = False
            else:
                self._known[practice_id] = True
        return self._known[practice_id]


def _logged(practice_id: str, wanted: Again, now: datetime, on: Services) -> Iterator[Event]:
    if wanted.event_id is not None:
        yield from (one.event for one in on.event_log.get(practice_id, [wanted.event_id]))
        return
    since, until = _span(wanted.since or now, wanted.until, now)
    after: tuple[datetime, str] | None = None
    while True:
        page = on.event_log.page(practice_id, since=since, until=until, after=after, order="asc", limit=_READ_AT_ONCE)
        yield from (one.event for one in page)
        if len(page) < _READ_AT_ONCE:
            return
        after = (page[-1].logged_at, page[-1].event.id)


def _check(
    url: str | None, types: list[str] | None, practice_ids: list[str] | None, caller: Caller, on: Services
) -> None:
    if url is not None:
        _check_url(url, plain=on.stage == SANDBOX)
    for pattern in types or ():
        matching(pattern, param="types")
    if not frozenset(practice_ids or ()) <= caller.client.practices:
        raise NotFound("no such practice", param="practice_ids")


def _check_url(url: str, *, plain: bool) -> None:
    """What can be said of a URL by itself. Which address it leads to is looked at whenever it is called."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        raise Invalid("this is no URL", param="url") from None
    if not named or parts.scheme not in ({"https", "http"} if plain else {"https"}):
        raise Invalid("send an https URL with a host", param="url")
    if not _is_plain(parts.hostname or "", in_brackets="[" in parts.netloc):
        raise Invalid("send a host in letters, digits, dots and hyphens (xn-- for others), or an address", param="url")
    if "@" in parts.netloc or "#" in url:
        raise Invalid("send it without user, password and fragment", param="url")


def _is_plain(host: str, *, in_brackets: bool) -> bool:
    """Whether whoever reads a URL, a browser or an operator who approves it, sees the host that will be called."""
    if not in_brackets:
        return re.fullmatch(r"([a-z0-9_-]+\.)*[a-z0-9_-]+\.?", host) is not None
    try:
        return IPv6Address(host).scope_id is None
    except ValueError:
        return False


def _find(endpoint_id: str, caller: Caller, on: Services, *, deleted: bool = False) -> Endpoint:
    endpoint = _known(endpoint_id, on, deleted=deleted)
    if endpoint.client_id != caller.id:
        raise NotFound("no such webhook")
    return endpoint


def _of_anybody(endpoint_id: str, caller: Caller, on: Services) -> Endpoint:
    """The endpoint, whoever's it is, if all practices that it gets events of are the caller's, and it gets any: what it
    has not cannot be told from what is not there."""
    endpoint = _known(endpoint_id, on)
    theirs = _practices_of(endpoint, on)
    if not theirs or not theirs <= caller.client.practices:
        raise NotFound("no such webhook")
    return endpoint


def _known(endpoint_id: str, on: Services, *, deleted: bool = False) -> Endpoint:
    if not is_id(endpoint_id, "webhook"):
        raise NotFound("no such webhook")
    endpoint = on.webhooks.get(endpoint_id)
    if endpoint.deleted_at is not None and not deleted:
        raise NotFound("no such webhook")
    return endpoint


def _practices_of(endpoint: Endpoint, on: Services) -> frozenset[str]:
    try:
        return endpoint.practices_of(on.callers.client(endpoint.client_id))
    except NotFound:
        raise NotFound("no such webhook") from None


def _note(approval: Approval, action: str, endpoint: Endpoint, caller: Caller, on: Services) -> None:
    """Write it into the trail of each practice. Raises: AuditUnavailable: then it must not be."""
    request_id = new_id("audit_entry")
    for practice_id in sorted(approval.practices):
        on.audit.note(
            AuditEntry(
                id=new_id("audit_entry"),
                practice_id=practice_id,
                at=on.clock.now(),
                client_id=caller.id,
                action=action,
                request_id=request_id,
                object_ids=(endpoint.id,),
                agreement=approval.baa_reference,
            )
        )


def _changed(was: Endpoint, change: EndpointChange, now: datetime) -> Endpoint:
    wanted = was
    if change.url is not None and change.url != was.url:
        # What was agreed upon was whoever is behind the other one.
        wanted = replace(wanted, url=change.url, approval=None)
    if change.payload is not None:
        wanted = replace(wanted, payload=change.payload)
    if change.types is not None:
        wanted = replace(wanted, types=tuple(change.types))
    if change.description is not None:
        wanted = replace(wanted, description=change.description)
    if "practice_ids" in change.model_fields_set:
        practices = None if change.practice_ids is None else frozenset(change.practice_ids)
        wanted = replace(wanted, practices=practices)
    if change.state is EndpointState.ENABLED and not was.is_open:
        wanted = replace(wanted, state=EndpointState.ENABLED, reason=None, disabled_at=None)
    if change.state is EndpointState.DISABLED and was.is_open:
        wanted = replace(wanted, state=EndpointState.DISABLED, reason=Reason.OWNER, disabled_at=now)
    return wanted


def _clean(endpoint_id: str, on: Services) -> None:
    for _ in range(_TRIES):
        try:
            on.webhooks.save_health(Health(endpoint_id, rev=on.webhooks.health(endpoint_id).rev))
        except Superseded:
            continue
        return
    raise _busy()


def _busy() -> Unavailable:
    return Unavailable("the webhook is being changed by others", retry_after=1.0)


def _place(cursor: str, endpoint_id: str, on: Services) -> tuple[datetime, str]:
    payload = on.signer.verify(cursor)
    read = [] if payload is None else json.loads(payload)
    if read[:2] != [WEBHOOKS, endpoint_id]:
        raise Invalid("send next_cursor of the page before, as it came", param="cursor")
    return datetime.fromisoformat(read[2]), read[3]


def _with_secret(endpoint: Endpoint, on: Services) -> dict[str, Any]:
    secret = secret_of(endpoint.id, endpoint.generation, signer=on.signer)
    return _shown(endpoint) | {"secret": secret_text(secret)}


def _shown(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "types": list(endpoint.types),
        "practice_ids": None if endpoint.practices is None else sorted(endpoint.practices),
        "description": endpoint.description,
        "payload": str(endpoint.payload),
        "full_approval": endpoint.approval and _approval(endpoint.approval),
        "state": str(endpoint.state),
        "reason": endpoint.reason and str(endpoint.reason),
        "disabled_at": endpoint.disabled_at and instant_text(endpoint.disabled_at),
        "secret_generation": endpoint.generation,
        "secret_overlaps_until": endpoint.overlaps_until and instant_text(endpoint.overlaps_until),
        "created_at": instant_text(endpoint.made_at),
        "updated_at": instant_text(endpoint.changed_at),
        "deleted_at": endpoint.deleted_at and instant_text(endpoint.deleted_at),
    }


def _approval(approval: Approval) -> dict[str, Any]:
    return {
        "baa_reference": approval.baa_reference,
        "practice_ids": sorted(approval.practices),
        "approved_by": approval.by,
        "approved_at": instant_text(approval.at),
    }


def _health(health: Health) -> dict[str, Any]:
    return {
        "failures_in_a_row": health.failures,
        "failing_since": health.failing_since and instant_text(health.failing_since),
        "paused_until": health.open_until and instant_text(health.open_until),
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    last = delivery.last
    return {
        "event_id": delivery.event_id,
        "type": delivery.type,
        "practice_id": delivery.practice_id,
        "object_id": delivery.object_id,
        "state": str(delivery.state),
        "reason": delivery.ended and str(delivery.ended),
        "attempts": delivery.attempts,
        "created_at": instant_text(delivery.made_at),
        "next_attempt_at": delivery.due_at and instant_text(delivery.due_at),
        "last_attempt": None if last is None or delivery.last_at is None else _attempt(last, delivery.last_at),
    }


def _attempt(outcome: Outcome, at: datetime) -> dict[str, Any]:
    return {
        "at": instant_text(at),
        "status": outcome.status,
        "error": outcome.error,
        "body_begins": outcome.excerpt,
        "took_ms": outcome.took_ms,
    }
