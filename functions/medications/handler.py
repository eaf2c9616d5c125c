"""GET /medications, GET /medications/{id}: what a patient takes or took."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.clinical import MEDICATIONS, HistoryQuery, MedicationsQuery
from gateway.core.reads.families import get_object, list_objects
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/medications")
def get_medications(query: MedicationsQuery, caller: Caller, freshness: Freshness) -> Answer:
    """Those that all filters fit."""
    found = list_objects(MEDICATIONS, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


@app.get("/medications/{id}")
def get_medication_by_id(id: str, query: HistoryQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One of them, found by its patient."""
    found = get_object(MEDICATIONS, id, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


lambda_handler = entrypoint(app)
