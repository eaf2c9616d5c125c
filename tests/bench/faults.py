"""Writes whose requests and answers are lost while functions die at any line: what must never come of it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.figures import NONE, Figure, Say, at_least
from tests.fakes.faults import Tally, run_faults

WANTED = 10_000
DAYS_AT_A_TIME = 100


def misfortunes(tally: Tally) -> int:
    """Lost requests, lost answers and kills; faults that say what happened are not among them."""
    return tally.lost_calls + tally.crashes


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """Play day after day, each from its own seed, until enough has gone wrong."""
    wanted = WANTED // 20 if quick else WANTED
    total, batch = Tally(), 0
    while misfortunes(total) < wanted:
        # On every second day some clocks are wrong by up to an hour.
        total.add(run_faults(DAYS_AT_A_TIME, seed=batch, clocks=batch % 2 == 1))
        batch += 1
        if batch % 5 == 0:
            say(f"  {misfortunes(total):,} of {wanted:,}")
    of = f"of {total.operations:,} writes on {total.cases:,} days"
    yield Figure(
        "faults",
        "lost answers, lost requests and kills",
        misfortunes(total),
        goal=at_least(wanted),
        beside=f"{total.lost_calls:,} lost, {total.crashes:,} kills; {total.faults - total.lost_calls:,} plain faults; "
        f"{total.jumps:,} processes with a wrong clock",
    )
    yield Figure("faults", "duplicates", total.duplicates, goal=NONE, beside=of)
    yield Figure("faults", "wrongly failed", total.wrongly_failed, goal=NONE, beside=f"{total.failed:,} failed rightly")
    yield Figure(
        "faults", "wrongly succeeded", total.wrongly_succeeded, goal=NONE, beside=f"{total.succeeded:,} rightly"
    )
    yield Figure("faults", "operations lost or never settled", total.lost, goal=NONE, beside=of)
    yield Figure(
        "faults",
        "unknown, but not made ambiguous by the test",
        total.wrongly_unknown,
        goal=NONE,
        beside=f"{total.unknown} are unknown of {total.made_ambiguous} that the test made ambiguous",
    )
    if total.seeds:
        yield Figure("faults", "days to look at", len(total.seeds), beside=f"seeds {total.seeds[:5]}")
