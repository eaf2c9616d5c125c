"""When what is read: rules alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.mirror import schedule
from gateway.core.mirror.memory import REMEMBERED_S
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.syncing import Pass, Phase, PracticeSync, ResourceSync, Wanted

CHICAGO = ZoneInfo("America/Chicago")
TUESDAY_TEN = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
SUNDAY = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
LOADED = ResourceSync("appointments", phase=Phase.LOADED, as_of=TUESDAY_TEN, sweep_due_at=TUESDAY_TEN)

INTERVALS = (0.0, 0.5, 1.0, 5.0)


def share_of_polls(interval_s: float, now: datetime, moved: datetime | None) -> float:
    """The share of a key's slots that all polls together take, a page each."""
    states = (replace(LOADED, resource=name, moved_at=moved) for name in MIRRORED)
    periods = (
        schedule.poll_period(MIRRORED[of.resource], of, now, zone=CHICAGO, interval_s=interval_s).total_seconds()
        for of in states
        if schedule.is_fed(MIRRORED[of.resource])
    )
    return sum(interval_s / period for period in periods)


@pytest.mark.parametrize("interval_s", INTERVALS)
def test_polls_leave_more_than_half_of_a_keys_slots_to_people(interval_s: float) -> None:
    assert share_of_polls(interval_s, TUESDAY_TEN, TUESDAY_TEN) <= 0.5
    assert share_of_polls(interval_s, SUNDAY, None) <= 0.2


@pytest.mark.parametrize(("interval_s", "cycle_s"), [(0.0, 20), (0.5, 20), (1.0, 20), (5.0, 60)])
def test_what_people_work_in_is_polled_in_every_cycle(interval_s: float, cycle_s: int) -> None:
    """20 s at one call a second and a minute at one in five: a change is here in 15 and 90 s."""
    for name in schedule.HOT:
        period = schedule.poll_period(MIRRORED[name], LOADED, TUESDAY_TEN, zone=CHICAGO, interval_s=interval_s)
        assert period == timedelta(seconds=cycle_s)


@pytest.mark.parametrize(("interval_s", "open_s", "closed_s"), [(1.0, 120, 240), (5.0, 240, 240)])
def test_what_machines_tell_of_is_polled_less_often_but_for_visits(
    interval_s: float, open_s: int, closed_s: int
) -> None:
    """Free times want visits of a minute ago; everything else is young enough for who says nothing of ages."""

    def period(name: str, now: datetime, *, is_told: bool) -> float:
        one = MIRRORED[name]
        return schedule.poll_period(
            one, LOADED, now, zone=CHICAGO, interval_s=interval_s, is_told=is_told
        ).total_seconds()

    for name in ("patients", "procedurelogs"):
        assert (period(name, TUESDAY_TEN, is_told=True), period(name, SUNDAY, is_told=True)) == (open_s, closed_s)
    for name in ("appointments", "claims", "inssubs"):
        assert period(name, TUESDAY_TEN, is_told=True) == period(name, TUESDAY_TEN, is_told=False)


def test_what_has_not_changed_for_long_is_asked_for_less_often() -> None:
    one = MIRRORED["inssubs"]
    periods = [
        schedule.poll_period(
            one, replace(LOADED, moved_at=moved), TUESDAY_TEN, zone=CHICAGO, interval_s=1.0
        ).total_seconds()
        for moved in (TUESDAY_TEN, TUESDAY_TEN - timedelta(hours=2), TUESDAY_TEN - timedelta(days=2), None)
    ]

    assert periods == [120, 300, 900, 900]


@given(
    rows=st.integers(0, 200_000),
    began=st.datetimes(datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2027-01-01")),
)
def test_a_whole_reading_is_never_put_off_for_more_than_two_days_and_long_ones_are_at_night(
    rows: int, began: datetime
) -> None:
    start = began.replace(tzinfo=UTC)
    due = schedule.next_sweep(replace(LOADED, rows=rows), start, zone=CHICAGO, page_limit=100)

    assert start < due <= start + timedelta(hours=48)
    if rows > 99 * schedule.MIDDLE_PAGES:
        assert not schedule.is_open(due, CHICAGO)


def test_retries_grow_apart_up_to_an_hour() -> None:
    waits = [
        (schedule.retry_at(replace(LOADED, failures=count), TUESDAY_TEN) - TUESDAY_TEN).total_seconds()
        for count in (0, 1, 2, 20, 10_000)
    ]

    assert waits == [30, 60, 120, 3600, 3600]


def state(*several: ResourceSync, wanted: Wanted = Wanted.ON) -> PracticeSync:
    return PracticeSync("prac_a", wanted=wanted, resources={of.resource: of for of in several})


def test_the_past_is_loaded_after_what_is_to_come_of_everything_else_in_its_rank() -> None:
    running = Pass("load", "past", 0, TUESDAY_TEN)
    waiting = state(
        ResourceSync("claims"),
        ResourceSync("appointments", phase=Phase.LOADING, running=running),
        ResourceSync("schedules"),
        ResourceSync("recalls"),
        ResourceSync("definitions"),
    )

    assert schedule.loads_due(waiting, TUESDAY_TEN) == ["definitions", "schedules", "recalls", "appointments", "claims"]


def test_what_failed_lately_keeps_nothing_else_waiting() -> None:
    late = replace(ResourceSync("definitions"), not_before=TUESDAY_TEN + timedelta(minutes=1), failures=1)

    assert schedule.loads_due(state(late, ResourceSync("claims")), TUESDAY_TEN) == ["claims"]
    assert schedule.loads_next(state(late), TUESDAY_TEN) == TUESDAY_TEN + timedelta(minutes=1)


def test_a_mirror_that_is_off_is_due_only_while_something_is_left_to_erase() -> None:
    assert schedule.loads_next(state(LOADED, wanted=Wanted.OFF), TUESDAY_TEN) == TUESDAY_TEN
    assert schedule.loads_next(state(wanted=Wanted.OFF), TUESDAY_TEN) is None


def test_a_mirror_is_erased_once_no_process_takes_it_for_one_that_is_on() -> None:
    """A worker that read its state a moment before stores what a caller reads for ten more seconds."""
    off = replace(state(LOADED, wanted=Wanted.OFF), changed_at=TUESDAY_TEN)
    due = schedule.loads_next(off, TUESDAY_TEN)

    assert due is not None
    assert due > TUESDAY_TEN + timedelta(seconds=REMEMBERED_S)
    assert schedule.loads_next(off, due + timedelta(minutes=1)) == due + timedelta(minutes=1)


def test_nothing_that_is_due_within_the_turn_is_left_for_the_next_one() -> None:
    soon = replace(LOADED, due_at=TUESDAY_TEN + timedelta(seconds=2))

    assert schedule.feeds_due(state(soon), TUESDAY_TEN) == ["appointments"]
    assert schedule.feeds_due(state(replace(soon, due_at=TUESDAY_TEN + timedelta(seconds=9))), TUESDAY_TEN) == []
