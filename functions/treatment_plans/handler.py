"""GET /treatment_plans, GET /treatment_plans/{id}: proposed treatment."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.families import get_object, list_objects
from gateway.core.reads.treatment import TREATMENT_PLANS, TreatmentPlanQuery, TreatmentPlansQuery
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/treatment_plans")
def get_treatment_plans(query: TreatmentPlansQuery, caller: Caller, freshness: Freshness) -> Answer:
    """Those that all filters fit."""
    found = list_objects(TREATMENT_PLANS, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


@app.get("/treatment_plans/{id}")
def get_treatment_plan_by_id(id: str, query: TreatmentPlanQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One of them with its procedures, found by its patient."""
    found = get_object(TREATMENT_PLANS, id, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


lambda_handler = entrypoint(app)
