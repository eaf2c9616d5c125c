"""POST /slots/hold, DELETE /slots/hold/{id}: keep a free time for some minutes, and let it go."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.slots.holding import HoldInput, hold_slot, let_go
from gateway.web.answers import made_answer, nothing
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.web.idempotency import IdempotencyKey
from gateway.wiring.services import services

app = http_app(services)


@app.post("/slots/hold")
def post_hold(wanted: HoldInput, key: IdempotencyKey, caller: Caller) -> Answer:
    """Keep the time at once; nothing is asked of the office."""
    kept = hold_slot(wanted, caller=caller, key=key, on=services())
    return made_answer(kept.hold, is_replayed=kept.is_replayed)


@app.delete("/slots/hold/{id}")
def delete_hold(id: str, caller: Caller) -> Answer:
    """Let it go; one that is over stays over."""
    let_go(id, caller=caller, on=services())
    return nothing()


lambda_handler = entrypoint(app)
