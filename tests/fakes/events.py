"""The publisher's ports, in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from gateway.core.events.changes import RowChange
from gateway.core.events.deriving import Around
from gateway.core.events.event import Event
from gateway.core.events.surroundings import around_of
from gateway.core.ports import Services
from tests.fakes.event_log import FakeEventLog
from tests.fakes.living import LivingServices
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
class FakeDeliveries:
    """Fills `Deliveries`; keeps what was begun, each once."""

    begun: dict[str, Event] = field(default_factory=dict)
    at_each: Callable[[], None] = lambda: None

    def begin(self, events: Sequence[Event]) -> None:
        for one in events:
            self.at_each()
            self.begun[one.id] = one


@dataclass
class FakePublisher:
    """Fills `PublisherServices`."""

    read_with: Around
    clock: FakeClock = field(default_factory=FakeClock)
    event_log: FakeEventLog = field(default_factory=FakeEventLog)
    bus: FakeBus = field(default_factory=FakeBus)
    deliveries: FakeDeliveries = field(default_factory=FakeDeliveries)

    def around(self, change: RowChange) -> Around | None:
        return self.read_with if change.practice_id == self.read_with.practice.id else None


class LivingPublisher:
    """Fills `PublisherServices` beside a deployment of `LivingServices`: its log, its mirror, its practices."""

    def __init__(self, on: LivingServices) -> None:
        self._on = on
        self.clock, self.event_log, self.records, self.fleet = on.clock, on.event_log, on.records, on.fleet
        self.bus = FakeBus()
        self.deliveries = FakeDeliveries()

    def around(self, change: RowChange) -> Around | None:
        return around_of(change.practice_id, cast("Services", self._on))

    def begin_batch(self) -> None:
        pass
