"""Conditional requests (RFC 9110, section 13): validators and 304."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gateway.core.requests import canonical_hash
from gateway.web.http import Answer, HttpRequest

_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


def etag_of(value: Any, *, default: Callable[[Any], Any] = str) -> str:
    """A validator of JSON values: equal content has an equal tag. Leave ages out of `value`.

    `default` makes JSON values of what is none, as it will be sent.
    """
    return canonical_hash(value, default=default)[:32]


def matched(answer: Answer, request: HttpRequest) -> Answer:
    """`answer`, or 304 without a body where the caller already holds that very representation."""
    if answer.etag is None:
        return answer
    tag = f'{"W/" if answer.etag_is_weak else ""}"{answer.etag}"'
    answer = replace(answer, headers={**answer.headers, "ETag": tag})
    if request.method not in {"GET", "HEAD"} or answer.status != 200:
        return answer
    wanted = request.headers.get("if-none-match", "").strip()
    # If-None-Match compares weakly (section 13.1.2).
    if wanted == "*" or answer.etag in _TAG.findall(wanted):
        return replace(answer, status=304, body=None)
    return answer
