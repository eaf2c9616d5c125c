"""Location and Operatory -> Location (https://hl7.org/fhir/R4/location.html).

A clinic is a site (`si`), a chair a room (`ro`) that is part of its clinic. Both belong to the practice.

Location:

| field | element |
|---|---|
| id | id |
| source.practice_id | identifier.system |
| source.table | identifier.system |
| source.key | identifier.value |
| practice_id | managingOrganization.reference |
| updated_at | meta.lastUpdated |
| version | meta.versionId |
| name | name |
| abbreviation | alias |
| address.line1 | address.line |
| address.line2 | address.line |
| address.city | address.city |
| address.state | address.state |
| address.postal_code | address.postalCode |
| phone.number | telecom.value |
| phone.raw | telecom.value |
| time_zone | extension.valueCode |
| is_active | status |
| source.system, synced_at, deleted_at, raw, meta | - (of the answer, not of the place) |

Operatory:

| field | element |
|---|---|
| id | id |
| source.practice_id | identifier.system |
| source.table | identifier.system |
| source.key | identifier.value |
| practice_id | managingOrganization.reference |
| updated_at | meta.lastUpdated |
| version | meta.versionId |
| location_id | partOf.reference |
| name | name |
| abbreviation | alias |
| is_active | status |
| is_hygiene | type.coding.code |
| type.id | type.coding.code |
| type.label | type.text |
| position, is_bookable_online, makes_prospective | - (how the office shows and offers the chair) |
| dentist_id, hygienist_id | - (who works there is said by Schedule) |
| source.system, synced_at, deleted_at, raw, meta | - (of the answer, not of the chair) |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.fhir.elements import (
    address,
    concept,
    labelled,
    made,
    our_concept,
    phone,
    reference,
    resource,
    row_identifier,
    several,
)

PHYSICAL: Final = "http://terminology.hl7.org/CodeSystem/location-physical-type"
TIME_ZONE: Final = "http://hl7.org/fhir/StructureDefinition/timezone"


def location(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The Location of a location object: a clinic."""
    said = shown["phone"]
    return made(
        {
            **_place(shown, "si"),
            "extension": [{"url": TIME_ZONE, "valueCode": shown["time_zone"]}],
            "telecom": several([phone(said["number"], said["raw"], use="work")]) if said else None,
            "address": address(shown["address"], use="work"),
        }
    )


def operatory(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The Location of an operatory object: a chair."""
    kinds = [
        our_concept("operatory-type", "hygiene") if shown["is_hygiene"] else None,
        labelled(shown["practice_id"], shown["type"]),
    ]
    return made({**_place(shown, "ro"), "type": several(kinds), "partOf": reference(shown["location_id"])})


def _place(shown: Mapping[str, Any], physical: str) -> dict[str, Any]:
    return made(
        {
            **resource("Location", shown),
            "identifier": [row_identifier(shown["source"])],
            "status": "active" if shown["is_active"] else "inactive",
            "name": shown["name"] or shown["abbreviation"],
            "alias": several([shown["abbreviation"]]),
            "mode": "instance",
            "physicalType": concept(PHYSICAL, physical),
            "managingOrganization": reference(shown["practice_id"]),
        }
    )
