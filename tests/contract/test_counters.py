"""The counters of who waits: whatever dies wherever, a sweep brings them back to what the ledger holds."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.adapters.ledger import DynamoLedger
from gateway.adapters.pace import DynamoPace
from gateway.core import pacing, sweeping
from gateway.core.errors import QueueFull, Unavailable
from gateway.core.operations import OperationState
from gateway.core.requests import submit
from tests.contract.conftest import make_bodies, make_table
from tests.fakes import ELM_STREET, FakeServices, Killed, World, a_caller
from tests.fakes.plans import KINDS
from tests.fakes.services import FakeClock, Life

AT = ELM_STREET.id


def services(kind: str, request: pytest.FixtureRequest) -> FakeServices:
    on = FakeServices(clock=FakeClock(datetime.now(UTC)))
    if kind == "dynamodb":
        request.getfixturevalue("aws")
        on.ledger = on.operations = DynamoLedger(make_table("ledger", due=True), table="ledger", bodies=make_bodies())
        now = on.clock.now
        on.pace = on.paces = DynamoPace(make_table("pace", due=True), table="pace", now=lambda: now().timestamp())
    return on


@pytest.fixture(params=["fake", "dynamodb"])
def on(request: pytest.FixtureRequest) -> FakeServices:
    return services(request.param, request)


def ask(on: FakeServices, key: str) -> None:
    input_ = {"patient": 7, "at": "2026-03-03 09:00:00"}
    submit("test.book", input_, practice=ELM_STREET, caller=a_caller(), idempotency_key=key, on=on)


def held(on: FakeServices) -> tuple[int, int]:
    opened = [one for one in on.ledger.list_open(limit=1000) if one.state is not OperationState.UNKNOWN]
    return len(opened), sum(one.parked for one in opened)


def counted(on: FakeServices) -> tuple[int, int]:
    item = on.pace.load(AT)
    return item.waiting, item.parked


def bad_day(on: FakeServices, seed: int, deaths: list[int]) -> None:
    """Requests, turns and minutes in any order, each dying at some step; then a quarter of an hour without trouble."""
    chance, world = random.Random(seed), World(on, KINDS)
    for number in range(12):
        what, life = chance.random(), Life(left=chance.choice(deaths))
        if what < 0.4:
            with suppress(Killed, Unavailable):
                ask(on.mortal(Life(left=life.left // 4 if life.left else 0)), f"{seed}-{number}")
        else:
            world.next_life = lambda life=life: life  # type: ignore[misc]
            world.work() if what < 0.85 else world.minute()
        on.office.offline = chance.random() < 0.3
        on.clock.sleep(chance.choice([0.1, 3.0, 61.0, 91.0]))
    world.next_life = lambda: None
    on.office.offline = False
    world.run(900)


def test_after_any_deaths_a_sweep_makes_the_counters_right(on: FakeServices) -> None:
    days = 60 if isinstance(on.ledger, type(FakeServices().ledger)) else 3
    for seed in range(days):
        bad_day(on, seed, list(range(0, 60, 3)))
        assert counted(on) == held(on), seed


def test_a_worker_that_dies_between_its_last_save_and_its_count_leaves_no_phantom(on: FakeServices) -> None:
    """The practice falls silent afterwards: nothing of it is open, and nothing is due."""
    count = on.pace.count
    ask(on, "a" * 16)

    def dying(*args: Any, **kwargs: Any) -> None:
        on.pace.count = count
        raise Killed

    on.pace.count = dying
    world = World(on, KINDS)
    world.run(300)

    assert world.crashes == 1
    assert counted(on) == (0, 0)


def test_a_practice_that_only_looks_full_takes_turns_again_after_a_sweep(on: FakeServices) -> None:
    on.pace.count(AT, waiting=pacing.MAX_WAITING)
    with pytest.raises(QueueFull):
        ask(on, "a" * 16)
    sweeping.sweep(on)

    ask(on, "b" * 16)
    assert counted(on) == (1, 0)


def test_a_practice_that_is_full_stays_full(on: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "MAX_WAITING", 3)
    for number in range(3):
        ask(on, f"key-{number:012}")
    for _ in range(2):
        with pytest.raises(QueueFull):
            ask(on, "one-too-many-000")
        sweeping.sweep(on)
    assert counted(on) == (3, 0)


def test_a_sweep_that_could_not_list_all_operations_counts_nobody_out(
    on: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        ask(on, f"key-{number:012}")
    monkeypatch.setattr(sweeping, "OPEN_AT_MOST", 3)
    sweeping.sweep(on)

    assert counted(on) == (5, 0)
