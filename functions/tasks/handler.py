"""GET /tasks, GET /tasks/{id}: what the staff is to do."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.desk import TASKS, TaskQuery, TasksQuery
from gateway.core.reads.families import get_object, list_objects
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/tasks")
def get_tasks(query: TasksQuery, caller: Caller, freshness: Freshness) -> Answer:
    """Those that all filters fit."""
    found = list_objects(TASKS, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


@app.get("/tasks/{id}")
def get_task_by_id(id: str, query: TaskQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One of them with its notes."""
    found = get_object(TASKS, id, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


lambda_handler = entrypoint(app)
