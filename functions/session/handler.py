"""DELETE /session: the end of a session."""

from __future__ import annotations

from gateway.core.sessions import end_session
from gateway.web.answers import nothing
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer, HttpRequest
from gateway.wiring.services import services

app = http_app(services)


@app.delete("/session")
def delete_session(request: HttpRequest) -> Answer:
    """End the session whose token the request carries; one that is over already stays over."""
    end_session(
        request.headers.get("authorization"),
        request_id=request.request_id,
        correlation_id=request.correlation_id,
        source_ip=request.source_ip,
        on=services(),
    )
    return nothing()


lambda_handler = entrypoint(app)
