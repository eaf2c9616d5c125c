"""PATCH /appointments/{id}: move, confirm, seat or break a visit, and see it through to Open Dental."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.writes.intake.appointments import AppointmentChange, update_appointment
from gateway.web.answers import awaited
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.web.idempotency import IdempotencyKey
from gateway.web.prefer import Prefer
from gateway.wiring.services import services

app = http_app(services)


@app.patch("/appointments/{id}")
def patch_appointment(
    id: str, change: AppointmentChange, key: IdempotencyKey, caller: Caller, prefer: Prefer
) -> Answer:
    """Wait for the change as long as the caller prefers, then hand out its operation."""
    operation = update_appointment(id, change, caller=caller, key=key, on=services())
    return awaited(operation, prefer, on=services())


lambda_handler = entrypoint(app)
