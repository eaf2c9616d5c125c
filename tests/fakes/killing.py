"""A process that is ended at a chosen line, as Lambda ends a function whose time is over: nothing of it runs any more.

Lines are counted over our own code, handlers and layer, from the call of the handler on. What is ended may still pass
through `finally` on its way out of this interpreter, but every port is dead to it by then.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fakes.office import Killed
from tests.fakes.services import FakeServices, Life, Mortal

_ROOT = Path(__file__).parents[2]
OURS = (f"{_ROOT / 'functions'}/", f"{_ROOT / 'shared' / 'gateway'}/")
BESIDE = ("archive", "audit_index", "event_log", "facts", "fleet", "webhooks", "delivery_queue", "sender", "drop")
"""Ports that `FakeServices.mortal` leaves alone."""


@dataclass
class Line:
    """What befalls an invocation. `at`: the line at which its process ends; 0: it lives. `stumble`: at which use of a
    port the service behind does not answer, before or after it did what it was asked for; 0: all answer. `copies`: how
    often its message is delivered.

    `count` lines were counted; `where` it ended; `life` is its process's.
    """

    at: int = 0
    stumble: int = 0
    copies: int = 1
    count: int = 0
    where: str = ""
    life: Life = field(default_factory=Life)

    def __post_init__(self) -> None:
        if self.stumble:
            self.life.stumbles = frozenset({self.stumble})


@contextmanager
def ended_at(line: Line) -> Iterator[None]:
    """Count our lines in here, and end the process at the chosen one."""
    life = line.life

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        if event == "line" and not life.inside:
            line.count += 1
            if line.count == line.at:
                line.where = f"{frame.f_code.co_filename.removeprefix(str(_ROOT) + '/')}:{frame.f_lineno}"
                life.dead = True
                raise Killed
        return trace

    before = sys.gettrace()
    # Only who counts is slow.
    sys.settrace(trace if not line.stumble else before)
    try:
        yield
    except BaseException:  # What came up in `finally` of a dead process was never heard.
        # What failed for a service that did not answer is given again by AWS.
        if not life.dead and not line.stumble:
            raise
    finally:
        sys.settrace(before)


def mortal(on: FakeServices, life: Life) -> Any:
    """Everything that `on` has, for a process of this life."""
    dying = on.mortal(life)
    for name in BESIDE:
        if (port := getattr(on, name, None)) is not None:
            setattr(dying, name, Mortal(port, life, name))
    return dying


Scene = Callable[[Line], Any]
"""Plays a function's invocation, ended at the line; then what AWS does by itself; returns what has become of it all."""


def each_line(play: Scene, *, every: int = 1, first: int = 1) -> Iterator[tuple[str, Any, Any]]:
    """Where a process ended, what became of it, and what becomes of it undisturbed."""
    play(Line())  # So that nothing is imported any more.
    whole = Line()
    usual = play(whole)
    for at in range(first, whole.count + 1, every):
        line = Line(at)
        found = play(line)
        yield f"line {at} of {whole.count} {line.where}", found, usual


def each_use(play: Scene, *, every: int = 1, most: int = 2000) -> Iterator[tuple[str, Any, Any]]:
    """The same for each use of a port whose service does not answer then."""
    usual = play(Line())
    for step in range(1, most, every):
        line = Line(stumble=step)
        found = play(line)
        if line.life.used < step:
            return
        yield f"use {step} of a port, {line.life.uses.most_common(1)}", found, usual
    raise AssertionError("it goes on for ever")
