"""What the sweep of each minute puts right, and what it must not put wrong."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import ledger, sweeping
from gateway.core.errors import Unavailable
from gateway.core.operations import Operation
from gateway.core.requests import submit
from tests.fakes import ELM_STREET, FakeServices, World, a_caller
from tests.fakes.plans import KINDS
from tests.fakes.services import NOON


@pytest.fixture
def on() -> FakeServices:
    return FakeServices()


@pytest.fixture
def world(on: FakeServices) -> World:
    return World(on, KINDS)


def book(on: FakeServices, key: str = "k" * 16) -> Operation:
    input_ = {"patient": 7, "at": "2026-03-03 09:00:00"}
    return submit("test.book", input_, practice=ELM_STREET, caller=a_caller(), idempotency_key=key, on=on)


def test_a_sweep_that_was_overtaken_leaves_no_phantom_turns(on: FakeServices, world: World) -> None:
    """Everything it saw waiting has finished before it counts: the practice must not look full for ever."""
    for number in range(5):
        book(on, f"key-{number:012}")
    listed = on.ledger.list_open

    def slow(*, limit: int) -> object:
        on.ledger.list_open = listed
        found = listed(limit=limit)
        while world.work():
            pass
        for _ in range(40):
            on.clock.sleep(1)
            while world.work():
                pass
        return found

    on.ledger.list_open = slow
    sweeping.sweep(on)

    assert on.pace.load(ELM_STREET.id).waiting == 0


def test_a_counter_that_a_crash_left_too_high_is_put_right_by_the_sweep(on: FakeServices) -> None:
    book(on)
    on.pace.count(ELM_STREET.id, waiting=40, parked=3)
    sweeping.sweep(on)

    item = on.pace.load(ELM_STREET.id)
    assert (item.waiting, item.parked) == (1, 0)


def test_one_entry_that_cannot_be_read_does_not_keep_the_sweep_from_the_others(on: FakeServices) -> None:
    broken, well = book(on), book(on, "o" * 16)
    on.calls.turns.clear()
    on.clock.sleep(400)
    load = on.ledger.load

    def failing(operation_id: str) -> object:
        if operation_id == broken.id:
            raise Unavailable("the store of large bodies did not answer")
        return load(operation_id)

    on.ledger.load = failing
    sweeping.sweep(on)

    assert [turn.operation_id for turn in on.calls.turns] == [well.id]


@settings(max_examples=10)
@given(st.text(min_size=1, max_size=20), st.integers(0, 30), st.floats(-5, 5))
def test_an_operation_that_stays_open_is_renewed_long_before_its_bodies_are_forgotten(
    operation_id: str, missed_day: int, late_s: float
) -> None:
    """Sweeps come a minute apart, give or take some seconds; a whole day of them may be missed."""
    renewed = [
        day
        for day in range(31)
        for minute in range(24 * 60)
        if day != missed_day
        and ledger.is_to_be_renewed(operation_id, NOON + timedelta(days=day, minutes=minute, seconds=30 + late_s))
    ]

    assert all(later - earlier <= 2 for earlier, later in pairwise([0, *renewed, 31]))


def test_the_sweep_renews_what_is_open_once_a_day(on: FakeServices) -> None:
    operation = book(on)
    for _ in range(2 * 24 * 60):
        on.clock.sleep(60)
        sweeping.sweep(on)

    assert [one for one, _ in on.ledger.renewed] == [operation.id] * 2


def all_due(on: FakeServices, practices: int) -> set[str]:
    names = {f"prac_{number}" for number in range(practices)}
    for name in names:
        on.pace.background_due(name, on.clock.now())
    return names


def test_the_parts_of_the_lane_put_the_turn_of_each_practice_once(on: FakeServices) -> None:
    names = all_due(on, 50)

    assert sum(sweeping.offer_lanes(on, part=(number, 4)) for number in range(4)) == 50
    assert sorted(practice_id for _, practice_id, _ in on.ticks.waiting) == sorted(names)
    assert sweeping.offer_lanes(on) == 0


def test_a_slow_lane_ends_before_its_function_is_cut_off_and_goes_on_with_the_others(on: FakeServices) -> None:
    """Whoever is left comes first a minute later; a lane that is cut off has offered turns that it has not put."""
    names = all_due(on, 50)
    update = on.pace.update

    def slow(practice_id: str, rule: object) -> object:
        on.clock.sleep(1.0)
        return update(practice_id, rule)

    on.pace.update = slow
    first = sweeping.offer_lanes(on)
    put = len(on.ticks.waiting)

    assert first == put == int(sweeping.LANES_S) + 1
    assert first + sweeping.offer_lanes(on) == 50
    assert {practice_id for _, practice_id, _ in on.ticks.waiting} == names
