"""One step of an onboarding: done, waited for, or failed. Asked again, it goes on where it stands.

What a step does may be done by others beside it: an operator records the agreement, say. So each looks first whether
it is so already. What it finds is kept before it is answered, and a step that is over is not looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, NamedTuple

from gateway.core.access import allow_client
from gateway.core.authenticate import asked_again, over, proven
from gateway.core.baa.control import BaaInput, record_baa
from gateway.core.callers import Caller, Verb
from gateway.core.errors import (
    AppError,
    CallsStopped,
    Conflict,
    KeyNotUsable,
    NotAllowed,
    NotFound,
    PracticeOffline,
    ScopeMissing,
    StillRunning,
    Unavailable,
    UpstreamBroken,
)
from gateway.core.mirror.control import SyncChange, change_sync
from gateway.core.mirror.health import sync_view
from gateway.core.mirror.syncing import Wanted
from gateway.core.native.wanting import why_not
from gateway.core.onboarding.records import STEPS, Onboarding, Standing, Step, StepState, Superseded
from gateway.core.onboarding.shown import (
    AGREEMENT_MISSING,
    LOADING,
    OPERATOR_NEEDED,
    VERIFYING,
    shown,
    step_shown,
)
from gateway.core.operations import OperationState
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.requests import Freshness, fetch

_TRIES: Final = 5
_WAIT_S: Final = 15.0
"""How long an answer of the office is waited for in one request."""
_CLINICS: Final = "fetch.clinics"
_ALL_CLINICS: Final = {"resource": "clinics", "queries": [{}]}

_LOOKS: Final = ((timedelta(minutes=2), 5), (timedelta(minutes=15), 30), (timedelta(hours=2), 120))
"""Until how long after a step began how many seconds pass between two looks; later it is a quarter of an hour."""
_SELDOM_S: Final = 900


class Looked(NamedTuple):
    """A step as it stands now. `look_again_s`: after how long it is worth another look; None where it is over."""

    body: Mapping[str, Any]
    look_again_s: int | None


class _Waits(Exception):
    """It is not so yet. `code` says what is waited for."""

    def __init__(self, code: str, **told: Any) -> None:
        super().__init__(code)
        self.code, self.told = code, told


def onboarding_of(practice_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """How far a practice's onboarding is: scope `practices:connect`, of the client that began it.

    Raises: ScopeMissing. NotFound: there is none, or somebody else began it.
    """
    return shown(_mine(practice_id, caller, on))


def take_step(practice_id: str, step: Step, *, caller: Caller, on: Services) -> Looked:
    """Take a step, or look how it stands: scope `practices:connect`, of the client that began, and what the step takes.

    A step that failed is tried anew. What is waited for is answered, not raised.

    Raises:
        ScopeMissing: the client may not connect practices any more. NotFound. Conflict: a step before it is not over.
        AppError: why the step failed, which is kept. Unavailable: nothing is known; ask again.
    """
    for _ in range(_TRIES):
        onboarding = _mine(practice_id, caller, on)
        was = onboarding.step(step)
        if was.state.is_over:
            return Looked(step_shown(step, was), None)
        if not all(onboarding.step(one).state.is_over for one in STEPS[: STEPS.index(step)]):
            raise Conflict("a step before this one is not over", param="step", reason="too-early")
        now = on.clock.now()
        since = now if was.since is None or was.state is StepState.FAILED else was.since
        failed: AppError | None = None
        try:
            onboarding, stands = _TAKEN[step](onboarding, caller, on)
        except _Waits as waits:
            stands = Standing(StepState.RUNNING, code=waits.code, told=waits.told)
        except (PracticeOffline, CallsStopped) as error:
            stands = Standing(StepState.RUNNING, code=error.code)
        except Unavailable:
            raise
        except AppError as error:
            failed = error
            stands = Standing(StepState.FAILED, code=_code_of(error))
        stands = replace(stands, since=since, at=now)
        try:
            on.onboardings.save(replace(onboarding, steps={**onboarding.steps, step: stands}))
        except Superseded:
            continue
        if failed is not None:
            raise failed
        return Looked(step_shown(step, stands), None if stands.state.is_over else _look_again_s(now - since))
    raise Unavailable("this onboarding is being changed by others", retry_after=1.0)


def _mine(practice_id: str, caller: Caller, on: Services) -> Onboarding:
    allow_client(caller, "practices", Verb.CONNECT)
    onboarding = on.onboardings.load(practice_id)
    if onboarding is None or onboarding.client_id != caller.id:
        raise NotFound("no such onboarding")
    return onboarding


def _look_again_s(waited: timedelta) -> int:
    return next((seconds for until, seconds in _LOOKS if waited < until), _SELDOM_S)


def _code_of(error: AppError) -> str:
    return str(error.more.get("reason") or error.code)


_Taken = tuple[Onboarding, Standing]


def _verify(onboarding: Onboarding, caller: Caller, on: Services) -> _Taken:
    """The practice is the client's once its keys are proven."""
    practice = on.practices.get(onboarding.practice_id)
    try:
        connected = _proven(onboarding, practice, caller, on)
    except StillRunning:
        raise _Waits(VERIFYING) from None
    on.callers.add_practice(caller.id, connected.id)
    over(onboarding.claim, practice, source=onboarding.source, on=on)
    other = connected.id if connected.id != onboarding.practice_id else None
    return replace(onboarding, leads_to=other), _done(practice_id=connected.id, mode=connected.mode.value)


def _proven(onboarding: Onboarding, practice: Practice, caller: Caller, on: Services) -> Practice:
    if practice.state == "active":
        # Whoever waited for it in the request has closed the attempt.
        return practice
    claim, fingerprint = onboarding.claim, onboarding.fingerprint
    operation = asked_again(claim, practice, caller=caller, on=on)
    try:
        return proven(operation, claim, fingerprint, practice, source=onboarding.source, on=on)
    except Unavailable:
        if operation.state is not OperationState.FAILED:
            raise
        raise Conflict("the keys were not kept long enough to be tried", reason="keys-not-kept") from None


def _learn(onboarding: Onboarding, caller: Caller, on: Services) -> _Taken:
    """What connecting has learned of the key, and the clinics, where the key may see them."""
    practice = _practice(onboarding, caller, on)
    told: dict[str, Any] = {
        "version": practice.version,
        "tier": practice.tier.value,
        "permission_count": len(practice.permissions),
        "mode": practice.mode.value,
    }
    try:
        found = fetch(
            _CLINICS,
            _ALL_CLINICS,
            practice=practice,
            caller=caller,
            freshness=Freshness(wait_s=_WAIT_S),
            on=on,
            reference=True,
        )
        told["location_count"] = len(found.rows.rows["clinics"])
    except StillRunning:
        raise _Waits("asking", **told) from None
    except KeyNotUsable:
        raise
    except (UpstreamBroken, Conflict, NotAllowed) as error:
        # It is not known, and nothing hangs on it.
        told["locations_code"] = error.code
    return onboarding, _done(**told)


def _agreement(onboarding: Onboarding, caller: Caller, on: Services) -> _Taken:
    """An agreement that covers today, whoever recorded it; the one that was said is recorded as by its own route."""
    practice = _practice(onboarding, caller, on)
    if practice.baa is not None and practice.is_open(on.clock.now().date()):
        return onboarding, _done(agreement_id=practice.baa.id)
    if onboarding.agreement is not None:
        wanted = BaaInput.model_validate(onboarding.agreement)
        try:
            recorded = record_baa(practice.id, wanted, caller=caller, key=onboarding.id, on=on)
        except ScopeMissing:
            raise _Waits(AGREEMENT_MISSING) from None
        if recorded.shown["is_open"]:
            return onboarding, _done(agreement_id=recorded.shown["current"]["id"])
    elif practice.may_lack_baa and practice.baa is None:
        return onboarding, replace(_done(), state=StepState.SKIPPED)
    raise _Waits(AGREEMENT_MISSING)


def _mirror(onboarding: Onboarding, caller: Caller, on: Services) -> _Taken:
    if not onboarding.wants_mirror:
        return onboarding, _skipped()
    practice = _practice(onboarding, caller, on)
    if on.syncs.load(practice.id).wanted is not Wanted.ON:
        _as_operator(lambda: change_sync(practice.id, SyncChange(state=Wanted.ON), caller=caller, on=on))
    return onboarding, _done()


def _subscriptions(onboarding: Onboarding, caller: Caller, on: Services) -> _Taken:
    """Asked for: the background lane makes them, table by table, as the mirror has loaded these."""
    if not onboarding.wants_events:
        return onboarding, _skipped()
    practice = _practice(onboarding, caller, on)
    native = on.syncs.load(practice.id).native
    if not native.wanted:
        if (why := why_not(practice)) is not None:
            raise Conflict("this practice's machines cannot be asked to tell anything", reason=why)
        change = SyncChange(native_events="on")
        _as_operator(lambda: change_sync(practice.id, change, caller=caller, on=on, api_url=onboarding.api_url))
    return onboarding, _done()


def _load(onboarding: Onboarding, caller: Caller, on: Services) -> _Taken:
    """The first load, to its end; what it found of the office's clock and machines is told beside."""
    if not onboarding.wants_mirror:
        return onboarding, _skipped()
    practice = _practice(onboarding, caller, on)
    state = on.syncs.load(practice.id)
    view = sync_view(state, practice, on.paces.view(practice.id), on.clock.now())
    told = {
        "phase": view["phase"],
        "percent": view["percent"],
        "row_count": view["rows"],
        "eta_at": view["eta_at"],
        "clock_agrees": view["clock"]["agrees"],
        "native_events": view["native_events"]["phase"],
    }
    if state.wanted is Wanted.OFF:
        raise Conflict("somebody has turned the mirror off", reason="mirror-off")
    if view["phase"] != "complete":
        why = view["why"]
        raise _Waits(LOADING if why is None else why, **told)
    return onboarding, _done(**told)


def _as_operator(change: Callable[[], object]) -> None:
    """Do what takes an operator's scope; a client without it waits for somebody who has it."""
    try:
        change()
    except ScopeMissing:
        raise _Waits(OPERATOR_NEEDED) from None


def _practice(onboarding: Onboarding, caller: Caller, on: Services) -> Practice:
    """The practice, while it is the client's. Raises: NotFound."""
    practice_id = onboarding.leads_to or onboarding.practice_id
    if practice_id not in caller.client.practices:
        raise NotFound("no such practice")
    practice = on.practices.get(practice_id)
    if practice.state != "active":
        raise NotFound("no such practice")
    return practice


def _done(**told: Any) -> Standing:
    return Standing(StepState.DONE, told=told)


def _skipped() -> Standing:
    return Standing(StepState.SKIPPED)


_TAKEN: Final[Mapping[Step, Callable[[Onboarding, Caller, Services], _Taken]]] = {
    Step.VERIFY: _verify,
    Step.LEARN: _learn,
    Step.AGREEMENT: _agreement,
    Step.MIRROR: _mirror,
    Step.SUBSCRIPTIONS: _subscriptions,
    Step.LOAD: _load,
}
