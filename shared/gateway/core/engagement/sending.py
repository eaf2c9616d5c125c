"""Who sends a message says so first, and what came of it afterwards. Nobody sends one twice: a claim is given once.

What was sent is written down at the office. Whoever wants no more texts gets none from then on, and the office's own
record says so as soon as it can be written.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, StringConstraints

from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.capability import require
from gateway.core.engagement.keeping import keep_plan, tell
from gateway.core.engagement.looking import contact_row, is_here, known_of
from gateway.core.engagement.messages import (
    Message,
    Outcome,
    Said,
    State,
    claimed,
    expired,
    parse_message_id,
    with_outcome,
)
from gateway.core.engagement.minute import is_over
from gateway.core.engagement.ports import Superseded
from gateway.core.engagement.reading import shown_message
from gateway.core.engagement.rules import Channel, Kind
from gateway.core.errors import Conflict, Invalid, KeyReused, NotFound, NotKept, Refused, Unavailable
from gateway.core.inputs import Moment
from gateway.core.normalize.values import key as key_of
from gateway.core.operations import Operation
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.requests import submit
from gateway.core.walltime import instant_text, to_wall
from gateway.core.writes.communication import PLAIN

if TYPE_CHECKING:
    pass

_TRIES: Final = 10
_MOST_SAID: Final = 20
_AHEAD: Final = timedelta(minutes=5)
"""So far ahead of ours a sender's clock may be."""


class OutcomeInput(BaseModel):
    """The body of `POST /messages/{id}/outcomes`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    outcome: Outcome
    at: Moment | None = None
    """Now, unless said otherwise."""
    provider_message_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:=/+-]{1,128}$")] | None = None
    """The carrier's own. No address and no number: it stands in records that hold none."""


def claim_message(id_: str, *, caller: Caller, key: str, on: Services) -> dict[str, Any]:
    """Take a due message to send it: scope `messages:write`. Visit, consent and hours are looked at once more. A repeat
    with the same key has it already; everybody else is refused from then on.

    Raises:
        ScopeMissing, NotFound, BaaMissing. Conflict: `reason` is `claimed`, `not-now`, or the state in which nobody
        sends it. NotKept: the mirror cannot say. Unavailable: try again.
    """
    practice, patient = _allowed(id_, caller, on)
    mark = _mark("claim", id_, key, caller, on)
    return shown_message(claim(id_, practice, patient, by=caller.id, mark=mark, on=on), practice)


def claim(id_: str, practice: Practice, patient: int, *, by: str, mark: str, on: Services) -> Message:
    """Take a due message for the request that `mark` is of. Raises: as `claim_message`."""
    for _ in range(_TRIES):
        was = on.messages.get(practice.id, patient, id_)
        if was.claim == mark:
            return was
        if was.was_claimed:
            raise Conflict("somebody else sends it", reason="claimed")
        if not is_here(practice, on):
            raise NotKept("no mirror of this practice can say whether it may be sent", reason="not-mirrored")
        try:
            keep_plan(practice, patient, on)
            was = on.messages.get(practice.id, patient, id_)
            now = on.clock.now()
            if was.state is State.DUE and is_over(was, now):
                was = on.messages.save(expired(was, now=now))
            if was.was_claimed:
                continue
            if was.state is not State.DUE:
                raise Conflict("it is not to be sent", reason=str(was.state), why=was.reason and str(was.reason))
            if was.send_after is not None and was.send_after > now:
                raise Conflict(
                    "it is not to be sent at this time of day",
                    reason="not-now",
                    send_after=instant_text(was.send_after),
                )
            return on.messages.save(claimed(was, mark=mark, by=by, now=now))
        except Superseded:
            continue
    raise Unavailable("the message is being changed by others", retry_after=1.0)


def note_outcome(id_: str, said: OutcomeInput, *, caller: Caller, key: str, on: Services) -> dict[str, Any]:
    """Say what came of a message that was claimed: scope `messages:write`. It is written down at the office once, and
    an opting out changes the patient's consent there; `operations` names what was begun for that, or why it cannot be.
    A repeat with the same key changes nothing, and begins what an earlier one could not.

    Raises: ScopeMissing, NotFound, BaaMissing. Conflict: nobody claimed it, or it has too many outcomes. Invalid: `at`
        is still to come. KeyReused. Unavailable: try again.
    """
    practice, patient = _allowed(id_, caller, on)
    mark = _mark("outcome", id_, key, caller, on)
    message = _noted(id_, practice, patient, said, mark=mark, on=on)
    return {**shown_message(message, practice), "operations": _effects(message, mark, practice, caller, on)}


def _noted(id_: str, practice: Practice, patient: int, said: OutcomeInput, *, mark: str, on: Services) -> Message:
    now = on.clock.now()
    if said.at is not None and said.at > now + _AHEAD:
        raise Invalid("nothing can have come of it later than now", param="at")
    for _ in range(_TRIES):
        was = on.messages.get(practice.id, patient, id_)
        known = next((one for one in was.said if one.mark == mark), None)
        if known is not None:
            is_same = known.outcome is said.outcome and known.provider_message_id == said.provider_message_id
            if not is_same or (said.at is not None and known.at != said.at):
                raise KeyReused("this Idempotency-Key belongs to another request", param="Idempotency-Key")
            return was
        if not was.was_claimed:
            raise Conflict("nobody has claimed it: nothing can have come of it", reason="not-claimed")
        if len(was.said) >= _MOST_SAID:
            raise Conflict(f"a message has {_MOST_SAID} outcomes at most", reason="too-many")
        new = Said(said.outcome, said.at or now, mark, said.provider_message_id)
        try:
            return on.messages.save(with_outcome(tell(was, on), new, now=now))
        except Superseded:
            continue
    raise Unavailable("the message is being changed by others", retry_after=1.0)


# What the office is told


_WENT_OUT: Final = frozenset({Outcome.SENT, Outcome.DELIVERED, Outcome.REPLIED, Outcome.PAID, Outcome.OPTED_OUT})
_NOTES: Final = {
    Kind.REMINDER: "Appointment reminder",
    Kind.RECALL: "Recall reminder",
    Kind.PAYMENT_REQUEST: "Payment request",
    Kind.AFTER_VISIT: "Message after the visit",
}
_BY: Final = {Channel.TEXT: ("text message", "Text"), Channel.EMAIL: ("e-mail", "Email")}


def _effects(message: Message, mark: str, practice: Practice, caller: Caller, on: Services) -> list[dict[str, Any]]:
    """Begin what an outcome brings about. Each has a key of its own, so that a repeat begins nothing twice."""
    done: list[dict[str, Any]] = []
    first_out = next((one for one in message.said if one.outcome in _WENT_OUT), None)
    if first_out is not None and first_out.mark == mark:
        done.append(_begun("communication", lambda: _log(message, first_out, practice, caller, on)))
    first_no = next((one for one in message.said if one.outcome is Outcome.OPTED_OUT), None)
    if first_no is not None and first_no.mark == mark and message.channel is Channel.TEXT:
        done.append(_begun("sms_consent", lambda: _take_consent(message, practice, caller, on)))
    return done


def _begun(what: str, begin: Callable[[], Operation]) -> dict[str, Any]:
    """An operation that was begun; or the code of why it cannot be, however often it is tried."""
    try:
        return {"what": what, "operation_id": begin().id, "code": None}
    except Refused as error:
        return {"what": what, "operation_id": None, "code": error.code}


def _log(message: Message, said: Said, practice: Practice, caller: Caller, on: Services) -> Operation:
    require(practice, "commlogs.create", "commlogs.list")
    how, mode = _BY[message.channel or Channel.TEXT]
    wall = to_wall(said.at, practice.zone())
    input_ = {
        "patient": message.patient,
        "note": f"{_NOTES[message.kind]} sent by {how}.",
        # Every contact of the program's own type counts as a reminder of a recall that was sent.
        "type": "recall" if message.kind is Kind.RECALL else PLAIN,
        "definition": 0,
        "mode": mode,
        "direction": "Sent",
        "at": wall.isoformat(sep=" ", timespec="seconds"),
    }
    return submit(
        "communications.create",
        input_,
        practice=practice,
        caller=caller,
        idempotency_key=f"{message.id}.sent",
        on=on,
    )


def _take_consent(message: Message, practice: Practice, caller: Caller, on: Services) -> Operation:
    require(practice, "patients.update", "patients.get")
    known = known_of(practice, message.patient, (), on)
    row = contact_row(known, now=on.clock.now())
    number = message.patient if row is None else key_of(row.get("PatNum")) or message.patient
    return submit(
        "patients.update",
        {"patient": number, "body": {"TxtMsgOk": "No"}},
        practice=practice,
        caller=caller,
        idempotency_key=f"{message.id}.opted_out",
        on=on,
    )


def _allowed(id_: str, caller: Caller, on: Services) -> tuple[Practice, int]:
    practice_id, patient = parse_message_id(id_)
    try:
        return allow(caller, practice_id, "messages", Verb.WRITE, on=on), patient
    except NotFound:
        raise NotFound("no such message") from None


def _mark(what: str, id_: str, key: str, caller: Caller, on: Services) -> str:
    return on.signer.fingerprint(f"message {what} {caller.id} {id_} {key}")
