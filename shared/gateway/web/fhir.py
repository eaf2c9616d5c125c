"""FHIR's way over HTTP: links, media type, preferences, and every error as an OperationOutcome.

Source: https://hl7.org/fhir/R4/http.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from gateway.core.errors import Invalid
from gateway.core.fhir.outcome import operation_outcome
from gateway.web.http import Answer, HttpRequest
from gateway.web.prefer import preference_of

FHIR_JSON: Final = "application/fhir+json"
ROOT: Final = "/fhir/R4"

_FORMATS: Final = {"json", "application/json", "application/fhir+json", "text/json"}


def as_fhir(answer: Answer, body: Mapping[str, Any]) -> Answer:
    """`answer`, with a resource as its body."""
    return replace(answer, body=body, content_type=FHIR_JSON)


def as_outcome(answer: Answer) -> Answer:
    """An error's answer with an OperationOutcome in place of the problem; 202 as one that says to come back."""
    problem = answer.body
    headers = dict(answer.headers)
    if answer.status == 202:
        # Asked again, the same request is answered from what the operation brings.
        headers["Content-Location"] = headers["Location"]
        problem = {
            "code": "still-running",
            "detail": "Open Dental has not answered yet: send the same request again after Retry-After seconds",
        }
    return replace(answer, body=operation_outcome(problem), headers=headers, content_type=FHIR_JSON)


def base_of(request: HttpRequest) -> str | None:
    """The address of `/fhir/R4` as the caller reached it; None where the request does not say."""
    if request.url is None:
        return None
    head, root, _ = request.url.partition(ROOT)
    return head + root if root else None


def is_lenient(request: HttpRequest) -> bool:
    """Whether parameters that are not known may be passed over (https://hl7.org/fhir/R4/search.html#errors)."""
    lenient = preference_of(request, "handling") == "lenient"
    if lenient:
        request.applied.append("handling=lenient")
    return lenient


def check_format(params: Mapping[str, list[str]]) -> None:
    """Refuse another format than JSON.

    Raises:
        Invalid: it is asked for.
    """
    for value in params.get("_format", []):
        # A plus sign in a query is a space to whoever reads it as a form.
        if value.split(";")[0].strip().replace(" ", "+").lower() not in _FORMATS:
            raise Invalid("resources come as JSON only", param="_format")


def link(request: HttpRequest, params: Mapping[str, list[str]]) -> str:
    """The address of this request with other parameters; relative to it where its own is not known."""
    asked = urlencode([(name, value) for name, values in params.items() for value in values])
    here = request.url or request.path.rpartition("/")[2]
    return f"{here}?{asked}" if asked else here
