"""The read use cases: lists and single objects of the four families, in their envelopes.

Each asks `allow` first, chooses what Open Dental is asked by, has the rows fetched, applies *every* filter here over
all of them, and cuts the page that the cursor names. A list answers `{data, has_more, next_cursor, meta}`, a single
object itself with `meta` beside its fields.
"""

from gateway.core.reads.appointments import get_appointment, list_appointments
from gateway.core.reads.claims import get_claim, list_claims
from gateway.core.reads.patients import get_patient, list_patients
from gateway.core.reads.procedures import get_procedure, list_procedures
from gateway.core.reads.queries import (
    AppointmentsQuery,
    ClaimQuery,
    ClaimsQuery,
    ListQuery,
    ObjectQuery,
    PatientsQuery,
    ProceduresQuery,
)

__all__ = [
    "AppointmentsQuery",
    "ClaimQuery",
    "ClaimsQuery",
    "ListQuery",
    "ObjectQuery",
    "PatientsQuery",
    "ProceduresQuery",
    "get_appointment",
    "get_claim",
    "get_patient",
    "get_procedure",
    "list_appointments",
    "list_claims",
    "list_patients",
    "list_procedures",
]
