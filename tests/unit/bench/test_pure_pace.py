"""The throttle that judges the rule has to be able to find it guilty."""

from __future__ import annotations

import pytest

from tests.bench.arrivals import ThrottleFrom, violations
from tests.bench.pacing import used_of_possible
from tests.bench.pure_pace import Throttle, a_day


@pytest.mark.parametrize("counted_from", ["start", "end"])
@pytest.mark.parametrize("interval_s", [0.5, 1.0, 5.0])
def test_the_rule_breaks_no_reading_and_wastes_little(counted_from: ThrottleFrom, interval_s: float) -> None:
    came = a_day(interval_s=interval_s, counted_from=counted_from, seconds=1800)

    assert violations(came, interval_s=interval_s, counted_from=counted_from) == 0
    assert used_of_possible(came, interval_s=interval_s, counted_from=counted_from) >= 0.98


def test_a_caller_who_comes_too_early_is_found_out() -> None:
    throttle = Throttle(0.5, "start")
    came = [throttle.serve(arrived, 0.05) for arrived in (0.0, 0.4, 1.2)]

    assert violations(came, interval_s=0.5, counted_from="start") == 1


def test_half_the_calls_are_half_the_rate() -> None:
    throttle = Throttle(0.5, "start")
    came = [throttle.serve(1.0 * number, 0.05) for number in range(100)]

    assert used_of_possible(came, interval_s=0.5, counted_from="start") == pytest.approx(0.5)
