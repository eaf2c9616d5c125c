"""GET /events and /events/{id}: what happened, for 30 days."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.events.reading import EventsQuery, get_event, list_events
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/events")
def get_events(query: EventsQuery, caller: Caller) -> Answer:
    """A page of a practice's events."""
    return Answer(status=200, body=list_events(query, caller=caller, on=services()))


@app.get("/events/{id}")
def get_one(id: str, caller: Caller) -> Answer:
    """One event."""
    return Answer(status=200, body=get_event(id, caller=caller, on=services()))


lambda_handler = entrypoint(app)
