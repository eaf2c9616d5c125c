"""What crashes, pauses and odd states on the way must not do to an operation, or to those that wait behind it."""

from __future__ import annotations

import pytest

from gateway.core import sweeping
from gateway.core.errors import Unavailable
from gateway.core.operations import Operation, OperationState
from gateway.core.plans import UpstreamCall
from gateway.core.requests import submit
from tests.fakes import ELM_STREET, FakeServices, Fault, World, a_caller
from tests.fakes.plans import KINDS


@pytest.fixture
def on() -> FakeServices:
    return FakeServices()


@pytest.fixture
def world(on: FakeServices) -> World:
    return World(on, KINDS)


def book(on: FakeServices, key: str = "k" * 16, *, kind: str = "test.book") -> Operation:
    input_ = {"patient": 7, "at": "2026-03-03 09:00:00"}
    return submit(kind, input_, practice=ELM_STREET, caller=a_caller(), idempotency_key=key, on=on)


def adds(on: FakeServices) -> list[str]:
    return [call.operation for _, call in on.office.calls if call.operation.endswith(".create")]


def test_an_operation_of_a_practice_that_is_gone_ends_and_leaves_the_queue(on: FakeServices, world: World) -> None:
    operation = book(on)
    on.practices.records.pop(ELM_STREET.id)
    world.run(5)

    assert on.operations.get(operation.id).state is OperationState.FAILED
    assert on.calls.next_at() is None


def test_an_operation_of_a_kind_that_no_release_knows_ends_and_lets_the_others_by(
    on: FakeServices, world: World
) -> None:
    strange, known = book(on, kind="test.withdrawn"), book(on, "o" * 16)
    world.run(3600)

    assert on.operations.get(strange.id).state is OperationState.FAILED
    assert on.operations.get(known.id).state is OperationState.SUCCEEDED


def test_writes_that_an_offline_practice_kept_waiting_go_out_in_the_order_they_came(
    on: FakeServices, world: World
) -> None:
    """All are parked until the same moment: when one is due says nothing about its place."""
    on.office.offline = True
    operations = []
    for number in range(6):
        operations.append(book(on, f"key-{number:012}"))
        on.clock.sleep(0.01)
    world.run(150)
    on.office.offline = False
    world.run(300)

    finished = [on.operations.get(operation.id).finished_at for operation in operations]
    assert None not in finished
    assert finished == sorted(finished)


def test_that_a_practice_does_not_answer_and_does_again_is_told_once_each(on: FakeServices, world: World) -> None:
    on.office.offline = True
    book(on)
    world.run(600)
    on.office.offline = False
    world.run(600)

    told = [one[3]["state"] for one in on.facts.changes if one[1:3] == ("practice", "connection")]
    assert told == ["offline", "online"]


def test_after_three_days_without_an_answer_every_write_is_made_once_and_in_order(
    on: FakeServices, world: World
) -> None:
    """Writes come in all the while, some of them in the moment in which the office goes; none is failed or repeated."""
    lost = iter([Fault.LOSE_ANSWER, Fault.LOSE_REQUEST])
    on.office.on_call = lambda call: next(lost, None) if call.operation == "appointments.create" else None
    operations = [book(on, f"key-{number:012}") for number in range(2)]
    world.run(5)
    on.office.offline = True
    for day in range(3):
        for number in range(4):
            operations.append(book(on, f"day-{day}-key-{number:06}"))
            world.run(6 * 3600)
    asked = len(on.office.calls)
    states = [on.operations.get(one.id).state for one in operations]
    assert states == [OperationState.UNKNOWN] * 2 + [OperationState.QUEUED] * 12
    # Once a minute is what it costs to notice that it is back.
    assert asked < 3 * 24 * 60 * 1.05

    on.office.offline = False
    world.run(3 * 3600)

    settled = [on.operations.get(one.id) for one in operations]
    assert {one.state for one in settled[2:]} == {OperationState.SUCCEEDED}
    # What was lost on the way is found, or is known not to be there: then whoever asked is told to send it again.
    assert [one.state for one in settled[:2]] == [OperationState.SUCCEEDED, OperationState.FAILED]
    finished = [one.finished_at for one in settled[2:]]
    assert finished == sorted(one for one in finished if one is not None)
    assert len(on.office.rows["appointments"]) == sum(one.state is OperationState.SUCCEEDED for one in settled)
    assert on.paces.view(ELM_STREET.id).waiting == 0


def test_a_found_write_whose_plan_runs_out_of_budget_in_the_background_is_continued_within_minutes(
    on: FakeServices,
) -> None:
    """A background turn has no message of the operation's: what it cannot finish has to be woken, not to come back."""
    world = World(on, KINDS)
    on.office.on_call = _once("appointments.create", Fault.LOSE_ANSWER)
    operation = book(on)
    world.run(10)
    # The look takes 20 calls, the budget of a turn; nothing is left for reading the row back.
    for _ in range(1920):
        on.office.add("appointments", PatNum=7, Op=9, AptDateTime="2026-01-01 09:00:00", Note="")
    world.run(230)

    assert on.operations.get(operation.id).state is OperationState.SUCCEEDED
    assert adds(on) == ["appointments.create"]


@pytest.mark.parametrize("method", ["save", "update"])
def test_a_worker_that_was_frozen_past_its_lease_does_not_send(on: FakeServices, world: World, method: str) -> None:
    """Frozen after its slot was reserved, or after the write was marked SENT; it wakes when the lease has run out."""
    frozen = list[float]()
    port = on.ledger if method == "save" else on.pace
    real = getattr(port, method)

    def freezing(*args: object, **kwargs: object) -> object:
        done = real(*args, **kwargs)
        reads = [call for _, call in on.office.calls if call.operation == "appointments.list"]
        marked = method == "update" or any(step.state == "sent" for step in done.steps.values())
        if reads and marked and not frozen:
            frozen.append(on.clock.monotonic())
            on.clock.sleep(200)
            sent_before.append(len(on.office.calls))
        return done

    sent_before = list[int]()
    setattr(port, method, freezing)
    operation = book(on)
    world.work()

    assert frozen
    assert len(on.office.calls) == sent_before[0]
    setattr(port, method, real)
    world.run(400)
    assert on.operations.get(operation.id).state is OperationState.SUCCEEDED
    assert adds(on) == ["appointments.create"]


def test_a_probe_is_made_even_if_somebody_waits(on: FakeServices, world: World) -> None:
    """Whoever waits would be turned away for another minute if the background turn used the probe up unmade."""
    on.office.offline = True
    book(on)
    world.run(10)
    on.office.offline = False
    on.clock.sleep(70)
    on.paces.join(ELM_STREET.id, interactive=True, now=on.clock.now())
    before = len(on.office.calls)
    sweeping.forward_tick(ELM_STREET.id, 99, on=on)
    world.work()

    assert len(on.office.calls) == before + 1
    assert on.pace.load(ELM_STREET.id).breaker.trip is None


def test_a_lost_write_that_cannot_be_read_does_not_keep_the_lane_from_the_others(
    on: FakeServices, world: World
) -> None:
    on.office.on_call = lambda call: Fault.LOSE_ANSWER if call.operation == "appointments.create" else None
    broken, well = book(on), book(on, "o" * 16)
    world.run(10)
    on.office.on_call = lambda call: None
    load = on.ledger.load

    def failing(operation_id: str) -> object:
        if operation_id == broken.id:
            raise Unavailable("the store of large bodies did not answer")
        return load(operation_id)

    on.ledger.load = failing
    world.run(300)

    assert on.operations.get(well.id).state is OperationState.SUCCEEDED


def test_a_lost_write_is_settled_although_somebody_always_waits(on: FakeServices, world: World) -> None:
    """A practice that is read all day long: whoever waits waits for one call more, once a minute."""
    on.office.on_call = _once("appointments.create", Fault.LOSE_ANSWER)
    lost = book(on)
    for number in range(600):
        for again in range(2):
            key = f"busy-{number}-{again}".ljust(16, "x")
            submit("test.read", {"patient": 9}, practice=ELM_STREET, caller=a_caller(), idempotency_key=key, on=on)
        world.run(1.5)

    assert on.pace.load(ELM_STREET.id).ready > 0
    assert on.operations.get(lost.id).state is OperationState.SUCCEEDED


def _once(operation: str, fault: Fault):  # type: ignore[no-untyped-def]
    left = [fault]

    def on_call(call: UpstreamCall) -> Fault | None:
        return left.pop() if call.operation == operation and left else None

    return on_call
