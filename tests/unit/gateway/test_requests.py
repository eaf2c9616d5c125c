"""How a request that is not alone is answered."""

from __future__ import annotations

import pytest

from gateway.core import pacing, requests
from gateway.core.errors import QueueFull, StillRunning
from gateway.core.following import follow
from gateway.core.operations import Operation
from gateway.core.plans import UpstreamCall
from gateway.core.requests import Freshness, fetch, submit
from tests.fakes import ELM_STREET, FakeServices, World, a_caller
from tests.fakes.living import LivingServices
from tests.fakes.plans import KINDS
from tests.fakes.services import FakeUpstream


@pytest.fixture
def on() -> FakeServices:
    return FakeServices()


def book(on: FakeServices, key: str = "k" * 16) -> Operation:
    input_ = {"patient": 7, "at": "2026-03-03 09:00:00"}
    return submit("test.book", input_, practice=ELM_STREET, caller=a_caller(), idempotency_key=key, on=on)


def test_the_twin_of_a_request_that_found_the_queue_full_is_told_the_same(on: FakeServices) -> None:
    for number in range(pacing.MAX_WAITING):
        book(on, f"key-{number:012}")
    join = on.paces.join

    def join_while_a_twin_asks(*args: object, **kwargs: object) -> int:
        on.paces.join = join
        twins.append(book(on, "t" * 16))
        return int(join(*args, **kwargs))

    twins: list[Operation] = []
    on.paces.join = join_while_a_twin_asks
    with pytest.raises(QueueFull):
        book(on, "t" * 16)

    with pytest.raises(QueueFull):
        requests.wait_for(twins[0], wait_s=5, on=on)


def _long_lists(on: FakeServices, *patients: int) -> None:
    for patient in patients:
        for _ in range(2450):
            on.office.add("appointments", PatNum=patient)


def _ask_for_list(on: FakeServices, patient: int, *, wait_s: float) -> None:
    fetch(
        "test.fetch",
        {"PatNum": patient},
        practice=ELM_STREET,
        caller=a_caller(),
        freshness=Freshness(wait_s=wait_s),
        on=on,
    )


def test_a_long_list_that_made_way_goes_on_for_its_waiting_reader_without_the_sweeper() -> None:
    on = LivingServices(kinds=KINDS)
    on.upstream = FakeUpstream(on.offices)
    _long_lists(on, 7)
    office = on.office

    def on_call(call: UpstreamCall) -> None:
        if call.query.get("Offset") == 1000:
            with pytest.raises(StillRunning):
                _ask_for_list(on, 8, wait_s=0)

    office.on_call = on_call
    _ask_for_list(on, 7, wait_s=90)

    patients = [call.query["PatNum"] for _, call in office.calls]
    # The other reader came between the list's turns, and no minute had to strike.
    assert patients == [7] * 20 + [8] + [7] * 5
    assert on.clock.seconds < 40


def test_three_long_lists_that_are_followed_share_the_practice_without_an_idle_minute(on: FakeServices) -> None:
    _long_lists(on, 7, 8, 9)
    world = World(on, KINDS)
    running = []
    for patient in (7, 8, 9):
        with pytest.raises(StillRunning) as still:
            _ask_for_list(on, patient, wait_s=0)
        running.append(still.value.operation_id)

    while any(not follow(one, caller=a_caller(), on=on).state.is_settled for one in running):
        if not world.work():
            on.clock.sleep(1)
    # 75 pages at one a second, and what following them once a second adds.
    assert on.clock.seconds < 85
    assert on.pace.load(ELM_STREET.id).parked == 0


def test_a_parked_turn_is_woken_once_however_many_ask_after_it(on: FakeServices) -> None:
    _long_lists(on, 7)
    with pytest.raises(StillRunning) as still:
        _ask_for_list(on, 7, wait_s=0)
    book(on)
    World(on, KINDS).work()
    assert on.pace.load(ELM_STREET.id).parked == 1

    on.calls.turns.clear()
    for _ in range(3):
        follow(still.value.operation_id, caller=a_caller(), on=on)
    assert [turn.attempt for turn in on.calls.turns] == [2]
    assert on.pace.load(ELM_STREET.id).parked == 0
