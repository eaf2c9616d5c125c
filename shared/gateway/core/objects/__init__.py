"""The normalized objects as pydantic models: the published schema. Answers are made by `core.normalize`."""

from gateway.core.objects.appointment import Appointment
from gateway.core.objects.claim import Claim
from gateway.core.objects.envelopes import ListOf, OperationView, PracticeView
from gateway.core.objects.patient import Patient
from gateway.core.objects.payment import Payment
from gateway.core.objects.procedure import Procedure
from gateway.core.objects.values import Meta, Money

__all__ = [
    "Appointment",
    "Claim",
    "ListOf",
    "Meta",
    "Money",
    "OperationView",
    "Patient",
    "Payment",
    "PracticeView",
    "Procedure",
]
