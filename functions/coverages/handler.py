"""GET /coverages, GET /coverages/{id}: who is insured, and for what."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.coverages import COVERAGES, CoverageQuery, CoveragesQuery
from gateway.core.reads.families import get_object, list_objects
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/coverages")
def get_coverages(query: CoveragesQuery, caller: Caller, freshness: Freshness) -> Answer:
    """The coverages that all filters fit."""
    found = list_objects(COVERAGES, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


@app.get("/coverages/{id}")
def get_coverage_by_id(id: str, query: CoverageQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One coverage with its plan, carrier, patients and benefits."""
    found = get_object(COVERAGES, id, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


lambda_handler = entrypoint(app)
