"""What is known of a patient, read from the mirror for planning and for showing: nobody is called.

A mirror that is off, or that lacks visits or patients, can say nothing: what was planned by it stays as it is, until it
expires.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, cast

from gateway.core.engagement.messages import Message, State
from gateway.core.engagement.planning import ADULT, Contact, Person, Reason, Subject
from gateway.core.engagement.rules import Kind, Rule
from gateway.core.mirror.memory import state_of
from gateway.core.mirror.records import Row
from gateway.core.mirror.syncing import Phase
from gateway.core.normalize import appointment, patient
from gateway.core.normalize.appointments import NOTES
from gateway.core.normalize.desk import recall
from gateway.core.normalize.office import office
from gateway.core.normalize.values import exact, key
from gateway.core.office_words import NO_WORDS, OfficeWords, Table, input_of
from gateway.core.practices import Practice
from gateway.core.requests import kept_reference
from gateway.core.walltime import read_wall, to_wall

if TYPE_CHECKING:
    from gateway.core.engagement.ports import PlanServices
    from gateway.core.ports import Services

PATIENTS: Final = "patients"
APPOINTMENTS: Final = "appointments"
RECALLS: Final = "recalls"
CLAIM_LINES: Final = "claimprocs"

BACK: Final = timedelta(days=14)
"""Visits and due days of so long ago may still have a message."""

_MORNING: Final = time(9)
_FURTHEST: Final = timedelta(days=400)


@dataclass(frozen=True, slots=True, repr=False)
class Known:
    """All that messages of one patient hang on, as the mirror has it. No repr on purpose."""

    practice: Practice
    number: int
    """PatNum."""
    row: Row | None
    guarantor: Row | None
    visits: Sequence[Mapping[str, Any]] = ()
    recalls: Sequence[Mapping[str, Any]] = ()
    owed: Decimal | None = None
    """What the family owes, less what insurance is expected to pay; None where that cannot be said."""


def is_here(practice: Practice, on: PlanServices) -> bool:
    """Whether the mirror has all patients and visits of the practice, and recalls, where its key lists them."""
    standing = state_of(practice.id, syncs=on.syncs, clock=on.clock)
    if standing is None:
        return False
    phases = {name: standing.resources[name].phase for name in _NEEDED if name in standing.resources}
    return all(phases.get(name) is Phase.LOADED for name in _NEEDED)


_NEEDED: Final = (PATIENTS, APPOINTMENTS)


def known_of(practice: Practice, number: int, kinds: Iterable[Kind], on: PlanServices) -> Known:
    """What the mirror has of a patient, as far as messages of these kinds take it."""
    wanted = frozenset(kinds)
    now = on.clock.now()
    row = _row(practice, PATIENTS, number, on)
    payer = 0 if row is None else key(row.get("Guarantor"))
    guarantor = row if payer == number else _row(practice, PATIENTS, payer, on) if payer else None
    visits: list[Mapping[str, Any]] = []
    recalls: list[Mapping[str, Any]] = []
    if wanted & {Kind.REMINDER, Kind.AFTER_VISIT}:
        words = _words(practice, on)
        found = on.records.under(practice.id, APPOINTMENTS, "PatNum", number)
        visits = [
            appointment(one.row, practice=practice, synced_at=now, words=words)
            for one in found
            if one.row.get("AptStatus") not in NOTES
        ]
    if Kind.RECALL in wanted:
        found = on.records.under(practice.id, RECALLS, "PatNum", number)
        recalls = [recall(one.row, practice=practice, synced_at=now) for one in found]
    owed = _owed(row, practice, on) if Kind.PAYMENT_REQUEST in wanted and row is not None and payer == number else None
    return Known(practice, number, row, guarantor, visits, recalls, owed)


def _row(practice: Practice, resource: str, number: int, on: PlanServices) -> Row | None:
    found = on.records.get(practice.id, resource, [number])
    return found[0].row if found else None


def _words(practice: Practice, on: PlanServices) -> OfficeWords:
    """What the office means by a confirmation, as far as that is at hand."""
    tables = (Table.DEFINITIONS, Table.PREFERENCES)
    services = cast("Services", on)  # It asks no port that is not here.
    kept = {one: kept_reference(f"fetch.{one}", input_of(one), practice=practice, on=services) for one in tables}
    if all(one is None for one in kept.values()):
        return NO_WORDS
    return OfficeWords({one: None if rows is None else rows.rows[one] for one, rows in kept.items()})


# Whom


def person_of(known: Known, stored: Iterable[Message], *, now: datetime) -> Person:
    """The patient, and who is written to: a minor's guarantor."""
    if known.row is None:
        return Person(None, None)
    shown = patient(known.row, practice=known.practice, synced_at=now)
    row = contact_row(known, now=now)
    contact = None if row is None else _contact(row, known.practice, stored, now=now)
    return Person(shown["status"], contact, bool(shown["contact_preferences"]["do_not_contact"]))


def contact_row(known: Known, *, now: datetime) -> Row | None:
    """The row of whoever is written to; None where a minor's guarantor is not here."""
    if known.row is None:
        return None
    born = patient(known.row, practice=known.practice, synced_at=now)["birth_date"]
    today = to_wall(now, known.practice.zone()).date()
    return known.guarantor if born is not None and _age(date.fromisoformat(born), today) < ADULT else known.row


def _age(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _contact(row: Row, practice: Practice, stored: Iterable[Message], *, now: datetime) -> Contact:
    shown = patient(row, practice=practice, synced_at=now)
    wishes = shown["contact_preferences"]
    mobile = next((one["number"] for one in shown["phones"] if one["type"] == "mobile"), None)
    email = next((one["address"] for one in shown["emails"] if "@" in one["address"]), None)
    methods = {
        Kind.REMINDER: wishes["confirm"] or wishes["contact"],
        Kind.RECALL: wishes["recall"] or wishes["contact"],
        Kind.PAYMENT_REQUEST: wishes["contact"],
        Kind.AFTER_VISIT: wishes["contact"],
    }
    return Contact(
        wishes["sms_consent"],
        mobile,
        email,
        shown["language"],
        methods,
        wishes["do_not_contact"],
        opted_out=any(one.opted_out_at is not None for one in stored),
    )


# About what


def subjects_of(known: Known, rule: Rule, stored: Sequence[Message], *, now: datetime) -> list[Subject]:
    """What messages of a rule may be about."""
    if rule.kind is Kind.RECALL:
        return list(_recalls(known, now))
    if rule.kind is Kind.PAYMENT_REQUEST:
        return _balance(known, rule, [one for one in stored if one.rule_id == rule.id], now)
    return list(_visits(known, rule.kind, now))


def _visits(known: Known, kind: Kind, now: datetime) -> Iterable[Subject]:
    takes = "completed" if kind is Kind.AFTER_VISIT else "scheduled"
    for visit in known.visits:
        if visit["start_at"] is None:
            continue
        start, end = (datetime.fromisoformat(visit[name]) for name in ("start_at", "end_at"))
        if not now - BACK < start < now + _FURTHEST:
            continue
        confirmation = visit["confirmation"] or {}
        yield Subject(
            kind=kind,
            id=visit["id"],
            mark=visit["start_at"],
            anchor=end if kind is Kind.AFTER_VISIT else start,
            zone=known.practice.zone(_clinic(visit["location_id"], known)),
            until=None if kind is Kind.AFTER_VISIT else start,
            day=date.fromisoformat(visit["local_start"][:10]),
            refused=None if visit["status"] == takes else Reason.STATUS,
            is_confirmed=confirmation.get("status") == "confirmed",
            location_id=visit["location_id"],
            provider_ids=frozenset(filter(None, (visit["provider_id"], visit["hygienist_id"]))),
            type_id=(visit["type"] or {}).get("id"),
        )


def _recalls(known: Known, now: datetime) -> Iterable[Subject]:
    zone = known.practice.zone(_clinic_of(known.row))
    location = _location(known)
    for one in known.recalls:
        if one["due_on"] is None:
            continue
        due = read_wall(datetime.combine(date.fromisoformat(one["due_on"]), _MORNING), zone).instant
        if not now - 2 * BACK < due < now + _FURTHEST:
            continue
        until = one["disabled_until"]
        is_off = one["is_disabled"] or (until is not None and until > to_wall(now, zone).date().isoformat())
        yield Subject(
            kind=Kind.RECALL,
            id=one["id"],
            mark=one["due_on"],
            anchor=due,
            zone=zone,
            refused=Reason.STATUS if is_off or one["scheduled_on"] is not None else None,
            location_id=location,
            type_id=(one["type"] or {}).get("id"),
        )


def _balance(known: Known, rule: Rule, stored: Sequence[Message], now: datetime) -> list[Subject]:
    """A family's balance, asked for at its guarantor. Requests are counted: the next one is another message."""
    if known.row is None or key(known.row.get("Guarantor")) != known.number:
        return []
    last = max(stored, key=lambda one: int(one.mark), default=None)
    number, noticed, refused = 1, now, None
    if last is not None:
        number = int(last.mark)
        if last.state in {State.PLANNED, State.DUE}:
            noticed = last.made_at
        elif last.was_claimed:
            if now - (last.claimed_at or now) < timedelta(days=rule.filters.every_days):
                refused = Reason.LATELY
            if last.state is not State.CLAIMED:
                number += 1
    return [
        Subject(
            kind=Kind.PAYMENT_REQUEST,
            id=office(known.practice).patient(known.number),
            mark=str(number),
            anchor=noticed,
            zone=known.practice.zone(_clinic_of(known.row)),
            refused=Reason.BALANCE_UNKNOWN if known.owed is None else refused,
            location_id=_location(known),
            owed=known.owed or Decimal(0),
        )
    ]


def _owed(row: Row, practice: Practice, on: PlanServices) -> Decimal | None:
    """The program's own estimate of what a guarantor's family has to pay: their total less what is expected, and
    written off, on claims that are not answered. None where claims are not in the mirror.

    Source: https://www.opendental.com/manual/account.html.
    """
    standing = state_of(practice.id, syncs=on.syncs, clock=on.clock)
    lines = None if standing is None else standing.resources.get(CLAIM_LINES)
    if lines is None or lines.phase is not Phase.LOADED:
        return None
    family = [one.key for one in on.records.under(practice.id, PATIENTS, "Guarantor", key(row.get("PatNum")))]
    expected = Decimal(0)
    for line in on.records.under_each(practice.id, CLAIM_LINES, "PatNum", family):
        if line.row.get("Status") == "NotReceived":
            expected += exact(line.row.get("InsPayEst")) + exact(line.row.get("WriteOff"))
    return exact(row.get("BalTotal")) - expected


def _location(known: Known) -> str | None:
    number = _clinic_of(known.row)
    return office(known.practice).location(number) if number else None


def _clinic_of(row: Row | None) -> int:
    return 0 if row is None else key(row.get("ClinicNum"))


def _clinic(location_id: str | None, known: Known) -> int:
    zones = known.practice.location_zones
    return next((one for one in zones if office(known.practice).location(one) == location_id), 0)


def starts_of(known: Known) -> dict[str, str | None]:
    """By id of a visit its start, None where it has none; what is not among them is gone."""
    return {one["id"]: one["start_at"] for one in known.visits}
