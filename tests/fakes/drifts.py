"""What is known of practices beside their records, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from gateway.core.drift.known import MOST_KEPT, Known, Odd, Seen


class FakeDrifts:
    """Fills `core.drift.known.Drifts`. `writes` counts differences that were noted."""

    def __init__(self) -> None:
        self.known: dict[str, Known] = {}
        self.seen: dict[str, dict[Odd, Seen]] = {}
        self.writes = 0

    def load(self, practice_id: str) -> Known:
        return self.known.get(practice_id, Known())

    def save(self, practice_id: str, known: Known) -> None:
        self.known[practice_id] = known

    def note_odd(self, practice_id: str, odd: Mapping[Odd, int], *, at: datetime) -> None:
        kept = self.seen.setdefault(practice_id, {})
        for one, count in odd.items():
            self.writes += 1
            was = kept.get(one)
            kept[one] = Seen(one, was.first_at if was else at, at, count + (was.count if was else 0))

    def odd(self, practice_id: str, *, now: datetime) -> list[Seen]:
        kept = self.seen.get(practice_id, {})
        return [kept[one] for one in sorted(kept) if now - kept[one].last_at < timedelta(days=30)][:MOST_KEPT]
