"""GET /practices[/{id}[/capabilities]], GET and PATCH /practices/{id}/sync: practices, what works there, mirrors."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.drift.capabilities import capabilities_of
from gateway.core.mirror.control import SyncChange, change_sync, sync_of
from gateway.core.reads.practices import PracticesQuery, get_practice, list_practices
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer, HttpRequest
from gateway.web.own_address import own_address
from gateway.wiring.services import services

app = http_app(services)


@app.get("/practices")
def get_practices(query: PracticesQuery, caller: Caller) -> Answer:
    """All practices of the client."""
    return Answer(status=200, body=list_practices(query, caller=caller, on=services()))


@app.get("/practices/{id}")
def get_one(id: str, caller: Caller) -> Answer:
    """One practice of the client."""
    return Answer(status=200, body=get_practice(id, caller=caller, on=services()), practice_id=id)


@app.get("/practices/{id}/capabilities")
def get_capabilities(id: str, caller: Caller) -> Answer:
    """What works there, what does not, and what would make it work."""
    return Answer(status=200, body=capabilities_of(id, caller=caller, on=services()), practice_id=id)


@app.get("/practices/{id}/sync")
def get_sync(id: str, caller: Caller) -> Answer:
    """How far its mirror is, what is stale, why, and when it will not be."""
    return Answer(status=200, body=sync_of(id, caller=caller, on=services()), practice_id=id)


@app.patch("/practices/{id}/sync")
def patch_sync(id: str, change: SyncChange, caller: Caller, request: HttpRequest) -> Answer:
    """Turn the mirror on, pause it, or turn it off; have the practice's machines tell what changes, or not."""
    on = services()
    here = own_address(request.api_url, request.emulated_url, stage=on.stage)
    return Answer(status=200, body=change_sync(id, change, caller=caller, on=on, api_url=here), practice_id=id)


lambda_handler = entrypoint(app)
