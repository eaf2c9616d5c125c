"""POST /intakes/{id}/approve, POST /intakes/{id}/dismiss: what a person decides of a patient's form."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.intake.control import Approval, Dismissal, approve_intake, dismiss_intake, note_approved
from gateway.core.requests import wait_for
from gateway.web.answers import write_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer, HttpRequest
from gateway.web.idempotency import IdempotencyKey
from gateway.web.on_behalf_of import person_behind
from gateway.web.prefer import Prefer
from gateway.wiring.services import services

app = http_app(services)


@app.post("/intakes/{id}/approve")
def post_approval(
    id: str, approval: Approval, key: IdempotencyKey, caller: Caller, *, prefer: Prefer, request: HttpRequest
) -> Answer:
    """Write what a person has approved, and wait for it as long as the caller prefers."""
    on, by = services(), person_behind(request)
    operation = approve_intake(id, approval, by=by, caller=caller, key=key, on=on)
    is_replayed = operation.state.is_settled
    operation = wait_for(operation, wait_s=prefer.wait_s, on=on)
    note_approved(id, operation, on=on)
    return write_answer(operation, now=on.clock.now(), is_replayed=is_replayed)


@app.post("/intakes/{id}/dismiss")
def post_dismissal(id: str, dismissal: Dismissal, caller: Caller, request: HttpRequest) -> Answer:
    """Note that nothing of it is to be taken over."""
    shown = dismiss_intake(id, dismissal, by=person_behind(request), caller=caller, on=services())
    return Answer(status=200, body=shown, practice_id=shown["practice_id"])


lambda_handler = entrypoint(app)
