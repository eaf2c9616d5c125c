"""`GET /messages` and `GET /messages/{id}`: what is planned for patients, and all that a sender needs of one of them.

Text and address are made from the mirror at the moment of the question, and kept nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field

from gateway.core.access import allow, only_practice
from gateway.core.callers import Caller, Verb
from gateway.core.engagement.control import MESSAGES, shown_quiet
from gateway.core.engagement.keeping import Want, wants_of
from gateway.core.engagement.looking import Known, contact_row, is_here, known_of, person_of
from gateway.core.engagement.messages import Message, State, parse_message_id
from gateway.core.engagement.planning import Contact, Reason, closed
from gateway.core.engagement.ports import Letter
from gateway.core.engagement.rules import Channel, Kind, Rule
from gateway.core.engagement.texts import date_words, filled, language_for, start_words, texts_of, time_words
from gateway.core.errors import Invalid, NotFound
from gateway.core.ids import parse_row_id
from gateway.core.inputs import Moment
from gateway.core.normalize.office import office
from gateway.core.normalize.values import key, money_of, text
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.reads.queries import Id, PagedQuery
from gateway.core.walltime import instant_text, optional_instant_text

if TYPE_CHECKING:
    from gateway.core.engagement.ports import PlanServices

NOT_MIRRORED: Final = "not_mirrored"

_BACK: Final = timedelta(days=90)
_AHEAD: Final = timedelta(days=400)
_READ_AT_ONCE: Final = 500
_READ_AT_MOST: Final = 4000

_OF: Final[Mapping[Kind, str]] = {
    Kind.REMINDER: "appointment_id",
    Kind.AFTER_VISIT: "appointment_id",
    Kind.RECALL: "recall_id",
}

_SHOWN_WITH_CONTENT: Final = frozenset({State.PLANNED, State.DUE, State.CLAIMED})


class MessagesQuery(PagedQuery):
    """Filters of `GET /messages`."""

    state: Annotated[list[State], Field(min_length=1, max_length=13)] | None = None
    kind: Annotated[list[Kind], Field(min_length=1, max_length=4)] | None = None
    rule_id: Id | None = None
    patient_id: Id | None = None
    appointment_id: Id | None = None
    since: Moment | None = None
    until: Moment | None = None
    """Going out at or after the one and before the other."""


def list_messages(query: MessagesQuery, *, caller: Caller, on: Services) -> dict[str, Any]:
    """A page of a practice's messages, in the order in which they go out; one may lag by seconds. Scope
    `messages:read`.

    Raises: ScopeMissing, NotFound, BaaMissing. Invalid: the cursor is none of this list.
    """
    practice = _practice(query, caller, on)
    now = on.clock.now()
    after = None if query.cursor is None else _place(query, practice.id, on)
    if query.patient_id is not None:
        return _of_patient(query, practice, on)
    found: list[Message] = []
    looked_at, is_end = 0, False
    since, until = query.since or now - _BACK, query.until or now + _AHEAD
    while len(found) < query.limit and looked_at < _READ_AT_MOST and not is_end:
        page = on.messages.page(practice.id, since=since, until=until, after=after, limit=_READ_AT_ONCE)
        is_end = len(page) < _READ_AT_ONCE
        for one in page:
            looked_at += 1
            after = (one.send_after or one.changed_at, one.id)
            if _is_asked_for(one, query):
                found.append(one)
                if len(found) == query.limit:
                    is_end = is_end and one is page[-1]
                    break
    cursor = None if is_end or after is None else _cursor(query, practice.id, after, on)
    return {
        "data": [shown_message(one, practice) for one in found],
        "has_more": not is_end,
        "next_cursor": cursor,
    }


def _of_patient(query: MessagesQuery, practice: Practice, on: Services) -> dict[str, Any]:
    """All that there are of a patient: they are few."""
    number = parse_row_id(query.patient_id or "", "patient").key
    found = [one for one in on.messages.of_patient(practice.id, number) if _is_asked_for(one, query)]
    ordered = sorted(found, key=lambda one: (one.send_after or one.changed_at, one.id))
    shown = [shown_message(one, practice) for one in ordered[:500]]
    return {"data": shown, "has_more": False, "next_cursor": None}


def _is_asked_for(one: Message, query: MessagesQuery) -> bool:
    at = one.send_after or one.changed_at
    return (
        (query.state is None or one.state in query.state)
        and (query.kind is None or one.kind in query.kind)
        and query.rule_id in {None, one.rule_id}
        and query.appointment_id in {None, one.subject_id}
        and (query.since is None or at >= query.since)
        and (query.until is None or at < query.until)
    )


def get_message(id_: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """A message with all that a sender needs: scope `messages:read`. What is over, or must not be sent as things are
    now, has no `content`; `content_unavailable` says why.

    Raises: ScopeMissing, NotFound, BaaMissing.
    """
    practice_id, patient = parse_message_id(id_)
    try:
        practice = allow(caller, practice_id, "messages", Verb.READ, on=on)
    except NotFound:
        raise NotFound("no such message") from None
    message = on.messages.get(practice.id, patient, id_)
    content, why = content_of(message, practice, on)
    return {
        **shown_message(message, practice),
        "content": content,
        "content_unavailable": why,
    }


def shown_message(message: Message, practice: Practice) -> dict[str, Any]:
    """As lists show it: nothing that says what is in it, or where it goes."""
    here = office(practice)
    of = _OF.get(message.kind)
    is_called_back = message.state is State.CLAIMED and message.reason is not None
    return {
        "id": message.id,
        "practice_id": message.practice_id,
        "kind": str(message.kind),
        "state": str(message.state),
        "reason": None if message.reason is None else str(message.reason),
        "is_called_back": is_called_back,
        "rule_id": message.rule_id,
        "patient_id": here.patient(message.patient),
        "appointment_id": message.subject_id if of == "appointment_id" else None,
        "recall_id": message.subject_id if of == "recall_id" else None,
        "channel": None if message.channel is None else str(message.channel),
        "language": message.language,
        "send_after": optional_instant_text(message.send_after),
        "expire_at": optional_instant_text(message.expire_at),
        "claimed_by": message.claimed_by,
        "claimed_at": optional_instant_text(message.claimed_at),
        "outcomes": [
            {
                "outcome": str(one.outcome),
                "at": instant_text(one.at),
                "provider_message_id": one.provider_message_id,
            }
            for one in message.said
        ],
        "created_at": instant_text(message.made_at),
        "updated_at": instant_text(message.changed_at),
    }


# What a sender needs


def content_of(message: Message, practice: Practice, on: PlanServices) -> tuple[dict[str, Any] | None, str | None]:
    """What is sent, as the mirror has it now; or None, and why not."""
    found = _open(message, practice, on)
    if isinstance(found, str):
        return None, found
    rule, known, contact, want = found
    now = on.clock.now()
    letter = letter_of(message, rule, known, contact, on)
    return {
        "channel": str(message.channel),
        "to": letter.to,
        "language": language_for(rule, contact.language),
        "subject": letter.subject if message.channel is Channel.EMAIL else None,
        "text": letter.text,
        "send_after": optional_instant_text(message.send_after),
        "expire_at": optional_instant_text(message.expire_at),
        "time_zone": want.subject.zone.key,
        "quiet_hours": shown_quiet(rule.quiet),
        "is_to_guarantor": contact_row(known, now=now) is not known.row,
        "payment": _payment(known) if message.kind is Kind.PAYMENT_REQUEST else None,
    }, None


def _open(message: Message, practice: Practice, on: PlanServices) -> tuple[Rule, Known, Contact, Want] | str:
    """What a message is made of; or a word for why it must not be sent as things are now."""
    if message.state not in _SHOWN_WITH_CONTENT or message.channel is None:
        return str(message.state)
    if message.reason is not None:
        return str(message.reason)
    if not is_here(practice, on):
        return NOT_MIRRORED
    now = on.clock.now()
    rules = on.messages.rules(practice.id)
    known = known_of(practice, message.patient, {message.kind}, on)
    stored = on.messages.of_patient(practice.id, message.patient)
    want = wants_of(known, rules, stored, now=now).get(message.id)
    contact = person_of(known, stored, now=now).contact
    if want is None or contact is None:
        return str(Reason.GONE)
    shut = _not_now(want, known) or closed(message.channel, contact, contact.methods.get(message.kind))
    return str(shut) if shut is not None else (want.rule, known, contact, want)


def _not_now(want: Want, known: Known) -> Reason | None:
    """Why a message must not be sent as things are; None where it may."""
    if want.rule.kind is Kind.PAYMENT_REQUEST and (known.owed or Decimal(0)) < want.rule.filters.min_balance:
        return Reason.PAID
    # That the last request is too young is said of itself, once it is claimed.
    wanted = want.planned
    return wanted if isinstance(wanted, Reason) and wanted is not Reason.LATELY else None


def letter_of(message: Message, rule: Rule, known: Known, contact: Contact, on: PlanServices) -> Letter:
    """What goes out, and to where."""
    language = language_for(rule, contact.language)
    words = texts_of(rule)[language]
    values = _values(message, known, language, on)
    to = contact.mobile if message.channel is Channel.TEXT else contact.email
    return Letter(to or "", filled(words.text, values), filled(words.subject, values))


def _values(message: Message, known: Known, language: str, on: PlanServices) -> dict[str, str]:
    row = known.row or {}
    values = {
        "patient_first_name": text(row.get("Preferred")) or text(row.get("FName")) or "",
        "practice_name": known.practice.name,
    }
    clinic = key(row.get("ClinicNum"))
    visit = next((one for one in known.visits if one["id"] == message.subject_id), None)
    if visit is not None and visit["local_start"]:
        wall = datetime.fromisoformat(visit["local_start"])
        values |= {
            "local_start": start_words(wall, language),
            "local_date": date_words(wall.date(), language),
            "local_time": time_words(wall, language),
        }
        clinic = 0 if visit["location_id"] is None else parse_row_id(visit["location_id"], "location").key
    due = next((one["due_on"] for one in known.recalls if one["id"] == message.subject_id), None)
    if due is not None:
        values["due_on"] = date_words(datetime.fromisoformat(due).date(), language)
    if known.owed is not None:
        values["balance"] = f"${known.owed:,.2f}"
    if clinic:
        found = on.records.get(known.practice.id, "clinics", [clinic])
        values["location_name"] = (text(found[0].row.get("Description")) or "") if found else ""
    return values


def _payment(known: Known) -> dict[str, Any]:
    """What a payment link is made of."""
    family = office(known.practice).patient(known.number)
    return {
        "amount": money_of(known.owed or Decimal(0)),
        "family_id": family,
        "guarantor_id": family,
    }


# Places


def _practice(query: MessagesQuery, caller: Caller, on: Services) -> Practice:
    named = query.practice_id
    for name, kind in (("patient_id", "patient"), ("appointment_id", "appointment"), ("rule_id", "message_rule")):
        said = getattr(query, name)
        if said is None:
            continue
        try:
            of = parse_row_id(said, kind).practice_id
        except NotFound as error:
            raise NotFound(error.detail, param=name) from None
        if named not in {None, of}:
            raise NotFound(f"no such {kind.replace('_', ' ')} in this practice", param=name)
        named = of
    return allow(caller, named or only_practice(caller), "messages", Verb.READ, on=on)


def _mark(query: MessagesQuery, practice_id: str) -> list[Any]:
    filters = query.model_dump(mode="json", exclude={"cursor", "limit", "practice_id"})
    return [MESSAGES, practice_id, filters]


def _cursor(query: MessagesQuery, practice_id: str, place: tuple[datetime, str], on: Services) -> str:
    return on.signer.sign(json.dumps([*_mark(query, practice_id), place[0].isoformat(), place[1]]).encode())


def _place(query: MessagesQuery, practice_id: str, on: Services) -> tuple[datetime, str]:
    payload = on.signer.verify(query.cursor or "")
    read = [] if payload is None else json.loads(payload)
    if read[:3] != _mark(query, practice_id):
        raise Invalid("send next_cursor of the page before, as it came, with the same filters", param="cursor")
    return datetime.fromisoformat(read[3]), str(read[4])
