"""The simulation behind the figure of an endpoint that never answers: it would show one that delays others."""

from __future__ import annotations

from itertools import pairwise

import pytest

from gateway.core.webhooks.deliveries import Message
from tests.bench.deliveries import FIRST, Simulation, latencies, p95


def test_where_endpoints_share_lanes_one_that_never_answers_delays_the_others() -> None:
    def shared(message: Message) -> str:
        return message.object_id[-1]

    alone, beside = (latencies(120, workers=50, dead=dead, group=shared, endpoints=5) for dead in (False, True))

    assert len(alone) == len(beside) > 0
    assert p95(beside) > 5 * p95(alone)


def test_a_lane_has_one_call_at_a_time_and_lanes_do_not_wait_for_each_other() -> None:
    lanes = {"a": 3, "b": 1}
    simulation = Simulation(workers=10, group=lambda message: "a" if int(message.event_id[4:]) < 3 else "b")
    simulation.on.endpoint(FIRST)
    simulation.at(0, lambda: simulation.on.happen(range(sum(lanes.values())), 4))
    simulation.run()
    first, second, third, other = (simulation.answered_at[FIRST, f"evt_{number}"] for number in range(4))

    assert first < second < third
    assert 0.05 <= other < 0.45
    assert third - second >= 0.05


@pytest.mark.parametrize(("workers", "least"), [(1, 4 * 0.05), (4, 0.05)])
def test_no_more_calls_are_under_way_than_there_are_workers(workers: int, least: float) -> None:
    simulation = Simulation(workers=workers, group=lambda message: message.event_id)
    simulation.on.endpoint(FIRST)
    simulation.at(0, lambda: simulation.on.happen(range(4), 4))
    simulation.run()
    answered = sorted(simulation.answered_at.values())

    assert len(answered) == 4
    assert answered[-1] >= least
    gaps = [later - sooner for sooner, later in pairwise(answered)]
    assert (min(gaps) >= 0.05) == (workers == 1)
