"""The practice's older API: FHIR as Open Dental speaks it, read only, over the same rows.

Frozen since 19.4, with R4 names and many older shapes: a string where a list belongs, misspelt elements, times without
a zone, one Bundle without pages. Source: https://www.opendental.com/site/fhirspecification.html and the interface
specification for 19.4; what nobody has published is an assumption (the README says which).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from infra.sandbox.practice.fhir import calendar, resources
from infra.sandbox.practice.fhir.search import Parameter, matches
from infra.sandbox.practice.handlers import Rejected, Reply
from infra.sandbox.practice.office import Office

ROOT = "/fhir/v2/"
BASE = "https://api.opendental.com/fhir/v2"

_STATEMENTS = ("capabilitystatement", "metadata")


@dataclass(frozen=True, slots=True)
class _Type:
    """One resource type: where its resources come from, what they can be searched by, which permission reads them."""

    name: str
    permission: str
    make: Callable[[Office], Iterable[dict[str, Any]]]
    search: dict[str, Parameter]


def _types() -> dict[str, _Type]:
    return {name.lower(): _Type(name, permission, make, search) for name, permission, make, search in resources.TYPES}


TYPES = _types()


def answer(office: Office, method: str, path: str, query: str = "") -> Reply:
    """Answer a FHIR call below `ROOT`. Raises Rejected."""
    name, _, id_ = path.strip("/").partition("/")
    name = name.lower()
    if name in _STATEMENTS:
        if method != "GET":
            raise Rejected(400, "CapabilityStatement can only be read.")
        return Reply(200, _bundle([_statement(office)]))
    given = [(key.lower(), value) for key, value in parse_qsl(query, keep_blank_values=True)]
    if name in ("schedule", "slot"):
        found = _allowed(office, "ScheduleRead", method) or calendar.answer(office, name, id_, given)
    elif name in TYPES:
        kind = TYPES[name]
        found = _allowed(office, kind.permission, method) or _found(office, kind, id_, given)
    else:
        return _outcome(404, "not-supported", "The resource is not part of this simulated practice.")
    if isinstance(found, Reply):
        return found
    if id_:
        return Reply(200, found[0]) if found else _outcome(404, "not-found", "No such resource.")
    return Reply(200, _bundle(found))


def _allowed(office: Office, permission: str, method: str) -> Reply | None:
    if method != "GET":
        return _outcome(400, "not-supported", "Writing by FHIR is not part of this simulated practice.")
    if permission not in office.key.fhir_permissions:
        raise Rejected(401, "The API key does not have the permission this resource needs.")
    return None


def _found(office: Office, kind: _Type, id_: str, given: list[tuple[str, str]]) -> list[dict[str, Any]] | Reply:
    if id_:
        return [one for one in kind.make(office) if one["id"] == id_]
    wanted = [(kind.search[name], value) for name, value in given if name in kind.search]
    try:
        return [one for one in kind.make(office) if all(matches(one, test, value) for test, value in wanted)]
    except ValueError as wrong:
        return _outcome(400, "invalid", str(wrong))


def _bundle(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(found),
        "entry": [
            {
                "fullUrl": f"{BASE}/{one['resourceType'].lower()}/{one.get('id', '')}",
                "resource": one,
                "search": {"mode": "match", "score": 1.0},
            }
            for one in found
        ],
    }


def _outcome(status: int, code: str, text: str) -> Reply:
    issue = {"severity": "error", "code": code, "details": {"text": text}}
    return Reply(status, {"resourceType": "OperationOutcome", "issue": [issue]})


def _statement(office: Office) -> dict[str, Any]:
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": f"{office.clock.utc():%Y-%m-%d}",
        "kind": "instance",
        "acceptUnknown": "both",
        "fhirVersion": "4.0.0",
        "format": ["application/json"],
        "software": {"name": "Open Dental", "version": office.version},
        "rest": [{"mode": "server", "resource": [{"type": one.name} for one in TYPES.values()]}],
    }
