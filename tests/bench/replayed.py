"""DynamoDB's answers, recorded from an emulator and given again, so that what is left is this process's own work.

The SDK does all that it does on AWS (it writes, signs and reads), and no byte leaves the process.
"""

from __future__ import annotations

import io
from threading import local
from typing import Any

from botocore.awsrequest import AWSResponse


class Replayed:
    """What DynamoDB answered to each request while `client` was recorded."""

    def __init__(self, client: Any) -> None:
        self._answers: dict[tuple[str, bytes], tuple[int, Any, bytes]] = {}
        self._put: tuple[int, Any, bytes] | None = None
        self._asked = local()
        client.meta.events.register_first("before-send.dynamodb", self._note)
        client.meta.events.register("response-received.dynamodb", self._record)

    def play(self, client: Any) -> None:
        """Have `client` be given the recorded answers. A request that was not recorded raises LookupError, but for a
        put: an entry of the audit trail has an id that never was, and all puts are answered alike.
        """
        client.meta.events.register_first("before-send.dynamodb", self._answer)

    def _note(self, request: Any, **_: Any) -> None:
        self._asked.key = _key(request)

    def _record(self, response_dict: Any, **_: Any) -> None:
        if response_dict is not None:
            kept = (response_dict["status_code"], response_dict["headers"], response_dict["body"])
            self._answers[self._asked.key] = kept
            if self._asked.key[0].endswith(".PutItem") and kept[0] == 200:
                self._put = kept

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        key = _key(request)
        found = self._answers.get(key) or (self._put if key[0].endswith(".PutItem") else None)
        if found is None:
            raise LookupError("this was not asked while it was recorded")
        status, headers, body = found
        return AWSResponse(request.url, status, headers, _Raw(body))


class _Raw(io.BytesIO):
    """A body as the SDK's HTTP layer hands it on."""

    def stream(self, **_: Any) -> Any:
        """The whole of it."""
        yield self.read()


def _key(request: Any) -> tuple[str, bytes]:
    target = request.headers["X-Amz-Target"]
    body = request.body
    return (
        target.decode() if isinstance(target, bytes) else target,
        body if isinstance(body, bytes) else str(body).encode(),
    )
