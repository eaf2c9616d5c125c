"""A day of the pure pacing rule against a throttle that knows nothing of it; no real time passes."""

from __future__ import annotations

import random
from dataclasses import dataclass

from gateway.core import pacing
from gateway.core.pacing import Call, PaceItem
from tests.bench.arrivals import Arrival, ThrottleFrom

_HOLDER, _KEY = "worker", "key"


@dataclass
class Throttle:
    """The vendor's lane for one key, in both readings: an early call is held back, never refused (one waits at most).

    Written from the vendor's text and not from the rule that it judges.
    """

    interval_s: float
    counted_from: ThrottleFrom
    last_begun: float = -1e9
    last_end: float = -1e9

    def serve(self, arrived: float, execution_s: float) -> Arrival:
        """Let one call through."""
        since = self.last_begun if self.counted_from == "start" else self.last_end
        begun = max(arrived, since + self.interval_s, self.last_end)
        self.last_begun, self.last_end = begun, begun + execution_s
        return Arrival(start=arrived, begun=begun, end=self.last_end, status=200)


def a_day(*, interval_s: float, counted_from: ThrottleFrom, seconds: float = 86_400.0, seed: int = 1) -> list[Arrival]:
    """Call as often as the rule lets us, all day long, with work always waiting.

    Executions take 20 to 400 ms, one in 200 takes 2 s; the way there takes 1 ms and up to 1 ms more.
    """
    chance = random.Random(seed)
    item = pacing.take_lease(PaceItem("practice"), _HOLDER, 0.0)
    throttle = Throttle(interval_s, counted_from)
    arrivals: list[Arrival] = []
    now = 0.0
    while now < seconds:
        item, slot = pacing.reserve(item, _KEY, holder=_HOLDER, floor_s=interval_s, now=now)
        execution = 2.0 if chance.random() < 0.005 else chance.uniform(0.02, 0.4)
        arrival = throttle.serve(slot + 0.001 + chance.uniform(0.0, 0.001), execution)
        arrivals.append(arrival)
        now = arrival.end + 0.001
        item = pacing.finished(item, _KEY, Call(slot, now), floor_s=interval_s)
    return arrivals
