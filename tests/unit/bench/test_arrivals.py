"""The bench's arithmetic, on logs whose figures are known."""

from __future__ import annotations

import pytest

from tests.bench.arrivals import Arrival, execution_s, longest_gap_s, permitted_rate, rate_used, share_used, violations


def calls(*starts: float, execution: float = 0.1) -> list[Arrival]:
    """Calls that were let through as they came."""
    return [Arrival(start, start, start + execution, 200) for start in starts]


def test_a_call_ten_milliseconds_early_is_jitter_and_eleven_are_a_violation() -> None:
    assert violations(calls(0.0, 0.49), interval_s=0.5, counted_from="start") == 0
    assert violations(calls(0.0, 0.489), interval_s=0.5, counted_from="start") == 1


def test_a_refused_call_is_a_violation_under_both_readings() -> None:
    log = [*calls(0.0, 1.0), Arrival(0.2, 0.2, 0.2, 429)]

    assert violations(log, interval_s=0.5, counted_from="start") == 1
    assert violations(log, interval_s=0.5, counted_from="end") == 1


def test_a_call_that_is_held_back_is_no_violation_where_the_interval_runs_from_the_end() -> None:
    log = [Arrival(0.0, 0.0, 0.1, 200), Arrival(0.5, 0.6, 0.7, 200)]

    assert violations(log, interval_s=0.5, counted_from="end") == 0


def test_a_call_that_finds_another_one_waiting_is_a_violation_from_start_to_start() -> None:
    log = [Arrival(0.0, 0.0, 0.9, 200), Arrival(0.6, 0.9, 1.0, 200), Arrival(0.8, 1.4, 1.5, 200)]

    assert violations(log, interval_s=0.5, counted_from="start") == 1


def test_the_order_of_the_log_does_not_matter() -> None:
    log = calls(0.0, 0.3, 0.8, 1.0)

    assert violations(log[::-1], interval_s=0.5, counted_from="start") == 2


def test_an_execution_longer_than_the_interval_permits_less_than_the_interval_does() -> None:
    assert permitted_rate(interval_s=0.5, execution_s=0.1, counted_from="start") == 2.0
    assert permitted_rate(interval_s=0.5, execution_s=2.0, counted_from="start") == 0.5
    assert permitted_rate(interval_s=0.5, execution_s=0.3, counted_from="end") == pytest.approx(1.25)


def test_eleven_calls_in_five_seconds_are_two_a_second() -> None:
    log = calls(*(0.5 * number for number in range(11)))

    assert rate_used(log) == pytest.approx(2.0)
    assert share_used(log, interval_s=0.5, counted_from="start") == pytest.approx(1.0)
    assert execution_s(log) == pytest.approx(0.1)


def test_a_refused_call_adds_nothing_to_the_rate() -> None:
    log = [*calls(0.0, 0.5, 1.0), Arrival(0.7, 0.7, 0.7, 429)]

    assert rate_used(log) == pytest.approx(2.0)


def test_one_call_has_no_rate() -> None:
    with pytest.raises(ValueError, match="two calls"):
        rate_used(calls(0.0))


def test_a_pause_is_the_longest_gap() -> None:
    assert longest_gap_s(calls(0.0, 0.5, 3.0, 3.5)) == pytest.approx(2.5)
