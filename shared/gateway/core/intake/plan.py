"""Writing what a person has approved of a form: the form and the patient are read, and the patient is changed, in one
turn. Four calls and one more for each further page of the form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.core.errors import Conflict, NotFound
from gateway.core.fetches import collect
from gateway.core.intake.answers import answers_of, is_form
from gateway.core.intake.mapping import body_of, proposals, version_of
from gateway.core.normalize.values import key
from gateway.core.plans import Outcome, Plan, PlanContext, UpstreamCall
from gateway.core.writes.common import blames
from gateway.core.writes.intake.patients import FIELDS
from gateway.core.writes.patient import read_back


@blames(**FIELDS)
def approve(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """The plan of `POST /intakes/{id}/approve`. `input_`: `sheet` and `patient` (keys), `version`, `fields`.

    Nothing of what the patient wrote lies in the ledger; it is read again, so that what is approved is what is there.

    Raises:
        NotFound: the patient has no such form. Conflict: the patient was changed since, or the form proposes no such
            thing any more; nothing was written.
    """
    sheet, patient = input_["sheet"], input_["patient"]
    sheets = yield from collect("sheets.list", {"PatNum": patient}, context.practice)
    if not any(key(one.get("SheetNum")) == sheet and is_form(one) for one in sheets):
        raise NotFound("the patient has no such form")
    fields = yield from collect("sheetfields.list", {"SheetNum": sheet}, context.practice)
    row = (yield UpstreamCall("patients.get", path={"PatNum": patient})).row
    if version_of(row) != input_["version"]:
        raise Conflict("the patient was changed since: look at the form again", param="version", reason="changed")
    own = [one for one in fields if key(one.get("SheetNum")) == sheet]
    offered = {one.field: one for one in proposals(answers_of(own), row) if one.can_be_approved}
    missing = [name for name in input_["fields"] if name not in offered]
    if missing:
        raise Conflict("the form does not propose that", param="fields", reason="not-proposed", fields=missing)
    body = body_of(offered[name] for name in input_["fields"])
    yield UpstreamCall("patients.update", path={"PatNum": patient}, body=body, step="change")
    return Outcome(body=(yield from read_back(patient, context)))
