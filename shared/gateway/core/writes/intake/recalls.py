"""`PATCH /recalls/{id}`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, StringConstraints, model_validator

from gateway.core.callers import Caller
from gateway.core.capability import require
from gateway.core.inputs import Day, broken_rule
from gateway.core.operations import Operation
from gateway.core.ports import Services
from gateway.core.requests import submit
from gateway.core.writes.intake.changes import Change
from gateway.core.writes.models import NOTE_LIMIT, Amount, Input
from gateway.core.writes.naming import allowed, key_in, named

FIELDS: Final = {
    "DateDue": "due_on",
    "RecallInterval": "interval",
    "RecallStatus": "status_id",
    "Note": "note",
    "IsDisabled": "is_disabled",
    "DisableUntilDate": "disabled_until",
    "DisableUntilBalance": "disabled_until_balance_below",
    "Priority": "priority",
}
"""Open Dental's fields, as callers call them."""

Part = Annotated[int, Field(ge=0, le=127)]


class IntervalInput(Input):
    """A stretch of the calendar, all parts together."""

    years: Part = 0
    months: Part = 0
    weeks: Part = 0
    days: Part = 0

    @model_validator(mode="after")
    def _is_some(self) -> IntervalInput:
        if not any((self.years, self.months, self.weeks, self.days)):
            raise broken_rule("interval", "interval needs years, months, weeks or days")
        return self


class RecallChange(Change):
    """`PATCH /recalls/{id}`: only what is named changes; null empties it, where Open Dental can.

    A due date that was set here stays until the next treatment of its kind is completed. `status_id` is a definition of
    the category `recall_status`: how far the office has got with reminding.
    """

    kept: ClassVar = frozenset({"due_on", "interval", "is_disabled", "disabled_until", "priority"})

    due_on: Day | None = None
    interval: IntervalInput | None = None
    status_id: str | None = None
    note: Annotated[str, StringConstraints(max_length=NOTE_LIMIT)] | None = None
    is_disabled: bool | None = None
    disabled_until: Day | None = None
    disabled_until_balance_below: Amount | None = None
    priority: Literal["normal", "asap"] | None = None


def update_recall(recall_id: str, change: RecallChange, *, caller: Caller, key: str, on: Services) -> Operation:
    """Queue a change of a recall. The result is the recall; the plan is `gateway.core.writes.recall`.

    Raises: NotFound, PermissionMissing, VersionTooOld, KeyReused, QueueFull.
    """
    recall = named(recall_id, "recall")
    practice = allowed(caller, recall, "recalls", on)
    require(practice, "recalls.update", "recalls.list")
    body: dict[str, Any] = {}
    for name, column in (("due_on", "DateDue"), ("disabled_until", "DisableUntilDate")):
        if change.names(name):
            body[column] = getattr(change, name).isoformat()
    if change.interval is not None:
        wanted = change.interval
        parts = {"y": wanted.years, "m": wanted.months, "w": wanted.weeks, "d": wanted.days}
        body["RecallInterval"] = "".join(f"{number}{unit}" for unit, number in parts.items() if number)
    if change.names("status_id"):
        body["RecallStatus"] = key_in(change.status_id, "definition", practice, "status_id")
    if change.names("note"):
        body["Note"] = " ".join((change.note or "").split())
    if change.is_disabled is not None:
        body["IsDisabled"] = change.is_disabled
    if change.names("disabled_until_balance_below"):
        below = change.disabled_until_balance_below
        body["DisableUntilBalance"] = f"{below.value}" if below else "0"
    if change.priority is not None:
        body["Priority"] = {"normal": "Normal", "asap": "ASAP"}[change.priority]
    input_ = {"recall": recall.key, "body": body}
    return submit("recalls.update", input_, practice=practice, caller=caller, idempotency_key=key, on=on)
