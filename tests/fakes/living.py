"""A deployment whose turns are worked off while a request waits, as they are by the worker beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.core.errors import NotFound
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from gateway.core.practices import Practice
from gateway.core.registry import KINDS, Kind
from open_dental.errors import KeyRefused
from tests.fakes.office import FakePractice
from tests.fakes.services import ELM_STREET, FakeClock, FakeServices
from tests.fakes.world import World


class _WorkingClock(FakeClock):
    """Time in which others work: whoever sleeps wakes up to what has been done meanwhile."""

    world: World | None = None
    _busy = False

    def sleep(self, seconds: float) -> None:
        until = self.seconds + seconds
        if self.world is None or self._busy:
            super().sleep(seconds)
            return
        self._busy = True
        try:
            while self.seconds < until and self.world.work():
                pass
        finally:
            self._busy = False
        self.seconds = max(until, self.seconds) + 1e-6


class _Offices(dict[str, FakePractice]):
    """One office stands for every practice that is connected during a test."""

    def __init__(self, office: FakePractice) -> None:
        super().__init__()
        self.office = office

    def __missing__(self, _: str) -> FakePractice:
        return self.office


class _Upstream:
    """Sends with the keys that the real adapter would read, so that a pair the office does not know is refused."""

    def __init__(self, on: FakeServices, right_keys: Any) -> None:
        self._on, self._right = on, right_keys

    def send(self, practice: Practice, call: UpstreamCall, gate: Callable[[], None] | None = None) -> UpstreamAnswer:
        read = self._on.vault.pending if practice.state == "pending" else self._on.vault.keys
        office = self._on.offices[practice.id]
        try:
            office.refuses_key = read(practice.id) not in self._right
        except NotFound as error:
            raise KeyRefused(reason="no keys are kept") from error
        return office.send(practice, call, gate)


class LivingServices(FakeServices):
    """`FakeServices` whose queue is worked while somebody waits. `right_keys`: the pairs the office knows."""

    def __init__(
        self,
        *practices: Practice,
        stage: str = "sandbox",
        right_keys: Any = (),
        kinds: Mapping[str, Kind] = KINDS,
    ) -> None:
        clock = _WorkingClock()
        super().__init__(practices or (ELM_STREET,), stage, clock)
        self.offices = _Offices(FakePractice(clock))
        self.upstream = _Upstream(self, right_keys) if right_keys else self.upstream
        clock.world = World(self, kinds)
        self.world = clock.world

    @property
    def office(self) -> FakePractice:
        """The Open Dental behind every practice."""
        return self.offices[""]
