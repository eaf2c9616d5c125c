"""What is planned for one patient, brought in line with what the mirror says now. Whoever hears of a change comes here,
and whoever is about to send something: so it does not matter in which order, how often or how late anybody hears.

A message is stored by a conditional put under an id that is made of its rule, its visit and the visit's start. Two who
plan at once store it once; of two who change it, the later one looks again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.core.engagement.looking import Known, is_here, known_of, person_of, starts_of, subjects_of
from gateway.core.engagement.messages import Message, message_id, planned, replanned, told
from gateway.core.engagement.planning import Plan, Planned, Reason, Subject, first_of_days, plan
from gateway.core.engagement.ports import PlanServices, Superseded
from gateway.core.engagement.rules import Kind, Rule
from gateway.core.errors import Unavailable
from gateway.core.events.facts import MESSAGES
from gateway.core.practices import Practice
from gateway.core.walltime import optional_instant_text

TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Kept:
    """What was done for a patient: counts."""

    added: int = 0
    changed: int = 0


def keep_plan(practice: Practice, patient: int, on: PlanServices) -> Kept:
    """Plan, change and withdraw a patient's messages as its rules and the mirror have it now.

    Raises: Unavailable: do it again.
    """
    for _ in range(TRIES):
        try:
            return _keep(practice, patient, on)
        except Superseded:
            continue
    raise Unavailable("the patient's messages are being changed by others", retry_after=1.0)


def _keep(practice: Practice, patient: int, on: PlanServices) -> Kept:
    rules = on.messages.rules(practice.id)
    stored = on.messages.of_patient(practice.id, patient)
    if not stored and not any(one.is_live for one in rules):
        return Kept()
    if not is_here(practice, on):
        return Kept()
    now = on.clock.now()
    known = known_of(practice, patient, {one.kind for one in rules if one.is_live}, on)
    wants = wants_of(known, rules, stored, now=now)
    added = changed = 0
    for was in stored:
        want = wants.pop(was.id, None)
        then = replanned(was, _gone(was, known, rules) if want is None else want.planned, now=now)
        if then != was:
            changed += 1
            tell(on.messages.save(then), on)
    for want in wants.values():
        first = planned(want.subject, want.rule, want.planned, patient=patient, practice_id=practice.id, now=now)
        if first is not None:
            added += on.messages.add(first)
    return Kept(added, changed)


@dataclass(frozen=True, slots=True)
class Want:
    """What a rule wants of a subject."""

    rule: Rule
    subject: Subject
    planned: Planned


def wants_of(known: Known, rules: Sequence[Rule], stored: Sequence[Message], *, now: datetime) -> dict[str, Want]:
    """By id of a message what a patient's rules want of it. Pure."""
    found: dict[str, Want] = {}
    person = person_of(known, stored, now=now)
    for rule in rules:
        if not rule.is_live:
            continue
        subjects = {
            message_id(known.practice.id, known.number, rule.id, one.id, one.mark): one
            for one in subjects_of(known, rule, stored, now=now)
        }
        standing = {id_ for id_, one in subjects.items() if one.refused is None}
        is_named = first_of_days(subjects.values(), rule.kind)
        # Of those that the patient may have, the one for a day stays the only one as long as its visit stands.
        taken = {one.named_day: one.id for one in stored if one.was_claimed and one.id in standing and one.named_day}
        for id_, subject in subjects.items():
            wanted = plan(subject, person, rule, now=now)
            if isinstance(wanted, Plan) and subject.day is not None:
                of_day = taken.get(subject.day)
                if of_day not in {None, id_} or (of_day is None and not is_named[subject.id, subject.mark]):
                    wanted = Reason.SAME_DAY
            found[id_] = Want(rule, subject, wanted)
    return found


def _gone(was: Message, known: Known, rules: Sequence[Rule]) -> Reason:
    """Why nothing wants a stored message any more."""
    if not any(one.id == was.rule_id and one.is_live for one in rules):
        return Reason.RULE_OFF
    starts = starts_of(known)
    if was.kind in {Kind.REMINDER, Kind.AFTER_VISIT} and was.subject_id in starts:
        start = starts[was.subject_id]
        return Reason.STATUS if start is None else Reason.PAST if start == was.mark else Reason.MOVED
    return Reason.GONE


def tell(message: Message, on: PlanServices) -> Message:
    """Have it told what has yet to be told of a message; as it is then.

    Dead before that is noted, it is due to be told again, which is the same fact. Raises: Superseded, Unavailable.
    """
    if message.telling is None:
        return message
    content = fact_of(message)
    on.facts.note(message.practice_id, MESSAGES, message.id, content, at=message.changed_at, until=message.expires_at)
    return on.messages.save(told(message))


def fact_of(message: Message) -> dict[str, object]:
    """What the outbox has of a message: ids, words and dates."""
    return {
        "id": message.id,
        "state": message.telling,
        "kind": str(message.kind),
        "round": message.round,
        "rule_id": message.rule_id,
        "subject_id": message.subject_id,
        "PatNum": message.patient,
        "expire_at": optional_instant_text(message.expire_at),
        "reason": None if message.telling == "due" or message.reason is None else str(message.reason),
    }
