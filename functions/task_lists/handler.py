"""GET /task_lists, GET /task_lists/{id}: where tasks lie."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.desk import TASK_LISTS, TaskListsQuery
from gateway.core.reads.families import get_object, list_objects
from gateway.core.reads.queries import ObjectQuery
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/task_lists")
def get_task_lists(query: TaskListsQuery, caller: Caller, freshness: Freshness) -> Answer:
    """Those that all filters fit."""
    found = list_objects(TASK_LISTS, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


@app.get("/task_lists/{id}")
def get_task_list_by_id(id: str, query: ObjectQuery, caller: Caller, freshness: Freshness) -> Answer:
    """One of them."""
    found = get_object(TASK_LISTS, id, query, caller=caller, freshness=freshness, on=services())
    return read_answer(found, on=services())


lambda_handler = entrypoint(app)
