"""`Cache-Control` of a request (RFC 9111, section 5.2.1): how old an answer the caller takes."""

from __future__ import annotations

from dataclasses import replace

from gateway.core.requests import Freshness, Road
from gateway.web.http import HttpRequest
from gateway.web.prefer import READ_WAIT_S, prefer_of


def freshness_of(request: HttpRequest) -> Freshness:
    """`no-cache` and `no-store` ask Open Dental, `max-age=N` takes what is at most N seconds old, `min-fresh=N` what is
    not too old in N seconds either, and `only-if-cached` nothing that Open Dental would have to be asked for.

    Without `max-age` an answer may be as old as it may for anybody who does not say. Directives that cannot be
    understood, and those that mean nothing here (`max-stale`: `max-age` says it already), change nothing; the strictest
    one counts.
    """
    wait_s = prefer_of(request, default_s=READ_WAIT_S).wait_s
    said = [part.strip().lower() for part in request.headers.get("cache-control", "").split(",")]
    made = Freshness(
        wait_s=wait_s,
        min_fresh_s=max((seconds for one in said if (seconds := _seconds(one, "min-fresh")) is not None), default=0.0),
        road=Road.KEPT if "only-if-cached" in said else Road.ANY,
    )
    ages = [seconds for one in said if (seconds := _seconds(one, "max-age")) is not None]
    ages += [0.0 for one in said if one in {"no-cache", "no-store"}]
    return replace(made, max_age_s=min(ages), asked=True) if ages else made


def _seconds(directive: str, wanted: str) -> float | None:
    name, _, value = directive.partition("=")
    value = value.strip('"')
    return float(value) if name == wanted and value.isascii() and value.isdigit() and len(value) <= 9 else None
