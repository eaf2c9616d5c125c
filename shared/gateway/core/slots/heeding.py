"""How a booking heeds holds: its own must fit, others' are in the way until the write, and it is let go behind it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.core import chairs
from gateway.core.callers import Caller
from gateway.core.errors import Invalid, NotFound
from gateway.core.ids import is_id
from gateway.core.operations import Request
from gateway.core.plans import UpstreamCall
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.slots import holds
from gateway.core.worker import WorkerServices


def hold_for(hold_id: str, booking: Mapping[str, Any], practice: Practice, caller: Caller, on: Services) -> str:
    """The id of the caller's hold, if it was made for what is booked, as the plan's input has it.

    It may have run out, or have been booked by an earlier try of the same request: then it is in nobody's way, and
    protects from nothing.

    Raises:
        NotFound: there is none, or it is another client's. Invalid: it keeps another time, chair, provider or patient.
    """
    if not is_id(hold_id, "slot_hold"):
        raise NotFound("no such hold", param="hold_id")
    try:
        hold = on.holds.get(hold_id)
    except NotFound as error:
        raise NotFound(error.detail, param="hold_id") from None
    if (hold.practice_id, hold.client_id) != (practice.id, caller.id):
        raise NotFound("no such hold", param="hold_id")
    kept = (hold.start, hold.op, hold.provider, hold.hygienist, hold.is_hygiene)
    names = ("operatory", "provider", "hygienist", "is_hygiene")
    if kept != (datetime.fromisoformat(booking["local_start"]), *(booking[name] for name in names)):
        raise Invalid("this hold keeps another time, operatory or provider", param="hold_id")
    if hold.patient not in {0, booking["patient"]}:
        raise Invalid("this hold keeps the time for another patient", param="hold_id")
    return hold_id


def recheck(call: UpstreamCall, request: Request, on: WorkerServices) -> None:
    """Look once more at what others keep, right before an appointment is written.

    Raises:
        Clash: somebody took a hold since the plan looked.
    """
    body = call.body or {}
    if call.operation != "appointments.create" or request.input["allow_double_booking"]:
        return
    wanted = chairs.visit(
        key=0,
        op=body["Op"],
        start=datetime.fromisoformat(body["AptDateTime"]),
        pattern=body["Pattern"],
        provider=body["ProvNum"],
        hygienist=body.get("ProvHyg", 0),
        is_hygiene=bool(body.get("IsHygiene", False)),
    )
    now = on.clock.now()
    kept = on.holds.kept(request.practice_id, wanted.start.date(), wanted.end.date(), now=now)
    others = holds.live(kept, now=now, but=request.input.get("hold"))
    if chairs.clashes(wanted, holds.as_visits(others)):
        raise holds.held()


def let_go(request: Request, on: WorkerServices) -> None:
    """Let the hold of a booking go, which Open Dental keeps by now."""
    if "hold" in request.input:
        on.holds.release(request.input["hold"], now=on.clock.now())
