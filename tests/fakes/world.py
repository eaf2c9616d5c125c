"""The deployment in small: a queue that is drained by workers, a sweeper and a lane once a minute, one clock.

One worker runs at a time; that is how a FIFO group is worked off anyhow. A worker may be given a `Life`, so that it
dies at its n-th step; its message then comes back when its visibility runs out, as SQS would have it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.core import sweeping
from gateway.core.engine import run_turn
from gateway.core.errors import Unavailable
from gateway.core.registry import Kind
from tests.fakes.office import Killed
from tests.fakes.services import FakeServices, Life

VISIBILITY_S = 150.0
RETRY_S = 1.0


class World:
    """Runs everything that is not a request, until a moment or until nothing is left to do."""

    def __init__(self, on: FakeServices, kinds: Mapping[str, Kind]) -> None:
        self.on = on
        self.kinds = kinds
        self.next_life: Callable[[], Life | None] = lambda: None
        self.networks: tuple[str | None, ...] = (None,)
        """Whose workers there are; None: one that reaches everybody."""
        self.at: str | None = None
        """In which of them somebody works now."""
        self.turns = 0
        self.crashes = 0
        self._minute_at = 60.0
        self._holders = 0

    def work(self) -> bool:
        """Receive one message and work it off; False if none is there now."""
        return any(self.work_in(network) for network in self.networks)

    def work_in(self, network: str | None) -> bool:
        """Have the worker of this network do so."""
        calls = self.on.calls
        message = calls.receive(visibility_s=VISIBILITY_S, network=network)
        if message is None:
            return False
        self._holders += 1
        self.turns += 1
        life = self.next_life()
        on = self.on.inside(network)
        on = on if life is None else on.mortal(life)
        before, self.at = self.at, network
        try:
            result = run_turn(
                message.turn,
                on=on,
                holder=f"worker-{self._holders}",
                visible=lambda seconds: calls.change_visibility(message, seconds),
                kinds=self.kinds,
            )
        except Killed:
            self.crashes += 1
            return True
        except Unavailable:
            calls.change_visibility(message, RETRY_S)
            return True
        finally:
            self.at = before
        if result.come_back_s is None:
            calls.delete(message)
        else:
            calls.change_visibility(message, result.come_back_s)
        return True

    def minute(self) -> None:
        """What the clock starts once a minute."""
        for job in (sweeping.sweep, sweeping.offer_lanes):
            life = self.next_life()
            try:
                job(self.on if life is None else self.on.mortal(life))
            except (Killed, Unavailable):
                self.crashes += 1

    def run(self, seconds: float) -> None:
        """Let so much time pass, doing everything that falls into it."""
        clock = self.on.clock
        until = clock.monotonic() + seconds
        while clock.monotonic() < until:
            self._ticks()
            if clock.monotonic() >= self._minute_at:
                self._minute_at = max(self._minute_at + 60.0, clock.monotonic())
                self.minute()
            if self.work():
                continue
            times = [self._minute_at, until, self.on.calls.next_at(), *(at for at, _, _ in self.on.ticks.waiting)]
            clock.seconds = max(clock.seconds + 1e-6, min(at for at in times if at is not None))

    def _ticks(self) -> None:
        now = self.on.clock.monotonic()
        for tick in [one for one in self.on.ticks.waiting if one[0] <= now]:
            self.on.ticks.waiting.remove(tick)
            sweeping.forward_tick(tick[1], tick[2], tick.network, on=self.on)
