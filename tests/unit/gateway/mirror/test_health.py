"""What an operator is told of a mirror: what is stale, why, and when it will not be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.core.mirror import health, session
from gateway.core.mirror import told as told_module
from gateway.core.mirror.health import sync_view
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.syncing import Incident, Pass, Phase, PracticeSync, ResourceSync, ServerZone, Wanted
from gateway.core.objects.sync import SyncView
from gateway.core.ports import PaceView
from gateway.core.practices import Practice
from gateway.core.walltime import instant_text
from open_dental import errors

NOW = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
PRACTICE = Practice("prac_aaaaaaaaaaaaaaaa", "Elm Street Dental", "America/Chicago", may_lack_baa=True)
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
        (LATE, {}, "behind", False),
        (replace(LATE, due_at=NOW + timedelta(minutes=2), trouble="timed-out"), {}, "timed-out", True),
        (LATE, {"pace": replace(IDLE, trouble="offline")}, "practice-offline", False),
        (LATE, {"pace": replace(IDLE, trouble="key-refused")}, "key-refused", False),
        (LATE, {"pace": replace(IDLE, trouble="failing")}, "failing", False),
        (LATE, {"pace": replace(IDLE, killed=True)}, "killed", False),
        (LATE, {"wanted": Wanted.PAUSED}, "paused", False),
        (replace(YOUNG, trouble="pages-moved", trouble_since=NOW), {}, "pages-moved", True),
        (ResourceSync("appointments"), {}, "waiting", False),
        (ResourceSync("appointments", phase=Phase.LOADING, running=Pass("load", "all", 300, NOW, seen=300)), {},
         "loading", False),
    ],
)  # fmt: skip
def test_what_is_stale_says_why_and_when_it_will_not_be(
    of: ResourceSync, more: dict[str, Any], why: str, is_known_when: bool
) -> None:
    shown = told(of, **more)

    assert (shown["is_stale"], shown["why"]) == (True, why)
    assert (shown["fresh_at"] is not None) == is_known_when


@pytest.mark.parametrize(("name", "why"), [("allergies", "only-by-parent"), ("claims", "not-offered")])
def test_what_is_not_copied_says_why_and_is_not_called_stale(name: str, why: str) -> None:
    of = ResourceSync(name, phase=Phase.NOT_OFFERED)
    shown = told(of)

    assert (shown["is_stale"], shown["why"], bool(shown["explanation"])) == (False, why, True)
    assert (name in view(of)["stale"], view(of)["not_offered"]) == (False, [name])


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


# The whole, as an operator reads it

HOUR = timedelta(hours=1)
SINCE = NOW - 2 * timedelta(days=1)
LOADING = ResourceSync("appointments", phase=Phase.LOADING, running=Pass("load", "all", 300, NOW, seen=300))
SET_UP = replace(YOUNG, resource="definitions", due_at=None, as_of=NOW - HOUR / 2, sweep_due_at=NOW + HOUR / 2)


def out(trouble: str) -> PaceView:
    return replace(IDLE, trouble=trouble, trouble_since=SINCE, tried_again_at=NOW + timedelta(minutes=1))


@pytest.mark.parametrize(
    ("of", "more", "phase", "why", "since"),
    [
        (YOUNG, {}, "complete", None, None),
        (ResourceSync("appointments"), {"wanted": Wanted.OFF, "changed_at": SINCE}, "erasing", "erasing", SINCE),
        (LOADING, {"started_at": SINCE}, "loading", "loading", SINCE),
        (LOADING, {"wanted": Wanted.PAUSED, "changed_at": SINCE}, "incomplete", "paused", SINCE),
        (YOUNG, {"wanted": Wanted.PAUSED, "changed_at": SINCE}, "complete", "paused", SINCE),
        (LATE, {"pace": out("offline")}, "complete", "practice-offline", SINCE),
        (LATE, {"pace": out("key-refused")}, "complete", "key-refused", SINCE),
        (LATE, {"pace": out("failing")}, "complete", "failing", SINCE),
        (LATE, {"pace": replace(IDLE, killed=True)}, "complete", "killed", None),
        (LOADING, {"pace": out("offline"), "started_at": SINCE}, "loading", "practice-offline", SINCE),
        (LATE, {}, "complete", "behind", None),
        (replace(LATE, trouble="timed-out", trouble_since=SINCE), {}, "complete", "timed-out", SINCE),
    ],
)  # fmt: skip
def test_the_whole_says_in_one_line_how_far_it_is_what_is_amiss_and_since_when(
    of: ResourceSync, more: dict[str, Any], phase: str, why: str | None, since: datetime | None
) -> None:
    shown = complete(of, **more)

    assert (shown["phase"], shown["why"]) == (phase, why)
    assert shown["since"] == (None if since is None else instant_text(since))
    assert (shown["explanation"] is None) == (why is None)


def complete(*resources: ResourceSync, **more: Any) -> dict[str, Any]:
    """A view of a mirror in which everything else is young."""
    named = {one.resource for one in resources}
    return view(*resources, *(replace(YOUNG, resource=name) for name in MIRRORED if name not in named), **more)


def test_nothing_is_known_of_when_an_office_will_answer_and_when_it_is_tried_is() -> None:
    shown = complete(LATE, pace=out("offline"))

    assert (shown["fresh_at"], shown["resources"][0]["fresh_at"]) == (None, None)
    assert shown["pace"]["tried_again_at"] == instant_text(NOW + timedelta(minutes=1))


def test_what_is_read_as_a_whole_is_stale_too_once_an_office_was_silent_when_that_was_due() -> None:
    """Without this a practice could be offline for days, and its set-up be called young."""
    overdue = replace(SET_UP, sweep_due_at=NOW - HOUR)

    assert told(SET_UP, pace=out("offline"))["is_stale"] is False
    assert (told(overdue, pace=out("offline"))["why"], told(overdue)["why"]) == ("practice-offline", None)
    # A long list waits for the night, and no longer than the next one.
    assert told(replace(overdue, sweep_due_at=NOW - 3 * timedelta(days=1)))["why"] == "behind"


def test_several_reasons_are_named_one_by_one_and_together_by_when_the_last_is_over() -> None:
    again = replace(LATE, due_at=NOW + HOUR, trouble="timed-out", trouble_since=SINCE)
    other = replace(again, resource="patients", due_at=NOW + 2 * HOUR, trouble="invalid")
    shown = complete(again, other)

    assert (shown["why"], shown["stale"]) == ("stale", ["patients", "appointments"])
    assert shown["fresh_at"] == instant_text(NOW + 2 * HOUR)


@pytest.mark.parametrize("code", ["silence", "paused", "server-clock-back", "backup-restored", "database-moved"])
def test_what_befell_a_mirror_is_why_until_it_is_over(code: str) -> None:
    one = Incident(code, SINCE, NOW, ("appointments",), None)
    shown = complete(replace(YOUNG, phase=Phase.NONE, as_of=None), incidents=(one,))
    over = complete(YOUNG, incidents=(one._replace(healed_at=NOW),))

    assert (shown["why"], shown["since"]) == (code, instant_text(SINCE))
    assert shown["explanation"] == shown["incidents"][0]["explanation"] is not None
    assert over["why"] is None
    assert over["incidents"][0]["explanation"].endswith("that is done")


@pytest.mark.parametrize(
    ("wrong_s", "words"), [(400, "400 seconds"), (-5 * 3600, "5 hours behind"), (9000, "2 hours and 30 minutes ahead")]
)
def test_how_wrong_a_clock_is_is_said_in_a_unit_that_fits(wrong_s: int, words: str) -> None:
    zone = ServerZone(-6 * 3600, wrong_s, NOW)
    clock = view(server_offset_s=-6.0 * 3600 + wrong_s, server_clock_at=NOW, zone=zone)["clock"]

    assert words in clock["explanation"]


def test_every_code_has_words_and_the_table_of_the_readme_has_every_code() -> None:
    codes = {*health._WHY, *told_module._HAPPENED}
    readme = (Path(health.__file__).parent / "README.md").read_text()
    table = readme[readme.index("## What an operator reads") :]

    assert {code for code in codes if f"`{code}`" not in table} == set()


def test_whatever_error_a_call_ends_with_has_words() -> None:
    of_practice, unseen = set(session._OF_THE_PRACTICE), {errors.NotFound}
    last = {one for one in _leaves(errors.OpenDentalError) if one not in of_practice | unseen}
    codes = {"".join(f"-{one.lower()}" if one.isupper() else one for one in each.__name__)[1:] for each in last}

    assert {"timed-out", "garbage", "permission-missing"} < codes
    assert codes <= health._WHY.keys()


def _leaves(of: type) -> Iterator[type]:
    """What is raised: every class but those that only gather others."""
    below: list[type] = of.__subclasses__()
    if not below or of is errors.Unauthorized:
        yield of
    for one in below:
        yield from _leaves(one)


@pytest.mark.parametrize("code", ["permission-missing", "version-too-old", "by-fhir", "unauthorized", "only-by-parent"])
def test_what_is_not_copied_names_what_is_missing(code: str) -> None:
    shown = told(ResourceSync("claims", phase=Phase.NOT_OFFERED, trouble=code, trouble_since=SINCE))

    assert shown["why"] == shown["trouble"]["code"] == code
    assert shown["explanation"] == shown["trouble"]["explanation"] is not None


def test_a_clock_that_was_set_since_the_server_told_its_zone_is_not_said_to_be_right() -> None:
    zone = ServerZone(-6 * 3600, 0, NOW - 5 * HOUR)
    clock = view(server_offset_s=-6 * 3600 + 400, server_clock_at=NOW, zone=zone)["clock"]

    assert (clock["agrees"], clock["skew_seconds"]) == (False, None)
    assert "400 seconds" in clock["explanation"]
