"""A page of a search as a Bundle of type `searchset` (https://hl7.org/fhir/R4/bundle.html)."""

from __future__ import annotations

from typing import Any

from gateway.core.fhir.elements import made
from gateway.core.fhir.outcome import issue
from gateway.core.fhir.search import Found


def searchset(found: Found, *, self_link: str, next_link: str | None, base: str | None) -> dict[str, Any]:
    """The page. `base` is the address of `/fhir/R4`, which full URLs need; without it they are left out.

    How many there are in all is said only where this page holds them all. `timestamp`: nothing in it is older.
    """
    matches = [
        made(
            {
                "fullUrl": f"{base}/{resource['resourceType']}/{resource['id']}" if base else None,
                "resource": resource,
                "search": {"mode": "match"},
            }
        )
        for _, resource in found.entries
    ]
    links = [{"relation": "self", "url": self_link}]
    if next_link is not None:
        links.append({"relation": "next", "url": next_link})
    return made(
        {
            "resourceType": "Bundle",
            "type": "searchset",
            "timestamp": found.meta.get("as_of"),
            "total": len(matches) if found.is_whole else None,
            "link": links,
            "entry": matches + ([_passed_over(found.ignored)] if found.ignored else []),
        }
    )


def _passed_over(names: list[str]) -> dict[str, Any]:
    """What was not looked at, so that nobody takes the page for more than it is."""
    issues = [
        issue("warning", "not-supported", "this parameter was passed over: the page may hold more", param=name)
        for name in names
    ]
    return {"resource": {"resourceType": "OperationOutcome", "issue": issues}, "search": {"mode": "outcome"}}
