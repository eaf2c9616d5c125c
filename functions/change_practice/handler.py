"""PATCH /practices/{id}: by which ways an office is called."""

from __future__ import annotations

from gateway.core.addresses import Enrolment
from gateway.core.callers import Caller
from gateway.core.fallback import end_fallback, set_fallback
from gateway.core.ids import new_id
from gateway.core.practice_change import PracticeChange
from gateway.web.answers import awaited
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer, HttpRequest
from gateway.web.idempotency import HEADER, idempotency_key_of
from gateway.web.prefer import Prefer
from gateway.wiring.services import services

app = http_app(services)


@app.patch("/practices/{id}")
def patch_practice(id: str, change: PracticeChange, caller: Caller, prefer: Prefer, request: HttpRequest) -> Answer:
    """Take a second way up once it is known to lead to the same office, or end it."""
    on = services()
    # The same way said twice is one way: a key is for those who repeat a request.
    key = idempotency_key_of(request) if HEADER.lower() in request.headers else new_id("operation")
    if change.fallback is None:
        return awaited(end_fallback(id, caller=caller, key=key, on=on), prefer, on=on)
    enrolment = Enrolment.of_environment()
    return awaited(set_fallback(id, change.fallback, caller=caller, key=key, enrolment=enrolment, on=on), prefer, on=on)


lambda_handler = entrypoint(app)
