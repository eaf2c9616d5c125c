"""Never two messages for one visit and rule, and none where nobody has allowed it: whatever comes twice, late or never,
and whoever dies.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.core.engagement.messages import State
from gateway.core.engagement.ports import Carried
from gateway.core.engagement.rules import Channel, Kind, Offset, Quiet, Window
from gateway.core.engagement.sender import Sending, send
from gateway.core.errors import AppError, Unavailable
from gateway.core.ids import row_id
from gateway.core.walltime import to_wall
from tests.fakes.engaged import OFFICE, SENDER, Engaged, a_rule
from tests.fakes.messages import FakeCarrier
from tests.fakes.office import Killed
from tests.fakes.services import Life

VISITS = (34, 35)
AHEAD = (timedelta(hours=4), timedelta(hours=26), timedelta(hours=30), timedelta(days=3))
"""How far ahead visits are booked, in whole hours of the wall."""

CONSENT = ("Yes", "Yes", "No", "Unknown")
deaths = st.sampled_from([None] * 9 + [*range(1, 46, 5), *range(46, 63, 2)])
"""Seldom enough that something happens; between a sending and its outcome there are the steps from 48 on."""


class _Carrier(FakeCarrier):
    """Notes for whom something went out, and whether it might have."""

    def __init__(self, world: Messages) -> None:
        super().__init__()
        self._world = world

    def text(self, letter: Any) -> Carried:
        self._world.went_out(Channel.TEXT)
        return super().text(letter)

    def email(self, letter: Any) -> Carried:
        self._world.went_out(Channel.EMAIL)
        return super().email(letter)


class Messages(RuleBasedStateMachine):
    """An office, its events in a heap that anybody may take from in any order, and a sender."""

    @initialize()
    def begin(self) -> None:
        self.world = Engaged()
        self.on = self.world.on
        self.carrier = self.on.carrier = _Carrier(self)
        self.consent, self.email = "Yes", "zoe@example.com"
        self.visits: dict[int, tuple[str, str]] = {}
        self.sent: list[tuple[str, Channel]] = []
        self.at: str = ""
        self._patient()
        quiet, window = Quiet(20 * 60, 7 * 60), Window(since=480, until=1200)
        self.on.messages.make_rule(a_rule(id_="rul_a", window=window, quiet=quiet))
        self.on.messages.make_rule(a_rule(id_="rul_b", offset=Offset(minutes=180), quiet=quiet))
        after = a_rule(Kind.AFTER_VISIT, "rul_c", offset=Offset(minutes=60), channels=(Channel.TEXT,))
        self.on.messages.make_rule(after)

    def _patient(self) -> None:
        self.world.patient(TxtMsgOk=self.consent, Email=self.email)

    def went_out(self, channel: Channel) -> None:
        """Somebody is written to at this moment."""
        (message,) = [one for one in self.on.messages.kept.values() if one.id == self.at]
        self.sent.append((self.at, channel))
        assert message.state is State.CLAIMED
        assert channel is not Channel.TEXT or self.consent == "Yes"
        assert channel is not Channel.EMAIL or self.email
        number = next(one for one in VISITS if row_id("appointment", OFFICE.id, one) == message.subject_id)
        _, status = self.visits[number]
        assert status == ("Complete" if message.kind is Kind.AFTER_VISIT else "Scheduled")
        assert message.mark in {one for one in [self._start(number)] if one}

    def _start(self, number: int) -> str | None:
        from gateway.core.engagement.looking import known_of  # noqa: PLC0415

        known = known_of(OFFICE, 15, {Kind.REMINDER}, self.on)
        wanted = row_id("appointment", OFFICE.id, number)
        return next((one["start_at"] for one in known.visits if one["id"] == wanted), None)

    def _as_one_who_may_die(self, dies_at: int | None) -> Any:
        return self.on if dies_at is None else self.on.mortal(Life(dies_at))

    # At the office

    @rule(number=st.sampled_from(VISITS), ahead=st.sampled_from(AHEAD))
    def book_or_move(self, number: int, ahead: timedelta) -> None:
        wall = to_wall(self.world.now + ahead, OFFICE.zone()).replace(minute=0, second=0, microsecond=0)
        start = wall.isoformat(sep=" ")
        self.visits[number] = (start, "Scheduled")
        self.world.visit(number, start)

    @precondition(lambda self: self.visits)
    @rule(data=st.data(), status=st.sampled_from(["Broken", "UnschedList", "Complete", "Scheduled"]))
    def change_status(self, data: st.DataObject, status: str) -> None:
        number = data.draw(st.sampled_from(sorted(self.visits)))
        start = self.visits[number][0]
        self.visits[number] = (start, status)
        self.world.visit(number, start, status=status)

    @precondition(lambda self: self.visits)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.visits)))
        del self.visits[number]
        self.world.bury("appointments", number)

    @rule(consent=st.sampled_from(CONSENT), email=st.sampled_from(["", "zoe@example.com"]))
    def say(self, consent: str, email: str) -> None:
        self.consent, self.email = consent, email
        self._patient()

    # In the gateway

    @rule(dies_at=deaths)
    def until_the_next_is_due(self, dies_at: int | None) -> None:
        self.hear(None)
        times = [one.due_at for one in self.world.messages if one.state is State.PLANNED and one.due_at]
        if times:
            self.world.until(max(self.world.now, min(times)))
        with suppress(Killed, Unavailable):
            self.world.minute(self._as_one_who_may_die(dies_at))

    @rule(dies_at=deaths)
    def hear(self, dies_at: int | None) -> None:
        """Which event it is does not matter, so one stands for all: late, twice, and in any order."""
        with suppress(Killed, Unavailable):
            self.world.hear(on=self._as_one_who_may_die(dies_at))

    @rule(minutes=st.sampled_from([1, 15, 60, 240, 720]), dies_at=deaths)
    def wait(self, minutes: int, dies_at: int | None) -> None:
        self.world.later(minutes=minutes)
        with suppress(Killed, Unavailable):
            self.world.minute(self._as_one_who_may_die(dies_at))

    @precondition(lambda self: self.world.told)
    @rule(
        data=st.data(), dies_at=deaths, answer=st.sampled_from([Carried(True), Carried(False), Carried(False, False)])
    )
    def deliver(self, data: st.DataObject, dies_at: int | None, answer: Carried) -> None:
        """The sender hears of a message, perhaps for the third time."""
        self.at, _ = data.draw(st.sampled_from(self.world.told))
        self.carrier.answer = answer
        event = {"object_id": self.at}
        with suppress(Killed, AppError):
            send(event, Sending(SENDER.id), self._as_one_who_may_die(dies_at))

    @rule(dies_at=deaths, number=st.sampled_from(VISITS), meanwhile=st.sampled_from(["", "", "broken", "no"]))
    def a_usual_day(self, dies_at: int | None, number: int, meanwhile: str) -> None:
        """Chance alone seldom comes to where something is sent. Each that is due is heard of twice."""
        if number not in self.visits:
            self.book_or_move(number, AHEAD[1])
        self.until_the_next_is_due(None)
        if meanwhile == "broken" and number in self.visits:
            self.visits[number] = (self.visits[number][0], "Broken")
            self.world.visit(number, self.visits[number][0], status="Broken")
        if meanwhile == "no":
            self.say("No", self.email)
        self.carrier.answer = Carried(is_sent=True)
        for one in [one for one in self.world.messages if one.state in {State.DUE, State.CLAIMED}]:
            for at_step in (dies_at, None):
                self.at = one.id
                with suppress(Killed, AppError):
                    send({"object_id": one.id}, Sending(SENDER.id), self._as_one_who_may_die(at_step))

    # What holds

    @invariant()
    def nothing_was_sent_twice(self) -> None:
        if hasattr(self, "sent"):
            assert all(count == 1 for count in Counter(id_ for id_, _ in self.sent).values())

    @invariant()
    def one_message_for_each_visit_start_and_rule(self) -> None:
        if hasattr(self, "world"):
            kept = Counter((one.rule_id, one.subject_id, one.mark) for one in self.world.messages)
            assert all(count == 1 for count in kept.values())

    @invariant()
    def each_round_was_told_once(self) -> None:
        if hasattr(self, "world"):
            changes = [said for *_, said in self.on.facts.changes]
            told = Counter((said["id"], said["round"], said["state"]) for said in changes if said["state"] == "due")
            assert all(count == 1 for count in told.values())

    def teardown(self) -> None:
        """Once everything is heard and nobody dies, nothing is left that nobody looks at."""
        if not hasattr(self, "world"):
            return
        self.world.hear()
        self.world.later(days=60)
        for _ in range(3):
            self.world.minute()
            self.world.later(hours=2)
        waiting = {State.PLANNED, State.DUE, State.CLAIMED}
        assert not [one for one in self.world.messages if one.state in waiting]
        assert timedelta(0) < self.world.now - self.world.on.clock.start


TestMessages = Messages.TestCase
TestMessages.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
