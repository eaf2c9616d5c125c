"""GET /patients, GET /patients/{id}, POST /patients/search: the people of a practice, or one person across a group."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads import ObjectQuery, PatientsQuery, get_patient, list_patients
from gateway.core.requests import Freshness
from gateway.web.answers import audited_answer, read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer, HttpRequest
from gateway.wiring.services import services

app = http_app(services)


@app.get("/patients")
def get_patients(query: PatientsQuery, caller: Caller, freshness: Freshness, request: HttpRequest) -> Answer:
    """The patients that all filters fit; across a group the person whom they describe."""
    return _patients(query, caller, freshness, request)


@app.get("/patients/{id}")
def get_patient_by_id(id: str, query: ObjectQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One patient."""
    return read_answer(get_patient(id, query, caller=caller, freshness=freshness, on=services()), on=services())


@app.post("/patients/search", is_read=True)
def post_patients_search(query: PatientsQuery, caller: Caller, freshness: Freshness, request: HttpRequest) -> Answer:
    """The same list by filters in a body: a name or a birth date has no place in a URL."""
    return _patients(query, caller, freshness, request)


def _patients(query: PatientsQuery, caller: Caller, freshness: Freshness, request: HttpRequest) -> Answer:
    if query.across is None:
        return read_answer(list_patients(query, caller=caller, freshness=freshness, on=services()), on=services())
    # What no list of one practice needs.
    from gateway.core.reads.across_group import find_patients  # noqa: PLC0415

    found = find_patients(query, caller=caller, freshness=freshness, request_id=request.request_id, on=services())
    return audited_answer(found)


lambda_handler = entrypoint(app)
