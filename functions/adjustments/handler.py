"""GET /adjustments, GET /adjustments/{id}: discounts, and charges that are no work."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.accounts import ADJUSTMENTS, AdjustmentQuery, AdjustmentsQuery
from gateway.core.reads.families import get_object, list_objects
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/adjustments")
def get_adjustments(query: AdjustmentsQuery, caller: Caller, freshness: Freshness) -> Answer:
    """The adjustments that all filters fit."""
    found = list_objects(ADJUSTMENTS, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


@app.get("/adjustments/{id}")
def get_adjustment_by_id(id: str, query: AdjustmentQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One of them, found under its patient or procedure."""
    found = get_object(ADJUSTMENTS, id, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


lambda_handler = entrypoint(app)
