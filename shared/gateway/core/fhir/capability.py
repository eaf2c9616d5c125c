"""`metadata`: what this server can, as a CapabilityStatement (https://hl7.org/fhir/R4/capabilitystatement.html)."""

from __future__ import annotations

from typing import Any, Final

from gateway.core.fhir.elements import made
from gateway.core.fhir.search import MOST, USUAL_COUNT
from gateway.core.fhir.types import TYPES, Type

WRITTEN_ON: Final = "2026-11-22"
"""The day on which what is said here last changed."""

_SAYS: Final = f"""\
Reads and searches over practices that run on Open Dental.

- A parameter that is not listed is refused, because a filter that is passed over shows too much; \
`Prefer: handling=lenient` passes it over and says so in an OperationOutcome among the entries. There are no \
modifiers, no chains, no `_include`, no `_revinclude`, no `_sort`.
- Values separated by commas are alternatives where a parameter is a token; parameters given twice must both fit.
- A search that nothing bounds is refused with `too-costly`, naming what would bound it.
- `_count` is {USUAL_COUNT} unless given and {MOST} at most. A page may hold fewer; `next` is there as long as more \
may follow. After POST `_search`, `next` is to be POSTed to with the same form: names and birth dates stay out of URLs.
- A client of several practices names one with `practice_id`, unless an id among the parameters does.
- An id of another practice, or of nobody, is 404 wherever it stands.
- When Open Dental takes longer than `Prefer: wait` (seconds), the answer is 202 with `Retry-After`: ask again then.
- `Cache-Control: no-cache` asks Open Dental afresh; `Age` says how old an answer is.
- Elements that FHIR requires and that nobody knows carry the extension data-absent-reason.
"""


def capability_statement(base: str | None) -> dict[str, Any]:
    """The statement. `base` is the address it is read at, where that is known."""
    return made(
        {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": WRITTEN_ON,
            "kind": "instance",
            "software": {"name": "Open Dental gateway"},
            "implementation": made({"description": "Practices on Open Dental, read through one API", "url": base}),
            "fhirVersion": "4.0.1",
            "format": ["json"],
            "rest": [
                {
                    "mode": "server",
                    "documentation": _SAYS,
                    "security": {
                        "cors": False,
                        "description": "`Authorization: Bearer` with a session token or an API key; each type needs "
                        "the scope of its object, such as `patients:read`.",
                    },
                    "resource": [_resource(one) for one in TYPES.values()],
                }
            ],
        }
    )


def _resource(type_: Type) -> dict[str, Any]:
    return {
        "type": type_.name,
        "documentation": type_.says,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "no-version",
        "searchParam": [made({"name": one.name, "type": one.type, "documentation": one.says}) for one in type_.params],
    }
