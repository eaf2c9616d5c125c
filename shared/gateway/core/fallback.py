"""Giving a practice a second way, and taking it away.

A second way is believed only where it leads to the same database: the newest procedures are read by the way in use and
then by the new one, in one operation whose turn goes over to the other network's worker. Procedures are never deleted
and their keys are given out by the database, so that another office has other patients under them. A copy of the
database that is as new as the office itself cannot be told from it by reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from gateway.core import ways
from gateway.core.access import allow
from gateway.core.addresses import Enrolment, address_of
from gateway.core.callers import Caller, Verb
from gateway.core.errors import Conflict, Invalid
from gateway.core.events.facts import PRACTICE, WAY
from gateway.core.operations import Operation
from gateway.core.pacing import InUse
from gateway.core.plans import Outcome, Plan, PlanContext, Row, UpstreamCall
from gateway.core.ports import Services
from gateway.core.practice_control import FallbackChange
from gateway.core.practices import Mode, Practice, Way, WayName
from gateway.core.requests import submit
from gateway.core.worker import WorkerServices
from open_dental import wire

KIND: Final = "practices.fallback"

_LIST: Final = "procedurelogs.list"
"""From the highest key down (https://www.opendental.com/site/apiprocedurelogs.html)."""

SAMPLES: Final = 5
AMONG: Final = 100
"""How many of the newest are compared, and among how many of the other way's: an office goes on working meanwhile."""

NOTHING_TO_COMPARE: Final = "nothing-to-compare"
OTHER_DATABASE: Final = "other-database"
NO_FHIR: Final = "no-fhir"


def set_fallback(
    practice_id: str, change: FallbackChange, *, caller: Caller, key: str, enrolment: Enrolment, on: Services
) -> Operation:
    """Queue the comparison of the two ways; the new one holds once that is done: scope `practices.calls:write`.

    Rows of patients are compared, and shown to nobody: so it takes a current agreement.

    Raises: NotFound, ScopeMissing, BaaMissing. Invalid: the address is not allowed, or cannot be reached in this mode.
        Conflict: it is the first way, or has no FHIR, by which this practice is read. QueueFull, KeyReused.
    """
    practice, said = check_fallback(practice_id, change, caller=caller, enrolment=enrolment, on=on)
    return submit(KIND, said, practice=practice, caller=caller, idempotency_key=key, on=on)


def check_fallback(
    practice_id: str, change: FallbackChange, *, caller: Caller, enrolment: Enrolment, on: Services
) -> tuple[Practice, dict[str, str]]:
    """The practice and the way that is said, if it may be one at all; nothing is changed.

    Raises: as `set_fallback`, but for QueueFull and KeyReused.
    """
    practice = allow(caller, practice_id, "practices.calls", Verb.WRITE, on=on)
    try:
        base_url, network = address_of(change.base_url, change.mode, enrolment)
    except Invalid as error:
        error.param = f"fallback.{error.param}"
        raise
    if base_url == practice.base_url:
        raise Conflict("this is the first way itself", param="fallback.base_url")
    if practice.upstream == "fhir" and {practice.mode, change.mode} != {Mode.REMOTE}:
        raise Conflict("an office's own server has no FHIR", param="fallback.mode", reason=NO_FHIR)
    return practice, {"mode": change.mode.value, "base_url": base_url, "network": network}


def end_fallback(practice_id: str, *, caller: Caller, key: str, on: Services) -> Operation:
    """Have the practice left with its first way, in its turn: scope `practices.calls:write`. It takes no call.

    Raises: NotFound, ScopeMissing, QueueFull, KeyReused.
    """
    practice = allow(caller, practice_id, "practices.calls", Verb.WRITE, on=on, protected=False)
    return submit(KIND, {}, practice=practice, caller=caller, idempotency_key=key, on=on)


def way_said(input_: Mapping[str, Any]) -> Way:
    """The way that the operation's input names."""
    return Way(Mode(input_["mode"]), input_["base_url"], input_["network"])


def plan(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """Read the newest procedures by both ways, and see that they are the same; nothing, where there is to be no other.

    Raises: Conflict: they are not, or there are none. Unreachable: nobody answers there.
    """
    if not input_:
        return Outcome(body={"id": context.practice.id, "fallback": None})
    newest = (yield UpstreamCall(_LIST, query={"Limit": SAMPLES, "Offset": 0})).rows
    if not newest:
        raise Conflict("this office has no procedures to know it by", param="fallback", reason=NOTHING_TO_COMPARE)
    there = (yield UpstreamCall(_LIST, query={"Limit": AMONG, "Offset": 0}, elsewhere=True)).rows
    if not {_told(row) for row in newest} <= {_told(row) for row in there}:
        raise Conflict("this address leads to another database", param="fallback.base_url", reason=OTHER_DATABASE)
    way = way_said(input_)
    fallback = {"mode": way.mode.value, "base_url": way.base_url, "network": way.network}
    return Outcome(body={"id": context.practice.id, "fallback": fallback})


def settle(outcome: Outcome, practice: Practice, on: WorkerServices) -> None:
    """Take up the second way, where the first one is in use until it does not answer, or leave it."""
    said = (outcome.body or {})["fallback"]
    way = None if said is None else way_said(said)
    known = on.practices.get(practice.id)
    if known.fallback == way:
        return
    # What is told of a change is what was before, too.
    on.facts.note(practice.id, PRACTICE, WAY, ways.told(known, WayName.FIRST), at=on.clock.now())
    on.pace.update(practice.id, lambda item: (replace(item, way=InUse(network=known.network)), None))
    on.practices.change(practice.id, lambda record: replace(record, fallback=way))


def _told(row: Row) -> tuple[int | None, int | None]:
    """What a procedure keeps for good: its key and whose it is."""
    return wire.key(row.get("ProcNum")), wire.key(row.get("PatNum"))
