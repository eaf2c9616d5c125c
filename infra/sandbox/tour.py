"""The README's promises, each run for real against a running sandbox.

A promise is one line of README.md that starts like a list item with an id in brackets:

    - [P01] A token that nobody issued is answered 401 with a problem.

Each id belongs to one step in `promises.py`: a function under `@step("P01")` that takes the sandbox and raises
`AssertionError` with the reason if the promise does not hold. A promise without a step, or a step without a promise,
fails the tour before it starts: what the README says and what is tried cannot drift apart.
"""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from infra.sandbox.box import Sandbox

Step = Callable[[Sandbox], None]
Say = Callable[[str], object]

PROMISE: Final = re.compile(r"^- \[(P\d{2,3})\] (\S.*)$", re.MULTILINE)

USUAL_MINUTES: Final = 16
"""How long all steps take; most of it is waiting: for a practice's pace, and for lost answers to be looked for."""

STEPS: dict[str, Step] = {}


class TourError(Exception):
    """Promises and steps do not match; the message names the ids."""


def step(promise: str) -> Callable[[Step], Step]:
    """Make the decorated function the step of `promise`.

    Raises:
        TourError: the promise has a step already.
    """

    def keep(function: Step) -> Step:
        if promise in STEPS:
            raise TourError(f"{promise} has two steps")
        STEPS[promise] = function
        return function

    return keep


def read_promises(text: str) -> dict[str, str]:
    """Return the promises of a README, id to sentence, in their order.

    Raises:
        TourError: an id occurs twice.
    """
    promises: dict[str, str] = {}
    for name, sentence in PROMISE.findall(text):
        if name in promises:
            raise TourError(f"{name} is promised twice")
        promises[name] = sentence
    return promises


def match(promises: Mapping[str, str], steps: Mapping[str, Step]) -> None:
    """Check that each promise has a step and each step a promise.

    Raises:
        TourError: with the ids that lack the other.
    """
    complaints = [f"{name} is promised, but no step tries it" for name in promises if name not in steps]
    complaints += [f"{name} has a step, but the README does not promise it" for name in steps if name not in promises]
    if not promises:
        complaints.append("the README promises nothing")
    if complaints:
        raise TourError("; ".join(complaints))


def check(readme: Path, *, steps: Mapping[str, Step] = STEPS) -> dict[str, str]:
    """Return the promises of `readme`, each with a step; needs nothing running.

    Raises:
        TourError: promises and steps do not match.
    """
    promises = read_promises(readme.read_text())
    match(promises, steps)
    return promises


def run_tour(box: Sandbox, readme: Path, *, say: Say, steps: Mapping[str, Step] = STEPS) -> int:
    """Try every promise, print each and "N of M"; return 0 only if all behaved.

    A step that fails does not stop the tour: the next promise may be the one that explains it.

    Raises:
        TourError: promises and steps do not match; nothing was tried.
    """
    promises = check(readme, steps=steps)
    behaved = 0
    say(f"{len(promises)} promises, one after the other: about {USUAL_MINUTES} minutes")
    for name, sentence in promises.items():
        started = time.monotonic()
        try:
            steps[name](box)
        except Exception as error:  # noqa: BLE001 (whatever a step raises, the promise did not hold)
            say(f"  ✗ [{name}] {sentence}")
            reason = str(error) if isinstance(error, AssertionError) and str(error) else traceback.format_exc(limit=-3)
            say("      " + "\n      ".join(reason.strip().splitlines()))
        else:
            behaved += 1
            say(f"  ✓ [{name}] {sentence} ({time.monotonic() - started:.1f} s)")
    say(f"{behaved} of {len(promises)} promises behaved")
    return 0 if behaved == len(promises) else 1
