"""GET /communications, GET /communications/{id}: contacts with patients."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.desk import COMMUNICATIONS, CommunicationsQuery, HintedQuery
from gateway.core.reads.families import get_object, list_objects
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/communications")
def get_communications(query: CommunicationsQuery, caller: Caller, freshness: Freshness) -> Answer:
    """Those that all filters fit."""
    found = list_objects(COMMUNICATIONS, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


@app.get("/communications/{id}")
def get_communication_by_id(id: str, query: HintedQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One of them, by its patient in older offices."""
    found = get_object(COMMUNICATIONS, id, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


lambda_handler = entrypoint(app)
