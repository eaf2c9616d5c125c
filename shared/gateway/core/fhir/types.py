"""What is served: each resource type, the objects it is made of, and the parameters it is searched by.

A type is data: its parts (a Location is a clinic or a chair), how each is listed and got by the reads that the REST
side uses, which of the objects have such a resource, and what each search parameter comes to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from gateway.core.callers import Caller
from gateway.core.errors import Invalid
from gateway.core.fhir import allergy_intolerance as allergies
from gateway.core.fhir import appointment as appointments
from gateway.core.fhir import claim as claims
from gateway.core.fhir import communication as communications
from gateway.core.fhir import condition as conditions
from gateway.core.fhir import explanation_of_benefit as explanations
from gateway.core.fhir import medication_statement as medications
from gateway.core.fhir import procedure as procedures
from gateway.core.fhir import schedule as schedules
from gateway.core.fhir import service_request as service_requests
from gateway.core.fhir.coverage import coverage
from gateway.core.fhir.elements import NPI, our_id
from gateway.core.fhir.free_times import get_free_time, list_free_times
from gateway.core.fhir.location import location, operatory
from gateway.core.fhir.organization import PAYER_ID, carrier
from gateway.core.fhir.parameters import (
    Ask,
    Asked,
    Object,
    Param,
    begins,
    birth_day,
    by_id,
    code_of,
    day_of,
    days,
    family,
    given,
    identifier_by,
    last_updated,
    mapped_code,
    one_of,
    procedure_code,
    reference_to,
    references,
    same_as,
    telecom,
    text,
    truth,
    words,
)
from gateway.core.fhir.patient import ACTIVE, patient
from gateway.core.fhir.practitioner import practitioner
from gateway.core.fhir.slot import slot
from gateway.core.ports import Services
from gateway.core.reads import (
    AppointmentsQuery,
    ClaimQuery,
    ClaimsQuery,
    ListQuery,
    ObjectQuery,
    PatientsQuery,
    ProceduresQuery,
    get_appointment,
    get_claim,
    get_patient,
    get_procedure,
    list_appointments,
    list_claims,
    list_patients,
    list_procedures,
)
from gateway.core.reads.clinical import (
    ALLERGIES,
    CONDITIONS,
    MEDICATIONS,
    AllergiesQuery,
    ConditionsQuery,
    MedicationsQuery,
)
from gateway.core.reads.coverages import COVERAGES, CoveragesQuery
from gateway.core.reads.desk import COMMUNICATIONS, CommunicationsQuery
from gateway.core.reads.families import Family, get_object, list_objects
from gateway.core.reads.queries import PagedQuery
from gateway.core.reads.schedules import SchedulesQuery, get_schedule, list_schedules
from gateway.core.reads.setup import (
    CARRIERS,
    LOCATIONS,
    OPERATORIES,
    PROVIDERS,
    ActiveQuery,
    CarriersQuery,
    OperatoriesQuery,
    ProvidersQuery,
)
from gateway.core.reads.slots import SlotsQuery
from gateway.core.requests import Freshness

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Objects of one kind that a resource type is made of.

    `scope`: their word in scopes. `table`: theirs in Open Dental, which their identifiers name. `query`: what their
    list is asked by. `lists`, `gets`: the read use cases. `show`: object -> resource. `fits`: whether an object has
    such a resource. `usual`: filters that a search gets unless it fills them. `more`: what a search adds when it knows
    all the rest. `single`: what a get is asked with. `scoped`: whether ids carry the patient, because Open Dental finds
    a single one no other way. `own_ids`: whether ids are made here, and say nothing to the REST side.
    """

    kind: str
    scope: str
    table: str
    query: type[PagedQuery]
    lists: Callable[..., dict[str, Any]]
    gets: Callable[..., dict[str, Any]]
    show: Callable[[Object], dict[str, Any]]
    fits: Callable[[Object], bool] = lambda _: True
    usual: Mapping[str, Any] | None = None
    more: Callable[[Fields], Fields] | None = None
    single: ObjectQuery | None = None
    scoped: bool = False
    own_ids: bool = False

    def list(self, fields: Fields, *, caller: Caller, freshness: Freshness, on: Services) -> dict[str, Any]:
        """A page of the list, in its envelope."""
        filters = {**fields, **(self.more(fields) if self.more is not None else {})}
        found: dict[str, Any] = self.lists(self.query(**filters), caller=caller, freshness=freshness, on=on)
        return found

    def get(self, object_id: str, *, caller: Caller, freshness: Freshness, on: Services) -> dict[str, Any]:
        """One object."""
        found: dict[str, Any] = self.gets(object_id, self.single, caller=caller, freshness=freshness, on=on)
        return found


@dataclass(frozen=True, slots=True)
class Type:
    """A resource type. `practice`: whether the practice itself is one, before all others."""

    name: str
    parts: tuple[Part, ...]
    params: tuple[Param, ...]
    says: str
    practice: bool = False

    def param(self, name: str) -> Param | None:
        """The search parameter of that name."""
        return next((one for one in self.params if one.name == name), None)


def family_part(
    reads: Family,
    query: type[ListQuery],
    *,
    table: str,
    show: Callable[[Object], dict[str, Any]],
    **more: Any,
) -> Part:
    """The part whose objects are read as a family."""
    return Part(
        kind=reads.kind,
        scope=reads.obj,
        table=table,
        query=query,
        lists=partial(list_objects, reads),
        gets=partial(get_object, reads),
        show=show,
        **more,
    )


_LENGTH: Final = (
    "The length of the visit in minutes, a multiple of 5, such as `-duration=60`; or send `appointment-type`."
)
_DAYS: Final = "Dates without a time are calendar days of the office."
_ID: Final = Param("_id", "token", by_id, ("ids",))
_UPDATED: Final = Param(
    "_lastUpdated",
    "date",
    last_updated,
    ("updated_since",),
    "`ge` reaches back some minutes, so that nothing is missed.",
)


def _common(systems: Mapping[str, str] | None = None, *, updated: bool = True) -> tuple[Param, ...]:
    says = "`system|value`: the key of the row in Open Dental by the system that each resource shows."
    fills = ("ids", *(systems or {}).values())
    return (_ID, Param("identifier", "token", identifier_by(systems), fills, says), *([_UPDATED] if updated else []))


def of_patient(*names: str) -> tuple[Param, ...]:
    """Whose it is, under each of the names that FHIR has for that."""
    return tuple(Param(name, "reference", reference_to({"patient": "patient_id"}), ("patient_id",)) for name in names)


_APPOINTMENT_CODES: Final = (
    "proposed pending booked arrived fulfilled cancelled noshow entered-in-error checked-in waitlist".split()  # noqa: SIM905
)
_EVENT_CODES: Final = (
    "preparation in-progress not-done on-hold stopped completed entered-in-error unknown".split()  # noqa: SIM905
)
_REQUEST_CODES: Final = "draft active on-hold revoked completed entered-in-error unknown".split()  # noqa: SIM905
_CLAIM_CODES: Final = "active cancelled draft entered-in-error".split()  # noqa: SIM905


def _active_patients(name: str, values: list[str], asked: Asked) -> None:
    found = Asked(asked.kind, asked.table)
    truth(name, values, found)
    wanted = found.fields["is_active"]
    asked.give_any("status", [status for status, active in ACTIVE.items() if active is wanted])


def _how_broken(fields: Fields) -> Fields:
    """What belongs to a visit and costs a call for the whole list where that is of one patient or of some days."""
    if "patient_id" in fields:
        return {"expand": ["procedure_ids", "break_evidence"]}
    return {"expand": ["break_evidence"]} if {"date_from", "date_to"} <= fields.keys() else {}


def _lines(fields: Fields) -> Fields:
    """Lines and carrier, where they do not cost calls for each claim of a long list."""
    return {"expand": ["lines", "carrier"]} if {"patient_id", "ids"} & fields.keys() else {}


def _use_of(name: str, values: list[str], asked: Asked) -> None:
    check = Asked(asked.kind, asked.table)
    code_of("use", ("claim", "preauthorization", "predetermination"))(name, values, check)
    asked.tests.extend(
        lambda shown, test=test: test({"use": claims.billed_by(shown)["use"]})  # type: ignore[misc]
        for test in check.tests
    )


def _names(shown: Object) -> Iterable[str | None]:
    name = shown["name"]
    return name.values() if isinstance(name, Mapping) else (name, shown.get("abbreviation"))


_NAME: Final = Param("name", "string", begins(_names), says="What some part of the name begins with, case aside.")
_ACTIVE: Final = Param("active", "token", truth, ("is_active",))


def _status_of_place(name: str, values: list[str], asked: Asked) -> None:
    check = Asked(asked.kind, asked.table)
    words("found", {"true": "active", "false": "inactive"}, known=("active", "suspended", "inactive"))(
        name, values, check
    )
    found = check.fields["found"]
    asked.possible = asked.possible and bool(found)
    if len(found) == 1:
        asked.give("is_active", name, found[0] == "true")


def _organization_type(_: str, values: list[str], asked: Asked) -> None:
    codes = {one.rpartition("|")[2] for one in values}
    asked.concerned = asked.concerned and {"carrier": "pay", "practice": "prov"}[asked.kind] in codes


def _status_of_coverage(name: str, values: list[str], asked: Asked) -> None:
    check = Asked(asked.kind, asked.table)
    code_of("status", _CLAIM_CODES)(name, values, check)
    asked.tests.extend(
        lambda shown, test=test: test(coverage(shown))  # type: ignore[misc]
        for test in check.tests
    )


def _part_of(name: str, values: list[str], asked: Asked) -> None:
    reference_to({"location": "location_id"})(name, values, asked)
    asked.concerned = asked.concerned and asked.kind == "operatory"


def _history(reads: Family, query: type[ListQuery], *, table: str, show: Callable[[Object], dict[str, Any]]) -> Part:
    """A part of a patient's history, with what the office's definitions say of it."""
    return family_part(reads, query, table=table, show=show, scoped=True, more=lambda _: {"expand": ["definition"]})


def _contact(*, received: bool) -> Ask:
    """When a contact was, of those that came in or of the others."""
    ask_days = days("date_from", "date_to", instant="at")

    def ask(name: str, values: list[str], asked: Asked) -> None:
        ask_days(name, values, asked)
        asked.tests.append(lambda shown: (shown["direction"] == "received") is received)

    return ask


def _medium(name: str, values: list[str], asked: Asked) -> None:
    known = {code for codes in communications.MEDIA.values() for code in codes}
    wanted = {one.rpartition("|")[2] for one in values}
    if not wanted <= known:
        raise Invalid(f"{name} takes {', '.join(sorted(known))}", param=name)
    asked.tests.append(lambda shown: bool(wanted & {*communications.MEDIA.get(shown["mode"] or "other", ())}))


_starts: Final = days("date_from", "date_to", instant="start_at")


def _minutes(name: str, values: list[str], asked: Asked) -> None:
    value = one_of(name, values)
    if not (value.isascii() and value.isdigit() and len(value) <= 4):
        raise Invalid(f"{name} takes a whole number of minutes, such as {name}=60", param=name)
    asked.give("duration_minutes", name, int(value))


def _kind_of_visit(name: str, values: list[str], asked: Asked) -> None:
    asked.give("appointment_type_id", name, our_id(one_of(name, values).rpartition("|")[2]))


def _whose_time(name: str, values: list[str], asked: Asked) -> None:
    fills = {"provider": "provider_id", "operatory": "operatory_id", "location": "location_id"}
    for one in values:
        found = Asked(asked.kind, asked.table)
        reference_to(fills)(name, [one], found)
        for field_, object_id in found.fields.items():
            if field_ == "location_id":
                asked.give(field_, name, object_id)
            else:
                asked.fields[field_] = [*asked.fields.get(field_, ()), object_id]


def _free(name: str, values: list[str], asked: Asked) -> None:
    codes = {one.rpartition("|")[2] for one in values}
    known = {"busy", "free", "busy-unavailable", "busy-tentative", "entered-in-error"}
    if not codes <= known:
        raise Invalid(f"{name} takes {', '.join(sorted(known))}", param=name)
    asked.possible = asked.possible and "free" in codes


_OF_PATIENT: Final = "Listed by patient only; the id carries whose it is."
_HISTORY_PARAMS: Final = (*_common(updated=False), *of_patient("patient"))
_ALLERGY_CODES: Final = "active inactive resolved".split()  # noqa: SIM905
_CONDITION_CODES: Final = "active recurrence relapse inactive remission resolved".split()  # noqa: SIM905
_MEDICATION_CODES: Final = (
    "active completed entered-in-error intended stopped on-hold unknown not-taken".split()  # noqa: SIM905
)
_PROCEDURE_PARAMS: Final = (
    *_common(),
    *of_patient("patient", "subject"),
    Param("code", "token", procedure_code, ("code",)),
)


def _procedures(
    show: Callable[[Object], dict[str, Any]], table: Mapping[str, str], *, unless_asked: Iterable[str] = ()
) -> Part:
    return Part(
        kind="procedure",
        scope="procedures",
        table="procedurelog",
        query=ProceduresQuery,
        lists=list_procedures,
        gets=get_procedure,
        show=show,
        fits=lambda shown: (shown["status"] or "other") in table,
        usual={"status": [one for one in table if one not in unless_asked]},
    )


def _claims(show: Callable[[Object], dict[str, Any]], **more: Any) -> Part:
    return Part(
        kind="claim",
        scope="claims",
        table="claim",
        query=ClaimsQuery,
        lists=list_claims,
        gets=get_claim,
        show=show,
        more=_lines,
        single=ClaimQuery(expand=["lines", "carrier"]),
        **more,
    )


_CLAIM_PARAMS: Final = (
    *_common(),
    *of_patient("patient"),
    Param("use", "token", _use_of),
    Param("provider", "reference", references("billing_provider_id")),
)

TYPES: Final[Mapping[str, Type]] = {
    one.name: one
    for one in (
        Type(
            "Patient",
            (
                Part(
                    kind="patient",
                    scope="patients",
                    table="patient",
                    query=PatientsQuery,
                    lists=list_patients,
                    gets=get_patient,
                    show=patient,
                ),
            ),
            (
                *_common(),
                Param("name", "string", text("any_name"), ("any_name",), "Words that begin words of the name."),
                Param("family", "string", family, ("name",)),
                Param("given", "string", given, ("name",)),
                Param("birthdate", "date", birth_day, ("birth_date",), "A range needs another parameter beside it."),
                Param("phone", "token", text("phone"), ("phone",)),
                Param("email", "token", text("email"), ("email",)),
                Param("telecom", "token", telecom, ("phone", "email")),
                Param("active", "token", _active_patients, ("status",)),
                Param("general-practitioner", "reference", reference_to({"provider": "provider_id"}), ("provider_id",)),
            ),
            "Found by telephone or e-mail alone, resources are summaries, marked SUBSETTED.",
        ),
        Type(
            "Practitioner",
            (family_part(PROVIDERS, ProvidersQuery, table="provider", show=practitioner),),
            (*_common({NPI: "npi"}), _NAME, _ACTIVE),
            "Dentists, hygienists, and entities that bill.",
        ),
        Type(
            "Location",
            (
                family_part(LOCATIONS, ActiveQuery, table="clinic", show=location),
                family_part(OPERATORIES, OperatoriesQuery, table="operatory", show=operatory),
            ),
            (
                *_common(updated=False),
                _NAME,
                Param("status", "token", _status_of_place, ("is_active",)),
                Param("partof", "reference", _part_of, ("location_id",)),
            ),
            "Clinics (`si`) and chairs (`ro`), which are part of their clinic.",
        ),
        Type(
            "Organization",
            (family_part(CARRIERS, CarriersQuery, table="carrier", show=carrier),),
            (
                *_common({PAYER_ID: "payer_id"}, updated=False),
                _NAME,
                _ACTIVE,
                Param("type", "token", _organization_type, says="`prov` for the practice, `pay` for payers."),
            ),
            "The practice itself, and insurance companies.",
            practice=True,
        ),
        Type(
            "Appointment",
            (
                Part(
                    kind="appointment",
                    scope="appointments",
                    table="appointment",
                    query=AppointmentsQuery,
                    lists=list_appointments,
                    gets=get_appointment,
                    show=appointments.appointment,
                    fits=lambda shown: shown["kind"] == "appointment",
                    more=_how_broken,
                ),
            ),
            (
                *_common(),
                *of_patient("patient"),
                Param(
                    "date", "date", days("date_from", "date_to", instant="start_at"), ("date_from", "date_to"), _DAYS
                ),
                Param("practitioner", "reference", reference_to({"provider": "provider_id"}), ("provider_id",)),
                Param(
                    "location",
                    "reference",
                    reference_to({"location": "location_id", "operatory": "operatory_id"}),
                    ("location_id", "operatory_id"),
                    "A clinic or a chair.",
                ),
                Param("status", "token", words("status", appointments.STATUS, known=_APPOINTMENT_CODES), ("status",)),
            ),
            "Visits. Which procedures a visit is for is said in single reads and in searches by patient.",
        ),
        Type(
            "Procedure",
            (_procedures(procedures.procedure, procedures.STATUS, unless_asked=("deleted",)),),
            (
                *_PROCEDURE_PARAMS,
                Param("date", "date", days("date_from", "date_to"), ("date_from", "date_to"), _DAYS),
                Param("status", "token", words("status", procedures.STATUS, known=_EVENT_CODES), ("status",)),
            ),
            "Work that was done here or was found done. Deleted ones come only where `entered-in-error` is asked for.",
        ),
        Type(
            "ServiceRequest",
            (_procedures(service_requests.service_request, service_requests.STATUS),),
            (
                *_PROCEDURE_PARAMS,
                Param("authored", "date", days("date_from", "date_to"), ("date_from", "date_to"), _DAYS),
                Param("status", "token", words("status", service_requests.STATUS, known=_REQUEST_CODES), ("status",)),
            ),
            "Work that is planned or referred.",
        ),
        Type(
            "Claim",
            (_claims(claims.claim),),
            (
                *_CLAIM_PARAMS,
                Param("insurer", "reference", reference_to({"carrier": "carrier_id"}), ("carrier_id",)),
                Param("created", "date", day_of("sent_on"), says=_DAYS),
                Param("status", "token", words("status", claims.STATUS, known=_CLAIM_CODES), ("status",)),
            ),
            "Items are left out, and the resource is marked SUBSETTED, where no patient and no id is asked for.",
        ),
        Type(
            "ExplanationOfBenefit",
            (
                _claims(
                    explanations.explanation_of_benefit,
                    fits=lambda shown: shown["status"] == "received",
                    usual={"status": ["received"]},
                ),
            ),
            (
                *_CLAIM_PARAMS,
                Param("claim", "reference", same_as("claim"), ("ids",)),
                Param("created", "date", day_of("received_on"), says=_DAYS),
                Param("status", "token", words("status", explanations.STATUS, known=_CLAIM_CODES), ("status",)),
            ),
            "Claims that were answered, under the claim's id. Marked SUBSETTED like claims.",
        ),
        Type(
            "Coverage",
            (
                family_part(
                    COVERAGES,
                    CoveragesQuery,
                    table="inssub",
                    show=coverage,
                    scoped=True,
                    fits=lambda shown: bool(shown.get("patients")),
                ),
            ),
            (
                _ID,
                *of_patient("patient", "beneficiary"),
                Param("status", "token", _status_of_coverage, says="`active` or `draft` (pending)."),
            ),
            "What covers a patient now, one for each patient: the id carries whose it is. Needs the patient or ids.",
        ),
        Type(
            "AllergyIntolerance",
            (_history(ALLERGIES, AllergiesQuery, table="allergy", show=allergies.allergy_intolerance),),
            (
                *_HISTORY_PARAMS,
                Param("clinical-status", "token", mapped_code("status", allergies.STATUS, known=_ALLERGY_CODES)),
            ),
            _OF_PATIENT,
        ),
        Type(
            "MedicationStatement",
            (_history(MEDICATIONS, MedicationsQuery, table="medicationpat", show=medications.medication_statement),),
            (
                *_HISTORY_PARAMS,
                Param("status", "token", mapped_code("is_current", medications.STATUS, known=_MEDICATION_CODES)),
            ),
            _OF_PATIENT,
        ),
        Type(
            "Condition",
            (_history(CONDITIONS, ConditionsQuery, table="disease", show=conditions.condition),),
            (
                *_HISTORY_PARAMS,
                Param("clinical-status", "token", mapped_code("status", conditions.STATUS, known=_CONDITION_CODES)),
            ),
            _OF_PATIENT,
        ),
        Type(
            "Communication",
            (
                family_part(
                    COMMUNICATIONS,
                    CommunicationsQuery,
                    table="commlog",
                    show=communications.communication,
                    scoped=True,
                ),
            ),
            (
                *_common(),
                *of_patient("patient", "subject"),
                Param("sent", "date", _contact(received=False), ("date_from", "date_to"), _DAYS),
                Param("received", "date", _contact(received=True), ("date_from", "date_to"), _DAYS),
                Param("medium", "token", _medium, says="A code of v3-ParticipationMode."),
            ),
            "What was written down of contacts, not the messages themselves. Ids carry the patient.",
        ),
        Type(
            "Schedule",
            (
                Part(
                    kind="schedule",
                    scope="schedules",
                    table="schedule",
                    query=SchedulesQuery,
                    lists=list_schedules,
                    gets=get_schedule,
                    show=schedules.schedule,
                    fits=lambda shown: shown["kind"] == "provider_hours",
                    usual={"kind": ["provider_hours"]},
                ),
            ),
            (
                *_common(),
                Param("date", "date", days("date_from", "date_to"), ("date_from", "date_to"), _DAYS),
                Param(
                    "actor",
                    "reference",
                    reference_to({"provider": "provider_id", "location": "location_id", "operatory": "operatory_id"}),
                    ("provider_id", "location_id", "operatory_id"),
                    "A practitioner, a clinic or a chair.",
                ),
            ),
            "The hours that somebody works, stretch by stretch: nothing repeats by itself.",
        ),
        Type(
            "Slot",
            (
                Part(
                    kind="slot",
                    scope="slots",
                    table="slot",
                    query=SlotsQuery,
                    lists=list_free_times,
                    gets=get_free_time,
                    show=slot,
                    own_ids=True,
                ),
            ),
            (
                Param(
                    "start", "date", days("date_from", "date_to", instant="start_at"), ("date_from", "date_to"), _DAYS
                ),
                Param("-duration", "number", _minutes, ("duration_minutes",), _LENGTH),
                Param(
                    "appointment-type",
                    "token",
                    _kind_of_visit,
                    ("appointment_type_id",),
                    "The code that Appointment.appointmentType shows; it has a length unless `-duration` says one.",
                ),
                Param(
                    "schedule.actor",
                    "reference",
                    _whose_time,
                    ("provider_id", "operatory_id", "location_id"),
                    "A practitioner, a clinic or a chair. The only chain there is.",
                ),
                Param("status", "token", _free, says="`free`: of nothing else is there a resource."),
            ),
            "Free times for a visit of a length: `-duration` or `appointment-type` is needed, and both scopes, "
            "slots:read and schedules:read. From today on, 14 days unless `start` says otherwise, 31 at most.",
        ),
    )
}
"""Resource type -> how it is served."""
