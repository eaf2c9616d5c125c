"""`Cache-Control` of a request (RFC 9111, section 5.2.1): how old an answer the caller takes."""

from __future__ import annotations

from gateway.core.requests import Freshness
from gateway.web.http import HttpRequest
from gateway.web.prefer import READ_WAIT_S, prefer_of


def freshness_of(request: HttpRequest) -> Freshness:
    """`no-cache` and `no-store` ask Open Dental, `max-age=N` takes what is at most N seconds old.

    Directives that cannot be understood, and those that mean nothing here, change nothing; the strictest one counts.
    """
    wait_s = prefer_of(request, default_s=READ_WAIT_S).wait_s
    ages = [age for part in request.headers.get("cache-control", "").split(",") if (age := _age(part)) is not None]
    return Freshness(max_age_s=min(ages), wait_s=wait_s, asked=True) if ages else Freshness(wait_s=wait_s)


def _age(directive: str) -> float | None:
    name, _, value = directive.strip().lower().partition("=")
    if name in {"no-cache", "no-store"} and not value:
        return 0.0
    value = value.strip('"')
    if name == "max-age" and value.isascii() and value.isdigit() and len(value) <= 9:
        return float(value)
    return None
