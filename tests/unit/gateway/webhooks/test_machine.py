"""Deliveries while endpoints die, hang and come back, workers are killed at any step and messages get lost."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.callers import Client
from gateway.core.errors import Unavailable
from gateway.core.events.event import Cause, Event
from gateway.core.events.facts import WEBHOOKS
from gateway.core.practices import Baa
from gateway.core.webhooks import delivering
from gateway.core.webhooks.deliveries import DeliveryState, Ended, Message, Outcome
from gateway.core.webhooks.delivering import Beginning, deliver, send_due
from gateway.core.webhooks.endpoints import Endpoint, EndpointState, Reason
from gateway.core.webhooks.schedule import RETRIES
from tests.fakes.event_log import FakeEventLog, FakeFacts
from tests.fakes.identity import FakeCallers, FakePractices, FakeSigner
from tests.fakes.office import Killed
from tests.fakes.services import ELM_STREET, FakeClock, Life, Mortal
from tests.fakes.webhooks import FakeDeliveryQueue, FakeWebhooks

HERE = ELM_STREET.id
TYPES = ("appointment.created", "appointment.updated", "claim.sent", "sync.loaded")
_PORTS = ("webhooks", "delivery_queue", "event_log", "callers", "practices", "facts")


@dataclass
class World:
    """Endpoints, what they answer, and everything between them and the events."""

    random: Random = field(default_factory=lambda: Random(1))
    stage: str = "prod"

    def __post_init__(self) -> None:
        self.clock, self.signer = FakeClock(), FakeSigner()
        self.webhooks, self.delivery_queue, self.facts = FakeWebhooks(), FakeDeliveryQueue(), FakeFacts()
        self.event_log, self.callers = FakeEventLog(), FakeCallers()
        # No endpoint here wants full bodies.
        self.records = self.syncs = self.cache = self.audit = self.messages = cast("Any", None)
        self.practices: Any = FakePractices({HERE: ELM_STREET})
        self.callers.put_client(Client("cli_a", "A", frozenset({HERE}), frozenset({"*:read"})))
        self.answers: dict[str, Any] = {}
        self.posted: list[tuple[str, str]] = []
        self.sender = self

    def chance(self) -> float:
        return self.random.random()

    def endpoint(self, name: str, *answers: Outcome, types: tuple[str, ...] = ("*",)) -> Endpoint:
        """One that answers by chance one of these."""
        self.answers[name] = answers or (Outcome(status=200),)
        now = self.clock.now()
        return self.webhooks.make(Endpoint(f"whk_{name}", "cli_a", name, types, now, now))

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """The endpoints, and what must hold whenever one is called."""
        event_id, now = headers["webhook-id"], self.clock.now()
        row = self.webhooks.deliveries[f"whk_{url}", event_id]
        health = self.webhooks.health(f"whk_{url}")
        assert self.webhooks.get(f"whk_{url}").is_open
        assert row.state is DeliveryState.PENDING
        assert health.open_until is None or health.is_probing
        if row.attempts:
            assert row.last_at is not None and now - row.last_at >= RETRIES[row.attempts - 1] * 0.8
        self.posted.append((url, event_id))
        said: Outcome = self.random.choice(self.answers[url])
        self.clock.seconds += 10 if said.error == "timeout" else 0.1
        return said

    def mortal(self, life: Life) -> Any:
        """The same world for a process that dies or stumbles."""
        other = object.__new__(World)
        other.__dict__.update(self.__dict__)
        for name in _PORTS:
            setattr(other, name, Mortal(getattr(self, name), life, name))
        return other

    def happen(self, number: int, type_: str, object_id: str) -> Event:
        now = self.clock.now()
        made = Event(f"evt_{number}", type_, now, now, HERE, type_.partition(".")[0], object_id, number, Cause.POLL)
        self.event_log.add([made], at=now)
        return made

    def work(self, message: Message, on: Any = None) -> None:
        """Hand a message to a worker; what it does not finish stays."""
        try:
            deliver(message, on or self)
        except (Killed, Unavailable):
            return
        if message in self.delivery_queue.messages:
            self.delivery_queue.messages.remove(message)

    def drain(self) -> None:
        while self.delivery_queue.messages:
            self.work(self.delivery_queue.heads()[0])

    def run_out(self) -> None:
        """Let time pass until nothing is pending, all well from now on."""
        for _ in range(5000):
            self.drain()
            due = [one.due_at for one in self.webhooks.deliveries.values() if one.due_at is not None]
            if not due:
                return
            self.clock.seconds = max((min(due) - self.clock.start).total_seconds(), self.clock.seconds)
            send_due(self)
        raise AssertionError("it never ends")


OK, OOPS, DEAD, HANGS, GONE, MOVED = (
    Outcome(status=200),
    Outcome(status=500),
    Outcome(error="no-connection"),
    Outcome(error="timeout"),
    Outcome(status=410),
    Outcome(status=301),
)


@settings(max_examples=120)
@given(seed=st.integers(0, 2**32))
def test_every_wanted_event_is_delivered_or_ends_failed_whatever_dies_on_the_way(seed: int) -> None:
    random = Random(seed)
    world = World(random)
    world.delivery_queue.loses = lambda: random.random() < 0.1
    endpoints = [
        world.endpoint("well"),
        world.endpoint("moody", OK, OOPS, HANGS, MOVED),
        world.endpoint("dead", DEAD),
        world.endpoint("gone", OK, GONE, OOPS, types=("appointment.*",)),
        world.endpoint("off", types=("claim.*", "sync.loaded")),
    ]
    events: list[Event] = []

    def life() -> Life:
        if random.random() < 0.6:
            return Life()
        steps = frozenset({random.randrange(1, 28)}) if random.random() < 0.5 else frozenset[int]()
        return Life(None if steps else random.randrange(28), stumbles=steps)

    for _ in range(random.randrange(5, 60)):
        match random.randrange(7):
            case 0 | 1:
                batch = [
                    world.happen(len(events) + n, random.choice(TYPES), f"obj_{random.randrange(4)}") for n in range(3)
                ]
                events += batch
                for on in (*(world.mortal(life()) for _ in range(random.randrange(2))), world):
                    # The publisher's batch comes again until it has been told.
                    try:
                        Beginning(on).begin(batch)
                    except (Killed, Unavailable):
                        continue
            case 2 | 3:
                for message in world.delivery_queue.heads():
                    world.work(message, world.mortal(life()))
            case 4 if world.delivery_queue.messages:
                # One that was taken by a worker that lost touch: another gets it too.
                world.work(random.choice(world.delivery_queue.messages), world.mortal(life()))
            case 5:
                world.clock.seconds += random.choice((1, 60, 600, 7200, 86400))
                with suppress(Killed, Unavailable):
                    send_due(world.mortal(life()))
            case 6 if random.random() < 0.2 and world.webhooks.get("whk_off").is_open:
                off = world.webhooks.get("whk_off")
                world.webhooks.change(replace(off, state=EndpointState.DISABLED, reason=Reason.OWNER))
    world.delivery_queue.loses = lambda: False
    world.run_out()

    for row in world.webhooks.deliveries.values():
        assert row.state in {DeliveryState.SUCCEEDED, DeliveryState.FAILED}
        assert row.state is DeliveryState.SUCCEEDED or row.ended is not None or row.attempts == len(RETRIES) + 1
    for endpoint in endpoints:
        if (now := world.webhooks.get(endpoint.id)).is_open:
            wanted = {one.id for one in events if endpoint.wants(one.type, HERE)}
            assert {event_id for of, event_id in world.webhooks.deliveries if of == endpoint.id} == wanted
        elif now.reason is not Reason.OWNER:
            assert world.facts.noted[HERE, WEBHOOKS, endpoint.id]["reason"] == now.reason
    assert {row.state for (of, _), row in world.webhooks.deliveries.items() if of == "whk_well"} <= {
        DeliveryState.SUCCEEDED
    }


@pytest.fixture
def world() -> World:
    return World()


def began(world: World, count: int = 8) -> list[Event]:
    events = [world.happen(number, "appointment.created", f"appt_{number}") for number in range(count)]
    Beginning(world).begin(events)
    return events


def test_an_endpoint_that_hangs_delays_nobody_else(world: World) -> None:
    """Its workers sit there for ten seconds a call, and its lanes with them."""
    world.endpoint("hangs")
    world.endpoint("well")
    events = began(world, 40)
    stuck = {one for one in world.delivery_queue.heads() if one.endpoint_id == "whk_hangs"}
    while moving := [one for one in world.delivery_queue.heads() if one not in stuck]:
        for message in moving:
            world.work(message)

    assert len(stuck) == 5
    assert world.posted == [("well", event_id) for _, event_id in world.posted]
    assert {event_id for _, event_id in world.posted} == {one.id for one in events}


def test_after_five_failures_an_endpoint_is_left_alone_and_one_probe_tells_that_it_is_back(world: World) -> None:
    world.endpoint("dead", DEAD)
    began(world, 20)
    world.drain()
    assert len(world.posted) == 5
    world.answers["dead"] = (OK,)
    world.clock.seconds += 61
    send_due(world)
    world.drain()
    world.run_out()

    assert {one.state for one in world.webhooks.deliveries.values()} == {DeliveryState.SUCCEEDED}
    assert len(world.posted) == 25


def test_an_endpoint_that_says_gone_gets_nothing_more_and_that_is_told(world: World) -> None:
    world.endpoint("gone", GONE)
    began(world)
    world.run_out()

    assert len(world.posted) == 1
    assert (world.webhooks.get("whk_gone").state, world.webhooks.get("whk_gone").reason) == ("disabled", "gone")
    told = world.facts.noted[HERE, WEBHOOKS, "whk_gone"]
    assert (told["state"], told["client_id"]) == ("disabled", "cli_a")
    began(world, 12)
    assert len(world.webhooks.deliveries) == 8


def test_an_endpoint_that_fails_for_three_days_is_disabled(world: World) -> None:
    world.endpoint("dead", DEAD)
    began(world, 30)
    world.run_out()
    disabled = world.webhooks.get("whk_dead")

    assert disabled.reason is Reason.FAILING and disabled.disabled_at is not None
    assert timedelta(days=3) <= disabled.disabled_at - world.clock.start <= timedelta(days=3, hours=2)


@pytest.mark.parametrize(
    "change",
    [
        {"scopes": frozenset({"events:read", "claims:read"})},
        {"scopes": frozenset({"appointments:read"})},
        {"practices": frozenset()},
        {"revoked_at": FakeClock().now()},
    ],
)
def test_what_a_client_may_not_see_any_more_is_not_sent(world: World, change: dict[str, Any]) -> None:
    world.endpoint("well")
    began(world)
    world.callers.put_client(replace(world.callers.client("cli_a"), **change))
    world.run_out()
    began(world, 12)

    assert world.posted == []
    assert {one.ended for one in world.webhooks.deliveries.values()} == {Ended.NOT_ALLOWED}
    assert len(world.webhooks.deliveries) == 8


def test_nothing_is_sent_of_a_practice_whose_agreement_has_ended(world: World) -> None:
    world.endpoint("well")
    began(world)
    ended = Baa("test-baa", "A. Test", world.clock.now().date(), world.clock.now().date() - timedelta(days=1))
    world.practices.put(replace(ELM_STREET, baa=ended))
    world.run_out()

    assert world.posted == []


def test_a_worker_that_dies_after_the_answer_sends_again_and_one_that_noted_it_does_not(world: World) -> None:
    world.endpoint("well")
    began(world, 1)
    (message,) = world.delivery_queue.messages
    world.work(message, world.mortal(Life(dies_at=("webhooks.save", 1, "before"))))
    world.work(message, world.mortal(Life(dies_at=("webhooks.save", 1, "after"))))
    world.work(message)
    world.run_out()

    assert world.posted == [("well", "evt_0")] * 2


def test_a_backlog_of_one_endpoint_holds_back_no_retry_of_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who answers well but slowly has all of its deliveries due for hours, and no circuit opens for it."""
    monkeypatch.setattr(delivering, "SENT_AT_ONCE", 10)
    world.endpoint("slow")
    began(world, 30)
    world.delivery_queue.messages.clear()
    world.clock.seconds += 600
    world.endpoint("moody", OOPS, types=("claim.*",))
    Beginning(world).begin([world.happen(99, "claim.sent", "claim_1")])
    (first,) = (one for one in world.delivery_queue.messages if one.endpoint_id == "whk_moody")
    world.work(first)
    for _ in range(6):
        world.clock.seconds += 60
        send_due(world)

    assert "whk_moody" in {one.endpoint_id for one in world.delivery_queue.messages}
