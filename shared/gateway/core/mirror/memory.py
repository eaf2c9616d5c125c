"""What a process remembers of a practice's mirror, so that a practice without one costs no read a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from gateway.core.mirror.syncing import Standing, Wanted

if TYPE_CHECKING:
    from gateway.core.mirror.syncing import SyncStates
    from gateway.core.ports import Clock

REMEMBERED_S: Final = 10.0
"""So long "off" may be said of a mirror that was just turned on; to a reader that means Open Dental is asked."""


@dataclass(slots=True)
class _Known:
    at: float
    state: Standing


# By the port, so that two deployments in one process share nothing.
_KNOWN: WeakKeyDictionary[SyncStates, dict[str, _Known]] = WeakKeyDictionary()


def state_of(practice_id: str, *, syncs: SyncStates, clock: Clock, since: float | None = None) -> Standing | None:
    """How far the practice's mirror is; None where it is off.

    "Off" is remembered for `REMEMBERED_S`. Anything else is read, unless it was at or after `since` (the clock's
    `monotonic`): whoever answers from the mirror must see what own writes have touched, and that it was turned off, up
    to the moment at which the question came.

    Raises: Unavailable.
    """
    known, now = _KNOWN.setdefault(syncs, {}), clock.monotonic()
    kept = known.get(practice_id)
    if kept is not None:
        is_off = kept.state.wanted is Wanted.OFF and now - kept.at < REMEMBERED_S
        if not is_off and (since is None or kept.at < since):
            kept = None
    if kept is None:
        kept = known[practice_id] = _Known(now, syncs.standing(practice_id))
    return None if kept.state.wanted is Wanted.OFF else kept.state
