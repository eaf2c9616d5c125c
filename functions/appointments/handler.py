"""GET /appointments, GET /appointments/{id}: who comes when."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads import AppointmentsQuery, ObjectQuery, get_appointment, list_appointments
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/appointments")
def get_appointments(query: AppointmentsQuery, caller: Caller, freshness: Freshness) -> Answer:
    """The appointments that all filters fit."""
    return read_answer(list_appointments(query, caller=caller, freshness=freshness, on=services()), on=services())


@app.get("/appointments/{id}")
def get_appointment_by_id(id: str, query: ObjectQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One appointment."""
    return read_answer(get_appointment(id, query, caller=caller, freshness=freshness, on=services()), on=services())


lambda_handler = entrypoint(app)
