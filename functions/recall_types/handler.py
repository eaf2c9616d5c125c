"""GET /recall_types, GET /recall_types/{id}: why patients are called back."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.families import get_object, list_objects
from gateway.core.reads.queries import ListQuery, ObjectQuery
from gateway.core.reads.setup import RECALL_TYPES
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/recall_types")
def get_recall_types(query: ListQuery, caller: Caller, freshness: Freshness) -> Answer:
    """Those that all filters fit."""
    found = list_objects(RECALL_TYPES, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


@app.get("/recall_types/{id}")
def get_recall_type_by_id(id: str, query: ObjectQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One of them."""
    found = get_object(RECALL_TYPES, id, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


lambda_handler = entrypoint(app)
