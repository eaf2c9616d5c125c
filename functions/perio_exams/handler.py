"""GET /perio_exams, GET /perio_exams/{id}: exams of the gums."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.families import get_object, list_objects
from gateway.core.reads.queries import ObjectQuery
from gateway.core.reads.treatment import PERIO_EXAMS, PerioExamsQuery
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/perio_exams")
def get_perio_exams(query: PerioExamsQuery, caller: Caller, freshness: Freshness) -> Answer:
    """Those that all filters fit."""
    found = list_objects(PERIO_EXAMS, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


@app.get("/perio_exams/{id}")
def get_perio_exam_by_id(id: str, query: ObjectQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One of them with its measures."""
    found = get_object(PERIO_EXAMS, id, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


lambda_handler = entrypoint(app)
