"""GET /appointment_types, GET /appointment_types/{id}: the kinds of visit an office defines."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.families import get_object, list_objects
from gateway.core.reads.queries import ObjectQuery
from gateway.core.reads.setup import APPOINTMENT_TYPES, ActiveQuery
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/appointment_types")
def get_appointment_types(query: ActiveQuery, caller: Caller, freshness: Freshness) -> Answer:
    """Those that all filters fit."""
    found = list_objects(APPOINTMENT_TYPES, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


@app.get("/appointment_types/{id}")
def get_appointment_type_by_id(id: str, query: ObjectQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One of them."""
    found = get_object(APPOINTMENT_TYPES, id, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


lambda_handler = entrypoint(app)
