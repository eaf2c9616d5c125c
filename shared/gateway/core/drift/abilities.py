"""What can be asked of this API about a practice, and what each takes of Open Dental: data.

A test holds the table to the routes of the deployment, to the families of reads, to the kinds of operations and to
every `capability.require` of a use case, so that nothing new is forgotten here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Ability:
    """One thing that can be asked. `routes`: as they are called. `does`: what, for people, as an activity.

    `needs`: operations of the catalogue that it takes. `helps`: operations without which it is less, and what is less
    then. `queries`: what is less, or costs more, where the office may not be asked by SQL. `takes_files`: it takes an
    SFTP server of the deployment's own. `is_raw`: it is whatever the catalogue has.
    """

    name: str
    routes: tuple[str, ...]
    does: str
    needs: tuple[str, ...] = ()
    helps: Mapping[str, str] = field(default_factory=dict)
    queries: str | None = None
    takes_files: bool = False
    is_raw: bool = False


def _read(path: str, does: str, *needs: str, helps: Mapping[str, str] | None = None, **more: str) -> Ability:
    routes = (f"GET /{path}", f"GET /{path}/{{id}}")
    return Ability(f"{path}.read", routes, does, needs, helps or {}, more.get("queries"))


def _set_up(path: str, resource: str, does: str, *, helps: Mapping[str, str] | None = None) -> Ability:
    return _read(path, does, f"{resource}.list", helps=helps)


_LABELS: Final = {"definitions.list": "the office's own words for it are left out"}
_BY_PATIENT: Final = "read for one patient at a time; a list over all patients takes a mirror that may query"

ABILITIES: Final[tuple[Ability, ...]] = (
    Ability(
        "patients.read",
        ("GET /patients", "GET /patients/{id}", "POST /patients/search"),
        "finding and reading patients",
        ("patients.get", "patients.Simple", "patients.list"),
        {"patfields.list": "the office's own fields of patients are left out"},
    ),
    Ability(
        "patient_360.read",
        ("GET /patients/{id}/360",),
        "all of a patient in one answer",
        ("patients.get",),
        {
            "allergies.list": "alerts are left out",
            "diseases.list": "alerts are left out",
            "medicationpats.list": "alerts are left out",
            "popups.list": "alerts are left out",
            "patientnotes.get": "alerts are left out",
            "appointments.list": "visits are left out",
            "procedurelogs.list": "treatment is left out",
            "familymodules.Insurance": "coverage is left out",
            "accountmodules.Aging": "balances are left out",
            "recalls.list": "recalls are left out",
            "patients.Simple": "the family is left out",
            "claims.list": "claims are left out",
            "commlogs.list": "contacts are left out",
        },
    ),
    Ability(
        "day.read",
        ("GET /day",),
        "a day of the office in one answer",
        ("appointments.list",),
        {
            "patients.get": "patients and balances are left out",
            "familymodules.Insurance": "coverage is left out",
            "recalls.list": "recalls are left out",
            "allergies.list": "alerts are left out",
            "diseases.list": "alerts are left out",
            "medicationpats.list": "alerts are left out",
            "schedules.list": "schedules are left out",
        },
        queries="what the patients of the day have costs a call for each of them, unless a mirror has it",
    ),
    Ability(
        "appointments.read",
        ("GET /appointments", "GET /appointments/{id}"),
        "reading visits",
        ("appointments.list", "appointments.get"),
        {
            "histappointments.list": "a broken visit is not told apart from one that was cancelled or missed",
            "apptfields.get": "the office's own fields of visits are left out",
            **_LABELS,
        },
    ),
    Ability(
        "procedures.read",
        ("GET /procedures", "GET /procedures/{id}", "GET /procedurelogs", "GET /procedurelogs/{id}"),
        "reading procedures",
        ("procedurelogs.list",),
        {"procedurelogs.get": "procedures by id are found through their patient"},
    ),
    _read(
        "claims", "reading claims", "claims.list", "claimprocs.list", helps={"claims.get": "claims by id are slower"}
    ),
    Ability(
        "payments.read",
        ("GET /payments", "GET /payments/{id}"),
        "reading payments",
        ("payments.list", "paysplits.list", "claimpayments.list", "claimpayments.get", "claimprocs.list"),
    ),
    _read("adjustments", "reading adjustments", "adjustments.list", queries=_BY_PATIENT),
    _read(
        "payment_plans",
        "reading payment plans",
        "payplans.list",
        "payplancharges.list",
        "paysplits.list",
        "preferences.list",
        helps={
            "claimprocs.list": "plans of insurance are left out",
            "payplanlinks.list": "what dynamic plans are for is left out",
        },
    ),
    _read(
        "balances",
        "reading what families owe",
        "accountmodules.PatientBalances",
        "accountmodules.Aging",
        "preferences.list",
    ),
    _read(
        "coverages",
        "reading insurance coverage",
        "inssubs.list",
        "patplans.list",
        "insplans.list",
        "carriers.list",
        helps={
            "benefits.list": "benefits are left out",
            "insverifies.list": "when it was verified is left out",
        },
    ),
    _read(
        "treatment_plans",
        "reading treatment plans",
        "treatplans.list",
        "treatplanattaches.list",
        "proctps.list",
        "procedurelogs.list",
    ),
    _read(
        "perio_exams",
        "reading exams of the gums",
        "perioexams.list",
        helps={"periomeasures.list": "measures are left out"},
    ),
    _read("intakes", "reading forms that patients filled in", "sheets.list", "sheetfields.list"),
    _read("allergies", "reading allergies", "allergies.list", queries=_BY_PATIENT),
    _read("medications", "reading medications", "medicationpats.list", queries=_BY_PATIENT),
    _read(
        "conditions",
        "reading problems",
        "diseases.list",
        helps={"preferences.list": "what stands for none is shown as a problem"},
    ),
    _read("communications", "reading contacts with patients", "commlogs.list", helps=_LABELS),
    _read(
        "recalls",
        "reading recalls",
        "recalls.list",
        helps={"recalltypes.list": "names of the kinds are left out", **_LABELS},
    ),
    _read(
        "tasks", "reading the staff's tasks", "tasks.list", helps={"tasknotes.list": "notes are left out", **_LABELS}
    ),
    _set_up("task_lists", "tasklists", "reading the lists that tasks lie in"),
    Ability(
        "documents.read",
        ("GET /documents", "GET /documents/{id}"),
        "reading what lies in patients' folders",
        ("documents.list",),
        _LABELS,
        queries=_BY_PATIENT,
    ),
    Ability(
        "document_contents.read",
        ("GET /documents/{id}/content",),
        "getting the files themselves",
        ("documents.get", "documents.DownloadSftp"),
        {"documents.DownloadMount": "sets of pictures cannot be had"},
        takes_files=True,
    ),
    _set_up("providers", "providers", "reading who works there", helps=_LABELS),
    _set_up("locations", "clinics", "reading the practice's clinics"),
    _set_up("operatories", "operatories", "reading the chairs"),
    _set_up("carriers", "carriers", "reading insurance companies"),
    _set_up("appointment_types", "appointmenttypes", "reading kinds of visit"),
    _set_up("procedure_codes", "procedurecodes", "reading procedure codes"),
    _set_up("recall_types", "recalltypes", "reading kinds of recall"),
    _set_up("definitions", "definitions", "reading the words that the office defines"),
    _read(
        "schedules",
        "reading who works when",
        "schedules.list",
        helps={"schedules.get": "a schedule by its id cannot be read"},
    ),
    Ability(
        "slots.read",
        ("GET /slots", "GET /slots/next_available"),
        "finding free times",
        ("schedules.list", "appointments.list", "operatories.list"),
        {"appointmenttypes.list": "what blockouts are kept for is not heeded"},
    ),
    Ability(
        "slots.hold",
        ("POST /slots/hold", "DELETE /slots/hold/{id}"),
        "keeping a free time for a while",
        ("schedules.list", "appointments.list", "operatories.list"),
    ),
    Ability(
        "fhir.read",
        ("GET /fhir/R4/metadata", "GET /fhir/R4/{type}", "GET /fhir/R4/{type}/{id}", "POST /fhir/R4/{type}/_search"),
        "reading as FHIR resources, each as its object above",
        ("patients.get",),
    ),
    Ability(
        "appointments.create",
        ("POST /create_appointment", "POST /appointments"),
        "booking visits",
        ("appointments.create", "appointments.list", "schedules.list"),
    ),
    Ability(
        "appointments.update",
        ("PATCH /appointments/{id}",),
        "changing visits",
        ("appointments.get", "appointments.update"),
        {"appointments.Confirm": "visits cannot be confirmed", "appointments.Break": "visits cannot be broken"},
    ),
    Ability(
        "patients.create",
        ("POST /patients",),
        "adding patients",
        ("patients.create", "patients.get", "patients.Simple"),
    ),
    Ability("patients.update", ("PATCH /patients/{id}",), "changing patients", ("patients.update", "patients.get")),
    Ability(
        "intakes.approve",
        ("POST /intakes/{id}/approve", "POST /intakes/{id}/dismiss"),
        "taking over what patients wrote on forms",
        ("sheets.list", "sheetfields.list", "patients.update", "patients.get"),
    ),
    Ability(
        "procedures.create",
        ("POST /procedures", "POST /procedurelogs"),
        "charting procedures",
        ("procedurelogs.create", "procedurelogs.list"),
    ),
    Ability(
        "procedures.update",
        ("PATCH /procedures/{id}", "PATCH /procedurelogs/{id}"),
        "changing procedures",
        ("procedurelogs.update", "procedurelogs.get"),
    ),
    Ability(
        "claims.create",
        ("POST /claims",),
        "making claims",
        ("claims.create", "claims.list", "claimprocs.list", "patplans.list", "procedurelogs.list"),
    ),
    Ability(
        "claims.update",
        ("PATCH /claims/{id}",),
        "changing claims",
        ("claims.update", "claimprocs.list"),
        {"claims.Status": "claims cannot be moved on"},
    ),
    Ability(
        "communications.create",
        ("POST /communications",),
        "logging contacts with patients",
        ("commlogs.create", "commlogs.list"),
    ),
    Ability("recalls.update", ("PATCH /recalls/{id}",), "changing recalls", ("recalls.update", "recalls.list")),
    Ability(
        "payments.create_for_patient",
        ("POST /create_payment", "POST /payments"),
        "entering patients' payments",
        ("payments.create",),
        {
            "payments.Partial": "payments cannot be split by procedure",
            "procedurelogs.get": "payments cannot be split by procedure",
            "payplancharges.list": "payments cannot be split by procedure",
        },
    ),
    Ability(
        "payments.create_for_claim",
        ("POST /create_payment", "POST /payments"),
        "entering carriers' payments",
        ("claims.get", "claims.update", "claimprocs.update", "claimpayments.create", "claimpayments.get"),
    ),
    Ability(
        "payments.refund",
        ("POST /create_payment", "POST /payments"),
        "refunding payments",
        ("payments.Refund", "paysplits.list"),
    ),
    Ability(
        "resources",
        (
            "GET /resources",
            *(
                f"{method} /resources/{{resource}}{more}"
                for more in ("", "/{key}", "/{key}/{action}")
                for method in ("GET", "POST", "PATCH", "DELETE")
            ),
        ),
        "raw access, operation by operation",
        is_raw=True,
    ),
    Ability(
        "mirror",
        (),
        "keeping a copy that reads are answered from",
        ("patients.Simple", "appointments.list"),
        queries="changes are asked for list by list, and what has no list is not copied",
    ),
    Ability(
        "native_events",
        (),
        "having the practice's machines tell what changes",
        ("subscriptions.list", "subscriptions.create", "subscriptions.update"),
    ),
)
"""In the order in which they are shown. Those without a route are how the gateway itself works at the practice."""

QUERIES: Final = "queries.ShortQuery"
"""What `Ability.queries` is about."""
