"""POST /procedures, PATCH /procedures/{id}, and the same of /procedurelogs: chart and change procedures."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.writes.intake.procedures import NewProcedure, ProcedureChange, create_procedure, update_procedure
from gateway.web.answers import awaited
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.web.idempotency import IdempotencyKey
from gateway.web.prefer import Prefer
from gateway.wiring.services import services

app = http_app(services)


@app.post("/procedures")
@app.post("/procedurelogs")
def post_procedure(procedure: NewProcedure, key: IdempotencyKey, caller: Caller, prefer: Prefer) -> Answer:
    """Wait for the new procedure as long as the caller prefers, then hand out the operation."""
    operation = create_procedure(procedure, caller=caller, key=key, on=services())
    return awaited(operation, prefer, on=services(), location="/procedures/{id}")


@app.patch("/procedures/{id}")
@app.patch("/procedurelogs/{id}")
def patch_procedure(id: str, change: ProcedureChange, key: IdempotencyKey, caller: Caller, prefer: Prefer) -> Answer:
    """Wait for the change as long as the caller prefers, then hand out its operation."""
    operation = update_procedure(id, change, caller=caller, key=key, on=services())
    return awaited(operation, prefer, on=services())


lambda_handler = entrypoint(app)
