"""Patient -> Patient (https://hl7.org/fhir/R4/patient.html).

`active` is true of those whom the office treats or may bill; the office's own word is in the extension `status`.
A row of the patient selection window is marked SUBSETTED: it lacks what the field `detail` says.

| field | element |
|---|---|
| id | id |
| source.practice_id | identifier.system |
| source.table | identifier.system |
| source.key | identifier.value |
| practice_id | managingOrganization.reference |
| updated_at | meta.lastUpdated |
| version | meta.versionId |
| location_id | extension.valueReference.reference |
| name.first | name.given |
| name.middle | name.given |
| name.last | name.family |
| name.full | name.text |
| name.preferred | name.given |
| birth_date | birthDate |
| sex | gender |
| status | extension.valueCode |
| phones.type | telecom.use |
| phones.number | telecom.value |
| phones.raw | telecom.value |
| phones.preferred | telecom.rank |
| emails.address | telecom.value |
| emails.primary | telecom.rank |
| address.line1 | address.line |
| address.line2 | address.line |
| address.city | address.city |
| address.state | address.state |
| address.postal_code | address.postalCode |
| address.country | address.country |
| language | communication.language.coding.code |
| guarantor_id | extension.valueReference.reference |
| primary_provider_id | generalPractitioner.reference |
| secondary_provider_id | generalPractitioner.reference |
| chart_number | identifier.value |
| medicaid_id | identifier.value |
| ssn | identifier.value |
| extensions.name | extension.extension.valueString |
| extensions.kind | extension.extension.valueCode |
| extensions.value | extension.extension.valueString |
| detail | meta.tag.code |
| billing_type, balances, contact_preferences | - (what FHIR keeps in Account and Consent, not offered here) |
| family_id, super_family_id | - (families follow from the guarantor) |
| first_visit_on, created_on, has_ssn, status_source, language_source, source.system | - (of this service) |
| synced_at, deleted_at, raw, meta | - (of the answer, not of the patient) |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.fhir.elements import (
    OURS,
    SSN,
    address,
    concept,
    extension,
    identifier,
    made,
    office_fields,
    own_system,
    phone,
    reference,
    resource,
    row_identifier,
    several,
)

ACTIVE: Final = {
    "active": True,
    "prospective": True,
    "non_patient": True,
    "inactive": False,
    "archived": False,
    "deceased": False,
    "deleted": False,
    "other": None,
}
STATUS_SYSTEM: Final = f"{OURS}:status"
LANGUAGES: Final = "urn:ietf:bcp:47"


def patient(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The Patient of a patient object; fields that a summary leaves out are left out here as well."""
    practice, name, get = shown["practice_id"], shown["name"], shown.get
    status = shown["status"]
    language = get("language")
    preferred = {"use": "usual", "given": [name["preferred"]]} if name["preferred"] else None
    official = made(
        {
            "use": "official",
            "text": name["full"],
            "family": name["last"],
            "given": several([name["first"], name["middle"]]),
        }
    )
    return made(
        {
            **resource("Patient", shown, subsetted=shown["detail"] == "summary"),
            "extension": several(
                [
                    extension("status", "Code", status),
                    extension("location", "Reference", reference(get("location_id"))),
                    extension("guarantor", "Reference", reference(get("guarantor_id"))),
                    *office_fields(shown),
                ]
            ),
            "identifier": several(
                [
                    row_identifier(shown["source"]),
                    identifier(own_system(practice, "chart-number"), get("chart_number"), type_="MR"),
                    identifier(own_system(practice, "medicaid"), get("medicaid_id"), type_="MA"),
                    identifier(SSN, get("ssn"), type_="SS"),
                ]
            ),
            "active": ACTIVE.get(status) if status else None,
            "name": several([official if len(official) > 1 else None, preferred]),
            "telecom": [*map(_phone, shown["phones"]), *map(_email, shown["emails"])],
            "gender": (get("sex") or "unknown") if "sex" in shown else None,
            "birthDate": shown["birth_date"],
            "deceasedBoolean": True if status == "deceased" else None,
            "address": several([address(shown["address"], use="home")]),
            "communication": [{"language": concept(LANGUAGES, language)}] if language else None,
            "generalPractitioner": several(
                [reference(get("primary_provider_id")), reference(get("secondary_provider_id"))]
            ),
            "managingOrganization": reference(practice),
        }
    )


def _phone(one: Mapping[str, Any]) -> dict[str, Any] | None:
    return phone(one["number"], one["raw"], use=one["type"], rank=1 if one["preferred"] else None)


def _email(one: Mapping[str, Any]) -> dict[str, Any]:
    return made({"system": "email", "value": one["address"], "rank": 1 if one["primary"] else None})
