"""The zone that an office's server goes by, as the server says it: whether a clock that differs is wrong or elsewhere.

A wall clock that is six hours from UTC may stand in Chicago, or in London and be wrong. From 22.2.14 on Open Dental
writes times in whatever form is asked for, the server's own offset included, so that the look at the clock which is
due anyhow tells both, once a day and after the clock has moved. It is told to people, and decides nothing.

Source: https://www.opendental.com/site/apispecification.html, "DateTimeFormatString".
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from gateway.core.mirror import clocks
from gateway.core.mirror.session import Session
from gateway.core.mirror.syncing import ServerZone
from open_dental.versions import Version

FORMAT: Final = "yyyy-MM-dd HH:mm:sszzz"
SINCE: Final = Version.parse("22.2.14")
EVERY: Final = timedelta(days=1)


def asked(m: Session) -> dict[str, str]:
    """What is sent with a look at the clock to have it tell its zone; nothing where that is not due, or not known."""
    version, zone = m.practice.version, m.state.zone
    if version is None or not Version.parse(version).has(SINCE):
        return {}
    is_known = zone is not None and m.now() - zone.measured_at < EVERY and not _has_moved(m, zone)
    return {} if is_known else {"DateTimeFormatString": FORMAT}


def heard(clock: str, at: datetime) -> ServerZone:
    """The zone by a clock that was shown in `FORMAT` to a call that was sent `at`; one that shows none has none."""
    shown, offset_s = datetime.fromisoformat(clock.strip()), clocks.offset_of(clock, at)
    zone = shown.utcoffset()
    if zone is None or offset_s is None:
        return ServerZone(None, None, at)
    return ServerZone(round(zone.total_seconds()), round(offset_s - zone.total_seconds()), at)


def put_off(m: Session) -> None:
    """Ask no more today: the look itself must not fail for want of its form."""
    m.save_practice(zone=ServerZone(None, None, m.now()))


def without(clock: str | None) -> str | None:
    """The clock as it is without its zone."""
    wall = clocks.read_clock(clock)
    return clock if wall is None else clocks.write_clock(wall)


def _has_moved(m: Session, zone: ServerZone) -> bool:
    """Whether the clock is not where it was when the zone was told."""
    if zone.offset_s is None or zone.skew_s is None or m.state.server_offset_s is None:
        return False
    return abs(m.state.server_offset_s - zone.offset_s - zone.skew_s) > clocks.WENT_BACK_S
