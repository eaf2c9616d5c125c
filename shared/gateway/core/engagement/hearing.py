"""What happened at a practice, heard from the bus: whose messages have to be looked at because of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from gateway.core.engagement.keeping import Kept, keep_plan
from gateway.core.engagement.minute import begin_ahead
from gateway.core.engagement.ports import PlanServices, Superseded
from gateway.core.errors import NotFound
from gateway.core.ids import parse_row_id

HEARS: Final = (
    "appointment.created",
    "appointment.updated",
    "appointment.rescheduled",
    "appointment.confirmed",
    "appointment.completed",
    "appointment.broken",
    "appointment.no_show",
    "appointment.cancelled",
    "appointment.deleted",
    "balance.changed",
    "recall.due",
    "recall.created",
    "recall.updated",
    "recall.deleted",
    "sync.loaded",
)
"""Types of events that change what is to be sent."""


LOADED: Final = "sync.loaded"
"""All of the practice is in the mirror: what there is now no event tells of."""


def hear(event: Mapping[str, Any], on: PlanServices) -> Kept:
    """Bring a patient's messages in line, because of an event (`Event.told()`); which one it is does not matter.

    Raises: Unavailable: hear it again.
    """
    if event["type"] == LOADED:
        _look_ahead(event["practice_id"], on)
        return Kept()
    related = event["related"]
    # A family's balance is its guarantor's.
    id_ = related.get("guarantor_id" if event["object"] == "balance" else "patient_id") or related.get("patient_id")
    if id_ is None:
        return Kept()
    try:
        practice = on.practices.get(event["practice_id"])
        patient = parse_row_id(id_, "patient")
    except NotFound:
        return Kept()
    if practice.state != "active" or patient.practice_id != practice.id:
        return Kept()
    return keep_plan(practice, patient.key, on)


def _look_ahead(practice_id: str, on: PlanServices) -> None:
    if not any(one.is_live for one in on.messages.rules(practice_id)):
        return
    # Somebody begins it at this moment, or is at it.
    with suppress(Superseded):
        begin_ahead(practice_id, on)
