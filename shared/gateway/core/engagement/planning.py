"""One visit, recall or balance and one rule -> a planned message, or why there is none. Pure.

What nobody has allowed is not done: without a patient's word texts are not sent, whatever the office's own preference
makes of that, and an e-mail not to somebody who prefers another way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from gateway.core.engagement.hours import send_at, shifted
from gateway.core.engagement.rules import Channel, Kind, Rule
from gateway.core.engagement.texts import language_for

GOOD_FOR: Final = {
    Kind.RECALL: timedelta(days=14),
    Kind.PAYMENT_REQUEST: timedelta(days=7),
    Kind.AFTER_VISIT: timedelta(days=3),
}
"""How long after its time a message may still go out. A reminder: until half-way to the visit."""

ADULT: Final = 18


class Reason(StrEnum):
    """Why there is no message."""

    CONSENT_UNKNOWN = "consent_unknown"
    """Nobody knows whether texts are allowed, and there is no other way."""
    NO_CONSENT = "no_consent"
    DO_NOT_CONTACT = "do_not_contact"
    AGAINST_PREFERENCE = "against_preference"
    """The patient wants to be reached by a way that is none of ours."""
    NO_CHANNEL = "no_channel"
    """No number or address that can be used."""
    NO_CONTACT = "no_contact"
    """A minor's guarantor is not known."""
    OUTSIDE_WINDOW = "outside_window"
    """Between its time and the visit there is no allowed minute."""
    PATIENT_STATUS = "patient_status"
    """Deceased, archived, deleted, or no patient."""
    SAME_DAY = "same_day"
    """The patient is written to for another visit of that day."""
    CONFIRMED = "confirmed"
    FILTERED = "filtered"
    PAST = "past"
    STATUS = "status"
    """The visit is broken, cancelled, completed or not on the schedule; the recall is booked or switched off."""
    PAID = "paid"
    """The balance is gone, or below the rule's."""
    BALANCE_UNKNOWN = "balance_unknown"
    """Claims are not in the mirror, so that nobody can say what insurance will pay."""
    LATELY = "lately"
    """The last payment request is too young."""
    MOVED = "moved"
    GONE = "gone"
    RULE_OFF = "rule_off"


OF_THE_PERSON: Final = frozenset(
    {
        Reason.CONSENT_UNKNOWN, Reason.NO_CONSENT, Reason.DO_NOT_CONTACT, Reason.AGAINST_PREFERENCE,
        Reason.NO_CHANNEL, Reason.NO_CONTACT, Reason.OUTSIDE_WINDOW, Reason.PATIENT_STATUS,
    }
)  # fmt: skip
"""What an office can do something about: these refusals are kept and shown."""


@dataclass(frozen=True, slots=True, repr=False)
class Contact:
    """How somebody may be reached. No repr on purpose.

    `methods`: what the person prefers, by kind of message; words of `normalize.patients.METHODS`.
    """

    sms_consent: bool | None
    mobile: str | None
    """E.164."""
    email: str | None
    language: str | None
    methods: dict[Kind, str | None]
    do_not_contact: bool
    opted_out: bool = False
    """Whether they have told us since to send no texts."""


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """A patient, as far as planning has to know. `contact` is a minor's guarantor's; None where that is not here."""

    status: str | None
    contact: Contact | None
    do_not_contact: bool = False
    """The patient's own word, also a minor's."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a message is about: a visit, a recall, a family's balance.

    `anchor` is what the rule's offset counts from. `mark` makes it another one for each start, due day or request.
    `day`: of visits, the office's; of several on one day one is named. `until`: nothing goes out at or after it.
    """

    kind: Kind
    id: str
    mark: str
    anchor: datetime
    zone: ZoneInfo
    until: datetime | None = None
    day: date | None = None
    refused: Reason | None = None
    """Why it takes no message, whoever it is of."""
    is_confirmed: bool = False
    location_id: str | None = None
    provider_ids: frozenset[str] = frozenset()
    type_id: str | None = None
    owed: Decimal = field(default=Decimal(0), repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """A message that is to go out."""

    send_after: datetime
    expire_at: datetime
    channel: Channel
    language: str


Planned = Plan | Reason


def plan(subject: Subject, person: Person, rule: Rule, *, now: datetime) -> Planned:
    """What becomes of `subject` by `rule`: a message, or why none."""
    refused = subject.refused or _filtered(subject, rule)
    if refused is not None:
        return refused
    ideal, expire_at = span(subject, rule)
    if now >= expire_at:
        return Reason.PAST
    reached = reach(person, rule)
    if isinstance(reached, Reason):
        return reached
    channel, contact = reached
    at = send_at(ideal, now=now, expire_at=expire_at, zone=subject.zone, window=rule.window, quiet=rule.quiet)
    if at is None:
        return Reason.OUTSIDE_WINDOW
    return Plan(at, expire_at, channel, language_for(rule, contact.language))


def span(subject: Subject, rule: Rule) -> tuple[datetime, datetime]:
    """When a message should go out, and from when on it must not any more."""
    ideal = shifted(subject.anchor, rule.offset, subject.zone, back=rule.kind.is_before)
    # A reminder: half-way, so that of two rules the one nearer to the visit is left.
    good_for = (subject.anchor - ideal) / 2 if rule.kind is Kind.REMINDER else GOOD_FOR[rule.kind]
    expire_at = ideal + good_for
    return ideal, expire_at if subject.until is None else min(expire_at, subject.until)


def _filtered(subject: Subject, rule: Rule) -> Reason | None:
    filters = rule.filters
    if filters.location_ids and subject.location_id not in filters.location_ids:
        return Reason.FILTERED
    if filters.provider_ids and not filters.provider_ids & subject.provider_ids:
        return Reason.FILTERED
    types = filters.recall_type_ids if rule.kind is Kind.RECALL else filters.appointment_type_ids
    if types and subject.type_id not in types:
        return Reason.FILTERED
    if rule.kind is Kind.PAYMENT_REQUEST and subject.owed < max(filters.min_balance, Decimal("0.01")):
        return Reason.PAID
    if rule.kind is Kind.REMINDER and subject.is_confirmed and not filters.confirmed:
        return Reason.CONFIRMED
    return None


_OPEN: Final = frozenset({"active", "prospective"})
_OWING: Final = _OPEN | {"inactive", "non_patient"}
"""Whoever pays need not be treated."""

_BY: Final = {"text_message": Channel.TEXT, "email": Channel.EMAIL}
_AGAINST_EMAIL: Final = frozenset({"do_not_call", "home_phone", "work_phone", "see_notes", "mail"})


def reach(person: Person, rule: Rule) -> tuple[Channel, Contact] | Reason:
    """By what a person is written to under a rule, and who that is: the way they prefer, where it is one of the rule's
    and open, else the first open one of the rule's.
    """
    if person.status not in (_OWING if rule.kind is Kind.PAYMENT_REQUEST else _OPEN):
        return Reason.PATIENT_STATUS
    contact = person.contact
    if contact is None:
        return Reason.NO_CONTACT
    method = contact.methods.get(rule.kind)
    if person.do_not_contact or contact.do_not_contact or method == "do_not_call":
        return Reason.DO_NOT_CONTACT
    shut = {one: closed(one, contact, method) for one in rule.channels}
    wanted = _BY.get(method or "")
    for one in (*(one for one in rule.channels if one is wanted), *rule.channels):
        if shut[one] is None:
            return one, contact
    return _worst(shut.values())


def closed(channel: Channel, contact: Contact, method: str | None) -> Reason | None:
    """Why a channel is not open; None where it is."""
    if channel is Channel.TEXT:
        if contact.sms_consent is False or contact.opted_out:
            return Reason.NO_CONSENT
        if contact.mobile is None:
            return Reason.NO_CHANNEL
        return None if contact.sms_consent else Reason.CONSENT_UNKNOWN
    if contact.email is None:
        return Reason.NO_CHANNEL
    return Reason.AGAINST_PREFERENCE if method in _AGAINST_EMAIL else None


_ORDER: Final = (Reason.CONSENT_UNKNOWN, Reason.NO_CONSENT, Reason.AGAINST_PREFERENCE, Reason.NO_CHANNEL)
"""What somebody at the office could change soonest comes first."""


def _worst(reasons: Iterable[Reason | None]) -> Reason:
    found = set(reasons)
    return next((one for one in _ORDER if one in found), Reason.NO_CHANNEL)


def first_of_days(subjects: Iterable[Subject], kind: Kind) -> dict[tuple[str, str], bool]:
    """By id and mark of visits, whether it is the one that its patient's day is named by: the first, and after a day
    the last, of those that take messages.
    """
    by_day: dict[date | None, list[Subject]] = {}
    for one in subjects:
        if one.refused is None:
            by_day.setdefault(one.day, []).append(one)
    named = set()
    for of_day in by_day.values():
        ordered = sorted(of_day, key=lambda one: (one.anchor, one.id))
        named.add(ordered[-1 if kind is Kind.AFTER_VISIT else 0].id)
    return {(one.id, one.mark): one.id in named for of_day in by_day.values() for one in of_day}
