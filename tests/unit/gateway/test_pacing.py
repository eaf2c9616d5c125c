"""The pace of a practice: properties of the pure rules, and a day of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.core import pacing
from gateway.core.pacing import Answer, Breaker, Call, Minute, PaceItem, Trip, Wait
from gateway.core.practices import Mode, Tier
from tests.fakes import ELM_STREET

KEY = "key"
T0 = 1_800_000_000.0
TOLERANCE_S = 0.010


def seated(**changes: object) -> PaceItem:
    return replace(PaceItem("prac_a", holder="one", busy_until=T0 + 1e9), **changes)  # type: ignore[arg-type]


@dataclass
class Office:
    """The vendor's throttle in both readings: what comes too early is held back, or refused where nothing may wait."""

    interval_s: float
    reading: str
    queue_depth: int = 10
    last_start: float = -1e18
    last_end: float = -1e18
    too_early: int = 0
    refused: int = 0

    def call(self, at: float, execution_s: float) -> tuple[float, bool]:
        """When the answer is there, and whether it was a 429."""
        if self.reading == "start":
            self.too_early += at < self.last_start + self.interval_s - TOLERANCE_S
            free = self.last_start + self.interval_s
        else:
            free = self.last_end + self.interval_s
        begins = at
        if at < free - TOLERANCE_S:
            if self.queue_depth < 1:
                self.refused += 1
                return at + 0.05, True
            begins = free
        self.last_start = at
        self.last_end = begins + execution_s
        return self.last_end, False


def drive(
    office: Office, *, floor_s: float, seconds: float, execution: Callable[[], float], jitter: Callable[[], float]
) -> tuple[int, float, PaceItem]:
    """Call without a pause for so many seconds; returns the calls done, the time the reading allows them, the item."""
    item, now, done, busy = seated(), T0, 0, 0.0
    while now < T0 + seconds:
        item, slot = pacing.reserve(item, KEY, holder="one", floor_s=floor_s, now=now)
        sent = max(now, slot)
        execution_s = execution()
        ended, throttled = office.call(sent + jitter(), execution_s)
        retry = office.interval_s if throttled else 0.0
        item = pacing.finished(item, KEY, Call(sent, ended, throttled, retry), floor_s=floor_s)
        now = ended
        done += not throttled
        busy += max(office.interval_s, execution_s) if office.reading == "start" else office.interval_s + execution_s
    return done, busy, item


@given(
    waits=st.lists(st.floats(0, 20), min_size=2, max_size=30),
    takes=st.lists(st.floats(0.01, 30), min_size=30, max_size=30),
    interval=st.sampled_from([0.0, 0.5, 1.0, 5.0]),
    throttles=st.sets(st.integers(0, 30), max_size=6),
)
def test_calls_start_an_interval_apart_and_never_overlap(
    waits: list[float], takes: list[float], interval: float, throttles: set[int]
) -> None:
    item, now = seated(), T0
    last_start, last_end = -1e18, -1e18
    for number, (wait, take) in enumerate(zip(waits, takes, strict=False)):
        now += wait
        item, slot = pacing.reserve(item, KEY, holder="one", floor_s=interval, now=now)
        assert slot >= now
        assert slot >= last_end - 1e-6
        assert slot >= last_start + interval - 1e-6
        last_start, last_end = slot, slot + take
        throttled = number in throttles
        call = Call(last_start, last_end, throttled, 3.0 if throttled else 0.0)
        item = pacing.finished(item, KEY, call, floor_s=interval)
        pace = item.keys[KEY]
        assert pace.interval_s >= interval
        if throttled:
            assert pace.next_free_at >= last_end + 3.0
        now = last_end


@given(now=st.floats(0, 100), crash_after=st.floats(0, 5))
def test_a_worker_that_dies_in_its_call_blocks_the_practice_for_less_than_90_seconds(
    now: float, crash_after: float
) -> None:
    item = pacing.take_lease(PaceItem("prac_a"), "one", T0 + now)
    item, slot = pacing.reserve(item, KEY, holder="one", floor_s=1.0, now=T0 + now)

    with pytest.raises(pacing.Busy) as busy:
        pacing.take_lease(item, "two", slot + crash_after)
    assert busy.value.seconds <= 90
    assert pacing.take_lease(item, "two", slot + 90).holder == "two"


@given(
    skew=st.floats(-pacing.CLOCK_SKEW_S, pacing.CLOCK_SKEW_S),
    stood_still=st.floats(0, 20),
    takes=st.floats(0, pacing.CALL_LIMIT_S),
    dies=st.booleans(),
)
@example(skew=5.0, stood_still=14.9, takes=74.0, dies=True)
@example(skew=5.0, stood_still=9.9, takes=74.0, dies=True)
def test_calls_of_workers_whose_clocks_differ_never_overlap(
    skew: float, stood_still: float, takes: float, *, dies: bool
) -> None:
    """True time is the first worker's; the second one's clock is `skew` ahead of it."""
    item = pacing.take_lease(PaceItem("prac_a"), "one", T0)
    item, slot = pacing.reserve(item, KEY, holder="one", floor_s=1.0, now=T0)
    sent = slot + stood_still
    if not pacing.may_still_send(slot, sent):
        return
    ended = sent + takes
    if not dies:
        item = pacing.release(pacing.finished(item, KEY, Call(sent, ended), floor_s=1.0), "one")
    entered = (ended if not dies else item.busy_until - skew) + 1e-6
    item = pacing.take_lease(item, "two", entered + skew)
    _, second = pacing.reserve(item, KEY, holder="two", floor_s=1.0, now=entered + skew)

    # The second worker waits for its slot by its own clock.
    begins = max(entered, second - skew)
    assert begins >= ended
    assert begins >= sent + 1.0 - max(0.0, skew)


@pytest.mark.parametrize("reading", ["start", "end"])
@pytest.mark.parametrize("interval", [0.5, 1.0, 5.0])
@pytest.mark.parametrize("longest", [0.4, 1.5, 8.0])
def test_a_simulated_day_violates_nothing_and_wastes_under_two_percent(
    reading: str, interval: float, longest: float
) -> None:
    chance = random.Random(7)
    office = Office(interval, reading)
    done, permitted_s, _ = drive(
        office,
        floor_s=interval,
        seconds=86_400 if interval > 1 else 8_640,
        execution=lambda: chance.uniform(0.05, longest),
        jitter=lambda: chance.uniform(0.0, 0.008),
    )

    assert office.too_early == 0
    assert office.refused == 0
    took = (86_400 if interval > 1 else 8_640) + 10
    assert done > 100
    assert permitted_s / took >= 0.98


def test_where_an_early_call_is_refused_the_first_429_is_nearly_the_last() -> None:
    chance = random.Random(7)
    office = Office(1.0, "end", queue_depth=0)
    done, permitted_s, item = drive(
        office,
        floor_s=1.0,
        seconds=3600,
        execution=lambda: chance.uniform(0.1, 0.8),
        jitter=lambda: chance.uniform(0.0, 0.005),
    )

    # One when it is learned, one each time the tighter reading is tried again.
    assert office.refused <= 1 + done // pacing.TIGHTEN_AFTER
    assert permitted_s / 3600 >= 0.90
    assert item.keys[KEY].interval_s >= 1.0


@settings(deadline=None)
@given(refusals=st.integers(1, 20), floor=st.sampled_from([0.0, 0.5, 1.0, 5.0]))
def test_a_widened_interval_narrows_step_by_step_back_to_its_floor(refusals: int, floor: float) -> None:
    item, now = seated(), T0
    for _ in range(refusals):
        item = pacing.finished(item, KEY, Call(now, now + 0.2, throttled=True, retry_after_s=2), floor_s=floor)
        now += 3
    widest = item.keys[KEY].interval_s
    assert floor < widest <= pacing.WIDEST_FACTOR * max(floor, 0.5)

    seen = []
    for _ in range(1000):
        item = pacing.finished(item, KEY, Call(now, now + 0.2), floor_s=floor)
        seen.append(item.keys[KEY].interval_s)
        now += widest
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == floor
    assert not item.keys[KEY].after_end


def test_another_tier_acts_on_the_next_slot() -> None:
    item, _ = pacing.reserve(seated(), KEY, holder="one", floor_s=0.5, now=T0)

    assert pacing.key_pace(item, KEY, 5.0).interval_s == 5.0


def test_only_remote_practices_are_paced() -> None:
    assert pacing.floor_of(ELM_STREET) == 1.0
    assert pacing.floor_of(replace(ELM_STREET, tier=Tier.READ_ONLY)) == 5.0
    assert pacing.floor_of(replace(ELM_STREET, mode=Mode.SERVICE)) == 0.0


def test_a_slot_that_was_given_back_is_free_again() -> None:
    item, first = pacing.reserve(seated(), KEY, holder="one", floor_s=5.0, now=T0)
    item = pacing.give_back(item, KEY, first)

    assert pacing.reserve(item, KEY, holder="one", floor_s=5.0, now=T0)[1] == first


def test_nobody_reserves_without_the_lease_or_against_the_kill_switch() -> None:
    with pytest.raises(pacing.LeaseLost):
        pacing.reserve(seated(), KEY, holder="two", floor_s=1.0, now=T0)
    with pytest.raises(pacing.Killed):
        pacing.reserve(seated(killed=True), KEY, holder="one", floor_s=1.0, now=T0)


@pytest.mark.parametrize(
    ("wait", "interval", "where"),
    [
        (1.0, 1.0, Wait.HERE),
        (5.0, 5.0, Wait.HERE),
        (5.0, 1.0, Wait.QUEUE),
        (900, 5.0, Wait.QUEUE),
        (901, 5.0, Wait.PARKED),
    ],
)
def test_where_a_turn_waits_depends_on_how_long(wait: float, interval: float, where: Wait) -> None:
    assert pacing.where_to_wait(wait, interval) is where


# -- breakers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "trip", "probes_an_hour"),
    [(Answer.OFFLINE, Trip.OFFLINE, 60), (Answer.KEY_REFUSED, Trip.KEY_REFUSED, 1)],
)
def test_a_closed_practice_is_probed_in_its_rhythm(answer: Answer, trip: Trip, probes_an_hour: int) -> None:
    item = pacing.heard(PaceItem("prac_a"), answer, T0)
    assert item.breaker.trip is trip

    probes = 0
    for second in range(1, 3601):
        try:
            item = pacing.admit(item, T0 + second)
        except pacing.Closed:
            continue
        probes += 1
    assert probes == probes_an_hour


def test_one_good_answer_opens_the_way_again() -> None:
    item = pacing.heard(PaceItem("prac_a"), Answer.OFFLINE, T0)

    assert pacing.heard(item, Answer.FINE, T0 + 60).breaker == Breaker()


def test_five_odd_answers_in_a_row_close_it_with_growing_pauses_up_to_15_minutes() -> None:
    item = PaceItem("prac_a")
    for _ in range(4):
        item = pacing.heard(item, Answer.ODD, T0)
    assert item.breaker.trip is None

    pauses = []
    for _ in range(10):
        item = pacing.heard(item, Answer.ODD, T0)
        pauses.append(item.breaker.probe_at - T0)
    assert item.breaker.trip is Trip.FAILING
    assert pauses[:3] == [30, 60, 120]
    assert pauses[-1] == 900


def test_a_good_answer_between_odd_ones_starts_the_count_again() -> None:
    item = PaceItem("prac_a")
    for answer in [Answer.ODD] * 4 + [Answer.FINE] + [Answer.ODD] * 4:
        item = pacing.heard(item, answer, T0)

    assert item.breaker.trip is None


@pytest.mark.parametrize(
    ("calls", "refused", "brakes"),
    [(100, 5, False), (100, 6, True), (5000, 50, False), (5000, 51, True), (3, 1, False)],
)
def test_the_governor_brakes_above_five_percent_or_fifty(calls: int, refused: int, *, brakes: bool) -> None:
    assert Minute(calls, refused).too_many_refused is brakes


@pytest.mark.parametrize("at", [120.0, 125.0, 145.0, 179.0])
def test_the_governor_judges_one_minute_and_not_two(at: float) -> None:
    """Thirty refused calls a minute are under its limit however long they go on; a minute over it brakes the next."""
    steady = pacing.last_minute(Minute(5000, 30), Minute(round(5000 * (at % 60) / 60), round(at % 60 / 2)), at)
    over = pacing.last_minute(Minute(5000, 55), Minute(), at)
    straddling = pacing.last_minute(Minute(5000, 40), Minute(500, 20), 126.0)

    assert (steady.too_many_refused, over.too_many_refused, straddling.too_many_refused) == (False, True, True)


# -- background lane ------------------------------------------------------------------------------------------------


def test_a_lost_background_turn_gives_its_lane_back() -> None:
    item = pacing.work_due(PaceItem("prac_a"), T0)
    offered = pacing.offer_lane(item, T0)
    assert offered is not None

    assert pacing.offer_lane(offered[0], T0 + 60) is None
    assert pacing.offer_lane(offered[0], T0 + pacing.BACKGROUND_QUEUED_S) is not None


def test_a_turn_is_offered_in_the_second_it_is_due() -> None:
    item = pacing.work_due(PaceItem("prac_a"), T0 + 42)
    offered = pacing.offer_lane(item, T0)

    assert offered is not None
    assert offered[1] == 42
    assert pacing.offer_lane(pacing.work_due(PaceItem("prac_a"), T0 + 61), T0) is None


def test_practices_that_are_overdue_together_are_called_in_different_seconds() -> None:
    """After an hour of work every practice has been overdue once when the lane looked."""
    late = [PaceItem(f"prac_{number}", next_due_at=T0 - 1, rhythm_s=20.0) for number in range(400)]

    delays = [offered[1] for item in late if (offered := pacing.offer_lane(item, T0)) is not None]

    assert len(delays) == 400
    assert all(sum(start <= delay < start + 5 for delay in delays) > 70 for start in (0, 5, 10, 15))


@given(
    now=st.floats(T0, T0 + 3600),
    due=st.floats(-300, 60),
    rhythm=st.sampled_from([5.0, 18.0, 20.0, 60.0]),
    name=st.text(max_size=8),
)
def test_a_rhythm_keeps_its_seconds_and_no_work_waits_longer_than_one(
    now: float, due: float, rhythm: float, name: str
) -> None:
    offered = pacing.offer_lane(PaceItem(name, next_due_at=now + due, rhythm_s=rhythm), now)
    first = pacing.offer_lane(PaceItem(name, next_due_at=T0, rhythm_s=rhythm), T0)

    assert first is not None
    if offered is None:
        assert due > 60 - rhythm  # in its own second of the minute to come
        return
    apart = (now + offered[1] - T0 - first[1]) % rhythm
    assert min(apart, rhythm - apart) < 1e-3
    assert max(0.0, due - pacing.IN_STEP_S) - 1e-3 <= offered[1] <= max(0.0, due) + rhythm


@given(served=st.lists(st.integers(1, 4), min_size=30, max_size=30))
def test_background_turns_do_not_pile_up_where_workers_are_few(served: list[int]) -> None:
    """What came faster than it was worked off would be in the way of every caller of the deployment, for ever."""
    item, queued = replace(pacing.work_due(PaceItem("prac_a"), T0), rhythm_s=20.0), 0
    for minute, turns in enumerate(served):
        now = T0 + 60 * minute
        offered = pacing.offer_lane(item, now)
        if offered is not None:
            item, delay = offered
            queued += len(pacing.ticks_of(item, delay))
        for _ in range(min(turns, queued)):
            item = pacing.close_lane(pacing.begin_lane(item), now + 20, rhythm_s=20.0)
            queued -= 1

        assert queued <= 3 + pacing.QUEUED_BEFORE_MORE


def test_turns_of_the_next_minute_are_offered_while_the_last_one_of_this_minute_waits() -> None:
    """A turn that is a second late must not cost the practice a minute."""
    item = PaceItem("prac_a", next_due_at=T0, rhythm_s=20.0)
    offered = pacing.offer_lane(item, T0)
    assert offered is not None
    item = offered[0]
    assert item.lane_turns == 3

    item = pacing.begin_lane(item)
    assert pacing.offer_lane(item, T0 + 60) is None
    item = pacing.begin_lane(item)
    again = pacing.offer_lane(item, T0 + 60)

    assert again is not None
    assert again[0].lane_turns == 4


def test_turns_that_never_came_are_forgotten_when_their_lane_is_given_back() -> None:
    item = PaceItem("prac_a", next_due_at=T0, rhythm_s=20.0)
    offered = pacing.offer_lane(item, T0)
    assert offered is not None
    again = pacing.offer_lane(offered[0], T0 + 60 + pacing.BACKGROUND_QUEUED_S)

    assert again is not None
    assert again[0].lane_turns == 3


def test_a_closed_practice_gets_background_turns_for_probes_only() -> None:
    item = pacing.work_due(pacing.heard(PaceItem("prac_a"), Answer.KEY_REFUSED, T0), T0)

    assert item.due_at == T0 + pacing.KEY_PROBE_S


@given(waiting=st.integers(0, 5), parked=st.integers(0, 5))
def test_background_work_gives_way_to_those_who_wait_and_not_to_the_parked(waiting: int, parked: int) -> None:
    item = PaceItem("prac_a", waiting=waiting, parked=parked)

    assert pacing.must_give_way(item) is (waiting > parked)


@given(st.lists(st.sampled_from(["old", "new"]), min_size=2, max_size=12))
def test_two_keys_of_a_practice_have_a_pace_each_and_one_lease(order: list[str]) -> None:
    """While one is exchanged for the other: no two calls overlap, whichever key they are made with."""
    item = pacing.take_lease(pacing.PaceItem("prac_a"), "one", T0)
    now, slots, last_end = T0, dict[str, float](), T0
    for key in order:
        with pytest.raises(pacing.LeaseLost):
            pacing.reserve(item, key, holder="another", floor_s=1.0, now=now)
        item, slot = pacing.reserve(item, key, holder="one", floor_s=1.0, now=now)
        assert slot >= last_end
        assert slot >= slots.get(key, 0.0) + 1.0
        slots[key], last_end = slot, slot + 0.1
        item, now = pacing.finished(item, key, pacing.Call(slot, last_end), floor_s=1.0), last_end

    for key, slot in slots.items():
        assert item.keys[key].used_at == slot
    assert set(pacing.without_key(item, "old").keys) == set(slots) - {"old"}
