"""The practice, and Carrier -> Organization (https://hl7.org/fhir/R4/organization.html).

The practice is a healthcare provider (`prov`), an insurance company a payer (`pay`).

Practice:

| field | element |
|---|---|
| id | id |
| name | name |
| state | active |
| time_zone | extension.valueCode |
| mode, upstream, version, permissions, connected_at, ways | - (of the connection to Open Dental) |

Carrier:

| field | element |
|---|---|
| id | id |
| source.practice_id | identifier.system |
| source.table | identifier.system |
| source.key | identifier.value |
| updated_at | meta.lastUpdated |
| version | meta.versionId |
| name | name |
| payer_id | identifier.value |
| address.line1 | address.line |
| address.line2 | address.line |
| address.city | address.city |
| address.state | address.state |
| address.postal_code | address.postalCode |
| phone.number | telecom.value |
| phone.raw | telecom.value |
| is_active | active |
| accepts_electronic | extension.valueBoolean |
| source.system, practice_id, synced_at, deleted_at, raw, meta | - (the practice is in the identifier's system) |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.fhir.elements import (
    OURS,
    address,
    concept,
    extension,
    fhir_id,
    identifier,
    made,
    phone,
    resource,
    row_identifier,
    several,
)
from gateway.core.fhir.location import TIME_ZONE

ORGANIZATION_TYPE: Final = "http://terminology.hl7.org/CodeSystem/organization-type"
PRACTICE: Final = f"{OURS}:practice"
"""The system of the practices' own ids."""
PAYER_ID: Final = f"{OURS}:payer-id"
"""Electronic payer ids, which clearing houses give out."""


def practice(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The Organization of a practice, from what its callers see of it."""
    return made(
        {
            "resourceType": "Organization",
            "id": fhir_id(shown["id"]),
            "meta": {"source": f"{OURS}:open-dental"},
            "extension": [{"url": TIME_ZONE, "valueCode": shown["time_zone"]}],
            "identifier": [identifier(PRACTICE, shown["id"])],
            "active": shown["state"] == "active",
            "type": [concept(ORGANIZATION_TYPE, "prov")],
            "name": shown["name"],
        }
    )


def carrier(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The Organization of a carrier object."""
    said = shown["phone"]
    return made(
        {
            **resource("Organization", shown),
            "extension": several([extension("accepts-electronic", "Boolean", shown["accepts_electronic"])]),
            "identifier": several([row_identifier(shown["source"]), identifier(PAYER_ID, shown["payer_id"])]),
            "active": shown["is_active"],
            "type": [concept(ORGANIZATION_TYPE, "pay")],
            "name": shown["name"],
            "telecom": several([phone(said["number"], said["raw"], use="work")]) if said else None,
            "address": several([address(shown["address"], use="work")]),
        }
    )
