"""Functions behind queues, clocks and streams whose time ends at any line: nothing is lost by it, and nothing twice.

The event comes again, as AWS has it come; what a deployment does by itself goes on. `uv run bench faults` ends them at
each line, this at some.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from gateway.adapters.webhooks.queue import message_text
from gateway.core.events.event import Cause, Event, event_id
from gateway.core.webhooks.delivering import Beginning, send_due
from gateway.core.webhooks.endpoints import Endpoint
from gateway.wiring import archive, deliverer, hooks, publisher, worker
from tests.fakes.events import LivingPublisher
from tests.fakes.gateway_events import Context
from tests.fakes.hooks import told_of
from tests.fakes.killing import Line, Scene, each_line, each_use, ended_at, mortal
from tests.fakes.living import LivingServices
from tests.fakes.services import Life, Mortal
from tests.functions.conftest import ELM, OPERATION, furnished
from tests.functions.test_events import event_of
from tests.functions.test_hooks import Told, telling


def invoked(function: str, event: Any, line: Line, *, use: Callable[[Any], None], as_: Any, on: Any) -> None:
    """Once as the process that something befalls, then, where it may have failed, as one that lives."""
    handler = import_module(f"functions.{function}.handler").lambda_handler
    use(as_)
    try:
        for _ in range(line.copies):
            with ended_at(line):
                handler(event, Context())
    finally:
        use(on)
    if line.at or line.stumble:
        handler(event, Context())


def told_and_done(on: LivingServices) -> str:
    """Whether what is said of the booking is what the office has."""
    booked = len(on.office.rows["appointments"]) - 1
    state = on.ledger.load(OPERATION).record.state.value
    if (booked, state) in {(1, "succeeded"), (0, "failed")}:
        return "as it is"
    return f"{state}, and the office has {booked}"


def a_turn(line: Line) -> Any:
    """The worker, in the middle of a booking."""
    with furnished() as on:
        life = line.life
        dying = mortal(on, life)
        dying.upstream.close = lambda: None
        event = event_of("upstream_worker/turn_of_an_operation")
        invoked("upstream_worker", event, line, use=worker.use, as_=dying, on=on)
        on.world.run(2 * 3600)
        return told_and_done(on)


def a_minute(line: Line) -> Any:
    """The sweeper, which finds a turn whose message was lost."""
    with furnished() as on:
        on.clock.seconds += 300
        life = line.life
        invoked("sweeper", event_of("sweeper/minute"), line, use=worker.use, as_=mortal(on, life), on=on)
        on.world.run(2 * 3600)
        return told_and_done(on)


def a_batch_of_changes(line: Line) -> Any:
    """The publisher; a bus may get an event twice, under its one id."""
    with furnished() as on:
        life, told = line.life, LivingPublisher(on)
        dying = LivingPublisher(mortal(on, life))
        dying.bus, dying.deliveries = Mortal(told.bus, life, "bus"), Mortal(told.deliveries, life, "deliveries")  # type: ignore[assignment]
        event = event_of("publish_events/moved_visit")
        invoked("publish_events", event, line, use=publisher.use, as_=dying, on=told)
        logged = [one.event for one in on.event_log.logged.values()]
        assert len({one.id for one in logged}) == len(logged)
        return sorted(one.id for one in logged), {one.id for one in told.bus.came}, sorted(told.deliveries.begun)


def a_delivery(line: Line) -> Any:
    """The deliverer; an endpoint may get a message twice, under its one id, if the first one's answer was lost."""
    with furnished() as on:
        now = on.clock.now()
        on.webhooks.make(Endpoint("whk_aaaaaaaaaaaaaaaa", "cli_ada", "https://hooks.example.com/a", ("*",), now, now))
        told = Event(
            event_id(ELM.id, "appointments#1", "appointment.created", 1), "appointment.created", now, now,
            ELM.id, "appointment", "appt_1", 1, Cause.POLL,
        )  # fmt: skip
        on.event_log.add([told], at=now)
        Beginning(on).begin([told])
        (message,) = on.delivery_queue.messages
        life = line.life
        event = {"Records": [{**told_of("")["Records"][0], "body": message_text(message)}]}
        invoked("deliver_webhooks", event, line, use=deliverer.use, as_=mortal(on, life), on=on)
        on.clock.seconds += 3600
        send_due(on)
        (kept,) = on.webhooks.deliveries.values()
        came = [headers["webhook-id"] for _, headers, _ in on.sender.posted]
        assert len(came) <= 2
        return set(came), kept.state


def a_batch_of_the_trail(line: Line) -> Any:
    """The function that archives what was seen by whom."""
    with furnished() as on:
        life = line.life
        event = event_of("archive_audit/read_and_intent")
        invoked("archive_audit", event, line, use=archive.use, as_=mortal(on, life), on=on)
        lines = sorted(str(one) for part in on.archive.kept.values() for one in part)
        return lines, sorted(on.audit_index.mentions)


class Calls:
    """The function that works off what machines told, at an office with one edit more for each."""

    def __init__(self, told: Told) -> None:
        self._told, self._edits = told, 0

    def __call__(self, line: Line) -> Any:
        told, visit = self._told, self._told.visit()
        self._edits += 1
        told.on.clock.seconds += 1
        told.office.store.update("appointment", visit["AptNum"], {"Note": f"edit {self._edits}"})
        told.fire()
        names, told.waiting = told.waiting, []
        life = line.life
        dying = mortal(told.on, life)
        world = replace_on(told, dying, life)
        invoked("take_hooks", told_of(*names), line, use=hooks.use, as_=world, on=told.world)
        hooks.use(None)
        kept = told.note(visit["AptNum"])
        types = [one.type for one in told.events()]
        is_kept = kept.row["Note"] == f"edit {self._edits}" and kept.cause == "native"
        return is_kept, types, told.office.differences(), len(told.world.inbox.posts)


def replace_on(told: Told, dying: Any, life: Life) -> Any:
    world = object.__new__(type(told.world))
    world.__dict__.update(told.world.__dict__)
    world._on = dying
    world.inbox = Mortal(told.world.inbox, life, "inbox")  # type: ignore[assignment]
    return world


SCENES: dict[str, tuple[Scene, int]] = {
    "upstream_worker": (a_turn, 53),
    "sweeper": (a_minute, 17),
    "publish_events": (a_batch_of_changes, 19),
    "deliver_webhooks": (a_delivery, 7),
    "archive_audit": (a_batch_of_the_trail, 7),
}
"""Function -> what it does, and every which line of that is tried here."""


@pytest.mark.parametrize("function", SCENES)
def test_a_message_that_is_delivered_twice_does_what_it_does_once(function: str) -> None:
    play, _ = SCENES[function]

    assert play(Line(copies=2)) == play(Line())


@pytest.mark.parametrize("function", SCENES)
def test_a_service_that_does_not_answer_a_function_behind_queues_costs_it_a_repeat_and_no_more(function: str) -> None:
    """A throttled table, a queue, a bucket or a vault that is away, at any use of it."""
    play, _ = SCENES[function]
    tried = 0
    for where, found, usual in each_use(play, every=3 if function == "upstream_worker" else 1):
        assert found == usual, where
        tried += 1
    assert tried >= 4


@pytest.mark.parametrize("function", SCENES)
def test_a_function_that_is_ended_anywhere_loses_nothing_and_does_nothing_twice(function: str) -> None:
    play, every = SCENES[function]
    tried = 0
    for where, found, usual in each_line(play, every=every):
        assert found == usual, where
        tried += 1
    assert tried >= 5


def test_a_call_of_a_machine_is_worked_off_once_wherever_its_function_was_ended() -> None:
    with telling() as told:
        told.subscribe("Appointment")
        told.fire()
        calls, tried = Calls(told), 0
        for where, found, usual in each_line(calls, every=83):
            assert found == usual, where
            tried += 1
        for where, found, usual in each_use(calls):
            assert found == usual, where
            tried += 1
        assert calls(Line(copies=2)) == calls(Line())
        assert tried >= 15
