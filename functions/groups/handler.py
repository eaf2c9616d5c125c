"""GET and POST /groups, GET, PATCH and DELETE /groups/{id}: practices that may look for each other's patients."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.groups.control import (
    GroupChange,
    GroupInput,
    GroupsQuery,
    change_group,
    delete_group,
    get_group,
    list_groups,
    make_group,
)
from gateway.web.answers import made_answer, nothing
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.web.idempotency import IdempotencyKey
from gateway.wiring.services import services

app = http_app(services)


@app.get("/groups")
def get_groups(query: GroupsQuery, caller: Caller) -> Answer:
    """All groups of the client."""
    return Answer(status=200, body=list_groups(query, caller=caller, on=services()))


@app.post("/groups")
def post_group(wanted: GroupInput, key: IdempotencyKey, caller: Caller) -> Answer:
    """Make one; a repeat with the same key makes no second."""
    made = make_group(wanted, caller=caller, key=key, on=services())
    return made_answer(made.group, is_replayed=made.is_replayed, location="/groups/{id}")


@app.get("/groups/{id}")
def get_one(id: str, caller: Caller) -> Answer:
    """One group of the client."""
    return Answer(status=200, body=get_group(id, caller=caller, on=services()))


@app.patch("/groups/{id}")
def patch_group(id: str, change: GroupChange, caller: Caller) -> Answer:
    """Another name, other practices, another agreement."""
    return Answer(status=200, body=change_group(id, change, caller=caller, on=services()))


@app.delete("/groups/{id}")
def delete_one(id: str, caller: Caller) -> Answer:
    """Part its practices."""
    delete_group(id, caller=caller, on=services())
    return nothing()


lambda_handler = entrypoint(app)
