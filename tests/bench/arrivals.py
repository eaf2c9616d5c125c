"""What a practice's own log says of the pace it was called at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from statistics import mean
from typing import Literal

TOLERANCE_S = 0.010
"""An arrival this much inside the interval is the network's jitter."""

ThrottleFrom = Literal["start", "end"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One call as the practice logged it: when it came, when it left the practice's queue, when it was answered.

    Seconds of one clock. A refused call (429) never began.
    """

    start: float
    begun: float
    end: float
    status: int

    @property
    def refused(self) -> bool:
        """Whether it came to a full queue."""
        return self.status == 429


def violations(arrivals: Sequence[Arrival], *, interval_s: float, counted_from: ThrottleFrom) -> int:
    """Calls that broke the vendor's rule.

    Every refused call is one. Where the interval runs from start to start, so is every call that came while another
    one waited, or more than `TOLERANCE_S` inside the interval since the last call began. Where it runs from the end,
    an early call is held back by rule, and no violation.
    """
    count, last, waited_until = 0, -inf, -inf
    for one in sorted(arrivals, key=lambda one: one.start):
        if one.refused:
            count += 1
            continue
        # `waited_until` is when the last of the earlier calls left the queue: one that comes before then finds it.
        if counted_from == "start" and (waited_until > one.start or one.start < last + interval_s - TOLERANCE_S):
            count += 1
        last = waited_until = max(waited_until, one.begun)
    return count


def execution_s(arrivals: Sequence[Arrival]) -> float:
    """Mean time from leaving the practice's queue to the answer."""
    return mean(one.end - one.begun for one in arrivals if not one.refused)


def permitted_rate(*, interval_s: float, execution_s: float, counted_from: ThrottleFrom) -> float:
    """Calls per second that the reading of the rule lets through, one after the other."""
    if counted_from == "start":
        return 1 / max(interval_s, execution_s)
    return 1 / (interval_s + execution_s)


def rate_used(arrivals: Sequence[Arrival]) -> float:
    """Calls per second while work waited: from the first call's beginning to the last one's.

    Work has to wait all that time, or the figure says nothing; the load of this bench sees to it.

    Raises:
        ValueError: fewer than two calls were let through.
    """
    begun = sorted(one.begun for one in arrivals if not one.refused)
    if len(begun) < 2:
        raise ValueError("a rate needs two calls")
    return (len(begun) - 1) / (begun[-1] - begun[0])


def share_used(arrivals: Sequence[Arrival], *, interval_s: float, counted_from: ThrottleFrom) -> float:
    """The rate used, as a share of the permitted one."""
    permitted = permitted_rate(interval_s=interval_s, execution_s=execution_s(arrivals), counted_from=counted_from)
    return rate_used(arrivals) / permitted


def longest_gap_s(arrivals: Sequence[Arrival]) -> float:
    """The longest time between two beginnings: where a lost share went."""
    begun = sorted(one.begun for one in arrivals if not one.refused)
    return max((later - earlier for earlier, later in pairwise(begun)), default=0.0)
