"""A deployment as the functions see it that take what practices' machines tell by themselves."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module
from typing import Any

from gateway.core.native.hooks import hook_path, hook_token
from gateway.wiring import hooks
from tests.fakes.gateway_events import Context, event
from tests.fakes.inbox import FakeInbox
from tests.fakes.services import FakeServices

ROUTE = "/hooks/{practice_id}/{token}"


class HookWorld:
    """Fills `ReceivingServices` and `TakingServices` beside a deployment, of whose practices each has this `key`."""

    def __init__(self, on: FakeServices, *, key: str) -> None:
        self._on, self._key = on, key
        self.inbox = FakeInbox()
        self.practices = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._on, name)

    def get(self, practice_id: str) -> Any:
        """See `Practices.get`."""
        return replace(self._on.practices.get(practice_id), key_fingerprint=self.signer.fingerprint(self._key))

    def token(self, practice_id: str) -> str:
        """The secret part of the practice's path."""
        return hook_token(self.get(practice_id), self.signer)

    def path(self, practice_id: str) -> str:
        """The practice's path."""
        return hook_path(self.get(practice_id), self.signer)


def posted(path: str, headers: dict[str, str], body: str, *, on: HookWorld) -> dict[str, Any]:
    """What the function answers to a call of a machine."""
    handler: Any = import_module("functions.hooks.handler").lambda_handler

    _, _, practice_id, token = path.split("/")
    params = {"practice_id": practice_id, "token": token}
    hooks.use(on)
    try:
        answer: dict[str, Any] = handler(
            event("POST", ROUTE, params=params, headers=headers, body=body, client_id=None), Context()
        )
        return answer
    finally:
        hooks.use(None)


def told_of(*names: str) -> dict[str, Any]:
    """What a queue hands to a function, once S3 has told it of objects of these names."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": "receipt",
                "body": json.dumps({"Records": [{"s3": {"bucket": {"name": "bodies"}, "object": {"key": name}}}]}),
                "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1772452800000"},
                "messageAttributes": {},
                "md5OfBody": "0" * 32,
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:hooks",
                "awsRegion": "us-east-1",
            }
            for number, name in enumerate(names)
        ]
    }


def worked_off(*names: str, on: HookWorld) -> list[str]:
    """Have calls worked off by their function; the names that come back."""
    if not names:
        return []
    handler: Any = import_module("functions.take_hooks.handler").lambda_handler

    hooks.use(on)
    try:
        answer = handler(told_of(*names), Context())
    finally:
        hooks.use(None)
    failed = {one["itemIdentifier"] for one in answer["batchItemFailures"]}
    return [name for number, name in enumerate(names) if f"message-{number}" in failed]
