"""The publisher's ports, in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.core.events.changes import RowChange
from gateway.core.events.deriving import Around
from gateway.core.events.event import Event
from tests.fakes.event_log import FakeEventLog
from tests.fakes.services import FakeClock


@dataclass
class FakeBus:
    """Fills `Bus`; keeps what came, in order."""

    came: list[Event] = field(default_factory=list)
    at_each: Callable[[], None] = lambda: None

    def put(self, events: Sequence[Event]) -> None:
        for one in events:
            self.at_each()
            self.came.append(one)


@dataclass
class FakePublisher:
    """Fills `PublisherServices`."""

    read_with: Around
    clock: FakeClock = field(default_factory=FakeClock)
    event_log: FakeEventLog = field(default_factory=FakeEventLog)
    bus: FakeBus = field(default_factory=FakeBus)

    def around(self, change: RowChange) -> Around | None:
        return self.read_with if change.practice_id == self.read_with.practice.id else None
