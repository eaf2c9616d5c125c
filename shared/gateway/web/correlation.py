"""One id for all that a request brings about: its operation, the calls of Open Dental, events, posts to webhooks.

A caller may say it, so that it is the id of the caller's own trace. Only forms that are ids and nothing else are taken,
because it is logged and told: who puts a name there gets an id of ours. What is wrong is passed over, as W3C has it.

Source: https://www.w3.org/TR/trace-context/#traceparent-header
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

HEADER: Final = "X-Correlation-Id"

_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
_UUID: Final = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32}")


def correlation_of(headers: Mapping[str, str], request_id: str) -> str:
    """The trace id of `traceparent`, else `X-Correlation-Id` where it is a UUID (with or without dashes), else the
    request's own id. `headers` are keyed in lower case.
    """
    trace = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    if trace is not None and not {trace[1], trace[2]} & {"0" * 32, "0" * 16} and _is_of_its_version(trace):
        return trace[1]
    said = headers.get(HEADER.lower(), "").lower()
    return said if _UUID.fullmatch(said) else request_id


def _is_of_its_version(trace: re.Match[str]) -> bool:
    """Version 00 has four parts; later ones may have more."""
    return trace[3] is None or not trace[0].startswith("00-")
