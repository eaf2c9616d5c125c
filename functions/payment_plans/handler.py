"""GET /payment_plans, GET /payment_plans/{id}: what is paid by instalments."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.accounts import PAYMENT_PLANS, PaymentPlanQuery, PaymentPlansQuery
from gateway.core.reads.families import get_object, list_objects
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/payment_plans")
def get_payment_plans(query: PaymentPlansQuery, caller: Caller, freshness: Freshness) -> Answer:
    """The plans that all filters fit."""
    found = list_objects(PAYMENT_PLANS, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


@app.get("/payment_plans/{id}")
def get_payment_plan_by_id(id: str, query: PaymentPlanQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One plan with its charges and how far it is paid."""
    found = get_object(PAYMENT_PLANS, id, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


lambda_handler = entrypoint(app)
