"""A server that goes by another zone and a clock that is wrong look the same from outside, and are told apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.core.mirror import server_zone
from gateway.core.mirror.health import sync_view
from gateway.core.mirror.syncing import ServerZone
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from open_dental.errors import Invalid
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office

FEW = ("--patients", "6")
TUESDAY_TEN = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
HOUR = 3600


def at(office: MirroredOffice, moment: datetime) -> None:
    office.on.clock.start += moment - office.on.clock.now()


def clock_of(office: MirroredOffice) -> dict[str, Any]:
    practice, now = office.on.practices.get(office.id), office.on.clock.now()
    view = sync_view(office.on.syncs.load(office.id), practice, office.on.paces.view(office.id), now)
    shown: dict[str, Any] = view["clock"]
    return shown


@pytest.mark.parametrize(
    ("zone", "skew_s", "words"),
    [
        ("America/Chicago", 0, ()),
        ("UTC", 0, ("UTC+00:00", "America/Chicago")),
        ("America/Chicago", 420, ("420 seconds ahead",)),
        ("America/Chicago", -600, ("600 seconds behind",)),
        # From outside this is a clock that is five hours and fifty minutes wrong.
        ("UTC", -600, ("UTC+00:00", "600 seconds behind")),
        ("Asia/Kolkata", 0, ("UTC+05:30",)),
    ],
)
def test_a_server_elsewhere_is_no_wrong_clock_and_a_wrong_clock_is_not_elsewhere(
    zone: str, skew_s: float, words: tuple[str, ...]
) -> None:
    with mirrored_office(*FEW, zone=zone) as office:
        at(office, TUESDAY_TEN)
        office.clock.skew_s = skew_s
        office.load()
        office.run(700)

        told = clock_of(office)
        assert told["server_utc_offset_seconds"] == {"UTC": 0, "Asia/Kolkata": 19_800}.get(zone, -6 * HOUR)
        assert told["skew_seconds"] == pytest.approx(skew_s, abs=2)
        assert told["agrees"] is not bool(words)
        assert all(word in told["explanation"] for word in words)
        assert office.differences() == {}


class Calls:
    """The looks at the clock that asked for its zone."""

    def __init__(self) -> None:
        self.seen: list[UpstreamCall] = []

    def __call__(self, call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
        if "DateTimeFormatString" in call.query:
            self.seen.append(call)
        return answer


@pytest.mark.parametrize("queries", [False, True])
def test_the_zone_is_asked_once_a_day_and_anew_when_the_clock_has_moved(queries: bool) -> None:
    asked = Calls()
    with mirrored_office(*FEW, queries=queries) as office, office.meddled(asked):
        at(office, TUESDAY_TEN)
        office.load()
        office.run(2 * HOUR)
        assert len(asked.seen) == 1
        assert all(call.query["Limit"] == 1 for call in asked.seen)

        office.clock.skew_s = 300
        office.run(1500)
        assert len(asked.seen) == 2
        assert clock_of(office)["skew_seconds"] == pytest.approx(300, abs=2)

        state = office.on.syncs.load(office.id)
        assert state.zone is not None
        yesterday = state.zone._replace(measured_at=state.zone.measured_at - timedelta(days=1))
        office.on.syncs.save_practice(replace(state, zone=yesterday))
        office.run(700)
        assert len(asked.seen) == 3


def test_a_change_of_the_clocks_is_no_error_of_the_servers() -> None:
    with mirrored_office(*FEW) as office:
        at(office, datetime(2026, 11, 1, 5, 0, tzinfo=UTC))
        office.load()
        office.run(700)
        assert clock_of(office)["server_utc_offset_seconds"] == -5 * HOUR
        office.run(3 * HOUR)

        told = clock_of(office)
        assert told["server_utc_offset_seconds"] == -6 * HOUR
        assert (told["agrees"], told["explanation"]) == (True, None)


@pytest.mark.parametrize("version", ["22.2.13.0", None])
def test_an_office_that_may_not_know_the_form_is_not_asked_for_it(version: str | None) -> None:
    asked = Calls()
    with mirrored_office(*FEW) as office, office.meddled(asked):
        at(office, TUESDAY_TEN)
        office.d.know(version=version)
        office.load()
        office.run(700)

        told = clock_of(office)
        assert asked.seen == []
        assert (told["server_utc_offset_seconds"], told["skew_seconds"], told["agrees"]) == (None, None, True)


def test_an_office_that_refuses_the_form_is_looked_at_without_it() -> None:
    """Or its restored backups would go unnoticed."""

    def refuse(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
        if "DateTimeFormatString" in call.query:
            raise Invalid(operation=call.operation, message="DateTimeFormatString is invalid.")
        return answer

    with mirrored_office(*FEW) as office, office.meddled(refuse):
        at(office, TUESDAY_TEN)
        office.load()
        office.run(1500)
        state = office.on.syncs.load(office.id)

        assert state.pulse_at is not None
        assert state.zone is not None
        assert state.zone.offset_s is None
        assert clock_of(office)["agrees"] is True


@pytest.mark.parametrize(
    ("clock", "heard"),
    [
        ("2026-03-02 12:00:07-06:00", ServerZone(-21_600, 7, datetime(2026, 3, 2, 18, tzinfo=UTC))),
        ("2026-03-02 23:28:00+05:30", ServerZone(19_800, -120, datetime(2026, 3, 2, 18, tzinfo=UTC))),
        ("2026-03-02 12:00:07", ServerZone(None, None, datetime(2026, 3, 2, 18, tzinfo=UTC))),
    ],
)
def test_a_clock_with_its_zone_says_both(clock: str, heard: ServerZone) -> None:
    assert server_zone.heard(clock, heard.measured_at) == heard
    assert server_zone.without(clock) == clock[:19]
    assert timedelta(days=1) == server_zone.EVERY
