"""`POST /practices`: a practice's keys for a practice of the client's, and a run that brings it up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gateway.core.access import allow_client
from gateway.core.addresses import Enrolment, address_of
from gateway.core.authenticate import ACTIVE, KEY_FORM, Attempt, Credentials, Key, known_by, refuse_gone, zone_named
from gateway.core.baa.control import BaaInput
from gateway.core.callers import Caller, Verb
from gateway.core.errors import KeyNotUsable, KeyReused, Refused, StillRunning, Unauthenticated
from gateway.core.hashing import canonical_hash
from gateway.core.ids import id_from
from gateway.core.inputs import broken_rule
from gateway.core.normalize.views import practice_view
from gateway.core.onboarding.records import Onboarding, Superseded
from gateway.core.onboarding.running import start
from gateway.core.onboarding.shown import shown
from gateway.core.ports import Services
from gateway.core.practices import Mode, Practice, Way

_MOST_CLINICS: Final = 1000

Zone = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class NewPractice(BaseModel):
    """The body of `POST /practices`.

    `time_zone` (IANA) is the office's; `location_time_zones` has those clinics whose zone differs, by their ClinicNum.
    `modes`: how Open Dental is reached, in the order in which it is tried: an office's own server (`service`, at
    `base_url`, which the stage must allow), then Open Dental's own service (`remote`). `agreement` is recorded as by
    `POST /practices/{id}/baa`, with the scope that takes; left out, the run waits until there is one. `mirror`: whether
    a copy is kept of the practice. `native_events`: whether its machines are to tell by themselves what changes.
    `name` is what operators see.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    customer_key: Annotated[Key, Field(repr=False, description=KEY_FORM)]
    developer_key: Annotated[Key, Field(repr=False, description=KEY_FORM)]
    time_zone: Zone
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] | None = None
    location_time_zones: Annotated[dict[str, Zone], Field(max_length=_MOST_CLINICS)] = Field(default_factory=dict)
    modes: Annotated[list[Literal["service", "remote"]], Field(min_length=1, max_length=2)] = ["remote"]
    base_url: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    agreement: BaaInput | None = None
    mirror: Literal["on", "off"] = "on"
    native_events: Literal["on", "off"] = "off"

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.modes == ["remote", "service"] or len(set(self.modes)) != len(self.modes):
            raise broken_rule("modes", "it takes service, remote, or service and then remote")
        if self.native_events == "on" and self.mirror == "off":
            raise broken_rule("native_events", "nothing would take what the practice's machines tell without a mirror")
        if not all(one.isascii() and one.isdigit() and int(one) > 0 for one in self.location_time_zones):
            raise broken_rule("location_time_zones", "its members are called by a clinic's ClinicNum")
        return self


class Onboarded(NamedTuple):
    """A practice and how far its onboarding is. `is_known`: it was connected before; `is_replayed`: the same request
    came before; `is_proven`: whether its keys are proven by now."""

    body: Mapping[str, Any]
    is_known: bool
    is_replayed: bool
    is_proven: bool


def onboard(
    wanted: NewPractice,
    *,
    caller: Caller,
    key: str,
    source_ip: str,
    request_id: str,
    api_url: str | None,
    wait_s: float,
    enrolment: Enrolment,
    on: Services,
) -> Onboarded:
    """Connect a practice and begin its onboarding: scope `practices:connect`.

    The keys go the way of `POST /authenticate`: into the vault, and proven by a turn. A repeat takes up where the first
    one stopped. A practice that is known is shown to whoever proves both keys, and becomes the client's.

    Raises:
        ScopeMissing. Invalid: a field says what cannot be. KeyNotUsable: Open Dental refuses the keys, or they do not
        belong together. KeyReused: the Idempotency-Key was used for another request. Throttled: too many wrong pairs.
        PracticeNotEnrolled: an operator has disconnected the practice. Unreachable: nobody answers by any way.
    """
    allow_client(caller, "practices", Verb.CONNECT)
    asked = on.signer.fingerprint(f"onboarding {canonical_hash(wanted.model_dump(mode='json'))}")
    id_ = id_from("onboarding", on.signer.fingerprint(f"onboarding {caller.id} {key}"))
    attempt = _attempt(wanted, caller=caller, source_ip=source_ip, request_id=request_id, enrolment=enrolment, on=on)
    fingerprint = on.signer.fingerprint(wanted.customer_key)
    begun: list[tuple[Onboarding, bool]] = []

    def taken(practice: Practice, claim: str) -> None:
        begun.append(
            _begun(
                wanted,
                practice,
                attempt,
                claim=claim,
                fingerprint=fingerprint,
                asked=asked,
                id_=id_,
                api_url=api_url,
            )
        )

    attempt = replace(attempt, taken=taken)
    _not_another(id_, asked, on)
    try:
        practice = known_by(fingerprint, on=on)
        refuse_gone(practice)
        if practice is not None and practice.state == ACTIVE:
            return _known(attempt, practice, id_, asked, on)
        _, practice = attempt.connect(fingerprint, enrolment, wait_s=wait_s)
    except StillRunning:
        (onboarding, is_new), *_ = begun
        practice = on.practices.get(onboarding.practice_id)
        return Onboarded(_body(practice, onboarding), is_known=False, is_replayed=not is_new, is_proven=False)
    except Refused:
        # Nothing was begun that the key could stand for.
        forget_key(id_, asked, on)
        raise
    (onboarding, is_new), *_ = begun
    return Onboarded(_body(practice, onboarding), is_known=False, is_replayed=not is_new, is_proven=True)


def _attempt(
    wanted: NewPractice, *, caller: Caller, source_ip: str, request_id: str, enrolment: Enrolment, on: Services
) -> Attempt:
    first, *others = (Mode(one) for one in wanted.modes)
    # The address is that of the office's own server where both ways are said: the other one has its own.
    sent = Credentials(
        customer_key=wanted.customer_key,
        developer_key=wanted.developer_key,
        time_zone=wanted.time_zone,
        mode=first,
        base_url=wanted.base_url,
        name=wanted.name,
    )
    then = None
    for mode in others:
        base_url, network = address_of(None, mode, enrolment)
        then = Way(mode, base_url, network)
    zones = {
        int(clinic): zone_named(zone, f"location_time_zones.{clinic}")
        for clinic, zone in wanted.location_time_zones.items()
    }
    source = on.signer.fingerprint(f"source:{source_ip}")
    return Attempt(sent, caller, source, request_id, on, then=then, location_zones=zones)


def _known(attempt: Attempt, practice: Practice, id_: str, asked: str, on: Services) -> Onboarded:
    """A practice that is connected already: proven by both keys, it is the client's."""
    onboarding = on.onboardings.load(practice.id)
    is_replayed = onboarding is not None and onboarding.id == id_
    if is_replayed and onboarding is not None and onboarding.asked != asked:
        raise KeyReused("this Idempotency-Key belongs to another request", param="Idempotency-Key")
    # What a connected practice is said to be is not changed by connecting it.
    again = Credentials(customer_key=attempt.credentials.customer_key, developer_key=attempt.credentials.developer_key)
    try:
        _, practice = replace(attempt, credentials=again).enter(practice)
    except Unauthenticated:
        # The request has a token that is good: what is wrong is in its body.
        raise KeyNotUsable("the two keys do not belong together", param="customer_key") from None
    mine = onboarding if is_replayed else None
    if mine is None:
        forget_key(id_, asked, on)
    return Onboarded(_body(practice, mine), is_known=mine is None, is_replayed=is_replayed, is_proven=True)


def _begun(
    wanted: NewPractice,
    practice: Practice,
    attempt: Attempt,
    *,
    claim: str,
    fingerprint: str,
    asked: str,
    id_: str,
    api_url: str | None,
) -> tuple[Onboarding, bool]:
    """The practice's onboarding, kept before its run is started; whoever dies between is taken up by a repeat."""
    on, caller = attempt.on, attempt.caller
    assert caller is not None
    onboarding, is_new = on.onboardings.load(practice.id), False
    if onboarding is None:
        made = Onboarding(
            id=id_,
            practice_id=practice.id,
            client_id=caller.id,
            asked=asked,
            claim=claim,
            fingerprint=fingerprint,
            source=attempt.source,
            began_at=on.clock.now(),
            run_id="",
            wants_mirror=wanted.mirror == "on",
            wants_events=wanted.native_events == "on",
            api_url=api_url,
            agreement=None if wanted.agreement is None else wanted.agreement.model_dump(mode="json"),
        )
        try:
            onboarding, is_new = on.onboardings.save(made), True
        except Superseded:
            onboarding = on.onboardings.load(practice.id)
            assert onboarding is not None
    return start(onboarding, caller=caller, on=on), is_new


def _not_another(id_: str, asked: str, on: Services) -> None:
    """See that the key of the request stands for it alone, whichever practice it was used for.

    Raises: KeyReused.
    """
    if on.practices.claim_fingerprint(_mark(id_, on), asked) != asked:
        raise KeyReused("this Idempotency-Key belongs to another request", param="Idempotency-Key")


def forget_key(id_: str, asked: str, on: Services) -> None:
    """Let the Idempotency-Key of an onboarding that is not kept stand for nothing."""
    on.practices.release_fingerprint(_mark(id_, on), asked)


def _mark(id_: str, on: Services) -> str:
    return on.signer.fingerprint(f"key of {id_}")


def _body(practice: Practice, onboarding: Onboarding | None) -> dict[str, Any]:
    return {**practice_view(practice), "onboarding": None if onboarding is None else shown(onboarding)}
