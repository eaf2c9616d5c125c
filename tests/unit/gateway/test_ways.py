"""A practice with two ways: its own server in a network of its own, and the vendor's relay on the internet."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.adapters.practices import from_record, to_record
from gateway.core import pacing, sweeping, ways
from gateway.core.errors import PracticeOffline, StillRunning
from gateway.core.ids import new_id
from gateway.core.operations import Operation, OperationState, Turn
from gateway.core.pacing import Answer, InUse, PaceItem, Trip
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from gateway.core.practices import Mode, Practice, Tier, Way, WayName
from gateway.core.requests import Freshness, fetch, submit, woken
from open_dental import errors
from tests.fakes import ELM_STREET, FakeServices, Fault, World, a_caller
from tests.fakes.plans import KINDS
from tests.fakes.services import Life

SERVICE = Way(Mode.SERVICE, "http://10.20.0.15:30223/api/v1", "clinic")
REMOTE = Way(Mode.REMOTE, "https://api.opendental.com/api/v1")
BOTH = replace(
    ELM_STREET,
    id=new_id("practice"),
    mode=SERVICE.mode,
    base_url=SERVICE.base_url,
    network=SERVICE.network,
    tier=Tier.UNPACED,
    permissions=frozenset({"ReadAll", "Appointments"}),
    fallback=REMOTE,
)
PRACTICE = BOTH.id


class TwoDoors:
    """One office behind both ways. It fails a test that calls it from where it cannot be reached, or twice at once."""

    def __init__(self, on: FakeServices, world: World) -> None:
        self.on, self.world = on, world
        self.down: set[str] = set()
        self.hung: set[str] = set()
        self.calls: list[tuple[str, UpstreamCall]] = []
        self.during: Callable[[UpstreamCall], None] = lambda call: None
        self._busy = False

    def send(self, practice: Practice, call: UpstreamCall, gate: Callable[[], None] | None = None) -> UpstreamAnswer:
        assert self.world.at == practice.network
        assert not self._busy
        if practice.network in self.down:
            raise errors.NotSent(operation=call.operation)
        self.calls.append((practice.network, call))
        if practice.network in self.hung:
            if gate is not None:
                gate()
            raise errors.PracticeOffline(operation=call.operation, status=503)
        self._busy = True
        try:
            self.during(call)
            return self.on.office.send(practice, call, gate)
        finally:
            self._busy = False

    def by(self, network: str) -> list[str]:
        return [call.operation for where, call in self.calls if where == network]


@pytest.fixture
def on() -> FakeServices:
    return FakeServices((BOTH,))


@pytest.fixture
def world(on: FakeServices) -> World:
    world = World(on, KINDS)
    world.networks = ("remote", "clinic")
    return world


@pytest.fixture
def doors(on: FakeServices, world: World) -> TwoDoors:
    on.upstream = TwoDoors(on, world)
    return on.upstream


def book(on: FakeServices, key: str = "k" * 16) -> Operation:
    input_ = {"patient": 7, "at": "2026-03-03 09:00:00"}
    practice = on.practices.get(PRACTICE)
    return submit("test.book", input_, practice=practice, caller=a_caller(BOTH), idempotency_key=key, on=on)


def ask(on: FakeServices, **bound: Any) -> None:
    """Have it fetched, without waiting."""
    practice = on.practices.get(PRACTICE)
    with pytest.raises(StillRunning):
        fetch("test.fetch", bound, practice=practice, caller=a_caller(BOTH), freshness=Freshness(wait_s=0), on=on)


def state(on: FakeServices, operation: Operation) -> OperationState:
    found: OperationState = on.operations.get(operation.id).state
    return found


def in_use(on: FakeServices) -> WayName:
    found: WayName = on.pace.load(PRACTICE).way.by
    return found


# -- the rules ------------------------------------------------------------------------------------------------------


def test_by_the_fallback_a_practice_has_that_ways_pages_and_throttle() -> None:
    remote = ways.as_reached(BOTH, WayName.FALLBACK)

    assert (BOTH.page_limit, pacing.floor_of(BOTH)) == (1000, 0.0)
    assert (remote.page_limit, pacing.floor_of(remote)) == (100, 1.0)
    assert remote.fallback == ways.way_of(BOTH)
    assert ways.way_of(ways.as_reached(remote, WayName.FIRST)) == SERVICE


def test_a_practice_said_by_its_fallback_cannot_be_stored_as_if_that_were_its_first_way() -> None:
    assert from_record(json.loads(json.dumps(to_record(BOTH)))) == BOTH
    with pytest.raises(ValueError, match="first way"):
        to_record(ways.as_reached(BOTH, WayName.FALLBACK))


def hear(item: PaceItem, answer: Answer, now: float, *, missed: bool = False) -> PaceItem:
    practice = ways.as_reached(BOTH, item.way.by)
    return ways.heard(pacing.heard(item, answer, now), practice, answer, missed=missed, now=now)


def test_one_connection_that_does_not_come_about_is_no_reason_to_leave_a_way_and_two_in_a_row_are() -> None:
    once = hear(PaceItem(PRACTICE), Answer.ODD, 1.0, missed=True)
    between = hear(once, Answer.FINE, 2.0)

    assert once.way.by is hear(between, Answer.ODD, 3.0, missed=True).way.by is WayName.FIRST
    assert hear(once, Answer.ODD, 2.0, missed=True).way.by is WayName.FALLBACK


def test_the_other_way_is_tried_at_once_and_the_practice_is_offline_when_that_fails_too() -> None:
    left = hear(PaceItem(PRACTICE), Answer.OFFLINE, 1.0)
    both = hear(left, Answer.OFFLINE, 2.0)

    assert (left.way.by, left.way.network, left.breaker.trip) == (WayName.FALLBACK, "remote", None)
    assert (both.way.by, both.breaker.trip, both.breaker.probe_at) == (WayName.FIRST, Trip.OFFLINE, 62.0)


def test_a_refused_key_is_the_same_key_on_the_other_way() -> None:
    assert hear(PaceItem(PRACTICE), Answer.KEY_REFUSED, 1.0).way.by is WayName.FIRST


@given(
    heard=st.lists(st.tuples(st.sampled_from(list(Answer)), st.booleans()), max_size=40),
    started=st.sampled_from(list(WayName)),
)
def test_whatever_is_heard_a_way_is_called_unless_both_have_failed(
    heard: list[tuple[Answer, bool]], started: WayName
) -> None:
    item, now, failed = PaceItem(PRACTICE, way=InUse(started)), 0.0, set[WayName]()
    for answer, missed in heard:
        now += 100.0
        was = item.way.by
        item = hear(item, answer, now, missed=missed and answer is Answer.ODD)
        if answer is Answer.FINE:
            failed.clear()
        if item.way.by is not was:
            failed.add(was)

        assert (item.breaker.trip is Trip.OFFLINE) <= (len(failed) == 2)
        assert item.way.network in {None, ways.as_reached(BOTH, item.way.by).network}


def test_a_throttle_that_was_widened_stays_so_while_the_first_way_is_tried() -> None:
    """Else each minute's try would have the vendor's wish for a pause forgotten."""
    remote, item = ways.as_reached(BOTH, WayName.FALLBACK), PaceItem(PRACTICE, holder="one", busy_until=1e9)
    for practice, throttled in ((remote, True), (BOTH, False)):
        key, floor_s = practice.pace_key, pacing.floor_of(practice)
        item, slot = pacing.reserve(item, key, holder="one", floor_s=floor_s, now=10.0)
        item = pacing.finished(item, key, pacing.Call(slot, slot + 0.1, throttled), floor_s=floor_s)

    assert pacing.key_pace(item, remote.pace_key, 1.0).interval_s == 1.5


# -- what becomes of turns ------------------------------------------------------------------------------------------


def test_a_write_goes_out_by_the_fallback_when_the_first_way_cannot_be_connected_to(
    on: FakeServices, world: World, doors: TwoDoors
) -> None:
    doors.down.add("clinic")
    operation = book(on)
    world.run(130)

    assert state(on, operation) is OperationState.SUCCEEDED
    assert doors.by("remote").count("appointments.create") == 1
    assert in_use(on) is WayName.FALLBACK


def test_a_reader_who_waits_is_answered_by_the_fallback_without_waiting_for_the_minutes_sweep(
    on: FakeServices, world: World, doors: TwoDoors
) -> None:
    doors.hung.add("clinic")
    on.office.add("appointments", PatNum=7)
    ask(on, PatNum=7)
    while world.work():
        pass
    (operation_id,) = on.ledger.entries
    assert on.operations.get(operation_id).parked_until is not None

    # The look of whoever waits; no sweep has come.
    woken(on.operations.get(operation_id), on=on)
    while world.work():
        pass
    assert on.operations.get(operation_id).state is OperationState.SUCCEEDED
    assert doors.by("remote") == ["appointments.list"]
    assert on.clock.monotonic() < 5


def test_new_turns_are_put_where_the_way_in_use_begins(on: FakeServices, world: World, doors: TwoDoors) -> None:
    doors.down.add("clinic")
    book(on)
    world.run(130)
    on.calls.networks.clear()
    book(on, "o" * 16)

    assert on.calls.networks == ["remote"]


def test_the_first_way_is_tried_each_minute_and_taken_again_when_it_answers(
    on: FakeServices, world: World, doors: TwoDoors
) -> None:
    doors.down.add("clinic")
    book(on)
    world.run(400)
    assert in_use(on) is WayName.FALLBACK
    doors.calls.clear()
    doors.down.clear()
    world.run(130)

    assert in_use(on) is WayName.FIRST
    assert doors.by("clinic") == ["securityperms.list"]
    later = book(on, "o" * 16)
    world.run(5)
    assert state(on, later) is OperationState.SUCCEEDED
    assert "appointments.create" in doors.by("clinic")


def test_when_neither_way_answers_the_practice_is_offline_and_both_are_tried_in_turn(
    on: FakeServices, world: World, doors: TwoDoors
) -> None:
    doors.hung |= {"clinic", "remote"}
    operation = book(on)
    world.run(590)
    assert on.paces.view(PRACTICE).trouble == "offline"
    assert [content for _, _, key, content in on.facts.changes if key == "connection"] == [{"state": "offline"}]
    tried = [network for network, _ in doors.calls]
    assert {*tried[-2:]} == {"clinic", "remote"}
    assert len(tried) <= 16
    with pytest.raises(PracticeOffline):
        fetch("test.fetch", {}, practice=BOTH, caller=a_caller(BOTH), freshness=Freshness(wait_s=0), on=on)

    doors.hung.discard("remote")
    world.run(300)
    assert state(on, operation) is OperationState.SUCCEEDED


def test_a_write_whose_answer_is_lost_on_one_way_is_found_by_the_other_and_never_sent_again(
    on: FakeServices, world: World, doors: TwoDoors
) -> None:
    on.office.on_call = lambda call: Fault.LOSE_ANSWER if call.operation.endswith("create") else None
    operation = book(on)
    world.run(5)
    assert state(on, operation) is OperationState.UNKNOWN
    doors.down.add("clinic")
    world.run(600)

    assert state(on, operation) is OperationState.SUCCEEDED
    assert doors.by("clinic").count("appointments.create") == 1
    assert "appointments.create" not in doors.by("remote")
    assert "appointments.list" in doors.by("remote")


@pytest.mark.parametrize(("permissions", "limit"), [({"ReadAll"}, 100), ({"ReadAll", "Enterprise"}, 1000)])
def test_a_list_that_was_half_read_by_one_way_is_begun_anew_by_the_other(
    on: FakeServices, world: World, doors: TwoDoors, permissions: set[str], limit: int
) -> None:
    """Its pages are of another length there: read on, it would have holes. Nor is it where they are as long."""
    on.practices.put(replace(BOTH, permissions=frozenset(permissions)))
    for _ in range(1500):
        on.office.add("appointments", PatNum=7)

    def after_a_page(call: UpstreamCall) -> None:
        doors.down.add("clinic")

    doors.during = after_a_page
    ask(on, PatNum=7)
    world.run(400)
    queries = [(where, call.query["Limit"], call.query["Offset"]) for where, call in doors.calls if call.query]
    (operation_id,) = on.ledger.entries

    assert on.operations.get(operation_id).state is OperationState.SUCCEEDED
    assert queries[0] == ("clinic", 1000, 0)
    assert queries[1:] == [("remote", limit, offset) for offset in range(0, 1501, limit)]
    (rows,) = on.cache.rows.values()
    assert len(rows.rows["appointments"]) == 1500


def test_what_a_sent_write_rests_on_is_kept_when_the_way_changes(
    on: FakeServices, world: World, doors: TwoDoors
) -> None:
    """Read anew behind the write, the day would show our own visit in the way of it."""

    def once_written(call: UpstreamCall) -> None:
        if call.operation == "appointments.create":
            doors.down.add("clinic")

    doors.during = once_written
    operation = book(on)
    world.run(200)

    assert state(on, operation) is OperationState.SUCCEEDED
    assert doors.by("clinic") == ["appointments.list", "appointments.create"]
    assert doors.by("remote") == ["appointments.get"]


def by_the_fallback(on: FakeServices) -> None:
    """As it is once the first way has not answered; it is to be tried again."""
    way = InUse(WayName.FALLBACK, "remote", since=1.0)
    on.pace.update(PRACTICE, lambda item: (replace(item, way=way), None))


def test_no_worker_sends_while_the_other_networks_worker_does(on: FakeServices, world: World, doors: TwoDoors) -> None:
    """The first way is tried by one of them while the other has a booking to make."""
    by_the_fallback(on)
    operation = book(on)
    sweeping.forward_tick(PRACTICE, 1, on=on)
    turns: list[int] = []

    def meanwhile(call: UpstreamCall) -> None:
        if call.operation == "securityperms.list":
            world.work_in("remote")
            turns.append(world.turns)

    doors.during = meanwhile
    world.work_in("clinic")

    # Its turn came, and came back: `TwoDoors` fails on a second call.
    assert turns == [2]
    assert doors.by("remote") == []
    world.run(130)
    assert state(on, operation) is OperationState.SUCCEEDED


def test_the_first_way_is_tried_though_the_other_worker_has_the_seat_whenever_the_lane_looks(
    on: FakeServices, world: World, doors: TwoDoors
) -> None:
    """Where callers keep the fallback busy, which may be the slower way, nobody ever came back from it."""
    by_the_fallback(on)
    now = on.clock.now().timestamp()
    on.pace.update(PRACTICE, lambda item: (replace(item, holder="another", busy_until=now + 80), None))
    sweeping.forward_tick(PRACTICE, 1, on=on)
    for _ in range(3):
        world.work_in("clinic")
        on.clock.sleep(2.5)
    assert (doors.calls, in_use(on)) == ([], WayName.FALLBACK)
    on.pace.update(PRACTICE, lambda item: (replace(item, holder=None, busy_until=0.0), None))
    world.work_in("clinic")

    assert doors.by("clinic")[0] == "securityperms.list"
    assert in_use(on) is WayName.FIRST


def test_a_background_turn_in_the_network_that_is_not_in_use_tries_the_first_way_and_does_nothing_else(
    on: FakeServices, world: World, doors: TwoDoors
) -> None:
    on.office.on_call = lambda call: Fault.LOSE_ANSWER if call.operation.endswith("create") else None
    operation = book(on)
    world.run(5)
    on.clock.sleep(100)
    doors.calls.clear()
    doors.hung.add("clinic")
    by_the_fallback(on)
    on.calls.put(Turn(PRACTICE, None, 7), network="clinic")
    world.work_in("clinic")

    assert doors.by("clinic") == ["securityperms.list"]
    assert state(on, operation) is OperationState.UNKNOWN
    world.run(200)
    assert state(on, operation) is OperationState.SUCCEEDED
    assert "appointments.list" in doors.by("remote")


def test_a_turn_on_the_wrong_networks_queue_is_handed_over_and_calls_nobody(
    on: FakeServices, world: World, doors: TwoDoors
) -> None:
    operation = book(on)
    on.calls.put(Turn(PRACTICE, operation.id, operation.attempt), network="remote")
    world.work_in("remote")

    assert doors.calls == []
    assert on.ledger.load(operation.id).record.request.network == "clinic"
    world.run(130)
    assert state(on, operation) is OperationState.SUCCEEDED


def test_writes_that_are_handed_over_keep_their_order_though_somebody_waits_for_the_last_alone(
    on: FakeServices, world: World, doors: TwoDoors
) -> None:
    """A visit may rest on what the write before it left."""
    doors.hung.add("clinic")
    operations = []
    for number in range(3):
        operations.append(book(on, f"key-{number:012}"))
        on.clock.sleep(0.01)
    for _ in range(400):
        while world.work():
            pass
        woken(on.operations.get(operations[-1].id), on=on)
        world.run(0.3)

    references = [on.ledger.load(one.id).record.reference for one in operations]
    notes = [row["Note"] for row in on.office.rows["appointments"]]
    assert [next(at for at, note in enumerate(notes) if one in note) for one in references] == [0, 1, 2]


def test_a_worker_puts_no_turn_on_any_queue(on: FakeServices, world: World, doors: TwoDoors) -> None:
    doors.down.add("clinic")
    book(on)
    before = len(on.calls.turns)
    while world.work():
        pass

    assert len(on.calls.turns) == before


def test_background_turns_follow_the_way_in_use_and_the_first_is_tried_from_where_it_begins(
    on: FakeServices, world: World, doors: TwoDoors
) -> None:
    now = on.clock.now().timestamp()
    way = InUse(WayName.FALLBACK, "remote", since=now, probe_at=now + 30)
    on.pace.update(PRACTICE, lambda item: (pacing.work_due(replace(item, way=way), now), None))
    sweeping.offer_lanes(on)

    assert sorted((tick[0], tick.network) for tick in on.ticks.waiting) == [(0, "remote"), (30, None)]
    for tick in on.ticks.waiting:
        sweeping.forward_tick(tick[1], tick[2], tick.network, on=on)
    assert on.calls.networks == ["remote", "clinic"]


def test_a_fallback_that_was_taken_away_while_it_was_in_use_leaves_nobody_waiting(
    on: FakeServices, world: World, doors: TwoDoors
) -> None:
    doors.down.add("clinic")
    book(on)
    world.run(130)
    on.practices.put(replace(BOTH, fallback=None))
    doors.down.clear()
    operation = book(on, "o" * 16)
    world.run(200)

    assert state(on, operation) is OperationState.SUCCEEDED
    assert in_use(on) is WayName.FIRST


def _let_both_work(world: World) -> None:
    for network in ("remote", "clinic"):
        world.work_in(network)


Happens = st.sampled_from(["clinic", "remote", "lose", "die", "both_work", "nothing"])


@settings(max_examples=40)
@given(
    happens=st.lists(Happens, min_size=1, max_size=12), dies_at=st.lists(st.integers(1, 40), min_size=12, max_size=12)
)
def test_whichever_way_comes_and_goes_and_whoever_dies_each_booking_is_made_once(
    happens: list[str], dies_at: list[int]
) -> None:
    """`TwoDoors` sees to it besides that calls never overlap and that no worker calls out of its network."""
    on = FakeServices((BOTH,))
    world = World(on, KINDS)
    world.networks = ("remote", "clinic")
    doors = on.upstream = TwoDoors(on, world)
    operations = []
    for number, what in enumerate(happens):
        if what in {"clinic", "remote"}:
            doors.down ^= {what}
        if what == "lose":
            on.office.faults.append(Fault.LOSE_ANSWER)
        if what == "die":
            lives = iter([Life(left=dies_at[number])])
            world.next_life = lambda lives=lives: next(lives, None)  # type: ignore[misc]
        doors.during = (lambda call: _let_both_work(world)) if what == "both_work" else (lambda call: None)
        operations.append(book(on, f"key-{number:012}"))
        world.run(45)
    world.next_life, doors.down = lambda: None, set()
    doors.during = lambda call: None
    world.run(9000)

    for operation in operations:
        made = [
            row
            for row in on.office.rows["appointments"]
            if on.ledger.load(operation.id).record.reference in row["Note"]
        ]
        settled = state(on, operation)
        assert settled is OperationState.SUCCEEDED or settled is OperationState.FAILED
        assert len(made) == (settled is OperationState.SUCCEEDED)
