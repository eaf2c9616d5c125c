"""The event log and the gateway's own facts, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from gateway.core.events.event import Event
from gateway.core.events.ports import Logged


@dataclass
class FakeEventLog:
    """Fills `EventLog`. `at_each` is called before each event that is added and each state that is noted."""

    logged: dict[tuple[str, str], Logged] = field(default_factory=dict)
    noted: dict[tuple[str, str], int] = field(default_factory=dict)
    at_each: Callable[[], None] = lambda: None

    def add(self, events: Sequence[Event], *, at: datetime) -> frozenset[str]:
        new = set()
        for one in events:
            self.at_each()
            if (one.practice_id, one.id) not in self.logged:
                self.logged[one.practice_id, one.id] = Logged(one, at)
                new.add(one.id)
        return frozenset(new)

    def get(self, practice_id: str, event_ids: Iterable[str]) -> list[Logged]:
        return [self.logged[practice_id, one] for one in event_ids if (practice_id, one) in self.logged]

    def page(
        self,
        practice_id: str,
        *,
        since: datetime,
        until: datetime,
        after: tuple[datetime, str] | None,
        order: Literal["asc", "desc"],
        limit: int,
    ) -> list[Logged]:
        found = sorted(
            ((one.logged_at, one.event.id), one)
            for (of, _), one in self.logged.items()
            if of == practice_id and since <= one.logged_at < until
        )
        if order == "desc":
            found.reverse()
        behind = [one for place, one in found if after is None or (place > after if order == "asc" else place < after)]
        return behind[:limit]

    def told(self, rows: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], int]:
        return {row: self.noted[row] for row in rows if row in self.noted}

    def mark_told(self, rows: Mapping[tuple[str, str], int], *, at: datetime) -> None:
        for row, seq in rows.items():
            self.at_each()
            self.noted[row] = max(seq, self.noted.get(row, seq))


@dataclass
class FakeFacts:
    """Fills `Facts`. `noted` has each of them, `changes` every one that was new, in order."""

    noted: dict[tuple[str, str, str], Mapping[str, Any]] = field(default_factory=dict)
    changes: list[tuple[str, str, str, Mapping[str, Any]]] = field(default_factory=list)

    def note(
        self,
        practice_id: str,
        kind: str,
        key: str,
        content: Mapping[str, Any],
        *,
        at: datetime,
        until: datetime | None = None,
    ) -> bool:
        if self.noted.get((practice_id, kind, key)) == content:
            return False
        self.noted[practice_id, kind, key] = dict(content)
        self.changes.append((practice_id, kind, key, dict(content)))
        return True
