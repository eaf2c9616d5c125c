"""When a call leaves, and what the next one counts from."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

from gateway.core.errors import StillRunning
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from gateway.core.practices import Practice
from gateway.core.requests import Freshness, fetch
from tests.fakes import ELM_STREET, FakeServices, World, a_caller
from tests.fakes.plans import KINDS


class SlowToConnect:
    """An upstream to which the way takes a while: each time another while, sometimes longer than one starts ahead."""

    def __init__(self, on: FakeServices, *connecting_s: float) -> None:
        self._on = on
        self._connecting_s = list(connecting_s)
        self.arrived: list[float] = []

    def send(self, practice: Practice, call: UpstreamCall, gate: Callable[[], None] | None = None) -> UpstreamAnswer:
        self._on.clock.sleep(self._connecting_s[len(self.arrived) % len(self._connecting_s)])
        assert gate is not None
        gate()
        self.arrived.append(self._on.clock.monotonic())
        return self._on.office.send(practice, call)


def test_calls_arrive_an_interval_apart_however_long_connecting_takes() -> None:
    """A call over a slow new connection and then one over a quick one must not come too close together."""
    on = FakeServices()
    on.upstream = slow = SlowToConnect(on, 0.6, 0.0, 0.1, 0.2)
    for number in range(12):
        with suppress(StillRunning):
            fetch(
                "test.fetch",
                {"PatNum": number},
                practice=ELM_STREET,
                caller=a_caller(),
                freshness=Freshness(wait_s=0),
                on=on,
            )
    World(on, KINDS).run(60)
    gaps = [later - earlier for earlier, later in pairwise(slow.arrived)]

    assert len(gaps) == 11
    assert min(gaps) >= 1.0
    # Only a way that takes longer than a call starts ahead of its slot costs pace.
    assert sum(gap > 1.01 for gap in gaps) <= 3
