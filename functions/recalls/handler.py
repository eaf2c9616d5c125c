"""GET /recalls, GET /recalls/{id}: when patients should come again."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.desk import RECALLS, HintedQuery, RecallsQuery
from gateway.core.reads.families import get_object, list_objects
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/recalls")
def get_recalls(query: RecallsQuery, caller: Caller, freshness: Freshness) -> Answer:
    """Those that all filters fit."""
    found = list_objects(RECALLS, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


@app.get("/recalls/{id}")
def get_recall_by_id(id: str, query: HintedQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One of them, found by its patient."""
    found = get_object(RECALLS, id, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


lambda_handler = entrypoint(app)
