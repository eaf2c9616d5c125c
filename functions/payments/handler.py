"""GET /payments, GET /payments/{id}: money received, and given back."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.payments import PaymentQuery, PaymentsQuery, get_payment, list_payments
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/payments")
def get_payments(query: PaymentsQuery, caller: Caller, freshness: Freshness) -> Answer:
    """The payments that all filters fit."""
    found = list_payments(query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


@app.get("/payments/{id}")
def get_payment_by_id(id: str, query: PaymentQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One payment with what it is for."""
    found = get_payment(id, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


lambda_handler = entrypoint(app)
