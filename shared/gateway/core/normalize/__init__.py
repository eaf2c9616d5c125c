"""Rows of Open Dental -> normalized objects, as plain JSON values.

Pure functions: a raw row in, a dict out that conforms to the model of the same name in `core.objects` (a test holds it
to that). No pydantic here: lists are normalized at every read, and the models are the published schema.

Arguments that all of them share: `practice` gives ids and time zones; `synced_at` is the moment nothing in the row is
older than, aware; `raw=True` adds the row as Open Dental sent it, without secrets. `procedures`, `history`, `lines`
and `splits` are raw rows of `procedurelogs`, `histappointments`, `claimprocs` and `paysplits`; more rows than belong to
the object may be given, the others are passed over. What is not given is left out of the object, never sent as null as
if it were known. An object is the caller's own, but its parts may be shared: change fields, not what is inside them.
"""

from gateway.core.normalize.appointments import appointment
from gateway.core.normalize.claims import claim
from gateway.core.normalize.patients import patient
from gateway.core.normalize.payments import insurance_payment, patient_payment
from gateway.core.normalize.procedures import procedure
from gateway.core.normalize.values import content_version
from gateway.core.normalize.views import operation_view, practice_view

__all__ = [
    "appointment",
    "claim",
    "content_version",
    "insurance_payment",
    "operation_view",
    "patient",
    "patient_payment",
    "practice_view",
    "procedure",
]
