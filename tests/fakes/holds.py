"""Times that callers keep, in memory."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from threading import RLock

from gateway.core.errors import NotFound
from gateway.core.slots import holds
from gateway.core.slots.holds import Hold, Interval, Place


class FakeHolds:
    """Fills `Holds`."""

    def __init__(self) -> None:
        self.holds: dict[str, Hold] = {}
        self.cells: dict[str, dict[Place, tuple[Interval, ...]]] = defaultdict(dict)
        self._lock = RLock()

    def take(self, hold: Hold, *, now: datetime) -> Hold:
        with self._lock:
            first = self.holds.get(hold.id)
            if first is not None and now < first.made_at + holds.REMEMBERED:
                return first
            cells = self.cells[hold.practice_id]
            cells.update(holds.with_hold(cells, hold, now=now))
            self.holds[hold.id] = hold
            return hold

    def get(self, hold_id: str) -> Hold:
        try:
            return self.holds[hold_id]
        except KeyError:
            raise NotFound("no such hold") from None

    def release(self, hold_id: str, *, now: datetime) -> None:
        with self._lock:
            hold = self.holds.get(hold_id)
            if hold is None or not hold.is_live(now):
                return
            cells = self.cells[hold.practice_id]
            cells.update(holds.without_hold(cells, hold, now=now))
            self.holds[hold_id] = holds.released(hold, now=now)

    def kept(self, practice_id: str, first: date, last: date, *, now: datetime) -> dict[Place, tuple[Interval, ...]]:
        cells = self.cells[practice_id]
        return holds.live({place: cells[place] for place in cells if first <= place.day <= last}, now=now)
