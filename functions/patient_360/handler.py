"""GET /patients/{id}/360: all that the office knows of a patient. On its own because it loads most normalizers."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.patient_360 import Patient360Query, get_patient_360
from gateway.core.requests import Freshness
from gateway.web.answers import audited_answer, read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer, HttpRequest
from gateway.wiring.services import services

app = http_app(services)


@app.get("/patients/{id}/360")
def get_patient_360_by_id(
    id: str, query: Patient360Query, caller: Caller, freshness: Freshness, request: HttpRequest
) -> Answer:
    """The sections asked for, each with its own age, or the reason why it is not there."""
    if query.across is None:
        return read_answer(get_patient_360(id, query, caller=caller, freshness=freshness, on=services()), on=services())
    # What no answer of one practice needs.
    from gateway.core.reads.patient_360_across import get_patient_360_across  # noqa: PLC0415

    shown = get_patient_360_across(
        id, query, caller=caller, freshness=freshness, request_id=request.request_id, on=services()
    )
    return audited_answer(shown)


lambda_handler = entrypoint(app)
