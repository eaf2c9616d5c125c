"""Messages to patients: the fake and the table keep one contract."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from gateway.adapters.messages import SHARDS, DynamoMessages
from gateway.core.engagement.messages import Message, Outcome, Said, State, message_id
from gateway.core.engagement.planning import Reason
from gateway.core.engagement.ports import Ahead, Messages, Superseded
from gateway.core.engagement.rules import Channel, Filters, Kind, Text, Window
from gateway.core.errors import NotFound
from tests.contract.conftest import make_deployed_table
from tests.fakes.engaged import NOON, OFFICE, a_rule
from tests.fakes.messages import FakeMessages

HERE = OFFICE.id
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["fake", "dynamodb"])
def messages(request: pytest.FixtureRequest) -> Messages:
    if request.param == "fake":
        return FakeMessages()
    request.getfixturevalue("aws")
    return DynamoMessages(make_deployed_table("messages"), table="messages")


def a_message(number: int = 1, patient: int = 15, **changes: object) -> Message:
    mark = f"2026-03-09T1{number}:00:00Z"
    made = Message(
        id=message_id(HERE, patient, "rul_a", "appt_a", mark),
        practice_id=HERE,
        patient=patient,
        rule_id="rul_a",
        kind=Kind.REMINDER,
        subject_id="appt_a",
        mark=mark,
        state=State.PLANNED,
        made_at=NOON,
        changed_at=NOON,
        send_after=NOON + number * MINUTE,
        expire_at=NOON + timedelta(hours=3),
        channel=Channel.TEXT,
        language="en",
        named_day=date(2026, 3, 9),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_rule_comes_back_as_it_was_made_and_changed(messages: Messages) -> None:
    made = messages.make_rule(a_rule())
    changed = messages.change_rule(
        replace(
            made,
            window=Window(frozenset({0, 4}), 480, 1440),
            texts={"es": Text("Hola {patient_first_name}", "Cita")},
            language="es",
            filters=Filters(frozenset({"loc_a"}), confirmed=True, min_balance=Decimal("12.50"), every_days=7),
            is_on=False,
            body_hash="b" * 64,
            deleted_at=NOON,
        )
    )

    assert made == a_rule()
    assert messages.rule(HERE, "rul_a") == changed
    assert messages.make_rule(a_rule()) == changed
    with pytest.raises(Superseded):
        messages.change_rule(replace(made, name="late"))
    with pytest.raises(NotFound):
        messages.rule(HERE, "rul_b")
    with pytest.raises(NotFound):
        messages.rule("prac_aaaaaaaaaaaaaaaa", "rul_a")


def test_rules_come_in_the_order_of_their_ids(messages: Messages) -> None:
    for id_ in ("rul_b", "rul_c", "rul_a"):
        messages.make_rule(a_rule(id_=id_))

    assert [one.id for one in messages.rules(HERE)] == ["rul_a", "rul_b", "rul_c"]
    assert messages.rules("prac_aaaaaaaaaaaaaaaa") == []


def test_a_message_is_stored_once_and_stays_as_it_was(messages: Messages) -> None:
    first = a_message()
    assert messages.add(first)
    assert not messages.add(replace(first, channel=Channel.EMAIL))

    assert messages.get(HERE, 15, first.id) == first
    with pytest.raises(NotFound):
        messages.get(HERE, 16, first.id)


def test_of_two_who_change_a_message_one_does(messages: Messages) -> None:
    first = a_message()
    messages.add(first)
    saved = messages.save(
        replace(
            first,
            state=State.CLAIMED,
            reason=Reason.MOVED,
            telling="withdrawn",
            claim="mark",
            claimed_by="cli_a",
            claimed_at=NOON + MINUTE,
            round=3,
            said=(Said(Outcome.SENT, NOON, "mark2", "abc-1"), Said(Outcome.REPLIED, NOON, "mark3")),
        )
    )

    assert saved.rev == 1
    assert messages.of_patient(HERE, 15) == [saved]
    with pytest.raises(Superseded):
        messages.save(first)
    with pytest.raises(Superseded):
        messages.save(a_message(2))


def test_what_is_due_comes_the_longest_due_first_and_in_parts_that_make_up_all(messages: Messages) -> None:
    several = [a_message(number, patient=number) for number in range(1, 9)]
    for one in several:
        messages.add(one)
    ended = messages.save(replace(several[2], state=State.SENT, claim="mark"))
    told = messages.save(replace(several[4], state=State.DUE, changed_at=NOON))
    messages.save_ahead(Ahead(HERE, NOON - MINUTE))
    now = NOON + 6 * MINUTE

    found = messages.due(now, part=0, of=1, limit=100)
    assert [(one.patient, one.message_id) for one in found] == [(0, None)] + [
        (one.patient, one.id) for one in several[:6] if one.id not in {ended.id, told.id}
    ]
    parts = [one for part in range(3) for one in messages.due(now, part=part, of=3, limit=100)]
    assert sorted(parts, key=lambda one: one.due_at) == found
    assert len(messages.due(now, part=0, of=1, limit=2)) == 2
    assert SHARDS == 8


def test_pages_come_in_the_order_in_which_messages_go_out(messages: Messages) -> None:
    several = [a_message(number, patient=20 - number) for number in range(1, 7)]
    refused = a_message(8, send_after=None, expire_at=None, state=State.REFUSED, reason=Reason.NO_CHANNEL)
    for one in (*several, refused):
        messages.add(one)
    span = {"since": NOON, "until": NOON + 6 * MINUTE}
    first = messages.page(HERE, **span, after=None, limit=3)
    last = first[-1]
    rest = messages.page(HERE, **span, after=(last.send_after or NOON, last.id), limit=10)

    assert [*first, *rest] == [refused, *several[:5]]
    assert messages.page("prac_aaaaaaaaaaaaaaaa", **span, after=None, limit=3) == []


def test_a_look_ahead_is_moved_on_by_one_at_a_time(messages: Messages) -> None:
    assert messages.ahead(HERE) is None
    first = messages.save_ahead(Ahead(HERE, NOON))
    then = messages.save_ahead(replace(first, day=date(2026, 3, 2), step=1, after=17, due_at=None))

    assert messages.ahead(HERE) == then
    assert messages.due(NOON + MINUTE, part=0, of=1, limit=5) == []
    for late in (Ahead(HERE, NOON), first):
        with pytest.raises(Superseded):
            messages.save_ahead(late)
