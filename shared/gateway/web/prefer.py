"""`Prefer` (RFC 7240): how long a caller waits before the answer becomes 202 and an operation."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.web.http import ANSWER_MARGIN_S, HttpRequest

READ_WAIT_S = 10.0
WRITE_WAIT_S = 25.0
LONGEST_WAIT_S = 25.0


@dataclass(frozen=True, slots=True)
class Prefer:
    """How long to wait for the operation, in seconds; 0 is `respond-async`."""

    wait_s: float


def prefer_of(request: HttpRequest, *, default_s: float) -> Prefer:
    """The wait that the request asks for, never longer than the gateway and this invocation allow.

    A preference that cannot be understood is ignored, as the RFC says; one that is honoured is noted in
    `request.applied`, with the wait that was really granted.
    """
    longest = max(0.0, min(LONGEST_WAIT_S, request.remaining_s - ANSWER_MARGIN_S))
    preferences = _parse(request.headers.get("prefer", ""))
    wait = preferences.get("wait")
    if "respond-async" in preferences and wait is None:
        request.applied.append("respond-async")
        return Prefer(0.0)
    # Nine digits are years; more would only be a way to make a number expensive.
    if wait is not None and wait.isascii() and wait.isdigit() and len(wait) <= 9:
        granted = min(float(wait), longest)
        request.applied.append(f"wait={int(granted)}")
        return Prefer(granted)
    return Prefer(min(default_s, longest))


def preference_of(request: HttpRequest, name: str) -> str | None:
    """The value of any other preference; None where it is not sent."""
    return _parse(request.headers.get("prefer", "")).get(name)


def _parse(header: str) -> dict[str, str]:
    """Preference -> value (empty if it has none); the first of a name counts, parameters after `;` are dropped."""
    found: dict[str, str] = {}
    for part in header.split(","):
        name, _, value = part.split(";", 1)[0].partition("=")
        if name.strip():
            found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found
