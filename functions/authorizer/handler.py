"""Before every request of a route that is not public: whose token does it carry?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.core.errors import Unauthenticated
from gateway.core.sessions import bearer, session_of
from gateway.web import logging, snapshot
from gateway.wiring.services import services

logging.configure()
snapshot.prepare()


def lambda_handler(event: Mapping[str, Any], _: object) -> dict[str, Any]:
    """Let the token's client call the whole stage; what it may do there is asked by each use case.

    API Gateway answers 401 to exactly this exception text, and 500 to any other.
    """
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    on = services()
    try:
        session = session_of(bearer(headers.get("authorization")), on=on, now=on.clock.now())
    except Unauthenticated:
        raise Exception("Unauthorized") from None  # noqa: TRY002 - the text is API Gateway's
    # At INFO nothing: the function behind says the same of every request, and each line is paid.
    logging.logger.debug("let in", extra={"client_id": session.client_id})
    api_and_stage = "/".join(event["methodArn"].split("/")[:2])
    return {
        "principalId": session.client_id,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{api_and_stage}/*"}],
        },
        "context": {"client_id": session.client_id},
    }
