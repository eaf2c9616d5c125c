import threading
from collections.abc import Callable
from itertools import pairwise

import httpx
import pytest

from infra.sandbox.practice.clock import Clock
from infra.sandbox.practice.throttle import Throttle, Throttled, ThrottleFrom, WaitedTooLong

from .conftest import Running


def run_together(calls: int, call: Callable[[], None]) -> None:
    threads = [threading.Thread(target=call) for _ in range(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("counted_from", ["start", "end"])
def test_early_calls_are_held_back_until_their_time(counted_from: ThrottleFrom) -> None:
    clock = Clock(scale=50)
    throttle = Throttle(clock, interval_s=1.0, counted_from=counted_from, depth=10)
    spans: list[tuple[float, float]] = []

    def call() -> None:
        with throttle.turn(patience_s=600):
            start = clock.monotonic()
            clock.sleep(0.25)
            spans.append((start, clock.monotonic()))

    run_together(5, call)
    spans.sort()
    for (start, end), (following, _) in pairwise(spans):
        assert following - (start if counted_from == "start" else end) >= 1.0
    assert throttle.pace.arrivals == 5


def test_too_many_waiting_calls_are_refused_with_a_time_to_come_back() -> None:
    throttle = Throttle(Clock(), interval_s=3.0, counted_from="start", depth=0)
    with throttle.turn(patience_s=60):
        pass
    with pytest.raises(Throttled) as refusal, throttle.turn(patience_s=60):
        pass
    assert refusal.value.retry_after_s == 3
    assert throttle.pace.violations == 1


def test_by_how_much_the_earliest_call_came_too_early_is_told() -> None:
    throttle = Throttle(Clock(scale=100), interval_s=30.0, counted_from="start", depth=5)
    for _ in range(2):
        with throttle.turn(patience_s=60):
            pass

    # Not the whole interval: the clock goes on between two calls.
    assert 0 < throttle.pace.early_by_s <= 30
    assert throttle.pace.early == 1


def test_a_call_that_waits_past_its_limit_is_given_up() -> None:
    throttle = Throttle(Clock(scale=1000), interval_s=300.0, counted_from="start", depth=5)
    with throttle.turn(patience_s=60):
        pass
    with pytest.raises(WaitedTooLong), throttle.turn(patience_s=60):
        pass


def test_a_refused_call_carries_retry_after(start: Callable[..., Running]) -> None:
    practice = start(interval_s=5.0, queue_depth=0)
    assert practice.api.get("providers").status_code == 200
    answer = practice.api.get("providers")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
    told = practice.control.get("/pace").json()
    assert (told["arrivals"], told["violations"], told["refusals"]) == (2, 1, 1)
    practice.clock.advance(5)
    assert practice.api.get("providers").status_code == 200


def test_only_remote_mode_is_throttled(start: Callable[..., Running]) -> None:
    practice = start(mode="Service", interval_s=3600.0, queue_depth=0)
    assert [practice.api.get("providers").status_code for _ in range(3)] == [200] * 3


def test_the_interval_follows_permissions_and_tier(start: Callable[..., Running]) -> None:
    practice = start(interval_s=None)
    assert practice.practice.interval_s == 1.0
    practice.control.put("/settings", json={"tier": "enterprise"}).raise_for_status()
    assert practice.practice.interval_s == 0.5
    practice.control.put("/settings", json={"tier": "standard", "permissions": ["ReadAll"]}).raise_for_status()
    assert practice.practice.interval_s == 5.0


def test_work_past_the_request_limit_is_a_504_and_is_done(start: Callable[..., Running]) -> None:
    practice = start()
    practice.control.post("/faults", json={"kind": "slow", "seconds": 61}).raise_for_status()
    assert practice.api.post("patients", json={"LName": "Sample", "FName": "Ann"}).status_code == 504
    assert practice.store.count("patient") == 1


def test_many_callers_at_once_each_get_their_own_row(start: Callable[..., Running]) -> None:
    practice = start(mode="Service")
    made: list[int] = []

    def call() -> None:
        with httpx.Client(base_url=practice.api.base_url, headers=practice.api.headers, timeout=30) as client:
            for _ in range(5):
                made.append(client.post("patients", json={"LName": "Sample", "FName": "Ann"}).json()["PatNum"])

    run_together(8, call)
    assert sorted(made) == list(range(1, 41))
