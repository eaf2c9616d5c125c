"""The data types that every resource is put together from: ids, references, identifiers, codings, names, amounts.

Each returns JSON in FHIR's form, or None where there is nothing to say; `made` leaves such members out, because FHIR
knows no null. Source: https://hl7.org/fhir/R4/datatypes.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from gateway.core.ids import PREFIXES, parse_row_id, practice_of_row, row_id

OURS: Final = "urn:open-dental-gateway:fhir"
"""What begins the address of every extension and code system of our own."""

NPI: Final = "http://hl7.org/fhir/sid/us-npi"
SSN: Final = "http://hl7.org/fhir/sid/us-ssn"
CDT: Final = "http://www.ada.org/cdt"
TOOTH: Final = "http://terminology.hl7.org/CodeSystem/ADAUniversalToothDesignationSystem"
"""Universal numbering, as Open Dental stores teeth. HL7's `ex-tooth` is another numbering (FDI), with equal numbers for
other teeth."""
SURFACE: Final = "http://terminology.hl7.org/CodeSystem/ADAToothSurfaceCodes"
MOUTH_AREA: Final = "http://terminology.hl7.org/CodeSystem/ADAAreaOralCavitySystem"
PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
IDENTIFIER_TYPE: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_SUBSETTED: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
    "display": "subsetted",
}

TYPE_OF: Final = {
    "patient": "Patient",
    "appointment": "Appointment",
    "provider": "Practitioner",
    "location": "Location",
    "operatory": "Location",
    "practice": "Organization",
    "carrier": "Organization",
    "claim": "Claim",
    "coverage": "Coverage",
    "schedule": "Schedule",
    "allergy": "AllergyIntolerance",
    "medication": "MedicationStatement",
    "condition": "Condition",
    "communication": "Communication",
}
"""Object -> the resource type that a reference to it names. A procedure's type depends on its status."""

_KEY: Final = re.compile(r"-?[1-9]\d{0,17}|-?[1-8]\d{18}")
_KIND_OF_PREFIX: Final = {prefix: kind for kind, prefix in PREFIXES.items()}


def fhir_id(object_id: str) -> str:
    """Our id as FHIR spells ids, which may hold letters, digits, `-` and `.`: `pat_x` is `pat-x`.

    The only underscore of our ids stands behind the prefix and neither part holds a hyphen, so `our_id` is exact.
    """
    return object_id.replace("_", "-")


def our_id(text: str) -> str:
    """The id behind a FHIR id. What was none of ours stays as it is, and names nothing."""
    return text if "_" in text else text.replace("-", "_", 1)


def kind_of(object_id: str) -> str | None:
    """The kind of object that an id of ours names by its prefix; None where it is none."""
    return _KIND_OF_PREFIX.get(object_id.partition("_")[0])


def scoped_id(object_id: str, patient_id: str | None) -> str:
    """The FHIR id of what Open Dental finds only under its patient: `alg-x.12`, with the patient's key behind a dot.

    So that a read, which names nothing but the id, can be asked for at all.
    """
    if patient_id is None:
        return fhir_id(object_id)
    return f"{fhir_id(object_id)}.{parse_row_id(patient_id, 'patient').key}"


def our_scoped_id(text: str) -> tuple[str, str | None]:
    """The object's id and the patient's behind such an id; no patient where the text names none."""
    head, _, number = text.partition(".")
    object_id = our_id(head)
    practice_id = practice_of_row(object_id)
    if practice_id is None or not _KEY.fullmatch(number):
        return object_id, None
    return object_id, row_id("patient", practice_id, int(number))


def made(members: Mapping[str, Any]) -> dict[str, Any]:
    """`members` without those that say nothing: None, and what is empty."""
    return {name: value for name, value in members.items() if value is not None and value not in ("", [], {})}


def several(items: Iterable[Any]) -> list[Any]:
    """`items` without those that say nothing."""
    return [item for item in items if item is not None and item not in ("", [], {})]


def reference(
    object_id: str | None, *, display: str | None = None, of_patient: str | None = None
) -> dict[str, Any] | None:
    """A reference to the resource of one of our ids: `Patient/pat-x`. `of_patient` for those with a `scoped_id`."""
    if object_id is None:
        return None
    kind = kind_of(object_id)
    return made({"reference": f"{TYPE_OF[kind or '']}/{scoped_id(object_id, of_patient)}", "display": display})


def row_system(practice_id: str, table: str) -> str:
    """The system of identifiers that are keys of one table in one practice's database."""
    return f"urn:open-dental-gateway:{practice_id}:{table}"


def row_identifier(source: Mapping[str, Any]) -> dict[str, Any]:
    """Where the row is found in Open Dental, from an object's `source`."""
    return {
        "use": "secondary",
        "system": row_system(source["practice_id"], source["table"]),
        "value": source["key"],
    }


def logical_reference(object_id: str, kind: str, table: str) -> dict[str, Any]:
    """A reference to a row by its identifier only, where the type of its resource is not known here."""
    named = parse_row_id(object_id, kind)
    return {"identifier": {"system": row_system(named.practice_id, table), "value": str(named.key)}}


def identifier(system: str | None, value: str | None, *, type_: str | None = None) -> dict[str, Any] | None:
    """An identifier; `type_` is a word of HL7's table 0203 (`MR`, `MA`, `SL` ...)."""
    if value is None:
        return None
    kind = {"coding": [{"system": IDENTIFIER_TYPE, "code": type_}]} if type_ else None
    return made({"type": kind, "system": system, "value": value})


def own_system(practice_id: str, name: str) -> str:
    """A code or identifier system of the office's own."""
    return f"urn:open-dental-gateway:{practice_id}:{name}"


def concept(system: str | None, code: str | None, *, text: str | None = None) -> dict[str, Any] | None:
    """A CodeableConcept of one coding, of text, or of both."""
    coding = [made({"system": system, "code": code})] if code else None
    return made({"coding": coding, "text": text}) or None


def our_concept(system: str, code: str | None, *, text: str | None = None) -> dict[str, Any] | None:
    """A CodeableConcept in words of this service."""
    return concept(f"{OURS}:{system}", code, text=text)


def labelled(practice_id: str, value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A word that the office defines (`{id, label}`), as a CodeableConcept."""
    if value is None:
        return None
    return concept(own_system(practice_id, "definition"), fhir_id(value["id"]), text=value.get("label"))


def extension(name: str, value_type: str, value: Any) -> dict[str, Any] | None:
    """An extension of our own; `value_type` is the tail of `value[x]`: `Code`, `Boolean`, `Reference` ..."""
    return None if value is None else {"url": f"{OURS}:{name}", f"value{value_type}": value}


CODE_SYSTEMS: Final = {
    "ICD-9-CM": "http://hl7.org/fhir/sid/icd-9-cm",
    "ICD-10-CM": "http://hl7.org/fhir/sid/icd-10-cm",
    "SNOMED-CT": "http://snomed.info/sct",
    "UNII": "http://fdasis.nlm.nih.gov",
}
_NONE_KNOWN: Final = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"


def history_code(shown: Mapping[str, Any], *, text: str | None, definitions: str, none: str) -> dict[str, Any]:
    """What a row of a patient's history is about: the published codes of the office's definition, the definition.

    `none` is the code of a row that stands for "no known ...", so that nobody takes its label for a substance.
    """
    key = shown.get("definition_key")
    coding = [{"system": _NONE_KNOWN, "code": none}] if shown.get("says_none") else []
    coding += [{"system": CODE_SYSTEMS[one["system"]], "code": one["value"]} for one in shown.get("codes") or ()]
    coding += [{"system": own_system(shown["practice_id"], definitions), "code": key}] if key else []
    return made({"coding": coding, "text": text}) or absent()


def absent(reason: str = "unknown") -> dict[str, Any]:
    """What stands for an element that FHIR requires and that nobody here knows."""
    return {"extension": [{"url": _ABSENT, "valueCode": reason}]}


def office_fields(shown: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The office's own fields, each an extension of its name, kind and value; none where they were not read."""
    return [
        {
            "url": f"{OURS}:office-field",
            "extension": several(
                [
                    {"url": "name", "valueString": one["name"]},
                    {"url": "kind", "valueCode": one["kind"]} if one["kind"] else None,
                    {"url": "value", "valueString": one["value"]},
                ]
            ),
        }
        for one in shown.get("extensions") or ()
        if one["name"] and one["value"]
    ]


def code_or_absent(name: str, code: str | None) -> dict[str, Any]:
    """The required element `name` with its code, or its companion that says the code is not known."""
    return {name: code} if code is not None else {f"_{name}": absent()}


def money(amount: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Money as FHIR has it: a decimal with its digits, and a currency."""
    if amount is None:
        return None
    return {"value": Decimal(amount["amount"]), "currency": amount["currency"]}


def phone(
    number: str | None, raw: str | None = None, *, use: str | None = None, rank: int | None = None
) -> dict[str, Any] | None:
    """A telephone number: in E.164 where it could be read as one, else as the office wrote it."""
    value = number or raw
    return made({"system": "phone", "value": value, "use": use, "rank": rank}) if value else None


def address(parts: Mapping[str, Any] | None, *, use: str | None = None) -> dict[str, Any] | None:
    """A postal address; None where no line of it is known."""
    if parts is None or not any(parts.values()):
        return None
    return made(
        {
            "use": use,
            "line": several([parts["line1"], parts["line2"]]),
            "city": parts["city"],
            "state": parts["state"],
            "postalCode": parts["postal_code"],
            "country": parts.get("country"),
        }
    )


def resource(
    type_: str, shown: Mapping[str, Any], *, subsetted: bool = False, of_patient: str | None = None
) -> dict[str, Any]:
    """What every resource begins with: type, id (with `of_patient` a `scoped_id`), and when the row last changed.

    `subsetted` says that more is known of it than is shown here: FHIR's mark for what must not be written back.
    """
    meta = made(
        {
            "versionId": shown.get("version"),
            "lastUpdated": shown.get("updated_at"),
            "source": f"{OURS}:open-dental",
            "tag": [_SUBSETTED] if subsetted else None,
        }
    )
    return {"resourceType": type_, "id": scoped_id(shown["id"], of_patient), "meta": meta}
