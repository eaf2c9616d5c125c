"""GET /procedurelogs and /procedures, lists and single: what was done, and what is planned."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads import ObjectQuery, ProceduresQuery, get_procedure, list_procedures
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/procedurelogs")
@app.get("/procedures")
def get_procedurelogs(query: ProceduresQuery, caller: Caller, freshness: Freshness) -> Answer:
    """The procedures that all filters fit."""
    return read_answer(list_procedures(query, caller=caller, freshness=freshness, on=services()), on=services())


@app.get("/procedurelogs/{id}")
@app.get("/procedures/{id}")
def get_procedure_by_id(id: str, query: ObjectQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One procedure."""
    return read_answer(get_procedure(id, query, caller=caller, freshness=freshness, on=services()), on=services())


lambda_handler = entrypoint(app)
