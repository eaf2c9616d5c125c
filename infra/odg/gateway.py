"""A deployed gateway, asked over HTTP with a client's key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

TIMEOUT_S = 40.0
"""More than the 29 s after which API Gateway answers whatever happens."""


class Refused(Exception):
    """The gateway said no, or could not be reached; the text is for people and holds nothing that was asked."""


@dataclass(frozen=True)
class Gateway:
    """Where it is, who asks. `transport` is for tests."""

    api: str
    key: str
    transport: httpx.BaseTransport | None = None

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The JSON of a good answer.

        Raises: Refused.
        """
        if not self.api or not self.key:
            raise Refused("set ODG_API to the address of the API, and ODG_KEY to a client's key")
        try:
            with httpx.Client(base_url=self.api, timeout=TIMEOUT_S, transport=self.transport) as http:
                answer = http.request(method, path, json=body, headers={"Authorization": f"Bearer {self.key}"})
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Refused(f"the gateway cannot be reached: {type(error).__name__}") from error
        try:
            told = answer.json()
        except ValueError:
            told = None
        if answer.is_success and isinstance(told, dict):
            return told
        said = told.get("detail") or told.get("title") if isinstance(told, dict) else None
        raise Refused(f"{answer.status_code}: {said or 'the answer is none of the gateway'}")
