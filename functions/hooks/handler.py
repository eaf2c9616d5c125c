"""POST /hooks/{practice_id}/{token}: what a practice's machine tells by itself. Kept first, answered then, read later.

An office waits while this runs, so nothing is loaded that it does not need: no app, no models. Open Dental takes any
answer but 200 for a failure and tries again, for up to three days
(https://www.opendental.com/site/apisubscriptions.html).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from gateway.core.errors import AppError
from gateway.core.native.receiving import receive
from gateway.web import logging, problems
from gateway.web.http import Answer, HttpRequest, request_of
from gateway.wiring.hooks import hook_services

MOST_BYTES: Final = 6 * 1024 * 1024
"""Of a body; what Lambda takes in all."""

ROUTE: Final = "/hooks/{practice_id}/{token}"

logging.configure()


def lambda_handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Answer one call: 200 without a body once it is kept, else a problem; never raises."""
    started = time.perf_counter()
    request = request_of(event, context)
    try:
        answer = _receive(request)
    except AppError as error:
        answer = problems.answer(error)
    except Exception as error:  # noqa: BLE001 - the last way out: a bug is answered as a problem, too
        logging.logger.error("a bug ended the request", extra=logging.location_of(error))
        answer = problems.answer_of(problems.internal_document())
    logging.logger.info(
        "answered",
        extra={
            "request_id": request.request_id,
            "method": "POST",
            # The route, never the path: its last part is a secret.
            "route": ROUTE,
            "status": answer.status,
            "code": answer.code,
            "practice_id": answer.practice_id,
            "duration_ms": round((time.perf_counter() - started) * 1000),
        },
    )
    return {
        "statusCode": answer.status,
        "headers": {"Content-Type": answer.content_type, "X-Content-Type-Options": "nosniff", **answer.headers},
        "body": "" if answer.body is None else json.dumps(answer.body),
        "isBase64Encoded": False,
    }


def _receive(request: HttpRequest) -> Answer:
    body = request.body or b""
    if len(body) > MOST_BYTES:
        raise problems.BodyTooLarge("the body is too long", limit_bytes=MOST_BYTES)
    headers, params = request.headers, request.path_params
    practice_id = receive(
        params.get("practice_id", ""),
        params.get("token", ""),
        headers.get("authorization", "").strip(),
        event=headers.get("event-type", ""),
        workstation=headers.get("workstation", ""),
        body=body,
        on=hook_services(),
    )
    return Answer(200, headers={"Cache-Control": "no-store"}, practice_id=practice_id)
