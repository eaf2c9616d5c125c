"""POST /authenticate: a practice's keys for a session."""

from __future__ import annotations

from gateway.core.addresses import Enrolment
from gateway.core.authenticate import Credentials, authenticate
from gateway.web.answers import session_answer
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer, HttpRequest
from gateway.web.prefer import Prefer
from gateway.wiring.services import services

app = http_app(services)


@app.post("/authenticate")
def post_authenticate(credentials: Credentials, request: HttpRequest, prefer: Prefer) -> Answer:
    """Open a session; wait for the keys of a new practice to be verified as long as the caller prefers."""
    session = authenticate(
        credentials,
        authorization=request.headers.get("authorization"),
        source_ip=request.source_ip,
        request_id=request.request_id,
        wait_s=prefer.wait_s,
        enrolment=Enrolment.of_environment(),
        on=services(),
    )
    return session_answer(session)


lambda_handler = entrypoint(app)
