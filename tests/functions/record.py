"""Records a sample event: `python -m tests.functions.record FUNCTION/NAME METHOD ROUTE [name=value ...] [--body JSON]
[--key KEY] [--prefer PREFER]`.

`name=value` fills the route's braces where it has that name, else the query. The event goes to `events/functions/`,
with every field that API Gateway sends; its line in `test_events.py` is written by hand.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from tests.functions.conftest import TOKEN

EVENTS = Path(__file__).parents[2] / "events" / "functions"
_TEMPLATE = EVENTS / "claims" / "get.json"


def recorded(
    method: str, route: str, given: dict[str, str], *, body: Any = None, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """The event of one request."""
    event: dict[str, Any] = json.loads(_TEMPLATE.read_text())
    in_path = re.findall(r"{(\w+)\+?}", route)
    params = {name: given[name] for name in in_path}
    query = {name: value for name, value in given.items() if name not in params}
    path = re.sub(r"{(\w+)\+?}", lambda match: params[match[1]], route)
    sent = {**event["headers"], "Authorization": f"Bearer {TOKEN}"}
    if body is not None:
        sent["Content-Type"] = "application/json"
    sent |= headers or {}
    event |= {
        "resource": route,
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": query or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
        "pathParameters": params or None,
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
    }
    event["requestContext"] |= {"resourcePath": route, "path": f"/v1{path}", "httpMethod": method}
    return event


def main() -> None:
    """Write one event."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("method")
    parser.add_argument("route")
    parser.add_argument("given", nargs="*")
    parser.add_argument("--body", type=json.loads)
    parser.add_argument("--key", help="Idempotency-Key")
    parser.add_argument("--prefer", help="Prefer")
    asked = parser.parse_args()
    given = dict(one.split("=", 1) for one in asked.given)
    said = {"Idempotency-Key": asked.key, "Prefer": asked.prefer}
    headers = {name: value for name, value in said.items() if value}
    event = recorded(asked.method, asked.route, given, body=asked.body, headers=headers)
    path = EVENTS / f"{asked.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(event, indent=2) + "\n")


if __name__ == "__main__":
    main()
