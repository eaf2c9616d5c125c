"""What the keeper of the mirror's states promises, whoever it is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from gateway.adapters.codec import pack
from gateway.adapters.mirror.syncs import DynamoSyncStates, _value
from gateway.core.mirror import checking, feeds, probing, reading
from gateway.core.mirror.syncing import (
    Followed,
    Incident,
    Native,
    Pass,
    Phase,
    PracticeSync,
    Probed,
    Probing,
    ResourceSync,
    ServerZone,
    Shown,
    Superseded,
    Telling,
    Told,
    Unlisted,
    Wanted,
    standing_of,
)
from tests.contract.conftest import make_records_table

A, B = "prac_aaaaaaaaaaaaaaaa", "prac_bbbbbbbbbbbbbbbb"
NOW = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)

RUNNING = Pass(
    purpose="load",
    part="future",
    offset=3000,
    started_at=NOW,
    clock="2026-03-02 06:00:00",
    edge=(2**62 + 1, -5),
    seen=3000,
    pages=3,
    repeats=1,
    missing=(3, -4),
    before=(),
)
FEED = Pass("feed", "", 100, NOW, edge=("2026-03-02 05:58:00", 7), ordered=False, is_blind=True, limit=100)
APPOINTMENTS = ResourceSync(
    resource="appointments",
    phase=Phase.LOADING,
    as_of=NOW,
    swept_at=NOW - timedelta(days=1),
    cursor="2026-03-02 05:59:00",
    rows=3000,
    calls=3,
    running=RUNNING,
    feed=FEED,
    due_at=NOW + timedelta(minutes=5),
    sweep_due_at=NOW + timedelta(days=1),
    suspects=(1, 2**62 + 1),
    parents=(7, 8),
    highest=2**62 + 1,
    failures=2,
    trouble="offline",
    trouble_since=NOW,
    followed=Followed(
        shown=Shown("2026-03-02 05:54:00", 3001, 2, 181, 2**62 + 1, None),
        is_settled=True,
        at=NOW,
        reads=(("PatNum", 7), ("AptNum", 2**62 + 1)),
        handled=((7, "2026-03-02 05:55:00"),),
        owed_at=NOW,
    ),
)
PRACTICE = PracticeSync(
    practice_id=A,
    wanted=Wanted.ON,
    epoch=2,
    server_offset_s=-1.25,
    server_clock_at=NOW,
    highest="2026-03-02 06:00:00",
    started_at=NOW - timedelta(days=2),
    changed_at=NOW,
    queries=False,
    unlisted=Unlisted("2026-03-02 06:00:00", NOW, NOW, NOW, (7, 2**62 + 1)),
    probing=Probing(
        at=NOW,
        due_at=NOW,
        all_due_at=NOW,
        settled={"claims": NOW},
        changed={"recalls": Probed(Shown("2026-03-02 05:54:00", 1, 1, 9, 7, "2026-03-02 05:55:00"), 1, "x", NOW)},
        most=8,
        most_until=NOW,
        not_askable={"diseases": NOW},
        refused_until=NOW,
        trouble="queries-failing",
        failures=2,
        calls=9,
    ),
)


def test_a_practice_that_nobody_has_turned_on_is_off(syncs: Any) -> None:
    assert syncs.load(A) == PracticeSync(A)
    assert syncs.load(A).wanted is Wanted.OFF


def test_states_come_back_as_they_were(syncs: Any) -> None:
    syncs.save_practice(PRACTICE)
    syncs.save(A, APPOINTMENTS)
    syncs.save(A, ResourceSync("claims"))

    assert syncs.load(A) == replace(
        PRACTICE,
        rev=1,
        resources={"appointments": replace(APPOINTMENTS, rev=1), "claims": ResourceSync("claims", rev=1)},
    )
    assert syncs.load(B) == PracticeSync(B)


def test_one_save_of_the_practice_makes_all_resources_as_young_as_the_last_probe_showed_them(syncs: Any) -> None:
    later = NOW + timedelta(seconds=20)
    loaded = replace(APPOINTMENTS, phase=Phase.LOADED)
    for one in (loaded, replace(loaded, resource="claims", as_of=later + timedelta(1)), ResourceSync("recalls")):
        syncs.save(A, one)
    settled = {"appointments": later, "claims": later, "recalls": later, "patients": later}
    syncs.save_practice(replace(PRACTICE, probing=Probing(settled=settled)))

    kept = syncs.load(A).resources
    assert {name: of.as_of for name, of in kept.items()} == {
        "appointments": later,
        "claims": later + timedelta(1),
        "recalls": None,
    }
    assert kept["appointments"] == replace(loaded, as_of=later, rev=1)
    assert syncs.standing(A) == standing_of(syncs.load(A))
    syncs.save(A, replace(kept["appointments"], phase=Phase.LOADING, as_of=None))
    assert syncs.load(A).resources["appointments"].as_of is None


@pytest.mark.parametrize("wanted", Wanted)
@pytest.mark.parametrize("phase", Phase)
def test_an_answer_is_told_no_more_than_the_states_say(syncs: Any, wanted: Wanted, phase: Phase) -> None:
    assert syncs.standing(A) == standing_of(PracticeSync(A))
    syncs.save_practice(replace(PRACTICE, wanted=wanted))
    one = syncs.save(A, replace(APPOINTMENTS, phase=phase))
    syncs.save(A, replace(APPOINTMENTS, resource="claims", phase=phase))
    assert syncs.standing(A) == standing_of(syncs.load(A))
    syncs.save(A, replace(one, phase=Phase.NONE, as_of=None, rows=0))
    assert syncs.standing(A) == standing_of(syncs.load(A))
    assert syncs.standing(A).resources["appointments"] == (Phase.NONE, None, 0)
    syncs.forget(A)
    assert syncs.standing(A) == standing_of(syncs.load(A))


def test_a_save_returns_what_the_next_one_begins_with(syncs: Any) -> None:
    own, one = syncs.save_practice(PRACTICE), syncs.save(A, APPOINTMENTS)
    own = syncs.save_practice(replace(own, epoch=3))
    one = syncs.save(A, replace(one, running=None, phase=Phase.LOADED))

    assert syncs.load(A) == replace(own, resources={"appointments": one})
    assert (own.rev, own.epoch, one.rev, one.running) == (2, 3, 2, None)


def test_a_practices_own_state_and_its_resources_are_saved_apart(syncs: Any) -> None:
    """The operator's pause must not undo the page that the worker has just read."""
    loaded = syncs.load(A)
    one = syncs.save(A, APPOINTMENTS)
    syncs.save_practice(replace(loaded, wanted=Wanted.PAUSED))

    assert syncs.load(A).resources == {"appointments": one}
    assert syncs.load(A).wanted is Wanted.PAUSED


@pytest.mark.parametrize("stale", [0, 2])
def test_a_state_that_somebody_has_replaced_is_not_saved(syncs: Any, stale: int) -> None:
    syncs.save_practice(PRACTICE)
    syncs.save(A, APPOINTMENTS)

    with pytest.raises(Superseded):
        syncs.save_practice(replace(PRACTICE, rev=stale, epoch=9))
    with pytest.raises(Superseded):
        syncs.save(A, replace(APPOINTMENTS, rev=stale, rows=9))
    assert (syncs.load(A).epoch, syncs.load(A).resources["appointments"].rows) == (2, 3000)


def test_of_eight_that_save_at_once_one_does(syncs: Any) -> None:
    def save(rows: int) -> bool:
        try:
            syncs.save(A, replace(APPOINTMENTS, rows=rows))
        except Superseded:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        saved = list(pool.map(save, range(8)))

    assert saved.count(True) == 1
    assert syncs.load(A).resources["appointments"].rows == saved.index(True)


def test_what_is_forgotten_is_the_resources_and_not_the_wish(syncs: Any) -> None:
    own = syncs.save_practice(replace(PRACTICE, wanted=Wanted.OFF))
    syncs.save(A, APPOINTMENTS)
    syncs.save(B, APPOINTMENTS)
    for practice in (A, B):
        syncs.touch(practice, ["appointments:7"], NOW)
    syncs.forget(A)

    assert syncs.load(A) == replace(own, resources={}, touched={}, touched_floor=None)
    assert (set(syncs.load(B).resources), set(syncs.load(B).touched)) == ({"appointments"}, {"appointments:7"})
    assert syncs.save(A, APPOINTMENTS).rev == 1


def test_a_state_has_the_types_it_was_saved_with(syncs: Any) -> None:
    """A decimal in place of a float fails only where somebody adds to it."""
    syncs.save_practice(PRACTICE)
    syncs.save(A, APPOINTMENTS)

    kept = syncs.load(A).resources["appointments"]
    assert type(syncs.load(A).server_offset_s) is float
    assert {type(of) for of in (kept.suspects, kept.parents, kept.running.edge, kept.running.before)} == {tuple}
    assert kept.feed.edge == ("2026-03-02 05:58:00", 7)
    assert type(kept.followed.reads[0]) is tuple
    assert type(kept.followed.shown) is Shown


def test_what_own_writes_touched_is_known_with_its_latest_time_to_whoever_loads_next(syncs: Any) -> None:
    syncs.touch(A, ["appointments:7", "recalls:7"], NOW)
    syncs.touch(A, iter(["appointments:7"]), NOW + timedelta(seconds=2))
    syncs.touch(A, ["appointments:7", "claims:9"], NOW + timedelta(seconds=1))
    syncs.touch(A, [], NOW + timedelta(seconds=9))

    assert syncs.load(A).touched == {
        "appointments:7": NOW + timedelta(seconds=2),
        "recalls:7": NOW,
        "claims:9": NOW + timedelta(seconds=1),
    }
    assert syncs.load(A).touched_floor is None
    assert syncs.load(B).touched == {}


def test_a_touch_comes_between_no_load_and_save(syncs: Any) -> None:
    """The worker that saves what it loaded must neither fail because of a write nor forget what that touched."""
    own, one = syncs.save_practice(PRACTICE), syncs.save(A, APPOINTMENTS)
    syncs.touch(A, ["claims:1"], NOW)
    syncs.save_practice(replace(own, epoch=3, touched={}))
    syncs.save(A, replace(one, rows=4))

    assert (syncs.load(A).touched, syncs.load(A).epoch) == ({"claims:1": NOW}, 3)


def test_touches_by_eight_threads_are_all_kept(syncs: Any) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: syncs.touch(A, [f"claims:{n}"], NOW), range(8)))

    assert set(syncs.load(A).touched) == {f"claims:{n}" for n in range(8)}


def test_of_marks_that_are_dropped_the_floor_tells(syncs: Any) -> None:
    """Without it an answer could be older than an own write that nobody remembers."""
    for number in range(7):
        marks = [f"patients:{number * 100 + one}" for one in range(100)]
        syncs.touch(A, marks, NOW + timedelta(seconds=number))

    state = syncs.load(A)
    assert len(state.touched) == 500
    assert min(state.touched.values()) == NOW + timedelta(seconds=2)
    assert state.touched_floor == NOW + timedelta(seconds=1)
    assert syncs.standing(A) == standing_of(state)


def test_what_befell_a_mirror_and_the_zone_of_its_server_come_back_too(syncs: Any) -> None:
    state = replace(
        PRACTICE,
        zone=ServerZone(-21_600, 7, NOW),
        sampled_at=NOW,
        counted_at=NOW,
        telling=Telling(NOW, "commlogs", NOW + timedelta(microseconds=7), 2**40),
        incidents=(Incident("silence", None, NOW, ("appointments", "claims"), NOW), Incident("x", NOW, NOW, (), None)),
    )
    loaded = replace(APPOINTMENTS, load_pages=7, load_ms=9_001, paged_at=NOW, expected=2**40)
    syncs.save_practice(state)
    syncs.save(A, loaded)

    kept = syncs.load(A)
    assert (kept.zone, kept.sampled_at, kept.counted_at) == (state.zone, NOW, NOW)
    assert kept.telling == state.telling and type(kept.telling) is Telling
    assert kept.incidents == state.incidents
    assert type(kept.incidents[0]) is Incident
    assert type(kept.incidents[0].resources) is tuple
    assert kept.resources["appointments"] == replace(loaded, rev=1)


def test_what_machines_are_asked_to_tell_comes_back_too(syncs: Any) -> None:
    told = Told(
        7, "2026-03-02 06:00:00", NOW, True, 3, "2026-03-02 05:00:00", "2026-03-02 06:10:00", 503, "failing", NOW
    )
    native = Native(
        wanted=True,
        base_url="https://api.test/live",
        workstation="SERVER",
        former=("https://old.test",),
        changed_at=NOW,
        cared_at=NOW,
        due_at=NOW,
        ended_at=NOW,
        tables={"Appointment": told, "Patient": Told(8)},
        refused={"ProcedureLog": NOW},
        trouble="permission-missing",
        trouble_since=NOW,
        failures=2,
        version="26.3.1",
        silence_told_at=NOW,
    )
    syncs.save_practice(replace(PRACTICE, native=native))

    kept = syncs.load(A).native
    assert kept == native
    assert (type(kept), type(kept.former), type(kept.tables["Patient"])) == (Native, tuple, Told)


def test_a_state_of_a_release_that_knew_no_such_thing_asks_no_machine(aws: None) -> None:
    client = make_records_table("states")
    body = {name: value for name, value in _value(PRACTICE).items() if name != "native"}
    key = {"pk": {"S": f"sync#{A}"}, "sk": {"S": "practice"}}
    client.put_item(TableName="states", Item={**key, "rev": {"N": "1"}, "body": {"B": pack(body)}})

    assert DynamoSyncStates(client, table="states").load(A).native == Native()


def test_the_longest_state_that_there_can_be_fits_into_an_item(aws: None) -> None:
    """Random keys have 19 digits, which hardly deflate, and an item of DynamoDB has 400 kB."""
    chance = Random(1)

    def keys(count: int) -> tuple[int, ...]:
        return tuple(sorted(chance.getrandbits(63) for _ in range(count)))

    most = reading.MOST_MISSING
    running = Pass("sweep", "", 0, NOW, missing=keys(most), before=keys(most), settled=keys(checking.MOST_READ))
    handled = tuple((key, "2026-03-02 06:00:00") for key in keys(probing.MOST_CHANGED))
    followed = Followed(handled=handled, reads=tuple(("PatNum", key) for key in keys(feeds.MOST_PARENTS)))
    longest = ResourceSync(
        "claimprocs", running=running, suspects=keys(2000), parents=keys(feeds.MOST_PARENTS), followed=followed
    )
    syncs = DynamoSyncStates(make_records_table("states"), table="states")

    syncs.save(A, longest)
    syncs.touch(A, [f"claimprocs:{key}" for key in keys(600)], NOW)

    assert syncs.load(A).resources["claimprocs"].running == running
    size = len(pack(_value(longest)))
    assert 200_000 < size < 390_000
