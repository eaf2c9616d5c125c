"""Figures and troubles, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gateway.core.health.fleet import Noted, Trouble, Troubled


@dataclass
class FakeFleet:
    """Fills `Fleet`."""

    figures: dict[str, Noted] = field(default_factory=dict)
    troubles: dict[tuple[Trouble, str], datetime] = field(default_factory=dict)

    def note(self, writer: str, values: Mapping[str, float], *, at: datetime) -> None:
        self.figures[writer] = Noted(at, dict(values))

    def noted(self) -> dict[str, Noted]:
        return dict(self.figures)

    def begin(self, trouble: Trouble, practice_id: str, *, since: datetime) -> None:
        self.troubles.setdefault((trouble, practice_id), since)

    def end(self, trouble: Trouble, practice_id: str) -> None:
        self.troubles.pop((trouble, practice_id), None)

    def troubled(self, trouble: Trouble) -> Troubled:
        since = [at for (kind, _), at in self.troubles.items() if kind is trouble]
        return Troubled(len(since), min(since, default=None))

    def some(self, trouble: Trouble, *, limit: int) -> list[str]:
        return [practice_id for kind, practice_id in self.troubles if kind is trouble][:limit]
