"""How far a load is and when it will be done: from what is known, and nothing is guessed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.mirror import progress
from gateway.core.mirror.health import sync_view
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.passes import LAST_KEYS
from gateway.core.mirror.syncing import Pass, Phase, PracticeSync, ResourceSync, Wanted
from gateway.core.objects.sync import SyncView
from gateway.core.ports import PaceView
from gateway.core.practices import Practice, Tier
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office

NOW = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
PRACTICE = Practice("prac_aaaaaaaaaaaaaaaa", "Elm Street Dental", "America/Chicago", may_lack_baa=True)
IDLE = PaceView(interval_s=1.0, waiting=0, next_free_at=None, offline=False, key_refused=False, killed=False)


def loading(name: str, *, seen: int, edge: tuple[int, ...] = (), **more: Any) -> ResourceSync:
    running = Pass("load", "all", seen, NOW, edge=edge, seen=seen, pages=seen // 100)
    return ResourceSync(name, phase=Phase.LOADING, running=running, **more)


def state_of(*resources: ResourceSync, **more: Any) -> PracticeSync:
    every = {name: ResourceSync(name, phase=Phase.NOT_OFFERED) for name in MIRRORED}
    return PracticeSync(
        PRACTICE.id,
        **{"wanted": Wanted.ON, **more},
        resources=every | {one.resource: one for one in resources},
    )


def view(state: PracticeSync, pace: PaceView = IDLE) -> dict[str, Any]:
    shown = sync_view(state, PRACTICE, pace, NOW)
    SyncView.model_validate(shown, strict=True)
    return shown


def told(shown: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in shown["resources"] if one["resource"] == name)


PACED: dict[str, Any] = {"load_pages": 60, "load_ms": 60_000}
"""A page a second."""
PROCEDURES = loading("procedurelogs", seen=9_900, edge=(90_101,), highest=100_000, **PACED)
"""A tenth of the keys, each of which has a row."""


def test_a_list_that_begins_with_its_highest_key_says_how_much_is_left() -> None:
    shown = view(state_of(PROCEDURES))
    one = told(shown, "procedurelogs")

    assert one["progress"]["rows_expected"] == pytest.approx(100_000, rel=0.01)
    assert one["progress"]["percent"] == 9
    assert shown["pages_per_minute"] == 60.0
    # Nine hundred and ten pages of 99 new rows, one a second.
    assert shown["eta_seconds"] == pytest.approx(910, rel=0.02)
    assert one["fresh_at"] == shown["eta_at"] == shown["not_before"]
    assert shown["percent_of_rows"] == 9
    assert shown["of_unknown_size"] == []


def test_keys_with_gaps_count_for_as_many_rows_as_they_had_so_far() -> None:
    half_empty = loading("procedurelogs", seen=5_000, edge=(90_001,), highest=100_000, **PACED)

    assert told(view(state_of(half_empty)), "procedurelogs")["progress"]["rows_expected"] == pytest.approx(50_000, 0.01)


@given(highest=st.integers(1, 10**6), seen=st.integers(1, 10**5), last=st.integers(1, 10**6))
def test_no_estimate_is_less_than_what_is_here_nor_says_that_all_of_it_is(highest: int, seen: int, last: int) -> None:
    size = progress.size_of(loading("procedurelogs", seen=seen, edge=(last,), highest=highest))

    assert size is None or (size.rows >= size.done == seen and 0 <= size.percent <= 99)


def test_a_resource_that_nobody_knows_the_size_of_has_no_percent_and_no_time_is_said_behind_it() -> None:
    patients = loading("patients", seen=4_000, edge=(4_100,), highest=4_100)
    shown = view(state_of(patients, PROCEDURES))

    assert told(shown, "patients")["progress"]["percent"] is None
    assert told(shown, "patients")["fresh_at"] is None
    assert told(shown, "procedurelogs")["fresh_at"] is None, "patients come first"
    assert (shown["eta_at"], shown["eta_seconds"], shown["percent_of_rows"]) == (None, None, None)
    assert shown["of_unknown_size"] == ["patients"]
    assert shown["not_before"] is not None, "at least the procedures will take their time"


def test_what_a_query_counted_or_what_was_here_before_is_the_size() -> None:
    counted = loading("patients", seen=500, edge=(600,), highest=600, expected=2_000)
    again = loading("claims", seen=250, rows=1_000, **PACED)
    shown = view(state_of(counted, again))

    assert told(shown, "patients")["progress"] | {"started_at": None} == {
        "purpose": "load", "part": "all", "rows": 500, "pages": 5, "started_at": None, "percent": 25,
        "rows_expected": 2_000,
    }  # fmt: skip
    assert told(shown, "claims")["progress"]["percent"] == 25
    patients, claims = (datetime.fromisoformat(told(shown, one)["fresh_at"]) for one in ("patients", "claims"))
    assert patients - NOW == pytest.approx(timedelta(seconds=16), abs=timedelta(seconds=1))
    assert claims - patients == pytest.approx(timedelta(seconds=8), abs=timedelta(seconds=1))
    assert shown["percent_of_rows"] == 25


def test_a_second_reading_of_the_same_list_does_not_count_twice() -> None:
    again = loading("claims", seen=990, rows=1_000, **PACED)
    assert again.running is not None
    again = replace(again, running=replace(again.running, before=(7,), seen=100))

    assert told(view(state_of(again)), "claims")["progress"]["percent"] == 0


@pytest.mark.parametrize(
    ("wanted", "pace"),
    [
        (Wanted.PAUSED, IDLE),
        (Wanted.ON, replace(IDLE, trouble="offline")),
        (Wanted.ON, replace(IDLE, trouble="key-refused")),
        (Wanted.ON, replace(IDLE, killed=True)),
    ],
)
def test_no_time_is_said_while_nothing_can_be_read(wanted: Wanted, pace: PaceView) -> None:
    shown = view(state_of(PROCEDURES, wanted=wanted), pace)

    assert (shown["eta_at"], shown["not_before"]) == (None, None)
    assert told(shown, "procedurelogs")["progress"]["percent"] == 9, "how far it is, it is all the same"


def test_no_pace_is_said_before_some_pages_have_come() -> None:
    shown = view(state_of(replace(PROCEDURES, load_pages=4, load_ms=4_000)))

    assert (shown["pages_per_minute"], shown["eta_at"]) == (None, None)


def test_a_night_without_work_does_not_slow_the_pace() -> None:
    of = ResourceSync("procedurelogs")
    at = NOW
    for number in range(20):
        at += timedelta(hours=9) if number == 10 else timedelta(seconds=2)
        of = progress.counted(of, state_of(of), at)

    assert progress.pages_per_minute(state_of(of)) == pytest.approx(30)


def test_a_list_in_no_order_says_nothing_by_its_last_keys() -> None:
    unordered = loading("procedurelogs", seen=300, edge=tuple(range(90, 90 + LAST_KEYS)), highest=1_000)
    assert unordered.running is not None

    assert progress.size_of(replace(unordered, running=replace(unordered.running, ordered=False))) is None


def test_nothing_is_left_to_load_once_all_is_here() -> None:
    done = [ResourceSync(name, phase=Phase.LOADED, as_of=NOW, rows=10, **PACED) for name in ("claims", "patients")]
    shown = view(state_of(*done))

    parts = ("percent_of_rows", "pages_per_minute", "eta_at", "eta_seconds", "not_before")
    assert {shown[name] for name in parts} == {None}
    assert shown["phase"] == "complete"


def now_told(office: MirroredOffice) -> dict[str, Any]:
    practice = office.on.practices.get(office.id)
    return sync_view(office.on.syncs.load(office.id), practice, office.on.paces.view(office.id), office.on.clock.now())


def test_a_real_load_comes_when_it_was_said_to(small_pages: None) -> None:
    """By the simulated practice, at a call a second, with polls in between."""
    with mirrored_office("--patients", "60", tier=Tier.STANDARD) as office:
        office.turn_on()
        said: list[tuple[datetime, datetime]] = []
        while office.state("procedurelogs").phase is not Phase.LOADED if office.states() else True:
            office.run(5)
            shown = now_told(office)
            one = told(shown, "procedurelogs")
            running = one["progress"]
            if running is not None and running["percent"]:
                size = progress.size_of(office.state("procedurelogs"))
                assert size is not None
                assert size.rows == pytest.approx(len(office.office("procedurelogs")), rel=0.35)
                said.append((office.on.clock.now(), datetime.fromisoformat(shown["not_before"])))
        loaded_at = office.on.clock.now()

    assert said, "it was never known"
    assert all(least <= loaded_at + timedelta(minutes=3) for _, least in said)


def test_where_queries_are_allowed_the_rows_are_counted_once_and_a_load_has_an_end_from_its_first_pages_on(
    small_pages: None,
) -> None:
    with mirrored_office("--patients", "60", tier=Tier.STANDARD, queries=True) as office:
        began = office.on.clock.now()
        office.turn_on()
        ends: list[datetime] = []
        percents: list[int] = []
        while not office.states() or not office.is_loaded():
            office.run(20)
            shown = now_told(office)
            percents.append(shown["percent_of_rows"] or 0)
            if shown["eta_at"]:
                ends.append(datetime.fromisoformat(shown["eta_at"]))
        loaded_at = office.on.clock.now()

    took = loaded_at - began
    assert len(ends) > 5
    late = ends[len(ends) // 3 :]
    assert all(abs(end - loaded_at) < took for end in late), [str(end - loaded_at) for end in late]
    assert max(percents) > 80


def test_an_office_whose_count_fails_is_loaded_all_the_same() -> None:
    with mirrored_office("--patients", "6", queries=True) as office:
        office.d.faulty("html", "queries.ShortQuery", count=1)
        office.load()

        assert office.on.syncs.load(office.id).counted_at is not None
        assert office.differences() == {}
