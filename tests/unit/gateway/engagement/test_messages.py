"""Messages to patients, from what happened at the office to what came of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.core.engagement.messages import Outcome, State
from gateway.core.engagement.planning import Reason
from gateway.core.engagement.reading import MessagesQuery, get_message, list_messages
from gateway.core.engagement.rules import Channel, Kind, Offset
from gateway.core.engagement.sending import OutcomeInput, claim_message, note_outcome
from gateway.core.errors import Conflict, KeyReused, NotFound
from tests.fakes.engaged import Engaged, at


@pytest.fixture
def world() -> Engaged:
    world = Engaged()
    world.patient()
    world.rule()
    return world


def due(world: Engaged) -> str:
    """A visit whose reminder may be sent now."""
    world.visit()
    world.hear("appointment.created")
    world.until(at("2026-03-08T15:01:00"))
    world.minute()
    return world.only.id


def test_a_reminder_goes_out_a_day_before_by_the_wall_though_the_clocks_change_that_night(world: Engaged) -> None:
    """10:00 on the 9th is 15:00 UTC; on the 8th the clocks are put forward, and 10:00 is 15:00 UTC then, too."""
    world.visit()
    world.hear("appointment.created")

    assert (world.only.state, world.only.send_after) == (State.PLANNED, at("2026-03-08T15:00:00"))
    assert world.only.channel is Channel.TEXT
    world.visit(start="2026-03-08 10:00:00")
    world.hear()
    (moved,) = world.in_state(State.PLANNED)
    assert moved.send_after == at("2026-03-07T16:00:00")


def test_it_is_told_once_however_often_everything_comes_again(world: Engaged) -> None:
    id_ = due(world)
    for _ in range(3):
        world.hear()
        world.minute()

    assert world.told == [(id_, "due")]
    assert world.only.state is State.DUE


def test_a_move_withdraws_the_message_and_plans_another(world: Engaged) -> None:
    world.visit()
    world.hear("appointment.created")
    world.visit(start="2026-03-10 09:00:00")
    world.hear("appointment.rescheduled")

    assert [(one.state, one.reason) for one in world.messages] == [
        (State.WITHDRAWN, Reason.MOVED),
        (State.PLANNED, None),
    ]
    world.visit()
    world.hear("appointment.rescheduled")
    assert [one.mark for one in world.in_state(State.PLANNED)] == ["2026-03-09T15:00:00Z"]


@pytest.mark.parametrize("status", ["Broken", "UnschedList", "Complete"])
def test_a_visit_that_does_not_stand_has_no_message(world: Engaged, status: str) -> None:
    world.visit()
    world.hear("appointment.created")
    world.visit(status=status)
    world.hear()

    assert (world.only.state, world.only.reason) == (State.WITHDRAWN, Reason.STATUS)


def test_a_deleted_visit_has_no_message_and_who_was_told_of_it_is_told(world: Engaged) -> None:
    id_ = due(world)
    world.bury("appointments", 34)
    world.hear("appointment.deleted")

    assert (world.only.state, world.only.reason) == (State.WITHDRAWN, Reason.GONE)
    assert world.told == [(id_, "due"), (id_, "withdrawn")]


def test_a_visit_that_was_cancelled_without_an_event_is_not_reminded_of(world: Engaged) -> None:
    """The job looks again: events are late, and offices are quick."""
    world.visit()
    world.hear("appointment.created")
    world.visit(status="Broken")
    world.until(at("2026-03-08T15:01:00"))
    world.minute()

    assert world.only.state is State.WITHDRAWN
    assert world.told == []


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"TxtMsgOk": "Unknown", "Email": ""}, Reason.CONSENT_UNKNOWN),
        ({"TxtMsgOk": "No", "Email": ""}, Reason.NO_CONSENT),
        ({"WirelessPhone": "", "Email": ""}, Reason.NO_CHANNEL),
        ({"PreferContactMethod": "DoNotCall"}, Reason.DO_NOT_CONTACT),
        ({"TxtMsgOk": "Unknown", "PreferConfirmMethod": "Mail"}, Reason.CONSENT_UNKNOWN),
        ({"TxtMsgOk": "No", "WirelessPhone": "", "PreferConfirmMethod": "HmPhone"}, Reason.NO_CONSENT),
        ({"PatStatus": "Deceased"}, Reason.PATIENT_STATUS),
        ({"Birthdate": "2015-01-01", "Guarantor": 99}, Reason.NO_CONTACT),
    ],
)
def test_who_must_not_be_written_to_is_shown_with_the_reason(
    world: Engaged, columns: dict[str, Any], reason: Reason
) -> None:
    world.patient(**columns)
    world.visit()
    world.hear("appointment.created")

    assert (world.only.state, world.only.reason) == (State.REFUSED, reason)


def test_consent_that_was_given_later_brings_the_message_back(world: Engaged) -> None:
    world.patient(TxtMsgOk="Unknown", Email="")
    world.visit()
    world.hear("appointment.created")
    world.patient()
    world.hear()

    assert (world.only.state, world.only.round) == (State.PLANNED, 2)


def test_consent_that_was_taken_back_while_it_waited_is_heeded_when_it_is_due(world: Engaged) -> None:
    world.visit()
    world.hear("appointment.created")
    world.patient(TxtMsgOk="No", Email="")
    world.until(at("2026-03-08T15:01:00"))
    world.minute()

    assert (world.only.state, world.only.reason) == (State.REFUSED, Reason.NO_CONSENT)
    assert world.told == []


def test_without_a_word_about_texts_an_email_goes_out(world: Engaged) -> None:
    world.patient(TxtMsgOk="Unknown")
    world.visit()
    world.hear("appointment.created")

    assert world.only.channel is Channel.EMAIL


def test_a_minors_message_goes_to_the_guarantor_by_the_guarantors_consent(world: Engaged) -> None:
    world.patient(16, FName="Una", TxtMsgOk="Yes", WirelessPhone="(555)555-0199", Language="spa")
    world.patient(Birthdate="2015-01-01", Guarantor=16, TxtMsgOk="No", FName="Kit", Language="")
    id_ = due(world)
    content = get_message(id_, caller=world.caller, on=world.on)["content"]

    assert content["to"] == "+15555550199"
    assert content["is_to_guarantor"] is True
    assert content["text"] == "Hola Kit, tiene una cita en Elm Street Dental el lunes 9 de marzo a las 10:00."


def test_of_several_visits_on_a_day_the_first_is_named(world: Engaged) -> None:
    world.visit(34, "2026-03-09 14:00:00")
    world.hear("appointment.created")
    world.visit(35, "2026-03-09 10:00:00")
    world.hear("appointment.created")
    (planned,) = world.in_state(State.PLANNED)
    assert planned.mark == "2026-03-09T15:00:00Z"

    world.visit(35, "2026-03-09 10:00:00", status="Broken")
    world.hear("appointment.broken")

    (planned,) = world.in_state(State.PLANNED)
    assert planned.mark == "2026-03-09T19:00:00Z"


def test_an_earlier_visit_of_a_day_that_was_reminded_of_brings_no_second_message(world: Engaged) -> None:
    id_ = due(world)
    claim_message(id_, caller=world.caller, key="k1", on=world.on)
    world.visit(35, "2026-03-09 08:00:00")
    world.hear("appointment.created")

    assert [one.id for one in world.messages] == [id_]


def test_a_confirmed_visit_is_left_alone_unless_the_rule_wants_it(world: Engaged) -> None:
    definitions = [{"DefNum": 21, "ItemName": "Yes", "Category": 2, "category": "ApptConfirmed"}]
    preferences = [{"PrefName": "ApptEConfirmStatusAccepted", "ValueString": "21"}]
    from gateway.core.engagement import looking  # noqa: PLC0415
    from gateway.core.office_words import OfficeWords, Table  # noqa: PLC0415

    words = OfficeWords({Table.DEFINITIONS: definitions, Table.PREFERENCES: preferences})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(looking, "_words", lambda *_: words)
        world.visit(Confirmed=21)
        world.hear("appointment.created")
        assert world.messages == []
        rule = world.on.messages.rule(world.practice.id, "rul_a")
        world.on.messages.change_rule(replace(rule, filters=replace(rule.filters, confirmed=True)))
        world.hear()

        assert world.only.state is State.PLANNED


# Claims and outcomes


def test_of_two_senders_one_gets_it_and_its_repeat_gets_it_again(world: Engaged) -> None:
    id_ = due(world)
    first = claim_message(id_, caller=world.caller, key="k1", on=world.on)
    again = claim_message(id_, caller=world.caller, key="k1", on=world.on)
    with pytest.raises(Conflict) as refused:
        claim_message(id_, caller=world.caller, key="k2", on=world.on)

    assert first == again
    assert first["state"] == "claimed"
    assert refused.value.more["reason"] == "claimed"


def test_a_claim_looks_at_the_visit_again(world: Engaged) -> None:
    id_ = due(world)
    world.visit(status="Broken")
    with pytest.raises(Conflict) as refused:
        claim_message(id_, caller=world.caller, key="k1", on=world.on)

    assert refused.value.more["reason"] == "withdrawn"
    assert world.told[-1] == (id_, "withdrawn")


def test_who_has_claimed_it_learns_once_that_it_must_not_be_sent(world: Engaged) -> None:
    id_ = due(world)
    claim_message(id_, caller=world.caller, key="k1", on=world.on)
    world.visit(status="Broken")
    for _ in range(2):
        world.hear("appointment.broken")
        world.minute()
    shown = get_message(id_, caller=world.caller, on=world.on)

    assert world.told == [(id_, "due"), (id_, "withdrawn")]
    assert (shown["state"], shown["is_called_back"], shown["content"]) == ("claimed", True, None)


def test_a_message_that_nobody_claims_expires_half_way_to_its_visit(world: Engaged) -> None:
    id_ = due(world)
    world.until(at("2026-03-09T03:00:00"))
    world.minute()

    assert world.only.state is State.EXPIRED
    with pytest.raises(Conflict):
        claim_message(id_, caller=world.caller, key="k1", on=world.on)


def test_a_claim_without_an_outcome_becomes_unknown_and_is_never_given_again(world: Engaged) -> None:
    id_ = due(world)
    claim_message(id_, caller=world.caller, key="k1", on=world.on)
    world.later(hours=1)
    world.minute()
    assert world.in_state(State.UNKNOWN)
    with pytest.raises(Conflict):
        claim_message(id_, caller=world.caller, key="k2", on=world.on)

    note_outcome(id_, OutcomeInput(outcome=Outcome.DELIVERED), caller=world.caller, key="o1", on=world.on)
    assert world.only.state is State.DELIVERED


def said(world: Engaged, id_: str, outcome: Outcome, key: str) -> dict[str, Any]:
    return note_outcome(id_, OutcomeInput(outcome=outcome), caller=world.caller, key=key, on=world.on)


def test_outcomes_in_any_order_come_to_the_furthest(world: Engaged) -> None:
    id_ = due(world)
    claim_message(id_, caller=world.caller, key="k1", on=world.on)
    said(world, id_, Outcome.REPLIED, "o3")
    said(world, id_, Outcome.SENT, "o1")
    said(world, id_, Outcome.DELIVERED, "o2")
    said(world, id_, Outcome.DELIVERED, "o2")

    assert world.only.state is State.REPLIED
    assert [one.outcome for one in world.only.said] == ["replied", "sent", "delivered"]
    with pytest.raises(KeyReused):
        said(world, id_, Outcome.FAILED, "o2")


def test_what_was_sent_is_written_down_once_and_not_as_a_recall(world: Engaged) -> None:
    id_ = due(world)
    claim_message(id_, caller=world.caller, key="k1", on=world.on)
    for _ in range(2):
        told = said(world, id_, Outcome.SENT, "o1")
    said(world, id_, Outcome.DELIVERED, "o2")

    (entry,) = world.on.ledger.entries.values()
    assert told["operations"] == [{"what": "communication", "operation_id": entry.record.id, "code": None}]
    assert entry.record.request.kind == "communications.create"
    assert entry.record.request.input == {
        "patient": 15,
        "note": "Appointment reminder sent by text message.",
        "type": "plain",
        "definition": 0,
        "mode": "Text",
        "direction": "Sent",
        "at": "2026-03-08 10:01:00",
    }


def test_who_opts_out_gets_no_text_from_then_on_whatever_the_office_has_yet(world: Engaged) -> None:
    id_ = due(world)
    world.visit(35, "2026-03-20 10:00:00")
    world.hear("appointment.created")
    claim_message(id_, caller=world.caller, key="k1", on=world.on)
    told = said(world, id_, Outcome.OPTED_OUT, "o1")
    world.hear()

    kinds = {one.record.request.kind: one.record.request.input for one in world.on.ledger.entries.values()}
    assert kinds["patients.update"] == {"patient": 15, "body": {"TxtMsgOk": "No"}}
    assert [one["what"] for one in told["operations"]] == ["communication", "sms_consent"]
    (planned,) = world.in_state(State.PLANNED)
    assert planned.channel is Channel.EMAIL


def test_an_outcome_of_what_nobody_claimed_is_refused(world: Engaged) -> None:
    id_ = due(world)
    with pytest.raises(Conflict):
        said(world, id_, Outcome.SENT, "o1")


# Other kinds


def test_a_recall_is_written_about_until_it_is_booked(world: Engaged) -> None:
    world.rule(Kind.RECALL, "rul_r", offset=Offset(days=7))
    world.recall()
    world.hear("recall.due")
    assert world.only.send_after == at("2026-03-13T14:00:00")

    world.recall(DateScheduled="2026-03-19")
    world.hear("recall.updated")
    assert (world.only.state, world.only.reason) == (State.WITHDRAWN, Reason.STATUS)


def test_a_visit_is_followed_up_once_it_was_completed(world: Engaged) -> None:
    world.rule(Kind.AFTER_VISIT, "rul_v", offset=Offset(minutes=120))
    world.visit(start="2026-03-02 09:00:00")
    world.hear("appointment.created")
    assert world.messages == []

    world.visit(start="2026-03-02 09:00:00", status="Complete")
    world.hear("appointment.completed")
    assert world.only.send_after == at("2026-03-02T18:00:00")


def owing(world: Engaged, total: str) -> None:
    world.patient(BalTotal=total)
    world.hear("balance.changed")


def test_a_payment_is_asked_for_less_what_insurance_will_pay_and_not_again_for_a_month(world: Engaged) -> None:
    world.rule(Kind.PAYMENT_REQUEST, "rul_p", offset=Offset(days=1))
    world.store("claimprocs", {"ClaimProcNum": 1, "PatNum": 15, "Status": "NotReceived", "InsPayEst": "40.0"})
    owing(world, "162.0")
    world.later(days=1, minutes=1)
    world.minute()
    content = get_message(world.only.id, caller=world.caller, on=world.on)["content"]
    assert content["payment"]["amount"] == {"amount": "122.00", "currency": "USD"}
    assert content["text"] == "Hello Zoe, your balance at Elm Street Dental is $122.00."
    claim_message(world.only.id, caller=world.caller, key="k1", on=world.on)
    said(world, world.only.id, Outcome.SENT, "o1")

    owing(world, "170.0")
    assert len(world.messages) == 1
    world.later(days=31)
    owing(world, "171.0")
    assert [one.mark for one in world.in_state(State.PLANNED)] == ["2"]


def test_a_balance_that_is_gone_is_not_asked_for(world: Engaged) -> None:
    world.rule(Kind.PAYMENT_REQUEST, "rul_p", offset=Offset(days=1))
    owing(world, "162.0")
    owing(world, "0.0")

    assert (world.only.state, world.only.reason) == (State.WITHDRAWN, Reason.PAID)


# Rules, the look ahead, lists


def test_what_no_event_told_of_is_found_at_night(world: Engaged) -> None:
    from gateway.core.engagement.minute import begin_ahead  # noqa: PLC0415

    world.visit()
    begin_ahead(world.practice.id, world.on)
    world.minute()

    assert world.only.state is State.PLANNED
    ahead = world.on.messages.ahead(world.practice.id)
    assert ahead.due_at == at("2026-03-03T09:00:00")


def test_a_rule_that_is_turned_off_withdraws_what_it_planned(world: Engaged) -> None:
    world.visit()
    world.hear("appointment.created")
    rule = world.on.messages.rule(world.practice.id, "rul_a")
    world.on.messages.change_rule(replace(rule, is_on=False))
    world.until(at("2026-03-08T15:01:00"))
    world.minute()

    assert (world.only.state, world.only.reason) == (State.WITHDRAWN, Reason.RULE_OFF)


def test_without_a_mirror_nothing_is_changed_and_nothing_told(world: Engaged) -> None:
    world.visit()
    world.hear("appointment.created")
    world.on.syncs.resources[world.practice.id].clear()
    world.until(at("2026-03-08T15:01:00"))
    world.minute()
    assert (world.only.state, world.told) == (State.PLANNED, [])

    world.until(at("2026-03-09T03:01:00"))
    world.minute()
    assert world.only.state is State.EXPIRED


def test_lists_page_through_what_their_filters_fit(world: Engaged) -> None:
    for number in range(5):
        world.patient(20 + number)
        world.visit(40 + number, f"2026-03-1{number} 10:00:00", PatNum=20 + number)
        world.hear("appointment.created", 20 + number)
    found, cursor = [], None
    while True:
        query = MessagesQuery(limit=2, cursor=cursor, state=[State.PLANNED])
        page = list_messages(query, caller=world.caller, on=world.on)
        found += [one["send_after"] for one in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert found == [f"2026-03-{day:02}T15:00:00Z" for day in (9, 10, 11, 12, 13)]


def test_a_list_shows_no_text_and_no_address(world: Engaged) -> None:
    due(world)
    shown = str(list_messages(MessagesQuery(), caller=world.caller, on=world.on))

    assert "Zoe" not in shown
    assert "5550143" not in shown


def test_a_message_of_another_practice_is_not_found(world: Engaged) -> None:
    id_ = due(world)
    theirs = replace(world.caller, client=replace(world.caller.client, practices=frozenset({"prac_other"})))
    with pytest.raises(NotFound):
        get_message(id_, caller=theirs, on=world.on)
    with pytest.raises(NotFound):
        claim_message(id_, caller=theirs, key="k", on=world.on)
    with pytest.raises(NotFound):
        get_message(id_[:-1], caller=world.caller, on=world.on)
