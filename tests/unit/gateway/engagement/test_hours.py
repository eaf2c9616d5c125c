"""When a message may go out, held to a look at each minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.engagement.hours import MINUTE, is_allowed, last_allowed, next_allowed, send_at, shifted
from gateway.core.engagement.rules import Offset, Quiet, Window
from gateway.core.walltime import to_wall

ZONES = ("America/Chicago", "America/Phoenix", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns")
zones = st.sampled_from(ZONES).map(ZoneInfo)
# Around the changes of the clocks of 2026 in these zones, and plain days.
instants = st.builds(
    lambda start, minutes: datetime.fromisoformat(start).replace(tzinfo=UTC) + minutes * MINUTE,
    st.sampled_from(["2026-03-07", "2026-03-28", "2026-04-04", "2026-10-03", "2026-10-24", "2026-10-31", "2026-07-01"]),
    st.integers(0, 3 * 1440),
)
minutes = st.integers(0, 1439)
windows = st.builds(
    lambda days, one, other: Window(days, min(one, other), max(one, other) + 1),
    st.frozensets(st.integers(0, 6), min_size=1),
    minutes,
    minutes,
)
quiets = st.builds(Quiet, minutes, minutes)
SPAN = timedelta(days=3)


@settings(max_examples=60, deadline=None)
@given(first=instants, zone=zones, window=windows, quiet=quiets)
def test_the_next_allowed_minute_is_the_one_that_a_look_at_each_finds(
    first: datetime, zone: ZoneInfo, window: Window, quiet: Quiet
) -> None:
    each = (first + number * MINUTE for number in range(3 * 1440))
    by_hand = next((at for at in each if is_allowed(at, zone, window, quiet)), None)

    assert next_allowed(first, zone, window, quiet, before=first + SPAN) == by_hand


@settings(max_examples=60, deadline=None)
@given(last=instants, zone=zones, window=windows, quiet=quiets)
def test_the_last_allowed_minute_is_the_one_that_a_look_at_each_finds(
    last: datetime, zone: ZoneInfo, window: Window, quiet: Quiet
) -> None:
    each = (last - number * MINUTE for number in range(3 * 1440))
    by_hand = next((at for at in each if is_allowed(at, zone, window, quiet)), None)

    assert last_allowed(last, zone, window, quiet, not_before=last - SPAN + MINUTE) == by_hand


@settings(max_examples=150, deadline=None)
@given(
    ideal=instants,
    late_by=st.integers(-3000, 3000),
    good_for=st.integers(1, 4000),
    zone=zones,
    window=windows,
    quiet=quiets,
)
def test_a_message_goes_out_in_its_window_and_never_behind_its_visit_nor_in_the_past(
    ideal: datetime, late_by: int, good_for: int, zone: ZoneInfo, window: Window, quiet: Quiet
) -> None:
    now, expire_at = ideal + late_by * MINUTE, ideal + good_for * MINUTE
    at = send_at(ideal, now=now, expire_at=expire_at, zone=zone, window=window, quiet=quiet)

    if at is not None:
        assert is_allowed(at, zone, window, quiet)
        assert now <= at < expire_at
        assert at <= ideal or not any(is_allowed(one, zone, window, quiet) for one in _each(max(ideal, now), at))


def _each(first: datetime, end: datetime) -> list[datetime]:
    return [first + number * MINUTE for number in range(int((end - first) / MINUTE))]


@settings(deadline=None)
@given(at=instants, zone=zones, days=st.integers(1, 60))
def test_days_before_are_at_the_same_time_on_the_wall(at: datetime, zone: ZoneInfo, days: int) -> None:
    wall = to_wall(at, zone)
    before = to_wall(shifted(at, Offset(days=days), zone, back=True), zone)

    # A time that does not exist on that day is the one an hour (or less) later.
    assert timedelta(0) <= before - (wall - timedelta(days=days)) <= timedelta(hours=1)


@given(at=instants, zone=zones, count=st.integers(0, 3000))
def test_minutes_before_are_minutes_of_the_clock(at: datetime, zone: ZoneInfo, count: int) -> None:
    assert at - shifted(at, Offset(minutes=count), zone, back=True) == count * MINUTE
