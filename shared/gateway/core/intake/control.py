"""What a client does with forms of patients: lists them, reads one with what it proposes, approves, dismisses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.core.access import INTAKES, allow
from gateway.core.callers import Caller, Verb
from gateway.core.capability import require
from gateway.core.errors import Conflict, FilterTooWide, NotFound, Unavailable
from gateway.core.ids import RowId, parse_row_id, row_id
from gateway.core.intake.answers import FORMS, Row, answers_of, is_form
from gateway.core.intake.mapping import proposals, version_of
from gateway.core.intake.records import Decision, State, Superseded
from gateway.core.normalize.office import office
from gateway.core.normalize.values import flag, key, text
from gateway.core.operations import Operation, OperationState
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.reads.lists import Pager, Reading, key_of, practice_of
from gateway.core.reads.queries import Id, PagedQuery
from gateway.core.requests import Freshness, submit
from gateway.core.walltime import optional_instant_text
from gateway.core.writes.models import Input
from gateway.core.writes.naming import named

_READS: Final = ("sheets.list", "sheetfields.list")
TRIES: Final = 5


class IntakesQuery(PagedQuery):
    """Filters of `GET /intakes`. Open Dental lists forms by patient only; of a practice, `intake.received` tells."""

    patient_id: Id | None = None
    state: Literal["open", "approving", "approved", "dismissed"] | None = None


class IntakeQuery(BaseModel):
    """What `GET /intakes/{id}` takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    patient_id: Id | None = None
    """Whose form it is: Open Dental finds it under its patient only."""


class Approval(Input):
    """The body of `POST /intakes/{id}/approve`."""

    patient_id: Id
    version: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    """That of the form as the person saw it: where the patient was changed since, nothing is written."""
    fields: Annotated[
        tuple[Annotated[str, StringConstraints(min_length=1, max_length=64)], ...], Field(min_length=1, max_length=30)
    ]
    """Of its proposals those that are to be written."""


class Dismissal(Input):
    """The body of `POST /intakes/{id}/dismiss`."""

    patient_id: Id


def list_intakes(query: IntakesQuery, *, caller: Caller, freshness: Freshness, on: Services) -> dict[str, Any]:
    """The forms that a patient has filled in, by key, without the answers: one call. Scope `intakes:read`.

    Raises:
        FilterTooWide: no patient is named. NotFound, Invalid, PermissionMissing, VersionTooOld, and what `allow` and
        `requests.fetch` raise.
    """
    practice = practice_of(query, INTAKES, caller=caller, on=on)
    pager = Pager(query, INTAKES, practice, on=on)
    patient = key_of(query.patient_id, "patient", practice, param="patient_id")
    if patient is None:
        raise _no_patient()
    reading = Reading(practice, caller, freshness, on)
    sheets = _sheets(patient, reading)
    decided = _decided(practice, [key(one.get("SheetNum")) for one in sheets], on)
    fitting = [one for one in sheets if query.state in {None, decided[key(one.get("SheetNum"))].state.value}]
    page = pager.cut(fitting, lambda row: (key(row.get("SheetNum")),))
    data = [_shown(row, decided[key(row.get("SheetNum"))], practice) for row in page.rows]
    return page.envelope(data, reading.meta(()))


def get_intake(
    intake_id: str, query: IntakeQuery, *, caller: Caller, freshness: Freshness, on: Services
) -> dict[str, Any]:
    """One form with its answers and what they propose: two or three calls. Scopes `intakes:read`, `patients:read`.

    Raises: FilterTooWide: no patient is named. NotFound: the patient has no such form. And as `list_intakes`.
    """
    form = parse_row_id(intake_id, "intake")
    practice = allow(caller, form.practice_id, INTAKES, Verb.READ, on=on)
    allow(caller, form.practice_id, "patients", Verb.READ, on=on)
    patient = key_of(query.patient_id, "patient", practice, param="patient_id")
    if patient is None:
        raise _no_patient()
    reading = Reading(practice, caller, freshness, on)
    sheet = next((one for one in _sheets(patient, reading) if key(one.get("SheetNum")) == form.key), None)
    if sheet is None:
        raise NotFound("no such intake")
    fields = reading.rows("fetch.sheetfields", _bound("sheetfields", {"SheetNum": form.key}))["sheetfields"]
    row = reading.rows("fetch.patient", {"key": patient}, of="patient_id")["patients"][0]
    answers = answers_of(one for one in fields if key(one.get("SheetNum")) == form.key)
    decision = _decided(practice, [form.key], on)[form.key]
    return {
        **_shown(sheet, decision, practice),
        "answers": [one.shown() for one in answers],
        "proposals": [one.shown() for one in proposals(answers, row)],
        "version": version_of(row),
        "meta": reading.meta(()),
    }


def approve_intake(intake_id: str, approval: Approval, *, by: str, caller: Caller, key: str, on: Services) -> Operation:
    """Have the proposals of these fields written, and note who said so: scopes `intakes:write`, `patients:write`.

    The result is the patient; the plan is `core.intake.plan`.

    Raises:
        NotFound, PermissionMissing, VersionTooOld, KeyReused, QueueFull. Conflict: it was approved or dismissed before.
    """
    form, practice = _written(intake_id, caller, on)
    allow(caller, practice.id, "patients", Verb.WRITE, on=on)
    patient = _patient(approval.patient_id, practice)
    require(practice, *_READS, "patients.update", "patients.get")
    request = on.signer.fingerprint(f"intake {caller.id} {practice.id} {key}")
    was = _decided(practice, [form.key], on)[form.key]
    if was.state is not State.OPEN and was.request != request:
        raise Conflict(f"this form is {was.state.value}", reason=was.state.value)
    fields = sorted(set(approval.fields))
    input_ = {
        "sheet": form.key,
        "patient": patient,
        "version": approval.version,
        "fields": fields,
    }
    operation = submit("intakes.approve", input_, practice=practice, caller=caller, idempotency_key=key, on=on)
    decision = Decision(
        practice_id=practice.id,
        number=form.key,
        state=State.APPROVING,
        by=by,
        client_id=caller.id,
        at=on.clock.now(),
        fields=tuple(fields),
        operation_id=operation.id,
        request=request,
        rev=was.rev,
    )
    if was.operation_id != operation.id:
        try:
            on.intakes.put(decision)
        except Superseded:
            # Of two the second meets a patient that the first has changed.
            raise Conflict("this form is being decided by somebody else", reason="approving") from None
    return operation


def note_approved(intake_id: str, operation: Operation, *, on: Services) -> None:
    """Keep that the write has succeeded, for as long as the decision is kept. Whoever reads the form does so, too."""
    form = parse_row_id(intake_id, "intake")
    decision = on.intakes.get(form.practice_id, [form.key])[form.key]
    if decision.operation_id == operation.id:
        _settled(decision, operation.state, on)


def dismiss_intake(intake_id: str, dismissal: Dismissal, *, by: str, caller: Caller, on: Services) -> dict[str, Any]:
    """Note that nothing of the form is to be taken over, and who said so: scope `intakes:write`.

    One that was dismissed stays so. It may be dismissed unread.

    Raises: NotFound. Conflict: it was approved. Unavailable: others decided all the while.
    """
    form, practice = _written(intake_id, caller, on)
    _patient(dismissal.patient_id, practice)
    for _ in range(TRIES):
        was = _decided(practice, [form.key], on)[form.key]
        if was.state in {State.APPROVING, State.APPROVED}:
            raise Conflict(f"this form is {was.state.value}", reason=was.state.value)
        if was.state is State.OPEN:
            now = Decision(practice.id, form.key, State.DISMISSED, by, caller.id, on.clock.now(), rev=was.rev)
            try:
                was = on.intakes.put(now)
            except Superseded:
                continue
        return {"id": intake_id, "practice_id": practice.id, "patient_id": dismissal.patient_id, **_decision(was)}
    raise Unavailable("the form is being decided by others", retry_after=1.0)


def _written(intake_id: str, caller: Caller, on: Services) -> tuple[RowId, Practice]:
    form = parse_row_id(intake_id, "intake")
    return form, allow(caller, form.practice_id, INTAKES, Verb.WRITE, on=on)


def _patient(patient_id: str, practice: Practice) -> int:
    found = named(patient_id, "patient", "patient_id")
    if found.practice_id != practice.id:
        raise NotFound("no such patient", param="patient_id")
    return found.key


def _no_patient() -> FilterTooWide:
    return FilterTooWide(
        "send patient_id: Open Dental lists forms by patient; events tell whose came in", bounds=["patient_id"]
    )


def _bound(resource: str, query: Mapping[str, int]) -> dict[str, Any]:
    return {"resource": resource, "queries": [dict(query)], "none_is_404": True}


def _sheets(patient: int, reading: Reading) -> list[Row]:
    require(reading.practice, *_READS)
    found = reading.rows("fetch.sheets", _bound("sheets", {"PatNum": patient}), of="patient_id")["sheets"]
    return [one for one in found if is_form(one) and key(one.get("PatNum")) == patient]


def _decided(practice: Practice, numbers: Sequence[int], on: Services) -> dict[int, Decision]:
    """What was decided of these forms, as far as it has come."""
    found = on.intakes.get(practice.id, numbers)
    return {number: _followed(one, on) for number, one in found.items()}


def _followed(decision: Decision, on: Services) -> Decision:
    """A decision whose write may be over by now."""
    if decision.state is not State.APPROVING or decision.operation_id is None:
        return decision
    try:
        state = on.operations.get(decision.operation_id).state
    except NotFound:
        # Nobody looked for a month. If it was written, there is nothing left to propose.
        state = OperationState.FAILED
    return _settled(decision, state, on)


def _settled(decision: Decision, state: OperationState, on: Services) -> Decision:
    if state is OperationState.SUCCEEDED:
        now = replace(decision, state=State.APPROVED)
    elif state is OperationState.FAILED:
        # Who tried, with what, is in the audit trail and the ledger.
        now = Decision(decision.practice_id, decision.number, rev=decision.rev)
    else:
        return decision
    try:
        return on.intakes.put(now)
    except Superseded:
        return on.intakes.get(decision.practice_id, [decision.number])[decision.number]


def _shown(sheet: Row, decision: Decision, practice: Practice) -> dict[str, Any]:
    here = office(practice)
    number, patient, clinic = (key(sheet.get(one)) for one in ("SheetNum", "PatNum", "ClinicNum"))
    return {
        "id": row_id("intake", practice.id, number),
        "source": {"system": "open_dental", "table": "sheet", "key": str(number), "practice_id": practice.id},
        "practice_id": practice.id,
        "patient_id": here.patient(patient),
        "location_id": here.location(clinic) if clinic else None,
        "form": FORMS.get(str(sheet.get("SheetType")), "other"),
        "title": text(sheet.get("Description")),
        "is_web_form": bool(flag(sheet.get("IsWebForm"))),
        "received_at": here.clock.instant(sheet.get("DateTimeSheet")),
        "updated_at": here.clock.instant(sheet.get("DateTSheetEdited")),
        **_decision(decision),
    }


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "state": decision.state.value,
        "decided_by": decision.by,
        "decided_at": optional_instant_text(decision.at),
        "approved_fields": list(decision.fields),
        "operation_id": decision.operation_id,
    }
