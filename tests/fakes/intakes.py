"""What was decided of patients' forms, in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from threading import RLock

from gateway.core.intake.records import Decision, Superseded


@dataclass
class FakeIntakes:
    """Fills `Intakes`."""

    kept: dict[tuple[str, int], Decision] = field(default_factory=dict)
    lock: RLock = field(default_factory=RLock)

    def get(self, practice_id: str, numbers: Iterable[int]) -> dict[int, Decision]:
        return {one: self.kept.get((practice_id, one), Decision(practice_id, one)) for one in numbers}

    def put(self, decision: Decision) -> Decision:
        with self.lock:
            place = decision.practice_id, decision.number
            if self.kept.get(place, Decision(*place)).rev != decision.rev:
                raise Superseded
            stored = self.kept[place] = replace(decision, rev=decision.rev + 1)
            return stored
