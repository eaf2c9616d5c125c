"""A problem as an OperationOutcome (https://hl7.org/fhir/R4/operationoutcome.html): one table of code -> issue type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.fhir.elements import OURS, made

ISSUE: Final[Mapping[str, str]] = {
    "agreement-not-current": "forbidden",
    "audit-unavailable": "transient",
    "baa-missing": "forbidden",
    "body-not-json": "structure",
    "calls-stopped": "transient",
    "clash": "conflict",
    "conflict": "conflict",
    "filter-too-wide": "too-costly",
    "idempotency-key-missing": "required",
    "internal": "exception",
    "invalid": "value",
    "key-refused": "processing",
    "key-reused": "conflict",
    "method-not-allowed": "not-supported",
    "no-group": "forbidden",
    "no-practice-answers": "conflict",
    "no-practice-answers-yet": "transient",
    "not-allowed": "forbidden",
    "not-cached": "transient",
    "not-found": "not-found",
    "not-written": "transient",
    "operation-closed": "forbidden",
    "outside-schedule": "business-rule",
    "partly-done": "incomplete",
    "permission-missing": "forbidden",
    "practice-not-enrolled": "forbidden",
    "practice-offline": "transient",
    "queue-full": "throttled",
    "rate-limited": "throttled",
    "refused": "processing",
    "scope-missing": "forbidden",
    "still-running": "informational",
    "throttled": "throttled",
    "too-large": "too-long",
    "unauthenticated": "login",
    "unavailable": "transient",
    "unreachable": "transient",
    "unsupported-media-type": "not-supported",
    "unsupported-parameter": "not-supported",
    "upstream-broken": "transient",
    "upstream-invalid": "processing",
    "upstream-timeout": "timeout",
    "use-normalized": "not-supported",
    "possible-duplicate": "duplicate",
    "version-too-old": "not-supported",
}
"""The problem's code -> FHIR's type of issue."""

_UNKNOWN: Final = "processing"


def operation_outcome(problem: Mapping[str, Any]) -> dict[str, Any]:
    """The OperationOutcome of a problem document."""
    code = str(problem.get("code", "internal"))
    more = problem.get("errors") or [problem]
    severity = "information" if code == "still-running" else "error"
    return {
        "resourceType": "OperationOutcome",
        "issue": [
            issue(
                severity,
                ISSUE.get(code, _UNKNOWN),
                str(one.get("detail") or problem.get("detail", "")),
                param=one.get("param"),
                word=code,
            )
            for one in more
        ],
    }


def issue(
    severity: str, code: str, diagnostics: str, *, param: str | None = None, word: str | None = None
) -> dict[str, Any]:
    """One issue. `param` is a parameter of the request, `word` the problem's own code."""
    details = {"coding": [{"system": f"{OURS}:problem", "code": word}]} if word else None
    return made(
        {
            "severity": severity,
            "code": code,
            "details": details,
            "diagnostics": diagnostics,
            "expression": [f"http.{param}"] if param else None,
        }
    )
