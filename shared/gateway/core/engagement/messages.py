"""A message: which states it has, and which of them may follow another. Ids, dates and words of state; no health data.

Its text, and where it goes to, are in no record: they are read from the mirror when somebody is about to send it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from gateway.core.engagement.planning import OF_THE_PERSON, Plan, Planned, Reason, Subject
from gateway.core.engagement.rules import Channel, Kind, Rule
from gateway.core.errors import NotFound
from gateway.core.ids import PREFIXES

KEPT: Final = timedelta(days=400)
"""How long after its end a message is kept: who opted out is remembered for so long."""
KEPT_UNSENT: Final = timedelta(days=60)

ANSWERS_WITHIN: Final = timedelta(hours=1)
"""So long after a claim its outcome is waited for; then it is unknown, and nobody sends the message again."""


class State(StrEnum):
    """How a message stands."""

    PLANNED = "planned"
    DUE = "due"
    """It may be sent now, and has been told of."""
    CLAIMED = "claimed"
    """Somebody said that they send it; nobody else may."""
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    REPLIED = "replied"
    PAID = "paid"
    OPTED_OUT = "opted_out"
    UNKNOWN = "unknown"
    """Somebody claimed it and never said what came of it: it may have been sent."""
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    REFUSED = "refused"


OPEN: Final = frozenset({State.PLANNED, State.DUE})
"""In these it is not decided yet."""

NOT_SENT: Final = frozenset({State.WITHDRAWN, State.EXPIRED, State.REFUSED})
"""In these nobody has ever had a claim on it: it may be planned again."""


class Outcome(StrEnum):
    """What came of sending it. The later of two in this list is the state, whichever is told first."""

    SENT = "sent"
    FAILED = "failed"
    DELIVERED = "delivered"
    REPLIED = "replied"
    PAID = "paid"
    OPTED_OUT = "opted_out"


_RANK: Final = {one.value: number for number, one in enumerate(Outcome)}


@dataclass(frozen=True, slots=True)
class Said:
    """An outcome that was told. `mark` is of the request that told it; `message_number` is the carrier's own."""

    outcome: Outcome
    at: datetime
    mark: str
    provider_message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message. `round` is raised by each planning anew, `rev` by each change.

    `telling`: what of it has yet to be told as an event, `due` or `withdrawn`. `claim` is the mark of the request that
    claimed it. `named_day`: the patient's day that it stands for, where it is about a visit.
    """

    id: str
    practice_id: str
    patient: int
    """PatNum."""
    rule_id: str
    kind: Kind
    subject_id: str
    mark: str
    state: State
    made_at: datetime
    changed_at: datetime
    send_after: datetime | None = None
    expire_at: datetime | None = None
    channel: Channel | None = None
    language: str | None = None
    reason: Reason | None = None
    named_day: date | None = None
    round: int = 1
    telling: str | None = None
    claim: str | None = None
    claimed_by: str | None = None
    claimed_at: datetime | None = None
    said: tuple[Said, ...] = ()
    rev: int = 0

    @property
    def due_at(self) -> datetime | None:
        """When the minute's job has to look at it; None: never again."""
        if self.telling is not None:
            return self.changed_at
        if self.state is State.PLANNED:
            return self.send_after
        if self.state is State.DUE:
            return self.expire_at
        return self.claimed_at + ANSWERS_WITHIN if self.state is State.CLAIMED and self.claimed_at else None

    @property
    def expires_at(self) -> datetime:
        """When it is forgotten."""
        kept = KEPT_UNSENT if self.state in NOT_SENT else KEPT
        return max(self.changed_at, self.expire_at or self.changed_at) + kept

    @property
    def was_claimed(self) -> bool:
        """Whether somebody may have sent it."""
        return self.claim is not None

    @property
    def opted_out_at(self) -> datetime | None:
        """When the patient said by it that they want no texts."""
        return next((one.at for one in self.said if one.outcome is Outcome.OPTED_OUT), None)


# Ids: the practice, the patient, and 64 bits that say the rest.


def message_id(practice_id: str, patient: int, rule_id: str, subject_id: str, mark: str) -> str:
    """The id of the message that a rule has for a subject: the same one however often and by whomever it is planned."""
    seed = "\n".join((practice_id, str(patient), rule_id, subject_id, mark))
    raw = _practice_bytes(practice_id) + patient.to_bytes(8, "big", signed=True)
    raw += hashlib.sha256(seed.encode()).digest()[:8]
    return f"{PREFIXES['message']}_{base64.b32encode(raw).decode().rstrip('=').lower()}"


def parse_message_id(id_: str) -> tuple[str, int]:
    """The practice and the patient (PatNum) of a message. Raises: NotFound: it is no such id."""
    prefix, _, body = id_.partition("_")
    try:
        raw = base64.b32decode(body.upper() + "=" * (-len(body) % 8))
    except (binascii.Error, ValueError) as error:
        raise NotFound("no such message") from error
    if prefix != PREFIXES["message"] or len(raw) != _LENGTH or body != body.lower():
        raise NotFound("no such message")
    practice = base64.b32encode(raw[:_PRACTICE]).decode().rstrip("=").lower()
    return f"{PREFIXES['practice']}_{practice}", int.from_bytes(raw[_PRACTICE : _PRACTICE + 8], "big", signed=True)


_PRACTICE: Final = 10
_LENGTH: Final = _PRACTICE + 16


def _practice_bytes(practice_id: str) -> bytes:
    body = practice_id.partition("_")[2]
    return base64.b32decode(body.upper() + "=" * (-len(body) % 8))


# What follows what.


def planned(
    subject: Subject, rule: Rule, wanted: Planned, *, patient: int, practice_id: str, now: datetime
) -> Message | None:
    """The first state of a message; None where there is none worth keeping."""
    if isinstance(wanted, Reason) and wanted not in OF_THE_PERSON:
        return None
    first = Message(
        id=message_id(practice_id, patient, rule.id, subject.id, subject.mark),
        practice_id=practice_id,
        patient=patient,
        rule_id=rule.id,
        kind=rule.kind,
        subject_id=subject.id,
        mark=subject.mark,
        state=State.PLANNED,
        made_at=now,
        changed_at=now,
        named_day=subject.day,
    )
    if isinstance(wanted, Reason):
        return replace(first, state=State.REFUSED, reason=wanted)
    return _with(first, wanted)


def replanned(was: Message, wanted: Planned, *, now: datetime) -> Message:
    """What a stored message is now that `wanted` is what its rule wants; the same one where nothing changes."""
    if isinstance(wanted, Reason):
        return _without(was, wanted, now)
    if was.state is State.PLANNED or was.state is State.DUE:
        is_no_later = was.send_after is not None and was.send_after <= now and wanted.send_after <= now
        then = _with(was, replace(wanted, send_after=was.send_after) if is_no_later and was.send_after else wanted)
        return was if then == was else replace(then, changed_at=now)
    if was.state in NOT_SENT and not was.was_claimed:
        again = replace(was, state=State.PLANNED, reason=None, made_at=now, changed_at=now, round=was.round + 1)
        # What was withdrawn and not told yet needs no telling: nobody claimed it.
        return _with(replace(again, telling=None), wanted)
    return was


def _with(was: Message, wanted: Plan) -> Message:
    return replace(
        was,
        send_after=wanted.send_after,
        expire_at=wanted.expire_at,
        channel=wanted.channel,
        language=wanted.language,
        reason=None,
    )


_HELD_BACK: Final = frozenset(
    {
        Reason.STATUS, Reason.MOVED, Reason.GONE, Reason.CONFIRMED, Reason.PAID, Reason.RULE_OFF,
        Reason.NO_CONSENT, Reason.DO_NOT_CONTACT, Reason.PATIENT_STATUS,
    }
)  # fmt: skip
"""For what a message is called back that somebody has claimed; that its time is over is no such thing."""


def _without(was: Message, why: Reason, now: datetime) -> Message:
    if was.state is State.CLAIMED:
        # Who claimed it may still hold it back: told once.
        if was.reason is not None or why not in _HELD_BACK:
            return was
        return replace(was, reason=why, telling="withdrawn", changed_at=now)
    if was.state in OPEN:
        if why is Reason.PAST:
            return expired(was, now=now)
        state = State.REFUSED if why in OF_THE_PERSON else State.WITHDRAWN
        telling = "withdrawn" if was.state is State.DUE else None
        return replace(was, state=state, reason=why, telling=telling, changed_at=now)
    if was.state is State.REFUSED and was.reason is not why:
        state = State.REFUSED if why in OF_THE_PERSON else State.WITHDRAWN
        return replace(was, state=state, reason=why, changed_at=now)
    return was


def fell_due(was: Message, *, now: datetime) -> Message:
    """A planned message whose time has come."""
    return replace(was, state=State.DUE, telling="due", changed_at=now)


def told(was: Message) -> Message:
    """It has been told."""
    return replace(was, telling=None)


def expired(was: Message, *, now: datetime) -> Message:
    """An open message whose time is over."""
    return replace(was, state=State.EXPIRED, reason=None, telling=None, changed_at=now)


def claimed(was: Message, *, mark: str, by: str, now: datetime) -> Message:
    """A due message that somebody sends."""
    return replace(was, state=State.CLAIMED, claim=mark, claimed_by=by, claimed_at=now, changed_at=now)


def unanswered(was: Message, *, now: datetime) -> Message:
    """A claimed message of which nobody said what came of it."""
    return replace(was, state=State.UNKNOWN, changed_at=now)


def with_outcome(was: Message, said: Said, *, now: datetime) -> Message:
    """A claimed message of which something came; its state is the furthest that was told, in whatever order."""
    rank = _RANK.get(was.state, -1)
    state = State(said.outcome.value) if _RANK[said.outcome] > rank else was.state
    return replace(was, state=state, said=(*was.said, said), changed_at=now)
