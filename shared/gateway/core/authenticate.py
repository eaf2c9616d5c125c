"""`POST /authenticate`: a practice's keys for a session; a practice that is not known yet is connected on the way."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.core.access import caller_of
from gateway.core.addresses import Enrolment, address_of, normal
from gateway.core.audit import GATEWAY, NOBODY, AuditEntry, Phase
from gateway.core.callers import Caller, Client, Proof
from gateway.core.connect import KIND
from gateway.core.drift.learning import tier_of
from gateway.core.errors import (
    AppError,
    AuditUnavailable,
    Conflict,
    Invalid,
    KeyNotUsable,
    NotAllowed,
    NotFound,
    PracticeNotEnrolled,
    StillRunning,
    Throttled,
    Unauthenticated,
    Unavailable,
)
from gateway.core.ids import PREFIXES, new_id
from gateway.core.normalize.views import practice_view
from gateway.core.operations import Operation, OperationState
from gateway.core.ports import Keys, Pair, Services
from gateway.core.practices import Mode, Practice, Way
from gateway.core.requests import error_of, submit, wait_for
from gateway.core.sessions import as_answer, bearer, open_session, session_of, token_hash

CONNECT_SCOPE = "practices:connect"
OWN_SCOPES = frozenset({"*:read", "notes", "appointments:write", "payments:write"})
"""What a practice's own client may do. Whoever has both keys could do all of it at Open Dental as well."""

WRONG_OF_A_SOURCE = 5
WRONG_OF_ALL = 20
WRONG_RETRY_S = 900.0
ACTION = "POST /authenticate"
MAKES_CLIENT = "clients.enrol"
"""The action of making a client, here by the gateway itself."""
ACTIVE, PENDING = "active", "pending"

Key = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._-]+$")]


KEY_FORM = "a key as Open Dental shows it: letters, digits, points, dashes and underscores"


class Credentials(BaseModel):
    """The body of `POST /authenticate`.

    `developer_key` may be left out where the request carries a client's credential that has the practice already.
    `time_zone` (IANA) is needed when a practice is connected; sent again with both keys, it is changed. `mode` and
    `base_url` say how Open Dental is reached, `upstream` by which of its two APIs rows are read; `name` is what
    operators see.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    customer_key: Annotated[Key, Field(repr=False, description=KEY_FORM)]
    developer_key: Annotated[Key | None, Field(repr=False, description=KEY_FORM)] = None
    time_zone: Annotated[str, StringConstraints(max_length=64)] | None = None
    mode: Mode = Mode.REMOTE
    base_url: Annotated[str, StringConstraints(max_length=200)] | None = None
    upstream: Literal["rest", "fhir", "auto"] | None = None
    """`auto` reads by FHIR only what the key has no REST permission for. Sent again with both keys, it is changed."""
    name: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None


def authenticate(
    credentials: Credentials,
    *,
    authorization: str | None,
    source_ip: str,
    request_id: str,
    correlation_id: str | None = None,
    wait_s: float,
    enrolment: Enrolment,
    on: Services,
) -> dict[str, Any]:
    """A session, as RFC 6749 writes it, with what it covers. That it was opened, or refused, is in the practice's audit
    trail.

    Raises:
        Unauthenticated: the credential is not valid, or the request does not prove the practice's keys.
        PracticeNotEnrolled: the practice is not known and the request may not connect it.
        Invalid, NotAllowed, Conflict: a field says what cannot be.
        KeyNotUsable: Open Dental refuses the key, and knowing both is all the right that the request has.
        Throttled: too many wrong pairs from here.
        StillRunning: the keys are still being verified; the same request again takes up where this one stopped.
        AuditUnavailable: nobody signs in.
    """
    caller = _caller(authorization, on=on)
    fingerprint = on.signer.fingerprint(credentials.customer_key)
    practice = _known(fingerprint, on=on)
    attempt = Attempt(credentials, caller, on.signer.fingerprint(f"source:{source_ip}"), request_id, on)
    told = _Told(attempt, practice, request_id, correlation_id, source_ip)
    try:
        client, practice = _let_in(attempt, practice, fingerprint, enrolment, wait_s=wait_s)
    except AppError as error:
        told.refused(error)
        raise
    told.opened(client, practice)
    until, opened_by = (None, None) if caller is None else (caller.until, caller.opened_by)
    proof: Proof | None = Proof(practice.id, fingerprint)
    if caller is not None and caller.id == client.id:
        # The credential is a right of its own, or one by keys that are asked after at each call.
        proof = caller.proof
    opened = open_session(client, on=on, until=until, opened_by=opened_by, proof=proof)
    return {**as_answer(opened), "practice": practice_view(practice)}


def _let_in(
    attempt: Attempt, practice: Practice | None, fingerprint: str, enrolment: Enrolment, *, wait_s: float
) -> tuple[Client, Practice]:
    caller = attempt.caller
    refuse_gone(practice)
    if practice is not None and practice.state == ACTIVE:
        return attempt.enter(practice)
    if enrolment.is_open or (caller is not None and CONNECT_SCOPE in caller.client.scopes):
        return attempt.connect(fingerprint, enrolment, wait_s=wait_s)
    raise PracticeNotEnrolled(
        f"the practice is not connected here; a client with the scope {CONNECT_SCOPE} connects it"
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """What the trails have of one request. `known`: the practice that its customer key leads to."""

    attempt: Attempt
    known: Practice | None
    request_id: str
    correlation_id: str | None
    source_ip: str

    def opened(self, client: Client, practice: Practice) -> None:
        """A session is about to be opened. Raises: AuditUnavailable: it must not be."""
        self._note(practice.id, client.id, status=200)

    def refused(self, error: AppError) -> None:
        """None is opened. Of a practice that nobody knows it is told in the trail of the client that asked, if one did:
        strangers fill no trail. Nor does who asks again and again: whoever is throttled has been told of before.

        Raises: AuditUnavailable.
        """
        caller = self.attempt.caller
        if isinstance(error, Throttled | AuditUnavailable) or (self.known is None and caller is None):
            return
        said: dict[str, Any] = {"code": error.code, "phase": Phase.REFUSED}
        if isinstance(error, StillRunning):
            said = {"status": 202, "operation_id": error.operation_id}
        client_id = NOBODY if caller is None else caller.id
        self._note(None if self.known is None else self.known.id, client_id, **said)

    def _note(self, practice_id: str | None, client_id: str, **more: Any) -> None:
        on = self.attempt.on
        on.audit.note(
            AuditEntry(
                id=new_id("audit_entry"),
                practice_id=practice_id,
                at=on.clock.now(),
                client_id=client_id,
                action=ACTION,
                request_id=self.request_id,
                correlation_id=self.correlation_id,
                source_ip=self.source_ip or None,
                **more,
            )
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request: who sends which keys, from where (a hash)."""

    credentials: Credentials
    caller: Caller | None
    source: str
    request_id: str
    on: Services
    then: Way | None = None
    """The way by which a practice is asked that does not answer by the first one."""
    location_zones: Mapping[int, str] = field(default_factory=dict)
    """Of a practice that is connected: ClinicNum -> IANA zone."""
    taken: Callable[[Practice, str], None] | None = None
    """Told of a practice whose keys are being verified, and under which claim, before anybody waits for that."""

    # -- a practice that is known --------------------------------------------------------------------------------

    def enter(self, practice: Practice) -> tuple[Client, Practice]:
        """The client of the session, for a practice that is connected."""
        proven = self._proves(practice)
        practice = self._said_again(practice, proven=proven)
        client = self.caller.client if self.caller is not None else None
        is_refused = proven and self._is_refused(practice)
        if is_refused and client is not None and CONNECT_SCOPE in client.scopes:
            # Whoever connects practices says so once an office has allowed its key again.
            self.on.paces.try_again(practice.id, self.on.clock.now())
        if client is not None and practice.id in client.practices:
            return client, practice
        if is_refused:
            raise KeyNotUsable(
                "Open Dental refuses this key; who knows it has no other right here. An office allows it again: Setup, "
                "Advanced Setup, API",
                param="customer_key",
            )
        if not proven:
            # The whole office can read the customer key: it is no password.
            raise Unauthenticated("send developer_key as well, or the bearer token of a client that has the practice")
        if client is not None and CONNECT_SCOPE in client.scopes:
            return self._add(client, practice), practice
        return self._own_client(practice), practice

    def _proves(self, practice: Practice) -> bool:
        """Whether the request holds a pair that is the practice's now. A wrong developer key is a wrong pair."""
        if self.credentials.developer_key is None:
            return False
        self._not_too_often()
        pairs = [self.on.vault.keys(practice.id)]
        if self.on.signer.fingerprint(self.credentials.customer_key) in practice.other_fingerprints:
            # While one key is exchanged for another both are good.
            pairs += self._besides(practice)
        is_one = [self._is(pair) for pair in pairs]
        if any(is_one):
            self._close_proven_attempt()
            return True
        self.on.callers.note_attempt(self.source, self.on.clock.now(), attempt=new_id("event"))
        raise Unauthenticated("the two keys do not belong together")

    def _is_refused(self, practice: Practice) -> bool:
        fingerprint = self.on.signer.fingerprint(self.credentials.customer_key)
        return self.on.paces.view(practice.id).refuses(practice, fingerprint)

    def _is(self, pair: Keys) -> bool:
        sent = self.credentials
        same_developer = hmac.compare_digest(pair.developer.encode(), (sent.developer_key or "").encode())
        same_customer = hmac.compare_digest(pair.customer.encode(), sent.customer_key.encode())
        return same_developer and same_customer

    def _besides(self, practice: Practice) -> Iterator[Keys]:
        for which in (Pair.NEXT, Pair.FORMER):
            with suppress(NotFound):
                yield self.on.vault.keys(practice.id, which)

    def _close_proven_attempt(self) -> None:
        """Close an attempt of the same pair that was proven while nobody waited for it."""
        claim = self._claim()
        connected = self.on.practices.by_fingerprint(claim)
        if connected is not None:
            self.on.callers.forget_attempt(self.source, attempt=claim)
            self.on.practices.release_fingerprint(claim, connected)

    def _said_again(self, practice: Practice, *, proven: bool) -> Practice:
        """Take up a time zone that is said anew; how Open Dental is reached is not changed by signing in."""
        sent = self.credentials
        if sent.base_url is not None and normal(sent.base_url) != practice.base_url:
            raise Conflict("the practice is connected by another base_url", param="base_url")
        # Said by nobody it is the default, which a practice of another mode need not be of.
        if "mode" in sent.model_fields_set and sent.mode is not practice.mode:
            raise Conflict("the practice is connected in another mode", param="mode")
        zone = practice.time_zone if sent.time_zone in {None, practice.time_zone} else zone_named(sent.time_zone or "")
        upstream = sent.upstream or practice.upstream
        said = replace(practice, time_zone=zone, upstream=upstream)
        if said == practice:
            return practice
        if not proven:
            param = "time_zone" if said.time_zone != practice.time_zone else "upstream"
            raise NotAllowed(f"{param} is changed with both keys only", param=param)
        return self.on.practices.change(practice.id, lambda known: replace(known, time_zone=zone, upstream=upstream))

    # -- a practice that is not --------------------------------------------------------------------------------

    def connect(self, fingerprint: str, enrolment: Enrolment, *, wait_s: float) -> tuple[Client, Practice]:
        """Prove the keys by a turn on the queue, then give the practice to the client."""
        sent, on = self.credentials, self.on
        if sent.developer_key is None:
            raise Invalid("developer_key is needed to connect a practice", param="developer_key")
        base_url, network = address_of(sent.base_url, sent.mode, enrolment)
        claim = self._claim()
        practice = self._claimed(claim)
        if practice is None:
            if sent.time_zone is None:
                raise Invalid("time_zone is needed to connect a practice: an IANA name", param="time_zone")
            practice = self._new(claim, (base_url, network), zone_named(sent.time_zone), fingerprint)
        caller = self.caller or Caller(_own_client(practice))
        keeps = _KeepsKeys(practice, Keys(developer=sent.developer_key, customer=sent.customer_key), on)
        operation = submit(
            KIND,
            {"claim": claim},
            practice=practice,
            caller=caller,
            idempotency_key=f"connect.{claim}",
            on=on,
            prepare=keeps,
        )
        if self.taken is not None:
            self.taken(practice, claim)
        operation = wait_for(operation, wait_s=wait_s, on=on)
        if operation.state.is_settled:
            keeps.no_longer()
        return self._finish(operation, claim, fingerprint, practice)

    def _claim(self) -> str:
        """The name of this attempt. Each client proves its own pair on its own record: nobody rides on another's."""
        who = self.caller.client.id if self.caller is not None else "open"
        sent = self.credentials
        return self.on.signer.fingerprint(f"connect:{who}:{sent.developer_key}:{sent.customer_key}")

    def _claimed(self, claim: str) -> Practice | None:
        """The record of the same attempt made before, if it is not over."""
        practice_id = self.on.practices.by_fingerprint(claim)
        if practice_id is None:
            return None
        try:
            return self.on.practices.get(practice_id)
        except NotFound:
            # Died between the claim and the record, or too long ago.
            self.on.practices.release_fingerprint(claim, practice_id)
            return None

    def _new(self, claim: str, address: tuple[str, str], zone: str, fingerprint: str) -> Practice:
        self._not_too_often()
        base_url, network = address
        sent, on = self.credentials, self.on
        practice = Practice(
            id=new_id("practice"),
            name=sent.name or "A practice",
            time_zone=zone,
            mode=sent.mode,
            base_url=base_url,
            network=network,
            upstream=sent.upstream or "auto",
            fallback=self.then,
            tier=tier_of(frozenset(), sent.mode),
            location_zones=dict(self.location_zones),
            key_fingerprint=fingerprint,
            state="pending",
        )
        on.callers.note_attempt(self.source, on.clock.now(), attempt=claim)
        # The claim first: what a function that dies here leaves behind is found and finished by the next request.
        if on.practices.claim_fingerprint(claim, practice.id) != practice.id:
            raise Unavailable("the same request is being worked on", retry_after=1.0)
        on.practices.put(practice)
        return practice

    def _finish(
        self, operation: Operation, claim: str, fingerprint: str, practice: Practice
    ) -> tuple[Client, Practice]:
        """Give the proven practice to the client, or say why not. A repeat of the request may run it again."""
        on = self.on
        connected = proven(operation, claim, fingerprint, practice, source=self.source, on=on)
        client = self._add(self.caller.client, connected) if self.caller is not None else self._own_client(connected)
        over(claim, practice, source=self.source, on=on)
        return client, connected

    # -- clients ------------------------------------------------------------------------------------------------

    def _add(self, client: Client, practice: Practice) -> Client:
        self.on.callers.add_practice(client.id, practice.id)
        return replace(client, practices=client.practices | {practice.id})

    def _own_client(self, practice: Practice) -> Client:
        """The practice's own client, made at its first use; operators narrow or revoke it like any other."""
        own = _own_client(practice)
        try:
            self.on.callers.client(own.id)
        except NotFound:
            self.on.audit.note(
                AuditEntry(
                    id=new_id("audit_entry"),
                    practice_id=practice.id,
                    at=self.on.clock.now(),
                    client_id=GATEWAY,
                    action=MAKES_CLIENT,
                    request_id=self.request_id,
                    phase=Phase.INTENT,
                    object_ids=(own.id,),
                )
            )
            self.on.callers.put_client(own)
        return caller_of(own.id, on=self.on).client

    def _not_too_often(self) -> None:
        of_source, of_all = self.on.callers.count_attempts(self.source, self.on.clock.now())
        if of_source >= WRONG_OF_A_SOURCE or of_all >= WRONG_OF_ALL:
            raise Throttled("too many pairs of keys were wrong lately", retry_after=WRONG_RETRY_S)


@dataclass(slots=True)
class _KeepsKeys:
    """Puts a pair where the worker finds it, for as long as its operation goes on.

    The operation is stored before the pair: who dies between leaves an operation whose turn is put by the sweeper and
    fails without keys; who dies behind leaves one that is worked off, and its end (`connect.settle`, `give_up`) takes
    the pair up or drops it. So no pair lies in the vault that nothing leads to.
    """

    practice: Practice
    pair: Keys
    on: Services
    _put: bool = False

    def __call__(self) -> None:
        """Put the pair, unless it is there."""
        if self.practice.state != PENDING:
            return
        try:
            self.on.vault.pending(self.practice.id)
        except NotFound:
            self.on.vault.put_pending(self.practice.id, self.pair)
            self._put = True

    def no_longer(self) -> None:
        """Drop what this request put: the operation may have ended just before, and then nobody else drops it."""
        if self._put:
            self.on.vault.drop_pending(self.practice.id)


def asked_again(claim: str, practice: Practice, *, caller: Caller, on: Services) -> Operation:
    """How far the proof of an attempt's pair is, for somebody who has no keys at hand; a lost turn is put again.

    Raises: QueueFull, KeyNotUsable.
    """
    return submit(KIND, {"claim": claim}, practice=practice, caller=caller, idempotency_key=f"connect.{claim}", on=on)


def proven(
    operation: Operation, claim: str, fingerprint: str, practice: Practice, *, source: str, on: Services
) -> Practice:
    """The practice that a pair was proven for, which may be another client's record of the same key.

    Raises: StillRunning: that goes on. KeyNotUsable, Unavailable, Unreachable ...: it was not proven, and why not.
    """
    if not operation.state.is_settled:
        raise StillRunning(operation.id, retry_after=2.0)
    if operation.state is OperationState.FAILED:
        on.practices.release_fingerprint(claim, practice.id)
        error = error_of(operation.error or {})
        if isinstance(error, KeyNotUsable) and (error.upstream or {}).get("status") is None:
            # Nobody asked Open Dental: whoever opened the operation died before the pair was where the turn looks.
            error = Unavailable("the keys were not kept long enough to be tried", retry_after=1.0)
        if isinstance(error, KeyNotUsable):
            # Open Dental does not say which of the two it is; the one that the office hands out is looked at first.
            error.param = error.param or "customer_key"
        else:
            # The office was offline, say: nothing is known against the pair.
            on.callers.forget_attempt(source, attempt=claim)
        raise error
    connected = _known(fingerprint, on=on)
    if connected is None or connected.state != ACTIVE:
        # Another client's proof of the same key came first and is being taken up.
        raise StillRunning(operation.id, retry_after=2.0)
    return connected


def over(claim: str, practice: Practice, *, source: str, on: Services) -> None:
    """Close an attempt whose pair is proven and taken up."""
    on.callers.forget_attempt(source, attempt=claim)
    on.practices.release_fingerprint(claim, practice.id)


def refuse_gone(practice: Practice | None) -> None:
    """Raises: PracticeNotEnrolled: the practice was disconnected, or is being removed."""
    if practice is None:
        return
    if practice.leaving is not None:
        raise PracticeNotEnrolled("the practice is being removed; once it is gone, it can be connected anew")
    if practice.state not in {ACTIVE, PENDING}:
        raise PracticeNotEnrolled("the practice has been disconnected; an operator can connect it again")


def known_by(fingerprint: str, *, on: Services) -> Practice | None:
    """The practice that a customer key's fingerprint leads to."""
    return _known(fingerprint, on=on)


def _caller(authorization: str | None, *, on: Services) -> Caller | None:
    if authorization is None:
        return None
    token = bearer(authorization)
    session = session_of(token, on=on, now=on.clock.now())
    opened_by = token_hash(token) if token is not None and session.is_key else session.opened_by
    caller = caller_of(session.client_id, on=on)
    return replace(caller, until=session.expires_at, opened_by=opened_by, proof=session.proof)


def _known(fingerprint: str, *, on: Services) -> Practice | None:
    practice_id = on.practices.by_fingerprint(fingerprint)
    if practice_id is None:
        return None
    try:
        return on.practices.get(practice_id)
    except NotFound:
        return None


def own_client_id(practice_id: str) -> str:
    """The id of the client that is the practice's own."""
    digest = hashlib.sha256(b"own client of " + practice_id.encode()).digest()[:10]
    return f"{PREFIXES['client']}_{base64.b32encode(digest).decode().lower()}"


def _own_client(practice: Practice) -> Client:
    return Client(
        id=own_client_id(practice.id),
        # Practices that nobody named are all called the same.
        name=f"{practice.name} ({practice.id})",
        practices=frozenset({practice.id}),
        scopes=OWN_SCOPES,
    )


_NO_ZONES = frozenset({"localtime", "posixrules", "Factory"})
"""Files among the zones that are none: this machine's own, a template, and `unknown`."""


def zone_named(name: str, param: str = "time_zone") -> str:
    """The IANA zone of this name. Raises: Invalid: there is none."""
    # ZoneInfo opens files by this name: only what an IANA name is made of gets that far.
    if name not in _NO_ZONES and re.fullmatch(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*", name):
        with suppress(KeyError, ValueError, OSError):
            return ZoneInfo(name).key
    raise Invalid(f"{param} takes an IANA name, such as America/Chicago", param=param)
