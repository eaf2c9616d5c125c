"""GET, POST and DELETE /practices/{id}/baa: the agreement without which nothing of a practice's patients is touched."""

from __future__ import annotations

from gateway.core.baa.control import BaaInput, baa_of, close_baa, record_baa
from gateway.core.callers import Caller
from gateway.web.answers import made_answer, nothing
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.web.idempotency import IdempotencyKey
from gateway.wiring.services import services

app = http_app(services)


@app.get("/practices/{id}/baa")
def get_baa(id: str, caller: Caller) -> Answer:
    """How it stands, and what was recorded before."""
    return Answer(status=200, body=baa_of(id, caller=caller, on=services()), practice_id=id)


@app.post("/practices/{id}/baa")
def post_baa(id: str, wanted: BaaInput, caller: Caller, key: IdempotencyKey) -> Answer:
    """Record one, which opens the practice at once."""
    recorded = record_baa(id, wanted, caller=caller, key=key, on=services())
    return made_answer(recorded.shown, is_replayed=recorded.is_replayed, location="/practices/{practice_id}/baa")


@app.delete("/practices/{id}/baa")
def delete_baa(id: str, caller: Caller) -> Answer:
    """Close the practice at once."""
    close_baa(id, caller=caller, on=services())
    return nothing()


lambda_handler = entrypoint(app)
