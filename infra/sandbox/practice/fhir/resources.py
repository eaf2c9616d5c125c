"""Rows of the practice -> resources in Open Dental's own spelling of FHIR, and what they can be searched by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from infra.sandbox.practice.enums import AptStatus, PatStatus, ProcStatus
from infra.sandbox.practice.fhir.search import Kind, Parameter
from infra.sandbox.practice.office import Office

Row = Mapping[str, Any]
Resource = dict[str, Any]

_EMPTY: tuple[Any, ...] = ("", None, [], {})
_APT_STATUS = {
    AptStatus.SCHEDULED: "booked",
    AptStatus.COMPLETE: "fulfilled",
    AptStatus.UNSCHED_LIST: "pending",
    AptStatus.BROKEN: "noshow",
    AptStatus.PLANNED: "proposed",
}
_GENDER = {0: "male", 1: "female"}
_MARITAL = {0: "S", 1: "M"}
_PROBLEM = {0: "active", 1: "resolved", 2: "inactive"}
_MEDIUM = {1: "email", 2: "mail", 3: "phone", 4: "in_person", 5: "text", 6: "email_and_text"}
_PHONES = (("HmPhone", "home"), ("WkPhone", "work"), ("WirelessPhone", "mobile"))
_FDI_PERMANENT = {1: (18, -1), 9: (21, 1), 17: (38, -1), 25: (41, 1)}
_FDI_PRIMARY = {0: (55, -1), 5: (61, 1), 10: (75, -1), 15: (81, 1)}


def _clean(resource: Resource) -> Resource:
    """Without elements that say nothing: the server leaves them out."""
    return {name: value for name, value in resource.items() if value not in _EMPTY}


def _moment(value: object) -> str | None:
    """A time as it goes out: no zone, no fraction; None for the year 1."""
    text = str(value or "")
    if not text or text.startswith("0001"):
        return None
    return text.replace(" ", "T") if len(text) > 10 else f"{text}T00:00:00"


def _identifier(table: str, column: str, key: object) -> list[Resource]:
    return [{"use": "usual", "type": {"text": f"{table}.{column}"}, "value": str(key)}]


def _meta(row: Row) -> Resource | None:
    stamp = _moment(row.get("DateTStamp"))
    return None if stamp is None else {"lastUpdated": stamp}


def _ref(kind: str, key: object, display: str | None = None) -> Resource:
    return _clean({"reference": f"{kind}/{key}", "display": display})


def fdi(tooth: str) -> str | None:
    """A tooth in two digits; the database has the American numbers."""
    starts, number = (
        (_FDI_PERMANENT, int(tooth))
        if tooth.isdigit() and 1 <= int(tooth) <= 32
        else (_FDI_PRIMARY, "ABCDEFGHIJKLMNOPQRST".find(tooth) if len(tooth) == 1 else -1)
    )
    if number < 0:
        return None
    first = max(start for start in starts if start <= number)
    base, step = starts[first]
    return str(base + step * (number - first))


def patients(office: Office) -> Iterator[Resource]:
    """All patients, the deleted ones left out."""
    for row in office.store.find("patient"):
        if row["PatStatus"] == PatStatus.DELETED:
            continue
        telecom = [
            {"system": "phone", "value": row[column], "use": use, "rank": 0} for column, use in _PHONES if row[column]
        ]
        if row["Email"]:
            telecom.append({"system": "email", "value": row["Email"], "use": "home", "rank": 0})
        identifier = _identifier("patient", "PatNum", row["PatNum"])
        if row["SSN"]:
            identifier.append({"use": "official", "system": "http://hl7.org/fhir/sid/us-ssn", "value": row["SSN"]})
        given = " ".join(part for part in (row["FName"], row["MiddleI"]) if part)
        yield _clean(
            {
                "resourceType": "Patient",
                "id": str(row["PatNum"]),
                "meta": _meta(row),
                "identifier": identifier,
                "active": row["PatStatus"] == PatStatus.PATIENT,
                "name": [
                    _clean(
                        {
                            "use": "usual",
                            "text": f"{row['FName']} {row['LName']}".strip(),
                            "family": row["LName"],
                            "given": given,
                        }
                    )
                ],
                "telecom": telecom,
                "gender": _GENDER.get(row["Gender"], "unknown"),
                "birthDate": _moment(row["Birthdate"]),
                "deceasedDateTime": _moment(row["DateTimeDeceased"]),
                "address": [
                    {
                        "line": [row["Address"], row["Address2"]],
                        "city": row["City"],
                        "district": row["State"],
                        "postalCode": row["Zip"],
                        "country": row["Country"],
                    }
                ],
                "maritalStatus": {"coding": [{"code": _MARITAL[row["Position"]]}]}
                if row["Position"] in _MARITAL
                else None,
                "communication": [{"language": {"text": row["Language"]}, "preferred": True}]
                if row["Language"]
                else None,
                "careProvider": [_ref("practitioner", row["PriProv"])] if row["PriProv"] else None,
                "managingOrganization": _ref("organization", row["ClinicNum"]),
            }
        )


def appointments(office: Office) -> Iterator[Resource]:
    """Live visits by key, then the deleted ones by their last history row."""
    attached = _attached(office)
    for row in office.store.find("appointment"):
        if row["AptStatus"] in _APT_STATUS:
            yield _appointment(office, row, _status(row), attached)
    live = {row["AptNum"] for row in office.store.find("appointment")}
    for row in office.store.find("histappointment", sql='"HistApptAction" = 4'):
        if row["AptNum"] not in live and row["AptStatus"] in _APT_STATUS:
            yield _appointment(office, {**row, "DateTStamp": row["HistDateTStamp"]}, "cancelled", {})


def _status(row: Row) -> str:
    if row["AptStatus"] == AptStatus.SCHEDULED:
        arrived, dismissed = (_time_of(row[name]) for name in ("DateTimeArrived", "DateTimeDismissed"))
        if arrived and not dismissed:
            return "arrived"
    return _APT_STATUS[row["AptStatus"]]


def _time_of(value: str) -> bool:
    """Whether a stamp of the waiting room was set: midnight stands for not yet."""
    return not value.startswith("0001") and not value.endswith("00:00:00")


def _appointment(office: Office, row: Row, status: str, attached: Mapping[int, list[tuple[str, int]]]) -> Resource:
    minutes = 5 * len(row["Pattern"])
    placed = status not in ("proposed", "pending") and not row["AptDateTime"].startswith("0001")
    start = datetime.fromisoformat(row["AptDateTime"])
    hangs = attached.get(row["AptNum"], [])
    confirmed = office.store.preference("AppointmentTimeConfirmed") or ""
    accepted = "accepted" if confirmed and str(row["Confirmed"]) == confirmed else "needsaction"
    people = [
        ("PART", "patient", row["PatNum"], accepted),
        ("PPRF", "practitioner", row["ProvNum"], "accepted"),
        ("SPRF", "practitioner", row["ProvHyg"], "accepted"),
        ("PART", "location", row["Op"], "accepted"),
    ]
    return _clean(
        {
            "resourceType": "Appointment",
            "id": str(row["AptNum"]),
            "meta": _meta(row),
            "identifier": _identifier("appointment", "AptNum", row["AptNum"]),
            "status": status,
            "priority": 1 if row["Priority"] else 5,
            "description": row["ProcDescript"],
            "start": _moment(row["AptDateTime"]) if placed else None,
            "end": f"{start + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%S}" if placed else None,
            "minutesDuration": minutes,
            "comment": row["Note"],
            "participant": [
                {
                    "type": [{"coding": [{"code": code}]}],
                    "actor": _ref(kind, key),
                    "required": "required",
                    "status": standing,
                }
                for code, kind, key, standing in people
                if key
            ],
            "plannedApptOrder": row["ItemOrderPlanned"] if status == "proposed" else None,
        }
    ) | {
        "reasonReference": [_ref("procedure", key) for kind, key in hangs if kind == "procedure"],
        "basedOn": [_ref("servicerequest", key) for kind, key in hangs if kind == "servicerequest"],
    }


def _attached(office: Office) -> dict[int, list[tuple[str, int]]]:
    found: dict[int, list[tuple[str, int]]] = {}
    for row in office.store.rows('SELECT "ProcNum", "AptNum", "PlannedAptNum", "ProcStatus" FROM "procedurelog"'):
        kind = {ProcStatus.C: "procedure", ProcStatus.TP: "servicerequest"}.get(row["ProcStatus"])
        for visit in {row["AptNum"], row["PlannedAptNum"]} - {0} if kind else ():
            found.setdefault(visit, []).append((str(kind), row["ProcNum"]))
    return found


def practitioners(office: Office) -> Iterator[Resource]:
    """All providers."""
    words = {row["DefNum"]: row["ItemName"] for row in office.definitions("ProviderSpecialties")}
    for row in office.store.find("provider"):
        given = " ".join(part for part in (row["FName"], row["MI"]) if part)
        yield _clean(
            {
                "resourceType": "Practitioner",
                "id": str(row["ProvNum"]),
                "meta": _meta(row),
                "identifier": _identifier("provider", "ProvNum", row["ProvNum"]),
                "active": not row["IsHidden"],
                "name": _clean({"text": f"{given} {row['LName']}".strip(), "family": row["LName"], "given": given}),
                "gender": "unknown",
                "practitionerRole": [
                    _clean(
                        {
                            "role": {"text": "hygienist" if row["IsSecondary"] else "provider"},
                            "specialty": [{"text": words[row["Specialty"]]}] if row["Specialty"] in words else None,
                        }
                    )
                ],
            }
        )


def locations(office: Office) -> Iterator[Resource]:
    """All operatories."""
    clinics = {row["ClinicNum"]: row for row in office.store.find("clinic")}
    for row in office.store.find("operatory"):
        clinic = clinics.get(row["ClinicNum"])
        yield _clean(
            {
                "resourceType": "Location",
                "id": str(row["OperatoryNum"]),
                "meta": _meta(row),
                "identifier": _identifier("operatory", "OperatoryNum", row["OperatoryNum"]),
                "status": "inactive" if row["IsHidden"] else "active",
                "name": row["OpName"],
                "description": row["OpName"],
                "mode": "instance",
                "telecom": _clinic_phone(clinic),
                "address": _clinic_address(clinic),
                "physicalType": {"coding": [{"code": "ro"}], "text": "Room"},
                "managingOrganization": _ref("organization", row["ClinicNum"]),
            }
        )


def _clinic_phone(clinic: Row | None) -> list[Resource]:
    return [{"system": "phone", "value": clinic["Phone"], "use": "work"}] if clinic and clinic["Phone"] else []


def _clinic_address(clinic: Row | None) -> Resource | None:
    if clinic is None:
        return None
    return {
        "use": "work",
        "type": "physical",
        "line": [clinic["Address"], clinic["Address2"]],
        "city": clinic["City"],
        "state": clinic["State"],
        "postalCode": clinic["Zip"],
    }


def organizations(office: Office) -> Iterator[Resource]:
    """The practice, which is number 0, and its clinics."""
    yield {
        "resourceType": "Organization",
        "id": "0",
        "identifier": _identifier("clinic", "ClinicNum", 0),
        "active": True,
        "name": office.store.preference("PracticeTitle") or "Practice",
    }
    for row in office.store.find("clinic"):
        address = _clinic_address(row)
        yield _clean(
            {
                "resourceType": "Organization",
                "id": str(row["ClinicNum"]),
                "identifier": _identifier("clinic", "ClinicNum", row["ClinicNum"]),
                "active": not row["IsHidden"],
                "name": row["Abbr"],
                "telecom": _clinic_phone(row),
                "address": [address] if address else [],
                "partOf": _ref("organization", 0),
            }
        )


def procedures(office: Office) -> Iterator[Resource]:
    """Completed procedures."""
    for row, shared in _charted(office, ProcStatus.C, "Procedure"):
        note = office.store.find("procnote", {"ProcNum": row["ProcNum"]}, order='"ProcNoteNum" DESC')
        visit = office.store.get("appointment", row["AptNum"]) if row["AptNum"] else None
        yield _clean(
            {
                **shared,
                "status": "completed",
                "performedDateTime": _moment(row["ProcDate"]),
                "performer": [
                    {
                        "actor": _ref("practitioner", row["ProvNum"]),
                        "onBehalfOf": _ref("organization", row["ClinicNum"]),
                    }
                ],
                "location": _ref("location", visit["Op"]) if visit and visit["Op"] else None,
                "note": [{"text": note[0]["Note"]}] if note and note[0]["Note"] else None,
            }
        )


def service_requests(office: Office) -> Iterator[Resource]:
    """Treatment-planned procedures."""
    for row, shared in _charted(office, ProcStatus.TP, "ServiceRequest"):
        yield _clean(
            {
                **shared,
                "status": "active",
                "intent": "proposal",
                "occurenceDateTime": _moment(row["ProcDate"]),
                "authoredOn": _moment(row["DateTP"]),
                "performer": [_ref("practitioner", row["ProvNum"])] if row["ProvNum"] else None,
            }
        )


def _charted(office: Office, status: ProcStatus, kind: str) -> Iterator[tuple[Row, Resource]]:
    codes = {row["CodeNum"]: row for row in office.store.find("procedurecode")}
    words = {row["DefNum"]: row["ItemName"] for row in office.definitions("ProcCodeCats")}
    for row in office.store.find("procedurelog", {"ProcStatus": int(status)}):
        code = codes.get(row["CodeNum"], {})
        tooth = fdi(row["ToothNum"])
        sites = [{"system": "http://hl7.org/fhir/ex-tooth", "code": tooth}] if tooth else []
        sites += [{"system": "http://hl7.org/fhir/FDI-surface", "code": row["Surf"]}] if row["Surf"] else []
        yield (
            row,
            _clean(
                {
                    "resourceType": kind,
                    "id": str(row["ProcNum"]),
                    "meta": _meta(row),
                    "identifier": _identifier("procedurelog", "ProcNum", row["ProcNum"]),
                    "category": {"text": words[code["ProcCat"]]} if code.get("ProcCat") in words else None,
                    "code": {
                        "coding": [
                            {
                                "system": "http://hl7.org/fhir/us/sid/cdt",
                                "code": code.get("ProcCode"),
                                "display": code.get("Descript"),
                            }
                        ]
                    },
                    "subject": _ref("patient", row["PatNum"]),
                    "bodySite": [{"coding": sites}] if sites else None,
                }
            ),
        )


def allergies(office: Office) -> Iterator[Resource]:
    """All allergies."""
    definitions = {row["AllergyDefNum"]: row for row in office.store.find("allergydef")}
    for row in office.store.find("allergy"):
        definition = definitions.get(row["AllergyDefNum"], {})
        yield _clean(
            {
                "resourceType": "AllergyIntolerance",
                "id": str(row["AllergyNum"]),
                "identifier": _identifier("allergy", "AllergyNum", row["AllergyNum"]),
                "clinicalStatus": "active" if row["StatusIsActive"] else "inactive",
                "verificationStatus": "confirmed",
                "code": {"text": definition.get("Description", "")},
                "patient": _ref("patient", row["PatNum"]),
                "lastOccurance": _moment(row["DateAdverseReaction"]),
                "reaction": [{"description": row["Reaction"]}] if row["Reaction"] else None,
            }
        )


def conditions(office: Office) -> Iterator[Resource]:
    """All problems."""
    definitions = {row["DiseaseDefNum"]: row for row in office.store.find("diseasedef")}
    systems = (
        ("SnomedCode", "http://snomed.info/sct"),
        ("ICD10Code", "http://hl7.org/fhir/sid/icd-10-cm"),
        ("ICD9Code", "http://hl7.org/fhir/sid/icd-9-cm"),
    )
    for row in office.store.find("disease"):
        definition = definitions.get(row["DiseaseDefNum"], {})
        coding = [
            {"system": system, "code": definition[column]} for column, system in systems if definition.get(column)
        ]
        yield _clean(
            {
                "resourceType": "Condition",
                "id": str(row["DiseaseNum"]),
                "identifier": _identifier("disease", "DiseaseNum", row["DiseaseNum"]),
                "clinicalStatus": {"coding": [{"code": _PROBLEM.get(row["ProbStatus"], "active")}]},
                "verificationStatus": {"coding": [{"code": "confirmed"}]},
                "code": _clean({"coding": coding, "text": definition.get("DiseaseName", "")}),
                "subject": _ref("patient", row["PatNum"]),
                "onsetDateTime": _moment(row["DateStart"]),
                "abatementDateTime": _moment(row["DateStop"]),
                "note": [{"text": row["PatNote"]}] if row["PatNote"] else None,
            }
        )


def medications(office: Office) -> Iterator[Resource]:
    """The office's list of medications."""
    for row in office.store.find("medication"):
        yield _clean(
            {
                "resourceType": "Medication",
                "id": str(row["MedicationNum"]),
                "meta": _meta(row),
                "code": {"text": row["MedName"]},
                "status": "active",
            }
        )


def medication_statements(office: Office) -> Iterator[Resource]:
    """What patients take."""
    names = {row["MedicationNum"]: row["MedName"] for row in office.store.find("medication")}
    today = office.today()
    for row in office.store.find("medicationpat"):
        start, stop = _moment(row["DateStart"]), _moment(row["DateStop"])
        known = row["MedicationNum"] in names
        yield _clean(
            {
                "resourceType": "MedicationStatement",
                "id": str(row["MedicationPatNum"]),
                "meta": _meta(row),
                "identifier": _identifier("medicationpat", "MedicationPatNum", row["MedicationPatNum"]),
                "status": "completed" if stop and stop[:10] < today else "active",
                "medicationReference": _ref("medication", row["MedicationNum"], names.get(row["MedicationNum"]))
                if known
                else None,
                "medicationCodeableConcept": None if known else {"text": row.get("MedDescript", "")},
                "subject": _ref("patient", row["PatNum"]),
                "effectivePeriod": {"start": start, "end": stop} if start and stop else None,
                "effectiveDateTime": start if start and not stop else None,
                "dateAsserted": _moment(row.get("DateTStamp")),
                "note": [{"text": row["PatNote"]}] if row["PatNote"] else None,
            }
        )


def communications(office: Office) -> Iterator[Resource]:
    """All commlogs. What went to the patient is called `received`."""
    for row in office.store.find("commlog"):
        when = _moment(row["CommDateTime"])
        came = row["SentOrReceived"] == office.code("commlog", "SentOrReceived", "Received")
        yield _clean(
            {
                "resourceType": "Communication",
                "id": str(row["CommlogNum"]),
                "meta": _meta(row),
                "identifier": _identifier("commlog", "CommlogNum", row["CommlogNum"]),
                "status": "completed",
                "medium": [
                    {
                        "coding": [
                            {
                                "system": "https://opendental.com/fhir/ValueSet/communication-medium",
                                "code": _MEDIUM[row["Mode_"]],
                            }
                        ]
                    }
                ]
                if row["Mode_"] in _MEDIUM
                else None,
                "sent": when if came else None,
                "sender": _ref("patient", row["PatNum"]) if came else None,
                "received": None if came else when,
                "recipient": None if came else [_ref("patient", row["PatNum"])],
                "payload": [{"contentString": row["Note"]}] if row["Note"] else None,
            }
        )


def _texts(value: Any, *path: str) -> Iterator[str]:
    """The texts at the end of a path; lists on the way are walked through."""
    if isinstance(value, list):
        for one in value:
            yield from _texts(one, *path)
    elif path:
        if isinstance(value, dict) and path[0] in value:
            yield from _texts(value[path[0]], *path[1:])
    elif value is not None:
        yield str(value).lower() if isinstance(value, bool) else str(value)


def _by(kind: Kind, *paths: str) -> Parameter:
    split = [path.split(".") for path in paths]
    return Parameter(kind, lambda resource: [text for path in split for text in _texts(resource, *path)])


def _telecom(system: str) -> Parameter:
    return Parameter(
        "string",
        lambda resource: [one["value"] for one in resource.get("telecom", []) if one["system"] == system],
    )


def _actor(kind: str) -> Parameter:
    return Parameter(
        "reference",
        lambda resource: [
            one["actor"]["reference"]
            for one in resource["participant"]
            if one["actor"]["reference"].startswith(f"{kind}/")
        ],
    )


_DIGITS = Parameter(
    "string",
    lambda resource: [
        "".join(letter for letter in one["value"] if letter.isdigit())
        for one in resource.get("telecom", [])
        if one["system"] == "phone"
    ],
)
_ID = _by("token", "identifier.value")
_UPDATED = _by("date", "meta.lastUpdated")
_ADDRESS = {
    "address": _by("string", "address.line", "address.city", "address.district", "address.state", "address.postalCode"),
    "address-city": _by("string", "address.city"),
    "address-postalcode": _by("string", "address.postalCode"),
    "address-state": _by("string", "address.district", "address.state"),
}
_CODE = _by("token", "code.coding.code", "code.text")

Make = Callable[[Office], Iterable[Resource]]
TYPES: tuple[tuple[str, str, Make, dict[str, Parameter]], ...] = (
    (
        "Patient",
        "PatientRead",
        patients,
        {
            "identifier": _ID,
            "active": _by("token", "active"),
            **_ADDRESS,
            "birthdate": _by("date", "birthDate"),
            "careprovider": _by("reference", "careProvider.reference"),
            "deathdate": _by("date", "deceasedDateTime"),
            "email": _telecom("email"),
            "phone": _telecom("phone"),
            "phonenumbermatch": _DIGITS,
            "telecom": _by("string", "telecom.value"),
            "family": _by("string", "name.family"),
            "given": _by("string", "name.given"),
            "name": _by("string", "name.text", "name.family", "name.given"),
            "gender": _by("token", "gender"),
            "organization": _by("reference", "managingOrganization.reference"),
            "_lastupdated": _UPDATED,
        },
    ),
    (
        "Appointment",
        "AppointmentRead",
        appointments,
        {
            "identifier": _ID,
            "patient": _actor("patient"),
            "location": _actor("location"),
            "practitioner": _actor("practitioner"),
            "status": _by("token", "status"),
            "date": _by("date", "start"),
            "_lastupdated": _UPDATED,
        },
    ),
    (
        "Practitioner",
        "PractitionerRead",
        practitioners,
        {
            "identifier": _ID,
            "family": _by("string", "name.family"),
            "given": _by("string", "name.given"),
            "name": _by("string", "name.text"),
            "role": _by("token", "practitionerRole.role.text"),
            "specialty": _by("token", "practitionerRole.specialty.text"),
        },
    ),
    (
        "Location",
        "LocationRead",
        locations,
        {
            "identifier": _ID,
            **_ADDRESS,
            "name": _by("string", "name"),
            "organization": _by("reference", "managingOrganization.reference"),
            "status": _by("token", "status"),
        },
    ),
    (
        "Organization",
        "OrganizationRead",
        organizations,
        {
            "identifier": _ID,
            **_ADDRESS,
            "name": _by("string", "name"),
            "partof": _by("reference", "partOf.reference"),
        },
    ),
    (
        "Procedure",
        "ProcedureRead",
        procedures,
        {
            "identifier": _ID,
            "code": _CODE,
            "patient": _by("reference", "subject.reference"),
            "date": _by("date", "performedDateTime"),
            "performer": _by("reference", "performer.actor.reference"),
            "location": _by("reference", "location.reference"),
        },
    ),
    (
        "ServiceRequest",
        "ServiceRequestRead",
        service_requests,
        {
            "identifier": _ID,
            "code": _CODE,
            "patient": _by("reference", "subject.reference"),
            "occurrence": _by("date", "occurenceDateTime"),
            "performer": _by("reference", "performer.reference"),
        },
    ),
    (
        "AllergyIntolerance",
        "AllergyIntoleranceRead",
        allergies,
        {
            "identifier": _ID,
            "clinical-status": _by("token", "clinicalStatus"),
            "code": _by("string", "code.text"),
            "last-date": _by("date", "lastOccurance"),
            "patient": _by("reference", "patient.reference"),
        },
    ),
    (
        "Condition",
        "ConditionRead",
        conditions,
        {
            "identifier": _ID,
            "abatement-date": _by("date", "abatementDateTime"),
            "clinical-status": _by("token", "clinicalStatus.coding.code"),
            "code": _CODE,
            "onset-date": _by("date", "onsetDateTime"),
            "patient": _by("reference", "subject.reference"),
            "subject": _by("reference", "subject.reference"),
        },
    ),
    (
        "Medication",
        "MedicationRead",
        medications,
        {"code": _by("string", "code.text"), "identifier": _by("token", "id")},
    ),
    (
        "MedicationStatement",
        "MedicationRead",
        medication_statements,
        {
            "identifier": _ID,
            "effective": _by("date", "effectiveDateTime", "effectivePeriod.start"),
            "medication": _by("reference", "medicationReference.reference"),
            "patient": _by("reference", "subject.reference"),
            "status": _by("token", "status"),
            "subject": _by("reference", "subject.reference"),
        },
    ),
    (
        "Communication",
        "CommunicationRead",
        communications,
        {
            "identifier": _ID,
            "sender": _by("reference", "sender.reference"),
            "recipient": _by("reference", "recipient.reference"),
            "sent": _by("date", "sent"),
            "received": _by("date", "received"),
        },
    ),
)
