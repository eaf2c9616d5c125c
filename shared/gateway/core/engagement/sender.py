"""The gateway's own sender: claims a message that is due, sends it, says what came of it. Off unless a stage has one.

It is a client like any other, under the scopes of its record. A message is claimed by a mark that is made for this one
attempt: who hears of it a second time, or comes back after dying, finds it claimed, and does not send. So of a message
whose sender died between the two, nobody knows whether it was sent, and that is what it says: `unknown`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from gateway.core.access import allow, caller_of
from gateway.core.callers import Caller, Verb
from gateway.core.engagement.messages import Message, Outcome, parse_message_id
from gateway.core.engagement.ports import Carried, Carrier, Letter
from gateway.core.engagement.reading import content_of, shown_message
from gateway.core.engagement.rules import Channel
from gateway.core.engagement.sending import OutcomeInput, claim, note_outcome
from gateway.core.errors import NotFound, NotKept, Refused
from gateway.core.ids import new_id
from gateway.core.json_text import to_json
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.walltime import instant_text
from gateway.core.webhooks.endpoints import Payload, secret_of
from gateway.core.webhooks.signing import headers_of

if TYPE_CHECKING:
    from gateway.core.webhooks.endpoints import Endpoint

TYPE = "message.send"
"""What a hook's body is of."""


class Sent(StrEnum):
    """What became of one hearing. Words for metrics."""

    SENT = "sent"
    FAILED = "failed"
    UNSURE = "unsure"
    """It may have been sent. Nobody sends it again."""
    NOT_OURS = "not_ours"
    """Somebody else has it, it is not to be sent any more, or the client may not."""


@dataclass(frozen=True, slots=True)
class Sending:
    """How a stage sends. `client_id`: as whom. `hook`: the webhook that messages are posted to instead; an operator has
    to have approved it for whole objects."""

    client_id: str
    hook: str | None = None


class SenderServices(Services, Protocol):
    """Ports of the sender."""

    @property
    def carrier(self) -> Carrier: ...


def send(event: Mapping[str, Any], sending: Sending, on: SenderServices) -> Sent:
    """Send the message that an event (`Event.told()`) says is due, once at most.

    Raises: Unavailable: nothing has been sent; hear it again.
    """
    id_ = str(event["object_id"])
    try:
        practice_id, patient = parse_message_id(id_)
        caller = caller_of(sending.client_id, on=on, of_run=True)
        practice = allow(caller, practice_id, "messages", Verb.WRITE, on=on)
        allow(caller, practice_id, "messages", Verb.READ, on=on)
        hook = None if sending.hook is None else _hook(sending.hook, practice, on)
        # Never the same twice: a second hearing must not take the first one's claim for its own.
        message = claim(id_, practice, patient, by=caller.id, mark=new_id("operation"), on=on)
    except (Refused, NotKept):
        return Sent.NOT_OURS
    content, _ = content_of(message, practice, on)
    if content is None:
        return _say(message, Carried(is_sent=False), caller, on)
    carried = _carry(content, on) if hook is None else _post(message, practice, content, hook, on)
    return _say(message, carried, caller, on)


def _carry(content: Mapping[str, Any], on: SenderServices) -> Carried:
    letter = Letter(content["to"], content["text"], content["subject"] or "")
    return on.carrier.text(letter) if content["channel"] == Channel.TEXT else on.carrier.email(letter)


def _say(message: Message, carried: Carried, caller: Caller, on: SenderServices) -> Sent:
    """Note what came of it. Where that is not certain nothing is noted, and it becomes `unknown`."""
    if not carried.is_certain:
        return Sent.UNSURE
    outcome = Outcome.SENT if carried.is_sent else Outcome.FAILED
    said = OutcomeInput(outcome=outcome, provider_message_id=carried.provider_message_id)
    note_outcome(message.id, said, caller=caller, key=f"sender {message.claim}", on=on)
    return Sent.SENT if carried.is_sent else Sent.FAILED


# By a hook


def _hook(id_: str, practice: Practice, on: SenderServices) -> Endpoint:
    endpoint = on.webhooks.get(id_)
    approval = endpoint.approval
    if not endpoint.is_open or endpoint.payload is not Payload.FULL or approval is None:
        raise NotFound("no webhook that is approved for whole objects")
    if practice.id not in approval.practices:
        raise NotFound("the webhook is not approved for this practice")
    return endpoint


def _post(
    message: Message, practice: Practice, content: Mapping[str, Any], hook: Endpoint, on: SenderServices
) -> Carried:
    now = on.clock.now()
    data = {**shown_message(message, practice), "content": content}
    body = to_json({"type": TYPE, "timestamp": instant_text(now), "data": data}).encode()
    secrets = [secret_of(hook.id, one, signer=on.signer) for one in hook.generations(now)]
    answer = on.sender.post(hook.url, headers_of(message.id, body, secrets=secrets, at=now), body)
    if answer.is_success:
        return Carried(is_sent=True)
    # What was refused was not sent; what was not answered may have been.
    is_refused = answer.status is not None and 400 <= answer.status < 500
    return Carried(is_sent=False, is_certain=is_refused or answer.error in _NEVER_LEFT)


_NEVER_LEFT = frozenset({"address-not-allowed", "not-https", "no-connection", "tls", "url"})
