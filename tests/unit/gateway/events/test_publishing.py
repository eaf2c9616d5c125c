"""Each change is told once, whoever dies on the way and however long nobody tells anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.core.events.changes import RowChange, Was
from gateway.core.events.deriving import Around
from gateway.core.events.event import Cause
from gateway.core.events.publishing import OUTBOX_KEPT, publish
from tests.fakes.events import FakePublisher
from tests.fakes.office import Killed
from tests.fakes.services import ELM_STREET, NOON

AROUND = Around(ELM_STREET)


def note(number: int, text: str) -> dict[str, Any]:
    return {"CommlogNum": number, "PatNum": 3, "Note": text, "CommDateTime": "2026-11-18 10:00:00"}


@dataclass
class Outbox:
    """What a table with a stream shows of its rows."""

    rows: dict[int, RowChange] = field(default_factory=dict)
    records: list[RowChange] = field(default_factory=list)
    seq: int = 1000

    def store(self, number: int, text: str, *, at: datetime, cause: str = "poll", dead: bool = False) -> RowChange:
        was = self.rows.get(number)
        self.seq += 1
        standing = Was.NOTHING if was is None else Was.BURIED if was.is_dead else Was.LIVING
        change = RowChange(
            ELM_STREET.id, "commlogs", number, self.seq, note(number, text), standing, is_dead=dead, cause=cause,
            stored_at=at,
            before=None if was is None else was.row,
            before_seq=None if was is None else was.seq,
            before_cause=None if was is None else was.cause,
            before_at=None if was is None else was.stored_at,
        )  # fmt: skip
        self.rows[number] = change
        self.records.append(change)
        return change


def dies_at(step: int) -> Callable[[], None]:
    left = iter(range(step))

    def tick() -> None:
        if next(left, None) is None:
            raise Killed

    return tick


def test_a_change_that_is_read_twice_is_told_once() -> None:
    on, outbox = FakePublisher(AROUND), Outbox()
    changes = [outbox.store(1, "A", at=NOON), outbox.store(1, "B", at=NOON)]

    publish(changes, on)
    again = publish(changes, on)

    assert again.events == 0
    assert [one.type for one in on.bus.came] == ["communication.logged", "communication.updated"]


def test_the_state_before_a_change_is_told_only_if_it_may_not_have_been() -> None:
    """What was told is forgotten after months: a visit booked in spring must not be told as booked again in winter."""
    for days, told in ((1, 2), (88, 2), (90, 1), (400, 1)):
        on, outbox = FakePublisher(AROUND), Outbox()
        outbox.store(1, "A", at=NOON)
        on.clock.sleep(days * 86_400)

        assert publish([outbox.store(1, "B", at=on.clock.now())], on).events == told


def test_there_and_back_and_there_again_are_four_events() -> None:
    on, outbox = FakePublisher(AROUND), Outbox()
    publish([outbox.store(1, text, at=NOON) for text in "ABAB"], on)

    assert len({one.id for one in on.bus.came}) == 4
    assert [one.sequence for one in on.bus.came] == sorted(one.sequence for one in on.bus.came)


def test_what_was_lost_with_the_outbox_is_told_before_the_next_change_of_the_row() -> None:
    on, outbox = FakePublisher(AROUND), Outbox()
    publish([outbox.store(1, "A", at=NOON)], on)
    outbox.store(1, "B", at=NOON)

    publish([outbox.store(1, "C", at=NOON)], on)

    assert [one.cause for one in on.bus.came] == [Cause.POLL, Cause.RECOVERY, Cause.POLL]


def test_the_first_change_of_a_row_that_was_loaded_is_no_recovery() -> None:
    on, outbox = FakePublisher(AROUND), Outbox()
    publish([outbox.store(1, "A", at=NOON, cause="load"), outbox.store(1, "B", at=NOON)], on)
    outbox.store(2, "A", at=NOON, cause="load")
    publish([outbox.store(2, "B", at=NOON)], on)

    assert [(one.type, one.cause) for one in on.bus.came] == [("communication.updated", Cause.POLL)] * 2


def test_nothing_is_told_of_a_practice_that_is_gone() -> None:
    on = FakePublisher(AROUND)
    publish([RowChange("prac_zzzzzzzzzzzzzzzz", "commlogs", 1, 5, note(1, "A"), Was.NOTHING, False, "poll", NOON)], on)

    assert on.bus.came == []


class Publishing(RuleBasedStateMachine):
    """Rows change, the publisher dies anywhere, is switched off, and comes back after its outbox has forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self.on, self.outbox, self.begun = FakePublisher(AROUND), Outbox(), 0
        self.forgotten: set[int] = set()

    @rule(number=st.integers(1, 3), text=st.sampled_from("AB"), dead=st.booleans(), loads=st.booleans())
    def change(self, number: int, text: str, *, dead: bool, loads: bool) -> None:
        was = self.outbox.rows.get(number)
        if was is None and dead:
            return
        cause = "load" if loads and was is None else "poll"
        self.outbox.store(number, text, at=self.on.clock.now(), cause=cause, dead=dead and not was.is_dead)  # type: ignore[union-attr]

    @rule(hours=st.sampled_from([0, 1, 30]))
    def time_passes(self, hours: int) -> None:
        self.on.clock.seconds += 3600 * hours
        kept = self.on.clock.now() - OUTBOX_KEPT
        while self.begun < len(self.outbox.records) and self.outbox.records[self.begun].stored_at < kept:
            self.forgotten.add(self.outbox.records[self.begun].seq)
            self.begun += 1

    @rule(count=st.integers(1, 5), step=st.integers(0, 12))
    def publish_some(self, count: int, step: int) -> None:
        batch = self.outbox.records[self.begun : self.begun + count]
        tick = dies_at(step)
        for port in (self.on.event_log, self.on.bus):
            port.at_each = tick
        try:
            publish(batch, self.on)
            self.begun += len(batch)
        except Killed:
            pass
        finally:
            for port in (self.on.event_log, self.on.bus):
                port.at_each = lambda: None

    @rule()
    def what_was_forgotten_is_recovered(self) -> None:
        """As the daily job does: rows that changed before what the outbox still has, as they are now."""
        kept = self.on.clock.now() - OUTBOX_KEPT
        lost = [one for one in self.outbox.rows.values() if one.cause != "load" and one.stored_at < kept]
        publish([unseen(one) for one in lost], self.on)

    @precondition(lambda self: self.begun == len(self.outbox.records))
    @invariant()
    def everything_that_could_be_seen_is_told_once(self) -> None:
        told = [one.event for one in self.on.event_log.logged.values()]
        wanted = {one.seq for one in self.outbox.records if one.cause != "load"} - self.forgotten
        assert wanted <= {one.sequence for one in told} <= wanted | self.forgotten
        assert len({(one.object_id, one.sequence) for one in told}) == len(told)

    def teardown(self) -> None:
        """At last everybody comes back, and the last state of each row has been told.

        Of an earlier one, whose publisher died between the log and the bus and did not come back for a day, the log
        alone may know.
        """
        self.on.clock.seconds += 1
        self.publish_some(len(self.outbox.records), 10_000)
        self.on.clock.seconds += 3600 * 30
        self.what_was_forgotten_is_recovered()
        logged = {one.event.id for one in self.on.event_log.logged.values()}
        assert {one.id for one in self.on.bus.came} <= logged
        last = {one.seq for one in self.outbox.rows.values() if one.cause != "load"}
        assert last <= {one.sequence for one in self.on.bus.came}


def unseen(change: RowChange) -> RowChange:
    return replace(
        change, was=Was.UNSEEN, before=None, before_seq=None, before_cause=None, before_at=None, is_dead=change.is_dead
    )


TestPublishing = Publishing.TestCase
TestPublishing.settings = settings(max_examples=200, stateful_step_count=25)


def test_an_event_has_its_place_in_the_log_where_it_was_logged_and_not_where_its_batch_began() -> None:
    """Who keeps up with the log has read on to a few seconds ago, and never looks back."""
    on, outbox = FakePublisher(AROUND), Outbox()

    def slow(change: RowChange) -> Around:
        on.clock.seconds += 10
        return AROUND

    on.around = slow  # type: ignore[method-assign]
    publish([outbox.store(number, "A", at=NOON) for number in (1, 2)], on)

    assert {one.logged_at for one in on.event_log.logged.values()} == {on.clock.now()}
