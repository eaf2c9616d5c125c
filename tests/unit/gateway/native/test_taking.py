"""What becomes of what practices' machines tell, in whatever order and number it comes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import Unavailable
from gateway.core.mirror.records import Order, ReadAt
from gateway.core.mirror.syncing import Native, Phase, ResourceSync, Told, Wanted
from gateway.core.native.ports import Post
from gateway.core.native.sorting import Unreadable
from gateway.core.native.taking import MOST_SUSPECTS, Taken, take
from gateway.core.practices import Baa, Practice
from open_dental import catalogue
from open_dental.versions import Version
from tests.fakes.hooks import HookWorld
from tests.fakes.services import ELM_STREET, FakeServices

OAK = replace(ELM_STREET, id="prac_oakoakoakoakoako", key_fingerprint="e" * 32)
ELM = ELM_STREET


class World(HookWorld):
    """Two practices with mirrors, whose machines tell what they have."""

    def __init__(self) -> None:
        super().__init__(FakeServices((ELM, OAK)), key="FakeCustomerKey0")
        for one in (ELM, OAK):
            self.want(one, Wanted.ON, native=True)
            for name in ("appointments", "patients", "schedules", "operatories"):
                self.syncs.save(one.id, ResourceSync(name, Phase.LOADED, as_of=self.clock.now(), rows=9))
                self.records.all_here(one.id, name, are=True)
        self.clock.sleep(1)

    def want(self, practice: Practice, wanted: Wanted, *, native: bool) -> None:
        state = self.syncs.load(practice.id)
        self.syncs.save_practice(replace(state, wanted=wanted, native=Native(wanted=native), epoch=3))

    def post(
        self,
        *rows: Any,
        event: str = "WatchTable: Appointment",
        raw: bytes | None = None,
        at: Practice = ELM,
        fingerprint: str | None = None,
    ) -> str:
        """A call that was received; the clock goes on."""
        body = json.dumps(list(rows)).encode() if raw is None else raw
        key = self.get(at.id).key_fingerprint if fingerprint is None else fingerprint
        self.inbox.put(Post(at.id, self.clock.now(), event, "SERVER", key, body))
        self.clock.sleep(1)
        return list(self.inbox.posts)[-1]

    def tell(self, *rows: Any, **more: Any) -> Taken:
        return take(self.post(*rows, **more), self)

    def read(self, *rows: Any, turn: int = 5, at: Practice = ELM, resource: str = "appointments") -> None:
        read = ReadAt(Order(3, turn), self.clock.now())
        self.records.store(at.id, resource, rows, read=read, cause="poll")
        self.clock.sleep(1)

    def kept(self, at: Practice = ELM, resource: str = "appointments") -> dict[int, Any]:
        """What living rows have in their note."""
        found = self.records.page(at.id, resource, after=None, limit=10_000)
        return {one.key: one.row.get("Note") for one in found}

    def state(self, resource: str = "appointments", at: Practice = ELM) -> ResourceSync:
        found: ResourceSync = self.syncs.load(at.id).resources[resource]
        return found

    def is_told(self, at: Practice = ELM) -> bool:
        """Whether the practice's lane was told to look."""
        return self.pace.load(at.id).due_at is not None


@pytest.fixture
def world() -> World:
    return World()


def whole(resource: str, **columns: Any) -> dict[str, Any]:
    """A row with every column that the office's version has."""
    at = Version.parse(ELM.version or "")
    of = catalogue.resource(resource).fields
    return {one.name: "" for one in of if not one.derived and (one.since is None or at.has(one.since))} | columns


def visit(key: Any, second: int, note: str = "", **more: Any) -> dict[str, Any]:
    stamp = f"2026-03-02 11:59:{second:02}"
    return whole("appointments", AptNum=key, PatNum=7, DateTStamp=stamp, Note=note, **more)


def test_a_later_row_is_stored_as_told_by_the_office_itself_and_its_call_dropped(world: World) -> None:
    world.read(visit(1, 10, "a"))

    assert world.tell(visit(1, 11, "b"), visit("2", 11, "new")) == Taken("taken", changed=2)
    assert world.kept() == {1: "b", 2: "new"}
    assert [one.cause for one in world.records.get(ELM.id, "appointments", [1, 2])] == ["native", "native"]
    assert world.records.get(ELM.id, "appointments", [2])[0].read.order == Order(3, 0)
    assert world.inbox.posts == {}
    assert not world.is_told()


def test_a_row_that_was_deleted_before_its_call_was_worked_off_is_not_brought_back(world: World) -> None:
    """The mirror is younger than the call: it would have the row, if that lived."""
    world.read(visit(1, 10, "a"))
    name = world.post(visit(1, 11, "b"), visit(2, 11, "gone"))
    world.syncs.save(ELM.id, replace(world.state(), as_of=world.clock.now()))

    assert take(name, world) == Taken("taken", changed=1, unsure=1)
    assert world.kept() == {1: "b"}
    assert world.is_told()


def test_a_row_that_nobody_has_is_not_taken_of_a_call_that_waited_long(world: World) -> None:
    """Its deletion may have been told since, and worked off before it."""
    world.read(visit(1, 10, "a"))
    name = world.post(visit(1, 11, "b"), visit(2, 11, "new"))
    world.clock.sleep(60)

    assert take(name, world) == Taken("taken", changed=1, unsure=1)
    assert world.kept() == {1: "b"}
    assert world.is_told()


def test_a_deletion_that_overtakes_the_row_has_it_looked_for_all_the_same(world: World) -> None:
    made = world.post(visit(1, 10))
    world.tell({"AptNum": 1}, event="WatchTable: AppointmentDeleted")
    take(made, world)

    assert world.state().suspects == (1,)
    assert world.is_told()


def test_what_is_known_to_be_gone_is_not_looked_for_again(world: World) -> None:
    world.read(visit(1, 10))
    read = ReadAt(Order(3, 6), world.clock.now())
    world.records.bury(ELM.id, "appointments", [1], read=read, cause="read", at=world.clock.now())

    assert world.tell({"AptNum": 1}, event="WatchTable: AppointmentDeleted") == Taken("taken")
    assert (world.state().suspects, world.is_told()) == ((), False)


def test_a_call_from_before_a_restored_backup_was_loaded_brings_nothing_back(world: World) -> None:
    """What the backup did not change was not stored anew, so that only the load itself is later than the call."""
    world.read(visit(1, 10, "a"))
    name = world.post(visit(1, 40, "lost with the backup"), visit(2, 40, "lost, too"))
    world.syncs.save(ELM.id, replace(world.state(), whole_at=world.clock.now()))

    assert take(name, world) == Taken("taken", stale=2)
    assert world.kept() == {1: "a"}


def test_a_call_that_came_before_the_row_was_read_brings_no_later_stamp_back(world: World) -> None:
    """In the hour that autumn repeats, and where a clock or a database was set back."""
    name = world.post(visit(1, 50, "before the hour came again"))
    world.read(visit(1, 10, "since"))

    assert take(name, world) == Taken("taken", unsure=1)
    assert world.kept() == {1: "since"}
    assert world.is_told()


def test_rows_are_whole_by_the_version_that_the_office_has_by_now(world: World) -> None:
    """It was updated since it was connected, and its patients have columns more."""
    world._on.practices.put(replace(ELM, version="25.1.3.0"))
    row = whole("patients", PatNum=7, DateTStamp="2026-03-02 11:59:11")
    assert world.tell(row, event="WatchTable: Patient") == Taken("taken", unsure=1)

    world._on.practices.put(ELM)
    assert world.tell(row, event="WatchTable: Patient") == Taken("taken", changed=1)


def test_a_call_with_a_key_that_is_no_more_is_not_looked_at(world: World) -> None:
    """A new key may be another database's."""
    assert world.tell(visit(1, 11, "b"), fingerprint="f" * 32) == Taken("unwanted")
    assert (world.kept(), world.inbox.posts) == ({}, {})


def test_a_long_call_stops_where_its_mirror_is_turned_off_meanwhile(world: World) -> None:
    """An erasure begins some 15 s after that, and must not be followed by rows."""
    world.records.between_rows = lambda: world.want(ELM, Wanted.OFF, native=False)

    assert world.tell(*(visit(key, 10) for key in range(1, 2_500))).outcome == "unwanted"
    assert 0 < len(world.kept()) <= 1_000
    assert world.inbox.posts == {}


def test_two_machines_that_tell_the_same_tell_it_once(world: World) -> None:
    for turn in range(3):
        assert world.tell(visit(1, 11, "b")) == Taken("taken", changed=int(turn == 0), same=int(turn > 0))

    assert [seq for *_, seq, _ in world.records.causes] == [world.records.get(ELM.id, "appointments", [1])[0].seq]


def test_an_old_body_that_is_sent_again_brings_nothing_back(world: World) -> None:
    name = world.post(visit(1, 10, "a"))
    old = world.inbox.posts[name]
    take(name, world)
    world.tell(visit(1, 12, "b"))
    world.inbox.posts[name] = old

    assert take(name, world) == Taken("taken", stale=1)
    assert world.kept() == {1: "b"}


def test_equal_keys_of_two_practices_are_two_rows(world: World) -> None:
    for at in (ELM, OAK):
        world.read(visit(1, 10, "a"), at=at)
    world.tell(visit(1, 11, "b"), at=OAK)

    assert (world.kept(ELM), world.kept(OAK)) == ({1: "a"}, {1: "b"})


UNSURE = {
    "the same second": visit(1, 10, "b"),
    "no stamp": visit(1, 0, "b") | {"DateTStamp": "0001-01-01 00:00:00"},
    "a stamp that is none": visit(1, 0, "b") | {"DateTStamp": ["2026"]},
    "a column less": {name: value for name, value in visit(1, 11, "b").items() if name != "Op"},
    "a column more": visit(1, 11, "b") | {"Newer": "1"},
    "another table's": {"AptNum": 1, "PatNum": 7, "LName": "Sample"},
}


@pytest.mark.parametrize("row", UNSURE.values(), ids=UNSURE.keys())
def test_what_nothing_is_certain_of_is_a_hint_to_look_at_once(world: World, row: Any) -> None:
    world.read(visit(1, 10, "a"))
    world.syncs.save(ELM.id, replace(world.state(), due_at=world.clock.now() + timedelta(hours=1)))

    assert world.tell(row) == Taken("taken", unsure=1)
    assert world.kept() == {1: "a"}
    assert world.state().due_at == world.clock.now()
    assert world.is_told()


def test_a_tombstone_is_not_brought_back_by_hearsay(world: World) -> None:
    world.read(visit(1, 10, "a"))
    read = ReadAt(Order(3, 6), world.clock.now())
    world.records.bury(ELM.id, "appointments", [1], read=read, cause="read", at=world.clock.now())

    assert world.tell(visit(1, 11, "b")) == Taken("taken", unsure=1)
    assert world.kept() == {}
    assert world.is_told()


def test_a_hint_of_what_no_filter_follows_has_it_read_as_a_whole(world: World) -> None:
    assert world.tell({"ScheduleNum": 4}, event="WatchTable: Schedule") == Taken("taken", unsure=1)

    assert world.state("schedules").sweep_due_at == world.clock.now()
    assert world.is_told()


def test_a_hint_of_what_is_followed_by_query_has_the_next_probe_at_once(world: World) -> None:
    practice = replace(ELM, permissions=frozenset({"Queries", "ReadAll"}))
    world._on.practices.put(practice)
    state = world.syncs.load(ELM.id)
    later = world.clock.now() + timedelta(hours=1)
    world.syncs.save_practice(replace(state, probing=replace(state.probing, due_at=later, all_due_at=later)))
    world.tell({"AptNum": 1})

    probing = world.syncs.load(ELM.id).probing
    assert (probing.due_at, probing.all_due_at) == (world.clock.now(), world.clock.now())


def test_rows_that_are_said_to_be_gone_are_looked_for_and_not_buried(world: World) -> None:
    world.read(visit(1, 10), visit(2, 10), visit(3, 10))
    rows = [{"AptNum": 1}, {"AptNum": "2"}, {"AptNum": 99}]

    assert world.tell(*rows, event="WatchTable: AppointmentDeleted") == Taken("taken", gone=3)
    assert world.state().suspects == (1, 2, 99)
    assert set(world.kept()) == {1, 2, 3}
    assert world.is_told()


def test_a_row_that_was_read_after_the_call_came_is_not_looked_for(world: World) -> None:
    name = world.post({"AptNum": 1}, event="WatchTable: AppointmentDeleted")
    world.read(visit(1, 10))

    assert take(name, world) == Taken("taken")
    assert world.state().suspects == ()


def test_very_many_that_are_said_to_be_gone_have_the_list_read_as_a_whole(world: World) -> None:
    keys = range(1, MOST_SUSPECTS + 2)
    world.read(*(visit(key, 10) for key in keys))
    world.tell(*({"AptNum": key} for key in keys), event="WatchTable: AppointmentDeleted")

    assert (world.state().suspects, world.state().sweep_due_at) == ((), world.clock.now())


OFF: dict[str, Any] = {
    "no mirror": {"wanted": Wanted.OFF},
    "a mirror that is paused": {"wanted": Wanted.PAUSED},
    "no native events": {"native": False},
}


@pytest.mark.parametrize("off", OFF.values(), ids=OFF.keys())
def test_nothing_is_stored_where_it_is_not_wanted_and_the_body_is_deleted(world: World, off: Any) -> None:
    world.want(ELM, **{"wanted": Wanted.ON, "native": True} | off)

    assert world.tell(visit(1, 10)) == Taken("unwanted")
    assert world.tell(raw=b"nor looked at") == Taken("unwanted")
    assert (world.kept(), world.inbox.posts) == ({}, {})


@pytest.mark.parametrize(
    "facts", [{"state": "disabled"}, {"baa": Baa("test-baa", "A. Test", date(2026, 1, 1), date(2026, 3, 1))}]
)
def test_nothing_is_stored_of_a_practice_that_was_let_go_meanwhile(world: World, facts: Any) -> None:
    world._on.practices.put(replace(ELM, **facts))

    assert world.tell(visit(1, 10)) == Taken("unwanted")
    assert (world.kept(), world.inbox.posts) == ({}, {})


def test_nothing_is_stored_of_what_is_being_loaded_and_no_call_is_spent_on_it(world: World) -> None:
    world.syncs.save(ELM.id, replace(world.state(), phase=Phase.LOADING))

    assert world.tell(visit(1, 10)) == Taken("unwanted")
    assert world.tell({"AptNum": 1}, event="WatchTable: AppointmentDeleted") == Taken("unwanted")
    assert (world.kept(), world.is_told()) == ({}, False)


@pytest.mark.parametrize(
    ("event", "outcome"), [("UiEventType: PatientSelected", "screen"), ("WatchTable: LabCase", "unknown")]
)
def test_what_nothing_is_made_of_is_counted_and_dropped(world: World, event: str, outcome: str) -> None:
    assert world.tell(raw=b'{"PatNum": 7}', event=event) == Taken(outcome)
    assert world.inbox.posts == {}


def test_what_cannot_be_read_stays_where_it_is(world: World) -> None:
    with pytest.raises(Unreadable):
        world.tell(raw=b"<html>")

    assert len(world.inbox.posts) == 1


def test_a_call_that_was_worked_off_before_is_gone(world: World) -> None:
    name = world.post(visit(1, 10))
    take(name, world)

    assert take(name, world) == Taken("gone")


def down(_: str) -> None:
    raise Unavailable("the inbox did not answer")


def test_a_call_that_could_not_be_dropped_comes_again_and_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = world.post(visit(1, 10, "a"))
    with monkeypatch.context() as patched:
        patched.setattr(world.inbox, "drop", down)
        with pytest.raises(Unavailable):
            take(name, world)

    assert take(name, world) == Taken("taken", same=1)
    assert len(world.records.causes) == 1


class Died(BaseException):
    """The processor is gone."""


class Mortal:
    """Ports of which the `nth` use is the last, before or after it is done."""

    def __init__(self, port: Any, count: list[int], *, after: bool) -> None:
        self._port, self._count, self._after = port, count, after

    def __getattr__(self, name: str) -> Any:
        do = getattr(self._port, name)

        def used(*args: Any, **more: Any) -> Any:
            self._count[0] -= 1
            if self._count[0] == 0 and not self._after:
                raise Died
            done = do(*args, **more)
            if self._count[0] == 0:
                raise Died
            return done

        return used


class MortalServices:
    """Fills `TakingServices`."""

    def __init__(self, world: World, nth: int, *, after: bool) -> None:
        count = [nth]
        for name in ("practices", "inbox", "records", "syncs", "paces"):
            setattr(self, name, Mortal(getattr(world, name), count, after=after))
        self.clock = world.clock


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("event", ["WatchTable: Appointment", "WatchTable: AppointmentDeleted"])
def test_a_processor_that_dies_anywhere_is_made_good_by_the_next(event: str, after: bool) -> None:
    died = 0
    for nth in range(1, 40):
        world = World()
        world.read(visit(1, 10, "a"), visit(2, 10, "a"), visit(3, 10, "a"))
        told = [visit(1, 11, "b"), visit(2, 10, "hint"), visit(3, 9, "old"), visit(4, 10, "new")]
        name = world.post(*told, event=event)
        try:
            take(name, MortalServices(world, nth, after=after))  # type: ignore[arg-type]
        except Died:
            died += 1
        take(name, world)

        if event.endswith("Deleted"):
            assert world.state().suspects == (1, 2, 3, 4)
        else:
            assert world.kept() == {1: "b", 2: "a", 3: "a", 4: "new"}
            assert sum(one.cause == "native" for one in world.records.outbox) == 2
        assert world.is_told()
        assert world.inbox.posts == {}
    assert 6 <= died < 39


calls = st.lists(
    st.tuples(
        st.sampled_from([ELM.id, OAK.id]),
        st.lists(st.tuples(st.sampled_from([1, 2, "2"]), st.integers(10, 14)), min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=7,
)


@settings(max_examples=60)
@given(calls=calls, order=st.randoms(use_true_random=False), reads=st.booleans())
def test_any_order_and_number_of_calls_ends_in_the_newest_stamps_and_never_goes_back(
    calls: list[tuple[str, list[tuple[Any, int]]]], order: Any, reads: bool
) -> None:
    """Whoever sends twice, late or all at once, from however many machines, and with reads on their way between them:
    what is kept of a row only ever gets later."""
    world = World()
    posts = [
        world.post(
            *(visit(key, second, str(second)) for key, second in rows), at=next(p for p in (ELM, OAK) if p.id == of)
        )
        for of, rows in calls
    ]
    kept_posts = dict(world.inbox.posts)
    again = posts * 2
    order.shuffle(again)
    before: dict[tuple[str, int], int] = {}
    asked_at = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
    for name in again:
        world.inbox.posts[name] = kept_posts[name]
        take(name, world)
        if reads:
            # Asked before any call came in: the content is that of the first second.
            for one in (ELM, OAK):
                late = ReadAt(Order(3, 99), asked_at)
                for key in world.kept(one):
                    world.records.store(one.id, "appointments", [visit(key, 10, "10")], read=late, cause="read")
        for one in (ELM, OAK):
            for key, note in world.kept(one).items():
                assert int(note) >= before.get((one.id, key), 0)
                before[one.id, key] = int(note)

    newest: dict[tuple[str, int], int] = {}
    for of, rows in calls:
        for key, second in rows:
            newest[of, int(key)] = max(second, newest.get((of, int(key)), 0))
    assert before == newest


def test_a_machine_that_tells_and_was_thought_silent_is_looked_for_now_and_not_with_each_call(world: World) -> None:
    def watched(**told: Any) -> None:
        state, now = world.syncs.load(ELM.id), world.clock.now()
        later, looked_at = now + timedelta(hours=1), now - timedelta(minutes=2)
        tables = {"Appointment": Told(1, **told)}
        native = Native(wanted=True, base_url="https://api.example", cared_at=looked_at, due_at=later, tables=tables)
        world.syncs.save_practice(replace(state, native=native))

    def wait() -> float:
        native: Native = world.syncs.load(ELM.id).native
        assert native.due_at is not None
        return float(max(0.0, (native.due_at - world.clock.now()).total_seconds()))

    watched(has_moved=True)
    world.tell(visit(1, 11))
    assert wait() > 3000
    watched(has_moved=True, trouble="machine-silent")
    world.tell(visit(2, 11))
    assert wait() == 0
    assert world.is_told()
    watched()
    state = world.syncs.load(ELM.id)
    world.syncs.save_practice(replace(state, native=replace(state.native, cared_at=world.clock.now())))
    world.tell(visit(3, 11))
    assert wait() > 3000
