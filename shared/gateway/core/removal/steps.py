"""One step of a removal: taken again, it goes on where it stands.

Only the client that began takes them, by a state machine. What they need to do (turn the mirror off, close the
agreement, stop the calls) they do by the right to remove, whatever else that client may.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from gateway.core.access import OFFBOARD, allow_client
from gateway.core.baa.control import end_agreement
from gateway.core.callers import Caller, Verb
from gateway.core.errors import Conflict, NotFound, Unavailable
from gateway.core.mirror.control import turn_off
from gateway.core.onboarding.beginning import forget_key
from gateway.core.practices import Mode, Practice, Tier
from gateway.core.removal import certificate
from gateway.core.removal.beginning import shown
from gateway.core.removal.kinds import ERASED
from gateway.core.removal.records import (
    STEPS,
    Erased,
    Eraser,
    Erasure,
    Problem,
    Removal,
    Standing,
    Step,
    StepState,
    Superseded,
)

if TYPE_CHECKING:
    from gateway.core.audit.archiving import Archive
    from gateway.core.ports import Services

PATIENCE: Final = timedelta(days=1)
"""How long others are waited for: an office that is offline, a write of which nobody knows."""

LAST_CALL: Final = timedelta(minutes=3)
"""How long a worker that has begun may go on; nothing is erased before, or it would be written anew."""

ERASES_FOR_S: Final = 60.0
"""How long one step erases before it says how far it is."""

REMOVED: Final = "removed"
_TRIES: Final = 5
_SOON_S: Final = 15
_SELDOM_S: Final = 300
_SOON_FOR: Final = timedelta(minutes=10)


class ErasingServices(Protocol):
    """What the last three steps need besides."""

    @property
    def eraser(self) -> Eraser: ...
    @property
    def archive(self) -> Archive: ...


class Looked(NamedTuple):
    """How far the removal is. `look_again_s`: after how long the step is worth another look; None where it is over."""

    body: Mapping[str, Any]
    look_again_s: int | None


class _Waits(Exception):
    """It is not so yet; `removal` as it stands, `code` says what is waited for."""

    def __init__(self, removal: Removal, code: str) -> None:
        super().__init__(code)
        self.removal, self.code = removal, code


def take_step(
    practice_id: str, step: Step, *, caller: Caller, on: Services, erasing: ErasingServices | None = None
) -> Looked:
    """Take a step, or look how it stands: scope `practices.offboard:write`, of the client that began.

    Raises: ScopeMissing. NotFound. Conflict: a step before it is not over. Unavailable: ask again.
    """
    allow_client(caller, OFFBOARD, Verb.WRITE)
    for _ in range(_TRIES):
        removal = on.removals.load(practice_id)
        if removal is None or removal.client_id != caller.id:
            raise NotFound("this practice is not being removed")
        was = removal.step(step)
        if was.state is StepState.DONE:
            return Looked(shown(removal), None)
        if not all(removal.step(one).state is StepState.DONE for one in STEPS[: STEPS.index(step)]):
            raise Conflict("a step before this one is not over", param="step", reason="too-early")
        if step in _ERASING and erasing is None:
            raise Conflict("this step is not taken by a request", param="step", reason="not-by-request")
        now = on.clock.now()
        since = was.since or now
        try:
            removal = _TAKEN[step](removal, since, _Means(caller, on, erasing))
            stands = Standing(StepState.DONE, since, on.clock.now())
        except _Waits as waits:
            removal = waits.removal
            stands = Standing(StepState.RUNNING, since, now, waits.code)
        try:
            removal = on.removals.save(replace(removal, steps={**removal.steps, step: stands}))
        except Superseded:
            continue
        return Looked(shown(removal), None if stands.state is StepState.DONE else _look_again_s(step, now - since))
    raise Unavailable("this removal is being changed by others", retry_after=1.0)


class _Means(NamedTuple):
    caller: Caller
    on: Services
    erasing: ErasingServices | None


def _look_again_s(step: Step, waited: timedelta) -> int:
    if step is Step.ERASE:
        return 0
    return _SOON_S if waited < _SOON_FOR else _SELDOM_S


def _close(removal: Removal, _since: datetime, means: _Means) -> Removal:
    """The practice's record says that it leaves, which `allow` heeds; a removal that was cut off before says it now."""
    on = means.on
    on.practices.change(removal.practice_id, lambda known: replace(known, leaving=removal.id))
    onboarding = on.onboardings.load(removal.practice_id)
    if onboarding is not None:
        # It does not say of which practice it is, so that nothing would find it later.
        forget_key(onboarding.id, onboarding.asked, on)
    return removal


def _silence(removal: Removal, since: datetime, means: _Means) -> Removal:
    on = means.on
    state = turn_off(removal.practice_id, on=on)
    if state.native.base_url is None:
        return removal
    if on.clock.now() - since < PATIENCE:
        raise _Waits(removal, "subscriptions-stay")
    return _noted(removal, Problem("subscriptions-stay", max(1, len(state.native.tables))))


def _settle(removal: Removal, since: datetime, means: _Means) -> Removal:
    on, practice_id = means.on, removal.practice_id
    end_agreement(on.practices.get(practice_id), by=means.caller.id, on=on)
    unknown = tuple(on.operations.unsettled(practice_id))
    pace = on.paces.view(practice_id)
    unfinished = pace.waiting + pace.parked
    if not (unknown or unfinished):
        return removal
    if on.clock.now() - since < PATIENCE:
        raise _Waits(removal, "writes-unknown" if unknown else "writes-unfinished")
    if unknown:
        removal = _noted(removal, Problem("writes-unknown", len(unknown), unknown))
    return _noted(removal, Problem("writes-unfinished", unfinished)) if unfinished else removal


def _stop(removal: Removal, _since: datetime, means: _Means) -> Removal:
    on = means.on
    on.paces.switch(removal.practice_id, killed=True, by=means.caller.id, at=on.clock.now())
    stopped_at = on.paces.view(removal.practice_id).switched_at
    if stopped_at is None or on.clock.now() - stopped_at < LAST_CALL:
        raise _Waits(removal, "last-call")
    return removal


def _erase(removal: Removal, _since: datetime, means: _Means) -> Removal:
    """Kind by kind; how far it is is kept with each."""
    on, erasing = means.on, means.erasing
    assert erasing is not None
    for kind in ERASED:
        done = removal.erased.get(kind.name, Erasure())
        if done.at is not None:
            continue
        found: Erased = erasing.eraser.erase(
            removal.practice_id, kind.name, after=done.after, keep=removal.run_id, most_s=ERASES_FOR_S
        )
        is_over = found.after is None
        done = Erasure(done.count + found.count, on.clock.now() if is_over else None, found.after)
        removal = replace(removal, erased={**removal.erased, kind.name: done})
        # Kept kind by kind: what is counted and not kept is counted by nobody.
        if not (is_over and kind is ERASED[-1]):
            raise _Waits(removal, "erasing")
    return removal


def _keys(removal: Removal, _since: datetime, means: _Means) -> Removal:
    """The secret goes, and the record has nothing any more but that there was a practice."""
    on, erasing = means.on, means.erasing
    assert erasing is not None
    had = erasing.eraser.delete_keys(removal.practice_id) or removal.had_keys
    on.practices.change(removal.practice_id, _tombstone)
    return replace(removal, had_keys=had, keys_deleted_at=on.clock.now())


def _certify(removal: Removal, _since: datetime, means: _Means) -> Removal:
    """The archive first: what is kept there is what is shown."""
    on, erasing = means.on, means.erasing
    assert erasing is not None
    said = certificate.made(removal, stage=on.stage, at=on.clock.now())
    text = certificate.signed(said, signer=on.signer)
    name = f"erasure/{removal.practice_id}/{removal.id}.json.gz"
    erasing.archive.keep(name, [{"certificate": said, "signature": text}])
    return replace(removal, certificate=text)


def _tombstone(practice: Practice) -> Practice:
    return Practice(
        id=practice.id,
        name="",
        time_zone=practice.time_zone,
        mode=Mode.REMOTE,
        tier=Tier.READ_ONLY,
        baa=practice.baa,
        may_lack_baa=practice.may_lack_baa,
        state=REMOVED,
        leaving=practice.leaving,
        connected_at=practice.connected_at,
    )


def _noted(removal: Removal, problem: Problem) -> Removal:
    others = tuple(one for one in removal.problems if one.code != problem.code)
    return replace(removal, problems=(*others, problem))


_ERASING: Final = frozenset({Step.ERASE, Step.KEYS, Step.CERTIFY})

_TAKEN: Final[Mapping[Step, Callable[[Removal, datetime, _Means], Removal]]] = {
    Step.CLOSE: _close,
    Step.SILENCE: _silence,
    Step.SETTLE: _settle,
    Step.STOP: _stop,
    Step.ERASE: _erase,
    Step.KEYS: _keys,
    Step.CERTIFY: _certify,
}
