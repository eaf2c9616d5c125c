"""What happens once a minute: wake what is parked or was lost on the way, and spread background turns.

None of it is on the way of a request, and all of it may run twice: an entry is changed before its turn is put, and a
turn that finds nothing to do ends at once.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from gateway.core import ledger, pacing, registry, ways
from gateway.core.errors import NotFound, Unavailable
from gateway.core.operations import OperationState, Turn
from gateway.core.practices import REMOTE_NETWORK
from gateway.core.worker import Open, Superseded, Tick, WorkerServices

OPEN_AT_MOST = 10_000
"""Operations one sweep looks at; those behind them are looked at when these have settled."""

LANES_AT_MOST = 4000
LANES_S = 40.0
"""How long the lane goes on; whoever is left is the longest due in a minute, and comes first then."""

TICKS_AT_ONCE = 10
"""Turns that are put together, of three practices or so: what a lane that dies has offered and not put comes 4 minutes
later."""

FILES_KEPT = timedelta(minutes=30)
"""How long a document's file lies in the bucket: while the cache knows of it (10 minutes) and a link to it lasts (5),
with room for a look that began late."""

SPREAD_S = 59
"""Background turns are spread over so many seconds, the longest delay before the lane looks again."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep saw and did: numbers for metrics, without any practice's name."""

    unknown: int
    queued: int
    parked: int
    put: int
    not_put: int
    """Due turns that their queue did not take; they are due again."""
    oldest_s: float


def sweep(on: WorkerServices) -> Swept:
    """Look at every open operation once; put what is due, and set the practices' counters right."""
    now = on.clock.now()
    opened = on.ledger.list_open(limit=OPEN_AT_MOST)
    reconcile: dict[str, float] = {}
    due: dict[str, list[str]] = {}
    for one in opened:
        if one.due_at > now:
            continue
        if one.state is OperationState.UNKNOWN:
            reconcile.setdefault(one.practice_id, one.due_at.timestamp())
        else:
            due.setdefault(one.practice_id, []).append(one.operation_id)
    taken = [took for practice_id, ids in due.items() for took in _put_all(practice_id, ids, now, on=on)]
    for practice_id, at in reconcile.items():
        _have_reconciled(practice_id, at, on=on)
    _recount(opened, now, on=on)
    for one in opened:
        if ledger.is_to_be_renewed(one.operation_id, now):
            with suppress(Unavailable):  # Tomorrow, then.
                on.ledger.renew(one.operation_id)
    states = Counter(one.state for one in opened)
    overdue = [(now - one.due_at).total_seconds() for one in opened]
    return Swept(
        unknown=states[OperationState.UNKNOWN],
        queued=states[OperationState.QUEUED] + states[OperationState.RUNNING],
        parked=sum(one.parked for one in opened),
        put=sum(taken),
        not_put=len(taken) - sum(taken),
        oldest_s=max(0.0, max(overdue, default=0.0)),
    )


def tidy(on: WorkerServices) -> int:
    """Delete the documents' files that lie in the SFTP server's bucket for too long; returns how many objects.

    By their age alone: also those that nobody asked for again, or that came after all after their turn was given up.

    Raises:
        Unavailable: something is still there.
    """
    return 0 if on.drop is None else on.drop.tidy(before=on.clock.now() - FILES_KEPT)


def offer_lanes(on: WorkerServices, *, part: tuple[int, int] = (0, 1)) -> int:
    """Have the background turns that are due within a minute put on the calls queue, each in its second.

    `part`: of which practices (`PaceStore.due`).
    """
    began = on.clock.monotonic()
    offered, ticks = 0, list[Tick]()
    for practice_id in on.pace.due(on.clock.now(), within_s=SPREAD_S, limit=LANES_AT_MOST, part=part):
        if on.clock.monotonic() - began > LANES_S:
            break
        # A thousand practices take seconds: each has its delay from when its turn is put.
        now = on.clock.now().timestamp()
        turns = on.pace.update(practice_id, partial(_offered, now=now))
        ticks += [
            Tick(practice_id, min(SPREAD_S, round(delay)), int(now) + number, network)
            for number, (delay, network) in enumerate(turns)
        ]
        offered += bool(turns)
        while len(ticks) >= TICKS_AT_ONCE:
            on.ticks.put(ticks[:TICKS_AT_ONCE])
            ticks = ticks[TICKS_AT_ONCE:]
    on.ticks.put(ticks)
    return offered


def forward_tick(practice_id: str, attempt: int, network: str | None = None, *, on: WorkerServices) -> None:
    """Put a practice's background turn on the queue of `network`, or else of the way it was connected by."""
    if network is None:
        try:
            network = on.practices.get(practice_id).network
        except NotFound:
            # The turn finds that out as well, and closes the lane.
            network = REMOTE_NETWORK
    on.calls.put(Turn(practice_id, None, attempt), network=network)


def _offered(item: pacing.PaceItem, now: float) -> tuple[pacing.PaceItem, list[tuple[float, str | None]]]:
    """The item, and the delays of its turns, each with where it is wanted."""
    offer = pacing.offer_lane(item, now)
    if offer is None:
        return item, []
    offered, delay_s = offer
    turns = [(delay, item.way.network) for delay in pacing.ticks_of(offered, delay_s)]
    if ways.first_is_due(item, now + SPREAD_S):
        # By the first way, which is not in use: to see whether it answers again.
        turns.append((max(0.0, item.way.probe_at - now), None))
        offered = replace(offered, lane_turns=offered.lane_turns + 1)
    return offered, turns


def _put_all(practice_id: str, operation_ids: list[str], now: datetime, *, on: WorkerServices) -> list[bool]:
    """Put a practice's due turns, as they came: an appointment may rest on what the write before it left.

    Returns for each that was to be put whether its queue took it.
    """
    item = on.pace.load(practice_id)
    entries = []
    for operation_id in operation_ids:
        # The index may be behind; and perhaps this entry alone cannot be read: those beside it must not wait for it.
        with suppress(NotFound, Unavailable):
            entries.append(on.ledger.load(operation_id))
    entries.sort(key=lambda entry: entry.record.submitted_at)
    put = (_put(entry, item, now, on=on) for entry in entries)
    return [took for took in put if took is not None]


def _put(was: ledger.Entry, item: pacing.PaceItem, now: datetime, *, on: WorkerServices) -> bool | None:
    practice_id = item.practice_id
    try:
        closed_s = item.breaker.probe_at - now.timestamp() if item.breaker.trip is not None else 0.0
        if was.record.parked_until is not None and closed_s > 0:
            on.ledger.save(ledger.still_parked(was, until=now + timedelta(seconds=closed_s + 1)), was=was)
            return None
        entry = ledger.put_again(was, now=now)
        if entry is None:
            return None
        on.ledger.save(entry, was=was)
    except Superseded:
        return None  # It has settled, or somebody else was faster.
    if was.record.parked_until is not None:
        on.pace.count(practice_id, parked=-1)
    request = entry.record.request
    goes_elsewhere = registry.KINDS.get(request.kind, registry.NOBODYS).elsewhere is not None
    network = request.network if goes_elsewhere else item.way.network or request.network
    try:
        on.calls.put(Turn(practice_id, entry.record.id, entry.record.attempt), network=network)
    except Unavailable:
        # Perhaps only this practice's queue is gone: those behind it must not wait for it.
        return False
    return True


def _have_reconciled(practice_id: str, at: float, *, on: WorkerServices) -> None:
    on.pace.update(practice_id, lambda item: (pacing.work_due(item, at), None))


def _recount(opened: list[Open], now: datetime, *, on: WorkerServices) -> None:
    """Crashes between two counts leave counters that are a little off; phantoms would keep background work away.

    Turns come and go while a sweep works. So a counter is put right only if it did not move while the operations were
    listed once more, and raised only as far as both lists say: a phantom of a practice that then falls silent would
    stay, and 200 of them refuse every caller. Such a practice is found by the doubt that a refused caller, or a
    message without anything to do, has left. A list that was cut off counts nobody.
    """
    if len(opened) >= OPEN_AT_MOST:
        return
    before = _Counts(opened)
    doubted = on.pace.doubted(limit=LANES_AT_MOST)
    quiet = on.pace.due(now, within_s=SPREAD_S, limit=LANES_AT_MOST)
    items = [on.pace.load(practice_id) for practice_id in {*before.waiting, *quiet, *doubted}]
    off = [item for item in items if (item.waiting, item.parked) != before.of(item.practice_id)]
    for practice_id in {*doubted} - {item.practice_id for item in off}:
        on.pace.trust(practice_id)
    if not off:
        return
    again = _Counts(on.ledger.list_open(limit=OPEN_AT_MOST))
    for item in off:
        pairs = zip((item.waiting, item.parked), before.of(item.practice_id), again.of(item.practice_id), strict=True)
        waiting, parked = (max(min(kept, second), min(first, second)) for kept, first, second in pairs)
        if (waiting, parked) != (item.waiting, item.parked):
            on.pace.recount(item.practice_id, waiting=waiting, parked=parked, was=item)


class _Counts:
    def __init__(self, opened: list[Open]) -> None:
        self.waiting = Counter(one.practice_id for one in opened if one.state is not OperationState.UNKNOWN)
        self.parked = Counter(one.practice_id for one in opened if one.parked)

    def of(self, practice_id: str) -> tuple[int, int]:
        return self.waiting[practice_id], self.parked[practice_id]
