"""A seat: one worker's lease on a practice, and the slots it calls in.

The only place that reserves, waits for and reports slots, for interactive and background turns alike.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.core import pacing, ways
from gateway.core.drift import shapes
from gateway.core.drift.known import Odd
from gateway.core.errors import Unavailable
from gateway.core.events.facts import PRACTICE, WAY
from gateway.core.fhir_source import OPERATION
from gateway.core.health import fleet
from gateway.core.ledger import Effect
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from gateway.core.practices import Practice
from gateway.core.worker import WorkerServices
from open_dental import catalogue
from open_dental import errors as upstream

CONNECT_AHEAD_S = 0.3
"""How long before its slot a call begins to connect: a name, a connection and TLS over a continent take less."""

LOOK_AGAIN_S = 0.25
"""A slot that was waited for longer is looked at once more before its call: an operator may have stopped all calls."""

FHIR_CAPABILITY = "fhir.capability"
"""Not in the catalogue: the one call of the FHIR side, which tells a wrong key from one without REST permissions."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one turn may use. Seconds count from the start of the invocation, whose own limit is 150."""

    calls: int = 20
    seconds: float = 75.0
    background_s: float = pacing.BACKGROUND_TURN_S


BUDGET = Budget()

_log = logging.getLogger("gateway.upstream")

Visible = Callable[[float], None]
"""Keeps the turn's message invisible for so many seconds from now."""


@dataclass(frozen=True, slots=True)
class Traced:
    """On whose behalf a seat calls: an operation, and the request that brought it about."""

    operation_id: str
    correlation_id: str | None = None


class Exhausted(Exception):
    """The turn has used its calls or its time; nothing was reserved."""


class SlotTooFar(Exception):
    """The next slot is `seconds` away; it was given back."""

    def __init__(self, seconds: float) -> None:
        super().__init__("the next slot is far")
        self.seconds = seconds


_UNEXPLAINED = (upstream.Unauthorized, upstream.VersionTooOld)
"""What is not asked where it is known that the key or the version does not have it: so one of them is another."""


def effect_of(call: UpstreamCall) -> Effect:
    """What `call` does, by the catalogue's mark. The FHIR side is only read."""
    return Effect.READ if call.operation.startswith(OPERATION) else Effect(catalogue.operation(call.operation).effect)


def counts_as_refused(error: upstream.OpenDentalError) -> bool:
    """Whether the vendor could take it for abuse: a pause it asked for, or a request it would not take."""
    benign = isinstance(error, upstream.NotFound | upstream.VersionTooOld)
    return isinstance(error, upstream.Throttled) or (isinstance(error, upstream.Refused) and not benign)


def answer_says(error: upstream.OpenDentalError | None) -> pacing.Answer:
    """What an answer means for the practice's breaker.

    A refused permission is the caller's matter; a plain 401 becomes one thing or the other before it gets here.
    """
    if error is None:
        return pacing.Answer.FINE
    if isinstance(error, upstream.PracticeOffline):
        return pacing.Answer.OFFLINE
    if isinstance(error, upstream.KeyRefused | upstream.KeyNotAssigned):
        return pacing.Answer.KEY_REFUSED
    if isinstance(error, upstream.OutcomeUnknown | upstream.NotSent):
        return pacing.Answer.ODD
    if isinstance(error, upstream.Throttled) or type(error) is upstream.Unauthorized:
        return pacing.Answer.NEUTRAL
    return pacing.Answer.FINE


class Seat:
    """The lease of `practice_id`, held by `holder` between `enter` and `leave`."""

    def __init__(
        self, practice_id: str, *, on: WorkerServices, holder: str, visible: Visible, budget: Budget = BUDGET
    ) -> None:
        self.practice_id = practice_id
        self.on = on
        self.holder = holder
        self.budget = budget
        self.calls = 0
        self.item = pacing.PaceItem(practice_id)
        self.traced: Traced | None = None
        """None in the background's own work."""
        self._visible = visible
        self._refused = 0
        self._odd: Counter[Odd] = Counter()
        self._has_sent = False
        self._started = on.clock.monotonic()
        # How the last call went; stored together with the next reservation, or at the end.
        self._report: Callable[[pacing.PaceItem], pacing.PaceItem] | None = None

    def now(self) -> float:
        """The present moment in epoch seconds."""
        return self.on.clock.now().timestamp()

    def elapsed(self) -> float:
        """Seconds since the invocation began."""
        return self.on.clock.monotonic() - self._started

    def enter(self) -> None:
        """Take the lease. Raises: pacing.Busy, pacing.Killed, pacing.Closed; nothing was changed then."""
        now = self.now()
        self.change(lambda item: pacing.take_lease(pacing.admit(item, now), self.holder, now))

    def leave(self) -> None:
        """Give the lease back, and count what was called."""
        if not self._has_sent:
            now = self.now()
            self.change(lambda item: pacing.not_probed(item, self.holder, now))
        self.change(lambda item: pacing.release(item, self.holder))
        self._note_odd()
        if self.calls:
            self.on.governor.count(self.on.clock.now(), calls=self.calls, refused=self._refused)
            self.calls = 0

    def change(self, rule: Callable[[pacing.PaceItem], pacing.PaceItem]) -> None:
        """Apply `rule` to the pace item, after the report of the last call."""
        report, self._report = self._report or _nothing, None
        if report is not _nothing:
            self._tell_of_the_office(report(self.item))

        def both(item: pacing.PaceItem) -> tuple[pacing.PaceItem, pacing.PaceItem]:
            item = rule(report(item))
            return item, item

        self.item = self.on.pace.update(self.practice_id, both)

    def _tell_of_the_office(self, heard: pacing.PaceItem) -> None:
        """Tell that the practice does not answer any more, or does again, before that is stored: who dies in between
        hears the same at the next call, and what is known already is told once. Nobody but the holder changes it.
        """
        before, after = self.item.breaker.trip, heard.breaker.trip
        if before is not after:
            since = datetime.fromtimestamp(heard.breaker.since or self.now(), UTC)
            fleet.moved(self.on.fleet, self.practice_id, was=before, now=after, since=since)
        was, now = (trip is pacing.Trip.OFFLINE for trip in (before, after))
        if was is not now:
            state = {"state": "offline" if now else "online"}
            # Whoever waits for an answer waits for no event.
            with suppress(Unavailable):
                self.on.facts.note(self.practice_id, PRACTICE, "connection", state, at=self.on.clock.now())

    def slot(self, practice: Practice, *, spare: float = 0.0) -> float:
        """Reserve the next slot and keep the message invisible beyond its call; returns when it is (epoch seconds).

        `spare` lets that many seconds of the practice's pace pass unused (background work while the governor brakes).

        Raises:
            Exhausted, SlotTooFar, pacing.Killed, pacing.LeaseLost.
        """
        if self.calls >= self.budget.calls or self.elapsed() > self.budget.seconds:
            self.tell()
            raise Exhausted
        key, floor_s, now = practice.pace_key, pacing.floor_of(practice), self.now()
        slots: list[float] = []

        def rule(item: pacing.PaceItem) -> pacing.PaceItem:
            item, slot = pacing.reserve(item, key, holder=self.holder, floor_s=floor_s, now=now, spare_s=spare)
            slots.append(slot)
            return item

        self.change(rule)
        slot = slots[-1]
        wait = slot - self.now()
        interval = pacing.key_pace(self.item, key, floor_s).interval_s
        far = pacing.where_to_wait(wait, interval + spare) is not pacing.Wait.HERE
        late = self.elapsed() + wait > self.budget.seconds
        if far or late:
            self.change(lambda item: pacing.give_back(item, key, slot))
            if far:
                raise SlotTooFar(wait)
            raise Exhausted
        self._visible(max(0.0, wait) + pacing.CALL_LIMIT_S + pacing.LEASE_MARGIN_S)
        return slot

    def look_again(self, practice: Practice, slot: float, *, ahead_s: float) -> None:
        """Wait until `ahead_s` before the `slot` that was reserved just now, and see that its call is still allowed.

        Raises: pacing.Killed: it is not, and the slot was given back.
        """
        reserved_at = self.now()
        self.wait_until(slot - ahead_s)
        if self.now() - reserved_at > LOOK_AGAIN_S:
            self.change(_nothing)
        self.heed_switch(practice, slot)

    def heed_switch(self, practice: Practice, slot: float) -> None:
        """Give `slot` back if the item, as it was read last, says that nobody may call. Raises: pacing.Killed."""
        if self.item.killed:
            self.change(lambda item: pacing.give_back(item, practice.pace_key, slot))
            raise pacing.Killed

    def wait_until(self, at: float) -> None:
        """Sleep until `at` (epoch seconds); never less."""
        while (left := at - self.now()) > 0:
            self.on.clock.sleep(left)

    def send(self, practice: Practice, call: UpstreamCall, *, slot: float, trips: bool = True) -> UpstreamAnswer:
        """Send `call` in the `slot` that was reserved. `trips`: whether the answer may open the breaker.

        The connection is made a little before; the pace is counted from when the request really leaves.

        Raises: the classes of `open_dental.errors`. pacing.LeaseLost: nothing was sent, because the call could outlast
            the lease: this process stood still after it had reserved the slot.
        """
        self.wait_until(slot - CONNECT_AHEAD_S)
        left_at: list[float] = []

        def gate() -> None:
            self.wait_until(slot)
            left_at[:] = [self.now()]
            if not pacing.may_still_send(slot, left_at[0]):
                raise pacing.LeaseLost

        try:
            answer = self.on.upstream.send(practice, call, gate)
        except upstream.OpenDentalError as error:
            self._went(practice, slot, left_at, error, trips=trips)
            self._say(call, slot, left_at, error.status, error)
            raise
        self._went(practice, slot, left_at, None, trips=trips)
        self._say(call, slot, left_at, answer.status)
        self._odd.update(shapes.differences(call, answer, practice.version))
        return answer

    def _note_odd(self) -> None:
        """Keep how answers differed from the catalogue; who cannot be told of it now sees the same again."""
        odd, self._odd = self._odd, Counter()
        if odd:
            with suppress(Unavailable):
                shapes.note(self.practice_id, odd, drifts=self.on.drifts, now=self.on.clock.now())

    def _say(
        self,
        call: UpstreamCall,
        slot: float,
        left_at: list[float],
        status: int | None,
        error: upstream.OpenDentalError | None = None,
    ) -> None:
        """Log a call by its operation: no path, no query, no body. What the background reads all day long and goes well
        is said only where somebody asks for it (DEBUG): at 10,000 practices those lines would cost more than the calls.
        """
        _log.log(
            logging.DEBUG if self.traced is None and error is None else logging.INFO,
            "called",
            extra={
                "practice_id": self.practice_id,
                "operation_id": self.traced and self.traced.operation_id,
                "correlation_id": self.traced and self.traced.correlation_id,
                "operation": call.operation,
                "method": None if call.operation.startswith(OPERATION) else _method(call),
                "status": status,
                "error": error and type(error).__name__,
                "duration_ms": max(0, round((self.now() - (left_at[0] if left_at else slot)) * 1000)),
            },
        )

    def _went(
        self,
        practice: Practice,
        slot: float,
        left_at: list[float],
        failure: upstream.OpenDentalError | None,
        *,
        trips: bool,
    ) -> None:
        """Keep how the call in `slot` went for the next change of the item."""
        key, floor_s = practice.pace_key, pacing.floor_of(practice)
        self.calls += 1
        self._has_sent = True
        self._refused += failure is not None and counts_as_refused(failure)
        throttled = isinstance(failure, upstream.Throttled)
        pause = failure.retry_after if isinstance(failure, upstream.Throttled) else 0.0
        went = pacing.Call(left_at[0] if left_at else max(slot, self.now()), self.now(), throttled, pause)
        said = answer_says(failure)
        if not trips and said is not pacing.Answer.FINE:
            said = pacing.Answer.NEUTRAL
        missed = trips and isinstance(failure, upstream.NotSent)
        doubted = trips and isinstance(failure, _UNEXPLAINED)

        def report(item: pacing.PaceItem) -> pacing.PaceItem:
            was = item.breaker.trip
            item = pacing.heard(pacing.finished(item, key, went, floor_s=floor_s), said, went.ended_at)
            item = pacing.key_heard(item, practice.key_fingerprint, said, went.ended_at)
            if trips:
                item = ways.heard(item, practice, said, missed=missed, now=went.ended_at)
            if was is not None and item.breaker.trip is None:
                # Offices are updated while they are away, and keys are changed while they are refused.
                return pacing.probe_due(item, went.ended_at)
            return pacing.doubt_capabilities(item, went.ended_at) if doubted else item

        self._report = report
        if trips and practice.fallback is not None and said is pacing.Answer.FINE and not self.item.way.answered:
            self.tell_way(practice)
        if failure is not None and practice.fallback is not None:
            # Whoever goes on has to know by which way.
            self.tell()

    def has_left(self, practice: Practice) -> bool:
        """Whether `practice` is to be called by another way by now than it says."""
        return practice.fallback is not None and self.item.way.by is not practice.by

    def is_inside(self, practice: Practice) -> bool:
        """Whether this worker is where `practice`, as it says, is reached from; no other may have its keys sent."""
        return self.on.network in {None, practice.network}

    def tell_way(self, practice: Practice) -> None:
        """Tell by which way the office answers, where that was another the last time."""
        with suppress(Unavailable):
            said = ways.told(practice, practice.by)
            self.on.facts.note(self.practice_id, PRACTICE, WAY, said, at=self.on.clock.now())

    def tell(self) -> None:
        """Store the report of the last call now."""
        if self._report is not None:
            self.change(_nothing)


def _method(call: UpstreamCall) -> str | None:
    """None for what is no call of the catalogue's."""
    try:
        return catalogue.operation(call.operation).method
    except KeyError:
        return None


def _nothing(item: pacing.PaceItem) -> pacing.PaceItem:
    return item
