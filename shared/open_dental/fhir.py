"""Open Dental's FHIR side, read as rows: what it knows of a row goes under the names the REST side gives its columns.

So one set of normalizers serves both roads. The interface has stood still since 19.4: R4 names with older shapes under
them, misspelt elements, no pages, times of the office's clock without a zone. Everything is read leniently: what is
missing or odd leaves its column out, and nothing is made up. A row carries its resource under `fhirResource`.

Source: https://www.opendental.com/site/fhirspecification.html and the interface specification for 19.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from open_dental import wire
from open_dental.rows import let_in

RESOURCE: Final = "fhirResource"
"""Where a row keeps what it was made from. A lower-case name: no column of the office."""

SSN_SYSTEM: Final = "http://hl7.org/fhir/sid/us-ssn"

Row = dict[str, Any]
Resource = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FhirType:
    """How rows of one REST resource are read by FHIR.

    `names`: the resource types that hold them, lower case as in the vendor's URLs. `permission`: what the key needs, by
    the program's own words; no call tells which it has. `row`: a resource as a row. `asks`: REST parameter -> search
    parameter and how its value is written; what is not named is not sent, and the caller filters.
    """

    names: tuple[str, ...]
    permission: str
    row: Callable[[Resource], Row]
    asks: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def query(self, rest: Mapping[str, Any]) -> dict[str, str]:
        """The search parameters for those of `rest` that FHIR knows.

        A name searched for is a part of it, as on the REST side; a moment is a `ge`.
        """
        made = dict[str, str]()
        for name, value in rest.items():
            if name in self.asks:
                asked, form = self.asks[name]
                # Two bounds of one date cannot both be sent in a mapping; the later of them is left to the caller.
                made.setdefault(asked, form.format(str(value).replace(" ", "T")))
        return made


def _number(reference: object) -> int | None:
    """The key at the end of a reference such as `patient/11`."""
    text = reference.get("reference") if isinstance(reference, Mapping) else reference
    try:
        return wire.integer(str(text).rpartition("/")[2]) if text else None
    except ValueError:
        return None


def _first(value: object) -> Any:
    return value[0] if isinstance(value, list) and value else None if isinstance(value, list) else value


def _each(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _moment(value: object) -> str | None:
    return value.replace("T", " ")[:19] if isinstance(value, str) and len(value) >= 19 else None


def _day(value: object) -> str | None:
    return value[:10] if isinstance(value, str) and len(value) >= 10 else None


def _known(row: Mapping[str, Any], resource: Resource) -> Row:
    return {name: value for name, value in row.items() if value is not None} | {RESOURCE: resource}


def _stamp(resource: Resource) -> str | None:
    meta = resource.get("meta")
    return _moment(meta.get("lastUpdated")) if isinstance(meta, Mapping) else None


def _texts(value: object) -> list[str]:
    found = value if isinstance(value, list) else [value]
    return [text for text in found if isinstance(text, str) and text]


def _name(value: object) -> tuple[str | None, str | None, str | None]:
    """First, middle, last. `given` is one text with both of the former; a last word of one letter is an initial."""
    name = _first(value)
    if not isinstance(name, Mapping):
        return None, None, None
    given = " ".join(_texts(name.get("given")))
    first, _, initial = given.rpartition(" ")
    family = name.get("family")
    last = " ".join(_texts(family)) or None
    if first and len(initial.rstrip(".")) == 1:
        return first, initial, last
    return given or None, "", last


def _coded(value: object) -> list[Mapping[str, Any]]:
    concept = _first(value)
    coding = concept.get("coding") if isinstance(concept, Mapping) else None
    return [one for one in coding if isinstance(one, Mapping)] if isinstance(coding, list) else []


def _word(value: object) -> str | None:
    """A code, whichever way it is wrapped."""
    if isinstance(value, str):
        return value
    for one in _coded(value):
        if isinstance(one.get("code"), str):
            return str(one["code"])
    concept = _first(value)
    text = concept.get("text") if isinstance(concept, Mapping) else None
    return text if isinstance(text, str) else None


def _note(value: object) -> str | None:
    note = _first(value)
    text = note.get("text") if isinstance(note, Mapping) else note
    return text if isinstance(text, str) else None


def _key(resource: Resource) -> int | None:
    return _number(resource.get("id"))


# One function a type

_PHONE_COLUMNS: Final = {"home": "HmPhone", "work": "WkPhone", "mobile": "WirelessPhone"}
_GENDERS: Final = {"male": "Male", "female": "Female", "unknown": "Unknown", "other": "Other"}


def patient(resource: Resource) -> Row:
    """patient: demographics. Who pays, how to reach and what is owed are not in FHIR."""
    first, middle, last = _name(resource.get("name"))
    address = _first(resource.get("address"))
    address = address if isinstance(address, Mapping) else {}
    lines = address.get("line")
    lines = [text if isinstance(text, str) else "" for text in lines] if isinstance(lines, list) else []
    row: Row = {
        "PatNum": _key(resource),
        "LName": last,
        "FName": first,
        "MiddleI": middle,
        "PatStatus": _patient_status(resource),
        "Gender": _GENDERS.get(str(resource.get("gender"))),
        "Birthdate": _day(resource.get("birthDate")) or "0001-01-01",
        "Address": lines[0] if lines else "",
        "Address2": lines[1] if len(lines) > 1 else "",
        "City": address.get("city") or "",
        # The vendor writes the state where FHIR has the county.
        "State": address.get("state") or address.get("district") or "",
        "Zip": address.get("postalCode") or "",
        "PriProv": _number(_first(resource.get("careProvider")))
        or _number(_first(resource.get("generalPractitioner")))
        or 0,
        "ClinicNum": _number(resource.get("managingOrganization")) or 0,
        "DateTStamp": _stamp(resource),
    }
    row |= dict.fromkeys((*_PHONE_COLUMNS.values(), "Email"), "")
    telecom = resource.get("telecom")
    for one in telecom if isinstance(telecom, list) else ():
        if isinstance(one, Mapping) and isinstance(one.get("value"), str):
            column = "Email" if one.get("system") == "email" else _PHONE_COLUMNS.get(str(one.get("use")))
            if column:
                row[column] = one["value"]
    identifiers = resource.get("identifier")
    ssn = [
        one.get("value")
        for one in (identifiers if isinstance(identifiers, list) else ())
        if isinstance(one, Mapping) and one.get("system") == SSN_SYSTEM
    ]
    row["SSN"] = ssn[0] if ssn and isinstance(ssn[0], str) else ""
    return _known(row, resource)


def _patient_status(resource: Resource) -> str | None:
    if resource.get("deceasedDateTime"):
        return "Deceased"
    # Everybody else who is not active may be inactive, archived, prospective or no patient at all.
    return "Patient" if resource.get("active") is True else None


_APT_STATUS: Final = {
    "proposed": "Planned",
    "pending": "UnschedList",
    "booked": "Scheduled",
    "arrived": "Scheduled",
    "fulfilled": "Complete",
    "noshow": "Broken",
}


_LONGEST_MINUTES: Final = 24 * 60


def appointment(resource: Resource) -> Row:
    """appointment. What of its time needs the provider is not in FHIR, so the pattern has one kind of mark."""
    status = str(resource.get("status"))
    minutes = resource.get("minutesDuration")
    people = resource.get("participant")
    found = dict[str, int]()
    for one in people if isinstance(people, list) else ():
        if not isinstance(one, Mapping) or not isinstance(one.get("actor"), Mapping):
            continue
        reference = str(one["actor"].get("reference") or "").lower()
        kind, _, _ = reference.rpartition("/")
        # Written as a list of codings, and in examples as a list of codes.
        type_ = _first(one.get("type"))
        code = _word(one.get("type")) or _word(type_.get("code") if isinstance(type_, Mapping) else None)
        name = f"{kind}.{code}" if kind == "practitioner" and code == "SPRF" else kind
        number = _number(reference)
        if number:
            found.setdefault(name, number)
    row: Row = {
        "AptNum": _key(resource),
        "PatNum": found.get("patient", 0),
        "AptStatus": _APT_STATUS.get(status, status),
        "Pattern": "X" * (minutes // 5) if isinstance(minutes, int) and 0 < minutes <= _LONGEST_MINUTES else "",
        "Op": found.get("location", 0),
        "ProvNum": found.get("practitioner", 0),
        "ProvHyg": found.get("practitioner.SPRF", 0),
        "AptDateTime": _moment(resource.get("start")) or "0001-01-01 00:00:00",
        "Note": resource.get("comment") or "",
        "ProcDescript": resource.get("description") or "",
        "Priority": "ASAP" if str(resource.get("priority")) == "1" else "Normal",
        "DateTStamp": _stamp(resource),
    }
    return _known(row, resource)


_FDI_TO_UNIVERSAL: Final = {
    **{f"{quadrant}{tooth}": str(number) for quadrant, tooth, number in (
        *((1, 9 - n, n) for n in range(1, 9)),
        *((2, n - 8, n) for n in range(9, 17)),
        *((3, 25 - n, n) for n in range(17, 25)),
        *((4, n - 24, n) for n in range(25, 33)),
    )},
    **{f"{quadrant}{tooth}": letter for letter, quadrant, tooth in (
        *(("ABCDE"[n], 5, 5 - n) for n in range(5)),
        *(("FGHIJ"[n], 6, n + 1) for n in range(5)),
        *(("KLMNO"[n], 7, 5 - n) for n in range(5)),
        *(("PQRST"[n], 8, n + 1) for n in range(5)),
    )},
}  # fmt: skip
"""Two digits -> the American number, which the database has."""


def procedure(resource: Resource) -> Row:
    """procedurelog: a Procedure is work done, a ServiceRequest work planned. Fees are not in FHIR."""
    is_done = resource.get("resourceType") == "Procedure"
    code = next(iter(_coded(resource.get("code"))), {})
    sites = [one for site in _each(resource.get("bodySite")) for one in _coded(site)]
    tooth = next((str(one.get("code")) for one in sites if "tooth" in str(one.get("system")).lower()), "")
    surfaces = "".join(str(one.get("code") or "") for one in sites if "surface" in str(one.get("system")).lower())
    performer = _first(resource.get("performer"))
    performer = performer if isinstance(performer, Mapping) else {}
    when = resource.get("performedDateTime") or resource.get("occurenceDateTime") or resource.get("occurrenceDateTime")
    clinic = _number(performer.get("onBehalfOf")) if is_done else None
    row: Row = {
        "ProcNum": _key(resource),
        "PatNum": _number(resource.get("subject")),
        "ProcStatus": "C" if is_done else "TP",
        "ProcDate": _day(when) or "0001-01-01",
        "DateTP": _day(resource.get("authoredOn")),
        "procCode": code.get("code"),
        "descript": code.get("display"),
        "ToothNum": _FDI_TO_UNIVERSAL.get(tooth, ""),
        "Surf": surfaces,
        "ProvNum": _number(performer.get("actor") if is_done else performer) or 0,
        "ClinicNum": clinic,
        "DateTStamp": _stamp(resource),
    }
    return _known(row, resource)


def provider(resource: Resource) -> Row:
    """provider."""
    first, middle, last = _name(resource.get("name"))
    role = _first(resource.get("practitionerRole"))
    word = _word(role.get("role")) if isinstance(role, Mapping) else None
    row: Row = {
        "ProvNum": _key(resource),
        "LName": last,
        "FName": first,
        "MI": middle,
        "IsHidden": "false" if resource.get("active") else "true",
        "IsSecondary": None if word is None else "true" if word == "hygienist" else "false",
        "DateTStamp": _stamp(resource),
    }
    return _known(row, resource)


def _place(resource: Resource) -> Row:
    address = _first(resource.get("address"))
    address = address if isinstance(address, Mapping) else {}
    lines = _texts(address.get("line"))
    telecom = [one for one in _each(resource.get("telecom")) if isinstance(one, Mapping)]
    phones = [one for one in telecom if one.get("system") == "phone"]
    return {
        "Address": lines[0] if lines else "",
        "Address2": lines[1] if len(lines) > 1 else "",
        "City": address.get("city") or "",
        "State": address.get("state") or address.get("district") or "",
        "Zip": address.get("postalCode") or "",
        "Phone": phones[0].get("value") if phones else "",
    }


def clinic(resource: Resource) -> Row:
    """clinic. Number 0 is the practice itself, which is no row."""
    row: Row = {
        "ClinicNum": _key(resource),
        "Abbr": resource.get("name"),
        "IsHidden": "false" if resource.get("active") else "true",
        **_place(resource),
    }
    return _known(row, resource)


def operatory(resource: Resource) -> Row:
    """operatory."""
    row: Row = {
        "OperatoryNum": _key(resource),
        "OpName": resource.get("name"),
        "IsHidden": "true" if resource.get("status") == "inactive" else "false",
        "ClinicNum": _number(resource.get("managingOrganization")) or 0,
    }
    return _known(row, resource)


def allergy(resource: Resource) -> Row:
    """allergy."""
    reaction = _first(resource.get("reaction"))
    said = reaction.get("description") if isinstance(reaction, Mapping) else reaction
    row: Row = {
        "AllergyNum": _key(resource),
        "PatNum": _number(resource.get("patient")),
        "defDescription": _word(resource.get("code")),
        "Reaction": said if isinstance(said, str) else "",
        "StatusIsActive": "true" if _word(resource.get("clinicalStatus")) == "active" else "false",
        # Spelled as the server spells it, and as it should be.
        "DateAdverseReaction": _day(resource.get("lastOccurance"))
        or _day(resource.get("lastOccurrence"))
        or "0001-01-01",
    }
    return _known(row, resource)


_PROBLEM: Final = {"active": "Active", "inactive": "Inactive", "resolved": "Resolved"}


def disease(resource: Resource) -> Row:
    """disease."""
    concept = _first(resource.get("code"))
    row: Row = {
        "DiseaseNum": _key(resource),
        "PatNum": _number(resource.get("subject")),
        "diseaseDefName": concept.get("text") if isinstance(concept, Mapping) else None,
        "ProbStatus": _PROBLEM.get(str(_word(resource.get("clinicalStatus")))),
        "DateStart": _day(resource.get("onsetDateTime")) or "0001-01-01",
        "DateStop": _day(resource.get("abatementDateTime")) or "0001-01-01",
        "PatNote": _note(resource.get("note")) or "",
    }
    return _known(row, resource)


def medication_of_patient(resource: Resource) -> Row:
    """medicationpat."""
    named = resource.get("medicationReference")
    period = resource.get("effectivePeriod")
    period = period if isinstance(period, Mapping) else {}
    row: Row = {
        "MedicationPatNum": _key(resource),
        "PatNum": _number(resource.get("subject")),
        "MedicationNum": _number(named) or 0,
        "medName": named.get("display")
        if isinstance(named, Mapping)
        else _word(resource.get("medicationCodeableConcept")),
        "DateStart": _day(period.get("start")) or _day(resource.get("effectiveDateTime")) or "0001-01-01",
        "DateStop": _day(period.get("end")) or "0001-01-01",
        "PatNote": _note(resource.get("note")) or "",
    }
    return _known(row, resource)


_MEDIUM: Final = {
    "email": "Email",
    "mail": "Mail",
    "phone": "Phone",
    "in_person": "In Person",
    "text": "Text",
    "email_and_text": "Email and Text",
}


def commlog(resource: Resource) -> Row:
    """commlog. `received` is what the patient received: the office sent it."""
    came = resource.get("sent") is not None
    payload = _first(resource.get("payload"))
    row: Row = {
        "CommlogNum": _key(resource),
        "PatNum": _number(resource.get("sender")) or _number(_first(resource.get("recipient"))),
        "CommDateTime": _moment(resource.get("sent")) or _moment(resource.get("received")),
        "Mode_": _MEDIUM.get(str(_word(resource.get("medium"))), "None"),
        "SentOrReceived": "Received" if came else "Sent",
        "Note": payload.get("contentString") if isinstance(payload, Mapping) else "",
        "DateTStamp": _stamp(resource),
    }
    return _known(row, resource)


_PATIENT = {"PatNum": ("patient", "Patient/{}")}
_SINCE = {"DateTStamp": ("_lastUpdated", "ge{}")}

TYPES: Final[Mapping[str, FhirType]] = {
    "patients": FhirType(
        ("patient",),
        "PatientRead",
        patient,
        {
            "LName": ("family", "{}"),
            "FName": ("given", "{}"),
            "Birthdate": ("birthdate", "{}"),
            "Email": ("email", "{}"),
            "Phone": ("phoneNumberMatch", "{}"),
            "PriProv": ("careprovider", "Practitioner/{}"),
            "ClinicNum": ("organization", "Organization/{}"),
            **_SINCE,
        },
    ),
    "appointments": FhirType(
        ("appointment",),
        "AppointmentRead",
        appointment,
        {
            **_PATIENT,
            "Op": ("location", "Location/{}"),
            "date": ("date", "{}"),
            "dateStart": ("date", "ge{}"),
            "dateEnd": ("date", "le{}"),
            **_SINCE,
        },
    ),
    "procedurelogs": FhirType(("procedure", "servicerequest"), "ProcedureRead", procedure, _PATIENT),
    "providers": FhirType(("practitioner",), "PractitionerRead", provider),
    "clinics": FhirType(("organization",), "OrganizationRead", clinic),
    "operatories": FhirType(
        ("location",), "LocationRead", operatory, {"ClinicNum": ("organization", "Organization/{}")}
    ),
    "allergies": FhirType(("allergyintolerance",), "AllergyIntoleranceRead", allergy, _PATIENT),
    "diseases": FhirType(("condition",), "ConditionRead", disease, _PATIENT),
    "medicationpats": FhirType(("medicationstatement",), "MedicationRead", medication_of_patient, _PATIENT),
    "commlogs": FhirType(("communication",), "CommunicationRead", commlog),
}
"""REST resource -> how its rows are read by FHIR. Money, insurance and recalls are not there at all."""


def rows(resource: str, found: Iterable[Resource]) -> list[Row]:
    """The rows of some resources, each once: a deleted visit comes a second time, and the practice is no clinic."""
    made = [TYPES[resource].row(one) for one in found]
    let_in(made, resource)
    if resource == "clinics":
        return [row for row in made if row.get("ClinicNum")]
    if resource == "appointments":
        # Deleted visits are of no use to a list: the REST side does not have them either.
        return [row for row in made if row.get("AptStatus") != "cancelled"]
    return made
