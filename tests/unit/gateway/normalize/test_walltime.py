"""The office's clock, around the year."""

# ruff: noqa: DTZ001 - wall times have no zone; that is what this is about.

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.errors import Invalid
from gateway.core.walltime import changed_since, instant_text, read_wall, to_wall, write_wall, zone_clock

ZONES = ("America/New_York", "America/Phoenix", "Pacific/Honolulu", "Australia/Lord_Howe", "America/St_Johns", "UTC")
WALLS = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)).map(lambda wall: wall.replace(microsecond=0))
INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))


@given(wall=WALLS, zone=st.sampled_from(ZONES))
@example(wall=datetime(2026, 3, 8, 2, 30), zone="America/New_York")
@example(wall=datetime(2026, 11, 1, 1, 30), zone="America/New_York")
@example(wall=datetime(2026, 4, 5, 1, 45), zone="Australia/Lord_Howe")
def test_the_fast_way_and_the_long_way_agree(wall: datetime, zone: str) -> None:
    meaning = read_wall(wall, ZoneInfo(zone))
    span = zone_clock(zone).span(f"{wall:%Y-%m-%d %H:%M:%S}", 45)

    assert zone_clock(zone).instant(f"{wall:%Y-%m-%dT%H:%M:%S}") == instant_text(meaning.instant)
    assert span is not None
    start_at, end_at, local_start, local_end, ambiguous, nonexistent = span
    assert start_at == instant_text(meaning.instant)
    assert end_at == instant_text(meaning.instant + timedelta(minutes=45))
    assert local_start == wall.isoformat()
    assert local_end == to_wall(meaning.instant + timedelta(minutes=45), ZoneInfo(zone)).isoformat()
    assert (ambiguous, nonexistent) == (meaning.ambiguous, meaning.nonexistent)


@given(instant=INSTANTS, zone=st.sampled_from(ZONES))
def test_a_wall_time_leads_back_to_its_instant_or_says_that_it_occurs_twice(instant: datetime, zone: str) -> None:
    meaning = read_wall(to_wall(instant, ZoneInfo(zone)), ZoneInfo(zone))

    assert not meaning.nonexistent
    assert meaning.instant == instant or (meaning.ambiguous and meaning.instant < instant)


def test_a_time_that_does_not_exist_is_refused_on_write() -> None:
    with pytest.raises(Invalid) as refused:
        write_wall(datetime(2026, 3, 8, 2, 30), ZoneInfo("America/New_York"), param="start")
    assert refused.value.param == "start"
    assert "02:30" not in str(refused.value)


def test_a_time_that_occurs_twice_is_written_as_the_first() -> None:
    wall = datetime(2026, 11, 1, 1, 30)

    assert write_wall(wall, ZoneInfo("America/New_York"), param="start") == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


@given(
    since=st.datetimes(datetime(2026, 10, 31, 20), datetime(2026, 11, 1, 20), timezones=st.just(UTC)),
    later=st.integers(0, 36 * 3600),
    zone=st.sampled_from(ZONES),
)
@example(since=datetime(2026, 11, 1, 5, 55, tzinfo=UTC), later=600, zone="America/New_York")
def test_no_change_is_missed_even_when_the_clocks_go_back(since: datetime, later: int, zone: str) -> None:
    """An hour of stamps comes twice that night; a cursor that took them at their word would skip one."""
    stamp = to_wall(since + timedelta(seconds=later), ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")

    assert stamp >= changed_since(since, ZoneInfo(zone))


@pytest.mark.parametrize(
    "nothing", ["", "0001-01-01 00:00:00", None, "soon", "2026-13-01 00:00:00", "2026-01-01 25:00:00"]
)
def test_what_is_no_time_is_null(nothing: str | None) -> None:
    assert zone_clock("America/New_York").instant(nothing) is None
