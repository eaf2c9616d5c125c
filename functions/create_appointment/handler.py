"""POST /create_appointment, POST /appointments: take a booking and see it through to Open Dental."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.requests import wait_for
from gateway.core.writes import create_appointment
from gateway.core.writes.models import Booking
from gateway.web.answers import write_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.web.idempotency import IdempotencyKey
from gateway.web.prefer import Prefer
from gateway.wiring.services import services

app = http_app(services)


@app.post("/create_appointment")
@app.post("/appointments")
def post_create_appointment(booking: Booking, key: IdempotencyKey, caller: Caller, prefer: Prefer) -> Answer:
    """Wait for the booking as long as the caller prefers, then hand out its operation."""
    on = services()
    operation = create_appointment(booking, caller=caller, key=key, on=on)
    is_replayed = operation.state.is_settled
    operation = wait_for(operation, wait_s=prefer.wait_s, on=on)
    return write_answer(operation, location="/appointments/{id}", now=on.clock.now(), is_replayed=is_replayed)


lambda_handler = entrypoint(app)
