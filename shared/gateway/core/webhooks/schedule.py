"""When a delivery is tried again, and how long an endpoint that fails is left alone. Pure: chance is an argument."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

RETRIES: Final = (
    timedelta(seconds=30),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""How long after each failed attempt the next one comes; after the last of them there is none."""

JITTER: Final = 0.2
"""By which share a wait is shorter or longer at most, so that what failed together does not come back together."""

FIRST_OPEN: Final = timedelta(minutes=1)
LONGEST_OPEN: Final = timedelta(hours=1)


def retry_after(attempts: int, chance: float) -> timedelta | None:
    """The wait after `attempts` attempts that failed (1 or more); None: it was the last. `chance` is in [0, 1)."""
    if attempts > len(RETRIES):
        return None
    return RETRIES[attempts - 1] * (1 + JITTER * (2 * chance - 1))


def open_for(times: int) -> timedelta:
    """How long a circuit stays open that opens for the `times`-th time in a row (1 or more)."""
    return min(FIRST_OPEN * (1 << min(times - 1, 10)), LONGEST_OPEN)
