"""GET /slots, GET /slots/next_available: when there is time for a visit."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.slots import NextSlotsQuery, SlotsQuery, list_slots, next_slots
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/slots")
def get_slots(query: SlotsQuery, caller: Caller, freshness: Freshness) -> Answer:
    """Every free time of some days."""
    on = services()
    return read_answer(list_slots(query, caller=caller, freshness=freshness, on=on), on=on)


@app.get("/slots/next_available")
def get_next_slots(query: NextSlotsQuery, caller: Caller, freshness: Freshness) -> Answer:
    """The first free times from a day on."""
    on = services()
    return read_answer(next_slots(query, caller=caller, freshness=freshness, on=on), on=on)


lambda_handler = entrypoint(app)
