"""GET /documents, GET /documents/{id}, GET /documents/{id}/content: what lies in a patient's folder, and its files."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.document_content import get_content
from gateway.core.reads.documents import DOCUMENTS, DocumentQuery, DocumentsQuery
from gateway.core.reads.families import get_object, list_objects
from gateway.core.requests import Freshness
from gateway.web.answers import link_answer, read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/documents")
def get_documents(query: DocumentsQuery, caller: Caller, freshness: Freshness) -> Answer:
    """Those that all filters fit."""
    found = list_objects(DOCUMENTS, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


@app.get("/documents/{id}")
def get_document_by_id(id: str, query: DocumentQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One of them."""
    found = get_object(DOCUMENTS, id, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


@app.get("/documents/{id}/content")
def get_document_content(id: str, caller: Caller, freshness: Freshness) -> Answer:
    """A link to the file of one of them, for a few minutes."""
    found, patients = get_content(id, caller=caller, freshness=freshness, on=services())
    return link_answer(found, patients, on=services())


lambda_handler = entrypoint(app)
