"""POST and GET /workflow_runs: start what takes several requests, and see how far it is."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.workflows.control import RunsQuery, get_run, list_runs, restart_run, start_run, stop_run
from gateway.core.workflows.directory import RunInput
from gateway.web.answers import run_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer, HttpRequest
from gateway.web.idempotency import IdempotencyKey
from gateway.web.workflows import carried
from gateway.wiring.services import services

app = http_app(services)


@app.post("/workflow_runs")
def post_run(wanted: RunInput, key: IdempotencyKey, caller: Caller, request: HttpRequest) -> Answer:
    """Start one; a repeat with the same key starts no second."""
    started = start_run(wanted, caller=caller, key=key, about=carried(request), on=services())
    return run_answer(started.run, is_replayed=started.is_replayed)


@app.get("/workflow_runs")
def get_runs(query: RunsQuery, caller: Caller) -> Answer:
    """Those of a practice, the latest first."""
    return Answer(status=200, body=list_runs(query, caller=caller, on=services()), practice_id=query.practice_id)


@app.get("/workflow_runs/{id}")
def get_one(id: str, caller: Caller) -> Answer:
    """One with its steps."""
    run = get_run(id, caller=caller, on=services())
    return Answer(status=200, body=run, practice_id=run["practice_id"])


@app.post("/workflow_runs/{id}/restart")
def post_restart(id: str, caller: Caller) -> Answer:
    """Go on where it failed."""
    return run_answer(restart_run(id, caller=caller, on=services()))


@app.post("/workflow_runs/{id}/stop")
def post_stop(id: str, caller: Caller) -> Answer:
    """Stop it where it is."""
    run = stop_run(id, caller=caller, on=services())
    return Answer(status=200, body=run, practice_id=run["practice_id"])


lambda_handler = entrypoint(app)
