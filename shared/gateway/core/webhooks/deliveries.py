"""A delivery of one event to one endpoint, and what an endpoint's answers say of it. Pure rules.

A delivery has a number that every change raises (`turn`): whoever was told to make a turn that has been made, or put
off, makes none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from gateway.core.events.event import Event
from gateway.core.webhooks.schedule import open_for, retry_after

FALLBACK: Final = timedelta(seconds=60)
"""After which time a turn whose message was lost is due all the same."""

PROBE_FOR: Final = timedelta(seconds=60)
"""How long one attempt may have the only call that an open circuit lets through."""

OPENS_AT: Final = 5
DISABLED_AFTER: Final = timedelta(days=3)
DISABLED_AT: Final = 20
"""Failures in a row, and since when, that disable an endpoint."""

KEPT: Final = timedelta(days=30)
"""How long after its last change a delivery can be looked up."""

GONE: Final = 410


class DeliveryState(StrEnum):
    """How a delivery stands."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Ended(StrEnum):
    """Why a delivery ended without success, where not because all attempts failed."""

    DISABLED = "endpoint-disabled"
    GONE = "endpoint-gone"
    """It said so itself."""
    NOT_ALLOWED = "not-allowed"
    """The client may not see it any more."""
    NOT_WANTED = "not-wanted"
    """The endpoint's filters do not let it through any more."""
    EXPIRED = "event-expired"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one call. `error` is a word of ours where no status came, or where it is not the reason."""

    status: int | None = None
    error: str | None = None
    excerpt: str = ""
    """The first bytes of the answer, for the endpoint's owner."""
    took_ms: int = 0

    @property
    def is_success(self) -> bool:
        """2xx, and nothing else."""
        return self.error is None and self.status is not None and 200 <= self.status < 300

    @property
    def says_gone(self) -> bool:
        """Whether the endpoint says that it wants no more."""
        return self.status == GONE


@dataclass(frozen=True, slots=True)
class Delivery:
    """`attempts` are the calls of this round; `turn` is raised by every change. `due_at` only while it is pending."""

    endpoint_id: str
    event_id: str
    practice_id: str
    object_id: str
    type: str
    made_at: datetime
    changed_at: datetime
    due_at: datetime | None
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    turn: int = 0
    last: Outcome | None = None
    last_at: datetime | None = None
    ended: Ended | None = None

    @property
    def expires_at(self) -> datetime:
        """When it is forgotten."""
        return self.changed_at + KEPT


@dataclass(frozen=True, slots=True)
class Message:
    """What the queue carries: which turn is to be made. `object_id` orders what is of one object."""

    endpoint_id: str
    event_id: str
    object_id: str
    turn: int


@dataclass(frozen=True, slots=True)
class Due:
    """A turn that is to be made by now."""

    message: Message
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Health:
    """What an endpoint's last answers were. A circuit that is open lets one call through when its time is over."""

    endpoint_id: str
    failures: int = 0
    """In a row."""
    failing_since: datetime | None = None
    opened: int = 0
    """How often in a row the circuit has opened."""
    open_until: datetime | None = None
    is_probing: bool = False
    """Whether the one call that an open circuit lets through is under way, until `open_until`."""
    rev: int = 0


def begun(endpoint_id: str, event: Event, now: datetime) -> Delivery:
    """A delivery that has just begun."""
    return Delivery(
        endpoint_id, event.id, event.practice_id, event.object_id, event.type, now, now, due_at=now + FALLBACK
    )


def again(delivery: Delivery, now: datetime) -> Delivery:
    """The same from the start, as its owner asked for."""
    return replace(
        delivery,
        state=DeliveryState.PENDING,
        attempts=0,
        turn=delivery.turn + 1,
        due_at=now,
        changed_at=now,
        ended=None,
    )


def message_of(delivery: Delivery) -> Message:
    """The message that has the present turn made."""
    return Message(delivery.endpoint_id, delivery.event_id, delivery.object_id, delivery.turn)


def after(delivery: Delivery, outcome: Outcome, *, now: datetime, chance: float) -> Delivery:
    """What a delivery is after a call."""
    tried = replace(
        delivery,
        attempts=delivery.attempts + 1,
        turn=delivery.turn + 1,
        last=outcome,
        last_at=now,
        changed_at=now,
        due_at=None,
    )
    if outcome.is_success:
        return replace(tried, state=DeliveryState.SUCCEEDED)
    wait = None if outcome.says_gone else retry_after(tried.attempts, chance)
    if wait is None:
        return replace(tried, state=DeliveryState.FAILED, ended=Ended.GONE if outcome.says_gone else None)
    return replace(tried, due_at=now + wait)


def ended(delivery: Delivery, why: Ended, *, now: datetime) -> Delivery:
    """A delivery that is given up without a call."""
    return replace(delivery, state=DeliveryState.FAILED, turn=delivery.turn + 1, ended=why, due_at=None, changed_at=now)


def put_off(delivery: Delivery, until: datetime, *, now: datetime) -> Delivery:
    """A delivery that waits for its endpoint's circuit. No attempt is used up."""
    return replace(delivery, turn=delivery.turn + 1, due_at=max(until, now), changed_at=now)


def passes(health: Health, now: datetime) -> tuple[bool, Health]:
    """Whether a call may be made now; and the health to store first, where it is not the same.

    The one call that an open circuit lets through holds off the others until it is answered, or has had its time.
    """
    if health.open_until is None:
        return True, health
    if now < health.open_until:
        return False, health
    return True, replace(health, open_until=now + PROBE_FOR, is_probing=True)


def health_after(health: Health, outcome: Outcome, *, now: datetime) -> Health:
    """An endpoint's health after a call."""
    if outcome.is_success:
        return Health(health.endpoint_id, rev=health.rev)
    failures = health.failures + 1
    failed = replace(health, failures=failures, failing_since=health.failing_since or now)
    # Calls that were under way when the circuit opened say nothing new.
    if failures < OPENS_AT or (health.open_until is not None and not health.is_probing):
        return failed
    opened = health.opened + 1
    return replace(failed, opened=opened, open_until=now + open_for(opened), is_probing=False)


def is_failing(health: Health, now: datetime) -> bool:
    """Whether an endpoint has failed for so long and so often that it is disabled."""
    since = health.failing_since
    return since is not None and now - since >= DISABLED_AFTER and health.failures >= DISABLED_AT
