"""POST /create_payment, POST /payments: take a patient's or a carrier's payment and see it through to Open Dental."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.writes import create_payment
from gateway.core.writes.models import PaymentInput
from gateway.web.answers import awaited
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.web.idempotency import IdempotencyKey
from gateway.web.prefer import Prefer
from gateway.wiring.services import services

app = http_app(services)


@app.post("/create_payment")
@app.post("/payments")
def post_create_payment(payment: PaymentInput, key: IdempotencyKey, caller: Caller, prefer: Prefer) -> Answer:
    """Wait for the payment as long as the caller prefers, then hand out its operation."""
    operation = create_payment(payment, caller=caller, key=key, on=services())
    return awaited(operation, prefer, on=services(), location="/payments/{id}")


lambda_handler = entrypoint(app)
