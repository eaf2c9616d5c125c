"""GET /patients, GET /patients/{id}, POST /patients/search: the people of a practice."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads import ObjectQuery, PatientsQuery, get_patient, list_patients
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/patients")
def get_patients(query: PatientsQuery, caller: Caller, freshness: Freshness) -> Answer:
    """The patients that all filters fit."""
    return read_answer(list_patients(query, caller=caller, freshness=freshness, on=services()), on=services())


@app.get("/patients/{id}")
def get_patient_by_id(id: str, query: ObjectQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One patient."""
    return read_answer(get_patient(id, query, caller=caller, freshness=freshness, on=services()), on=services())


@app.post("/patients/search")
def post_patients_search(query: PatientsQuery, caller: Caller, freshness: Freshness) -> Answer:
    """The same list by filters in a body: a name or a birth date has no place in a URL."""
    return read_answer(list_patients(query, caller=caller, freshness=freshness, on=services()), on=services())


lambda_handler = entrypoint(app)
