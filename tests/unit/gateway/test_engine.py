"""What a turn does with what Open Dental answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from gateway.core.engine import app_error_of, run_turn
from gateway.core.errors import CallsStopped, KeyReused, PracticeOffline, QueueFull, StillRunning, UpstreamBroken
from gateway.core.operations import Operation, OperationState, Turn
from gateway.core.plans import UpstreamCall
from gateway.core.practices import Practice
from gateway.core.requests import Freshness, fetch, submit
from gateway.core.seat import LOOK_AGAIN_S
from open_dental.errors import KeyRefused, PermissionMissing, Unauthorized
from tests.fakes import ELM_STREET, FakeServices, Fault, Killed, World, a_caller
from tests.fakes.plans import KINDS
from tests.fakes.services import Life

ADDS = {"appointments.create", "payments.create", "commlogs.create"}


@pytest.fixture
def on() -> FakeServices:
    return FakeServices()


@pytest.fixture
def world(on: FakeServices) -> World:
    return World(on, KINDS)


def book(on: FakeServices, key: str = "k" * 16, *, at: str = "2026-03-03 09:00:00") -> Operation:
    practice: Practice = on.practices.get(ELM_STREET.id)
    input_ = {"patient": 7, "at": at}
    return submit("test.book", input_, practice=practice, caller=a_caller(), idempotency_key=key, on=on)


def pay(on: FakeServices, key: str = "p" * 16) -> Operation:
    return submit("test.pay", {"patient": 7}, practice=ELM_STREET, caller=a_caller(), idempotency_key=key, on=on)


def read(on: FakeServices, *, wait_s: float = 0.0) -> None:
    fetch(
        "test.fetch",
        {"PatNum": 7},
        practice=ELM_STREET,
        caller=a_caller(),
        freshness=Freshness(wait_s=wait_s),
        on=on,
    )


def switch(on: FakeServices, *, killed: bool) -> None:
    on.paces.switch(ELM_STREET.id, killed=killed, by="cli_operator", at=on.clock.now())


def adds(on: FakeServices) -> list[str]:
    return [call.operation for _, call in on.office.calls if call.operation in ADDS]


def test_a_booking_is_sent_once_and_answered_with_the_row_that_is_there(on: FakeServices, world: World) -> None:
    operation = book(on)
    world.run(10)

    settled = on.operations.get(operation.id)
    assert settled.state is OperationState.SUCCEEDED
    assert settled.result == {"key": "1001", "note": f"ref {operation.reference}"}
    assert settled.upstream_calls == 3
    assert on.pace.load(ELM_STREET.id).waiting == 0


def test_a_booking_sent_twice_with_one_key_is_queued_once(on: FakeServices) -> None:
    first, second = book(on), book(on)

    assert second.id == first.id
    assert len(on.calls.turns) == 1


def test_another_body_under_the_same_key_is_refused(on: FakeServices) -> None:
    book(on)

    with pytest.raises(KeyReused):
        book(on, at="2026-03-03 10:00:00")


def test_equal_reads_that_run_at_the_same_time_cost_one_turn(on: FakeServices) -> None:
    for _ in range(2):
        with pytest.raises(StillRunning):
            read(on)

    assert len(on.calls.turns) == 1


def test_a_reader_gets_rows_that_are_no_older_than_its_call(on: FakeServices, world: World) -> None:
    on.office.add("appointments", PatNum=7)
    with pytest.raises(StillRunning):
        read(on)
    asked_at = on.clock.now()
    world.run(5)

    practice = on.practices.get(ELM_STREET.id)
    got = fetch("test.fetch", {"PatNum": 7}, practice=practice, caller=a_caller(), freshness=Freshness(), on=on)
    assert len(got.rows.rows["appointments"]) == 1
    assert got.served_from == "cache"
    assert got.rows.as_of >= asked_at


def test_a_read_from_before_an_own_write_is_not_served_after_it(on: FakeServices, world: World) -> None:
    with pytest.raises(StillRunning):
        read(on)
    world.run(5)
    book(on)
    world.run(5)

    with pytest.raises(StillRunning):
        read(on)


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.TIMED_OUT_DONE, Fault.GARBAGE, Fault.EMPTY])
def test_an_add_whose_answer_is_lost_is_found_and_not_sent_again(on: FakeServices, world: World, fault: Fault) -> None:
    on.office.on_call = lambda call: fault if call.operation == "appointments.create" else None
    operation = book(on)
    world.run(65)

    assert on.operations.get(operation.id).state is OperationState.UNKNOWN
    world.run(240)
    assert on.operations.get(operation.id).state is OperationState.SUCCEEDED
    assert adds(on) == ["appointments.create"]


@pytest.mark.parametrize("fault", [Fault.LOSE_REQUEST, Fault.TIMED_OUT])
def test_an_add_that_never_arrived_is_called_failed_only_after_the_third_look(
    on: FakeServices, world: World, fault: Fault
) -> None:
    on.office.on_call = lambda call: fault if call.operation == "appointments.create" else None
    operation = book(on)

    world.run(28 * 60)
    assert on.operations.get(operation.id).state is OperationState.UNKNOWN
    world.run(10 * 60)
    settled = on.operations.get(operation.id)
    assert settled.state is OperationState.FAILED
    assert settled.error is not None
    assert (settled.error["code"], settled.error["retryable"]) == ("not-written", True)
    assert adds(on) == ["appointments.create"]


def test_looks_made_while_the_practice_is_offline_prove_nothing(on: FakeServices, world: World) -> None:
    on.office.on_call = lambda call: Fault.LOSE_REQUEST if call.operation == "appointments.create" else None
    operation = book(on)
    world.run(10)
    on.office.offline = True
    world.run(3 * 3600)

    assert on.operations.get(operation.id).state is OperationState.UNKNOWN
    on.office.offline = False
    world.run(2 * 3600)
    assert on.operations.get(operation.id).state is OperationState.FAILED


def test_two_rows_that_could_be_the_lost_one_stay_unknown_and_call_for_people(on: FakeServices, world: World) -> None:
    on.practices.put(replace(ELM_STREET, writes_reference=False))
    on.office.on_call = lambda call: Fault.LOSE_ANSWER if call.operation == "appointments.create" else None
    operation = book(on)
    world.run(10)
    on.office.add("appointments", PatNum=7, Op=1, AptDateTime="2026-03-03 09:00:00", Note="at the desk")
    world.run(3600)

    assert on.operations.get(operation.id).state is OperationState.UNKNOWN
    assert (ELM_STREET.id, "ambiguous-write") in on.notices.notes


def test_a_row_of_an_equal_write_is_not_taken_for_the_lost_one(on: FakeServices, world: World) -> None:
    """Two equal payments, the first lost on its way: one of them is missing, and somebody must be told."""
    on.practices.put(replace(ELM_STREET, writes_reference=False))
    on.office.faults.extend([None, Fault.LOSE_REQUEST])
    lost, done = book(on, "a" * 16), book(on, "b" * 16)
    world.run(3600)

    assert on.operations.get(done.id).state is OperationState.SUCCEEDED
    assert on.operations.get(lost.id).state is OperationState.FAILED


def test_one_row_is_evidence_for_one_write_only_also_where_writes_carry_references(
    on: FakeServices, world: World
) -> None:
    on.office.on_call = lambda call: Fault.LOSE_REQUEST if call.operation == "appointments.create" else None
    lost = [book(on, key * 16) for key in "ab"]
    world.run(10)
    on.office.add("appointments", PatNum=7, Op=1, AptDateTime="2026-03-03 09:00:00", Note="at the desk")
    world.run(3600)

    states = sorted(on.operations.get(one.id).state for one in lost)
    assert states == [OperationState.FAILED, OperationState.SUCCEEDED]


def test_a_row_that_answered_a_write_is_no_evidence_for_another_though_its_note_was_edited(
    on: FakeServices, world: World
) -> None:
    on.office.faults.extend([None, Fault.LOSE_REQUEST])
    lost, done = book(on, "a" * 16), book(on, "b" * 16)
    world.run(30)
    on.office.rows["appointments"][0]["Note"] = "edited at the desk"
    world.run(3600)

    assert on.operations.get(done.id).state is OperationState.SUCCEEDED
    assert on.operations.get(lost.id).state is OperationState.FAILED


def test_a_set_whose_answer_is_lost_is_sent_again(on: FakeServices, world: World) -> None:
    on.office.on_call = _once("payments.update", Fault.LOSE_ANSWER)
    operation = pay(on)
    world.run(30)

    assert on.operations.get(operation.id).state is OperationState.SUCCEEDED
    assert [call.operation for _, call in on.office.calls].count("payments.update") == 2
    assert sorted(adds(on)) == ["commlogs.create", "payments.create"]


def test_a_failure_after_the_first_step_says_what_stands_and_what_remains(on: FakeServices, world: World) -> None:
    on.office.on_call = lambda call: Fault.INVALID if call.operation == "payments.update" else None
    operation = pay(on)
    world.run(30)

    error = on.operations.get(operation.id).error
    assert error is not None
    assert error["code"] == "partly-done"
    assert [step["step"] for step in error["done"]] == ["pay"]
    assert error["remaining"] == "date"
    assert error["cause"]["code"] == "upstream-invalid"


def test_what_stands_is_not_called_failed_because_it_could_not_be_read_back(on: FakeServices, world: World) -> None:
    on.office.on_call = lambda call: Fault.GARBAGE if call.operation == "appointments.get" else None
    operation = book(on)
    world.run(3600)
    assert on.operations.get(operation.id).state is not OperationState.FAILED

    on.office.on_call = lambda call: None
    world.run(3600)
    assert on.operations.get(operation.id).state is OperationState.SUCCEEDED
    assert adds(on) == ["appointments.create"]


def test_a_waiting_reader_is_told_at_once_that_the_practice_is_offline(on: FakeServices, world: World) -> None:
    on.office.offline = True
    with pytest.raises(StillRunning):
        read(on)
    world.run(2)

    with pytest.raises(PracticeOffline):
        read(on)
    assert len(on.office.calls) == 1


def test_a_write_outlasts_an_offline_hour(on: FakeServices, world: World) -> None:
    on.office.offline = True
    operation = book(on)
    world.run(3600)

    assert on.operations.get(operation.id).state is OperationState.QUEUED
    # One probe a minute, not a storm.
    assert len(on.office.calls) <= 62
    on.office.offline = False
    world.run(180)
    assert on.operations.get(operation.id).state is OperationState.SUCCEEDED


def test_a_write_that_outlasted_an_offline_hour_looks_again_before_it_is_sent(on: FakeServices, world: World) -> None:
    """What was read before the hour says nothing of the day as it is now, nor of which rows are new."""
    on.practices.put(replace(ELM_STREET, writes_reference=False))
    on.office.on_call = _once("appointments.create", Fault.OFFLINE)
    operation = book(on)
    world.run(2)
    on.office.offline = True
    world.run(3600)
    on.office.add("appointments", PatNum=7, Op=1, AptDateTime="2026-03-03 09:00:00", Note="at the desk")
    on.office.offline = False
    on.office.on_call = lambda call: Fault.LOSE_REQUEST if call.operation == "appointments.create" else None
    world.run(3600)

    # The desk's row was there before the write: it is no evidence for it.
    assert on.operations.get(operation.id).state is OperationState.FAILED
    order = [call.operation for _, call in on.office.calls]
    last = len(order) - 1 - order[::-1].index("appointments.create")
    assert order[last - 1] == "appointments.list"


def test_what_a_sent_step_rests_on_is_not_read_again(on: FakeServices, world: World) -> None:
    on.office.on_call = _once("payments.update", Fault.OFFLINE)
    operation = pay(on)
    world.run(600)

    assert on.operations.get(operation.id).state is OperationState.SUCCEEDED
    assert [call.operation for _, call in on.office.calls].count("payments.list") == 1


def test_a_refused_key_fails_what_waits_and_is_tried_once_an_hour(on: FakeServices, world: World) -> None:
    on.office.refuses_key = True
    operation = book(on)
    world.run(4 * 3600)

    error = on.operations.get(operation.id).error
    assert error is not None
    assert error["code"] == "key-refused"
    assert (ELM_STREET.id, "key-refused") in on.notices.notes
    assert len(on.office.calls) <= 6


def test_a_turn_that_calls_nothing_uses_no_probe_up(on: FakeServices, world: World) -> None:
    on.office.refuses_key = True
    with pytest.raises(StillRunning):
        read(on)
    world.run(2)
    on.clock.sleep(3600)
    on.office.refuses_key = False
    # A turn of a release that is not here parks without a call.
    submit("test.unknown", {}, practice=ELM_STREET, caller=a_caller(), idempotency_key="u" * 16, on=on)
    assert world.work()
    assert not on.paces.view(ELM_STREET.id).key_refused

    book(on)
    world.work()
    assert on.pace.load(ELM_STREET.id).breaker.trip is None


def test_a_401_without_words_is_settled_by_asking_what_the_key_may_do(on: FakeServices, world: World) -> None:
    on.office.permissions = {"AppointmentsCreate": False}
    on.office.on_call = _once("appointments.create", Fault.UNAUTHORIZED)
    operation = book(on)
    world.run(30)

    error = on.operations.get(operation.id).error
    assert error is not None
    assert error["code"] == "permission-missing"
    assert any(call.operation == "securityperms.list" for _, call in on.office.calls)


@pytest.mark.parametrize("named", [PermissionMissing, Unauthorized])
def test_a_permission_that_upstream_misses_is_named_with_its_price(named: type[Unauthorized]) -> None:
    """As when it is missed before the call: one table, two ways to it."""
    error = app_error_of(named(operation="payments.create", status=401, permission="Payments"))

    assert (error.code, error.more) == ("permission-missing", {"permission": "Payments", "tier": "35 USD"})


def test_a_refused_key_is_not_explained_by_a_permission() -> None:
    assert app_error_of(KeyRefused(operation="payments.create", status=401, permission="Payments")).more == {}


def test_a_read_that_is_never_answered_usably_fails_after_five(on: FakeServices, world: World) -> None:
    on.office.on_call = lambda call: Fault.GARBAGE
    with pytest.raises(StillRunning):
        read(on)
    world.run(60)
    reads = [call for _, call in on.office.calls if call.operation == "appointments.list"]

    assert len(reads) == 5
    (entry,) = on.ledger.entries.values()
    assert entry.record.error["code"] == UpstreamBroken.code


def test_a_throttled_call_is_repeated_after_the_pause_and_never_fails(on: FakeServices, world: World) -> None:
    on.office.faults.extend([Fault.THROTTLED, Fault.THROTTLED])
    operation = book(on)
    world.run(60)

    assert on.operations.get(operation.id).state is OperationState.SUCCEEDED
    first, second, *_ = [at for at, _ in on.office.calls]
    assert second - first >= 3.0


def test_the_200_first_turns_wait_and_the_next_is_refused_and_forgotten(on: FakeServices) -> None:
    for number in range(200):
        book(on, f"key-{number:012}")

    with pytest.raises(QueueFull):
        book(on, "one-too-many-000")
    assert len(on.ledger.entries) == 200


def test_a_long_read_makes_way_for_others_after_twenty_calls(on: FakeServices, world: World) -> None:
    for _ in range(2450):
        on.office.add("appointments", PatNum=7)
    with pytest.raises(StillRunning):
        read(on)
    operation = book(on)
    world.run(300)

    order = [call.operation for _, call in on.office.calls]
    assert order[:20] == ["appointments.list"] * 20
    assert "appointments.create" in order[20:24]
    assert on.operations.get(operation.id).state is OperationState.SUCCEEDED
    assert on.office.calls[-1][1].operation == "appointments.list"
    # The pages of the first turn were journaled: none was read twice.
    offsets = [call.query["Offset"] for _, call in on.office.calls if "Offset" in call.query]
    assert sorted(offsets) == [100 * n for n in range(25)]


def test_nothing_is_sent_while_the_kill_switch_is_on(on: FakeServices, world: World) -> None:
    operation = book(on)
    switch(on, killed=True)
    world.run(600)
    assert on.office.calls == []
    assert on.operations.get(operation.id).state is OperationState.QUEUED

    switch(on, killed=False)
    world.run(180)
    assert on.operations.get(operation.id).state is OperationState.SUCCEEDED
    assert on.pace.load(ELM_STREET.id).waiting == 0


def test_a_reader_is_told_at_once_that_calls_are_stopped(on: FakeServices, world: World) -> None:
    with pytest.raises(StillRunning):
        read(on)
    switch(on, killed=True)
    world.run(5)

    with pytest.raises(CallsStopped):
        read(on)
    assert on.office.calls == []
    assert [one.record.state for one in on.ledger.entries.values()] == [OperationState.FAILED]
    assert on.pace.load(ELM_STREET.id).waiting == 0


def test_the_call_after_the_switch_is_not_sent_though_its_turn_is_under_way(on: FakeServices, world: World) -> None:
    """Of a booking's three calls the first was sent when the operator stopped them, and the second waits for its slot.

    What an operator stops must stop: the write is neither marked nor sent, and is done when calls are allowed again.
    """
    operation = book(on)
    on.office.execution_s = 0.2
    passes = on.clock.sleep

    def sleep(seconds: float) -> None:
        passes(seconds)
        # Calls take less; what sleeps for longer waits for its slot.
        if on.office.calls and seconds > LOOK_AGAIN_S and not switched:
            switched.append(on.clock.seconds)
            switch(on, killed=True)

    switched = list[float]()
    on.clock.sleep = sleep  # type: ignore[method-assign]
    world.run(400)

    assert switched
    assert len(on.office.calls) == 1
    assert not on.ledger.load(operation.id).steps
    assert on.operations.get(operation.id).state is OperationState.QUEUED

    switch(on, killed=False)
    world.run(200)
    assert on.operations.get(operation.id).state is OperationState.SUCCEEDED
    assert adds(on) == ["appointments.create"]


def test_background_work_that_waits_for_its_slot_heeds_the_switch(on: FakeServices, world: World) -> None:
    """A lost write is looked for, and the operator stops all calls while the look waits for its slot."""
    on.office.on_call = lambda call: Fault.LOSE_ANSWER if call.operation == "appointments.create" else None
    operation = book(on)
    world.run(10)
    assert on.operations.get(operation.id).state is OperationState.UNKNOWN
    calls = len(on.office.calls)
    switch(on, killed=True)
    world.run(3600)

    assert len(on.office.calls) == calls
    switch(on, killed=False)
    world.run(300)
    assert on.operations.get(operation.id).state is OperationState.SUCCEEDED


def test_an_answer_that_comes_after_its_turn_was_given_up_settles_the_operation(on: FakeServices, world: World) -> None:
    """A frozen worker wakes up with its answer: what it knows must not be lost, and nothing is sent again."""
    frozen = [True]

    def on_call(call: UpstreamCall) -> Fault | None:
        if call.operation == "appointments.create" and frozen:
            frozen.clear()
            on.clock.sleep(200)
            # The message is visible again and the lease has run out: another worker takes the turn up.
            assert world.work()
            assert on.operations.get(operation.id).state is OperationState.UNKNOWN
        return None

    on.office.on_call = on_call
    operation = book(on)
    world.run(90)
    world.run(90)

    assert on.operations.get(operation.id).state is OperationState.SUCCEEDED
    assert adds(on) == ["appointments.create"]


def test_a_refusal_that_comes_late_ends_the_operation_with_what_was_refused(on: FakeServices, world: World) -> None:
    """It would be called lost and not written otherwise, and worth another try."""
    frozen = [True]

    def on_call(call: UpstreamCall) -> Fault | None:
        if call.operation == "appointments.create" and frozen:
            frozen.clear()
            on.clock.sleep(200)
            assert world.work()
            assert on.operations.get(operation.id).state is OperationState.UNKNOWN
            return Fault.INVALID
        return None

    on.office.on_call = on_call
    operation = book(on)
    world.run(400)

    error = on.operations.get(operation.id).error
    assert error is not None
    assert error["code"] == "upstream-invalid"


def test_two_workers_with_turns_of_one_practice_do_not_call_at_the_same_time(on: FakeServices, world: World) -> None:
    seen: list[UpstreamCall] = []

    def on_call(call: UpstreamCall) -> Fault | None:
        if not seen:
            seen.append(call)
            other = Turn(ELM_STREET.id, second.id, 1)
            result = run_turn(other, on=on, holder="intruder", visible=lambda _: None, kinds=KINDS)
            assert result.come_back_s is not None
            assert len(on.office.calls) == 1
        return None

    on.office.on_call = on_call
    book(on)
    second = book(on, "s" * 16, at="2026-03-03 11:00:00")
    world.run(20)

    assert seen
    assert on.operations.get(second.id).state is OperationState.SUCCEEDED


def test_a_poisonous_operation_ends_after_five_deaths_and_lets_the_others_by(on: FakeServices, world: World) -> None:
    poison = book(on)
    other = book(on, "o" * 16)
    deaths: list[UpstreamCall] = []

    def on_call(call: UpstreamCall) -> Fault | None:
        if len(deaths) < 50 and on.ledger.load(poison.id).record.finished_at is None:
            deaths.append(call)
            raise Killed
        return None

    on.office.on_call = on_call
    world.run(3600)

    error = on.operations.get(poison.id).error
    assert error is not None
    assert len(deaths) == 5
    assert on.operations.get(other.id).state is OperationState.SUCCEEDED


def test_background_work_waits_for_nobody_and_makes_nobody_wait(on: FakeServices, world: World) -> None:
    """An interactive call waits at most one slot and one execution behind background work."""
    on.office.on_call = lambda call: Fault.LOSE_REQUEST if call.operation == "appointments.create" else None
    for _ in range(1500):
        on.office.add("appointments", PatNum=7, Op=9, AptDateTime="2026-01-01 09:00:00", Note="")
    book(on)
    world.run(100)
    on.office.on_call = lambda call: None
    asked: list[float] = []

    def on_call(call: UpstreamCall) -> Fault | None:
        # In the middle of the look's sixteen pages somebody asks.
        if not asked and call.query.get("Offset") == 500:
            asked.append(on.clock.monotonic())
            with pytest.raises(StillRunning):
                fetch(
                    "test.fetch",
                    {"PatNum": 8},
                    practice=ELM_STREET,
                    caller=a_caller(),
                    freshness=Freshness(wait_s=0),
                    on=on,
                )
        return None

    on.office.on_call = on_call
    world.run(600)
    answered = [at for at, call in on.office.calls if call.query.get("PatNum") == 8]

    assert asked
    assert answered[0] - asked[0] <= 1.0 + on.office.execution_s + 0.1


@pytest.mark.parametrize(("execution_s", "interval_s"), [(0.3, 1.0), (2.5, 1.0), (0.3, 3.0)])
def test_the_governor_halves_background_work_and_leaves_callers_alone(
    on: FakeServices, world: World, execution_s: float, interval_s: float
) -> None:
    """Half of what the pace allows: of its floor, of an interval that was widened, of calls that take longer."""
    on.office.on_call = _once("appointments.create", Fault.LOSE_ANSWER)
    for _ in range(450):
        on.office.add("appointments", PatNum=7, Op=9, AptDateTime="2026-01-01 09:00:00", Note="")
    book(on)
    world.run(60)
    for _ in range(30):
        on.governor.count(on.clock.now(), calls=10, refused=10)
        on.clock.sleep(2)
    on.office.execution_s = execution_s
    key = ELM_STREET.key_fingerprint
    item = on.pace.load(ELM_STREET.id)
    on.pace.items[ELM_STREET.id] = replace(item, keys={key: replace(item.keys[key], interval_s=interval_s)})
    before = len(on.office.calls)
    world.run(60)
    looks = [at for at, call in on.office.calls[before:] if "Offset" in call.query]
    gaps = [later - earlier for earlier, later in pairwise(looks)]

    assert len(looks) >= 4
    assert min(gaps) >= 2 * max(execution_s, interval_s) - 0.1
    # Callers wait no longer than without it.
    on.office.calls.clear()
    book(on, "c" * 16, at="2026-03-04 09:00:00")
    world.run(30)
    mine = [at for at, call in on.office.calls if call.query.get("Offset") is None]
    assert min(later - earlier for earlier, later in pairwise(mine)) < 1.5 * max(execution_s, interval_s)


def test_a_plan_is_never_told_of_trouble_in_our_own_house(on: FakeServices, world: World) -> None:
    operation = book(on)
    lives = [Life(stumbles=frozenset({number})) for number in range(1, 60, 3)]
    world.next_life = lambda: lives.pop() if lives else None
    world.run(4000)

    assert on.operations.get(operation.id).state is OperationState.SUCCEEDED
    assert adds(on) == ["appointments.create"]


def _once(operation: str, fault: Fault) -> Callable[[UpstreamCall], Fault | None]:
    left = [fault]

    def on_call(call: UpstreamCall) -> Fault | None:
        return left.pop() if left and call.operation == operation else None

    return on_call
