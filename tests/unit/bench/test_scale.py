"""The simulation of many practices, beside the code that it stands for."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from gateway.core import pacing
from gateway.core.practices import Tier
from tests.bench import scale, turn_costs
from tests.bench.mirror import _open
from tests.bench.scale_fleet import Fleet, Limits
from tests.bench.scale_offices import CALLERS, ROWS_OF_A_PATIENT, Kind, Size, Way, kinds_of
from tests.fakes.mirrored_office import mirrored_office

CHICAGO, HOUR_S = "America/Chicago", 3600.0
AT_TEN = datetime(2026, 11, 17, 16, tzinfo=UTC).timestamp()
LATENCY_S = 0.05
"""What a call takes at the simulated practice."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def simulated_hour(tier: Tier, way: Way) -> tuple[float, float]:
    """Calls and turns of a quiet hour of a small office, the average of ten."""
    fleet = Fleet(
        [Kind(tier, way, Size("tiny", 40), CHICAGO)] * 10, start=AT_TEN, callers=None, quiet=True, execution_s=LATENCY_S
    )
    fleet.run(600)
    minutes = fleet.run(HOUR_S)
    return sum(minute.calls for minute in minutes) / 10, sum(minute.turns for minute in minutes) / 10


def real_hour(tier: Tier, way: Way) -> tuple[float, float]:
    """The same of the deployed background work beside the simulated practice."""
    with mirrored_office(tier=tier, queries=way is Way.QUERIED) as office:
        _open(office)
        office.load(turn_costs.DAY_S)
        office.run(1200)
        office.d.upstream_calls.clear()
        turns = office.on.world.turns
        office.run(HOUR_S)
        return len(office.d.upstream_calls), office.on.world.turns - turns


@pytest.mark.parametrize(
    ("tier", "way"),
    [
        (Tier.READ_ONLY, Way.POLLED),
        (Tier.STANDARD, Way.POLLED),
        (Tier.ENTERPRISE, Way.QUERIED),
    ],
)
def test_a_simulated_practice_makes_the_calls_and_turns_of_the_deployed_code(tier: Tier, way: Way) -> None:
    """Else the figures of ten thousand practices are of another gateway.

    At a call per 5 s a list's hourly reading fills a minute, in which the one thread of the test's world has no lane.
    """
    few = 0.06 if tier is Tier.READ_ONLY else 0.03
    calls, turns = simulated_hour(tier, way)
    real_calls, real_turns = real_hour(tier, way)

    assert calls == pytest.approx(real_calls, rel=few)
    assert turns == pytest.approx(real_turns, rel=few)


@pytest.mark.parametrize(
    ("queries", "recorded"), [(False, turn_costs.RECORDED_POLLED), (True, turn_costs.RECORDED_QUERIED)]
)
def test_turns_use_of_dynamodb_what_is_recorded(queries: bool, recorded: turn_costs.Cost) -> None:
    """On an emulator, by AWS's rules: a use more of each turn is some hundred dollars a month."""
    with (
        turn_costs.metered_office(tier=Tier.STANDARD, queries=queries) as (office, meters),
        turn_costs.recording(office, meters) as turns,
    ):
        office.run(140)
        quiet = list(turns)
        asked = () if queries else (turn_costs.asked_live(office, meters), turn_costs.written(office, meters))

    for what in ("reads", "writes", "requests"):
        measured = sum(getattr(use, what) for turn in quiet for use in turn.of.values())
        reckoned = sum(getattr(use, what) for turn in quiet for use in recorded.of(turn.calls).values())
        assert reckoned == pytest.approx(measured, rel=0.1)
    assert sum(turn.hides - turn.calls for turn in quiet) / len(quiet) == turn_costs.RECORDED_HIDES
    for measured_use, use in zip(asked, (turn_costs.RECORDED_READ, turn_costs.RECORDED_WRITE), strict=False):
        assert (measured_use.reads, measured_use.writes) == pytest.approx((use.reads, use.writes), rel=0.15)


def test_an_office_has_as_many_rows_of_a_patient_as_the_simulated_practice() -> None:
    with mirrored_office("--patients", "60", tier=Tier.ENTERPRISE, queries=True) as office:
        office.load(turn_costs.DAY_S)
        rows = {name: of.rows for name, of in office.states().items()}

    patients = rows["patients"]
    assert sum(rows[name] for name in ROWS_OF_A_PATIENT) / patients == pytest.approx(
        sum(ROWS_OF_A_PATIENT.values()), rel=0.2
    )


class _Watched(Fleet):
    """A fleet that keeps when each practice was called."""

    def __init__(self, *args: Any, **more: Any) -> None:
        self.sent: dict[str, list[float]] = {}
        super().__init__(*args, **more)

    def _send(self, office: Any) -> None:
        before = self.minute.calls
        at = self.now
        super()._send(office)
        if self.minute.calls > before:
            self.sent.setdefault(office.item.practice_id, []).append(at)


def test_no_simulated_practice_is_called_faster_than_its_key_allows() -> None:
    kinds = kinds_of(40)
    fleet = _Watched(kinds, start=scale.BUSIEST)
    fleet.run(300)

    assert len(fleet.sent) == 40
    for number, kind in enumerate(kinds):
        sent = fleet.sent[str(number)]
        assert all(later - earlier >= kind.floor_s for earlier, later in pairwise(sent))


def test_callers_do_not_wait_for_background_work_longer_than_a_slot_and_a_call() -> None:
    """They wait for their own key besides, which a simulated call takes a slot of."""
    fleet = Fleet([Kind(Tier.STANDARD, Way.POLLED, Size("large", 12_000), CHICAGO)] * 30, start=AT_TEN)
    waited = [one for minute in fleet.run(900) for one in minute.waited]

    assert len(waited) > 20
    assert sorted(waited)[math.ceil(0.9 * len(waited)) - 1] < 1.0 + pacing.GUARD_S + 2 * 0.4 + 0.2


def test_practices_that_were_late_together_are_not_worked_for_together() -> None:
    """What a lane that looks once a minute does to them, unless each keeps seconds of its own."""
    fleet = Fleet(kinds_of(60), start=scale.BUSIEST, callers=None)
    fleet.late()
    *_, minute = fleet.run(240)

    assert minute.most_at_once < 30


def test_with_too_few_workers_turns_wait_and_with_enough_none_does() -> None:
    starved, fed = (Fleet(kinds_of(60), start=scale.BUSIEST, limits=Limits(workers, None, None)) for workers in (6, 36))

    assert starved.run(180)[-1].most_waiting > 12
    assert fed.run(180)[-1].most_waiting == 0


def test_some_minutes_of_a_hundred_practices_are_simulated_and_every_quota_has_its_use() -> None:
    fleet = Fleet(kinds_of(100), start=scale.MIDNIGHT)
    fleet.jump(scale.BUSIEST)
    minutes = fleet.run(300)
    uses = list(scale.uses_of(minutes[-1], scale=100, queried=0.2))

    assert sum(minute.calls for minute in minutes) > 100 * 5 * 5
    assert {used.name for used in uses if not math.isfinite(used.reached_at)} <= {
        "calls queue: messages that wait, before some groups are not seen"
    }
    assert all(used.of.bound > 0 and used.of.moved_by for used in uses)
    assert CALLERS.requests > 0
