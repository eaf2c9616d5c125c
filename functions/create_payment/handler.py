"""POST /create_payment, POST /payments: take a patient's or a carrier's payment and see it through to Open Dental."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.requests import wait_for
from gateway.core.writes import create_payment
from gateway.core.writes.models import PaymentInput
from gateway.web.answers import write_answer
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
    on = services()
    operation = create_payment(payment, caller=caller, key=key, on=on)
    is_replayed = operation.state.is_settled
    operation = wait_for(operation, wait_s=prefer.wait_s, on=on)
    return write_answer(operation, now=on.clock.now(), is_replayed=is_replayed)


lambda_handler = entrypoint(app)
