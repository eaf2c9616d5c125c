"""A process that is ended at a chosen line, as Lambda ends a function whose time is over: nothing of it runs any more.

Lines are counted over our own code, handlers and layer, from the call of the handler on. What is ended may still pass
through `finally` on its way out of this interpreter, but every port is dead to it by then.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
    """The line at which a process ends, or how many it has; `at` 0: it lives."""

    at: int = 0
    count: int = 0
    where: str = ""


@contextmanager
def ended_at(line: Line, life: Life) -> Iterator[None]:
    """Count our lines in here, and end the process at the chosen one."""

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        if event == "line":
            line.count += 1
            if line.count == line.at:
                line.where = f"{frame.f_code.co_filename.removeprefix(str(_ROOT) + '/')}:{frame.f_lineno}"
                life.dead = True
                raise Killed
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    except BaseException:  # What came up in `finally` of a dead process was never heard.
        if not life.dead:
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
        yield f"line {at} of {whole.count} {line.where}", play(line), usual
