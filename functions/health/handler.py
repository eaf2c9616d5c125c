"""GET /health and GET /practices/{id}/health: how the deployment is, and how one practice is."""

from __future__ import annotations

from gateway.core.callers import Caller
from gateway.core.health.deployment import health_of_deployment
from gateway.core.health.practice import health_of_practice
from gateway.web.app import entrypoint, http_app
from gateway.web.http import Answer
from gateway.wiring.services import services

app = http_app(services)


@app.get("/health")
def get_health(caller: Caller) -> Answer:
    """The deployment as a whole; 200 also where a part of it is not well, which the body says."""
    return Answer(status=200, body=health_of_deployment(caller, on=services()))


@app.get("/practices/{id}/health")
def get_practice_health(id: str, caller: Caller) -> Answer:
    """Everything of one practice."""
    return Answer(status=200, body=health_of_practice(id, caller=caller, on=services()), practice_id=id)


lambda_handler = entrypoint(app)
