"""Charting and changing procedures. Source: https://www.opendental.com/site/apiprocedurelogs.html.

Charting costs three calls: what the patient has, the POST, the procedure. Changing costs three as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core import fetches, normalize
from gateway.core.errors import Conflict, Invalid
from gateway.core.fetches import Steps
from gateway.core.normalize.procedures import PERFORMED, STATUS
from gateway.core.office_words import Table
from gateway.core.plans import Evidence, Outcome, Plan, PlanContext, Row, UpstreamCall
from gateway.core.writes.common import blames, day_of, listed
from gateway.core.writes.intake.procedures import FIELDS
from gateway.core.writes.words import at_hand
from open_dental import wire

_FIXED_WHEN_COMPLETED: Final = ("procCode", "ToothNum", "Surf", "ToothRange")
_PLACE: Final = ("ToothNum", "Surf", "ToothRange")


@blames(**FIELDS)
def create(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """The plan of `POST /procedures`. `input_`: `body`, as Open Dental spells it."""
    body = dict(input_["body"])
    # Every row has a day; that of planned work is when it was planned.
    body.setdefault("ProcDate", body.get("DateTP") or day_of(None, context).isoformat())
    look = UpstreamCall("procedurelogs.list", query={"PatNum": body["PatNum"]})
    before = yield from listed(look.operation, look.query, context)
    evidence = Evidence(
        look=look,
        key_field="ProcNum",
        natural={
            name: body[name] for name in ("PatNum", "ProcStatus", "ProcDate", "procCode", "ToothNum") if name in body
        },
        known_keys=frozenset(wire.key(row.get("ProcNum")) or 0 for row in before),
    )
    made = (yield UpstreamCall("procedurelogs.create", body=body, step="create", evidence=evidence)).row
    return Outcome(body=(yield from _read_back(wire.key(made.get("ProcNum")) or 0, context)), created=True)


@blames(**FIELDS)
def update(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """The plan of `PATCH /procedures/{id}`. `input_`: `procedure` (key), `body` (what changes).

    Raises:
        NotFound: no such procedure.
        Conflict: `reason` says what it is: `deleted`, `completed`; or `not-emptied`: Open Dental cannot take a part of
            the old area away.
        Invalid: a day that does not go with the status.
    """
    number, body = input_["procedure"], dict(input_["body"])
    row = yield from _row(number, context)
    _check(row, body)
    # An empty text is ignored there, so where there is nothing to empty it is not sent.
    body = {name: value for name, value in body.items() if not (name in _PLACE and value == "")}
    yield UpstreamCall("procedurelogs.update", path={"ProcNum": number}, body=body, step="change")
    return Outcome(body=(yield from _read_back(number, context)))


def _check(row: Row, body: Mapping[str, Any]) -> None:
    stands = str(row.get("ProcStatus") or "")
    if stands == "D":
        raise Conflict("the procedure is deleted", reason="deleted")
    for name in _FIXED_WHEN_COMPLETED:
        if stands == "C" and name in body and str(row.get(name) or "") != body[name]:
            raise Conflict("code and area of a completed procedure stay", param=FIELDS[name], reason="completed")
    for name in _PLACE:
        if body.get(name) == "" and row.get(name):
            raise Conflict(
                "Open Dental takes no tooth, surface or range away; chart it anew", param="area", reason="not-emptied"
            )
    becomes = body.get("ProcStatus", stands)
    if "ProcDate" in body and becomes not in PERFORMED:
        raise Invalid(f"status {STATUS[becomes]} has no performed_on", param="performed_on")
    if becomes in PERFORMED and stands not in PERFORMED and "ProcDate" not in body:
        raise Invalid(f"status {STATUS[becomes]} needs performed_on", param="performed_on")


def _row(number: int, context: PlanContext) -> Steps[Row]:
    outcome = yield from fetches.procedurelog({"key": number}, context)
    return (outcome.rows or {})["procedurelogs"][0]


def _read_back(number: int, context: PlanContext) -> Steps[dict[str, Any]]:
    row = yield from _row(number, context)
    areas = (yield from at_hand(Table.PROCEDURE_CODES)).areas
    return normalize.procedure(row, practice=context.practice, synced_at=context.accepted_at, areas=areas)
