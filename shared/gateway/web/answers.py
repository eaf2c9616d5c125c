"""What handlers answer: reads with their age, writes with their operation, and the headers that belong to them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from gateway.core.json_text import plain
from gateway.core.normalize.values import SERVER_CLOCK
from gateway.core.normalize.views import operation_view
from gateway.core.operations import Operation, OperationState
from gateway.core.ports import PaceView, Services
from gateway.core.requests import wait_for
from gateway.web import problems
from gateway.web.conditional import etag_of
from gateway.web.http import Answer
from gateway.web.prefer import Prefer

CSV = "text/csv"

UNKNOWN_RETRY_S = 60
_MOMENTS = frozenset({"synced_at", SERVER_CLOCK})
_LONGEST_RETRY_S = 900


def read_answer(body: Mapping[str, Any], *, on: Services) -> Answer:
    """200 with an object or a list in its envelope.

    `body` is what the caller sees: for a list `{data, has_more, next_cursor, meta}`, for one object its fields with
    `meta` beside them. `meta` gives the age; the pace that a live answer used is shown in the RateLimit fields.
    """
    meta = body.get("meta") or {}
    # It may be kept by whoever asked, and shown again only after asking: own writes are visible at once.
    headers = {"Cache-Control": "private, no-cache", "Age": str(int(meta.get("age_seconds") or 0))}
    practice_id = meta.get("practice_id")
    if practice_id is not None and meta.get("served_from") == "live":
        headers |= rate_limit(on.paces.view(practice_id), now=on.clock.now())
    return Answer(
        status=200,
        body=body,
        headers=headers,
        etag=tag_of(body),
        etag_is_weak=True,
        practice_id=practice_id,
        served_from=meta.get("served_from"),
        practices=_answering(meta),
    )


def _answering(meta: Mapping[str, Any]) -> tuple[str, ...]:
    """The practices of an answer of several, without those that could not be asked."""
    told = meta.get("practices") or ()
    return tuple(one["practice_id"] for one in told if one.get("unavailable") is None)


def link_answer(link: Mapping[str, Any], patient_ids: tuple[str, ...], *, on: Services) -> Answer:
    """200 with a link, which no cache may keep and no tag stands for: whoever has it has what it leads to.

    `patient_ids`: whom what it leads to shows.

    No redirect: clients that follow one by themselves may send the token along, which is not for the bucket, and which
    S3 refuses beside a signature.
    """
    answer = read_answer(link, on=on)
    headers = {name: value for name, value in answer.headers.items() if name != "Age"}
    return replace(answer, headers={**headers, "Cache-Control": "no-store"}, etag=None, patient_ids=patient_ids)


def export_answer(run: Mapping[str, Any], *, is_replayed: bool) -> Answer:
    """202 with an export that goes on by itself, 200 with one that is over; `Retry-After` says when to look again."""
    headers = {"Cache-Control": "no-store", "Location": f"/exports/{run['id']}"}
    if is_replayed:
        headers["Idempotent-Replayed"] = "true"
    if run["state"] == "running":
        headers["Retry-After"] = "10"
    return Answer(status=202 if run["state"] == "running" else 200, body=run, headers=headers)


def audited_answer(body: Mapping[str, Any]) -> Answer:
    """200 with what is shown under an entry in an audit trail, so that no cache may show it again.

    No tag stands for it either: practices that could not be asked are a part of it.
    """
    meta = body.get("meta") or {}
    headers = {"Cache-Control": "no-store", "Age": str(int(meta.get("age_seconds") or 0))}
    return Answer(
        status=200,
        body=body,
        headers=headers,
        practice_id=meta.get("practice_id"),
        served_from=meta.get("served_from"),
        practices=_answering(meta),
    )


def tag_of(body: Mapping[str, Any]) -> str:
    """The validator of an answer's body: of what it says of the practice."""
    return etag_of(_content(body), default=plain)


def _content(body: Mapping[str, Any]) -> dict[str, Any]:
    """What an answer says of the practice, without when it was looked at: unchanged rows keep their tag."""
    content = _timeless(body)
    if content.get("resourceType") == "Bundle":
        content = {name: value for name, value in content.items() if name != "timestamp"}
    if practices := (body.get("meta") or {}).get("practices"):
        # Who holds the same rows must still learn that a practice does not answer any more.
        content["practices"] = [(one["practice_id"], one.get("unavailable")) for one in practices]
    if isinstance(content.get("data"), list):
        content["data"] = [_timeless(row) for row in content["data"]]
    if isinstance(content.get("sections"), Mapping):
        # What stands beside the sections may be made of rows as well: a day's visits are.
        beside = {name: _timeless_deep(value) for name, value in content.items() if name != "sections"}
        content = beside | {"sections": {name: _timeless_section(one) for name, one in content["sections"].items()}}
    return content


def _timeless_section(section: Mapping[str, Any]) -> dict[str, Any]:
    """A section of several objects: nothing in it that says when it was read."""
    return {
        name: _timeless_deep(value)
        for name, value in section.items()
        if name not in {"as_of", "age_seconds", "served_from"}
    }


def _timeless_deep(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _timeless_deep(one) for name, one in value.items() if name not in _MOMENTS}
    return [_timeless_deep(one) for one in value] if isinstance(value, list) else value


def _timeless(shown: Mapping[str, Any]) -> dict[str, Any]:
    content = {name: value for name, value in shown.items() if name not in {"meta", "synced_at", "server_date_time"}}
    if "raw" in content:
        # Open Dental stamps rows with the moment of its answer.
        content["raw"] = {name: value for name, value in content["raw"].items() if name != SERVER_CLOCK}
    return content


def awaited(operation: Operation, prefer: Prefer, *, on: Services, location: str | None = None) -> Answer:
    """Wait for a write as long as its caller prefers, and say how it stands then."""
    is_replayed = operation.state.is_settled
    operation = wait_for(operation, wait_s=prefer.wait_s, on=on)
    return write_answer(operation, location=location, now=on.clock.now(), is_replayed=is_replayed)


def write_answer(
    operation: Operation, *, now: datetime, location: str | None = None, is_replayed: bool = False
) -> Answer:
    """How a write stands: 201 or 200 with its operation, 202 while it runs or is unknown, or its problem.

    The body is the operation whatever the status, so that a caller reads one shape. `location` is the path of what was
    made, with `{id}` for the result's id. `is_replayed`: the operation had its answer before this request came, which
    `Idempotent-Replayed` then says.
    """
    answer = _write_answer(operation, now=now, location=location)
    return replace(answer, headers={**answer.headers, "Idempotent-Replayed": "true"}) if is_replayed else answer


def _write_answer(operation: Operation, *, now: datetime, location: str | None) -> Answer:
    if operation.state is OperationState.FAILED:
        document = problems.stored_document(operation.error or {})
        failed = problems.answer_of({**document, "operation_id": operation.id})
        return replace(failed, practice_id=operation.request.practice_id, operation_id=operation.id)
    answer = operation_answer(operation, now=now)
    if operation.state is not OperationState.SUCCEEDED:
        # No ETag: that of the operation would be taken for one of what is being made.
        headers = {**answer.headers, "Location": f"/operations/{operation.id}"}
        return replace(answer, status=202, headers=headers, etag=None)
    headers = dict(answer.headers)
    if operation.created and location and (where := _filled(location, operation.result or {})):
        headers["Location"] = where
    return replace(answer, status=201 if operation.created else 200, headers=headers, etag=None)


def _filled(location: str, result: Mapping[str, Any]) -> str | None:
    """`location` with the result's members where it names them in braces; None where the result has one of them not."""
    for name in re.findall(r"{(\w+)}", location):
        if not result.get(name):
            return None
        location = location.replace(f"{{{name}}}", str(result[name]))
    return location


def session_answer(session: Mapping[str, Any]) -> Answer:
    """200 with a token, which no cache may keep (RFC 6749, section 5.1)."""
    practice_id = (session.get("practice") or {}).get("id")
    return Answer(status=200, body=session, headers={"Cache-Control": "no-store"}, practice_id=practice_id)


def made_answer(made: Mapping[str, Any], *, is_replayed: bool, location: str | None = None) -> Answer:
    """201 with what was made here, without an operation. `is_replayed` and `location` as in `write_answer`."""
    headers = {"Cache-Control": "no-store", **({"Idempotent-Replayed": "true"} if is_replayed else {})}
    if location and (where := _filled(location, made)):
        headers["Location"] = where
    return Answer(status=201, body=made, headers=headers, practice_id=made.get("practice_id"))


def csv_answer(text: str, *, practice_id: str, name: str) -> Answer:
    """200 with a file of lines, which no cache may keep. `name`: what it is saved as, of ids and dates alone."""
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return Answer(status=200, body=text, headers=headers, content_type=CSV, practice_id=practice_id)


def run_answer(run: Mapping[str, Any], *, is_replayed: bool = False) -> Answer:
    """202 with a run that goes on by itself, 200 with one that is over; `Retry-After` says when to look again."""
    headers = {"Cache-Control": "no-store", "Location": f"/workflow_runs/{run['id']}"}
    if is_replayed:
        headers["Idempotent-Replayed"] = "true"
    if run["state"] == "running":
        headers["Retry-After"] = "2"
    return Answer(
        status=202 if run["state"] == "running" else 200, body=run, headers=headers, practice_id=run["practice_id"]
    )


def nothing() -> Answer:
    """204: it is done and there is nothing to show."""
    return Answer(status=204, headers={"Cache-Control": "no-store"})


def operation_answer(operation: Operation, *, now: datetime) -> Answer:
    """200 with the operation; `Retry-After` says when to look again."""
    view = operation_view(operation)
    if operation.error is not None:
        view["error"] = problems.stored_document(operation.error)
    headers = {"Cache-Control": "private, no-cache"}
    if not operation.state.is_settled:
        headers["Retry-After"] = str(retry_after_s(operation, now=now))
    return Answer(
        status=200,
        body=view,
        headers=headers,
        etag=etag_of(view, default=plain),
        practice_id=operation.request.practice_id,
        operation_id=operation.id,
    )


def retry_after_s(operation: Operation, *, now: datetime) -> int:
    """Whole seconds until looking again is worth it."""
    if operation.state is OperationState.UNKNOWN:
        return UNKNOWN_RETRY_S
    until = operation.parked_until or operation.eta_at
    seconds = (until - now).total_seconds() if until is not None else 1.0
    return max(1, min(_LONGEST_RETRY_S, ceil(seconds)))


def rate_limit(pace: PaceView, *, now: datetime) -> dict[str, str]:
    """`RateLimit` and `RateLimit-Policy` (the IETF draft's structured form) for a practice's pace.

    Windows are whole seconds there, so an interval of half a second is two requests in one. A practice without a pace
    has no policy.
    """
    if pace.interval_s <= 0:
        return {}
    window = ceil(pace.interval_s)
    quota = max(1, int(window / pace.interval_s))
    free_in = max(timedelta(0), (pace.next_free_at or now) - now).total_seconds() + pace.waiting * pace.interval_s
    remaining = quota if free_in == 0 else 0
    return {
        "RateLimit-Policy": f'"practice";q={quota};w={window}',
        "RateLimit": f'"practice";r={remaining};t={ceil(free_in)}',
    }
