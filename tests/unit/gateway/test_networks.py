"""Whoever puts a turn puts it on the queue of the practice's network; a turn elsewhere would never be worked off."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.adapters.practices import from_record, to_record
from gateway.adapters.records import record_from, record_value
from gateway.core import pacing, sweeping
from gateway.core.errors import StillRunning, Unavailable
from gateway.core.ids import new_id
from gateway.core.operations import Operation, Turn
from gateway.core.practices import Mode, Practice, Tier
from gateway.core.requests import Freshness, fetch, submit, woken
from tests.fakes import ELM_STREET, FakeServices, World, a_caller
from tests.fakes.plans import KINDS

CLINIC = replace(
    ELM_STREET,
    id=new_id("practice"),
    mode=Mode.SERVICE,
    tier=Tier.UNPACED,
    base_url="http://10.20.0.15:30222/api/v1",
    network="clinic",
)
BOTH = {(CLINIC.id, "clinic"), (ELM_STREET.id, "remote")}


@pytest.fixture
def on() -> FakeServices:
    return FakeServices((CLINIC, ELM_STREET))


def book(on: FakeServices, practice: Practice = CLINIC) -> Operation:
    input_ = {"patient": 7, "at": "2026-03-03 09:00:00"}
    return submit("test.book", input_, practice=practice, caller=a_caller(practice), idempotency_key="k" * 16, on=on)


def put(on: FakeServices) -> set[tuple[str, str]]:
    return {(turn.practice_id, network) for turn, network in zip(on.calls.turns, on.calls.networks, strict=True)}


def forget(on: FakeServices) -> None:
    on.calls.turns.clear()
    on.calls.networks.clear()


def test_a_write_goes_by_its_practices_network(on: FakeServices) -> None:
    book(on)
    book(on, ELM_STREET)

    assert put(on) == BOTH


def test_a_read_goes_by_its_practices_network(on: FakeServices) -> None:
    for practice in (CLINIC, ELM_STREET):
        with pytest.raises(StillRunning):
            fetch("test.fetch", {}, practice=practice, caller=a_caller(practice), freshness=Freshness(wait_s=0), on=on)

    assert put(on) == BOTH


def test_the_sweeper_puts_a_lost_turn_back_where_it_belongs(on: FakeServices) -> None:
    book(on)
    book(on, ELM_STREET)
    forget(on)
    on.clock.sleep(400)
    sweeping.sweep(on)

    assert put(on) == BOTH


def test_whoever_asks_after_a_parked_operation_wakes_it_where_it_belongs(on: FakeServices) -> None:
    operation = book(on)
    forget(on)
    was = on.ledger.load(operation.id)
    until = on.clock.now() + timedelta(seconds=5)
    on.ledger.save(replace(was, record=replace(was.record, parked_until=until, due_at=until)), was=was)
    on.clock.sleep(400)
    woken(on.operations.get(operation.id), on=on)

    assert put(on) == {(CLINIC.id, "clinic")}


def test_a_background_turn_comes_from_the_lane_to_where_it_belongs(on: FakeServices) -> None:
    for practice in (CLINIC, ELM_STREET):
        on.pace.update(practice.id, lambda item: (pacing.work_due(item, on.clock.now().timestamp()), None))
    assert sweeping.offer_lanes(on) == 2
    for _, practice_id, attempt in on.ticks.waiting:
        sweeping.forward_tick(practice_id, attempt, on=on)

    assert put(on) == BOTH
    assert all(turn.operation_id is None for turn in on.calls.turns)


def test_a_network_that_has_left_the_stage_does_not_keep_the_sweep_from_the_others(on: FakeServices) -> None:
    book(on)
    book(on, ELM_STREET)
    forget(on)
    on.clock.sleep(400)
    take = on.calls.put

    def some(turn: Turn, *, network: str) -> None:
        if network == "clinic":
            raise Unavailable("this stage has no queue for the practice's network")
        take(turn, network=network)

    on.calls.put = some
    swept = sweeping.sweep(on)

    assert put(on) == {(ELM_STREET.id, "remote")}
    assert (swept.put, swept.not_put) == (1, 1)


def test_a_practice_in_service_mode_is_called_without_a_pace(on: FakeServices) -> None:
    book(on)
    World(on, KINDS).run(20)

    assert {pace.interval_s for pace in on.pace.load(CLINIC.id).keys.values()} == {0.0}


def test_the_network_is_kept_with_the_practice_and_with_the_operation(on: FakeServices) -> None:
    record = on.ledger.load(book(on).id).record

    assert from_record(json.loads(json.dumps(to_record(CLINIC)))) == CLINIC
    assert record_from(record_value(record), record.rev).request.network == "clinic"


def test_what_was_stored_before_there_were_networks_is_remote(on: FakeServices) -> None:
    practice = to_record(ELM_STREET)
    del practice["network"]
    record = record_value(on.ledger.load(book(on, ELM_STREET).id).record)
    del record["request"]["network"]

    assert from_record(practice).network == record_from(record, 0).request.network == "remote"
