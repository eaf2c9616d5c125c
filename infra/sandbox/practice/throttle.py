"""The vendor's throttle: one lane per customer key, early calls held back, too many waiting calls refused.

https://www.opendental.com/site/apithrottle.html gives the rates; whether the interval runs from the start of a call or
from its end is not said, so both readings exist.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from infra.sandbox.practice.clock import Clock

ThrottleFrom = Literal["start", "end"]

# An arrival this much too early is the network's jitter, not the caller's fault.
TOLERANCE_S = 0.010
_RATE_WINDOW = 10_000


class Throttled(Exception):
    """Too many calls of the key are waiting."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("Too many requests are waiting.")
        self.retry_after_s = retry_after_s


class WaitedTooLong(Exception):
    """The call's time limit ended in the queue."""


@dataclass(slots=True)
class Pace:
    """What the practice counted of one key, in practice time."""

    arrivals: int = 0
    refusals: int = 0
    early: int = 0
    early_by_s: float = 0.0
    """By how much the earliest of those came before its time."""
    starts: deque[float] = field(default_factory=lambda: deque(maxlen=_RATE_WINDOW))

    @property
    def violations(self) -> int:
        """Refused calls, and those that came early where the interval runs from start to start."""
        return self.refusals + self.early


class Throttle:
    """One customer key's lane: one call at a time, each at least `interval_s` after the one before."""

    def __init__(self, clock: Clock, *, interval_s: float, counted_from: ThrottleFrom, depth: int = 10) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._busy = False
        self._last_start = -math.inf
        self._last_end = -math.inf
        self.interval_s = interval_s
        self.counted_from: ThrottleFrom = counted_from
        self.depth = depth
        self.pace = Pace()

    def settings(self, *, interval_s: float, counted_from: ThrottleFrom, depth: int) -> None:
        """Change the rules; calls that wait learn of it."""
        with self._changed:
            self.interval_s, self.counted_from, self.depth = interval_s, counted_from, depth
            self._changed.notify_all()

    def reset(self) -> None:
        """Forget what was counted."""
        with self._changed:
            self.pace = Pace()

    @contextmanager
    def turn(self, *, patience_s: float) -> Iterator[float]:
        """Wait for the lane and hold it; yields the practice seconds waited.

        Raises Throttled if too many wait already, WaitedTooLong past `patience_s`.
        """
        arrived = self._clock.monotonic()
        ticket = object()
        with self._changed:
            self._arrive(arrived)
            self._waiting.append(ticket)
            try:
                self._wait(ticket, arrived + patience_s)
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()
            self._busy = True
            start = self._clock.monotonic()
            self._last_start = start
            self.pace.starts.append(start)
        try:
            yield start - arrived
        finally:
            with self._changed:
                self._busy = False
                self._last_end = self._clock.monotonic()
                self._changed.notify_all()

    def _arrive(self, now: float) -> None:
        self.pace.arrivals += 1
        # Measured against the call before it, which may itself still wait.
        must_wait = self._busy or self._waiting or now < self._due()
        if must_wait and len(self._waiting) >= self.depth:
            self.pace.refusals += 1
            ahead_s = len(self._waiting) * self.interval_s
            raise Throttled(max(1, math.ceil(max(self._due() - now, 0.0) + ahead_s)))
        too_early = self._waiting or now < self._last_start + self.interval_s - TOLERANCE_S
        if self.counted_from == "start" and too_early:
            self.pace.early += 1
            its_time = self._due() + len(self._waiting) * self.interval_s
            self.pace.early_by_s = max(self.pace.early_by_s, its_time - now)

    def _due(self) -> float:
        return (self._last_start if self.counted_from == "start" else self._last_end) + self.interval_s

    def _wait(self, ticket: object, until: float) -> None:
        while True:
            now = self._clock.monotonic()
            if now >= until:
                raise WaitedTooLong
            first = self._waiting[0] is ticket
            due = self._due()
            if first and not self._busy and now >= due:
                return
            sleep = min(until, due) - now if first and not self._busy else until - now
            # Real seconds; and awake now and then, since the clock's speed may change meanwhile.
            self._changed.wait(timeout=min(max(sleep / self._clock.scale, 0.0005), 1.0))
