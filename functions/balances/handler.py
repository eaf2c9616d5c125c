"""GET /balances, GET /balances/{id}: what families owe, and since when."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.balances import BalanceQuery, BalancesQuery, get_balance, list_balances
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/balances")
def get_balances(query: BalancesQuery, caller: Caller, freshness: Freshness) -> Answer:
    """The balances of a patient's family, one a member."""
    found = list_balances(query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


@app.get("/balances/{id}")
def get_balance_by_id(id: str, query: BalanceQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One patient's balance."""
    found = get_balance(id, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


lambda_handler = entrypoint(app)
