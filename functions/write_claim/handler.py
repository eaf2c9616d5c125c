"""POST /claims, PATCH /claims/{id}: make claims and move them on, and see it through to Open Dental."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.writes.intake.claims import ClaimChange, NewClaim, create_claim, update_claim
from gateway.web.answers import awaited
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.web.idempotency import IdempotencyKey
from gateway.web.prefer import Prefer
from gateway.wiring.services import services

app = http_app(services)


@app.post("/claims")
def post_claim(claim: NewClaim, key: IdempotencyKey, caller: Caller, prefer: Prefer) -> Answer:
    """Wait for the new claim as long as the caller prefers, then hand out the operation."""
    operation = create_claim(claim, caller=caller, key=key, on=services())
    return awaited(operation, prefer, on=services(), location="/claims/{id}")


@app.patch("/claims/{id}")
def patch_claim(id: str, change: ClaimChange, key: IdempotencyKey, caller: Caller, prefer: Prefer) -> Answer:
    """Wait for the change as long as the caller prefers, then hand out its operation."""
    operation = update_claim(id, change, caller=caller, key=key, on=services())
    return awaited(operation, prefer, on=services())


lambda_handler = entrypoint(app)
