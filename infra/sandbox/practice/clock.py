"""The practice's time: scalable for tests and demonstrations, and the wall clock of the office."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta, tzinfo


class Clock:
    """Real time, times `scale`, plus `offset_s`; everything the practice stamps or measures comes from here.

    `zone` is the office's: the API sends wall-clock times without a zone
    (https://www.opendental.com/site/apitimezones.html).
    """

    def __init__(self, *, scale: float = 1.0, offset_s: float = 0.0, zone: tzinfo = UTC) -> None:
        self.zone = zone
        self._lock = threading.Lock()
        self._scale = scale
        self._real_start = time.monotonic()
        self._elapsed_before = 0.0
        self._epoch = time.time() + offset_s

    @property
    def scale(self) -> float:
        """Practice seconds per real second."""
        return self._scale

    def monotonic(self) -> float:
        """Seconds of practice time since the clock was made; never goes back."""
        with self._lock:
            return self._elapsed()

    def utc(self) -> datetime:
        """The practice's instant, with zone."""
        with self._lock:
            seconds = self._epoch + self._elapsed()
        return datetime.fromtimestamp(seconds, UTC)

    def now(self) -> datetime:
        """Wall-clock time of the office: whole seconds, without zone, as the database's NOW()."""
        return self.utc().astimezone(self.zone).replace(microsecond=0, tzinfo=None)

    def change(self, *, scale: float | None = None, offset_s: float | None = None) -> None:
        """Change speed from now on, and shift the wall clock by `offset_s` seconds from where it stands."""
        with self._lock:
            self._elapsed_before = self._elapsed()
            self._real_start = time.monotonic()
            if scale is not None:
                if scale <= 0:
                    raise ValueError("scale must be above 0")
                self._scale = scale
            if offset_s is not None:
                self._epoch += offset_s

    def sleep(self, practice_s: float) -> None:
        """Wait `practice_s` seconds of practice time."""
        if practice_s > 0:
            time.sleep(practice_s / self._scale)

    def _elapsed(self) -> float:
        return self._elapsed_before + (time.monotonic() - self._real_start) * self._scale


class FrozenClock(Clock):
    """Stands still until told to move; for tests."""

    def __init__(self, wall: datetime, *, zone: tzinfo = UTC) -> None:
        super().__init__(zone=zone)
        self._instant = wall.replace(tzinfo=zone).astimezone(UTC)
        self._ticks = 0.0

    def monotonic(self) -> float:
        return self._ticks

    def utc(self) -> datetime:
        return self._instant

    def sleep(self, practice_s: float) -> None:
        self.advance(max(practice_s, 0.0))

    def advance(self, seconds: float) -> None:
        """Move both the wall clock and the monotonic one."""
        self._ticks += seconds
        self._instant += timedelta(seconds=seconds)
