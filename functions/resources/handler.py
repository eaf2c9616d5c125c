"""/resources: what Open Dental has, all of it, under the vendor's own paths.

A change is PATCH where Open Dental calls it PUT; everything else is as the vendor has it.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.core.callers import Caller
from gateway.core.requests import Freshness, wait_for
from gateway.core.resources.directory import directory
from gateway.core.resources.reads import patients_asked, read
from gateway.web.answers import read_answer, write_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer, HttpRequest
from gateway.web.idempotency import IdempotencyKey
from gateway.web.params import AnyBody, AnyQuery, only
from gateway.web.prefer import Prefer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/resources")
def get_resources(query: AnyQuery, caller: Caller) -> Answer:
    """Every operation, and what of it this practice's key may do."""
    asked = only(query, "practice_id", "resource")
    found = directory(asked.get("practice_id"), asked.get("resource"), caller=caller, on=services())
    return read_answer(found, on=services())


@app.get("/resources/{resource}")
@app.get("/resources/{resource}/{key}")
@app.get("/resources/{resource}/{key}/{action}")
def get_rows(request: HttpRequest, query: AnyQuery, caller: Caller, freshness: Freshness) -> Answer:
    """A list, a row, or what an action of either answers."""
    on = services()
    segments = _segments(request)
    found = read(segments, query, caller=caller, freshness=freshness, on=on)
    asked = patients_asked(segments, query, found["meta"]["practice_id"])
    return replace(read_answer(found, on=on), patient_ids=asked)


@app.post("/resources/{resource}")
@app.post("/resources/{resource}/{key}")
@app.post("/resources/{resource}/{key}/{action}")
@app.patch("/resources/{resource}")
@app.patch("/resources/{resource}/{key}")
@app.patch("/resources/{resource}/{key}/{action}")
@app.delete("/resources/{resource}")
@app.delete("/resources/{resource}/{key}")
@app.delete("/resources/{resource}/{key}/{action}")
def change_rows(
    *, request: HttpRequest, query: AnyQuery, body: AnyBody, key: IdempotencyKey, caller: Caller, prefer: Prefer
) -> Answer:
    """Wait for the write as long as the caller prefers, then hand out its operation."""
    # Imported here: most requests read.
    from gateway.core.resources.writes import write  # noqa: PLC0415

    on = services()
    segments = _segments(request)
    operation = write(request.method, segments, query, body, caller=caller, key=key, on=on)
    is_replayed = operation.state.is_settled
    operation = wait_for(operation, wait_s=prefer.wait_s, on=on)
    location = f"/resources/{segments[0]}/{{key}}"
    return write_answer(operation, location=location, now=on.clock.now(), is_replayed=is_replayed)


def _segments(request: HttpRequest) -> tuple[str, ...]:
    """The path behind `/resources/`."""
    return tuple(one for name in ("resource", "key", "action") if (one := request.path_params.get(name)) is not None)


lambda_handler = entrypoint(app)
