"""What each route answers when all goes well, where its handler's arguments do not say it.

A handler that takes an `IdempotencyKey` and a `Prefer` answers with its operation; every other route has a row here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.core.normalize.by_fhir import LACKS
from gateway.core.objects.account import Adjustment, Balance, PaymentPlan
from gateway.core.objects.agreement import PracticeBaa
from gateway.core.objects.appointment import Appointment
from gateway.core.objects.audience import Audience, AudiencePeople
from gateway.core.objects.audit import AuditTrail, Disclosures
from gateway.core.objects.capabilities import CapabilitiesView
from gateway.core.objects.claim import Claim
from gateway.core.objects.clinical import Allergy, Condition, Medication
from gateway.core.objects.coverage import Coverage
from gateway.core.objects.day import Day
from gateway.core.objects.desk import Communication, Recall, Task, TaskList
from gateway.core.objects.document import Document, DocumentContent
from gateway.core.objects.envelopes import ListOf, OperationView, PageOf, PracticeAlone, PracticeView
from gateway.core.objects.event import LoggedEvent
from gateway.core.objects.export import Export, ExportFiles, ExportWithProgress
from gateway.core.objects.group import Group, MatchedPatients, Patient360Across
from gateway.core.objects.health import DeploymentHealth, PracticeHealth
from gateway.core.objects.intake import Intake, IntakeDecision, IntakeWithAnswers
from gateway.core.objects.message import Message, MessageAnswered, MessageRule, MessageWithContent
from gateway.core.objects.office import (
    AppointmentType,
    Carrier,
    Definition,
    Location,
    Operatory,
    ProcedureCode,
    Provider,
    RecallType,
)
from gateway.core.objects.onboarding import NewPracticeView, OnboardingStep, OnboardingView
from gateway.core.objects.patient import Patient
from gateway.core.objects.patient_360 import Patient360
from gateway.core.objects.payment import Payment
from gateway.core.objects.practice_keys import RotationView
from gateway.core.objects.procedure import Procedure
from gateway.core.objects.raw import Directory
from gateway.core.objects.reconciliation import Aging, Finding, Findings
from gateway.core.objects.removal import RemovalView, SignedCertificate, VerifiedCertificate
from gateway.core.objects.schedule import Schedule
from gateway.core.objects.session import SessionView
from gateway.core.objects.slot import FirstSlots, Slot, SlotHold
from gateway.core.objects.sync import SyncView
from gateway.core.objects.treatment import PerioExam, TreatmentPlan
from gateway.core.objects.values import Object
from gateway.core.objects.webhook import (
    Webhook,
    WebhookDelivery,
    WebhookRedelivery,
    WebhookTrial,
    WebhookWithHealth,
    WebhookWithSecret,
)
from gateway.core.objects.workflow import WorkflowRun, WorkflowRunHead

NOTHING: Final = None
"""No body."""


Route = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Shown:
    """Success: by status the model of the body, and the headers that stand there in any case. `media`: what kind of
    text the body is."""

    bodies: Mapping[int, Any]
    headers: tuple[str, ...] = field(default=())
    media: str = "application/json"
    may_have: tuple[str, ...] = field(default=())
    """Headers that stand there now and then."""
    refusals: tuple[int, ...] = field(default=())
    """Statuses of refusals that its arguments do not tell of."""


def _shows(model: Any, status: int = 200, *headers: str) -> Shown:
    return Shown({status: model}, headers)


def _families() -> Iterator[tuple[Route, Shown]]:
    families: Mapping[str, type[Object]] = {
        "/adjustments": Adjustment,
        "/allergies": Allergy,
        "/appointment_types": AppointmentType,
        "/appointments": Appointment,
        "/balances": Balance,
        "/carriers": Carrier,
        "/claims": Claim,
        "/communications": Communication,
        "/conditions": Condition,
        "/coverages": Coverage,
        "/definitions": Definition,
        "/documents": Document,
        "/locations": Location,
        "/medications": Medication,
        "/operatories": Operatory,
        "/patients": Patient,
        "/payment_plans": PaymentPlan,
        "/payments": Payment,
        "/perio_exams": PerioExam,
        "/procedure_codes": ProcedureCode,
        "/procedurelogs": Procedure,
        "/procedures": Procedure,
        "/providers": Provider,
        "/recall_types": RecallType,
        "/recalls": Recall,
        "/schedules": Schedule,
        "/task_lists": TaskList,
        "/tasks": Task,
        "/treatment_plans": TreatmentPlan,
    }
    for path, model in families.items():
        yield ("GET", path), _shows(ListOf[model])  # type: ignore[valid-type]
        yield ("GET", f"{path}/{{id}}"), _shows(model)


def may_lack() -> Mapping[type, tuple[str, ...]]:
    """Model -> its fields that an object lacks where its row came by FHIR; `meta.omitted` names them."""
    models: Mapping[str, type[Object]] = {
        "allergy": Allergy,
        "appointment": Appointment,
        "communication": Communication,
        "condition": Condition,
        "location": Location,
        "medication": Medication,
        "operatory": Operatory,
        "patient": Patient,
        "procedure": Procedure,
        "provider": Provider,
    }
    # What was done has no day that it was planned on.
    return {models[kind]: (*names, *({"procedure": ("planned_on",)}.get(kind, ()))) for kind, names in LACKS.items()}


_PATIENTS: Final = _shows(ListOf[Patient] | MatchedPatients)

SHOWN: Final[Mapping[Route, Shown]] = {
    **dict(_families()),
    ("GET", "/patients"): _PATIENTS,
    ("POST", "/patients/search"): _PATIENTS,
    ("GET", "/patients/{id}/360"): _shows(Patient360 | Patient360Across),
    ("GET", "/documents/{id}/content"): _shows(DocumentContent),
    ("GET", "/day"): _shows(Day),
    ("GET", "/slots"): _shows(ListOf[Slot]),
    ("GET", "/slots/next_available"): _shows(FirstSlots),
    ("POST", "/slots/hold"): _shows(SlotHold, 201),
    ("DELETE", "/slots/hold/{id}"): _shows(NOTHING, 204),
    ("POST", "/authenticate"): _shows(SessionView),
    ("DELETE", "/session"): _shows(NOTHING, 204),
    ("GET", "/health"): _shows(DeploymentHealth),
    ("GET", "/practices/{id}/health"): _shows(PracticeHealth),
    ("GET", "/practices"): _shows(PageOf[PracticeView]),
    ("GET", "/practices/{id}"): _shows(PracticeAlone),
    # An operation where the ways are changed.
    ("PATCH", "/practices/{id}"): Shown({200: PracticeAlone | OperationView, 202: OperationView}),
    ("GET", "/practices/{id}/baa"): _shows(PracticeBaa),
    ("POST", "/practices/{id}/baa"): _shows(PracticeBaa, 201, "Location"),
    ("DELETE", "/practices/{id}/baa"): _shows(NOTHING, 204),
    ("POST", "/practices"): Shown(dict.fromkeys((200, 201, 202), NewPracticeView)),
    ("GET", "/practices/{id}/onboarding"): _shows(OnboardingView),
    ("PATCH", "/practices/{id}/onboarding"): Shown({200: OnboardingStep, 202: OnboardingStep}),
    ("DELETE", "/practices/{id}"): _shows(RemovalView, 202, "Location"),
    ("GET", "/practices/{id}/removal"): _shows(RemovalView),
    ("PATCH", "/practices/{id}/removal"): Shown({200: RemovalView, 202: RemovalView}),
    ("GET", "/practices/{id}/erasure_certificate"): _shows(SignedCertificate),
    ("POST", "/practices/{id}/erasure_certificate/verify"): _shows(VerifiedCertificate),
    ("GET", "/practices/{id}/rotations"): _shows(PageOf[RotationView]),
    ("POST", "/practices/{id}/rotations"): _shows(RotationView, 201, "Location"),
    ("GET", "/practices/{id}/rotations/{rotation_id}"): _shows(RotationView),
    ("DELETE", "/practices/{id}/rotations/{rotation_id}"): _shows(RotationView, 202),
    ("GET", "/practices/{id}/sync"): _shows(SyncView),
    ("GET", "/practices/{id}/capabilities"): _shows(CapabilitiesView),
    ("PATCH", "/practices/{id}/sync"): _shows(SyncView),
    ("GET", "/audit"): _shows(AuditTrail),
    ("GET", "/audit/disclosures"): _shows(Disclosures),
    ("GET", "/exports"): _shows(PageOf[Export]),
    ("POST", "/exports"): Shown({202: Export, 200: Export}, ("Location",)),
    ("GET", "/exports/{id}"): _shows(ExportWithProgress),
    ("GET", "/exports/{id}/files"): _shows(ExportFiles),
    ("GET", "/reconciliation/findings"): _shows(Findings),
    ("GET", "/reconciliation/findings/{id}"): _shows(Finding),
    ("GET", "/reconciliation/aging"): _shows(Aging),
    ("GET", "/reconciliation/journal"): Shown({200: str}, media="text/csv"),
    ("GET", "/workflow_runs"): _shows(PageOf[WorkflowRunHead]),
    ("GET", "/workflow_runs/{id}"): _shows(WorkflowRun),
    ("POST", "/workflow_runs"): Shown({202: WorkflowRun, 200: WorkflowRun}, ("Location",)),
    ("POST", "/workflow_runs/{id}/restart"): _shows(WorkflowRun, 202, "Location"),
    ("POST", "/workflow_runs/{id}/stop"): _shows(WorkflowRun),
    ("GET", "/groups"): _shows(PageOf[Group]),
    ("POST", "/groups"): _shows(Group, 201, "Location"),
    ("GET", "/groups/{id}"): _shows(Group),
    ("PATCH", "/groups/{id}"): _shows(Group),
    ("DELETE", "/groups/{id}"): _shows(NOTHING, 204),
    ("POST", "/audiences"): _shows(Audience, 202, "Location", "Retry-After"),
    ("GET", "/audiences/{id}"): _shows(Audience),
    ("GET", "/audiences/{id}/people"): Shown({200: AudiencePeople}, refusals=(409,)),
    ("GET", "/audiences/{id}/export"): Shown({200: str}, media="text/csv", may_have=("Next-Cursor",), refusals=(409,)),
    ("DELETE", "/audiences/{id}"): _shows(NOTHING, 204),
    ("GET", "/intakes"): _shows(ListOf[Intake]),
    ("GET", "/intakes/{id}"): _shows(IntakeWithAnswers),
    ("POST", "/intakes/{id}/dismiss"): _shows(IntakeDecision),
    ("GET", "/operations/{id}"): _shows(OperationView),
    ("GET", "/events"): _shows(PageOf[LoggedEvent]),
    ("GET", "/events/{id}"): _shows(LoggedEvent),
    ("GET", "/message_rules"): _shows(PageOf[MessageRule]),
    ("POST", "/message_rules"): _shows(MessageRule, 201, "Location"),
    ("GET", "/message_rules/{id}"): _shows(MessageRule),
    ("PATCH", "/message_rules/{id}"): _shows(MessageRule),
    ("DELETE", "/message_rules/{id}"): _shows(NOTHING, 204),
    ("GET", "/messages"): _shows(PageOf[Message]),
    ("GET", "/messages/{id}"): _shows(MessageWithContent),
    ("POST", "/messages/{id}/claim"): _shows(Message),
    ("POST", "/messages/{id}/outcomes"): _shows(MessageAnswered),
    ("GET", "/webhooks"): _shows(PageOf[Webhook]),
    ("POST", "/webhooks"): _shows(WebhookWithSecret, 201, "Location"),
    ("GET", "/webhooks/{id}"): _shows(WebhookWithHealth),
    ("PATCH", "/webhooks/{id}"): _shows(Webhook),
    ("DELETE", "/webhooks/{id}"): _shows(NOTHING, 204),
    ("POST", "/webhooks/{id}/rotate"): _shows(WebhookWithSecret),
    ("POST", "/webhooks/{id}/approve"): _shows(Webhook),
    ("POST", "/webhooks/{id}/withdraw"): _shows(NOTHING, 204),
    ("POST", "/webhooks/{id}/test"): _shows(WebhookTrial),
    ("GET", "/webhooks/{id}/deliveries"): _shows(PageOf[WebhookDelivery]),
    ("POST", "/webhooks/{id}/redeliver"): _shows(WebhookRedelivery, 202),
    ("GET", "/resources"): _shows(Directory),
}
