"""GET /schedules, GET /schedules/{id}: who works when, and what is blocked."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.queries import ObjectQuery
from gateway.core.reads.schedules import SchedulesQuery, get_schedule, list_schedules
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/schedules")
def get_schedules(query: SchedulesQuery, caller: Caller, freshness: Freshness) -> Answer:
    """Those of the asked days that all filters fit."""
    return read_answer(list_schedules(query, caller=caller, freshness=freshness, on=services()), on=services())


@app.get("/schedules/{id}")
def get_schedule_by_id(id: str, query: ObjectQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One of them."""
    return read_answer(get_schedule(id, query, caller=caller, freshness=freshness, on=services()), on=services())


lambda_handler = entrypoint(app)
