"""Once a minute: how many practices are in trouble, and the figures of the sweep, for metrics and for `GET /health`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from gateway.core.errors import Unavailable
from gateway.core.health import fleet
from gateway.core.health.fleet import BREAKERS, Trouble, Troubled
from gateway.core.pacing import PaceItem
from gateway.core.sweeping import Swept
from gateway.core.worker import WorkerServices

LOOKED_AT: Final = 10
"""Practices of one kind of trouble that a run looks at, whether they are in it still."""


def count_troubles(on: WorkerServices) -> dict[Trouble, Troubled]:
    """How many practices are in each kind of trouble, once those have been taken away whose end was lost."""
    for trouble in (*sorted(BREAKERS), Trouble.MIRROR_LATE):
        for practice_id in on.fleet.some(trouble, limit=LOOKED_AT):
            if not _is_in(trouble, on.pace.load(practice_id)):
                on.fleet.end(trouble, practice_id)
    return {trouble: on.fleet.troubled(trouble) for trouble in Trouble}


def note_sweep(swept: Swept, on: WorkerServices) -> Mapping[str, float]:
    """Keep the figures of a sweep, with what the governor counted; returns them."""
    now = on.clock.now()
    minute = on.governor.minute(now)
    figures = {
        "queued": swept.queued,
        "parked": swept.parked,
        "not_put": swept.not_put,
        "oldest_s": swept.oldest_s,
        "unknown": swept.unknown,
        "calls": minute.calls,
        "refused": minute.refused,
        "brakes": int(minute.too_many_refused),
    }
    with suppress(Unavailable):  # Next minute, then.
        on.fleet.note(fleet.QUEUES, figures, at=now)
    return figures


def _is_in(trouble: Trouble, item: PaceItem) -> bool:
    return item.is_late if trouble is Trouble.MIRROR_LATE else (item.breaker.trip or "") == trouble.value
