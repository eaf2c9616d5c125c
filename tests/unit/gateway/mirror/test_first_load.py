"""The first load of a practice, from an empty mirror to one that equals the office row by row."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from gateway.core import pacing
from gateway.core.mirror.health import sync_view
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.syncing import Phase, Wanted
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from gateway.core.practices import Baa, Tier
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office
from tests.fakes.office_history import OfficeHistory
from tests.fakes.services import Life

pytestmark = pytest.mark.usefixtures("small_pages")

PATIENTS = ("--patients", "15")


def test_a_loaded_mirror_is_the_office_row_by_row() -> None:
    with mirrored_office(*PATIENTS) as office:
        office.load()

        assert office.differences() == {}
        assert len(office.mirror("procedurelogs")) > 40, "that takes several pages"
        listed = [cause for _, name, *_, cause in office.on.records.causes if MIRRORED[name].list_operation]
        assert {*listed} == {"load"}


def test_reference_data_come_first_then_people_then_what_is_to_come() -> None:
    with mirrored_office(*PATIENTS) as office:
        office.load()

        resources = list(dict.fromkeys(call.partition(".")[0] for call in office.d.upstream_calls))
        # Alerts of those who come today are read by patient, once all is here.
        ranks = [MIRRORED[name].rank for name in resources if name in MIRRORED and MIRRORED[name].list_operation]
        assert ranks == sorted(ranks)
        assert resources.index("patients") < resources.index("appointments") < resources.index("claims")


@pytest.mark.parametrize("seed", range(4))
def test_a_load_whose_process_dies_at_any_step_goes_on_where_it_was(seed: int) -> None:
    chance = random.Random(seed)
    with mirrored_office(*PATIENTS) as office:
        office.on.world.next_life = lambda: Life(left=chance.randrange(3, 400))
        office.load(seconds=3600)

        assert office.on.world.crashes > 3
        assert office.differences() == {}
        pages = sum(of.calls for of in office.states().values())
        words = office.d.upstream_calls.count("preferences.list")
        again = len(office.d.upstream_calls) - words - pages
        assert again <= office.on.world.crashes * 2, "no page is read over and over"


@pytest.mark.parametrize("seed", range(4))
def test_an_office_that_works_all_through_its_load_is_in_the_mirror_after_the_next_polls_and_sweep(seed: int) -> None:
    with mirrored_office(*PATIENTS) as office:
        history = OfficeHistory(office, seed)

        def busy(_: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
            history.something()
            history.something()
            return answer

        with office.meddled(busy):
            office.load()
        office.sweep()

        assert office.differences() == {}
        assert office.buried_alive() == {}


def test_rows_that_were_there_all_through_a_load_are_there_after_it_whatever_went_in_front_of_the_reader() -> None:
    """Each deletion in front of an offset moves a row that lives behind it, and nobody would look for it till night."""
    with mirrored_office("--patients", "25") as office:
        lines = sorted(office.office("claimprocs"), reverse=True)

        def deletes_behind_the_reader(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
            if call.operation == "claimprocs.list" and len(lines) > 30:
                for _ in range(3):
                    office.store.delete("claimproc", lines.pop())
            return answer

        with office.meddled(deletes_behind_the_reader):
            office.load()

        assert len(lines) < len(office.mirror("claimprocs"))
        assert set(lines) <= office.mirror("claimprocs").keys()


def test_rows_that_were_edited_with_a_stamp_during_the_load_come_with_the_first_poll() -> None:
    """The feed goes on from the start of the load, not from its end."""
    with mirrored_office(*PATIENTS) as office:
        history = OfficeHistory(office, 1)
        edited = []

        def edits_behind_the_reader(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
            if call.operation == "claims.list":
                edited.append(history.edit("claims"))
            return answer

        with office.meddled(edits_behind_the_reader):
            office.load()
        office.run(300)

        assert edited
        assert "claims" not in office.differences()


def test_what_the_key_may_not_read_is_said_and_does_not_keep_the_rest_from_loading() -> None:
    with mirrored_office(*PATIENTS) as office:
        office.d.know(version="22.1.5", permissions=frozenset({"ReadAll"}))
        office.load()

        assert office.state("claims").phase is Phase.NOT_OFFERED
        assert office.state("claims").trouble == "version-too-old"
        assert office.state("allergies").trouble == "only-by-parent"
        assert office.state("patients").phase is Phase.LOADED

        office.d.know(version="25.3.36")
        office.load()

        assert office.state("claims").phase is Phase.LOADED
        assert office.differences() == {}


def test_an_operation_that_the_office_refuses_all_the_same_is_not_asked_for_ever() -> None:
    with mirrored_office("--version", "22.1.5", *PATIENTS) as office:
        office.d.know(version=None)
        office.load()

        assert office.state("claims").phase is Phase.NOT_OFFERED
        asked = office.d.upstream_calls.count("claims.list")
        office.run(3600)
        assert office.d.upstream_calls.count("claims.list") == asked


def test_a_practice_that_is_read_by_fhir_is_not_mirrored() -> None:
    with mirrored_office(*PATIENTS) as office:
        office.d.know(upstream="fhir")
        office.turn_on()
        office.run(300)

        assert {of.phase for of in office.states().values()} == {Phase.NOT_OFFERED}
        assert office.d.upstream_calls == []


def test_a_mirror_that_is_off_calls_nobody_and_keeps_nothing() -> None:
    with mirrored_office(*PATIENTS) as office:
        office.run(600)

        assert office.d.upstream_calls == []
        assert office.states() == {}


def test_a_paused_load_stands_still_and_goes_on_where_it_was() -> None:
    with mirrored_office(*PATIENTS, tier=Tier.STANDARD) as office:
        office.turn_on()
        office.run(120)
        office.turn_on(Wanted.PAUSED)
        office.run(60)
        calls = len(office.d.upstream_calls)
        office.run(600)
        assert len(office.d.upstream_calls) == calls
        assert sum(of.rows for of in office.states().values()) > 0

        office.load()

        assert office.d.upstream_calls.count("definitions.list") < 10
        assert office.differences() == {}


def test_nothing_is_read_while_the_practices_agreement_has_expired_and_a_renewed_one_is_noticed() -> None:
    with mirrored_office(*PATIENTS, tier=Tier.STANDARD) as office:
        today = office.on.clock.now().date()
        signed = Baa("BAA-1", "Ada Example", today - timedelta(days=700), expires_on=today - timedelta(days=1))
        office.d.know(baa=signed)
        office.turn_on()
        office.run(600)
        assert office.d.upstream_calls == []
        assert {one["why"] for one in _stale(office)} == {"agreement-expired"}

        office.d.know(baa=replace(signed, expires_on=today + timedelta(days=300)))
        office.run(2 * 3600)

        assert office.differences() == {}


def _stale(office: MirroredOffice) -> list[dict[str, Any]]:
    practice, now = office.on.practices.get(office.id), office.on.clock.now()
    told = sync_view(office.on.syncs.load(office.id), practice, office.on.paces.view(office.id), now)
    return [one for one in told["resources"] if one["is_stale"] and one["why"] != "only-by-parent"]


def test_a_mirror_that_is_turned_off_is_erased_in_steps_and_can_be_filled_again() -> None:
    with mirrored_office(*PATIENTS) as office:
        office.load()
        office.turn_on(Wanted.OFF)
        office.on.world.next_life = iter([Life(left=40), *[None] * 1000]).__next__
        office.run(300)

        assert office.states() == {}
        assert not any(kept for (practice_id, _), kept in office.on.records.kept.items() if practice_id == office.id)
        # What is left is to look once a day what the practice can do.
        pace = office.on.pace.load(office.id)
        assert pace.next_due_at == pace.probe_at

        office.load()

        assert office.differences() == {}


def test_a_mirror_that_is_turned_on_again_while_it_is_erased_lacks_nothing() -> None:
    partly = []
    for steps in (102, 110, 118):
        with mirrored_office("--patients", "8") as office:
            office.load()
            rows = _rows_kept(office)
            office.turn_on(Wanted.OFF)
            office.on.world.next_life = partial(Life, left=steps)
            while office.on.world.crashes == 0:
                office.run(5)
            partly.append(0 < _rows_kept(office) < rows)
            office.on.world.next_life = lambda: None
            office.load()

            assert office.differences() == {}

    assert any(partly)


def test_what_is_left_to_erase_is_told_until_nothing_is() -> None:
    told = []
    with mirrored_office("--patients", "8") as office:
        office.load()
        rows = _view(office)["rows"]
        office.turn_on(Wanted.OFF)
        office.on.world.next_life = partial(Life, left=150)
        for _ in range(100):
            office.run(5)
            told.append(_view(office))
            if told[-1]["phase"] == "off":
                break
        # It was cut off in its midst, and goes on where it was.
        assert office.on.world.crashes > 0

    left = [one["erasing"]["rows_left"] for one in told[:-1]]
    assert left == sorted(left, reverse=True)
    assert any(0 < one < rows for one in left)
    assert {one["phase"] for one in told[:-1]} == {"erasing"}
    for one in told:
        # Nothing looks loaded, and nothing has an age.
        assert not {"loaded", "loading"} & {of["phase"] for of in one["resources"]}
        assert {(of["as_of"], of["progress"], of["is_stale"]) for of in one["resources"]} == {(None, None, False)}
        assert (one["percent"], one["stale"]) == (None, [])
    assert told[-1]["erasing"] is None


def _view(office: MirroredOffice) -> dict[str, Any]:
    practice, now = office.on.practices.get(office.id), office.on.clock.now()
    return sync_view(office.on.syncs.load(office.id), practice, office.on.paces.view(office.id), now)


def _rows_kept(office: MirroredOffice) -> int:
    return sum(len(kept) for kept in office.on.records.kept.values())


def test_a_key_that_is_refused_without_words_is_asked_one_thing_at_a_time() -> None:
    """Forty refusals in a row look like abuse to the vendor, who suspends source addresses."""
    with mirrored_office(*PATIENTS) as office:
        office.d.faulty("status", "*", status=401, text="", count=None)
        office.turn_on()
        office.run(60)
        office.run(600)

        assert len(office.d.upstream_calls) < 40


def test_a_list_that_times_out_is_asked_in_smaller_pages_and_the_others_are_loaded_meanwhile() -> None:
    with mirrored_office(*PATIENTS) as office:
        office.d.faulty("status", "procedurelogs.list", status=504, count=4)
        office.turn_on()
        office.run(150)

        assert office.state("procedurelogs").trouble == "timed-out"
        assert office.state("claims").phase is Phase.LOADED

        office.load()

        assert office.state("procedurelogs").trouble is None
        assert office.differences() == {}


def test_somebody_who_waits_goes_first_and_a_load_leaves_half_of_the_slots_to_those_who_called_lately() -> None:
    with mirrored_office(*PATIENTS, tier=Tier.STANDARD) as office:
        office.turn_on()
        office.run(65)
        alone = _calls_of_a_minute(office)
        now = office.on.clock.now().timestamp()
        item = office.on.pace.items[office.id]
        office.on.pace.items[office.id] = replace(item, interactive_at=now + 60)
        beside = _calls_of_a_minute(office)

        # Half of the load's, and polls of what is loaded already.
        assert beside <= alone * 2 / 3


def _calls_of_a_minute(office: MirroredOffice) -> int:
    before = len(office.d.upstream_calls)
    office.run(60)
    return len(office.d.upstream_calls) - before


def test_a_load_at_one_call_a_second_uses_nearly_every_slot() -> None:
    with mirrored_office("--patients", "60", tier=Tier.STANDARD) as office:
        office.turn_on()
        office.run(65)

        assert _calls_of_a_minute(office) >= 50


def test_the_lane_gives_a_practice_with_a_rhythm_all_turns_of_the_minute() -> None:
    item = pacing.PaceItem("prac_a", next_due_at=100.0, rhythm_s=20.0)

    assert pacing.ticks_of(item, 2.0) == [2.0, 22.0, 42.0]
    assert pacing.ticks_of(replace(item, rhythm_s=None), 2.0) == [2.0]
    assert pacing.ticks_of(replace(item, breaker=pacing.Breaker(pacing.Trip.OFFLINE)), 2.0) == [2.0]


def test_a_row_that_is_deleted_during_the_load_is_gone_before_the_end_of_it() -> None:
    with mirrored_office(*PATIENTS, tier=Tier.READ_ONLY, queries=True) as office:
        office.turn_on()
        while "allergies" not in office.states() or office.state("allergies").phase is not Phase.LOADED:
            office.run(20)
        key = min(office.mirror("allergies"))
        office.store.delete("allergy", key)

        while key in office.mirror("allergies"):
            assert any(of.phase in {Phase.LOADING, Phase.NONE} for of in office.states().values())
            office.run(20)


def test_that_all_is_here_is_told_once_for_each_state_of_the_offices_database() -> None:
    with mirrored_office(*PATIENTS) as office:
        office.turn_on()
        assert office.on.facts.changes == []
        office.load()
        office.run(7200)

        assert [one[1] for one in office.on.facts.changes] == ["mirror"]
        assert not [one for one in office.states().values() if one.phase is Phase.LOADING]
