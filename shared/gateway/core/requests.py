"""How a use case hands a request to the ledger and the queue, and waits for its answer.

Reads: `fetch` answers from the short-lived cache if that is fresh enough for the caller, else queues the fetch and
waits. Writes: `submit` queues; `wait_for` waits as long as the caller prefers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from gateway.core.at_hand import remember, remembered
from gateway.core.callers import Caller
from gateway.core.errors import (
    CallsStopped,
    KeyNotUsable,
    NotFound,
    NotKept,
    PracticeOffline,
    QueueFull,
    StillRunning,
    Throttled,
    Unavailable,
)
from gateway.core.hashing import canonical_hash
from gateway.core.mirror.memory import state_of
from gateway.core.operations import Operation, OperationState, Request, RowSet, Turn
from gateway.core.pacing import FULL_RETRY_S
from gateway.core.ports import REFERENCE, PaceView, Services
from gateway.core.practices import Practice
from gateway.core.problems import error_of, problem_of

if TYPE_CHECKING:
    from gateway.core.mirror.syncing import Standing

__all__ = [
    "Fetched",
    "Freshness",
    "Road",
    "at_hand",
    "canonical_hash",
    "error_of",
    "fetch",
    "key_of_fetch",
    "problem_of",
    "submit",
    "wait_for",
    "with_eta",
]

MIRROR_OFF = "mirror-off"

DAY_S = 86_400.0
"""How old an office's own set-up may be where nobody says."""

FIRST_LOOK_S = 0.02
LONGEST_PAUSE_S = 0.2
"""A waiting request looks at its operation in growing pauses: soon for quick answers, seldom for slow ones."""

FIRST_VIEW_S = 0.4
VIEW_EVERY_S = 1.0
"""A waiting write also looks whether its practice is offline: not at first, because most are done by then."""


class Road(StrEnum):
    """Where an answer may come from."""

    ANY = "any"
    KEPT = "kept"
    """Nothing is asked of Open Dental: the mirror or the short-lived cache, or no answer (`only-if-cached`)."""
    MIRROR = "mirror"
    """The mirror, and at any age where the caller does not say: lists that there is no other way to."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old an answer the caller takes, and how long it waits for one.

    `max_age_s`: 0 asks Open Dental whatever the cache holds. `wait_s`: 0 is `respond-async`.
    """

    max_age_s: float = 30.0
    wait_s: float = 10.0
    asked: bool = False
    """Whether the caller said so: where nobody did, an office's own set-up may be a day old."""
    min_fresh_s: float = 0.0
    """So many seconds from now the answer must still not be too old."""
    road: Road = Road.ANY

    def takes(self, age_s: float, *, unasked_s: float) -> bool:
        """Whether an answer of this age will do; `unasked_s` is how old one may be where the caller does not say."""
        return age_s + self.min_fresh_s <= (self.max_age_s if self.asked else unasked_s)


@dataclass(frozen=True, slots=True)
class Fetched:
    """Rows, and what `meta` says of them. `upstream_calls` is what this answer cost: 0 unless it is live."""

    rows: RowSet
    age_seconds: float
    served_from: str  # "cache" | "live" | "mirror"
    upstream_calls: int


def fetch(
    kind: str,
    bound: Mapping[str, Any],
    *,
    practice: Practice,
    caller: Caller,
    freshness: Freshness,
    on: Services,
    reference: bool = False,
    since: float | None = None,
) -> Fetched:
    """The rows of the fetch plan `kind` for `bound`, from the practice's mirror, the cache or Open Dental.

    The cache key is made from practice, kind and bound; filters that are applied here are no part of it. With
    `reference` they are rows of the office's own set-up, which are kept for a day (`ports.REFERENCE`) in one piece:
    that copy is cheaper than the mirror's rows. `since` is when the question came, by the clock's `monotonic`, for an
    answer of several fetches.

    Raises:
        StillRunning: the wait is over. PracticeOffline: at once, when the practice is known to be offline.
        NotKept: Open Dental would have to be asked, which the caller does not want.
        QueueFull, Throttled, or whatever error the operation ended with.
    """
    if freshness.road is Road.MIRROR:
        mirrored = from_mirror(kind, bound, practice=practice, freshness=freshness, on=on, since=since)
        if mirrored is None:
            raise NotKept("no mirror of this practice can say", reason=MIRROR_OFF)
        return mirrored
    found = at_hand(kind, bound, practice=practice, freshness=freshness, on=on, reference=reference, since=since)
    if found is not None:
        return found
    if freshness.road is Road.KEPT:
        raise NotKept("no copy of this is at hand, or none that is young enough")
    cache_key = key_of_fetch(kind, bound, practice=practice, reference=reference)
    return _live(kind, bound, cache_key, practice=practice, caller=caller, freshness=freshness, on=on)


def _live(
    kind: str,
    bound: Mapping[str, Any],
    cache_key: str,
    *,
    practice: Practice,
    caller: Caller,
    freshness: Freshness,
    on: Services,
) -> Fetched:
    view = on.paces.view(practice.id)
    if view.offline:
        raise PracticeOffline("the practice does not answer", retry_after=_retry_after(view, on))
    if view.killed:
        raise CallsStopped("an operator has stopped all calls of this practice", retry_after=60.0)
    if view.key_refused:
        raise KeyNotUsable("Open Dental refuses the practice's key; it is tried again once an hour")
    request = Request(
        kind=kind,
        practice_id=practice.id,
        client_id=caller.id,
        correlation_id=caller.correlation_id,
        input=dict(bound),
        cache_key=cache_key,
        network=_network_of(practice, view),
    )
    asked_at = on.clock.now()
    operation = wait_for(_queue(request, on=on), wait_s=freshness.wait_s, on=on)
    if operation.state is OperationState.FAILED:
        raise error_of(operation.error or {})
    if operation.state is not OperationState.SUCCEEDED:
        raise _still_running(operation, freshness, on)
    rows = on.cache.get(practice.id, cache_key)
    if rows is None:
        # Somebody wrote to the practice while we waited, or the copy has left the cache already: ask once more.
        operation = wait_for(_queue(request, on=on), wait_s=freshness.wait_s, on=on)
        rows = on.cache.get(practice.id, cache_key) if operation.state is OperationState.SUCCEEDED else None
    if rows is None:
        raise StillRunning(operation.id)
    age_s = (on.clock.now() - rows.as_of).total_seconds()
    shared = operation.submitted_at < asked_at
    return Fetched(rows, max(0.0, age_s), "live", 0 if shared else rows.upstream_calls)


def from_mirror(
    kind: str,
    bound: Mapping[str, Any],
    *,
    practice: Practice,
    freshness: Freshness,
    on: Services,
    since: float | None = None,
) -> Fetched | None:
    """The rows of a fetch from the practice's mirror, if it has one that can say, as young as the caller wants it.

    `since` as `fetch` has it.
    """
    state = mirror_of(practice, freshness, on=on, since=since)
    if state is None:
        return None
    # Plans and catalogue, which a practice without a mirror needs none of.
    from gateway.core.mirror.answers import answer  # noqa: PLC0415

    rows = answer(kind, bound, practice=practice, freshness=freshness, on=on, state=state)
    if rows is None:
        return None
    return Fetched(rows, max(0.0, (on.clock.now() - rows.as_of).total_seconds()), "mirror", 0)


def at_hand(
    kind: str,
    bound: Mapping[str, Any],
    *,
    practice: Practice,
    freshness: Freshness,
    on: Services,
    reference: bool = False,
    since: float | None = None,
) -> Fetched | None:
    """The rows of a fetch from the mirror or the cache, where they are young enough; nothing is asked for them.

    `reference` and `since` as `fetch` has them.
    """
    cache_key = key_of_fetch(kind, bound, practice=practice, reference=reference)
    if reference:
        kept = _reference_at_hand(cache_key, practice=practice, freshness=freshness, on=on)
        if kept is not None:
            return kept
    found = from_mirror(kind, bound, practice=practice, freshness=freshness, on=on, since=since)
    if not reference:
        return found or _from_cache(cache_key, practice=practice, freshness=freshness, on=on)
    if found is not None:
        remember(practice.id, cache_key, found, on=on)
    return found


def kept_reference(
    kind: str, bound: Mapping[str, Any], *, practice: Practice, on: Services, since: float | None = None
) -> RowSet | None:
    """Reference rows that are at hand, in one piece or row by row in the mirror; nothing is asked for them.

    `since` as `fetch` has it.
    """
    any_age = Freshness(DAY_S, asked=True)
    found = at_hand(kind, bound, practice=practice, freshness=any_age, on=on, reference=True, since=since)
    return None if found is None else found.rows


def mirror_of(practice: Practice, freshness: Freshness, *, on: Services, since: float | None = None) -> Standing | None:
    """How far the practice's mirror is; None where it has none, or the caller takes no copy at all.

    Raises: Unavailable: it does not answer, and there is no other road.
    """
    no_other = freshness.road is Road.MIRROR
    if freshness.asked and freshness.max_age_s <= 0 and not no_other:
        return None
    try:
        return state_of(practice.id, syncs=on.syncs, clock=on.clock, since=since)
    except Unavailable:
        if no_other:
            raise
        return None


def _reference_at_hand(cache_key: str, *, practice: Practice, freshness: Freshness, on: Services) -> Fetched | None:
    """Reference rows in one piece, read a moment ago by this process or kept in the cache, if they are young enough."""
    kept = remembered(practice.id, cache_key, on=on)
    found = None if kept is None else _if_young(kept.rows, kept.served_from, freshness=freshness, on=on)
    if found is None:
        # Somebody may have read them anew since this process did.
        found = _from_cache(cache_key, practice=practice, freshness=freshness, on=on)
        if found is not None:
            remember(practice.id, cache_key, found, on=on)
    return found


def _from_cache(cache_key: str, *, practice: Practice, freshness: Freshness, on: Services) -> Fetched | None:
    kept = on.cache.get(practice.id, cache_key)
    return None if kept is None else _if_young(kept, "cache", freshness=freshness, on=on)


def _if_young(rows: RowSet, served_from: str, *, freshness: Freshness, on: Services) -> Fetched | None:
    age_s = (on.clock.now() - rows.as_of).total_seconds()
    is_young = freshness.takes(age_s, unasked_s=freshness.max_age_s)
    return Fetched(rows, max(0.0, age_s), served_from, 0) if is_young else None


def key_of_fetch(kind: str, bound: Mapping[str, Any], *, practice: Practice, reference: bool) -> str:
    """Where the rows of a fetch are kept."""
    return (REFERENCE if reference else "") + canonical_hash([kind, practice.id, bound])


def submit(
    kind: str,
    input_: Mapping[str, Any],
    *,
    practice: Practice,
    caller: Caller,
    idempotency_key: str,
    on: Services,
    prepare: Callable[[], None] | None = None,
) -> Operation:
    """Take a write: one ledger row per (client, practice, key), one turn on the queue. Repeats return the first.

    `prepare` puts what the turn will need and the ledger may not hold. It runs when the request is stored and before
    its turn is put, and again with each repeat until the operation is settled: whatever dies in it or behind it leaves
    an operation, which the sweeper brings to an end that also ends what was prepared.

    Raises:
        KeyReused, QueueFull, KeyNotUsable; what `prepare` raises.
    """
    request = Request(
        kind=kind,
        practice_id=practice.id,
        client_id=caller.id,
        correlation_id=caller.correlation_id,
        input=dict(input_),
        idempotency_key=idempotency_key,
        body_hash=canonical_hash([kind, input_]),
        network=_network_of(practice, None if practice.fallback is None else on.paces.view(practice.id)),
    )
    return _queue(request, on=on, prepare=prepare)


def wait_for(operation: Operation, *, wait_s: float, on: Services) -> Operation:
    """Follow the operation until it is settled or unknown or the wait is over; return how it then stands.

    A wait is over early where nothing can come of it: the operation is parked for longer, or it is a write to a
    practice that is known to be offline, or that an operator has stopped all calls of.

    Raises: QueueFull: an equal request opened it, and it was not taken.
    """
    started, pause_s = on.clock.monotonic(), FIRST_LOOK_S
    until, next_view = started + wait_s, started + FIRST_VIEW_S
    while not operation.state.is_settled and operation.state is not OperationState.UNKNOWN:
        now = on.clock.monotonic()
        left = until - now
        if left <= 0 or _is_parked_for(left, operation, on):
            return with_eta(operation, on=on)
        if now >= next_view and operation.request.idempotency_key is not None:
            view = on.paces.view(operation.request.practice_id)
            if view.offline or view.killed:
                return with_eta(operation, on=on)
            next_view = now + VIEW_EVERY_S
        on.clock.sleep(min(pause_s, left))
        pause_s = min(LONGEST_PAUSE_S, pause_s * 1.5)
        try:
            operation = on.operations.get(operation.id)
        except NotFound as error:
            # An equal request opened it, met a full queue and took it back.
            raise QueueFull("too many turns of this practice wait already", retry_after=FULL_RETRY_S) from error
        operation = woken(operation, on=on)
    return operation


def _is_parked_for(seconds: float, operation: Operation, on: Services) -> bool:
    parked_until = operation.parked_until
    return parked_until is not None and (parked_until - on.clock.now()).total_seconds() > seconds


def woken(operation: Operation, *, on: Services) -> Operation:
    """The operation; if its park is over, with its turn on the queue again, behind those who wait there.

    A turn that has used its calls makes way for others by parking, and the worker may not put it back: it never sends
    to a queue of its own chain. The sweeper does, once a minute. Whoever asks after the operation is no part of that
    chain and has a reason, so a long list that somebody waits for costs the turns of the others and no idle minutes.
    """
    now = on.clock.now()
    if operation.parked_until is None or operation.parked_until > now:
        return operation
    # What asks after an operation must not fail because waking it did: the sweeper comes.
    with suppress(Unavailable):
        if operation.request.idempotency_key is not None and on.paces.view(operation.request.practice_id).parked > 1:
            # It may rest on a write that nobody waits for; the sweeper puts them as they came.
            return operation
        taken = on.operations.wake(operation.id, now=now)
        if taken is not None:
            on.paces.count(taken.request.practice_id, parked=-1)
            of = taken.request
            on.calls.put(Turn(of.practice_id, taken.id, taken.attempt), network=of.network)
            return taken
    return operation


def with_eta(operation: Operation, *, on: Services) -> Operation:
    """The operation with its place in the practice's queue and when it has probably been called.

    The place is how many turns wait, which is right for the last one and too careful for those before it.
    """
    if operation.state is not OperationState.QUEUED:
        return operation
    view = on.paces.view(operation.request.practice_id)
    now = on.clock.now()
    start = max(now, view.next_free_at or now, operation.parked_until or now)
    position = max(1, view.waiting)
    eta_at = start + timedelta(seconds=max(view.interval_s, 0.3) * position)
    return replace(operation, queue_position=position, eta_at=eta_at)


def _queue(request: Request, *, on: Services, prepare: Callable[[], None] | None = None) -> Operation:
    """Store the request, join the practice's queue, and put the turn on it; in this order a crash loses nothing."""
    opened = on.operations.open(request, now=on.clock.now())
    operation = opened.operation
    if opened.fresh:
        if request.idempotency_key is not None and on.paces.view(request.practice_id).key_refused:
            on.operations.withdraw(operation.id)
            raise KeyNotUsable("Open Dental refuses the practice's key; it is tried again once an hour")
        try:
            on.paces.join(request.practice_id, interactive=True, now=on.clock.now())
        except QueueFull:
            # Full, or only counted so after crashes: the next sweep looks.
            with suppress(Unavailable):
                on.paces.doubt(request.practice_id)
            on.operations.withdraw(operation.id)
            raise
    if prepare is not None and not operation.state.is_settled:
        prepare()
    if opened.fresh or _was_perhaps_never_put(operation, on):
        # If the queue does not take it, the operation is accepted all the same: the sweeper, or a repeat, puts it.
        with suppress(Unavailable):
            on.calls.put(Turn(request.practice_id, operation.id, operation.attempt), network=request.network)
    return operation


def _network_of(practice: Practice, view: PaceView | None) -> str:
    """On which network's queue a turn is to wait; where that changes meanwhile, the worker there hands it over."""
    if practice.fallback is None or view is None or view.network is None:
        return practice.network
    return view.network


def _was_perhaps_never_put(operation: Operation, on: Services) -> bool:
    """Whether the function that took it may have died before it sent the turn; a second message is harmless."""
    age = on.clock.now() - operation.submitted_at
    return operation.state is OperationState.QUEUED and operation.parked_until is None and age > timedelta(seconds=60)


def _still_running(operation: Operation, freshness: Freshness, on: Services) -> StillRunning | Throttled:
    operation = with_eta(operation, on=on)
    view = on.paces.view(operation.request.practice_id)
    away_s = (view.next_free_at - on.clock.now()).total_seconds() if view.next_free_at else 0.0
    # An interval is the normal pace; beyond it Open Dental has asked for a pause, and longer than this caller waits.
    if freshness.wait_s > 0 and away_s > freshness.wait_s and away_s > 2 * view.interval_s:
        return Throttled("Open Dental asked for a pause", retry_after=away_s)
    eta_s = (operation.eta_at - on.clock.now()).total_seconds() if operation.eta_at else 1.0
    return StillRunning(operation.id, retry_after=max(1.0, round(eta_s, 1)))


def _retry_after(view: PaceView, on: Services) -> float:
    if view.next_free_at is None:
        return 5.0
    return max(1.0, (view.next_free_at - on.clock.now()).total_seconds())
