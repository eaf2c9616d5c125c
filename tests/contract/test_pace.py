"""What the pace items promise, whoever keeps them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from gateway.core import pacing
from gateway.core.errors import QueueFull
from gateway.core.pacing import PaceItem
from gateway.core.practices import WayName

NOW = datetime.now(UTC)
AT = NOW.timestamp()
PRACTICE = "prac_a"


def enter(item: PaceItem, holder: str) -> tuple[PaceItem, None]:
    return pacing.take_lease(item, holder, AT), None


def test_of_eight_threads_one_gets_the_lease(pace: Any) -> None:
    def work(number: int) -> bool:
        try:
            pace.update(PRACTICE, lambda item: enter(item, f"worker-{number}"))
        except pacing.Busy:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 1


def test_eight_threads_reserve_slots_an_interval_apart(pace: Any) -> None:
    pace.update(PRACTICE, lambda item: enter(item, "one"))

    def work(_: int) -> list[float]:
        return [
            pace.update(PRACTICE, lambda item: pacing.reserve(item, "key", holder="one", floor_s=0.5, now=AT))
            for _ in range(4)
        ]

    with ThreadPoolExecutor(8) as pool:
        slots = sorted(slot for some in pool.map(work, range(8)) for slot in some)
    assert len(slots) == 32
    # A float of epoch seconds is good to a quarter of a microsecond.
    assert all(later - earlier >= 0.5 - 1e-6 for earlier, later in pairwise(slots))


def test_a_rule_that_raises_changes_nothing(pace: Any) -> None:
    pace.update(PRACTICE, lambda item: enter(item, "one"))
    before = pace.load(PRACTICE)

    with pytest.raises(pacing.Busy):
        pace.update(PRACTICE, lambda item: enter(item, "two"))
    assert pace.load(PRACTICE) == before


def test_what_a_rule_made_is_what_is_loaded(pace: Any) -> None:
    def rule(item: PaceItem) -> tuple[PaceItem, None]:
        item = pacing.take_lease(item, "one", AT)
        item, slot = pacing.reserve(item, "key", holder="one", floor_s=1.0, now=AT)
        item = pacing.finished(item, "key", pacing.Call(slot, slot + 0.3, throttled=True), floor_s=1.0)
        item = replace(item, lane_until=AT + 300, lane_turns=3, rhythm_s=20.0)
        return pacing.work_due(pacing.heard(item, pacing.Answer.OFFLINE, AT), AT + 70), None

    pace.update(PRACTICE, rule)
    expected, _ = rule(PaceItem(PRACTICE))
    found = pace.load(PRACTICE)

    assert (found.keys, found.breaker, found.next_due_at) == (expected.keys, expected.breaker, expected.next_due_at)
    assert (found.holder, found.busy_until, found.turn_no) == (expected.holder, expected.busy_until, 1)
    assert (found.lane_until, found.lane_turns, found.rhythm_s) == (AT + 300, 3, 20.0)


def test_the_way_in_use_is_kept_told_and_tried_again(pace: Any) -> None:
    way = pacing.InUse(WayName.FALLBACK, "remote", since=AT, probe_at=AT + 60, answered=False, missed=1)
    pace.update(PRACTICE, lambda item: (replace(item, way=way), None))
    view = pace.view(PRACTICE)

    assert pace.load(PRACTICE).way == way
    assert (view.way, view.network, view.way_since) == (WayName.FALLBACK, "remote", datetime.fromtimestamp(AT, UTC))
    assert pace.due(NOW, within_s=59, limit=10) == []
    assert pace.due(NOW, within_s=61, limit=10) == [PRACTICE]


def test_two_hundred_turns_wait_and_no_more_however_many_come_at_once(pace: Any) -> None:
    pace.recount(PRACTICE, waiting=196, parked=0, was=pace.load(PRACTICE))

    def join(_: int) -> bool:
        try:
            pace.join(PRACTICE, interactive=True, now=NOW)
        except QueueFull:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(join, range(8))) == 4
    assert pace.load(PRACTICE).waiting == 200


def test_callers_who_join_do_not_disturb_the_holder(pace: Any) -> None:
    pace.update(PRACTICE, lambda item: enter(item, "one"))
    pace.join(PRACTICE, interactive=True, now=NOW)
    pace.update(PRACTICE, lambda item: (pacing.work_due(item, AT), None))

    item = pace.load(PRACTICE)
    assert (item.holder, item.waiting, item.ready) == ("one", 1, 1)
    assert item.interactive_at == pytest.approx(AT)


def test_counters_never_fall_below_nothing(pace: Any) -> None:
    pace.count(PRACTICE, waiting=-1, parked=-1)
    pace.count(PRACTICE, waiting=2)
    pace.count(PRACTICE, waiting=-5)

    item = pace.load(PRACTICE)
    assert (item.waiting, item.parked) == (0, 0)


def test_a_counter_that_moved_meanwhile_is_not_overwritten(pace: Any) -> None:
    seen = pace.load(PRACTICE)
    pace.recount(PRACTICE, waiting=5, parked=2, was=seen)
    pace.recount(PRACTICE, waiting=9, parked=9, was=seen)

    item = pace.load(PRACTICE)
    assert (item.waiting, item.parked) == (5, 2)


def test_practices_are_listed_when_their_background_work_is_due(pace: Any) -> None:
    for name, at in (("prac_now", AT - 5), ("prac_soon", AT + 30), ("prac_late", AT + 300)):
        pace.update(name, lambda item, at=at: (pacing.work_due(item, at), None))
    pace.update("prac_none", lambda item: enter(item, "one"))

    assert pace.due(NOW, within_s=60, limit=10) == ["prac_now", "prac_soon"]
    pace.update("prac_now", lambda item: (pacing.close_lane(item, None), None))
    assert pace.due(NOW, within_s=60, limit=10) == ["prac_soon"]


def test_each_practice_is_due_in_one_part_of_the_lane(pace: Any) -> None:
    """Each invocation of the lane asks for its own part: nobody's turn is forgotten, nobody is looked at twice."""
    names = {f"prac_{number}" for number in range(40)}
    for name in names:
        pace.update(name, lambda item: (pacing.work_due(item, AT), None))

    parts = [pace.due(NOW, within_s=60, limit=100, part=(number, 4)) for number in range(4)]

    assert sorted(name for part in parts for name in part) == sorted(names)
    assert all(len(part) >= 4 for part in parts)


def test_an_offered_lane_is_not_offered_twice(pace: Any) -> None:
    pace.update(PRACTICE, lambda item: (pacing.work_due(item, AT), None))

    def offer(_: int) -> bool:
        def rule(item: PaceItem) -> tuple[PaceItem, bool]:
            offered = pacing.offer_lane(item, AT)
            return (item, False) if offered is None else (offered[0], True)

        return bool(pace.update(PRACTICE, rule))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(offer, range(8))) == 1


def test_the_switch_keeps_who_turned_it_and_when_and_saying_it_again_changes_neither(pace: Any) -> None:
    assert pace.view(PRACTICE).switched_by is None
    pace.switch(PRACTICE, killed=False, by="cli_a", at=NOW)
    assert pace.view(PRACTICE).switched_at is None

    pace.switch(PRACTICE, killed=True, by="cli_a", at=NOW)
    pace.switch(PRACTICE, killed=True, by="cli_b", at=NOW + timedelta(minutes=1))
    view = pace.view(PRACTICE)
    assert (view.killed, view.switched_by, view.switched_at) == (True, "cli_a", NOW)

    pace.switch(PRACTICE, killed=False, by="cli_b", at=NOW + timedelta(minutes=2))
    view = pace.view(PRACTICE)
    assert (view.killed, view.switched_by, view.switched_at) == (False, "cli_b", NOW + timedelta(minutes=2))


def test_whoever_holds_the_lease_changes_nothing_of_the_switch(pace: Any) -> None:
    """A worker writes the item back that it read before an operator stopped all calls."""

    def rule(item: PaceItem) -> tuple[PaceItem, None]:
        if not item.killed:
            pace.switch(PRACTICE, killed=True, by="cli_a", at=NOW)
        return pacing.take_lease(replace(item, killed=False), "one", AT), None

    pace.update(PRACTICE, rule)

    assert pace.load(PRACTICE).killed
