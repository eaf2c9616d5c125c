"""Every type of event: of which object, when there is one, and which fields it may tell before and after. Data.

The fields are words of status, dates of the object itself and ids of what it moved between: nothing else is ever told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.core.ids import PREFIXES


@dataclass(frozen=True, slots=True)
class Subject:
    """An object that events are of. `scope`: who may read the object may read its events (`{scope}:read`); None where
    that is no matter of scopes (`is_for`)."""

    object: str
    scope: str | None
    told: tuple[str, ...]
    """Fields of the object whose values an event tells."""
    related: tuple[str, ...] = ()
    """Ids that an event carries."""


_VISIT_IDS: Final = ("patient_id", "location_id", "provider_id", "operatory_id")

_MESSAGE_IDS: Final = ("patient_id", "appointment_id", "recall_id", "rule_id")
MESSAGES_DUE: Final = ("reminder", "recall_outreach", "payment_request", "after_visit")
"""Objects of the events that say that a message may be sent."""

SUBJECTS: Final[Mapping[str, Subject]] = {
    one.object: one
    for one in (
        Subject("appointment", "appointments", ("status", "start_at", "end_at", "local_start"), _VISIT_IDS),
        Subject(
            "procedure",
            "procedures",
            ("status", "planned_on", "performed_on"),
            ("patient_id", "location_id", "provider_id", "appointment_id"),
        ),
        Subject("claim", "claims", ("status", "service_on", "sent_on", "received_on"), ("patient_id", "coverage_id")),
        Subject("payment", "payments", ("kind", "received_on", "entered_on"), ("patient_id", "location_id")),
        Subject("insurance_payment", "payments", ("kind", "received_on", "entered_on"), ("location_id",)),
        Subject("patient", "patients", ("status",), ("guarantor_id", "location_id", "into_patient_id")),
        Subject("balance", "balances", (), ("patient_id", "guarantor_id")),
        Subject("web_sched", "appointments", ("kind", "status", "start_at", "end_at", "local_start"), _VISIT_IDS),
        Subject("intake", "patients", ("kind",), ("patient_id", "intake_id")),
        Subject("recall", "recalls", ("due_on", "scheduled_on", "previous_on"), ("patient_id",)),
        Subject("treatment_plan", "treatment_plans", ("status", "planned_on", "signed_at"), ("patient_id",)),
        Subject("communication", "communications", ("at",), ("patient_id",)),
        Subject(
            "finding",
            "reconciliation",
            ("kind", "severity", "state"),
            ("patient_id", "family_id", "claim_id", "payment_id", "procedure_id", "carrier_id"),
        ),
        *(Subject(name, "messages", ("kind", "expire_at"), _MESSAGE_IDS) for name in MESSAGES_DUE),
        Subject("message", "messages", ("kind", "reason"), _MESSAGE_IDS),
        Subject("operation", None, ("state", "kind"), ("client_id",)),
        Subject("practice", "practices", ("state", "expires_on", "days_left"), ()),
    )
}

TYPES: Final[Mapping[str, str]] = {
    "appointment.created": "A visit was booked, planned or put on the unscheduled list.",
    "appointment.updated": "Something of a visit changed that no other type of event tells.",
    "appointment.rescheduled": "A visit has another start: it was moved, or put back on the schedule.",
    "appointment.confirmed": "The visit's confirmation came to mean confirmed.",
    "appointment.arrived": "The patient is there.",
    "appointment.seated": "The patient sits in the chair.",
    "appointment.completed": "The visit was set complete.",
    "appointment.broken": "The visit was broken; whether it was missed or cancelled is not said yet.",
    "appointment.no_show": "The patient did not come.",
    "appointment.cancelled": "The visit was cancelled.",
    "appointment.deleted": "The visit is gone.",
    "procedure.planned": "Work was charted as planned, or is planned again.",
    "procedure.updated": "Something else of a procedure changed, or one was charted that is neither planned nor done.",
    "procedure.completed": "Work was done.",
    "procedure.deleted": "A procedure was deleted.",
    "claim.created": "A claim was made.",
    "claim.updated": "Something of a claim changed but its status: amounts, dates, its lines.",
    "claim.sent": "A claim was sent.",
    "claim.received": "A claim was answered.",
    "claim.status_changed": "A claim has another status, which is neither sent nor received.",
    "claim.denied": "A claim that was answered with nothing has evidence of a denial.",
    "claim.deleted": "A claim is gone.",
    "payment.posted": "A patient's payment or refund was entered.",
    "payment.updated": "A patient's payment, or how it is split, changed.",
    "payment.voided": "A patient's payment is gone.",
    "insurance_payment.posted": "A carrier's payment was entered.",
    "insurance_payment.updated": "A carrier's payment changed.",
    "insurance_payment.voided": "A carrier's payment is gone.",
    "patient.created": "A patient was added.",
    "patient.updated": "Something of a patient changed but what is owed.",
    "patient.merged": "A patient was merged into another, says the office's own record of it.",
    "patient.merge_suspected": "Rows of one patient became another's, as they do when two patients are merged.",
    "patient.deleted": "A patient was marked as deleted, or is gone.",
    "balance.changed": "What a patient or family owes changed.",
    "recall.due": "The day has come on which a recall is due.",
    "recall.created": "A recall was made.",
    "recall.updated": "A recall changed.",
    "recall.deleted": "A recall is gone.",
    "treatment_plan.created": "A treatment plan was made.",
    "treatment_plan.updated": "A treatment plan changed.",
    "treatment_plan.accepted": "A treatment plan was signed by the patient.",
    "treatment_plan.deleted": "A treatment plan is gone.",
    "communication.logged": "A contact with a patient was logged.",
    "communication.updated": "What was logged of a contact changed.",
    "communication.deleted": "What was logged of a contact is gone.",
    "web_sched.booked": "A patient booked a visit on line.",
    "intake.received": "A form came in from a patient: a web form, or one that waited on a tablet.",
    "practice.offline": "A practice does not answer.",
    "practice.online": "A practice answers again.",
    "practice.capabilities_changed": "What the gateway can do at a practice changed: version, permissions, pace.",
    "practice.baa_expiring": "A practice's agreement ends in 60, 30 or 7 days, and with it all reading and writing.",
    "operation.succeeded": "A write through the gateway has succeeded.",
    "operation.failed": "A write through the gateway has failed; its operation says whether a part of it stands.",
    "operation.unknown": "The answer to a write was lost; whether it was done is being found out, and told.",
    "sync.loaded": "All of a practice is in its mirror: from now on its changes are told.",
    "webhook.disabled": "An endpoint gets no more events, because it kept failing or said that it is gone.",
    "practice.key_rotated": "A practice's customer key was exchanged: from now on it is called with the new one.",
    "practice.rotation_waiting": "For a day an office has not added the key that is to be its new one.",
    "practice.rotation_failed": "An exchange of a practice's key was given up; the present key stays in use.",
    "finding.opened": "Reconciliation found that something in a practice's money does not add up, or does not again.",
    "finding.resolved": "What reconciliation had found adds up now.",
    "reminder.due": "A reminder of a visit may be sent now.",
    "recall_outreach.due": "A message about a recall may be sent now.",
    "payment_request.due": "A request to pay what is owed may be sent now.",
    "after_visit.due": "A message after a visit may be sent now.",
    "message.withdrawn": "A message that was due, and is not known to be sent, must not be sent any more.",
}
"""Type -> what has happened. `{object}.{what}`."""


ID_PREFIXES: Final[Mapping[str, str]] = {
    **PREFIXES,
    "insurance_payment": PREFIXES["payment"],
    "balance": PREFIXES["patient"],
    "intake": PREFIXES["patient"],
    "web_sched": PREFIXES["appointment"],
    "sync": PREFIXES["practice"],
    **dict.fromkeys(MESSAGES_DUE, PREFIXES["message"]),
}
"""By an event's object: what `object_id` begins with."""


def subject_of(type_: str) -> Subject | None:
    """The object that a type is of; None for those of the gateway's own affairs (`sync`, `webhook`)."""
    return SUBJECTS.get(type_.partition(".")[0])
