"""`PATCH /appointments/{id}`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import StringConstraints, model_validator

from gateway.core.callers import Caller
from gateway.core.capability import require, require_fields
from gateway.core.chairs import LONGEST_UNITS
from gateway.core.inputs import Moment, WallTime, broken_rule
from gateway.core.operations import Operation
from gateway.core.ports import Services
from gateway.core.requests import submit
from gateway.core.writes.intake.changes import Change
from gateway.core.writes.models import NOTE_LIMIT, Blocks, Input, MaybePattern, Minutes, pattern_of
from gateway.core.writes.naming import allowed, key_in, named, start_of

_TIME = ("local_start", "start_at")
_LENGTH = ("duration_minutes", "time_blocks", "pattern")
_PLACE = ("operatory_id", "provider_id", "hygienist_id", "is_hygiene")
_BROKEN = frozenset({"broken", "no_show", "cancelled"})
_PRESENT = frozenset({"arrived", "in_chair", "dismissed"})


class ConfirmationChange(Input):
    """How far the visit is confirmed: by what it means (`status`), or by the office's own word (`definition_id`)."""

    status: Literal["unconfirmed", "sent", "confirmed", "declined", "failed"] | None = None
    definition_id: str | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.status is None) == (self.definition_id is None):
            raise broken_rule("status", "exactly one of status and definition_id is needed")
        return self


class AppointmentChange(Change):
    """`PATCH /appointments/{id}`: only what is named changes.

    * Move it: `local_start` or `start_at`, `operatory_id`, `provider_id`, `hygienist_id`, `is_hygiene`, and one of
      `duration_minutes`, `time_blocks`, `pattern`. The new place is checked like a booking's, unless
      `allow_double_booking` or `allow_outside_schedule`. A broken or unscheduled visit also needs `status: scheduled`,
      and so does one that the patient came to, for another day, unless `allow_other_day`.
    * `confirmation`.
    * `status`: `arrived`, `in_chair`, `dismissed` (now, at a visit of today unless `allow_other_day`), `broken`,
      `no_show`, `cancelled` (`to_unscheduled_list` says whether it leaves the schedule), `unscheduled`, `scheduled`.
      `scheduled` also takes back that the patient came: its times are cleared, and a confirmation that said so becomes
      the office's first one.
    * `note`, `is_asap`, `is_new_patient`, `appointment_type_id`. A new type brings its procedures; the length stays.
    """

    kept: ClassVar = frozenset(
        {*_TIME, *_LENGTH, "operatory_id", "provider_id", "is_hygiene", "confirmation", "status", "is_asap"}
        | {"is_new_patient", "allow_double_booking", "allow_outside_schedule", "allow_past", "allow_other_day"}
        | {"to_unscheduled_list"}
    )
    settings: ClassVar = frozenset(
        {"allow_double_booking", "allow_outside_schedule", "allow_past", "allow_other_day", "to_unscheduled_list"}
    )

    local_start: WallTime | None = None
    start_at: Moment | None = None
    duration_minutes: Minutes | None = None
    time_blocks: Blocks | None = None
    pattern: MaybePattern = None
    operatory_id: str | None = None
    provider_id: str | None = None
    hygienist_id: str | None = None
    is_hygiene: bool | None = None
    confirmation: ConfirmationChange | None = None
    status: (
        Literal["scheduled", "arrived", "in_chair", "dismissed", "broken", "no_show", "cancelled", "unscheduled"] | None
    ) = None
    to_unscheduled_list: bool | None = None
    note: Annotated[str, StringConstraints(max_length=NOTE_LIMIT)] | None = None
    is_asap: bool | None = None
    is_new_patient: bool | None = None
    appointment_type_id: str | None = None
    allow_double_booking: bool = False
    allow_outside_schedule: bool = False
    allow_past: bool = False
    allow_other_day: bool = False

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.names("local_start") and self.names("start_at"):
            raise broken_rule("local_start", "only one of local_start and start_at may be sent")
        lengths = [name for name in _LENGTH if self.names(name)]
        if len(lengths) > 1:
            raise broken_rule(lengths[-1], "only one of duration_minutes, time_blocks and pattern may be sent")
        if self.time_blocks is not None and sum(block.minutes for block in self.time_blocks) > LONGEST_UNITS * 5:
            raise broken_rule("time_blocks", "time_blocks add up to more than 9 hours")
        for name in _TIME:
            start = getattr(self, name)
            if start is not None and (start.second or start.microsecond):
                raise broken_rule(name, "a visit starts on a whole minute")
        moved = [name for name in (*_TIME, *_LENGTH, *_PLACE, "appointment_type_id") if self.names(name)]
        leaves = self.status in _BROKEN or self.status == "unscheduled"
        if moved and (leaves or self.status in _PRESENT):
            raise broken_rule(moved[0], f"{moved[0]} does not go together with status {self.status}")
        if self.confirmation is not None and (leaves or self.status in _PRESENT):
            # Whether somebody has come, the office keeps in the same field as whether they said that they would.
            raise broken_rule("confirmation", f"confirmation does not go together with status {self.status}")
        if self.names("to_unscheduled_list") and self.status not in _BROKEN:
            raise broken_rule("to_unscheduled_list", "to_unscheduled_list needs status broken, no_show or cancelled")
        return self


def update_appointment(
    appointment_id: str, change: AppointmentChange, *, caller: Caller, key: str, on: Services
) -> Operation:
    """Queue a change of a visit. The result is the visit; the plan is `gateway.core.writes.appointment_change`.

    Raises:
        NotFound: an id that is none, or of another practice. Invalid: a wall time that does not exist.
        PermissionMissing, VersionTooOld, KeyReused, QueueFull.
    """
    visit = named(appointment_id, "appointment")
    practice = allowed(caller, visit, "appointments", on)
    put: dict[str, Any] = {}
    rows = {
        "operatory_id": ("Op", "operatory"),
        "provider_id": ("ProvNum", "provider"),
        "hygienist_id": ("ProvHyg", "provider"),
        "appointment_type_id": ("AppointmentTypeNum", "appointment_type"),
    }
    for name, (column, kind) in rows.items():
        if change.names(name):
            put[column] = key_in(getattr(change, name), kind, practice, name)
    start = start_of(change.local_start, change.start_at, practice)
    if start is not None:
        put["AptDateTime"] = start.isoformat(sep=" ", timespec="seconds")
    if change.names(*_LENGTH):
        put["Pattern"] = pattern_of(change.pattern, change.duration_minutes, change.time_blocks)
    if change.names("note"):
        put["Note"] = " ".join((change.note or "").split())
    if change.is_hygiene is not None:
        put["IsHygiene"] = change.is_hygiene
    if change.is_new_patient is not None:
        put["IsNewPatient"] = change.is_new_patient
    if change.is_asap is not None:
        put["Priority"] = "ASAP" if change.is_asap else "Normal"
    confirmation = change.confirmation
    input_ = {
        "appointment": visit.key,
        "put": put,
        "status": change.status,
        "to_unscheduled_list": bool(change.to_unscheduled_list),
        "confirmation": confirmation.status if confirmation else None,
        "confirmed": key_in(
            confirmation.definition_id if confirmation else None, "definition", practice, "confirmation"
        ),
        "allow_double_booking": change.allow_double_booking,
        "allow_outside_schedule": change.allow_outside_schedule,
        "allow_past": change.allow_past,
    }
    if change.allow_other_day:
        input_["allow_other_day"] = True
    require(practice, "appointments.get")
    if put or change.status in {"scheduled", "unscheduled"}:
        require(practice, "appointments.update")
        require_fields(practice, "appointments.update", put, {"Priority": "is_asap", "IsNewPatient": "is_new_patient"})
    if confirmation is not None or change.status in _PRESENT:
        require(practice, "appointments.Confirm")
    if change.status in _BROKEN:
        require(practice, "appointments.Break")
    return submit("appointments.update", input_, practice=practice, caller=caller, idempotency_key=key, on=on)
