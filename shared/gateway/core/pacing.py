"""How fast a practice may be called, whose turn it is, and when nobody may call at all: pure rules.

Open Dental allows one call of a customer key per interval, "execution time included", and does not say whether the
interval runs from start to start or from the end of one call to the start of the next. Both are kept here with one
rule: calls of a practice never overlap, and the next may start when the interval has passed *since the last start*
and the last one has *ended*.

* If the vendor counts from start to start, that is exactly the rule, and the rate is 1 / max(interval, execution).
* If the vendor counts from the end, an early call is held back, not refused; a refusal (429) needs several waiting
  calls, and from here at most one ever waits. The held-back time looks like a longer execution, the next call goes
  out when it ends, and the rate settles at 1 / (interval + execution): all that this reading permits.
* Where an early call is refused all the same (no queue, or another program uses the key), the first 429 switches
  this key to `after_end`, which waits the interval after each end, and widens the interval besides. Both are taken
  back step by step while calls go through.

A slot is measured at our own send. `GUARD_S` is what jitter on the way may eat before a call arrives too early.

Everything is a function from one frozen item to the next, in epoch seconds, so that the store can apply it under a
condition and tests can simulate a day.

Source: https://www.opendental.com/site/apipermissions.html (throttling by permission);
https://www.opendental.com/site/apispecification.html (60 s limit of one request).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from gateway.core.ports import PaceView
from gateway.core.practices import Mode, Practice, Tier, WayName

FLOORS_S: Mapping[Tier, float] = {Tier.READ_ONLY: 5.0, Tier.STANDARD: 1.0, Tier.ENTERPRISE: 0.5, Tier.UNPACED: 0.0}
"""The shortest interval between two calls of a key, in seconds."""

GUARD_S = 0.003
"""Added to every paced interval: what a call may gain on its predecessor on the way to Open Dental."""

CALL_LIMIT_S = 74.0
"""Longest a call may take, all in all: Open Dental's own limit of 60 s, and what connecting, sending and a 504 need.

With the lease's margin that is under 90 s, the longest that a crash blocks a practice. The adapter's time-outs add up
to it."""

LEASE_MARGIN_S = 15.0
"""A lease, and a message's invisibility, outlive the call's limit by this much."""

CLOCK_SKEW_S = 5.0
"""How far the clocks of two workers may differ. AWS keeps them within milliseconds; this is what the lease bears.

Up to it calls never overlap: a call leaves so early that it ends this much before its lease does. A slot that another
worker has kept is met that much early or late at most, once at each change of the worker; what that costs is a pause
that Open Dental asks for, and nothing is lost. Within a turn one clock counts."""

LEASE_AT_MOST_S = 150.0
"""No invocation lives longer, so a lease that ends later than that from now is of a clock that is wrong, or of somebody
who died with a far slot before giving it back. It counts for nothing: a practice is not left alone for an hour because
one machine's clock was an hour ahead. Until the clock is right, calls may come too early and be put off (429); what
they read and write is in order by `turn_no`, whatever the clocks say."""

MAX_WAITING = 200
"""Queued or parked turns of one practice; the next one is refused."""

FULL_RETRY_S = 60.0
"""When a caller that met a full queue may ask again: the fastest key has moved on by 120 turns by then."""

MAX_VISIBILITY_S = 900.0
"""Longest wait in the queue; a longer one is a parked turn."""

WIDEN_BY = 1.5
WIDEST_FACTOR = 12.0
"""A 429 widens the interval to at most this many times its floor."""
NARROW_BY = 0.8
NARROW_AFTER = 20
"""Calls without a 429 before the interval narrows by one step."""
TIGHTEN_AFTER = 200
"""Calls without a 429 at the floor before `after_end` is given up."""

OFFLINE_PROBE_S = 60.0
KEY_PROBE_S = 3600.0
ODD_IN_A_ROW = 5
FAILING_FIRST_S = 30.0
FAILING_LONGEST_S = 900.0

PROBE_AGAIN_S = 900.0
"""Answers that nothing known explains make it looked again no sooner than so long after the last look."""

BACKGROUND_TURN_S = 60.0
QUEUED_BEFORE_MORE = 1
"""Queued background turns of a practice beside which the next minute's are offered: the last one of a minute may be a
second late."""

BACKGROUND_QUEUED_S = 240.0
"""How long a queued background turn holds its lane before the lane is offered again."""


SHORTEST_RHYTHM_S = 5.0
IN_STEP_S = 2.0
"""A turn that comes so much before its work is due does it all the same (`mirror.schedule.SLACK`)."""


@dataclass(frozen=True, slots=True)
class KeyPace:
    """The pace of one customer key. `clean_calls`: since the last 429 or step. `used_at`: when it was called with last.

    Times are epoch seconds.
    """

    floor_s: float
    interval_s: float
    next_free_at: float = 0.0
    after_end: bool = False
    clean_calls: int = 0
    widened_at: float = 0.0
    """Since when the interval is wider than its floor, epoch seconds; 0: it is not."""
    used_at: float = 0.0


class Trip(StrEnum):
    """Why a practice is not called."""

    OFFLINE = "offline"
    KEY_REFUSED = "key-refused"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class Breaker:
    """Open while `trip` is set: only a probe passes, one at `probe_at` and then as the trip's own rhythm says."""

    trip: Trip | None = None
    since: float = 0.0
    probe_at: float = 0.0
    odd_in_a_row: int = 0
    backoff_s: float = 0.0


@dataclass(frozen=True, slots=True)
class InUse:
    """By which way the office is called; `core.ways` has the rules.

    `network`: from where, None while it was always the first way. `probe_at`: when the first way is tried again, while
    it is not this one. `answered`: whether this one has answered since it was taken. `missed`: connections in a row
    that did not come about.
    """

    by: WayName = WayName.FIRST
    network: str | None = None
    since: float = 0.0
    probe_at: float = 0.0
    answered: bool = True
    missed: int = 0


@dataclass(frozen=True, slots=True)
class PaceItem:
    """What is stored for one practice. All times are epoch seconds.

    `holder` has the lease until `busy_until`: only it calls. `turn_no` grows with each turn and orders what turns
    read. `lane_until`: background turns are queued until then, `lane_turns` of which have not begun. `next_due_at`:
    when background work is due. `rhythm_s`: how often it is due within a minute, for work that is never done; None: as
    it says. `probe_at`: when it is looked next what may be done at the practice (None: never thought of), `probed_at`:
    when that was tried last.

    `waiting`, `parked`, `interactive_at` and `killed` with who and when belong to others than the holder (callers that
    join, the operator) and change without regard to `rev`, which grows with each change of the rest.
    """

    practice_id: str
    keys: Mapping[str, KeyPace] = field(default_factory=dict)
    holder: str | None = None
    busy_until: float = 0.0
    turn_no: int = 0
    breaker: Breaker = Breaker()
    way: InUse = InUse()
    lane_until: float = 0.0
    lane_turns: int = 0
    next_due_at: float | None = None
    rhythm_s: float | None = None
    probe_at: float | None = None
    probed_at: float = 0.0
    is_late: bool = False
    """Whether its mirror was late at the end of the last background turn, which is noted elsewhere (`health.fleet`)."""
    rev: int = 0
    waiting: int = 0
    parked: int = 0
    interactive_at: float = 0.0
    killed: bool = False
    switched_at: float = 0.0
    switched_by: str | None = None
    """When and by which client `killed` was changed last."""

    @property
    def ready(self) -> int:
        """Turns that wait for their slot now: neither parked nor finished. The running turn is one of them."""
        return max(0, self.waiting - self.parked)

    @property
    def due_at(self) -> float | None:
        """When the lane has to look at this practice: background work due, a probe, or a lane whose turn was lost."""
        wanted = self.next_due_at if self.breaker.trip is None else self.breaker.probe_at
        if self.way.by is WayName.FALLBACK and self.breaker.trip is None:
            wanted = min(self.way.probe_at, self.way.probe_at if wanted is None else wanted)
        return None if wanted is None else max(wanted, self.lane_until)


def floor_of(practice: Practice) -> float:
    """The shortest interval of the practice's key: none outside Remote mode."""
    return FLOORS_S[practice.tier] if practice.mode is Mode.REMOTE else 0.0


def key_pace(item: PaceItem, key: str, floor_s: float) -> KeyPace:
    """The key's pace as it is, or a first one; a changed floor (another tier) acts at once.

    An interval that no 429 has widened follows its floor, downwards too: a practice is connected at 5 s, and a key of
    one call a second would take 160 calls and 7 minutes to get there step by step.
    """
    pace = item.keys.get(key)
    if pace is None:
        return KeyPace(floor_s, floor_s)
    if pace.floor_s == floor_s:
        return pace
    widened = floor_s > 0 and pace.interval_s > pace.floor_s
    interval_s = max(floor_s, pace.interval_s) if widened else floor_s
    return replace(pace, floor_s=floor_s, interval_s=interval_s, widened_at=pace.widened_at if widened else 0.0)


# -- the lease ------------------------------------------------------------------------------------------------------


class Busy(Exception):
    """Another holder has the lease for `seconds` more."""

    def __init__(self, seconds: float) -> None:
        super().__init__("the practice is being called")
        self.seconds = seconds


class Killed(Exception):
    """The operator's kill switch is on."""


class LeaseLost(Exception):
    """Somebody else took the lease after it ran out: whoever held it must not call any more."""


def take_lease(item: PaceItem, holder: str, now: float) -> PaceItem:
    """Make `holder` the only one who may call, and start a turn.

    Raises: Busy: another one may be calling still. Killed.
    """
    if item.killed:
        raise Killed
    if item.holder not in {None, holder} and now < item.busy_until <= now + LEASE_AT_MOST_S:
        raise Busy(item.busy_until - now)
    return replace(item, holder=holder, busy_until=now + LEASE_MARGIN_S, turn_no=item.turn_no + 1)


def release(item: PaceItem, holder: str) -> PaceItem:
    """Give the lease back; nothing happens if it is another's by now."""
    return replace(item, holder=None, busy_until=0.0) if item.holder == holder else item


def may_still_send(slot: float, now: float) -> bool:
    """Whether a call that leaves now for its `slot` ends before the lease does, by any other worker's clock."""
    return now <= slot + LEASE_MARGIN_S - CLOCK_SKEW_S


# -- slots ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """How a call went, for the pace: when it was sent and when its answer was here."""

    started_at: float
    ended_at: float
    throttled: bool = False
    retry_after_s: float = 0.0


def reserve(
    item: PaceItem, key: str, *, holder: str, floor_s: float, now: float, spare_s: float = 0.0
) -> tuple[PaceItem, float]:
    """Take the key's next slot; returns when it is. The lease then covers the slot's whole call.

    `spare_s` of the practice's pace are left unused before it.

    Raises: LeaseLost: the lease is not `holder`'s. Killed.
    """
    if item.killed:
        raise Killed
    if item.holder != holder:
        raise LeaseLost
    pace = key_pace(item, key, floor_s)
    slot = max(now, _free_at(pace, now) + spare_s)
    pace = replace(pace, next_free_at=slot + _spacing(pace))
    return (
        replace(
            item,
            keys={**item.keys, key: pace},
            busy_until=max(min(item.busy_until, now + LEASE_AT_MOST_S), slot + CALL_LIMIT_S + LEASE_MARGIN_S),
        ),
        slot,
    )


def finished(item: PaceItem, key: str, call: Call, *, floor_s: float) -> PaceItem:
    """Note how the call in the last slot went: the next slot follows from when it was really sent and really ended."""
    pace = key_pace(item, key, floor_s)
    pace = _widened(pace, call.ended_at) if call.throttled else _narrowed(pace)
    free = max(call.started_at + _spacing(pace), call.ended_at)
    if pace.after_end:
        free = call.ended_at + _spacing(pace)
    if call.throttled:
        free = max(free, call.ended_at + call.retry_after_s)
    return replace(item, keys={**item.keys, key: replace(pace, next_free_at=free, used_at=call.started_at)})


def give_back(item: PaceItem, key: str, slot: float) -> PaceItem:
    """Undo the reservation of `slot`, in which nothing was sent."""
    pace = item.keys.get(key)
    if pace is None:
        return item
    return replace(item, keys={**item.keys, key: replace(pace, next_free_at=min(pace.next_free_at, slot))})


def is_of_key(name: str, fingerprint: str) -> bool:
    """Whether a pace of this name (`Practice.pace_key`) is that key's, by whichever way."""
    return name.partition(".")[0] == fingerprint


def without_key(item: PaceItem, key: str) -> PaceItem:
    """Forget the paces of a key that nobody calls with any more."""
    return replace(item, keys={name: pace for name, pace in item.keys.items() if not is_of_key(name, key)})


def _free_at(pace: KeyPace, now: float) -> float:
    """When the key is free by a clock that may be right: see `LEASE_AT_MOST_S`. A pause that Open Dental asked for may
    be as long as it wants."""
    was_throttled = pace.after_end and pace.clean_calls == 0
    if was_throttled or pace.next_free_at <= now + LEASE_AT_MOST_S:
        return pace.next_free_at
    return now + _spacing(pace)


def _spacing(pace: KeyPace) -> float:
    return pace.interval_s + GUARD_S if pace.interval_s else 0.0


def _widened(pace: KeyPace, at: float) -> KeyPace:
    base = pace.interval_s or 0.5  # an unpaced way that says 429 all the same
    widest = WIDEST_FACTOR * (pace.floor_s or 0.5)
    since = pace.widened_at or at
    return replace(pace, interval_s=min(widest, base * WIDEN_BY), after_end=True, clean_calls=0, widened_at=since)


def _narrowed(pace: KeyPace) -> KeyPace:
    clean = pace.clean_calls + 1
    if pace.interval_s > pace.floor_s and clean >= NARROW_AFTER:
        narrower = pace.interval_s * NARROW_BY
        # An unpaced way has no floor to arrive at, so the last step leads to none.
        at_floor = narrower <= max(pace.floor_s, 0.05)
        since = 0.0 if at_floor else pace.widened_at
        return replace(pace, interval_s=pace.floor_s if at_floor else narrower, clean_calls=0, widened_at=since)
    if pace.after_end and pace.interval_s <= pace.floor_s and clean >= TIGHTEN_AFTER:
        return replace(pace, after_end=False, clean_calls=0)
    return replace(pace, clean_calls=clean)


# -- waiting --------------------------------------------------------------------------------------------------------


class Wait(StrEnum):
    """Where a turn waits for its slot."""

    HERE = "here"
    QUEUE = "queue"
    PARKED = "parked"


def where_to_wait(wait_s: float, interval_s: float) -> Wait:
    """Up to one interval in the worker, up to 15 minutes invisible in the queue, longer in the ledger."""
    if wait_s <= max(interval_s, 1.0) + 2 * GUARD_S:
        return Wait.HERE
    return Wait.QUEUE if wait_s <= MAX_VISIBILITY_S else Wait.PARKED


def view_of(item: PaceItem, now: float) -> PaceView:
    """What callers are told of the pace. A breaker whose probe is due keeps nobody away: the next call is the probe."""
    slowest = max(item.keys.values(), key=lambda pace: _free_at(pace, now), default=None)
    trip = item.breaker.trip if item.breaker.probe_at > now else None
    free_at = max(_free_at(slowest, now) if slowest else 0.0, item.breaker.probe_at if trip else 0.0)
    return PaceView(
        interval_s=slowest.interval_s if slowest else FLOORS_S[Tier.READ_ONLY],
        waiting=item.waiting,
        next_free_at=datetime.fromtimestamp(free_at, UTC) if free_at else None,
        offline=trip is Trip.OFFLINE,
        key_refused=trip is Trip.KEY_REFUSED,
        killed=item.killed,
        parked=item.parked,
        way=item.way.by,
        way_since=datetime.fromtimestamp(item.way.since, UTC) if item.way.since else None,
        network=item.way.network,
        switched_at=datetime.fromtimestamp(item.switched_at, UTC) if item.switched_at else None,
        switched_by=item.switched_by,
        trouble=None if item.breaker.trip is None else item.breaker.trip.value,
        trouble_since=datetime.fromtimestamp(item.breaker.since, UTC) if item.breaker.trip else None,
        tried_again_at=datetime.fromtimestamp(max(now, item.breaker.probe_at), UTC) if item.breaker.trip else None,
    )


# -- breakers -------------------------------------------------------------------------------------------------------


class Answer(StrEnum):
    """What an answer says about the practice as a whole."""

    FINE = "fine"
    OFFLINE = "offline"
    KEY_REFUSED = "key-refused"
    ODD = "odd"
    NEUTRAL = "neutral"


def heard(item: PaceItem, answer: Answer, now: float) -> PaceItem:
    """Open, keep or close the breaker by what an answer said. A throttled call is neutral: the pace deals with it."""
    return replace(item, breaker=_heard(item.breaker, answer, now))


def _heard(breaker: Breaker, answer: Answer, now: float) -> Breaker:
    if answer is Answer.NEUTRAL:
        return breaker
    if answer is Answer.FINE:
        return Breaker()
    if answer is Answer.OFFLINE:
        return _tripped(breaker, Trip.OFFLINE, now, OFFLINE_PROBE_S)
    if answer is Answer.KEY_REFUSED:
        return _tripped(breaker, Trip.KEY_REFUSED, now, KEY_PROBE_S)
    odd = breaker.odd_in_a_row + 1
    if odd < ODD_IN_A_ROW and breaker.trip is not Trip.FAILING:
        return replace(breaker, odd_in_a_row=odd)
    backoff = min(FAILING_LONGEST_S, breaker.backoff_s * 2 or FAILING_FIRST_S)
    return replace(_tripped(breaker, Trip.FAILING, now, backoff), odd_in_a_row=odd, backoff_s=backoff)


def _tripped(breaker: Breaker, trip: Trip, now: float, probe_s: float) -> Breaker:
    since = breaker.since if breaker.trip is trip else now
    return Breaker(trip, since, now + probe_s, breaker.odd_in_a_row, breaker.backoff_s)


class Closed(Exception):
    """The breaker is open (the way is closed) for `seconds` more, for the reason `trip`."""

    def __init__(self, trip: Trip, seconds: float) -> None:
        super().__init__(f"the practice is not called: {trip}")
        self.trip = trip
        self.seconds = seconds


def admit(item: PaceItem, now: float) -> PaceItem:
    """Let a turn call, as the probe if one is due; the next probe is then a rhythm later.

    Raises: Closed: the breaker is open and no probe is due.
    """
    breaker = item.breaker
    if breaker.trip is None:
        return item
    if breaker.probe_at > now:
        raise Closed(breaker.trip, breaker.probe_at - now)
    rhythm = {Trip.OFFLINE: OFFLINE_PROBE_S, Trip.KEY_REFUSED: KEY_PROBE_S}.get(breaker.trip, breaker.backoff_s)
    return replace(item, breaker=replace(breaker, probe_at=now + rhythm))


def not_probed(item: PaceItem, holder: str, now: float) -> PaceItem:
    """Make the probe due again that `holder` was admitted as and did not make: after a refused key it is an hour."""
    if item.holder != holder or item.breaker.trip is None:
        return item
    return replace(item, breaker=replace(item.breaker, probe_at=min(item.breaker.probe_at, now)))


# -- governor -------------------------------------------------------------------------------------------------------

REFUSED_SHARE = 0.05
REFUSED_A_MINUTE = 50
_ENOUGH_TO_JUDGE = 20


@dataclass(frozen=True, slots=True)
class Minute:
    """Calls of the whole deployment in one minute."""

    calls: int = 0
    refused: int = 0

    @property
    def too_many_refused(self) -> bool:
        """Whether background work everywhere must halve: the vendor suspends source addresses, not keys.

        A share means something from 20 calls on; a single refusal in a quiet minute is no abuse.
        """
        share = self.calls >= _ENOUGH_TO_JUDGE and self.refused > REFUSED_SHARE * self.calls
        return share or self.refused > REFUSED_A_MINUTE


def last_minute(before: Minute, present: Minute, now: float) -> Minute:
    """What the governor judges, from the counts of the present minute of the clock and of the one before.

    Usually the last 60 seconds, as if the calls of the minute before had been spread evenly. But a whole minute that
    was over the limit counts until the next one is over: it must brake for a minute, and not for what was left of it.
    """
    if before.too_many_refused:
        return before
    still = 1 - (now % 60) / 60
    sliding = Minute(present.calls + round(before.calls * still), present.refused + round(before.refused * still))
    return present if present.too_many_refused else sliding


# -- background lane ------------------------------------------------------------------------------------------------


def work_due(item: PaceItem, at: float) -> PaceItem:
    """Note that background work is due at `at`, unless something is due before."""
    return item if item.next_due_at is not None and item.next_due_at <= at else replace(item, next_due_at=at)


def offer_lane(item: PaceItem, now: float, horizon_s: float = 60.0) -> tuple[PaceItem, float] | None:
    """Give out the background lane if it is free and something is due within `horizon_s`; returns the delay.

    None: nothing due, killed, or a background turn is queued or running. A turn that was lost gives the lane back by
    `lane_until`.
    """
    due = item.due_at
    if item.killed or due is None or due > now + horizon_s:
        return None
    delay = _in_step(item, now, max(0.0, due - now), horizon_s)
    if delay > horizon_s:
        return None
    # Where the lane was held all that time, those that did not begin are lost.
    queued = 0 if item.lane_until else item.lane_turns
    turns = queued + len(ticks_of(item, delay, horizon_s))
    return replace(item, lane_until=now + delay + BACKGROUND_QUEUED_S, lane_turns=turns), delay


def _in_step(item: PaceItem, now: float, delay_s: float, horizon_s: float) -> float:
    """The delay of the next turn that is in the practice's own step, if it has a rhythm within a minute.

    Whatever is overdue when the lane looks would else come in that very second, and what is polled in it keeps the new
    step: within an hour all practices of a deployment would be called in the same seconds of the minute.
    """
    if item.rhythm_s is None or item.rhythm_s > horizon_s or item.breaker.trip is not None:
        return delay_s
    rhythm_s = max(item.rhythm_s, SHORTEST_RHYTHM_S)
    step = zlib.crc32(item.practice_id.encode()) / 2**32 * rhythm_s
    earliest = now + max(0.0, delay_s - IN_STEP_S)
    return earliest - now + (step - earliest) % rhythm_s


def ticks_of(item: PaceItem, delay_s: float, horizon_s: float = 60.0) -> list[float]:
    """The delays after which the practice's background turns come, for a lane that was offered at `delay_s`.

    The lane looks once a minute, and a change at the office must be here sooner: so a practice with a rhythm gets all
    turns of the minute at once. One that finds nothing to do ends without a call.
    """
    if item.rhythm_s is None or item.breaker.trip is not None:
        return [delay_s]
    rhythm_s = max(item.rhythm_s, SHORTEST_RHYTHM_S)
    return [delay_s + rhythm_s * number for number in range(max(1, math.ceil((horizon_s - delay_s) / rhythm_s)))]


def restored(item: PaceItem, now: float) -> PaceItem:
    """A pace that comes out of a backup: nobody has the lease, its turns are younger than any since, and the next call
    waits for the longest interval, because nobody knows when the last one was."""
    keys = {key: replace(pace, next_free_at=now + FLOORS_S[Tier.READ_ONLY]) for key, pace in item.keys.items()}
    return replace(
        item,
        keys=keys,
        holder=None,
        busy_until=0.0,
        lane_until=0.0,
        lane_turns=0,
        turn_no=item.turn_no + _MOST_TURNS_SINCE,
        next_due_at=now,
        rhythm_s=None,
    )


_MOST_TURNS_SINCE = 10_000_000
"""Of a practice in the 35 days that a backup may be old."""


def begin_lane(item: PaceItem) -> PaceItem:
    """Begin a background turn. The next ones may be offered while it runs, so that no minute passes between them; but
    not while others are queued: where workers are few they would come faster than they are worked off, for ever, and
    callers wait behind them."""
    return _free_lane(replace(item, lane_turns=max(0, item.lane_turns - 1)))


def close_lane(
    item: PaceItem, next_due_at: float | None, *, rhythm_s: float | None = None, is_late: bool | None = None
) -> PaceItem:
    """End a background turn: `next_due_at` says when the lane is wanted again; `is_late` None: as it was."""
    is_late = item.is_late if is_late is None else is_late
    return _free_lane(replace(item, next_due_at=next_due_at, rhythm_s=rhythm_s, is_late=is_late))


def _free_lane(item: PaceItem) -> PaceItem:
    return replace(item, lane_until=0.0) if item.lane_turns <= QUEUED_BEFORE_MORE else item


def probe_due(item: PaceItem, at: float) -> PaceItem:
    """Have it looked at `at` what may be done at the practice, unless it is looked before."""
    probe_at = at if item.probe_at is None else min(item.probe_at, at)
    return work_due(replace(item, probe_at=probe_at), probe_at)


def doubt_capabilities(item: PaceItem, now: float) -> PaceItem:
    """After an answer that what is known of key and version does not explain: look again, but not all the time."""
    return probe_due(item, max(now, item.probed_at + PROBE_AGAIN_S))


def probed(item: PaceItem, now: float, again_at: float) -> PaceItem:
    """Note that it was looked, and when it is looked next."""
    return replace(item, probe_at=again_at, probed_at=now)


def slow_since(item: PaceItem, key: str) -> float | None:
    """Since when the key is called less often than its tier allows, epoch seconds; None: it is not.

    Only a pause that Open Dental asked for widens an interval, and our calls keep to the tier's.
    """
    pace = item.keys.get(key)
    return None if pace is None or pace.interval_s <= pace.floor_s else pace.widened_at or None


def must_give_way(item: PaceItem) -> bool:
    """Whether a background turn has to stop after the running call: somebody waits."""
    return item.ready > 0
