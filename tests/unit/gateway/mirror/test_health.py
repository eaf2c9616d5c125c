"""What an operator is told of a mirror: what is stale, why, and when it will not be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.core.mirror.health import sync_view
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.syncing import Pass, Phase, PracticeSync, ResourceSync, Wanted
from gateway.core.objects.sync import SyncView
from gateway.core.ports import PaceView
from gateway.core.practices import Practice

NOW = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
PRACTICE = Practice("prac_aaaaaaaaaaaaaaaa", "Elm Street Dental", "America/Chicago")
IDLE = PaceView(interval_s=1.0, waiting=0, next_free_at=None, offline=False, key_refused=False, killed=False)
YOUNG = ResourceSync(
    "appointments",
    phase=Phase.LOADED,
    as_of=NOW - timedelta(seconds=12),
    swept_at=NOW - timedelta(hours=9),
    rows=4000,
    calls=52,
    due_at=NOW + timedelta(seconds=4),
    sweep_due_at=NOW + timedelta(hours=8),
)


def view(*resources: ResourceSync, pace: PaceView = IDLE, **of_practice: Any) -> dict[str, Any]:
    state = PracticeSync(
        PRACTICE.id, **{"wanted": Wanted.ON, **of_practice}, resources={one.resource: one for one in resources}
    )
    shown = sync_view(state, PRACTICE, pace, NOW)
    SyncView.model_validate(shown, strict=True)
    return shown


def told(of: ResourceSync, **more: Any) -> dict[str, Any]:
    return next(one for one in view(of, **more)["resources"] if one["resource"] == of.resource)


def test_every_resource_is_told_of_also_before_anything_was_read() -> None:
    assert [one["resource"] for one in view()["resources"]] == list(MIRRORED)


def test_what_is_young_is_not_stale() -> None:
    shown = told(YOUNG)

    assert (shown["is_stale"], shown["why"], shown["age_seconds"]) == (False, None, 12)
    assert view(YOUNG)["stale"].count("appointments") == 0


LATE = replace(YOUNG, as_of=NOW - timedelta(hours=1), due_at=NOW - timedelta(minutes=30))


@pytest.mark.parametrize(
    ("of", "more", "why", "is_known_when"),
    [
        (LATE, {}, "behind", True),
        (LATE, {"pace": replace(IDLE, offline=True)}, "practice-offline", True),
        (LATE, {"pace": replace(IDLE, key_refused=True)}, "key-refused", False),
        (LATE, {"pace": replace(IDLE, killed=True)}, "killed", False),
        (LATE, {"wanted": Wanted.PAUSED}, "paused", False),
        (replace(YOUNG, trouble="pages-moved", trouble_since=NOW), {}, "pages-moved", True),
        (ResourceSync("appointments"), {}, "waiting", False),
        (ResourceSync("appointments", phase=Phase.LOADING, running=Pass("load", "all", 300, NOW, seen=300)), {},
         "loading", False),
        (ResourceSync("allergies", phase=Phase.NOT_OFFERED), {}, "only-by-parent", False),
        (ResourceSync("claims", phase=Phase.NOT_OFFERED), {}, "not-offered", False),
    ],
)  # fmt: skip
def test_what_is_stale_says_why_and_when_it_will_not_be(
    of: ResourceSync, more: dict[str, Any], why: str, is_known_when: bool
) -> None:
    shown = told(of, **more)

    assert (shown["is_stale"], shown["why"]) == (True, why)
    assert (shown["fresh_at"] is not None) == is_known_when


def test_a_mirror_that_is_off_has_nothing_stale() -> None:
    assert view(LATE, wanted=Wanted.OFF)["stale"] == []


def test_a_sweep_tells_its_progress_by_what_the_last_one_found_and_a_load_does_not_guess() -> None:
    sweeping = replace(YOUNG, running=Pass("sweep", "all", 1000, NOW, seen=1000, pages=10))
    loading = ResourceSync("appointments", phase=Phase.LOADING, running=Pass("load", "past", 900, NOW, seen=900))

    assert told(sweeping)["progress"]["percent"] == 25
    assert told(loading)["progress"]["percent"] is None


@pytest.mark.parametrize(("offset_h", "agrees"), [(-6.0, True), (-5.0, False), (0.0, False)])
def test_a_server_clock_that_is_not_the_practices_is_told(offset_h: float, agrees: bool) -> None:
    clock = view(server_offset_s=offset_h * 3600, server_clock_at=NOW)["clock"]

    assert clock["agrees"] is agrees
    assert (clock["explanation"] is None) is agrees


def test_a_sweep_by_sums_and_a_reading_by_parent_tell_how_far_they_are() -> None:
    check = replace(YOUNG, running=Pass("check", "", 0, NOW, seen=1000))
    by_parent = ResourceSync(
        "allergies", phase=Phase.LOADING, running=Pass("load", "parents", 30, NOW, seen=41, of_all=120)
    )
    shown = {one["resource"]: one["progress"] for one in view(check, by_parent)["resources"]}

    assert shown["appointments"]["percent"] == 25
    assert shown["allergies"]["percent"] == 25


def test_sums_that_do_not_agree_are_said_and_make_nothing_stale() -> None:
    of = replace(YOUNG, trouble="sums-differ", trouble_since=NOW)
    shown = next(one for one in view(of)["resources"] if one["resource"] == "appointments")

    assert shown["trouble"]["code"] == "sums-differ"
    assert "checksums" in shown["trouble"]["explanation"]
    assert not shown["is_stale"]
