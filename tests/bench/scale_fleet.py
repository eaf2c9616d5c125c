"""Thousands of practices beside each other, call by call: the deployed rules of pace, lane and plan, in simulated time.

What decides is imported: who holds a practice and when its next call may go (`core/pacing.py`), which background turns
the lane gives out (`offer_lane`, `ticks_of`), what a turn reads (`core/mirror/schedule.py` by way of a `Kind`). Written
here is what AWS does between them: a FIFO queue whose groups are practices, workers that take a message each, a lane
once a minute. A day is looked at through windows: what is due moves along with the clock from one to the next, and
long readings go on meanwhile by what the pace leaves them.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final

from gateway.core import pacing
from gateway.core.background_turn import MODEST_S, RHYTHM_MARGIN_S
from gateway.core.mirror import schedule
from gateway.core.mirror.session import CALLS_A_TURN
from gateway.core.sweeping import LANES_AT_MOST, SPREAD_S
from tests.bench.scale_offices import (
    CALLERS,
    CALLS_OF_A_READ,
    CALLS_OF_A_WRITE,
    DAY_S,
    EXECUTION_S,
    Callers,
    Kind,
    Way,
)

STORE_S: Final = 0.004
"""A request of DynamoDB from a function, at the median."""

BEGINS_S, BETWEEN_S, ENDS_S = 9 * STORE_S, 4 * STORE_S, 6 * STORE_S
"""What a worker does of its own before the first call, for each call and after the last (`turn_costs.py`)."""

RECEIVED_S: Final = 0.02
"""From a message that may be received to its worker's first line."""

SLACK_S: Final = schedule.SLACK.total_seconds()
PULSE_S: Final = schedule.PULSE.total_seconds()
HOLDER, KEY = "worker", "k"
MOST_TABLES: Final = 6
_PROBE, _SWEEP = "probe", "sweep"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a deployment has; None: as much as it takes."""

    workers: int | None = None
    lane_at_most: int | None = LANES_AT_MOST
    """Practices that an invocation of the lane looks at."""
    lane_s: float | None = 50.0
    """Its time-out."""
    lane_step_s: float = 0.0
    """What it takes for each practice."""
    lanes: int = 1
    """Invocations of it, each with its share of the practices."""


@dataclass(slots=True)
class Minute:
    """What happened in a minute, of all practices."""

    turns: int = 0
    empty: int = 0
    """Background turns that found nothing to do."""
    calls: int = 0
    reads: int = 0
    writes: int = 0
    requests: float = 0.0
    changes: float = 0.0
    busy_s: float = 0.0
    """Worker time."""
    most_at_once: int = 0
    most_waiting: int = 0
    """Messages that could be received and were not yet, at the worst."""
    offered: int = 0
    ticks: int = 0
    lane_took_s: float = 0.0
    waited: list[float] = field(default_factory=list)
    """How long each caller's turn waited until its first call went out."""
    late: list[float] = field(default_factory=list)
    """How late each background turn came, of when it was due."""


@dataclass(slots=True)
class _Message:
    calls: int
    """0: a background turn."""
    joined: float


class _Office:
    """One practice."""

    __slots__ = (
        "background", "began", "calls", "changes", "due", "every", "holds", "item", "kind", "left", "messages", "plan",
        "pulse_at", "queued", "running", "sweeps", "went",
    )  # fmt: skip

    def __init__(self, number: int, kind: Kind) -> None:
        self.kind = kind
        self.item = pacing.PaceItem(str(number))
        self.due: dict[str, float] = {}
        self.sweeps: list[tuple[float, str]] = []
        """Full readings by when they are due, the running one with what is `left` of it."""
        self.left = 0
        self.pulse_at = 0.0
        self.messages: deque[_Message] = deque()
        self.queued = False
        self.running: _Message | None = None
        self.background = False
        """Whether the running turn does background work by now."""
        self.plan: deque[str] = deque()
        self.began = 0.0
        self.calls = 0
        self.went = 0.0
        self.holds = 0.0
        self.every: Mapping[str, float] = {}
        self.changes = 0.0
        """Changes that a probe is expected to show."""


class Fleet:
    """Practices, the queue between them and the workers, and a clock.

    `quiet`: nothing changes at any office. `callers`: None where nobody asks anything. `execution_s`: how long Open
    Dental takes for a call.
    """

    def __init__(
        self,
        kinds: Sequence[Kind],
        *,
        start: float,
        limits: Limits = Limits(None, None, None),
        callers: Callers | None = CALLERS,
        quiet: bool = False,
        execution_s: float = EXECUTION_S,
        seed: int = 1,
    ) -> None:
        self.now = start
        self.limits = limits
        self.callers = callers
        self.quiet = quiet
        self.execution_s = execution_s
        self.chance = random.Random(seed)
        self.minute = Minute()
        self.at_once = 0
        self._events: list[tuple[float, int, Callable[[_Office], None], _Office]] = []
        self._ready: deque[_Office] = deque()
        self._numbers = count()
        self._known: dict[tuple[int, float], tuple[Mapping[str, float], float]] = {}
        self._weights: tuple[float, list[float], float, float] | None = None
        self.offices = [_Office(number, kind) for number, kind in enumerate(kinds)]
        for office in self.offices:
            self._settle_in(office)

    # -- a day through windows --------------------------------------------------------------------------------------

    def _settle_in(self, office: _Office) -> None:
        """As after days of work: what is polled is due some time within its period, what is read whole within its own.

        Everybody who has a long reading began it when the office closed.
        """
        kind, chance, now = office.kind, self.chance, self.now
        self._learn_periods(office)
        office.due = {name: now + chance.uniform(0, every) for name, every in office.every.items()}
        for name in kind.state(now).resources:
            began = now - chance.uniform(0, DAY_S)
            while (after := kind.sweep(name, began)[1]) < now:
                # Short lists come round many times a day: it is the last time that counts.
                began = max(after, now - chance.uniform(0, after - began))
            office.sweeps.append((after, name))
        heapq.heapify(office.sweeps)
        office.pulse_at = now - chance.uniform(0, PULSE_S)
        office.item = replace(office.item, next_due_at=self._next_due(office), rhythm_s=kind.rhythm_s)

    def _learn_periods(self, office: _Office) -> None:
        """What is asked, and how often, in the present hour."""
        kind = office.kind
        key = (id(kind), self.now // 3600)
        if (known := self._known.get(key)) is None:
            every = dict(kind.periods(self.now, quiet=self.quiet))
            if (probe := kind.probes_every(self.now)) is not None:
                every[_PROBE] = probe
            changes = 0.0 if self.quiet else kind.changes_per_s(self.now) * every.get(_PROBE, 0.0)
            known = self._known[key] = (every, changes)
        office.every, office.changes = known

    def jump(self, to: float) -> None:
        """Let time pass unwatched: whoever works is interrupted, what is due moves along, long readings go on."""
        ahead = to - self.now
        self._events.clear()
        self._ready.clear()
        self.at_once = 0
        for office in self.offices:
            office.messages.clear()
            office.queued, office.running, office.background = False, None, False
            office.plan.clear()
            polls_s = sum(office.kind.floor_s / every for every in office.every.values()) * ahead
            spare = max(0.0, ahead - polls_s) / max(office.kind.floor_s, self.execution_s + BETWEEN_S)
            self._read_on(office, to, spare)
            office.due = {name: at + ahead for name, at in office.due.items()}
            office.pulse_at += ahead
            item = office.item
            keys = {key: replace(pace, next_free_at=min(pace.next_free_at, to)) for key, pace in item.keys.items()}
            office.item = replace(
                item,
                keys=keys,
                holder=None,
                busy_until=0.0,
                lane_until=0.0,
                lane_turns=0,
                waiting=0,
                interactive_at=0.0,
            )
        self.now = to
        for office in self.offices:
            self._new_periods(office)
            office.item = replace(office.item, next_due_at=self._next_due(office))

    def _read_on(self, office: _Office, to: float, calls: float) -> None:
        while office.sweeps and office.sweeps[0][0] <= to:
            at, name = office.sweeps[0]
            began = max(at, self.now)
            of, after = office.kind.sweep(name, began)
            left = office.left or of
            if left > calls:
                office.left = int(left - calls)
                return
            calls -= left
            office.left = 0
            heapq.heapreplace(office.sweeps, (after, name))

    def _new_periods(self, office: _Office) -> None:
        """The hour has changed: nothing is due later than its new period says."""
        self._learn_periods(office)
        for name, every in office.every.items():
            if office.due[name] - self.now > every:
                office.due[name] = self.now + self.chance.uniform(0, every)

    def late(self) -> None:
        """Have everything been due a minute ago, as after an outage of the lane."""
        for office in self.offices:
            office.due = dict.fromkeys(office.due, self.now - 60)
            office.item = replace(office.item, next_due_at=self.now - 60)

    def run(self, seconds: float) -> list[Minute]:
        """Let so many seconds pass, a multiple of 60; returns what happened minute by minute."""
        minutes = []
        end = self.now + seconds
        while self.now < end - 1e-6:
            self.minute = Minute()
            self._lane()
            self._callers()
            self._until(self.now + 60.0)
            minutes.append(self.minute)
        return minutes

    # -- once a minute ----------------------------------------------------------------------------------------------

    def _lane(self) -> None:
        """`core.sweeping.offer_lanes`, over practices instead of an index."""
        now, limits = self.now, self.limits
        due = sorted(
            (at, number)
            for number, office in enumerate(self.offices)
            if (at := office.item.due_at) is not None and at <= now + SPREAD_S
        )
        for lane in range(limits.lanes):
            mine = [number for _, number in due if number % limits.lanes == lane][: limits.lane_at_most]
            took = 0.0
            for number in mine:
                if limits.lane_s is not None and took > limits.lane_s:
                    break
                took += limits.lane_step_s
                office, at = self.offices[number], now + took
                offer = pacing.offer_lane(office.item, at)
                if offer is None:
                    continue
                delays = pacing.ticks_of(*offer)
                office.item = offer[0]
                self.minute.offered += 1
                self.minute.ticks += len(delays)
                for delay in delays:
                    self._at(at + min(SPREAD_S, round(delay)), self._tick, office)
            self.minute.lane_took_s = max(self.minute.lane_took_s, took)

    def _callers(self) -> None:
        if self.callers is None:
            return
        hour = self.now // 600
        if self._weights is None or self._weights[0] != hour:
            weights = [office.kind.requests_per_s(self.now, self.callers) for office in self.offices]
            changes = sum(office.kind.changes_per_s(self.now, self.callers) for office in self.offices)
            self._weights = (hour, weights, sum(weights), changes)
        _, weights, total, changes = self._weights
        self.minute.requests, self.minute.changes = total * 60, changes * 60
        for share, calls in ((self.callers.live_reads, CALLS_OF_A_READ), (self.callers.writes, CALLS_OF_A_WRITE)):
            number = round(total * 60 * share)
            for office in self.chance.choices(self.offices, weights, k=number):
                message = _Message(calls, self.now + self.chance.uniform(0, 60))
                self._at(message.joined, _join(self, message), office)

    # -- the queue --------------------------------------------------------------------------------------------------

    def _at(self, when: float, do: Callable[[_Office], None], office: _Office) -> None:
        heapq.heappush(self._events, (when, next(self._numbers), do, office))

    def _until(self, end: float) -> None:
        events = self._events
        while events and events[0][0] < end:
            self.now, _, do, office = heapq.heappop(events)
            do(office)
        self.now = end

    def _tick(self, office: _Office) -> None:
        self._put(office, _Message(0, self.now))

    def _put(self, office: _Office, message: _Message) -> None:
        office.messages.append(message)
        if office.running is None and not office.queued:
            office.queued = True
            self._ready.append(office)
        self._hand_out()

    def _hand_out(self) -> None:
        most = self.limits.workers
        while self._ready and (most is None or self.at_once < most):
            office = self._ready.popleft()
            office.queued = False
            self.at_once += 1
            office.running = office.messages.popleft()
            office.holds = self.now
            self._at(self.now + RECEIVED_S, self._enter, office)
        minute = self.minute
        minute.most_at_once = max(minute.most_at_once, self.at_once)
        minute.most_waiting = max(minute.most_waiting, len(self._ready))

    # -- a turn -----------------------------------------------------------------------------------------------------

    def _enter(self, office: _Office) -> None:
        message = office.running
        assert message is not None
        office.item = pacing.take_lease(pacing.admit(office.item, self.now), HOLDER, self.now)
        office.calls = 0
        self.minute.turns += 1
        if message.calls:
            office.background = False
            office.plan.extend(["answer"] * message.calls)
        else:
            due_at = office.item.next_due_at
            if due_at is not None:
                self.minute.late.append(max(0.0, self.now - due_at))
            office.item = pacing.begin_lane(office.item)
            self._begin_background(office)
        self._at(self.now + BEGINS_S, self._next, office)

    def _begin_background(self, office: _Office) -> None:
        """What `core.background.WORK` would do now: the pulse, what is to be asked or polled, then full readings."""
        now, kind, plan = self.now, office.kind, office.plan
        office.background, office.began, office.went = True, now, 0.0
        soon = now + SLACK_S
        if kind.way is not Way.QUERIED and now - office.pulse_at >= PULSE_S:
            plan.extend(("pulse", "pulse"))
            office.pulse_at = now
        due = [name for name, at in office.due.items() if at <= soon]
        due.sort(key=lambda name: (name not in schedule.HOT, office.due[name]))
        plan.extend(due)
        if office.sweeps and office.sweeps[0][0] <= soon:
            plan.append(_SWEEP)
        if not plan:
            self.minute.empty += 1

    def _next(self, office: _Office) -> None:
        """Before a call: who waits goes first, and a turn has an end."""
        item, plan, now = office.item, office.plan, self.now
        if not plan:
            self._leave(office)
            return
        if office.background and self._must_stop(office):
            plan.clear()
            self._leave(office)
            return
        kind = office.kind
        spare = 0.0
        if plan[0] is _SWEEP and now - item.interactive_at < MODEST_S:
            spare = max(kind.floor_s, office.went, 0.5)
        item, slot = pacing.reserve(item, KEY, holder=HOLDER, floor_s=kind.floor_s, now=now, spare_s=spare)
        office.item = item
        self._at(slot, self._send, office)

    def _must_stop(self, office: _Office) -> bool:
        length = min(pacing.BACKGROUND_TURN_S, max(1.0, (office.item.rhythm_s or 60.0) - RHYTHM_MARGIN_S))
        over = self.now - office.holds >= length or office.calls >= CALLS_A_TURN
        return over or pacing.must_give_way(office.item)

    def _send(self, office: _Office) -> None:
        """A call leaves. Background work looks once more whether somebody has come meanwhile."""
        if office.background and pacing.must_give_way(office.item):
            office.item = pacing.give_back(office.item, KEY, self.now)
            office.plan.clear()
            self._leave(office)
            return
        message = office.running
        assert message is not None
        if message.calls and office.calls == 0:
            self.minute.waited.append(self.now - message.joined)
        ended = self.now + self.execution_s
        went = pacing.Call(self.now, ended)
        office.item = pacing.finished(office.item, KEY, went, floor_s=office.kind.floor_s)
        office.calls += 1
        office.went = self.execution_s
        self.minute.calls += 1
        self._done(office, office.plan.popleft())
        self._at(ended + BETWEEN_S, self._next, office)

    def _done(self, office: _Office, what: str) -> None:
        if what is _SWEEP:
            self._read_a_page(office)
        elif what in office.due:
            office.due[what] = office.began + office.every[what]
            if what is _PROBE and office.changes:
                # Tables that people work in and that changed since the last one are read at once, each by a call.
                office.plan.extendleft(["changed"] * min(MOST_TABLES, _poisson(office.changes, self.chance)))

    def _read_a_page(self, office: _Office) -> None:
        at, name = office.sweeps[0]
        if not office.left:
            office.left = office.kind.sweep(name, max(at, self.now - 300))[0]
        office.left -= 1
        if office.left <= 0:
            office.left = 0
            heapq.heapreplace(office.sweeps, (office.kind.sweep(name, self.now)[1], name))
        if office.sweeps[0][0] <= self.now + SLACK_S:
            office.plan.append(_SWEEP)

    def _leave(self, office: _Office) -> None:
        message = office.running
        assert message is not None
        if message.calls and not office.background:
            # The worker ends the caller's turn, sees nobody waiting and goes on in the background.
            office.item = replace(office.item, waiting=max(0, office.item.waiting - 1))
            due = office.item.next_due_at
            if due is not None and due <= self.now and not pacing.must_give_way(office.item):
                self._begin_background(office)
                self._at(self.now + BEGINS_S, self._next, office)
                return
        if office.background:
            office.item = pacing.close_lane(office.item, self._next_due(office), rhythm_s=office.kind.rhythm_s)
        self._at(self.now + ENDS_S, self._gone, office)

    def _gone(self, office: _Office) -> None:
        office.item = pacing.release(office.item, HOLDER)
        self.minute.busy_s += self.now - office.holds
        office.running, office.background = None, False
        self.at_once -= 1
        if office.messages and not office.queued:
            office.queued = True
            self._ready.append(office)
        self._hand_out()

    def _next_due(self, office: _Office) -> float:
        times = [*office.due.values()]
        if office.sweeps:
            times.append(office.sweeps[0][0])
        return min(times)


def _join(fleet: Fleet, message: _Message) -> Callable[[_Office], None]:
    def join(office: _Office) -> None:
        item = office.item
        office.item = replace(item, waiting=item.waiting + 1, interactive_at=fleet.now)
        if message.calls == CALLS_OF_A_WRITE:
            fleet.minute.writes += 1
        else:
            fleet.minute.reads += 1
        fleet._put(office, message)

    return join


def _poisson(expected: float, chance: random.Random) -> int:
    number, left = 0, chance.expovariate(1.0)
    while left < expected:
        number += 1
        left += chance.expovariate(1.0)
    return number
