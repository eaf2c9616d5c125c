"""/messages: what is planned for patients; what a sender needs of one, its claim, and what came of it."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.engagement.reading import MessagesQuery, get_message, list_messages
from gateway.core.engagement.sending import OutcomeInput, claim_message, note_outcome
from gateway.web.answers import audited_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.web.idempotency import IdempotencyKey
from gateway.wiring.services import services

app = http_app(services)


@app.get("/messages")
def get_messages(query: MessagesQuery, caller: Caller) -> Answer:
    """Those that all filters fit, in the order in which they go out."""
    return Answer(status=200, body=list_messages(query, caller=caller, on=services()))


@app.get("/messages/{id}")
def get_one(id: str, caller: Caller) -> Answer:
    """One of them, with text and address."""
    return audited_answer(get_message(id, caller=caller, on=services()))


@app.post("/messages/{id}/claim")
def post_claim(id: str, key: IdempotencyKey, caller: Caller) -> Answer:
    """Take it to send it; nobody else gets it."""
    return Answer(status=200, body=claim_message(id, caller=caller, key=key, on=services()))


@app.post("/messages/{id}/outcomes")
def post_outcome(id: str, said: OutcomeInput, key: IdempotencyKey, caller: Caller) -> Answer:
    """What came of it."""
    return Answer(status=200, body=note_outcome(id, said, caller=caller, key=key, on=services()))


lambda_handler = entrypoint(app)
