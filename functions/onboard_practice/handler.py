"""POST /practices, GET and PATCH /practices/{id}/onboarding: a practice comes, step by step."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from gateway.core.addresses import Enrolment
from gateway.core.callers import Caller
from gateway.core.onboarding.beginning import NewPractice, onboard
from gateway.core.onboarding.records import Step
from gateway.core.onboarding.steps import onboarding_of, take_step
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer, HttpRequest
from gateway.web.idempotency import IdempotencyKey
from gateway.web.own_address import own_address
from gateway.web.prefer import Prefer
from gateway.wiring.services import services

app = http_app(services)

_NOT_KEPT = {"Cache-Control": "no-store"}


class StepTaken(BaseModel):
    """The body of `PATCH /practices/{id}/onboarding`: the step that is to be taken, or looked at once more."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    step: Step


@app.post("/practices")
def post_practice(
    wanted: NewPractice, key: IdempotencyKey, caller: Caller, prefer: Prefer, request: HttpRequest
) -> Answer:
    """Connect a practice and bring it up: 201 once its keys are proven, 202 until then, 200 if it is known."""
    on = services()
    onboarded = onboard(
        wanted,
        caller=caller,
        key=key,
        source_ip=request.source_ip,
        request_id=request.request_id,
        api_url=own_address(request.api_url, request.emulated_url, stage=on.stage),
        wait_s=prefer.wait_s,
        enrolment=Enrolment.of_environment(),
        on=on,
    )
    practice_id = onboarded.body["id"]
    headers = dict(_NOT_KEPT)
    if onboarded.is_replayed:
        headers["Idempotent-Replayed"] = "true"
    if onboarded.is_known:
        return Answer(status=200, body=onboarded.body, headers=headers, practice_id=practice_id)
    if onboarded.is_proven:
        headers["Location"] = f"/practices/{practice_id}"
        return Answer(status=201, body=onboarded.body, headers=headers, practice_id=practice_id)
    headers |= {"Location": f"/practices/{practice_id}/onboarding", "Retry-After": "5"}
    return Answer(status=202, body=onboarded.body, headers=headers, practice_id=practice_id)


@app.get("/practices/{id}/onboarding")
def get_onboarding(id: str, caller: Caller) -> Answer:
    """How far it is."""
    body = onboarding_of(id, caller=caller, on=services())
    return Answer(status=200, body=body, headers=_NOT_KEPT, practice_id=id)


@app.patch("/practices/{id}/onboarding")
def patch_onboarding(id: str, taken: StepTaken, caller: Caller) -> Answer:
    """Take a step: 200 once it is over, 202 with when to look again while something is waited for."""
    looked = take_step(id, taken.step, caller=caller, on=services())
    if looked.look_again_s is None:
        return Answer(status=200, body=looked.body, headers=_NOT_KEPT, practice_id=id)
    headers = {**_NOT_KEPT, "Retry-After": str(looked.look_again_s)}
    return Answer(status=202, body=looked.body, headers=headers, practice_id=id)


lambda_handler = entrypoint(app)
