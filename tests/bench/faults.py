"""Writes whose requests and answers are lost while functions die at any line: what must never come of it."""

from __future__ import annotations

import io
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout

from tests.bench.figures import NONE, Figure, Say, at_least
from tests.fakes.faults import Tally, run_faults
from tests.fakes.killing import Scene, each_line
from tests.functions.test_ended_at_every_line import SCENES, Calls
from tests.functions.test_hooks import telling

WANTED = 10_000
DAYS_AT_A_TIME = 100


def misfortunes(tally: Tally) -> int:
    """Lost requests, lost answers and kills; faults that say what happened are not among them."""
    return tally.lost_calls + tally.crashes


EVERY = {"upstream_worker": 3}
"""Every which line is tried of what has many; all, where nothing else is said."""


def _lines(*, quick: bool, say: Say) -> Iterator[Figure]:
    """Functions whose time ends at any line, and whose event comes again."""
    ended, wrong = Counter[str](), 0
    # Metrics are lines of the output, and none of ours.
    with telling() as told, redirect_stdout(io.StringIO()):
        told.subscribe("Appointment")
        told.fire()
        scenes: dict[str, Scene] = {
            **{name: scene for name, (scene, _) in SCENES.items()},
            "take_hooks": Calls(told),
        }
        for name, scene in scenes.items():
            every = EVERY.get(name, 1) * (40 if quick else 1)
            for where, found, usual in each_line(scene, every=every):
                ended[name] += 1
                if found != usual:
                    wrong += 1
                    say(f"  {name} ended at {where}: {found}, not {usual}")
    beside = ", ".join(f"{name} {count:,}" for name, count in ended.items())
    yield Figure("faults", "functions ended at a line of theirs", ended.total(), goal=at_least(100), beside=beside)
    yield Figure("faults", "after which something was lost, or there twice", wrong, goal=NONE)


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """What functions log of it is nobody's to read."""
    logging.disable(logging.CRITICAL)
    try:
        yield from _measured(quick=quick, say=say)
    finally:
        logging.disable(logging.NOTSET)


def _measured(*, quick: bool, say: Say) -> Iterator[Figure]:
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
    yield from _lines(quick=quick, say=say)
    if total.seeds:
        yield Figure("faults", "days to look at", len(total.seeds), beside=f"seeds {total.seeds[:5]}")
