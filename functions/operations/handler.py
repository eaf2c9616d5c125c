"""GET /operations/{id}: how far an operation is and what became of it."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.following import follow
from gateway.web.answers import operation_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/operations/{id}")
def get_operation(id: str, caller: Caller) -> Answer:
    """Show the caller's own operation."""
    on = services()
    return operation_answer(follow(id, caller=caller, on=on), now=on.clock.now())


lambda_handler = entrypoint(app)
