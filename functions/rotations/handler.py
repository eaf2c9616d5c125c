"""GET and POST /practices/{id}/rotations, GET and DELETE /practices/{id}/rotations/{rotation_id}: exchanges of keys."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.rotation.control import RotationInput, begin, cancel, rotation_of, rotations_of
from gateway.web.answers import made_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.web.idempotency import IdempotencyKey
from gateway.wiring.services import services

app = http_app(services)


@app.get("/practices/{id}/rotations")
def get_rotations(id: str, caller: Caller) -> Answer:
    """The exchanges of the practice's key that are remembered."""
    return Answer(status=200, body=rotations_of(id, caller=caller, on=services()), practice_id=id)


@app.post("/practices/{id}/rotations")
def post_rotation(id: str, wanted: RotationInput, key: IdempotencyKey, caller: Caller) -> Answer:
    """Have the key exchanged; a repeat with the same key begins no second exchange."""
    asked = begin(id, wanted, caller=caller, key=key, on=services())
    location = f"/practices/{id}/rotations/{{id}}"
    return made_answer(asked.rotation, is_replayed=asked.is_replayed, location=location)


@app.get("/practices/{id}/rotations/{rotation_id}")
def get_rotation(id: str, rotation_id: str, caller: Caller) -> Answer:
    """How far it is, and what the office has to do. The new key may be in it: no cache keeps that."""
    body = rotation_of(id, rotation_id, caller=caller, on=services())
    return Answer(status=200, body=body, headers={"Cache-Control": "no-store"}, practice_id=id)


@app.delete("/practices/{id}/rotations/{rotation_id}")
def delete_rotation(id: str, rotation_id: str, caller: Caller) -> Answer:
    """Call it off: what was made is taken back in the background."""
    return Answer(status=202, body=cancel(id, rotation_id, caller=caller, on=services()), practice_id=id)


lambda_handler = entrypoint(app)
