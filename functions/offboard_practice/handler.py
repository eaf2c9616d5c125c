"""DELETE /practices/{id}, GET and PATCH /practices/{id}/removal, and the certificate of erasure: a practice leaves."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from gateway.core.callers import Caller
from gateway.core.removal.beginning import Removing, begin_removal, removal_of
from gateway.core.removal.certificate import Shown, certificate_of, verified
from gateway.core.removal.records import Step
from gateway.core.removal.steps import take_step
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.web.idempotency import IdempotencyKey
from gateway.wiring.services import services

app = http_app(services)

_NOT_KEPT = {"Cache-Control": "no-store"}


class StepTaken(BaseModel):
    """The body of `PATCH /practices/{id}/removal`: the step that is to be taken, or looked at once more."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    step: Step


@app.delete("/practices/{id}")
def delete_practice(id: str, query: Removing, key: IdempotencyKey, caller: Caller) -> Answer:  # noqa: ARG001
    """Begin to remove it; a practice is removed once, whatever the key."""
    begun = begin_removal(id, query, caller=caller, on=services())
    headers = {**_NOT_KEPT, "Location": f"/practices/{id}/removal", "Retry-After": "15"}
    if begun.is_replayed:
        headers["Idempotent-Replayed"] = "true"
    return Answer(status=202, body=begun.shown, headers=headers, practice_id=id)


@app.get("/practices/{id}/removal")
def get_removal(id: str, caller: Caller) -> Answer:
    """How far it is."""
    return Answer(status=200, body=removal_of(id, caller=caller, on=services()), headers=_NOT_KEPT, practice_id=id)


@app.patch("/practices/{id}/removal")
def patch_removal(id: str, taken: StepTaken, caller: Caller) -> Answer:
    """Take a step: 200 once it is over, 202 with when to look again while something is waited for."""
    looked = take_step(id, taken.step, caller=caller, on=services())
    if looked.look_again_s is None:
        return Answer(status=200, body=looked.body, headers=_NOT_KEPT, practice_id=id)
    headers = {**_NOT_KEPT, "Retry-After": str(looked.look_again_s)}
    return Answer(status=202, body=looked.body, headers=headers, practice_id=id)


@app.get("/practices/{id}/erasure_certificate")
def get_certificate(id: str, caller: Caller) -> Answer:
    """What was erased, what stays, what could not be done."""
    body = certificate_of(id, caller=caller, on=services())
    return Answer(status=200, body=body, headers=_NOT_KEPT, practice_id=id)


@app.post("/practices/{id}/erasure_certificate/verify")
def post_verify(id: str, shown: Shown, caller: Caller) -> Answer:
    """Whether a signature is this deployment's."""
    body = verified(id, shown, caller=caller, on=services())
    return Answer(status=200, body=body, headers=_NOT_KEPT, practice_id=id)


lambda_handler = entrypoint(app)
