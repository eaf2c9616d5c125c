"""Accepts every practice that a client with the right key names."""

import json
from typing import Any


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    if headers.get("authorization") != "Bearer client-key":
        return {"statusCode": 403, "body": json.dumps({"code": "practice-not-enrolled"})}
    customer = json.loads(event["body"])["customer_key"]
    answer = {"access_token": "open-sesame", "practice": {"id": f"prac_{customer[-1]}"}}
    return {"statusCode": 200, "body": json.dumps(answer)}
