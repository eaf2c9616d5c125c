"""Audiences, in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import RLock

from gateway.core.audiences.records import Audience, Superseded
from gateway.core.errors import NotFound


@dataclass
class FakeAudiences:
    """Fills `Audiences`."""

    kept: dict[str, Audience] = field(default_factory=dict)
    found: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    lock: RLock = field(default_factory=RLock)

    def make(self, audience: Audience) -> Audience:
        return self.kept.setdefault(audience.id, audience)

    def get(self, audience_id: str, *, now: datetime) -> Audience:
        found = self.kept.get(audience_id)
        if found is None or found.expires_at <= now:
            raise NotFound("no such audience")
        return found

    def change(self, audience: Audience, found: Sequence[int] = ()) -> Audience:
        with self.lock:
            was = self.kept.get(audience.id)
            if was is None or was.rev != audience.rev:
                raise Superseded
            changed = self.kept[audience.id] = replace(audience, rev=audience.rev + 1)
            self.found[audience.id] += found
            return changed

    def people(self, audience: Audience, *, after: int | None, limit: int) -> list[int]:
        return [one for one in self.found[audience.id] if after is None or one > after][:limit]

    def forget_people(self, audience: Audience) -> None:
        self.found.pop(audience.id, None)
