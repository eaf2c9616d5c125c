"""Provider -> Practitioner (https://hl7.org/fhir/R4/practitioner.html).

An entity that bills is a provider to Open Dental, and a Practitioner with the extension `is-person` false here.

| field | element |
|---|---|
| id | id |
| source.practice_id | identifier.system |
| source.table | identifier.system |
| source.key | identifier.value |
| updated_at | meta.lastUpdated |
| version | meta.versionId |
| abbreviation | name.text |
| name.first | name.given |
| name.middle | name.given |
| name.last | name.family |
| name.suffix | name.suffix |
| name.preferred | name.given |
| name.full | name.text |
| is_hygienist | qualification.code.coding.code |
| is_person | extension.valueBoolean |
| is_active | active |
| specialty.id | qualification.code.coding.code |
| specialty.label | qualification.code.text |
| npi | identifier.value |
| state_license | identifier.value |
| schedule_note, source.system, practice_id | - (the office's own; the practice is in the identifier's system) |
| synced_at, deleted_at, raw, meta | - (of the answer, not of the provider) |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.core.fhir.elements import (
    NPI,
    extension,
    identifier,
    labelled,
    made,
    our_concept,
    own_system,
    resource,
    row_identifier,
    several,
)


def practitioner(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The Practitioner of a provider object."""
    practice, name = shown["practice_id"], shown["name"]
    official = made(
        {
            "use": "official",
            "text": name["full"],
            "family": name["last"],
            "given": several([name["first"], name["middle"]]),
            "suffix": several([name["suffix"]]),
        }
    )
    usual = made({"use": "usual", "text": shown["abbreviation"], "given": several([name["preferred"]])})
    qualifications = [
        our_concept("provider-role", "hygienist") if shown["is_hygienist"] else None,
        labelled(practice, shown["specialty"]),
    ]
    return made(
        {
            **resource("Practitioner", shown),
            "extension": several([extension("is-person", "Boolean", shown["is_person"])]),
            "identifier": several(
                [
                    row_identifier(shown["source"]),
                    identifier(NPI, shown["npi"], type_="NPI"),
                    identifier(own_system(practice, "state-license"), shown["state_license"], type_="SL"),
                ]
            ),
            "active": shown["is_active"],
            "name": [one for one in (official, usual) if len(one) > 1],
            "qualification": [{"code": code} for code in several(qualifications)],
        }
    )
