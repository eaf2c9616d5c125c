"""GET /conditions, GET /conditions/{id}: a patient's problem list."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.clinical import CONDITIONS, ConditionsQuery, HistoryQuery
from gateway.core.reads.families import get_object, list_objects
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/conditions")
def get_conditions(query: ConditionsQuery, caller: Caller, freshness: Freshness) -> Answer:
    """Those that all filters fit."""
    found = list_objects(CONDITIONS, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


@app.get("/conditions/{id}")
def get_condition_by_id(id: str, query: HistoryQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One of them."""
    found = get_object(CONDITIONS, id, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


lambda_handler = entrypoint(app)
