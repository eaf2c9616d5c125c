"""An office's own set-up, remembered for a moment by the process that read it: nearly every answer needs its words.

Read anew for each answer, they would be most of its work: a hundred definitions for one confirmation's name. They hold
no health data, and an answer goes on saying how old they are.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, TypeAlias
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from gateway.core.ports import Cache, Services
    from gateway.core.requests import Fetched

REMEMBERED_S: Final = 30.0
"""So long a process may not hear of what another one has read since; by itself the set-up may be hours old."""

MOST: Final = 64
"""Tables of practices that a process remembers; the one that was not asked for the longest goes first."""

_Tables: TypeAlias = OrderedDict[tuple[str, str], tuple[float, "Fetched"]]

# By the port, so that two deployments in one process share nothing.
_KEPT: WeakKeyDictionary[Cache, _Tables] = WeakKeyDictionary()


def remembered(practice_id: str, cache_key: str, *, on: Services) -> Fetched | None:
    """The rows, as old as they were when they were read; None where they are not remembered."""
    tables = _KEPT.get(on.cache)
    kept = None if tables is None else tables.get((practice_id, cache_key))
    if tables is None or kept is None or on.clock.monotonic() - kept[0] >= REMEMBERED_S:
        return None
    tables.move_to_end((practice_id, cache_key))
    return kept[1]


def remember(practice_id: str, cache_key: str, found: Fetched, *, on: Services) -> None:
    """Keep rows that were just read."""
    tables = _KEPT.setdefault(on.cache, OrderedDict())
    tables[practice_id, cache_key] = (on.clock.monotonic(), found)
    tables.move_to_end((practice_id, cache_key))
    while len(tables) > MOST:
        tables.popitem(last=False)
