"""The writes: what is checked before a turn is queued, and the plan each one becomes."""

from __future__ import annotations

from typing import Any

from gateway.core.callers import Caller
from gateway.core.capability import require
from gateway.core.errors import Conflict
from gateway.core.operations import Operation
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.requests import submit
from gateway.core.slots.heeding import hold_for
from gateway.core.writes.models import Booking, InsurancePayment, PatientPayment, RefundPayment
from gateway.core.writes.naming import allowed, key_in, named, start_of


def create_appointment(booking: Booking, *, caller: Caller, key: str, on: Services) -> Operation:
    """Queue a booking. The operation's result is the appointment; its plan is `gateway.core.writes.appointment`.

    Raises:
        NotFound: an id that is none, or of another practice; a hold that is not the caller's.
        Invalid: a wall time that does not exist, or a hold of another time.
        PermissionMissing, VersionTooOld, KeyReused, QueueFull.
    """
    patient = named(booking.patient_id, "patient", "patient_id")
    practice = allowed(caller, patient, "appointments", on, practice_id=booking.practice_id, param="patient_id")
    require(practice, "appointments.create")
    start = start_of(booking.local_start, booking.start_at, practice)
    assert start is not None
    input_ = {
        "patient": patient.key,
        "provider": key_in(booking.provider_id, "provider", practice, "provider_id"),
        "operatory": key_in(booking.operatory_id, "operatory", practice, "operatory_id"),
        "hygienist": key_in(booking.hygienist_id, "provider", practice, "hygienist_id"),
        "type": key_in(booking.appointment_type_id, "appointment_type", practice, "appointment_type_id"),
        "local_start": start.isoformat(timespec="seconds"),
        "pattern": booking.wire_pattern,
        "note": booking.note,
        "is_hygiene": booking.is_hygiene,
        "is_new_patient": booking.is_new_patient,
        "is_asap": booking.is_asap,
        "allow_double_booking": booking.allow_double_booking,
        "allow_outside_schedule": booking.allow_outside_schedule,
    }
    # Only where they were sent, so that a repeat of what an earlier release took is still a repeat.
    if booking.allow_past:
        input_["allow_past"] = True
    if booking.hold_id is not None:
        input_["hold"] = hold_for(booking.hold_id, input_, practice, caller, on)
    return submit("appointments.create", input_, practice=practice, caller=caller, idempotency_key=key, on=on)


def create_payment(
    payment: PatientPayment | InsurancePayment | RefundPayment, *, caller: Caller, key: str, on: Services
) -> Operation:
    """Queue a payment or a refund. The operation's result is the payment with its allocations.

    Raises:
        NotFound: an id that is none, or of another practice.
        PermissionMissing, VersionTooOld, KeyReused, QueueFull.
    """
    if isinstance(payment, InsurancePayment):
        return _insurance(payment, caller, key, on)
    if isinstance(payment, RefundPayment):
        return _refund(payment, caller, key, on)
    patient = named(payment.patient_id, "patient", "patient_id")
    practice = allowed(caller, patient, "payments", on, practice_id=payment.practice_id, param="patient_id")
    require(practice, "payments.create")
    if payment.allocations:
        require(practice, "payments.Partial", "procedurelogs.get", "payplancharges.list")
    input_ = _common(payment, practice) | {
        "patient": patient.key,
        "location": key_in(payment.location_id, "location", practice, "location_id"),
        "only_this_patient": payment.only_this_patient,
        "is_prepayment": payment.is_prepayment,
        "allocations": [
            [key_in(one.procedure_id, "procedure", practice, "allocations"), f"{one.amount.value}"]
            for one in payment.allocations
        ],
    }
    return submit("payments.create_for_patient", input_, practice=practice, caller=caller, idempotency_key=key, on=on)


def _insurance(payment: InsurancePayment, caller: Caller, key: str, on: Services) -> Operation:
    claim = named(payment.claim_id, "claim", "claim_id")
    practice = allowed(caller, claim, "payments", on, practice_id=payment.practice_id, param="claim_id")
    require(practice, "claims.get", "claims.update", "claimprocs.update", "claimpayments.create", "claimpayments.get")
    input_ = _common(payment, practice) | {
        "claim": claim.key,
        "issued_on": payment.issued_on and payment.issued_on.isoformat(),
        "lines": [
            {
                "line": key_in(line.claim_line_id, "claim_line", practice, "lines"),
                "paid": f"{line.paid.value}",
                "write_off": line.write_off and f"{line.write_off.value}",
                "deductible": line.deductible and f"{line.deductible.value}",
                "remarks": line.remarks,
            }
            for line in payment.lines
        ],
    }
    return submit("payments.create_for_claim", input_, practice=practice, caller=caller, idempotency_key=key, on=on)


def _refund(payment: RefundPayment, caller: Caller, key: str, on: Services) -> Operation:
    paid = named(payment.payment_id, "payment", "payment_id")
    practice = allowed(caller, paid, "payments", on, practice_id=payment.practice_id, param="payment_id")
    require(practice, "payments.Refund", "paysplits.list")
    if paid.key < 0:
        raise Conflict("only patients' payments can be refunded", param="payment_id", reason="insurance")
    input_ = {
        "payment": paid.key,
        "patient": key_in(payment.patient_id, "patient", practice, "patient_id"),
        "amount": payment.amount and f"{payment.amount.value}",
        "allow_duplicate": payment.allow_duplicate,
    }
    return submit("payments.refund", input_, practice=practice, caller=caller, idempotency_key=key, on=on)


def _common(payment: PatientPayment | InsurancePayment, practice: Practice) -> dict[str, Any]:
    return {
        "amount": f"{payment.amount.value}",
        # The plan fills in the day: a default taken now would make a repeat on the next day another request.
        "received_on": payment.received_on and payment.received_on.isoformat(),
        "payment_type": key_in(payment.payment_type_id, "definition", practice, "payment_type_id"),
        "check_number": payment.check_number,
        "bank_branch": payment.bank_branch,
        "note": payment.note,
    }
