"""PATCH /practices/{id}: whether an office may be called, and by which ways."""

from __future__ import annotations

from gateway.core.addresses import Enrolment
from gateway.core.callers import Caller
from gateway.core.fallback import check_fallback, end_fallback, set_fallback
from gateway.core.ids import new_id
from gateway.core.practice_control import PracticeChange, change_practice
from gateway.web.answers import awaited
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer, HttpRequest
from gateway.web.idempotency import HEADER, idempotency_key_of
from gateway.web.prefer import Prefer
from gateway.wiring.services import services

app = http_app(services)


@app.patch("/practices/{id}")
def patch_practice(id: str, change: PracticeChange, caller: Caller, prefer: Prefer, request: HttpRequest) -> Answer:
    """Stop all calls or allow them again; take a second way up once it is known to lead to the same office, or end it.

    A key is for those who repeat a request for another way; the same way said twice is one way.
    """
    on, enrolment = services(), Enrolment.of_environment()
    if change.fallback is not None:
        # What cannot be done as a whole is not done by half.
        check_fallback(id, change.fallback, caller=caller, enrolment=enrolment, on=on)
    key = idempotency_key_of(request) if HEADER.lower() in request.headers else new_id("operation")
    if change.calls is not None:
        shown = change_practice(id, change, caller=caller, on=on)
        if not change.is_of_the_ways:
            return Answer(status=200, body=shown, practice_id=id)
    if change.fallback is None:
        return awaited(end_fallback(id, caller=caller, key=key, on=on), prefer, on=on)
    return awaited(set_fallback(id, change.fallback, caller=caller, key=key, enrolment=enrolment, on=on), prefer, on=on)


lambda_handler = entrypoint(app)
