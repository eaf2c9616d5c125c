"""GET /intakes, GET /intakes/{id}: forms that patients filled in, and what they propose."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.intake.control import IntakeQuery, IntakesQuery, get_intake, list_intakes
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/intakes")
def get_intakes(query: IntakesQuery, caller: Caller, freshness: Freshness) -> Answer:
    """The forms of a patient."""
    return read_answer(list_intakes(query, caller=caller, freshness=freshness, on=services()), on=services())


@app.get("/intakes/{id}")
def get_one(id: str, query: IntakeQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One form with its answers."""
    return read_answer(get_intake(id, query, caller=caller, freshness=freshness, on=services()), on=services())


lambda_handler = entrypoint(app)
