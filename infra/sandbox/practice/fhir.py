"""The door to the FHIR API: so far only the capability statement, with which a key is probed.

It comes wrapped in a searchset Bundle (https://www.opendental.com/site/fhircapabilitystatement.html).
"""

from __future__ import annotations

from infra.sandbox.practice.handlers import Rejected, Reply
from infra.sandbox.practice.office import Office

ROOT = "/fhir/v2/"


def answer(office: Office, method: str, path: str) -> Reply:
    """Answer a FHIR call below `ROOT`. Raises Rejected."""
    if path.strip("/").lower() not in ("capabilitystatement", "metadata"):
        raise Rejected(404, "The resource is not part of this simulated practice.")
    if method != "GET":
        raise Rejected(400, "CapabilityStatement can only be read.")
    statement = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": f"{office.clock.utc():%Y-%m-%d}",
        "kind": "instance",
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "software": {"name": "Open Dental", "version": office.version},
        "rest": [{"mode": "server", "resource": []}],
    }
    return Reply(200, {"resourceType": "Bundle", "type": "searchset", "total": 1, "entry": [{"resource": statement}]})
