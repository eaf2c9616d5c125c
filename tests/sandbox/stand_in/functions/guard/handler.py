"""Lets in whoever carries a token; the request authorizer of the stand-in."""

from typing import Any


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    token = headers.get("authorization", "")
    if not token:
        raise Exception("Unauthorized")
    effect = "Allow" if token == "Bearer open-sesame" else "Deny"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"].split("/")[0] + "/*"}
    return {
        "principalId": "caller",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"client_id": "cli_1"},
    }
