"""GET /day: who comes that day, with what the desk needs to know. On its own because it loads most normalizers."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.reads.day import DayQuery, get_day
from gateway.core.requests import Freshness
from gateway.web.answers import read_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/day")
def get_day_of_office(query: DayQuery, caller: Caller, freshness: Freshness) -> Answer:
    """The day's visits, and the sections that are there; why the others are not."""
    return read_answer(get_day(query, caller=caller, freshness=freshness, on=services()), on=services())


lambda_handler = entrypoint(app)
