"""Background work: how many rows there are to load, by one query, where the practice's key may ask it.

Only progress is told by it. Where it does not go well, nothing is known and the load goes on.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.core.mirror.session import Failed, Refused, Session
from gateway.core.mirror.syncing import Phase
from gateway.core.queries.counts import COUNTS
from gateway.core.queries.statement import may_query
from open_dental import wire


def count(m: Session) -> None:
    """Ask once, before the first page.

    Raises: GiveWay, CouldNotLook.
    """
    if m.state.counted_at is not None or not m.state.queries or not may_query(m.practice):
        return
    try:
        rows, _ = m.select(COUNTS, modest=True)
    except (Refused, Failed):
        rows = []
    for row in rows:
        of = m.of(str(row.get("Resource")))
        try:
            total = wire.integer(row.get("Total"))
        except wire.Malformed:
            continue
        if total is not None and of.resource in m.state.resources and of.phase in {Phase.NONE, Phase.LOADING}:
            m.save(replace(of, expected=total))
    m.save_practice(counted_at=m.now())
