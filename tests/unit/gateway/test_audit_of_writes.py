"""Writes in the audit trail: before they are sent, and what became of them before that is believed."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.audit import GATEWAY, AuditEntry, Phase
from gateway.core.audit.writes import before_save
from gateway.core.background_turn import BackgroundTurn, CouldNotLook, GiveWay
from gateway.core.errors import AuditUnavailable
from gateway.core.ids import row_id
from gateway.core.ledger import Entry
from gateway.core.operations import Operation, OperationState, StepState
from gateway.core.plans import UpstreamCall
from gateway.core.requests import submit
from gateway.core.seat import Seat
from tests.fakes import ELM_STREET, FakeServices, Fault, World, a_caller
from tests.fakes.plans import KINDS
from tests.fakes.services import Life

ELM = ELM_STREET.id


@pytest.fixture
def on() -> FakeServices:
    return FakeServices()


@pytest.fixture
def world(on: FakeServices) -> World:
    return World(on, KINDS)


def book(on: FakeServices) -> Operation:
    input_ = {"patient": 7, "at": "2026-03-03 09:00:00"}
    return submit("test.book", input_, practice=ELM_STREET, caller=a_caller(), idempotency_key="k" * 16, on=on)


def phases(on: FakeServices) -> list[Phase]:
    return [one.phase for one in on.audit.of(ELM)]


def fails_first(on: FakeServices, *faults: Fault | None) -> None:
    """Have the office's first writes go wrong so."""
    left = list(faults)
    on.office.on_call = lambda call: left.pop(0) if call.step is not None and left else None


def test_a_write_leaves_what_was_meant_and_what_came_of_it_and_a_read_leaves_nothing(
    on: FakeServices, world: World
) -> None:
    operation = book(on)
    world.run(10)
    intent, done = on.audit.of(ELM)

    assert (intent.phase, done.phase) == (Phase.INTENT, Phase.DONE)
    for entry in (intent, done):
        assert (entry.action, entry.client_id, entry.step) == ("appointments.create", "cli_test", "create")
        assert (entry.operation_id, entry.request_id) == (operation.id, operation.id)
        assert entry.patient_ids == (row_id("patient", ELM, 7),)


def test_what_was_meant_is_in_the_trail_when_it_goes_out_and_what_came_before_it_is_stored(
    on: FakeServices, world: World
) -> None:
    seen: list[tuple[str, list[Phase]]] = []
    on.office.on_call = lambda call: seen.append((call.operation, phases(on))) if call.step else None
    save = on.ledger.save

    def saving(entry: Entry, *, was: Entry) -> Entry:
        seen.append((next((step.state for step in entry.steps.values()), "none"), phases(on)))
        kept: Entry = save(entry, was=was)
        return kept

    on.ledger.save = saving
    book(on)
    world.run(10)
    told = dict(reversed(seen))

    assert told["appointments.create"] == told[StepState.SENT] == [Phase.INTENT]
    assert told[StepState.DONE] == [Phase.INTENT, Phase.DONE]


def test_what_is_not_in_the_trail_is_not_sent_and_goes_out_when_it_can_be(on: FakeServices, world: World) -> None:
    operation = book(on)
    on.audit.is_down = True
    world.run(600)
    entry = on.ledger.entries[operation.id]

    assert (entry.steps, on.office.rows["appointments"]) == ({}, [])
    assert entry.record.state is OperationState.QUEUED, "it is given up, though nothing of it failed"
    on.audit.is_down = False
    world.run(60)
    assert on.operations.get(operation.id).state is OperationState.SUCCEEDED
    assert phases(on) == [Phase.INTENT, Phase.DONE]


def test_an_answer_that_the_trail_does_not_take_is_not_believed_until_evidence_settles_it(
    on: FakeServices, world: World
) -> None:
    note = on.audit.note

    def deaf(*entries: AuditEntry, once: bool = False) -> None:
        if entries[0].phase is Phase.DONE and on.clock.seconds < 60:
            raise AuditUnavailable("the audit log did not answer")
        note(*entries, once=once)

    on.audit.note = deaf
    operation = book(on)
    world.run(30)
    (step,) = on.ledger.entries[operation.id].steps.values()

    assert step.state is StepState.UNKNOWN
    assert len(on.office.rows["appointments"]) == 1
    world.run(3600)
    assert on.operations.get(operation.id).state is OperationState.SUCCEEDED
    assert phases(on) == [Phase.INTENT, Phase.UNKNOWN, Phase.DONE]
    assert len(on.office.rows["appointments"]) == 1


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.LOSE_ANSWER, [Phase.INTENT, Phase.UNKNOWN, Phase.DONE]),
        (Fault.LOSE_REQUEST, [Phase.INTENT, Phase.UNKNOWN, Phase.NOT_DONE]),
        (Fault.DIE_AFTER, [Phase.INTENT, Phase.UNKNOWN, Phase.DONE]),
        (Fault.THROTTLED, [Phase.INTENT, Phase.NOT_SENT, Phase.DONE]),
    ],
)
def test_what_settled_a_write_is_told_beside_what_was_known_before(
    on: FakeServices, world: World, fault: Fault, expected: list[Phase]
) -> None:
    fails_first(on, fault)
    book(on)
    world.run(3 * 3600)

    assert phases(on) == expected


STEPS_OF_A_TURN = 45


@pytest.mark.parametrize("left", range(STEPS_OF_A_TURN))
def test_wherever_a_turn_dies_nothing_is_sent_or_settled_that_the_trail_does_not_have(
    on: FakeServices, world: World, left: int
) -> None:
    """Killed before or after each use of each service, the trail's among them."""
    lives = iter([Life(left=left)])
    sent: list[list[Phase]] = []
    on.office.on_call = lambda call: sent.append(phases(on)) if call.step else None
    save, unsaid = on.ledger.save, list[Any]()

    def saving(entry: Entry, *, was: Entry) -> Entry:
        said = {(one.step, one.phase) for one in on.audit.of(ELM)}
        told = before_save(entry, was, at=on.clock.now())
        unsaid.extend(one for one in told if (one.step, one.phase) not in said)
        kept: Entry = save(entry, was=was)
        return kept

    on.ledger.save = saving
    operation = book(on)
    world.next_life = lambda: next(lives, None)
    world.run(3 * 3600)

    assert unsaid == []
    assert all(Phase.INTENT in before for before in sent)
    is_done = on.operations.get(operation.id).state is OperationState.SUCCEEDED
    assert phases(on).count(Phase.INTENT) == 1, "a turn that came again has told it again"
    # Who dies between the mark and the call leaves a write that was looked for and is not there.
    assert phases(on)[-1] is (Phase.DONE if is_done else Phase.NOT_DONE)


def test_a_turn_has_no_more_steps_than_it_is_killed_at(on: FakeServices, world: World) -> None:
    life = Life()
    world.next_life = lambda: life
    book(on)
    world.work()

    assert 20 < life.used < 2 * STEPS_OF_A_TURN
    assert life.uses["audit.note"] == 2


OWN = UpstreamCall("subscriptions.create", body={"WatchTable": "Appointment"})


def a_background_turn(on: FakeServices) -> BackgroundTurn:
    seat = Seat(ELM, on=on, holder="worker-1", visible=lambda seconds: None)
    seat.enter()
    return BackgroundTurn(seat, ELM_STREET, kinds=KINDS)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (None, Phase.DONE),
        (Fault.LOSE_ANSWER, Phase.UNKNOWN),
        (Fault.THROTTLED, Phase.NOT_SENT),
    ],
)
def test_what_the_gateway_writes_by_itself_is_in_the_trail_too(
    on: FakeServices, fault: Fault | None, expected: Phase
) -> None:
    on.office.on_call = lambda call: fault
    turn = a_background_turn(on)
    if fault is None:
        turn.write(OWN)
    else:
        with pytest.raises(CouldNotLook):
            turn.write(OWN)
    intent, outcome = on.audit.of(ELM)

    assert (intent.phase, outcome.phase) == (Phase.INTENT, expected)
    assert {one.client_id for one in (intent, outcome)} == {GATEWAY}
    assert {one.action for one in (intent, outcome)} == {"subscriptions.create"}


def test_what_the_gateway_writes_by_itself_waits_for_the_trail(on: FakeServices) -> None:
    on.audit.is_down = True
    with pytest.raises(GiveWay):
        a_background_turn(on).write(OWN)

    assert on.office.calls == []
