"""How a use case hands a request to the ledger and the queue, and waits for its answer.

Reads: `fetch` answers from the short-lived cache if that is fresh enough for the caller, else queues the fetch and
waits. Writes: `submit` queues; `wait_for` waits as long as the caller prefers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.core.callers import Caller
from gateway.core.operations import Operation, RowSet
from gateway.core.ports import Services
from gateway.core.practices import Practice


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old an answer the caller takes, and how long it waits for one.

    `max_age_s`: 0 asks Open Dental whatever the cache holds. `wait_s`: 0 is `respond-async`. `only_if_cached` is never
    used by people and often by caches.
    """

    max_age_s: float = 30.0
    wait_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """Rows, and what `meta` says of them. `upstream_calls` is what this answer cost: 0 from the cache."""

    rows: RowSet
    age_seconds: float
    served_from: str  # "cache" | "live"
    upstream_calls: int


def canonical_hash(value: Any) -> str:
    """SHA-256 of JSON values, whatever the order of members."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def fetch(
    kind: str,
    bound: Mapping[str, Any],
    *,
    practice: Practice,
    caller: Caller,
    freshness: Freshness,
    on: Services,
) -> Fetched:
    """The rows of the fetch plan `kind` for `bound`, from the cache or from Open Dental.

    The cache key is made from practice, kind and bound; filters that are applied here are no part of it.

    Raises:
        StillRunning: the wait is over. PracticeOffline: at once, when the practice is known to be offline.
        QueueFull, Throttled, or whatever error the operation ended with.
    """
    raise NotImplementedError


def submit(
    kind: str,
    input_: Mapping[str, Any],
    *,
    practice: Practice,
    caller: Caller,
    idempotency_key: str,
    on: Services,
) -> Operation:
    """Take a write: one ledger row per (client, practice, key), one turn on the queue. Repeats return the first.

    Raises:
        KeyReused, QueueFull, KeyNotUsable.
    """
    raise NotImplementedError


def wait_for(operation: Operation, *, wait_s: float, on: Services) -> Operation:
    """Follow the operation until it is settled or unknown or the wait is over; return how it then stands."""
    raise NotImplementedError


def error_of(problem: Mapping[str, Any]) -> Exception:
    """The AppError that an operation's stored problem came from, to be raised to a waiting caller."""
    raise NotImplementedError
