"""/webhooks: where a client wants its events, and what became of them there."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.webhooks.control import (
    Again,
    ApprovalInput,
    DeliveriesQuery,
    EndpointChange,
    EndpointInput,
    Rotation,
    Trial,
    approve_full,
    change_webhook,
    delete_webhook,
    get_webhook,
    list_deliveries,
    list_webhooks,
    make_webhook,
    redeliver,
    rotate_secret,
    try_webhook,
    withdraw_full,
)
from gateway.web.answers import made_answer, nothing
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.web.idempotency import IdempotencyKey
from gateway.wiring.services import services

app = http_app(services)


@app.get("/webhooks")
def get_webhooks(caller: Caller) -> Answer:
    """All of the client's."""
    return Answer(status=200, body=list_webhooks(caller=caller, on=services()))


@app.post("/webhooks")
def post_webhook(wanted: EndpointInput, key: IdempotencyKey, caller: Caller) -> Answer:
    """Make one, and show its secret; a repeat with the same key makes no second."""
    made = make_webhook(wanted, caller=caller, key=key, on=services())
    return made_answer(made.endpoint, is_replayed=made.is_replayed, location="/webhooks/{id}")


@app.get("/webhooks/{id}")
def get_one(id: str, caller: Caller) -> Answer:
    """One of them, and how it answers."""
    return Answer(status=200, body=get_webhook(id, caller=caller, on=services()))


@app.patch("/webhooks/{id}")
def patch_webhook(id: str, change: EndpointChange, caller: Caller) -> Answer:
    """Another address, other filters, off and on again."""
    return Answer(status=200, body=change_webhook(id, change, caller=caller, on=services()))


@app.delete("/webhooks/{id}")
def delete_one(id: str, caller: Caller) -> Answer:
    """End it."""
    delete_webhook(id, caller=caller, on=services())
    return nothing()


@app.post("/webhooks/{id}/rotate")
def post_rotate(id: str, wanted: Rotation, key: IdempotencyKey, caller: Caller) -> Answer:
    """Another secret, which is shown."""
    body = rotate_secret(id, wanted, caller=caller, key=key, on=services())
    return Answer(status=200, body=body, headers={"Cache-Control": "no-store"})


@app.post("/webhooks/{id}/approve")
def post_approve(id: str, wanted: ApprovalInput, caller: Caller) -> Answer:
    """Have whole objects sent there: an operator's word."""
    return Answer(status=200, body=approve_full(id, wanted, caller=caller, on=services()))


@app.post("/webhooks/{id}/withdraw")
def post_withdraw(id: str, caller: Caller) -> Answer:
    """Take that back."""
    withdraw_full(id, caller=caller, on=services())
    return nothing()


@app.post("/webhooks/{id}/test")
def post_test(id: str, wanted: Trial, caller: Caller) -> Answer:
    """Post an invented event there now, and show the answer."""
    return Answer(status=200, body=try_webhook(id, wanted, caller=caller, on=services()))


@app.get("/webhooks/{id}/deliveries")
def get_deliveries(id: str, query: DeliveriesQuery, caller: Caller) -> Answer:
    """What was sent there, and what is to be."""
    return Answer(status=200, body=list_deliveries(id, query, caller=caller, on=services()))


@app.post("/webhooks/{id}/redeliver")
def post_redeliver(id: str, wanted: Again, caller: Caller) -> Answer:
    """Send events again."""
    return Answer(status=202, body=redeliver(id, wanted, caller=caller, on=services()))


lambda_handler = entrypoint(app)
