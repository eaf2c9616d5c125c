"""An operation: one request of a caller, from its acceptance to its settled answer.

Its life, as the caller sees it (`OperationState`), is derived from the steps the ledger keeps (`StepState`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from gateway.core.practices import REMOTE_NETWORK


class OperationState(StrEnum):
    """What the caller sees."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @property
    def is_settled(self) -> bool:
        """Whether the operation has its answer. `unknown` has none yet."""
        return self in {OperationState.SUCCEEDED, OperationState.FAILED}


class StepState(StrEnum):
    """The life of one write of an operation: SENT is stored before it is sent."""

    SENT = "sent"
    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    NOT_DONE = "not_done"


class Lane(StrEnum):
    """Who waits: a caller, or nobody."""

    INTERACTIVE = "interactive"
    BACKGROUND = "background"


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be done, as it lies in the ledger.

    `kind` names the plan (`appointments.create`, `fetch.patients`); `input` is its input as JSON values and may hold
    health data. `cache_key` is set for a fetch: where its rows are kept, and what makes two fetches twins.
    `idempotency_key` is the caller's; `body_hash` tells a repeat from a reuse. `network` is the practice's, so that
    whoever puts the turn again, the sweeper say, has it at hand.
    """

    kind: str
    practice_id: str
    client_id: str
    input: Mapping[str, Any]
    lane: Lane = Lane.INTERACTIVE
    cache_key: str | None = None
    idempotency_key: str | None = None
    body_hash: str | None = None
    network: str = REMOTE_NETWORK
    correlation_id: str | None = None
    """Of the caller's request. No part of what makes two requests equal: the first one's stays."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A request and how far it is."""

    id: str
    request: Request
    state: OperationState
    attempt: int
    submitted_at: datetime
    reference: str
    finished_at: datetime | None = None
    result: Mapping[str, Any] | None = None
    """A write's normalized object. A fetch has none: its rows are in the cache under `request.cache_key`."""
    created: bool = False
    warnings: tuple[Mapping[str, Any], ...] = ()
    error: Mapping[str, Any] | None = None
    """A problem: `{code, detail, retryable, param?, upstream?, ...}`."""
    upstream_calls: int = 0
    queue_position: int | None = None
    eta_at: datetime | None = None
    parked_until: datetime | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    """A message of the calls queue: names an operation and the attempt, nothing else.

    `operation_id` is None for the practice's background turn.
    """

    practice_id: str
    operation_id: str | None
    attempt: int


SKEW_US: Final = 5_000_000
"""A time that is so much later than now was noted by a clock that was wrong, in microseconds."""

RECENT_US: Final = 120_000_000


def counts(as_of: int, *, wrote: int | None, now: int) -> bool:
    """Whether a copy of then may be shown, by when the practice was last written to by us: all in epoch microseconds.

    A copy from before the write may not, nor one from a time that is still to come. A write that is still to come rules
    out what is older than two minutes: nobody is refused for an hour because somebody's clock was an hour ahead.
    """
    if as_of > now + SKEW_US:
        return False
    if wrote is not None and wrote > now + SKEW_US:
        return as_of >= now - RECENT_US
    return wrote is None or as_of >= wrote


@dataclass(frozen=True, slots=True)
class RowSet:
    """The rows of a fetch, with their age: nothing in them is older than `as_of` (UTC)."""

    rows: Mapping[str, list[Mapping[str, Any]]]
    as_of: datetime
    upstream_calls: int
