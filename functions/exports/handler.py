"""POST and GET /exports: copies of practices' objects for a warehouse, made in the background."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.export.control import (
    ExportInput,
    ExportsQuery,
    get_export,
    list_exports,
    list_files,
    start_export,
)
from gateway.web.answers import export_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.web.idempotency import IdempotencyKey
from gateway.wiring.services import services

app = http_app(services)


@app.post("/exports")
def post_export(wanted: ExportInput, key: IdempotencyKey, caller: Caller) -> Answer:
    """Start one; a repeat with the same key starts no second."""
    started = start_export(wanted, caller=caller, key=key, on=services())
    return export_answer(started.run, is_replayed=started.is_replayed)


@app.get("/exports")
def get_exports(query: ExportsQuery, caller: Caller) -> Answer:
    """Those of the client's practices, the latest first."""
    return Answer(status=200, body=list_exports(query, caller=caller, on=services()))


@app.get("/exports/{id}")
def get_one(id: str, caller: Caller) -> Answer:
    """One with how far each practice is."""
    return Answer(status=200, body=get_export(id, caller=caller, on=services()))


@app.get("/exports/{id}/files")
def get_files(id: str, caller: Caller) -> Answer:
    """The names of its files, once it is published."""
    return Answer(status=200, body=list_files(id, caller=caller, on=services()))


lambda_handler = entrypoint(app)
