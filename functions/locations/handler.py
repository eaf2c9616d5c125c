"""GET /locations, GET /locations/{id}: the practice's clinics."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.families import get_object, list_objects
from gateway.core.reads.queries import ObjectQuery
from gateway.core.reads.setup import LOCATIONS, ActiveQuery
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/locations")
def get_locations(query: ActiveQuery, caller: Caller, freshness: Freshness) -> Answer:
    """Those that all filters fit."""
    found = list_objects(LOCATIONS, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


@app.get("/locations/{id}")
def get_location_by_id(id: str, query: ObjectQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One of them."""
    found = get_object(LOCATIONS, id, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


lambda_handler = entrypoint(app)
