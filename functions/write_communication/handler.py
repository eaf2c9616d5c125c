"""POST /communications: write down a contact with a patient, and see it through to Open Dental."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.writes.intake.communications import NewCommunication, create_communication
from gateway.web.answers import awaited
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.web.idempotency import IdempotencyKey
from gateway.web.prefer import Prefer
from gateway.wiring.services import services

app = http_app(services)


@app.post("/communications")
def post_communication(contact: NewCommunication, key: IdempotencyKey, caller: Caller, prefer: Prefer) -> Answer:
    """Wait for the entry as long as the caller prefers, then hand out its operation."""
    operation = create_communication(contact, caller=caller, key=key, on=services())
    return awaited(operation, prefer, on=services(), location="/communications/{id}")


lambda_handler = entrypoint(app)
