"""GET /reconciliation/findings, /aging and /journal: what does not add up, who owes since when, and the entries."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reconciliation.asking import (
    AgingQuery,
    FindingsQuery,
    JournalQuery,
    get_finding,
    journal_of,
    list_aging,
    list_findings,
)
from gateway.web.answers import csv_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/reconciliation/findings")
def get_findings(query: FindingsQuery, caller: Caller) -> Answer:
    """A page of a practice's findings."""
    return Answer(status=200, body=list_findings(query, caller=caller, on=services()))


@app.get("/reconciliation/findings/{id}")
def get_one(id: str, caller: Caller) -> Answer:
    """One finding, with what shows it and what to do next."""
    return Answer(status=200, body=get_finding(id, caller=caller, on=services()))


@app.get("/reconciliation/aging")
def get_aging(query: AgingQuery, caller: Caller) -> Answer:
    """A page of balances by age: by patient, family or carrier, or the practice's."""
    return Answer(status=200, body=list_aging(query, caller=caller, on=services()))


@app.get("/reconciliation/journal")
def get_journal(query: JournalQuery, caller: Caller) -> Answer:
    """The balanced journal of some days, as CSV."""
    file = journal_of(query, caller=caller, on=services())
    return csv_answer(file.text, practice_id=file.practice_id, name=file.name)


lambda_handler = entrypoint(app)
