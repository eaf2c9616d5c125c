"""GET /procedure_codes, GET /procedure_codes/{id}: the codes that procedures are charted with."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.families import get_object, list_objects
from gateway.core.reads.queries import ObjectQuery
from gateway.core.reads.setup import PROCEDURE_CODES, ProcedureCodesQuery
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/procedure_codes")
def get_procedure_codes(query: ProcedureCodesQuery, caller: Caller, freshness: Freshness) -> Answer:
    """Those that all filters fit."""
    found = list_objects(PROCEDURE_CODES, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


@app.get("/procedure_codes/{id}")
def get_procedure_code_by_id(id: str, query: ObjectQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One of them."""
    found = get_object(PROCEDURE_CODES, id, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


lambda_handler = entrypoint(app)
