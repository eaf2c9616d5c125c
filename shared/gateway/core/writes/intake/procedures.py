"""`POST /procedures` and `PATCH /procedures/{id}`, also called `/procedurelogs`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from gateway.core.callers import Caller
from gateway.core.capability import require, require_fields
from gateway.core.errors import VersionTooOld
from gateway.core.inputs import Day, broken_rule
from gateway.core.normalize.procedures import PERFORMED, STATUS, area_columns
from gateway.core.operations import Operation
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.requests import submit
from gateway.core.writes.intake.changes import Change
from gateway.core.writes.models import Amount, Input
from gateway.core.writes.naming import allowed, key_in, named
from open_dental.versions import Version

Code = Annotated[str, StringConstraints(min_length=1, max_length=15)]
Status = Literal["planned", "completed", "existing_current", "existing_other", "referred", "condition"]

_ROWS: Final = {
    "appointment_id": ("AptNum", "appointment"),
    "planned_appointment_id": ("PlannedAptNum", "appointment"),
    "provider_id": ("ProvNum", "provider"),
    "location_id": ("ClinicNum", "location"),
    "priority_id": ("Priority", "definition"),
    "diagnosis_id": ("Dx", "definition"),
}
_NEWER_STATUSES: Final = frozenset({"EC", "R", "Cn"})
NEWER_STATUSES_SINCE: Final = "25.1.14"
COMPLETED_WITHOUT_VISIT_SINCE: Final = "25.3"
"""Source of both: https://www.opendental.com/site/apiprocedurelogs.html."""

FIELDS: Final = {
    **{column: name for name, (column, _) in _ROWS.items()},
    **dict.fromkeys(("ToothNum", "Surf", "ToothRange"), "area"),
    "ProcStatus": "status",
    "ProcDate": "performed_on",
    "DateTP": "planned_on",
    "ProcFee": "fee",
    "procCode": "code",
    "PatNum": "patient_id",
}
"""Open Dental's fields, as callers call them."""


class AreaInput(Input):
    """Where in the mouth, as procedures show it: `kind`, and what that kind has. Teeth in universal numbering."""

    kind: Literal["tooth", "surface", "quadrant", "sextant", "arch", "range", "mouth"]
    teeth: Annotated[tuple[Annotated[str, StringConstraints(max_length=2)], ...], Field(max_length=32)] = ()
    surfaces: Annotated[tuple[Annotated[str, StringConstraints(max_length=1)], ...], Field(max_length=6)] = ()
    region: str | None = None

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        if self.columns is None:
            raise broken_rule("kind", f"teeth, surfaces and region do not make an area of kind {self.kind}")
        return self

    @property
    def columns(self) -> dict[str, str] | None:
        """The area as Open Dental keeps it; empty texts for what it does not have."""
        return area_columns(self.kind, self.teeth, self.surfaces, self.region)


class NewProcedure(Input):
    """`POST /procedures`.

    `code` is a code of the office. `performed_on` is the day of what is done (completed, existing) and needed there;
    `planned_on` the day it was planned, today unless said otherwise. `fee` is the office's, unless said otherwise. So
    are `priority_id` and `diagnosis_id`: Open Dental enters the first of the office's list of each.
    """

    patient_id: str
    code: Code
    status: Status
    practice_id: str | None = None
    area: AreaInput | None = None
    performed_on: Day | None = None
    planned_on: Day | None = None
    fee: Amount | None = None
    appointment_id: str | None = None
    planned_appointment_id: str | None = None
    provider_id: str | None = None
    location_id: str | None = None
    priority_id: str | None = None
    diagnosis_id: str | None = None

    @model_validator(mode="after")
    def _has_its_day(self) -> Self:
        is_performed = STATUS.upstream(self.status)[0] in PERFORMED
        if is_performed != (self.performed_on is not None):
            rule = "needs" if is_performed else "has no"
            raise broken_rule("performed_on", f"status {self.status} {rule} performed_on")
        return self


class ProcedureChange(Change):
    """`PATCH /procedures/{id}`: only what is named changes; null empties it, where Open Dental can.

    A status of something done needs `performed_on`. Completing a procedure here is less than completing its visit: no
    default notes are copied.
    """

    kept: ClassVar = frozenset({"code", "status", "area", "performed_on", "planned_on", "fee", "provider_id"})

    code: Code | None = None
    status: Status | None = None
    area: AreaInput | None = None
    performed_on: Day | None = None
    planned_on: Day | None = None
    fee: Amount | None = None
    appointment_id: str | None = None
    planned_appointment_id: str | None = None
    provider_id: str | None = None
    location_id: str | None = None
    priority_id: str | None = None
    diagnosis_id: str | None = None


def create_procedure(procedure: NewProcedure, *, caller: Caller, key: str, on: Services) -> Operation:
    """Queue a new procedure. The result is the procedure; the plan is `gateway.core.writes.procedure`.

    Raises: NotFound, PermissionMissing, VersionTooOld, KeyReused, QueueFull.
    """
    patient = named(procedure.patient_id, "patient", "patient_id")
    practice = allowed(caller, patient, "procedures", on, practice_id=procedure.practice_id, param="patient_id")
    require(practice, "procedurelogs.create", "procedurelogs.list")
    body = _body(procedure, practice)
    if body["ProcStatus"] == "C" and not body.get("AptNum"):
        _since(practice, COMPLETED_WITHOUT_VISIT_SINCE, "appointment_id")
    require_fields(practice, "procedurelogs.create", body, FIELDS)
    # What is empty is what a new row has anyhow, and some of it is refused.
    body = {"PatNum": patient.key, **{name: value for name, value in body.items() if value not in ("", 0)}}
    input_ = {"body": body}
    return submit("procedures.create", input_, practice=practice, caller=caller, idempotency_key=key, on=on)


def update_procedure(
    procedure_id: str, change: ProcedureChange, *, caller: Caller, key: str, on: Services
) -> Operation:
    """Queue a change of a procedure. The result is the procedure; the plan is `gateway.core.writes.procedure`.

    Raises: NotFound, PermissionMissing, VersionTooOld, KeyReused, QueueFull.
    """
    procedure = named(procedure_id, "procedure")
    practice = allowed(caller, procedure, "procedures", on)
    require(practice, "procedurelogs.update", "procedurelogs.get")
    body = _body(change, practice)
    require_fields(practice, "procedurelogs.update", body, FIELDS)
    input_ = {"procedure": procedure.key, "body": body}
    return submit("procedures.update", input_, practice=practice, caller=caller, idempotency_key=key, on=on)


def _body(procedure: NewProcedure | ProcedureChange, practice: Practice) -> dict[str, Any]:
    """What is named, as Open Dental spells it; an empty text or 0 for what is emptied."""
    given = {name: getattr(procedure, name) for name in procedure.model_fields_set}
    body: dict[str, Any] = {}
    for name, (column, kind) in _ROWS.items():
        if name in given:
            body[column] = key_in(given[name], kind, practice, name)
    for name, column in (("performed_on", "ProcDate"), ("planned_on", "DateTP")):
        if given.get(name) is not None:
            body[column] = given[name].isoformat()
    if given.get("code") is not None:
        body["procCode"] = given["code"]
    if given.get("fee") is not None:
        body["ProcFee"] = f"{given['fee'].value}"
    if given.get("area") is not None:
        body |= given["area"].columns
    if given.get("status") is not None:
        body["ProcStatus"] = STATUS.upstream(given["status"])[0]
        if body["ProcStatus"] in _NEWER_STATUSES:
            _since(practice, NEWER_STATUSES_SINCE, "status")
    return body


def _since(practice: Practice, version: str, param: str) -> None:
    if practice.version and not Version.parse(practice.version).has(Version.parse(version)):
        raise VersionTooOld(
            f"the office's Open Dental is older than {version}, which this needs", version=version, param=param
        )
