"""GET /allergies, GET /allergies/{id}: what a patient must not be given."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.clinical import ALLERGIES, AllergiesQuery, HistoryQuery
from gateway.core.reads.families import get_object, list_objects
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/allergies")
def get_allergies(query: AllergiesQuery, caller: Caller, freshness: Freshness) -> Answer:
    """Those that all filters fit."""
    found = list_objects(ALLERGIES, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


@app.get("/allergies/{id}")
def get_allergy_by_id(id: str, query: HistoryQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One of them, found by its patient."""
    found = get_object(ALLERGIES, id, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


lambda_handler = entrypoint(app)
