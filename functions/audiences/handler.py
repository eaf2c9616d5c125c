"""POST /audiences, GET and DELETE /audiences/{id}, GET its people and its export: who may be written to, and how."""

from __future__ import annotations

from gateway.core.audiences.control import (
    ExportQuery,
    PeopleQuery,
    delete_audience,
    export_of,
    get_audience,
    make_audience,
    people_of,
)
from gateway.core.audiences.filters import AudienceInput
from gateway.core.callers import Caller
from gateway.web.answers import accepted_answer, audited_answer, csv_answer, nothing
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.web.idempotency import IdempotencyKey
from gateway.wiring.services import services

app = http_app(services)


@app.post("/audiences")
def post_audience(wanted: AudienceInput, key: IdempotencyKey, caller: Caller) -> Answer:
    """Ask for one; a repeat with the same key asks for no second."""
    made = make_audience(wanted, caller=caller, key=key, on=services())
    return accepted_answer(made.audience, is_replayed=made.is_replayed, location="/audiences/{id}")


@app.get("/audiences/{id}")
def get_one(id: str, caller: Caller) -> Answer:
    """How far one is."""
    shown = get_audience(id, caller=caller, on=services())
    return Answer(status=200, body=shown, practice_id=shown["practice_id"])


@app.get("/audiences/{id}/people")
def get_people(id: str, query: PeopleQuery, caller: Caller) -> Answer:
    """A page of who is in it."""
    return audited_answer(people_of(id, query, caller=caller, on=services()))


@app.get("/audiences/{id}/export")
def get_export(id: str, query: ExportQuery, caller: Caller) -> Answer:
    """A page of who is in it, as CSV."""
    exported = export_of(id, query, caller=caller, on=services())
    return csv_answer(
        exported.text, practice_id=exported.practice_id, name=exported.name, next_cursor=exported.next_cursor
    )


@app.delete("/audiences/{id}")
def delete_one(id: str, caller: Caller) -> Answer:
    """Forget who is in it."""
    delete_audience(id, caller=caller, on=services())
    return nothing()


lambda_handler = entrypoint(app)
