"""Webhooks, in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from gateway.adapters.webhooks.queue import group_of
from gateway.core.errors import NotFound
from gateway.core.webhooks.deliveries import Delivery, Due, Health, Message, Outcome, message_of
from gateway.core.webhooks.endpoints import Endpoint
from gateway.core.webhooks.ports import Superseded


@dataclass
class FakeWebhooks:
    """Fills `Webhooks`."""

    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    deliveries: dict[tuple[str, str], Delivery] = field(default_factory=dict)
    healths: dict[str, Health] = field(default_factory=dict)

    def make(self, endpoint: Endpoint) -> Endpoint:
        return self.endpoints.setdefault(endpoint.id, endpoint)

    def change(self, endpoint: Endpoint) -> Endpoint:
        was = self.endpoints.get(endpoint.id)
        if was is None or was.rev != endpoint.rev:
            raise Superseded
        self.endpoints[endpoint.id] = replace(endpoint, rev=endpoint.rev + 1)
        return self.endpoints[endpoint.id]

    def get(self, endpoint_id: str) -> Endpoint:
        if endpoint_id not in self.endpoints:
            raise NotFound("no such webhook")
        return self.endpoints[endpoint_id]

    def all(self) -> list[Endpoint]:
        return [self.endpoints[one] for one in sorted(self.endpoints)]

    def begin(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        new = []
        for one in deliveries:
            if (one.endpoint_id, one.event_id) not in self.deliveries:
                self.deliveries[one.endpoint_id, one.event_id] = one
                new.append(one)
        return new

    def delivery(self, endpoint_id: str, event_id: str) -> Delivery | None:
        return self.deliveries.get((endpoint_id, event_id))

    def save(self, delivery: Delivery, *, was: Delivery) -> None:
        place = (delivery.endpoint_id, delivery.event_id)
        if place not in self.deliveries or self.deliveries[place].turn != was.turn:
            raise Superseded
        self.deliveries[place] = delivery

    def due(self, now: datetime, *, limit: int, latest: bool = False) -> list[Due]:
        found = [
            Due(message_of(one), one.due_at)
            for one in self.deliveries.values()
            if one.due_at is not None and one.due_at <= now
        ]
        return sorted(found, key=lambda one: one.due_at, reverse=latest)[:limit]

    def page(self, endpoint_id: str, *, after: tuple[datetime, str] | None, limit: int) -> list[Delivery]:
        found = sorted(
            ((one.made_at, one.event_id), one) for one in self.deliveries.values() if one.endpoint_id == endpoint_id
        )
        return [one for place, one in reversed(found) if after is None or place < after][:limit]

    def health(self, endpoint_id: str) -> Health:
        return self.healths.get(endpoint_id, Health(endpoint_id))

    def save_health(self, health: Health) -> Health:
        if self.health(health.endpoint_id).rev != health.rev:
            raise Superseded
        self.healths[health.endpoint_id] = replace(health, rev=health.rev + 1)
        return self.healths[health.endpoint_id]


@dataclass
class FakeDeliveryQueue:
    """Fills `DeliveryQueue`. `loses`: whether the next message is lost on its way."""

    messages: list[Message] = field(default_factory=list)
    loses: Callable[[], bool] = lambda: False

    def put(self, message: Message) -> None:
        if message not in self.messages and not self.loses():
            self.messages.append(message)

    def heads(self) -> list[Message]:
        """The first message of each group: those that are handed out."""
        return list({group_of(one): one for one in reversed(self.messages)}.values())


@dataclass
class FakeSender:
    """Fills `Sender`. `answers` says what an endpoint answers, by its URL; `posted` is what came there."""

    answers: Callable[[str], Outcome] = lambda _: Outcome(status=200)
    posted: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        self.posted.append((url, headers, body))
        return self.answers(url)
