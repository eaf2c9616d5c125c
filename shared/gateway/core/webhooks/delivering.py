"""Events on their way to endpoints: begun by the publisher, sent by the worker, sent again by a job once a minute.

What is known of a delivery lies in its row; a message only has its turn made sooner. So a message may be lost or come
twice, and whoever dies leaves a row that becomes due. An endpoint may get an event twice, with one id: it has been
answered, and nobody lived to note it. After a success that was noted it gets it never again, unless its owner asks.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, cast

from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.errors import NotAllowed, NotFound, Unavailable
from gateway.core.events.event import Event
from gateway.core.events.facts import WEBHOOKS
from gateway.core.events.reading import is_for
from gateway.core.ports import Services
from gateway.core.walltime import instant_text
from gateway.core.webhooks import deliveries as rules
from gateway.core.webhooks.deliveries import Delivery, Due, Ended, Health, Message, Outcome
from gateway.core.webhooks.endpoints import Endpoint, EndpointState, Payload, Reason, may_get, secret_of
from gateway.core.webhooks.full import FullObject, full_object
from gateway.core.webhooks.ports import BeginServices, CallServices, DeliveryServices, RetryServices, Superseded
from gateway.core.webhooks.signing import body_of, headers_of

_log = logging.getLogger("gateway.webhooks")

SENT_AT_ONCE: Final = 1000
"""Deliveries that one run of the minute's job sends."""

_TRIES: Final = 20
"""Five calls of one endpoint at a time change its health."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a run of the minute's job did: numbers for metrics."""

    due: int
    not_sent: int
    oldest_s: float


class Beginning:
    """Fills `core.events.ports.Deliveries`."""

    def __init__(self, on: BeginServices) -> None:
        self._on = on

    def begin(self, events: Sequence[Event]) -> None:
        """See `Deliveries.begin`."""
        on = self._on
        endpoints = [one for one in on.webhooks.all() if one.is_open]
        if not endpoints:
            return
        now = on.clock.now()
        callers = {one: _caller(one, on) for one in {endpoint.client_id for endpoint in endpoints}}
        wanted = [
            rules.begun(endpoint.id, event, now)
            for event in events
            for endpoint in endpoints
            if endpoint.wants(event.type, event.practice_id)
            and (caller := callers[endpoint.client_id]) is not None
            and may_get(event.type, event.practice_id, caller, now=now)
            and is_for(event, caller)
        ]
        for one in on.webhooks.begin(wanted):
            try:
                on.delivery_queue.put(rules.message_of(one))
            except Unavailable:
                # It is due in a minute, as it is if nobody lives to come here.
                continue


def send_due(on: RetryServices) -> Sent:
    """Queue what is due. What was queued before and waits yet is one message."""
    now = on.clock.now()
    # What an endpoint has waiting in the queue is due all the while, and may be more than is looked at. What others
    # have due lately stands behind it.
    found = (*on.webhooks.due(now, limit=SENT_AT_ONCE), *on.webhooks.due(now, limit=SENT_AT_ONCE, latest=True))
    due = _in_turns({one.message: one for one in found}.values())[:SENT_AT_ONCE]
    not_sent = 0
    for one in due:
        try:
            on.delivery_queue.put(one.message)
        except Unavailable:
            not_sent += 1
    oldest = max(((now - one.due_at).total_seconds() for one in due), default=0.0)
    return Sent(len(due), not_sent, oldest)


def _in_turns(due: Iterable[Due]) -> list[Due]:
    """The longest due of each endpoint first, then the second of each."""
    places: Counter[str] = Counter()
    placed: list[tuple[int, Due]] = []
    for one in sorted(due, key=lambda one: one.due_at):
        placed.append((places[one.message.endpoint_id], one))
        places[one.message.endpoint_id] += 1
    return [one for _, one in sorted(placed, key=lambda at: at[0])]


def deliver(message: Message, on: DeliveryServices) -> Delivery | None:
    """Make the turn that a message names, if it has not been made; the delivery as it is then.

    Raises: Unavailable: make it again.
    """
    was = on.webhooks.delivery(message.endpoint_id, message.event_id)
    if was is None or was.due_at is None or was.turn != message.turn:
        return None
    found = _may_go(was, on)
    if isinstance(found, Ended):
        return _saved(rules.ended(was, found, now=on.clock.now()), was, on)
    endpoint, caller, event = found
    waits_until = _pass(endpoint, on)
    if waits_until is not None:
        return _saved(rules.put_off(was, waits_until, now=on.clock.now()), was, on)
    # Read when nothing but the call itself is left to do, and kept nowhere.
    shown = full_object(endpoint, event, caller, on) if endpoint.payload is Payload.FULL else None
    outcome = call(endpoint, event, on, shown=shown)
    if endpoint.payload is Payload.FULL or endpoint.approval is not None:
        # Whoever repeats in an answer what this or an earlier attempt sent would have it kept with the delivery.
        outcome = replace(outcome, excerpt="")
    _say(was, event, outcome)
    now = on.clock.now()
    then = rules.after(was, outcome, now=now, chance=on.chance())
    if outcome.is_success:
        saved = _saved(then, was, on)
        _note(endpoint, outcome, on)
        return saved
    # Of a failure the endpoint's health comes first: dead before the row, this attempt is made again, and counts again.
    _note(endpoint, outcome, on)
    return _saved(then, was, on)


def _say(delivery: Delivery, event: Event, outcome: Outcome) -> None:
    """Log a post: neither where it went nor what was answered."""
    _log.info(
        "posted",
        extra={
            "practice_id": delivery.practice_id,
            "event_id": delivery.event_id,
            "endpoint_id": delivery.endpoint_id,
            "correlation_id": event.correlation_id,
            "attempt": delivery.attempts + 1,
            "status": outcome.status,
            "code": outcome.error,
            "duration_ms": outcome.took_ms,
        },
    )


def call(endpoint: Endpoint, event: Event, on: CallServices, *, shown: FullObject | None = None) -> Outcome:
    """Post an event to an endpoint, signed at this moment; with `shown` where the endpoint wants full bodies."""
    now = on.clock.now()
    body = body_of(event, shown)
    secrets = [secret_of(endpoint.id, one, signer=on.signer) for one in endpoint.generations(now)]
    return on.sender.post(endpoint.url, headers_of(event.id, body, secrets=secrets, at=now), body)


def _may_go(delivery: Delivery, on: DeliveryServices) -> tuple[Endpoint, Caller, Event] | Ended:
    """The endpoint, its client and the event, if this may be sent there now."""
    try:
        endpoint = on.webhooks.get(delivery.endpoint_id)
    except NotFound:
        return Ended.DISABLED
    if not endpoint.is_open:
        # Whoever disabled it may have died before that was told.
        _tell_disabled(endpoint, on)
        return Ended.DISABLED
    if not endpoint.wants(delivery.type, delivery.practice_id):
        return Ended.NOT_WANTED
    caller = _caller(endpoint.client_id, on)
    if caller is None or not may_get(delivery.type, delivery.practice_id, caller, now=on.clock.now()):
        return Ended.NOT_ALLOWED
    try:
        # It asks no port that the worker lacks.
        allow(caller, delivery.practice_id, "events", Verb.READ, on=cast("Services", on))
    except (NotFound, NotAllowed):
        return Ended.NOT_ALLOWED
    logged = on.event_log.get(delivery.practice_id, [delivery.event_id])
    return (endpoint, caller, logged[0].event) if logged else Ended.EXPIRED


def _caller(client_id: str, on: BeginServices) -> Caller | None:
    try:
        return Caller(on.callers.client(client_id))
    except NotFound:
        return None


def _pass(endpoint: Endpoint, on: DeliveryServices) -> datetime | None:
    """None if a call may be made now; else until when the endpoint is left alone."""
    for _ in range(_TRIES):
        now = on.clock.now()
        health = on.webhooks.health(endpoint.id)
        may_pass, then = rules.passes(health, now)
        if not may_pass:
            return health.open_until
        if then == health:
            return None
        try:
            on.webhooks.save_health(then)
        except Superseded:
            continue
        return None
    raise Unavailable("the health of an endpoint is being changed by others", retry_after=1.0)


def _note(endpoint: Endpoint, outcome: Outcome, on: DeliveryServices) -> None:
    """Note what a call says of the endpoint, and disable it where that is enough."""
    health = _noted(endpoint.id, outcome, on)
    now = on.clock.now()
    if outcome.says_gone:
        _disable(endpoint, Reason.GONE, now, on)
    elif rules.is_failing(health, now):
        _disable(endpoint, Reason.FAILING, now, on)


def _noted(endpoint_id: str, outcome: Outcome, on: DeliveryServices) -> Health:
    for _ in range(_TRIES):
        was = on.webhooks.health(endpoint_id)
        health = rules.health_after(was, outcome, now=on.clock.now())
        if health == was:
            return was
        try:
            return on.webhooks.save_health(health)
        except Superseded:
            continue
    raise Unavailable("the health of an endpoint is being changed by others", retry_after=1.0)


def _disable(endpoint: Endpoint, reason: Reason, now: datetime, on: DeliveryServices) -> None:
    """Disable it as it was called. One that its owner has changed meanwhile is another: its next answers count."""
    try:
        disabled = on.webhooks.change(
            replace(endpoint, state=EndpointState.DISABLED, reason=reason, disabled_at=now, changed_at=now)
        )
    except Superseded:
        return
    _tell_disabled(disabled, on)


def _tell_disabled(endpoint: Endpoint, on: DeliveryServices) -> None:
    """Tell it at each practice whose events it had. What its owner did is no news to anybody."""
    at, caller = endpoint.disabled_at, _caller(endpoint.client_id, on)
    if at is None or caller is None or endpoint.reason not in {Reason.GONE, Reason.FAILING}:
        return
    content = {
        "state": "disabled",
        "reason": str(endpoint.reason),
        "since": instant_text(at),
        "client_id": endpoint.client_id,
    }
    for practice_id in sorted(endpoint.practices_of(caller.client)):
        on.facts.note(practice_id, WEBHOOKS, endpoint.id, content, at=at)


def _saved(delivery: Delivery, was: Delivery, on: DeliveryServices) -> Delivery | None:
    try:
        on.webhooks.save(delivery, was=was)
    except Superseded:
        return None
    return delivery
