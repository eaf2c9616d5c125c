"""How long somebody waits who asks while background work runs.

Played with the engine, the lane and the reconciler as they are deployed, over ports in memory and a clock of its own:
a lost write is looked for over many pages, and at a random moment of that somebody reads. No run of this issue's
background work is long enough to be met by hand through the sandbox: a look there is a page or two.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

from gateway.core import pacing
from gateway.core.errors import StillRunning
from gateway.core.plans import UpstreamCall
from gateway.core.practices import Tier
from gateway.core.requests import Freshness, fetch, submit
from tests.bench.figures import Figure, Say, at_most
from tests.fakes.office import Fault
from tests.fakes.plans import KINDS
from tests.fakes.services import ELM_STREET, FakeClock, FakeServices, a_caller
from tests.fakes.world import World

PAGES = 25
WITHIN_S = 8.0
LOST_PATIENT, READ_PATIENT = 7, 8


class AlarmClock(FakeClock):
    """A clock in whose sleep something may happen at a given second."""

    def __init__(self) -> None:
        super().__init__()
        self._alarm: tuple[float, Callable[[], None]] | None = None

    def at(self, seconds: float, do: Callable[[], None]) -> None:
        """Do this when that second comes."""
        self._alarm = (seconds, do)

    def sleep(self, seconds: float) -> None:
        """See `FakeClock.sleep`."""
        until = self.seconds + seconds
        if self._alarm is not None and self._alarm[0] <= until:
            at, do = self._alarm
            self._alarm = None
            self.seconds = max(self.seconds, at)
            do()
        super().sleep(max(until - self.seconds, 0.0))


def wait_s(*, tier: Tier, execution_s: float, seed: int) -> float | None:
    """Seconds from a question during a background run to its call, or None if it met no background call."""
    chance = random.Random(seed)
    practice = replace(ELM_STREET, tier=tier)
    clock = AlarmClock()
    on = FakeServices(practices_=(practice,), clock=clock)
    world = World(on, KINDS)
    office = on.office
    office.execution_s = execution_s
    for _ in range(PAGES * practice.page_limit):
        office.add("appointments", PatNum=LOST_PATIENT, Op=9, AptDateTime="2026-01-01 09:00:00", Note="")
    lose, asked = [Fault.LOSE_REQUEST], list[float]()

    def ask() -> None:
        asked.append(clock.monotonic())
        # The caller does not wait here: how long it would have is read off the office's log.
        with suppress(StillRunning):
            fetch(
                "test.fetch",
                {"PatNum": READ_PATIENT},
                practice=practice,
                caller=a_caller(),
                freshness=Freshness(max_age_s=0, wait_s=0),
                on=on,
            )

    def on_call(call: UpstreamCall) -> Fault | None:
        if call.operation == "appointments.create" and lose:
            return lose.pop()
        if not lose and not asked and call.query.get("Offset") == practice.page_limit:
            clock.at(clock.monotonic() + chance.uniform(0.0, WITHIN_S), ask)
        return None

    office.on_call = on_call
    input_ = {"patient": LOST_PATIENT, "at": "2026-03-03 09:00:00"}
    submit("test.book", input_, practice=practice, caller=a_caller(), idempotency_key="k" * 16, on=on)
    world.run(240.0)
    if not asked or not _works_for_background(office.calls, asked[0]):
        return None
    answered = next(at for at, call in office.calls if call.query.get("PatNum") == READ_PATIENT)
    return answered - asked[0]


def _works_for_background(calls: list[tuple[float, UpstreamCall]], asked: float) -> bool:
    """Whether pages of the look were asked both before and after the question."""
    looks = [at for at, call in calls if call.query.get("PatNum") == LOST_PATIENT and call.query.get("Offset", 0) > 0]
    return any(at < asked for at in looks) and any(at > asked for at in looks)


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """Questions at random moments, for short and for long executions."""
    trials = 5 if quick else 30
    for tier, execution in ((Tier.STANDARD, 0.3), (Tier.STANDARD, 1.5), (Tier.ENTERPRISE, 0.2)):
        interval = pacing.FLOORS_S[tier]
        say(f"  {trials} questions at {interval:g} s and executions of {execution:g} s")
        found = [wait_s(tier=tier, execution_s=execution, seed=seed) for seed in range(trials)]
        waits = [one for one in found if one is not None]
        if not waits:
            raise RuntimeError("no question met a background run")
        slot = interval + pacing.GUARD_S
        yield Figure(
            "interactive",
            f"longest wait for a call, {interval:g} s a slot, {execution:g} s an execution",
            max(waits),
            "s",
            at_most(slot + execution),
            f"median {statistics.median(waits):.2f} s, {len(waits)} questions during a background run",
        )
