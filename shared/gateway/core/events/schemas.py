"""A JSON Schema (draft 4, as EventBridge's registry takes it) of each type of event, as it lies on the bus.

Made from `event_types` and from the words that objects have. The names say the form: `..._on` is a day, `..._at` an
instant, `local_...` a wall time; whatever else is told is one of a fixed list of words. There is no free text of
anybody's in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from gateway.core.drift.changes import CODES
from gateway.core.engagement.planning import Reason
from gateway.core.engagement.rules import Kind as MessageKind
from gateway.core.events.event import SOURCE, Cause
from gateway.core.events.event_types import ID_PREFIXES, MESSAGES_DUE, TYPES, subject_of
from gateway.core.ids import PREFIXES
from gateway.core.normalize import appointments, claims, patients, procedures, treatment
from gateway.core.normalize.values import Words
from gateway.core.reconciliation.finding import STATES, Kind, Severity

Schema: TypeAlias = dict[str, Any]

DRAFT: Final = "http://json-schema.org/draft-04/schema#"

_DIGITS: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME: Final = "[0-9]{2}:[0-9]{2}:[0-9]{2}"
_LONGEST: Final = 64
_SENTENCE: Final = 1000
_CORRELATION: Final = "[A-Za-z0-9-]{8,64}"
"""A UUID or a trace's id: nothing that anybody could mean something by."""
_BEFORE_53_BITS_END: Final = 2**53 - 1


def _ours(words: Words, *more: str) -> tuple[str, ...]:
    """Our words of an enumeration, with those that no single row says, and `other` for what nobody knows yet."""
    return tuple(sorted({word for word in words.values() if word} | {"other", *more}))


_MESSAGES: Final = tuple(sorted(MessageKind))
_VISIT_STATUS: Final = _ours(appointments.STATUS, "arrived", "in_chair", "no_show", "cancelled")

_WORDS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("appointment", "status"): _VISIT_STATUS,
    ("web_sched", "status"): _VISIT_STATUS,
    ("web_sched", "kind"): ("asap", "existing_patient", "new_patient", "other", "recall"),
    ("intake", "kind"): ("tablet", "web_form"),
    ("procedure", "status"): _ours(procedures.STATUS),
    ("claim", "status"): _ours(claims.STATUS),
    ("patient", "status"): _ours(patients.STATUS),
    ("treatment_plan", "status"): _ours(treatment.STATUS),
    ("payment", "kind"): ("income_transfer", "patient", "refund"),
    ("insurance_payment", "kind"): ("insurance", "refund"),
    ("finding", "kind"): tuple(sorted(Kind)),
    ("finding", "severity"): tuple(Severity),
    ("finding", "state"): STATES,
    ("operation", "state"): ("failed", "succeeded", "unknown"),
    ("practice", "state"): ("offline", "online"),
    **{(name, "kind"): _MESSAGES for name in (*MESSAGES_DUE, "message")},
    ("message", "reason"): tuple(sorted(Reason)),
    ("webhook", "state"): ("disabled",),
    ("webhook", "reason"): ("failing", "gone"),
}

_PATTERNS: Final[Mapping[tuple[str, str], str]] = {
    ("operation", "kind"): r"^[A-Za-z_]+(\.[A-Za-z_]+)*$",
}
"""Words of which there are too many for a list."""

_COUNTS: Final = frozenset({("practice", "days_left")})
"""Whole numbers that count nothing of a patient's."""

_OWN: Final[Mapping[str, tuple[str, ...]]] = {"sync": (), "webhook": ("state", "reason")}
"""What is told of the gateway's own affairs, which are no object."""

_EXPLAINED: Final[Mapping[str, tuple[str, ...]]] = {"practice.capabilities_changed": CODES}
"""What is told in sentences of the gateway's own, by code: made of the vendor's names and of counts."""

_OWN_RELATED: Final[Mapping[str, tuple[str, ...]]] = {"sync": (), "webhook": ("client_id",)}

_REFERRED: Final = {"family": "patient", "guarantor": "patient", "into_patient": "patient", "rule": "message_rule"}
"""What an id is of, where its name does not say so."""


def schema_of(type_: str) -> Schema:
    """The schema of what a rule's target gets for an event of this type.

    `definitions.event` is the event itself, as webhooks and `GET /events` have it as well.
    """
    return {
        "$schema": DRAFT,
        "title": "".join(part.title() for part in type_.replace(".", "_").split("_")),
        "description": TYPES[type_],
        "type": "object",
        "x-amazon-events-source": SOURCE,
        "x-amazon-events-detail-type": type_,
        "required": ["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"],
        "properties": {
            "version": {"type": "string"},
            "id": {"type": "string", "description": "EventBridge's own; the event's is in `detail`."},
            "detail-type": {"enum": [type_]},
            "source": {"enum": [SOURCE]},
            "account": {"type": "string"},
            "time": _form(_instant()),
            "region": {"type": "string"},
            "resources": {"type": "array", "maxItems": 0},
            "replay-name": {"type": "string", "description": "Only in what an archive plays again."},
            "detail": {"$ref": "#/definitions/event"},
        },
        "definitions": {"event": event_schema(type_)},
    }


def event_schema(type_: str) -> Schema:
    """The schema of an event itself: `Event.told()`."""
    object_ = type_.partition(".")[0]
    subject = subject_of(type_)
    told = _OWN[object_] if subject is None else subject.told
    related = _OWN_RELATED[object_] if subject is None else subject.related
    values = {name: _value(object_, name) for name in told}
    properties: Schema = {
        "id": _form("^evt_[a-z2-7]{32}$"),
        "type": {"enum": [type_]},
        "occurred_at": _form(_instant()) | {"format": "date-time"},
        "detected_at": _form(_instant()) | {"format": "date-time"},
        "practice_id": _id("practice"),
        "object": {"enum": [object_]},
        "object_id": _id(object_),
        "sequence": {"type": "integer", "minimum": 0, "maximum": _BEFORE_53_BITS_END},
        "cause": {"enum": [str(one) for one in Cause]},
        "changed": {"type": "array", "uniqueItems": True, "items": _form("^[a-z][a-z0-9_]*$")},
        "before": _closed(values),
        "after": _closed(values),
        "related": _closed({name: _form(f"^{PREFIXES[_referred(name)]}_[a-z2-7]+$") for name in related}),
    }
    if type_ in _EXPLAINED:
        explained: dict[str, Schema] = {
            "code": {"enum": [*_EXPLAINED[type_]]},
            "explanation": {"type": "string", "maxLength": _SENTENCE},
        }
        properties["changes"] = {"type": "array", "items": _closed(explained, required=explained)}
    required = tuple(properties)
    properties["correlation_id"] = _form(f"^{_CORRELATION}$")
    return _closed(properties, required=required)


def _value(object_: str, name: str) -> Schema:
    if (words := _WORDS.get((object_, name))) is not None:
        return {"enum": [*words, None]}
    if (pattern := _PATTERNS.get((object_, name))) is not None:
        return _form(pattern)
    if (object_, name) in _COUNTS:
        return {"type": "integer", "minimum": 0}
    if name.startswith("local_"):
        return _form(f"^{_DIGITS}T{_TIME}$", or_null=True)
    if name.endswith("_on"):
        return _form(f"^{_DIGITS}$", or_null=True)
    if name == "at" or name.endswith("_at"):
        return _form(_instant(), or_null=True)
    raise KeyError(f"{object_}.{name} is neither a date nor one of a list of words: it is not told")


def _instant() -> str:
    return f"^{_DIGITS}T{_TIME}Z$"


def _referred(name: str) -> str:
    said = name.removesuffix("_id")
    return _REFERRED.get(said, said)


def _id(object_: str) -> Schema:
    return _form(f"^{ID_PREFIXES[object_]}_[a-z2-7]+$")


def _form(pattern: str, *, or_null: bool = False) -> Schema:
    return {"type": ["string", "null"] if or_null else "string", "pattern": pattern, "maxLength": _LONGEST}


def _closed(properties: Mapping[str, Schema], *, required: Iterable[str] = ()) -> Schema:
    """An object that has nothing but these. Draft 4 does not take an empty list of what is required."""
    shown: Schema = {"type": "object", "additionalProperties": False, "properties": dict(properties)}
    return shown | ({"required": list(required)} if required else {})
