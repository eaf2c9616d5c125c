"""The server's clock: texts without a zone, which go back in autumn, after repairs, and with another machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.mirror import clocks

CHICAGO = ZoneInfo("America/Chicago")
MOMENTS = st.datetimes(
    datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2027-12-31"), timezones=st.just(UTC)
)
ZONES = st.sampled_from(["America/Chicago", "America/Phoenix", "UTC", "America/St_Johns", "Pacific/Auckland"])


def shown(at: datetime, zone: ZoneInfo, skew: timedelta) -> datetime:
    """What the clock of a server in `zone`, off by `skew`, shows."""
    return (at + skew).astimezone(zone).replace(tzinfo=None, microsecond=0, fold=0)


@given(
    measured=MOMENTS,
    later=st.timedeltas(timedelta(0), timedelta(days=5)),
    server=ZONES,
    practice=ZONES,
    skew=st.timedeltas(timedelta(hours=-2), timedelta(hours=2)),
)
def test_our_clock_never_stands_in_for_the_servers_at_a_later_time_than_it_shows(
    measured: datetime, later: timedelta, server: str, practice: str, skew: timedelta
) -> None:
    """A cursor from a clock that runs ahead of the server's loses the edits in between, for ever."""
    if server not in {practice, "UTC", "America/Phoenix"}:
        server = practice  # An office's server goes by its own zone, or by one that never changes.
    offset_s = clocks.offset_of(clocks.write_clock(shown(measured, ZoneInfo(server), skew)), measured)
    at = measured + later

    wall = clocks.server_wall(at, ZoneInfo(practice), offset_s=offset_s, measured_at=measured)

    assert wall <= shown(at, ZoneInfo(server), skew) + timedelta(seconds=1)


@given(at=MOMENTS, edit=st.timedeltas(timedelta(seconds=-60), timedelta(hours=4)), zone=ZONES)
def test_an_edit_after_the_cursor_is_within_its_filter_on_every_day_of_the_year(
    at: datetime, edit: timedelta, zone: str
) -> None:
    """In autumn an edit of the second 01:30 has a stamp below a cursor of the first 01:50."""
    there = ZoneInfo(zone)
    cursor = clocks.write_clock(shown(at, there, timedelta()))
    stamp = clocks.write_clock(shown(at + edit, there, timedelta()))

    assert stamp >= clocks.since(cursor, there)


def test_a_filter_reaches_back_by_minutes_on_a_plain_day() -> None:
    assert clocks.since("2026-07-08 10:00:00", CHICAGO) == "2026-07-08 09:55:00"
    assert clocks.since("2026-11-01 01:30:00", CHICAGO) == "2026-10-31 23:25:00"


def test_no_cursor_asks_for_everything() -> None:
    assert clocks.since("", CHICAGO) == "1880-01-01 00:00:00"
    assert clocks.since("0001-01-01 00:00:00", CHICAGO) == "1880-01-01 00:00:00"


def test_a_day_of_entry_is_asked_from_the_day_before() -> None:
    """Entries have the day of the machine that made them."""
    assert clocks.entry("2026-11-24 00:02:00", "DateEntry") == "2026-11-23"
    assert clocks.entry("2026-11-24 00:02:00", "DateTimeOriginal") == "2026-11-24 00:02:00"


@pytest.mark.parametrize(
    ("clock", "is_behind"),
    [
        ("2026-11-24 10:00:05", False),
        ("2026-11-24 09:00:00", False),  # the clocks were changed
        ("2026-11-24 06:00:00", True),
        ("2026-11-20 10:00:00", True),
        ("0001-01-01 00:00:00", False),
        (None, False),
    ],
)
def test_only_a_clock_that_is_hours_behind_is_another_one(clock: str | None, is_behind: bool) -> None:
    assert clocks.is_far_behind(clock, "2026-11-24 10:00:00") is is_behind
