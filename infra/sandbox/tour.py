"""The README's promises, each run for real against a running sandbox.

A promise is one line of README.md that starts like a list item with an id in brackets:

    - [P01] A token that nobody issued is answered 401 with a problem.

Each id belongs to one step in `promises.py`: a function under `@step("P01")` that takes the sandbox and raises
`AssertionError` with the reason if the promise does not hold. A promise without a step, or a step without a promise,
fails the tour before it starts: what the README says and what is tried cannot drift apart.

Most of a tour is waiting for the pace of one practice. A step says which practices it is on, `@step("P12", SECOND)`:
steps that have none in common are tried beside each other; a step that says nothing is tried alone.
"""

from __future__ import annotations

import re
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from infra.sandbox.box import Sandbox

Say = Callable[[str], object]

PROMISE: Final = re.compile(r"^- \[(P\d{2,3})\] (\S.*)$", re.MULTILINE)

USUAL_MINUTES: Final = 11
"""How long all steps take; most of it is waiting: for a practice's pace, and for lost answers to be looked for."""

FIRST: Final = "first practice"
SECOND: Final = "second practice"


@dataclass(frozen=True)
class Step:
    """What tries a promise, and the practices it is on; on none it is tried alone."""

    tries: Callable[[Sandbox], None]
    on: frozenset[str] = frozenset()

    def __call__(self, box: Sandbox) -> None:
        """Try it; whatever this raises, the promise did not hold."""
        self.tries(box)

    def waits_for(self, other: Step) -> bool:
        """Whether the two may not be tried beside each other."""
        return not self.on or not other.on or bool(self.on & other.on)


STEPS: dict[str, Step] = {}


class TourError(Exception):
    """Promises and steps do not match; the message names the ids."""


def step(promise: str, *on: str) -> Callable[[Callable[[Sandbox], None]], Step]:
    """Make the decorated function the step of `promise`, on the practices named.

    Raises:
        TourError: the promise has a step already.
    """

    def keep(function: Callable[[Sandbox], None]) -> Step:
        if promise in STEPS:
            raise TourError(f"{promise} has two steps")
        STEPS[promise] = Step(function, frozenset(on))
        return STEPS[promise]

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


@dataclass
class _Trial:
    """A step that is tried, once those before it that it waits for have been."""

    step: Step
    after: list[_Trial]
    ended: threading.Event = field(default_factory=threading.Event)
    seconds: float = 0.0
    failed: BaseException | None = None

    def run(self, box: Sandbox) -> None:
        for other in self.after:
            other.ended.wait()
        started = time.monotonic()
        try:
            self.step(box)
        except BaseException as error:  # noqa: BLE001 (whatever a step raises, the promise did not hold)
            self.failed = error
        self.seconds = time.monotonic() - started
        self.ended.set()


def run_tour(box: Sandbox, readme: Path, *, say: Say, steps: Mapping[str, Step] = STEPS) -> int:
    """Try every promise, print each and "N of M", in the README's order; return 0 only if all behaved.

    A step that fails does not stop the tour: the next promise may be the one that explains it.

    Raises:
        TourError: promises and steps do not match; nothing was tried.
    """
    promises = check(readme, steps=steps)
    say(f"{len(promises)} promises: about {USUAL_MINUTES} minutes")
    trials: dict[str, _Trial] = {}
    for name in promises:
        earlier = [trial for trial in trials.values() if steps[name].waits_for(trial.step)]
        trials[name] = _Trial(steps[name], earlier)
    for trial in trials.values():
        # A tour that is interrupted must not wait for what its steps wait for.
        threading.Thread(target=trial.run, args=(box,), daemon=True).start()
    behaved = 0
    for name, sentence in promises.items():
        trial = trials[name]
        trial.ended.wait()
        if (error := trial.failed) is not None:
            say(f"  ✗ [{name}] {sentence}")
            reason = str(error) if isinstance(error, AssertionError) and str(error) else _where(error)
            say("      " + "\n      ".join(reason.strip().splitlines()))
        else:
            behaved += 1
            say(f"  ✓ [{name}] {sentence} ({trial.seconds:.1f} s)")
    say(f"{behaved} of {len(promises)} promises behaved")
    return 0 if behaved == len(promises) else 1


def _where(error: BaseException) -> str:
    return "".join(traceback.format_exception(error, limit=-3))
