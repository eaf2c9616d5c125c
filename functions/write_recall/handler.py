"""PATCH /recalls/{id}: change when a patient should come again, and see it through to Open Dental."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.writes.intake.recalls import RecallChange, update_recall
from gateway.web.answers import awaited
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.web.idempotency import IdempotencyKey
from gateway.web.prefer import Prefer
from gateway.wiring.services import services

app = http_app(services)


@app.patch("/recalls/{id}")
def patch_recall(id: str, change: RecallChange, key: IdempotencyKey, caller: Caller, prefer: Prefer) -> Answer:
    """Wait for the change as long as the caller prefers, then hand out its operation."""
    operation = update_recall(id, change, caller=caller, key=key, on=services())
    return awaited(operation, prefer, on=services())


lambda_handler = entrypoint(app)
