"""A ledger of an hour ago sends nothing a second time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.core import ledger, pacing
from gateway.core.ledger import WrongTransition
from gateway.core.mirror.records import Order
from gateway.core.mirror.syncing import PracticeSync, Wanted
from gateway.core.operations import OperationState, StepState
from gateway.core.requests import submit
from gateway.core.restoring import RESTORED, after_restore, settle
from tests.fakes import ELM_STREET, FakeServices, World, a_caller
from tests.fakes.plans import KINDS
from tests.fakes.services import Life

AT = ELM_STREET.id


def ask(on: FakeServices, kind: str = "test.book", key: str = "k" * 16) -> str:
    input_ = {"patient": 7, "at": "2026-03-03 09:00:00"}
    return submit(kind, input_, practice=ELM_STREET, caller=a_caller(), idempotency_key=key, on=on).id


def booked(on: FakeServices) -> int:
    return [call.operation for _, call in on.office.calls].count("appointments.create")


def state_of(on: FakeServices, id_: str) -> OperationState:
    state: OperationState = on.ledger.load(id_).record.state
    return state


def restored(on: FakeServices, entries: dict[str, ledger.Entry], pace: dict[str, pacing.PaceItem]) -> None:
    """The tables are what they were; the office is what it is."""
    on.ledger.entries = dict(entries)
    on.pace.items = dict(pace)


def test_a_write_that_was_sent_after_the_backup_is_not_sent_again_by_itself() -> None:
    on = FakeServices()
    world, id_ = World(on, KINDS), ask(on)
    backup = dict(on.ledger.entries), dict(on.pace.items)
    world.run(60)
    assert (state_of(on, id_), booked(on)) == (OperationState.SUCCEEDED, 1)
    restored(on, *backup)

    told = after_restore([AT], on=on)
    world.run(2 * 3600)

    assert (len(told.left_to_people), told.looked_for) == (1, 0)
    assert (state_of(on, id_), booked(on)) == (OperationState.UNKNOWN, 1)


def test_without_it_the_write_would_be_sent_twice() -> None:
    """Or the test above would hold of anything."""
    on = FakeServices()
    world, _ = World(on, KINDS), ask(on)
    backup = dict(on.ledger.entries), dict(on.pace.items)
    world.run(60)
    restored(on, *backup)
    on.calls = type(on.calls)(on.clock)
    world.run(2 * 3600)

    assert booked(on) == 2


def test_a_write_that_was_on_its_way_is_found_by_its_evidence() -> None:
    on = FakeServices()
    world, id_ = World(on, KINDS), ask(on)
    lives = iter([Life(dies_at=("upstream.send", 2, "after"))])
    world.next_life = lambda: next(lives, None)
    world.work()
    (step,) = on.ledger.load(id_).steps.values()
    assert (step.state, booked(on)) == (StepState.SENT, 1)

    told = after_restore([AT], on=on)
    world.run(2 * 3600)

    assert told.looked_for == 1
    assert (state_of(on, id_), booked(on)) == (OperationState.SUCCEEDED, 1)


def test_an_absolute_value_of_before_is_written_only_if_somebody_says_so() -> None:
    """The office, or the client, may have put another one there since."""
    on = FakeServices()
    world, id_ = World(on, KINDS), ask(on, "test.pay")
    lives = iter([Life(dies_at=("upstream.send", 3, "before"))])
    world.next_life = lambda: next(lives, None)
    world.work()
    assert on.ledger.load(id_).steps["date"].state is StepState.SENT
    after_restore([AT], on=on)
    world.run(2 * 3600)
    assert state_of(on, id_) is OperationState.UNKNOWN
    assert "payments.update" not in {call.operation for _, call in on.office.calls}

    settle(id_, was_done=False, on=on)
    world.run(600)

    assert state_of(on, id_) is OperationState.SUCCEEDED


@pytest.mark.parametrize("was_done", [True, False])
def test_an_operator_who_has_looked_settles_it(was_done: bool) -> None:
    on = FakeServices()
    world, id_ = World(on, KINDS), ask(on)
    after_restore([AT], on=on)
    settle(id_, was_done=was_done, on=on)
    world.run(600)

    entry = on.ledger.load(id_)
    assert (entry.record.state, booked(on)) == (OperationState.SUCCEEDED, 0 if was_done else 1)
    assert bool(entry.record.warnings) is was_done
    assert (on.pace.load(AT).waiting, on.pace.load(AT).parked) == (0, 0)
    with pytest.raises(WrongTransition):
        settle(id_, was_done=True, on=on)


def test_who_waited_for_rows_is_told_to_ask_again() -> None:
    on = FakeServices()
    entry = on.ledger.load(ask(on))
    fetch = replace(entry.record.request, idempotency_key=None, cache_key="rows")
    on.ledger.entries[entry.record.id] = replace(entry, record=replace(entry.record, request=fetch))

    assert after_restore([AT], on=on).reads_ended == 1
    assert on.ledger.load(entry.record.id).record.error["retryable"] is True


def test_nobody_has_the_lease_and_no_call_follows_too_soon() -> None:
    on = FakeServices()
    now = on.clock.now().timestamp()
    pace = pacing.KeyPace(0.5, 0.5, next_free_at=now - 100)
    on.pace.items[AT] = pacing.PaceItem(AT, keys={"k": pace}, holder="dead", busy_until=now + 90, turn_no=7)

    after_restore([AT], on=on)

    item = on.pace.load(AT)
    assert (item.holder, item.busy_until, item.keys["k"].next_free_at) == (None, 0.0, now + 5.0)
    assert item.turn_no > 1_000_000 and item.next_due_at == now


def test_mirrors_are_read_again_above_all_that_was_read_since_the_backup_and_once() -> None:
    """Rows that were read after it have higher orders than the restored state would give the next ones."""
    on = FakeServices()
    on.syncs.save_practice(PracticeSync(AT, wanted=Wanted.ON, epoch=3, started_at=on.clock.now() - timedelta(days=9)))

    assert after_restore([AT], on=on).mirrors == 1
    assert after_restore([AT], on=on).mirrors == 0
    state = on.syncs.load(AT)
    assert Order(state.epoch, 0) > Order(3 + 35, 10**9)
    assert [one.code for one in state.incidents] == [RESTORED]


def test_doing_it_again_changes_nothing() -> None:
    on = FakeServices()
    id_ = ask(on)
    after_restore([AT], on=on)
    first = on.ledger.load(id_)
    assert len(after_restore([AT], on=on).left_to_people) == 1

    assert on.ledger.load(id_).steps == first.steps
