"""/fhir/R4: the practices' data as FHIR R4. Reads, searches, and the statement of what there is."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.fhir import bundle, search
from gateway.core.fhir.capability import capability_statement
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.conditional import etag_of
from gateway.web.fhir import as_fhir, as_outcome, base_of, check_format, is_lenient, link
from gateway.web.http import Answer, HttpRequest
from gateway.web.params import AnyQuery, Form
from gateway.wiring.services import services

app = http_app(services, errors=as_outcome)


@app.get("/fhir/R4/metadata")
def get_metadata(query: AnyQuery, request: HttpRequest, _: Caller) -> Answer:
    """What this server can."""
    check_format(query)
    statement = capability_statement(base_of(request))
    return as_fhir(Answer(200, headers={"Cache-Control": "private, max-age=3600"}, etag=etag_of(statement)), statement)


@app.get("/fhir/R4/{type}")
def get_by_type(type: str, query: AnyQuery, request: HttpRequest, caller: Caller, freshness: Freshness) -> Answer:
    """A page of those that all parameters fit."""
    return _searched(type, query, request, caller, freshness)


@app.post("/fhir/R4/{type}/_search", is_read=True)
def post_search(type: str, form: Form, request: HttpRequest, caller: Caller, freshness: Freshness) -> Answer:
    """The same by a form in the body: names and birth dates have no place in a URL."""
    return _searched(type, form, request, caller, freshness)


@app.get("/fhir/R4/{type}/{id}")
def get_by_id(type: str, id: str, query: AnyQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One of them."""
    check_format(query)
    search.no_search(query)
    shown, resource = search.read(type, id, caller=caller, freshness=freshness, on=services())
    return as_fhir(read_answer(shown, on=services()), resource)


def _searched(type_: str, params: AnyQuery, request: HttpRequest, caller: Caller, freshness: Freshness) -> Answer:
    check_format(params)
    found = search.search(type_, params, lenient=is_lenient(request), caller=caller, freshness=freshness, on=services())
    # What came in the body stays out of links: who follows `next` sends it again.
    in_links = params if request.method == "GET" else AnyQuery(request.query)
    further = {**in_links, "_cursor": [found.next_cursor]} if found.next_cursor else None
    page = bundle.searchset(
        found,
        self_link=link(request, in_links),
        next_link=None if further is None else link(request, further),
        base=base_of(request),
    )
    shown = {"data": [one for one, _ in found.entries], "next": found.next_cursor, "meta": found.meta}
    return as_fhir(read_answer(shown, on=services()), page)


lambda_handler = entrypoint(app)
