"""Whether an office's database is still the one that the mirror has copies of.

A practice that was moved to another database (bought, converted, merged) has other rows under the same keys, and no
error says so. A procedure is never deleted and hardly ever changes its patient, so that a few of them tell: where most
are gone or somebody else's, nothing of what is kept can be believed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from gateway.core.fetches import knows
from gateway.core.mirror import incidents
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.records import Record
from gateway.core.mirror.session import Failed, Refused, Session, is_readable
from gateway.core.mirror.syncing import Phase
from gateway.core.normalize.values import key

KEPT: Final = "procedurelogs"
WHOSE: Final = "PatNum"

SAMPLES: Final = 5
FEWEST: Final = 3

EVERY: Final = timedelta(days=1)
LEAP: Final = 2000
"""New keys since the last look that no office makes in ten minutes."""


def is_due(m: Session, *, highest: int) -> bool:
    """Whether to look: once a day, after a silence in which a database is moved, and after a leap of the keys."""
    of, looked_at = m.of(KEPT), m.state.sampled_at
    if of.phase is not Phase.LOADED or not knows(m.practice, f"{KEPT}.get"):
        return False
    if looked_at is not None and m.now() - looked_at >= EVERY:
        return True
    felt_at = m.state.pulse_at
    was_silent = felt_at is not None and m.now() - felt_at > incidents.LONG
    return was_silent or highest > of.highest + LEAP


def is_another(m: Session) -> bool:
    """Whether most of the procedures that are looked up are gone, or another patient's: `SAMPLES` calls at most.

    Raises: GiveWay, CouldNotLook.
    """
    one, looked_at, other, same = MIRRORED[KEPT], 0, 0, 0
    if not knows(m.practice, f"{KEPT}.get"):
        return False
    for record in _sampled(m):
        try:
            answer, _ = m.ask(f"{KEPT}.get", path={one.key: record.key})
        except (Refused, Failed):
            continue
        looked_at += 1
        row = answer.row
        is_same = is_readable(one, row) and key(row.get(WHOSE)) == key(record.row.get(WHOSE))
        same, other = same + is_same, other + (not is_same)
        if same > SAMPLES // 2:
            return False
    return looked_at >= FEWEST and other > same


def _sampled(m: Session) -> list[Record]:
    """Living rows from all over the table, the newest of them not."""
    highest = m.of(KEPT).highest
    found: dict[int, Record] = {}
    for part in range(SAMPLES):
        for record in m.on.records.page(m.practice.id, KEPT, after=highest * part // (SAMPLES + 1), limit=1):
            found[record.key] = record
    return list(found.values())
