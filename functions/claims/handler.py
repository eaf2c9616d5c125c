"""GET /claims, GET /claims/{id}: what was asked of the carriers, and what they paid."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads import ClaimQuery, ClaimsQuery, get_claim, list_claims
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/claims")
def get_claims(query: ClaimsQuery, caller: Caller, freshness: Freshness) -> Answer:
    """The claims that all filters fit."""
    return read_answer(list_claims(query, caller=caller, freshness=freshness, on=services()), on=services())


@app.get("/claims/{id}")
def get_claim_by_id(id: str, query: ClaimQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One claim with its lines."""
    return read_answer(get_claim(id, query, caller=caller, freshness=freshness, on=services()), on=services())


lambda_handler = entrypoint(app)
