"""Which step of an exchange may follow which, and when the next is taken: pure rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.core.plans import UpstreamCall
from gateway.core.rotation.records import Book, Rotation, State

OFFICE_HAS: Final = timedelta(days=30)
"""How long an office has to add the new key."""

TELL_AFTER: Final = timedelta(days=1)
"""After so long somebody is told that an office has not added it yet."""

UNUSED_FOR: Final = timedelta(hours=24)
"""How long nobody has called with the old key before it is disabled."""

SKIP_AFTER: Final = timedelta(hours=1)
"""How long subscriptions are tried under the new key before it is promoted without: care makes them afterwards."""

FORGET_AFTER: Final = timedelta(days=1)
"""How long the old key's subscriptions are tried to be ended; its machines' calls are refused after it anyhow."""

KEPT: Final = 20
"""So many exchanges of a practice are remembered."""

QUESTIONS: Final = (
    UpstreamCall("preferences.list", query={"PrefName": "RegistrationKey"}),
    UpstreamCall("providers.list"),
)
"""What tells one office from another, the best first; the next one where an office does not answer it.

Sources: https://www.opendental.com/site/apipreferences.html, https://www.opendental.com/site/apiproviders.html.
"""

_CANCELS: Final = frozenset({State.CANCELLING})
FOLLOWS: Final[Mapping[State, frozenset[State]]] = {
    State.REQUESTED: frozenset({State.WAITING}) | _CANCELS,
    State.WAITING: frozenset({State.VERIFYING}) | _CANCELS,
    State.VERIFYING: frozenset({State.SUBSCRIBING, State.WAITING}) | _CANCELS,
    State.SUBSCRIBING: frozenset({State.PROMOTING}) | _CANCELS,
    State.PROMOTING: frozenset({State.ENDING}),
    State.ENDING: frozenset({State.DRAINING}),
    State.DRAINING: frozenset({State.DONE}),
    State.CANCELLING: frozenset({State.CANCELLED, State.FAILED}),
    State.DONE: frozenset(),
    State.CANCELLED: frozenset(),
    State.FAILED: frozenset(),
}
"""State -> those that may follow. Once the new key is being promoted there is no way back."""

_PAUSE_SHORTEST: Final = timedelta(seconds=15)
_PAUSE_LONGEST: Final = timedelta(minutes=30)
_AGES_A_PAUSE: Final = 20
_RETRY_FIRST: Final = timedelta(seconds=30)
_RETRY_LONGEST: Final = timedelta(hours=1)


def may_cancel(rotation: Rotation) -> bool:
    """Whether it can still be called off."""
    return State.CANCELLING in FOLLOWS[rotation.state] or rotation.state is State.CANCELLING


def to(rotation: Rotation, state: State, now: datetime, **changes: Any) -> Rotation:
    """The exchange at its next step, which is taken at once. Raises: ValueError: that does not follow."""
    if state not in FOLLOWS[rotation.state]:
        raise ValueError(f"{state} does not follow {rotation.state}")
    ended = {"ended_at": now, "due_at": None} if state.is_over else {"due_at": now}
    return replace(rotation, state=state, since=now, tries=0, **ended, **changes)


def failing(rotation: Rotation, reason: str, now: datetime) -> Rotation:
    """Give it up, for a `reason` in a word: what it made is taken back first."""
    return to(rotation, State.CANCELLING, now, reason=reason)


def over(rotation: Rotation, now: datetime) -> Rotation:
    """The end of one that was called off or given up."""
    return to(rotation, State.CANCELLED if rotation.reason is None else State.FAILED, now)


def not_yet(rotation: Rotation, now: datetime, *, lacks: tuple[str, ...] = ()) -> Rotation:
    """The office has not added the new key, or it may do less than the old one: look again, ever more seldom.

    Each pause is a twentieth of what was waited already: an office that does it on the telephone waits some seconds,
    and one that takes weeks costs 48 calls a day.
    """
    waited = now - rotation.requested_at
    if waited >= OFFICE_HAS:
        return failing(rotation, "permissions-missing" if lacks else "office-did-not-add-it", now)
    pause = min(_PAUSE_LONGEST, max(_PAUSE_SHORTEST, waited / _AGES_A_PAUSE))
    return replace(rotation, due_at=now + pause, tries=rotation.tries + 1, lacks=lacks)


def went_wrong(rotation: Rotation, now: datetime) -> Rotation:
    """This step is tried again, after ever longer pauses."""
    pause = min(_RETRY_LONGEST, _RETRY_FIRST * 2 ** min(rotation.tries, 10))
    return replace(rotation, due_at=now + pause, tries=rotation.tries + 1)


def disabled_from(rotation: Rotation, used_at: datetime | None) -> datetime:
    """When nobody will have called with the old key for a day. `used_at`: when somebody last did. One that leaked is
    not waited for."""
    promoted_at = rotation.promoted_at or rotation.requested_at
    if rotation.leaked:
        return promoted_at
    return max(promoted_at, used_at or promoted_at) + UNUSED_FOR


def noted(book: Book, rotation: Rotation) -> Book:
    """The book with this exchange in it as it is now."""
    others = tuple(one for one in book.rotations if one.id != rotation.id)
    return replace(book, rotations=(*others, rotation)[-KEPT:])
