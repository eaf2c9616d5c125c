"""Changing when a patient should come again. Source: https://www.opendental.com/site/apirecalls.html.

Costs three calls, because there is no GET of one recall and its type is named elsewhere; four with a status.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from gateway.core.errors import NotFound
from gateway.core.normalize import desk
from gateway.core.plans import Outcome, Plan, PlanContext, UpstreamCall
from gateway.core.writes.common import blames, listed
from gateway.core.writes.intake.recalls import FIELDS
from gateway.core.writes.words import require_definition
from open_dental import wire

STATUSES: Final = 13
"""The category of definitions that statuses of recalls are."""


@blames(**FIELDS)
def update(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """The plan of `PATCH /recalls/{id}`. `input_`: `recall` (key), `body` (what changes, as Open Dental spells it).

    Raises: NotFound: no such recall, or no such status.
    """
    number, body = input_["recall"], dict(input_["body"])
    if body.get("RecallStatus"):
        yield from require_definition(body["RecallStatus"], STATUSES, context, param="status_id")
    if "DisableUntilBalance" in body:
        body["DisableUntilBalance"] = Decimal(body["DisableUntilBalance"])
    row = (yield UpstreamCall("recalls.update", path={"RecallNum": number}, body=body, step="change")).row
    patient = wire.key(row.get("PatNum")) or 0
    found = yield from listed("recalls.list", {"PatNum": patient} if patient else {}, context)
    shown_row = next((one for one in found if wire.key(one.get("RecallNum")) == number), None)
    if shown_row is None:
        raise NotFound("the recall is gone")
    types = {
        wire.key(one.get("RecallTypeNum")) or 0: one for one in (yield from listed("recalltypes.list", {}, context))
    }
    shown = desk.recall(shown_row, practice=context.practice, synced_at=context.accepted_at, types=types)
    return Outcome(body=shown)
