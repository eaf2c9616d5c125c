"""Background work: takes the exchange of a practice's key on, step by step.

Each step is one call, or some that may be made again; what it learned is stored before the next. Who dies at any line
leaves an exchange that the next turn takes up: keys that were made are found by their reference, labels in the vault
and fingerprints that stand already are left as they are. Nothing is promoted that did not answer for the same office.

Sources: https://www.opendental.com/site/apikeys.html, https://www.opendental.com/site/apisubscriptions.html.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.core import capability
from gateway.core.background_turn import BackgroundTurn, CouldNotLook, GiveWay
from gateway.core.drift import learning
from gateway.core.errors import NotFound, PermissionMissing, Unavailable
from gateway.core.events.facts import PRACTICE
from gateway.core.mirror.session import Failed, Refused, Session
from gateway.core.native import care
from gateway.core.normalize.values import SERVER_CLOCK
from gateway.core.plans import UpstreamCall
from gateway.core.ports import Pair
from gateway.core.practices import Mode, Practice
from gateway.core.rotation import portal, rule
from gateway.core.rotation.pairs import under_former, under_next
from gateway.core.rotation.records import Rotation, State, Superseded
from open_dental import errors as upstream

FACT: Final = "key"
"""The key of the fact that says how the practice's last exchange of keys stands."""

PROBE: Final = UpstreamCall("securityperms.list")
"""The cheapest question that shows that an office answers, its key is right, and what that may do."""

LISTED_AND_CHANGED: Final = 3
"""Calls of a turn that changes subscriptions where callers leave no gap: a listing, and two changes a minute."""

_REFUSED: Final = (upstream.Unauthorized, upstream.KeyNotAssigned)
_KEPT_WITHIN: Final = 10
"""So many looks at a vault that has no new key yet: whoever was to put it there died, and was not asked again."""


class Rotating:
    """See the module."""

    def run(self, turn: BackgroundTurn) -> None:
        """See `Work.run`. GiveWay also once another key is in use: what the turn knows of the practice is old then."""
        while turn.practice.rotation is not None:
            at = _Place(turn)
            rotation = at.book.open
            if rotation is None:
                turn.practice = turn.on.practices.change(turn.practice.id, lambda known: replace(known, rotation=None))
                return
            if not _is_due(rotation, turn):
                return
            try:
                after = _STEPS[rotation.state](rotation, at)
            except CouldNotLook as error:
                # The office does not answer this, for now; whatever else is due may be told more.
                at.save(rule.went_wrong(at.rotation(rotation.id), turn.on.clock.now()))
                if isinstance(error.__cause__, upstream.PracticeOffline | upstream.NotSent):
                    raise
                return
            except portal.PortalBusy:
                known = at.rotation(rotation.id)
                at.save(replace(known, due_at=turn.on.clock.now() + portal.again_after(turn.practice.id)))
                return
            at.save(after)
            if rotation.state is State.PROMOTING:
                raise GiveWay
            if after.state is rotation.state and not _is_due(after, turn):
                return

    def next_due(self, turn: BackgroundTurn) -> datetime | None:
        """See `Work.next_due`."""
        if turn.practice.rotation is None:
            return None
        rotation = turn.on.rotations.load(turn.practice.id).open
        return turn.on.clock.now() if rotation is None else rotation.due_at


class _Place:
    """Where a step is taken: the turn, and the book as it was loaded or stored last."""

    def __init__(self, turn: BackgroundTurn) -> None:
        self.turn = turn
        self.on = turn.on
        self.book = turn.on.rotations.load(turn.practice.id)

    @property
    def practice(self) -> Practice:
        """The practice as it is known now."""
        return self.turn.practice

    def now(self) -> datetime:
        """The present moment."""
        return self.on.clock.now()

    def rotation(self, rotation_id: str) -> Rotation:
        """The exchange as it was stored last."""
        found = self.book.get(rotation_id)
        assert found is not None
        return found

    def save(self, rotation: Rotation) -> Rotation:
        """Store it. Raises: GiveWay: somebody changed it meanwhile, such as who called it off."""
        try:
            self.book = self.on.rotations.save(rule.noted(self.book, rotation))
        except Superseded as error:
            raise GiveWay from error
        return rotation

    def change(self, **changes: Any) -> None:
        """Store what is different in the practice's record."""
        self.turn.practice = self.on.practices.change(self.practice.id, lambda known: replace(known, **changes))


def _is_due(rotation: Rotation, turn: BackgroundTurn) -> bool:
    return rotation.due_at is not None and rotation.due_at <= turn.on.clock.now()


def _make(rotation: Rotation, at: _Place) -> Rotation:
    """Ask the present key for its office, then have the new one made, or find the one that came with the request."""
    if not rotation.office:
        return _marked(rotation, at)
    if not rotation.by_portal:
        return _given(rotation, at)
    try:
        key = _made(rotation, at)
    except NotFound:
        key = None
    except CouldNotLook as error:
        if not isinstance(error.__cause__, upstream.Unauthorized):
            raise
        key = None
    if key is None:
        return rule.failing(rotation, "portal-key-refused", at.now())
    at.on.vault.put_next(at.practice.id, key)
    fingerprint = at.on.signer.fingerprint(key)
    if at.on.practices.claim_fingerprint(fingerprint, at.practice.id) != at.practice.id:
        return rule.failing(rotation, "key-of-another-practice", at.now())
    return rule.to(rotation, State.WAITING, at.now(), fingerprint=fingerprint)


def _given(rotation: Rotation, at: _Place) -> Rotation:
    try:
        at.on.vault.keys(at.practice.id, Pair.NEXT)
    except NotFound:
        if rotation.tries >= _KEPT_WITHIN:
            return rule.failing(rotation, "key-not-kept", at.now())
        return rule.went_wrong(rotation, at.now())
    return rule.to(rotation, State.WAITING, at.now())


def _made(rotation: Rotation, at: _Place) -> str | None:
    """The key that was made for this exchange; None: the answer has none.

    That it is about to be made is stored first. Its answer may get lost: the key then stands in the portal's list,
    under the exchange's id.
    """
    row: Mapping[str, Any] | None = None
    if rotation.is_making:
        listed = portal.call(at.turn, UpstreamCall("apikeys.list")).rows
        row = next((one for one in listed if one.get("DevRefId") == rotation.id), None)
    at.save(replace(rotation, is_making=True))
    if row is None:
        try:
            row = portal.call(at.turn, UpstreamCall("apikeys.create", body={"DevRefId": rotation.id})).row
        except (GiveWay, portal.PortalBusy):
            at.save(rotation)
            raise
    key = row.get("CustomerKey")
    return key if isinstance(key, str) and key else None


def _marked(rotation: Rotation, at: _Place) -> Rotation:
    """The exchange with what the present key says of its office, by the first question that it answers."""
    question = rotation.office_by
    if question >= len(rule.QUESTIONS):
        return rule.failing(rotation, "not-verifiable", at.now())
    try:
        office = _office(at.turn, question)
    except CouldNotLook as error:
        if isinstance(error.__cause__, _REFUSED):
            return rule.failing(rotation, "present-key-refused", at.now())
        raise
    return replace(rotation, office_by=question + 1) if office is None else replace(rotation, office=office)


def _office(turn: BackgroundTurn, question: int) -> str | None:
    """What the office says to this question, as HMAC; None where it does not answer it."""
    try:
        capability.require(turn.practice, rule.QUESTIONS[question].operation)
        rows = turn.call(rule.QUESTIONS[question]).rows
    except PermissionMissing:
        return None
    except CouldNotLook as error:
        if isinstance(error.__cause__, upstream.NotFound | upstream.PermissionMissing):
            return None
        raise
    said = [{name: value for name, value in row.items() if name != SERVER_CLOCK} for row in rows]
    if question == 0:
        said = [{"ValueString": row["ValueString"]} for row in said if row.get("ValueString")]
    if not said:
        return None
    return turn.on.signer.fingerprint(f"office {json.dumps([question, said], sort_keys=True)}")


def _wait(rotation: Rotation, at: _Place) -> Rotation:
    """See whether the office has added the new key, and whether it may do all that the present one may."""
    if rotation.told_at is None and at.now() - rotation.requested_at >= rule.TELL_AFTER:
        _tell(rotation, "waiting", at)
        rotation = replace(rotation, told_at=at.now())
    try:
        rows = _under_next(rotation, at).call(PROBE).rows
    except CouldNotLook as error:
        if isinstance(error.__cause__, _REFUSED):
            return rule.not_yet(rotation, at.now())
        raise
    permissions = learning.permissions_of(rows)
    lacks = tuple(sorted(at.practice.permissions - permissions))
    if lacks:
        return rule.not_yet(rotation, at.now(), lacks=lacks)
    return rule.to(rotation, State.VERIFYING, at.now(), permissions=tuple(sorted(permissions)), lacks=())


def _verify(rotation: Rotation, at: _Place) -> Rotation:
    """See that both keys lead to one office; from here on its machines' posts are taken under both."""
    question = rotation.office_by
    try:
        office = _office(_under_next(rotation, at), question)
    except CouldNotLook as error:
        if isinstance(error.__cause__, _REFUSED):
            # Taken out again.
            return rule.to(rotation, State.WAITING, at.now())
        raise
    # Providers may have changed in the days that the office took.
    if office is None or office not in {rotation.office, _office_now(rotation, office, at)}:
        return rule.failing(rotation, "other-office", at.now())
    _take_both(rotation, at)
    return rule.to(rotation, State.SUBSCRIBING, at.now())


def _office_now(rotation: Rotation, office: str, at: _Place) -> str | None:
    return office if office == rotation.office else _office(at.turn, rotation.office_by)


def _subscribe(rotation: Rotation, at: _Place) -> Rotation:
    """Have the machines tell under the new key, too, so that nothing is missed when the old one ends."""
    _take_both(rotation, at)
    at.turn.insist(LISTED_AND_CHANGED)
    late = _lasts(rotation, at) >= rule.SKIP_AFTER
    try:
        care.subscribe(Session(_under_next(rotation, at)))
    except (Failed, Refused, CouldNotLook, GiveWay) as error:
        # The care of subscriptions does it afterwards.
        if not late:
            raise _again(error) from _cause(error)
    return rule.to(rotation, State.PROMOTING, at.now())


def _promote(rotation: Rotation, at: _Place) -> Rotation:
    """Take the new key into use. Nobody else calls meanwhile: the turn has the practice's lease."""
    on, now = at.on, at.now()
    with suppress(NotFound):
        on.vault.promote_next(at.practice.id)
    if on.signer.fingerprint(on.vault.keys(at.practice.id).customer) != rotation.fingerprint:
        # Nobody knows where it is; nothing was changed.
        on.notices.note(at.practice.id, "rotation-failed", now)
        raise CouldNotLook
    permissions = frozenset(rotation.permissions)
    _is_exchanged(rotation, at, permissions=permissions, tier=learning.tier_of(permissions, at.practice.mode))
    at.turn.exchanged()
    # It may do more than the former one did, and its tier is another's: what that means is told by a look.
    at.turn.probe_in(timedelta(0))
    _tell(rotation, "rotated", at)
    return rule.to(rotation, State.ENDING, now, promoted_at=now)


def _end_old(rotation: Rotation, at: _Place) -> Rotation:
    """End what the machines tell under the old key; only that key shows and ends it."""
    _is_exchanged(rotation, at)
    at.turn.insist(LISTED_AND_CHANGED)
    late = _lasts(rotation, at) >= rule.FORGET_AFTER
    try:
        care.end_former(Session(at.turn.under(under_former(at.practice, rotation.former))))
    except (Failed, Refused, CouldNotLook, GiveWay) as error:
        is_out = isinstance(_cause(error), _REFUSED)
        if not (late or is_out):
            raise _again(error) from _cause(error)
    return rule.to(rotation, State.DRAINING, at.now())


def _drain(rotation: Rotation, at: _Place) -> Rotation:
    """Disable the old key once nobody has called with it for a day."""
    _is_exchanged(rotation, at)
    due_at = rule.disabled_from(rotation, at.turn.used_at(rotation.former))
    if at.now() < due_at:
        return replace(rotation, due_at=due_at)
    disabled = _disable(at, Pair.FORMER, only=rotation.former)
    at.change(other_fingerprints=())
    at.turn.forget_key(rotation.former)
    return rule.to(rotation, State.DONE, at.now(), old_key_disabled=disabled)


def _take_back(rotation: Rotation, at: _Place) -> Rotation:
    """Undo what was made for a new key that is not to be used."""
    on, practice_id = at.on, at.practice.id
    at.turn.insist(LISTED_AND_CHANGED)
    with suppress(NotFound):
        fingerprint = on.signer.fingerprint(on.vault.keys(practice_id, Pair.NEXT).customer)
        if fingerprint == at.practice.key_fingerprint:
            # Left by a request that was overtaken by its own exchange: it is the key in use.
            raise NotFound("no other key")
        if fingerprint in at.practice.other_fingerprints:
            with suppress(Failed, Refused, CouldNotLook):
                care.end_all(Session(_under_next(rotation, at)))
        if rotation.by_portal:
            _disable(at, Pair.NEXT, only=fingerprint)
        at.change(other_fingerprints=())
        on.practices.release_fingerprint(fingerprint, practice_id)
    if rotation.fingerprint:
        on.practices.release_fingerprint(rotation.fingerprint, practice_id)
    on.vault.drop_next(practice_id)
    after = rule.over(rotation, at.now())
    if after.state is State.FAILED:
        on.notices.note(practice_id, "rotation-failed", at.now())
        _tell(rotation, "failed", at)
    return after


_STEPS: Final[Mapping[State, Callable[[Rotation, _Place], Rotation]]] = {
    State.REQUESTED: _make,
    State.WAITING: _wait,
    State.VERIFYING: _verify,
    State.SUBSCRIBING: _subscribe,
    State.PROMOTING: _promote,
    State.ENDING: _end_old,
    State.DRAINING: _drain,
    State.CANCELLING: _take_back,
}


def _under_next(rotation: Rotation, at: _Place) -> BackgroundTurn:
    return at.turn.under(under_next(at.practice, rotation.fingerprint))


def _lasts(rotation: Rotation, at: _Place) -> timedelta:
    return at.now() - (rotation.since or rotation.requested_at)


def _cause(error: BaseException) -> BaseException | None:
    """What Open Dental said, behind what it was called on the way."""
    cause = error.__cause__
    while cause is not None and not isinstance(cause, upstream.OpenDentalError):
        cause = cause.__cause__
    return cause


def _again(error: Exception) -> Exception:
    """What ends a step that is to be taken again."""
    return error if isinstance(error, GiveWay) else CouldNotLook()


def _take_both(rotation: Rotation, at: _Place) -> None:
    """Take posts of the practice's machines, and sign-ins, under the key that follows as well."""
    at.change(other_fingerprints=(rotation.fingerprint,))


def _is_exchanged(rotation: Rotation, at: _Place, **learned: Any) -> None:
    """See that the practice's record has the new key: who wrote it from an older one must not take it back."""
    at.change(key_fingerprint=rotation.fingerprint, other_fingerprints=(rotation.former,), **learned)


def _disable(at: _Place, pair: Pair, *, only: str) -> bool:
    """Disable a key at the developer's portal; False where nobody but the office can take it out, or where the vault
    has another one than `only`: somebody who puts keys by hand moves its labels, and the key in use must not end.

    Raises: GiveWay, PortalBusy. CouldNotLook: it is tried again.
    """
    if at.practice.mode is not Mode.REMOTE:
        return False
    try:
        at.on.vault.portal()
        key = at.on.vault.keys(at.practice.id, pair).customer
    except NotFound:
        return False
    fingerprint = at.on.signer.fingerprint(key)
    whose = at.on.practices.by_fingerprint(fingerprint)
    if fingerprint != only or fingerprint == at.practice.key_fingerprint or whose not in {None, at.practice.id}:
        return False
    body = {"CustomerKey": key, "KeyStatus": "DisabledByDeveloper"}
    try:
        portal.call(at.turn, UpstreamCall("apikeys.update", body=body))
    except CouldNotLook as error:
        if isinstance(error.__cause__, upstream.Refused):
            return False
        raise
    return True


def _tell(rotation: Rotation, state: str, at: _Place) -> None:
    """Note how it stands, for whoever follows the practice's events: ids and a word. Nobody is kept waiting for it."""
    with suppress(Unavailable):
        content = {"state": state, "rotation_id": rotation.id}
        at.on.facts.note(at.practice.id, PRACTICE, FACT, content, at=at.now())
