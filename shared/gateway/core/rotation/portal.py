"""Calls with the developer's portal key: one key for all practices, so one pace for all of them.

Open Dental publishes no pace of it. It is treated like a customer key of the common tier: one call at a time, a second
after the last one has ended, more slowly after a 429. The pace lies beside those of practices, as if it were one's.

Source: https://www.opendental.com/site/apikeys.html.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from gateway.core import pacing
from gateway.core.background_turn import BackgroundTurn, CouldNotLook, GiveWay
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from gateway.core.practices import Tier
from gateway.core.rotation.pairs import under_portal
from open_dental import errors as upstream

PACE: Final = "portal"
"""Whose pace it is, in the place of a practice's id."""

EVERY_S: Final = pacing.FLOORS_S[Tier.STANDARD]
_SPREAD_S: Final = 60_000


class PortalBusy(Exception):
    """Somebody else's call to the portal is under way, or was just before; nothing was sent."""


def call(turn: BackgroundTurn, wanted: UpstreamCall) -> UpstreamAnswer:
    """Call the developer's portal at the address of the turn's practice, which gives its own slot for it, too.

    Raises: PortalBusy. GiveWay: not made. CouldNotLook: see `BackgroundTurn.call` and `write`.
    """
    there = turn.under(under_portal(turn.practice))
    with _alone(turn):
        return there.call(wanted) if wanted.operation == "apikeys.list" else there.write(wanted)


def again_after(practice_id: str) -> timedelta:
    """How long whoever met another's call waits: each practice a time of its own within a minute, so that those whose
    keys are exchanged on one day come past each other."""
    return timedelta(milliseconds=zlib.crc32(practice_id.encode()) % _SPREAD_S)


@contextmanager
def _alone(turn: BackgroundTurn) -> Iterator[None]:
    """See that nobody else calls meanwhile. A worker that dies here keeps the others away as long as a call may last.

    Counted from the end, as the call waits for its practice's slot before it leaves.
    """
    on, holder = turn.on, f"{turn.practice.id}.{turn.turn_no}"
    entered = on.clock.now().timestamp()

    def enter(item: pacing.PaceItem) -> tuple[pacing.PaceItem, float]:
        try:
            item = pacing.take_lease(item, holder, entered)
        except pacing.Busy as error:
            raise PortalBusy from error
        item, slot = pacing.reserve(item, PACE, holder=holder, floor_s=EVERY_S, now=entered)
        if slot > entered:
            raise PortalBusy
        return item, slot

    slot = on.pace.update(PACE, enter)
    is_made, pause_s, throttled = True, 0.0, False
    try:
        yield
    except GiveWay:
        is_made = False
        raise
    except CouldNotLook as error:
        if isinstance(error.__cause__, upstream.Throttled):
            throttled, pause_s = True, error.__cause__.retry_after
        raise
    finally:
        ended = on.clock.now().timestamp()

        def leave(item: pacing.PaceItem) -> tuple[pacing.PaceItem, None]:
            if is_made:
                went = pacing.Call(ended, ended, throttled, pause_s)
                item = pacing.finished(item, PACE, went, floor_s=EVERY_S)
            else:
                item = pacing.give_back(item, PACE, slot)
            return pacing.release(item, holder), None

        on.pace.update(PACE, leave)
