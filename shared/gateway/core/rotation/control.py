"""What an operator does with the exchange of a practice's key: ask for it, look how far it is, call it off."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from gateway.core.access import allow, allow_client
from gateway.core.authenticate import KEY_FORM, Key
from gateway.core.callers import Caller, Verb
from gateway.core.errors import Conflict, KeyReused, NotFound, ScopeMissing, Unavailable
from gateway.core.ids import id_from
from gateway.core.ports import Pair, Services
from gateway.core.practices import Mode, Practice
from gateway.core.rotation import rule
from gateway.core.rotation.records import Book, Rotation, State, Superseded
from gateway.core.walltime import instant_text, optional_instant_text

_TRIES: Final = 5

_SAYS: Final[Mapping[State, str]] = {
    State.REQUESTED: "The new key is being made.",
    State.WAITING: "At the office, in Open Dental: Setup > Advanced Setup > API, Add Key, paste customer_key; the "
    "present key stays there. It is looked for by itself, every quarter of a minute at first.",
    State.VERIFYING: "The new key answers, and it is seen whether it leads to the same office.",
    State.SUBSCRIBING: "The practice's machines are asked to tell their changes under the new key, too.",
    State.PROMOTING: "The new key is taken into use.",
    State.ENDING: "The new key is in use. What the machines tell under the old one is being ended.",
    State.DRAINING: "The new key is in use. The old one is disabled once nobody has called with it for 24 hours.",
    State.CANCELLING: "What was made for the new key is being taken back.",
    State.CANCELLED: "It was called off; the present key stays in use.",
}

_WHY: Final[Mapping[str, str]] = {
    "other-office": "The new key leads to another office than the present one. Nothing was changed: have it taken out "
    "there, and begin anew with a key of this office.",
    "office-did-not-add-it": "The office has not added the new key for 30 days.",
    "permissions-missing": "For 30 days the new key could do less than the present one; add what it lacks in the "
    "developer's portal, and begin anew.",
    "not-verifiable": "The present key may read neither the office's preferences nor its providers, so that nobody can "
    "say whether a new one leads to the same office.",
    "present-key-refused": "Open Dental refuses the present key, so that nobody can say whether a new one leads to the "
    "same office. Have the office allow the present one for the exchange.",
    "key-not-kept": "The new key was lost before it was kept; begin anew.",
    "portal-key-refused": "Open Dental refuses the developer's portal key; keep a good one, or send customer_key.",
    "key-of-another-practice": "The new key belongs to another practice that is connected here.",
}
"""Why an exchange failed, for people."""


class RotationInput(BaseModel):
    """The body of `POST /practices/{id}/rotations`.

    `customer_key`: the new key, made for this office in the developer's portal. Left out, one is made by the portal key
    of the deployment.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    customer_key: Annotated[Key | None, Field(repr=False, description=KEY_FORM)] = None


class Asked(NamedTuple):
    """An exchange as whoever asked for it sees it. `is_replayed`: a request of the same key had asked before."""

    rotation: Mapping[str, Any]
    is_replayed: bool


def begin(practice_id: str, wanted: RotationInput, *, caller: Caller, key: str, on: Services) -> Asked:
    """Have the practice's key exchanged: scope `practices.keys:write`. A repeat with the same key is the same exchange,
    and takes up what a function that died left undone.

    Raises:
        NotFound, ScopeMissing. KeyReused: the Idempotency-Key was used for another request.
        Conflict: one is under way; the key is the present one, or another practice's; none can be made here.
        Unavailable: another request was faster; nothing was changed.
    """
    practice = allow(caller, practice_id, "practices.keys", Verb.WRITE, on=on, protected=False)
    asked = on.signer.fingerprint(f"rotation {wanted.customer_key or ''}")
    id_ = id_from("rotation", on.signer.fingerprint(f"rotation {caller.id} {practice.id} {key}"))
    book = on.rotations.load(practice.id)
    rotation, is_replayed = book.get(id_), True
    if rotation is None:
        now = on.clock.now()
        made = Rotation(
            id=id_,
            practice_id=practice.id,
            asked=asked,
            requested_by=caller.id,
            requested_at=now,
            by_portal=wanted.customer_key is None,
            former=practice.key_fingerprint,
            since=now,
            due_at=now,
        )
        rotation, is_replayed = _new(made, wanted, practice, book, on), False
    if rotation.asked != asked:
        raise KeyReused("this Idempotency-Key belongs to another request", param="Idempotency-Key")
    if rotation.state is State.REQUESTED:
        if wanted.customer_key is not None:
            on.vault.put_next(practice.id, wanted.customer_key)
        _have_it_seen(practice, rotation, on)
    return Asked(_shown(rotation, None), is_replayed)


def rotations_of(practice_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """All exchanges that are remembered, the latest first: scope `practices:read`. Raises: NotFound, ScopeMissing."""
    practice = allow(caller, practice_id, "practices", Verb.READ, on=on, protected=False)
    book = on.rotations.load(practice.id)
    return {"data": [_shown(one, None) for one in reversed(book.rotations)], "has_more": False, "next_cursor": None}


def rotation_of(practice_id: str, rotation_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """One of them: scope `practices:read`. While the office has to add the new key, a client with
    `practices.keys:write` is shown that key, too.

    Raises: NotFound, ScopeMissing.
    """
    practice = allow(caller, practice_id, "practices", Verb.READ, on=on, protected=False)
    rotation = on.rotations.load(practice.id).get(rotation_id)
    if rotation is None:
        raise NotFound("no such exchange of keys")
    shown = None
    if rotation.state is State.WAITING:
        with suppress(ScopeMissing, NotFound):
            allow_client(caller, "practices.keys", Verb.WRITE)
            shown = on.vault.keys(practice.id, Pair.NEXT).customer
    return _shown(rotation, shown)


def cancel(practice_id: str, rotation_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """Call an exchange off: scope `practices.keys:write`. What was made for it is taken back in the background.

    Raises:
        NotFound, ScopeMissing. Conflict: the new key is in use already, or it is over.
        Unavailable: it changed all the while.
    """
    practice = allow(caller, practice_id, "practices.keys", Verb.WRITE, on=on, protected=False)
    for _ in range(_TRIES):
        book = on.rotations.load(practice.id)
        rotation = book.get(rotation_id)
        if rotation is None:
            raise NotFound("no such exchange of keys")
        if rotation.state not in {State.CANCELLING, State.CANCELLED}:
            if not rule.may_cancel(rotation):
                told = "it is over" if rotation.state.is_over else "the new key is in use; exchange it once more"
                raise Conflict(f"this exchange cannot be called off: {told}", reason="too-late")
            rotation = rule.to(rotation, State.CANCELLING, on.clock.now())
            try:
                on.rotations.save(rule.noted(book, rotation))
            except Superseded:
                continue
        _have_it_seen(practice, rotation, on)
        return _shown(rotation, None)
    raise Unavailable("this exchange is being changed by others", retry_after=1.0)


def _new(made: Rotation, wanted: RotationInput, practice: Practice, book: Book, on: Services) -> Rotation:
    if book.open is not None:
        raise Conflict("an exchange of this practice's key is under way", reason="under-way", rotation_id=book.open.id)
    if practice.upstream == "fhir":
        raise Conflict("this practice's key opens FHIR alone, by which no office can be told", reason="by-fhir")
    if wanted.customer_key is None:
        _can_make(practice, on)
    else:
        made = replace(made, fingerprint=_claimed(wanted.customer_key, practice, on))
    try:
        on.rotations.save(rule.noted(book, made))
    except Superseded as error:
        faster = on.rotations.load(practice.id).open
        # Who was faster may have come with the same key, and holds it.
        if made.fingerprint and (faster is None or faster.fingerprint != made.fingerprint):
            on.practices.release_fingerprint(made.fingerprint, practice.id)
        raise Unavailable("another exchange is being begun", retry_after=1.0) from error
    return made


def _claimed(customer_key: str, practice: Practice, on: Services) -> str:
    """The fingerprint of a key that is to follow: from now on nobody connects it as another practice."""
    fingerprint = on.signer.fingerprint(customer_key)
    if fingerprint == practice.key_fingerprint or customer_key == on.vault.keys(practice.id).customer:
        raise Conflict("this is the practice's present key", param="customer_key", reason="present-key")
    if on.practices.claim_fingerprint(fingerprint, practice.id) != practice.id:
        detail = "this key belongs to another practice"
        raise Conflict(detail, param="customer_key", reason="key-of-another-practice")
    return fingerprint


def _can_make(practice: Practice, on: Services) -> None:
    if practice.mode is not Mode.REMOTE:
        detail = (
            "send customer_key: keys are made at Open Dental's own service, which is not how this practice is reached"
        )
        raise Conflict(detail, param="customer_key", reason="not-remote")
    try:
        on.vault.portal()
    except NotFound as error:
        detail = "send customer_key: this deployment has no portal key to make one"
        raise Conflict(detail, param="customer_key", reason="no-portal-key") from error


def _have_it_seen(practice: Practice, rotation: Rotation, on: Services) -> None:
    """Have the practice's background lane look at the exchange, also where whoever said so first died before this."""
    on.practices.change(practice.id, lambda known: replace(known, rotation=rotation.id))
    on.paces.background_due(practice.id, on.clock.now())


def _shown(rotation: Rotation, customer_key: str | None) -> dict[str, Any]:
    says = _SAYS.get(rotation.state)
    if rotation.state is State.FAILED:
        says = _WHY.get(rotation.reason or "")
    if rotation.state is State.DONE:
        says = (
            "The old key is disabled; the office may take it out."
            if rotation.old_key_disabled
            else "The old key is no longer used. Have the office take it out: Setup > Advanced Setup > API."
        )
    if rotation.lacks:
        says = f"The new key cannot do all that the present one can; add to it: {', '.join(rotation.lacks)}."
    return {
        "id": rotation.id,
        "practice_id": rotation.practice_id,
        "state": rotation.state.value,
        "since": optional_instant_text(rotation.since),
        "requested_at": instant_text(rotation.requested_at),
        "requested_by": rotation.requested_by,
        "key_from": "portal" if rotation.by_portal else "request",
        "customer_key": customer_key,
        "looked_at_next": optional_instant_text(rotation.due_at),
        "given_up_at": None
        if rotation.state is not State.WAITING
        else instant_text(rotation.requested_at + rule.OFFICE_HAS),
        "promoted_at": optional_instant_text(rotation.promoted_at),
        "ended_at": optional_instant_text(rotation.ended_at),
        "reason": rotation.reason,
        "lacks": list(rotation.lacks),
        "says": says,
    }
