"""An event: one change of one object, told in ids, words of status and dates, and in nothing else.

What is published lies on a bus, in its archive and in other people's logs, so nothing that says who somebody is, what
somebody owes or what anybody wrote is ever in it. Whoever needs that asks the API, under scopes of its own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from gateway.core.ids import PREFIXES
from gateway.core.walltime import instant_text

SOURCE: Final = "open-dental-gateway"
"""Whose events they are, among all on a bus."""


class Cause(StrEnum):
    """How a change was noticed."""

    NATIVE = "native"
    """Open Dental's own event."""
    POLL = "poll"
    SWEEP = "sweep"
    """A comparison of everything: a deletion, or an edit that no stamp tells of."""
    READ = "read"
    """Somebody's request for the object."""
    OWN_WRITE = "own_write"
    RECOVERY = "recovery"
    """The change was not published in time; what the object was before is not known."""
    GATEWAY = "gateway"
    """The gateway's own doing: an operation, a practice that does not answer, a date that has come."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `before` and `after` have the fields that `event_types` allows for its type; what is not known is left
    out of `before`. `sequence` rises with every change of the object: the greater one is the later state.
    """

    id: str
    type: str
    occurred_at: datetime
    """When it happened at the office, as far as Open Dental says; else when it was noticed."""
    detected_at: datetime
    practice_id: str
    object: str
    object_id: str
    sequence: int
    cause: Cause
    changed: tuple[str, ...] = ()
    """Names of the object's fields that are not what they were."""
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    related: Mapping[str, str] = field(default_factory=dict)
    """Ids of whom it is about: `patient_id`, `location_id`, `appointment_id` ..."""
    changes: tuple[Mapping[str, str], ...] | None = None
    """Of a type that tells them: what has changed, as `code` and `explanation`, the gateway's own sentence; none where
    it is not known what was before."""
    correlation_id: str | None = None
    """Of the request to this gateway that brought it about, where one did."""

    def told(self) -> dict[str, Any]:
        """As it is published: JSON values."""
        told: dict[str, Any] = {
            "id": self.id,
            "type": self.type,
            "occurred_at": instant_text(self.occurred_at),
            "detected_at": instant_text(self.detected_at),
            "practice_id": self.practice_id,
            "object": self.object,
            "object_id": self.object_id,
            "sequence": self.sequence,
            "cause": str(self.cause),
            "changed": list(self.changed),
            "before": dict(self.before),
            "after": dict(self.after),
            "related": dict(self.related),
            **({} if self.changes is None else {"changes": [dict(one) for one in self.changes]}),
        }
        return told if self.correlation_id is None else told | {"correlation_id": self.correlation_id}


_ID_BYTES: Final = 20


def event_id(practice_id: str, what: str, type_: str, seq: int | str) -> str:
    """The id of the event that `what` (a row: `{resource}#{key}`) got with its state `seq`.

    The same change has one id however often and by whomever it is noticed; another change never has it.
    """
    text = "\n".join((practice_id, what, type_, str(seq)))
    raw = hashlib.sha256(text.encode()).digest()[:_ID_BYTES]
    return f"{PREFIXES['event']}_{base64.b32encode(raw).decode().lower()}"
