"""GET /audit and /audit/disclosures: who saw or changed what, and to whom a patient was shown."""

from __future__ import annotations

from gateway.core.audit.reading import AuditQuery, DisclosuresQuery, list_audit, list_disclosures
from gateway.core.callers import Caller
from gateway.web.answers import audited_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/audit")
def get_audit(query: AuditQuery, caller: Caller) -> Answer:
    """A page of a trail."""
    return audited_answer(list_audit(query, caller=caller, on=services()))


@app.get("/audit/disclosures")
def get_disclosures(query: DisclosuresQuery, caller: Caller) -> Answer:
    """To whom a patient was shown."""
    return audited_answer(list_disclosures(query, caller=caller, on=services()))


lambda_handler = entrypoint(app)
