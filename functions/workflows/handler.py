"""POST and GET /workflows/{name}/runs: start what takes several requests, and see how far it is."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.workflows.book import BookInput
from gateway.core.workflows.control import RunsQuery, get_run, list_runs, restart_run, start_run, stop_run
from gateway.web.answers import run_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer, HttpRequest
from gateway.web.idempotency import IdempotencyKey
from gateway.web.workflows import carried
from gateway.wiring.services import services

app = http_app(services)


@app.post("/workflows/book/runs")
def post_book(wanted: BookInput, key: IdempotencyKey, caller: Caller, request: HttpRequest) -> Answer:
    """Start one; a repeat with the same key starts no second."""
    started = start_run("book", wanted, caller=caller, key=key, about=carried(request), on=services())
    return run_answer(started.run, is_replayed=started.is_replayed)


@app.get("/workflows/{name}/runs")
def get_runs(name: str, query: RunsQuery, caller: Caller) -> Answer:
    """Those of a practice, the latest first."""
    return Answer(status=200, body=list_runs(name, query, caller=caller, on=services()), practice_id=query.practice_id)


@app.get("/workflows/{name}/runs/{id}")
def get_one(name: str, id: str, caller: Caller) -> Answer:
    """One with its steps."""
    run = get_run(name, id, caller=caller, on=services())
    return Answer(status=200, body=run, practice_id=run["practice_id"])


@app.post("/workflows/{name}/runs/{id}/restart")
def post_restart(name: str, id: str, caller: Caller) -> Answer:
    """Go on where it failed."""
    return run_answer(restart_run(name, id, caller=caller, on=services()))


@app.post("/workflows/{name}/runs/{id}/stop")
def post_stop(name: str, id: str, caller: Caller) -> Answer:
    """Stop it where it is."""
    run = stop_run(name, id, caller=caller, on=services())
    return Answer(status=200, body=run, practice_id=run["practice_id"])


lambda_handler = entrypoint(app)
