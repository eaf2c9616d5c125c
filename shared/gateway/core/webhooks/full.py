"""What a full body has beside its event: the object, as `GET` shows it to the endpoint's client at this moment.

It is read from the mirror when the call is all that is left to do, and kept nowhere. Open Dental is never asked, and
nothing that stands in the way of the object stands in the way of its event: the body says why it has none. Like any
answer the object is in its practice's audit trail before it leaves, each time that it does; else it does not.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final, cast

from gateway.core.audit import MOST_PATIENTS, WEBHOOK, AuditEntry
from gateway.core.audit.answers import patients_in
from gateway.core.callers import Caller
from gateway.core.errors import AppError, NotKept
from gateway.core.events.event import Event
from gateway.core.events.event_types import MESSAGES_DUE, SUBJECTS
from gateway.core.ids import new_id, parse_row_id
from gateway.core.json_text import to_json
from gateway.core.notes import may_see_notes, without_notes
from gateway.core.ports import Services
from gateway.core.requests import Freshness, Road
from gateway.core.webhooks.endpoints import Approval, Endpoint
from gateway.core.webhooks.ports import ReadServices

NOT_APPROVED: Final = "not-approved"
"""No operator has approved it, or not for this practice."""
NOT_MIRRORED: Final = "not-mirrored"
"""The mirror has no such thing, or not all that belongs to this one."""
GONE: Final = "gone"
"""It is at the office no more."""
TEST: Final = "test"
"""The event is invented, and there is nothing that it is of."""
BROKEN: Final = "internal"
"""A bug; the log says where."""

_log = logging.getLogger("gateway.webhooks")


@dataclass(frozen=True, slots=True, repr=False)
class FullObject:
    """The object, or None and a word for why. Has no repr on purpose."""

    value: Mapping[str, Any] | None = None
    unavailable: str | None = None


def full_object(endpoint: Endpoint, event: Event, caller: Caller, on: ReadServices) -> FullObject:
    """What a full body of `event` has for `endpoint`, whose client is `caller`. Never raises."""
    approval = endpoint.approval
    if approval is None or event.practice_id not in approval.practices:
        return FullObject(unavailable=NOT_APPROVED)
    try:
        # There is no other road than the mirror, and it is taken however old: `meta` says so. Nothing asks a port that
        # a deliverer lacks.
        found = _read(event, caller, Freshness(wait_s=0.0, road=Road.MIRROR), cast("Services", on))
        _note(endpoint, event, approval, found, on)
        return FullObject(found if may_see_notes(caller) else without_notes(found))
    except NotKept as error:
        why = str(error.more.get("reason") or NOT_MIRRORED)
    except AppError as error:
        why = error.code
    except Exception as error:  # noqa: BLE001 - its message may hold anybody's data, and the event goes out all the same
        at = traceback.extract_tb(error.__traceback__)[-1]
        where = {"error": type(error).__name__, "at": f"{PurePath(at.filename).name}:{at.lineno}"}
        _log.error("a bug left the object out of a webhook", extra=where)
        why = BROKEN
    return FullObject(unavailable=why)


def _note(endpoint: Endpoint, event: Event, approval: Approval, found: Mapping[str, Any], on: ReadServices) -> None:
    """Have it in the practice's trail that whoever is behind the endpoint is about to see the object.

    Raises: AuditUnavailable: it must not leave.
    """
    on.audit.note(
        AuditEntry(
            id=new_id("audit_entry"),
            practice_id=event.practice_id,
            at=on.clock.now(),
            client_id=endpoint.client_id,
            action=f"{WEBHOOK} /{SUBJECTS[event.object].scope}",
            request_id=event.id,
            served_from="mirror",
            patient_ids=tuple(patients_in(to_json(found), event.practice_id))[:MOST_PATIENTS],
            object_ids=(endpoint.id,),
            agreement=approval.baa_reference,
        )
    )


_RESOURCES: Final[Mapping[str, tuple[str, str]]] = {
    "appointment": ("appointment", "appointments"),
    "procedure": ("procedure", "procedurelogs"),
    "claim": ("claim", "claims"),
    "payment": ("payment", "payments"),
    "insurance_payment": ("payment", "claimpayments"),
    "patient": ("patient", "patients"),
    "recall": ("recall", "recalls"),
    "treatment_plan": ("treatment_plan", "treatplans"),
    "communication": ("communication", "commlogs"),
    "web_sched": ("appointment", "appointments"),
    "intake": ("patient", "patients"),
}
"""What an event is of -> what its id is of, and the resource whose row it is. Whatever is not here is no row of the
mirror: an operation, a practice, what somebody owes."""


_MESSAGES: Final = frozenset({*MESSAGES_DUE, "message"})


def _message(event: Event, caller: Caller, on: Services) -> Mapping[str, Any]:
    """A message to a patient with its text and where it goes. Raises: NotKept. And what the use case raises."""
    from gateway.core.engagement.messages import parse_message_id  # noqa: PLC0415
    from gateway.core.engagement.reading import get_message  # noqa: PLC0415

    if parse_message_id(event.object_id)[0] != event.practice_id:
        raise NotKept("a message of another practice", reason=NOT_MIRRORED)
    return get_message(event.object_id, caller=caller, on=on)


def _read(event: Event, caller: Caller, freshness: Freshness, on: Services) -> Mapping[str, Any]:
    """Raises: NotKept: `reason` says why. And what the use cases raise."""
    if event.object in _MESSAGES:
        return _message(event, caller, on)
    if event.object not in _RESOURCES:
        raise NotKept("no row of the mirror", reason=NOT_MIRRORED)
    kind, resource = _RESOURCES[event.object]
    row = parse_row_id(event.object_id, kind)
    if row.practice_id != event.practice_id:
        # The approval, and all that was asked before, is of the event's.
        raise NotKept("a row of another practice", reason=NOT_MIRRORED)
    # Carriers' payments share their ids with patients', below zero.
    number = abs(row.key)
    if any(not one.is_living for one in on.records.get(event.practice_id, resource, [number], dead=True)):
        raise NotKept("the mirror knows that it is gone", reason=GONE)
    # Models and normalizers, which thin bodies need none of.
    from gateway.core.reads import get_appointment, get_claim, get_patient, get_procedure  # noqa: PLC0415
    from gateway.core.reads.desk import COMMUNICATIONS, RECALLS, HintedQuery  # noqa: PLC0415
    from gateway.core.reads.families import get_object  # noqa: PLC0415
    from gateway.core.reads.payments import get_payment  # noqa: PLC0415
    from gateway.core.reads.treatment import TREATMENT_PLANS  # noqa: PLC0415

    id_ = event.object_id
    single: dict[str, Callable[..., dict[str, Any]]] = {
        "appointment": get_appointment,
        "procedure": get_procedure,
        "claim": get_claim,
        "payment": get_payment,
        "patient": get_patient,
    }
    if kind in single:
        return single[kind](id_, caller=caller, freshness=freshness, on=on)
    # What some offices list under its patient only.
    hinted = HintedQuery(patient_id=event.related.get("patient_id"))
    family = {"recall": RECALLS, "treatment_plan": TREATMENT_PLANS, "communication": COMMUNICATIONS}[kind]
    return get_object(family, id_, hinted, caller=caller, freshness=freshness, on=on)
