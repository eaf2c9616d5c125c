"""POST /patients, PATCH /patients/{id}: add and change patients, and see it through to Open Dental."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.writes.intake.patients import NewPatient, PatientChange, create_patient, update_patient
from gateway.web.answers import awaited
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.web.idempotency import IdempotencyKey
from gateway.web.prefer import Prefer
from gateway.wiring.services import services

app = http_app(services)


@app.post("/patients")
def post_patient(patient: NewPatient, key: IdempotencyKey, caller: Caller, prefer: Prefer) -> Answer:
    """Wait for the new patient as long as the caller prefers, then hand out the operation."""
    operation = create_patient(patient, caller=caller, key=key, on=services())
    return awaited(operation, prefer, on=services(), location="/patients/{id}")


@app.patch("/patients/{id}")
def patch_patient(id: str, change: PatientChange, key: IdempotencyKey, caller: Caller, prefer: Prefer) -> Answer:
    """Wait for the change as long as the caller prefers, then hand out its operation."""
    operation = update_patient(id, change, caller=caller, key=key, on=services())
    return awaited(operation, prefer, on=services())


lambda_handler = entrypoint(app)
