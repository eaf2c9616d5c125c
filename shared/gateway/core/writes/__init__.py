"""The writes: what is checked before a turn is queued, and the plan each one becomes."""

from __future__ import annotations

from typing import Any

from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.capability import require
from gateway.core.errors import Invalid, NotFound
from gateway.core.ids import RowId, parse_row_id
from gateway.core.operations import Operation
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.requests import submit
from gateway.core.slots.heeding import hold_for
from gateway.core.walltime import read_wall, to_wall, write_wall
from gateway.core.writes.models import Booking, InsurancePayment, PatientPayment


def create_appointment(booking: Booking, *, caller: Caller, key: str, on: Services) -> Operation:
    """Queue a booking. The operation's result is the appointment; its plan is `gateway.core.writes.appointment`.

    Raises:
        NotFound: an id that is none, or of another practice; a hold that is not the caller's.
        Invalid: a wall time that does not exist, or a hold of another time.
        PermissionMissing, VersionTooOld, KeyReused, QueueFull.
    """
    patient = _named(booking.patient_id, "patient", "patient_id")
    practice = _allowed(caller, patient, booking.practice_id, "appointments", on, param="patient_id")
    require(practice, "appointments.create")
    start = booking.local_start
    if start is None:
        assert booking.start_at is not None
        if practice.location_zones:
            raise Invalid("locations of this practice lie in different zones: send local_start", param="start_at")
        start = to_wall(booking.start_at, practice.zone())
        if read_wall(start, practice.zone()).instant != booking.start_at:
            # Open Dental keeps wall times, and this one is read as the first of the two.
            raise Invalid(
                "the clocks are put back over this time; the office can only hold the first", param="start_at"
            )
    else:
        write_wall(start, practice.zone(), param="local_start")
    input_ = {
        "patient": patient.key,
        "provider": _key(booking.provider_id, "provider", practice, "provider_id"),
        "operatory": _key(booking.operatory_id, "operatory", practice, "operatory_id"),
        "hygienist": _key(booking.hygienist_id, "provider", practice, "hygienist_id"),
        "type": _key(booking.appointment_type_id, "appointment_type", practice, "appointment_type_id"),
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


def create_payment(payment: PatientPayment | InsurancePayment, *, caller: Caller, key: str, on: Services) -> Operation:
    """Queue a payment. The operation's result is the payment with its allocations.

    Raises:
        NotFound: an id that is none, or of another practice.
        PermissionMissing, VersionTooOld, KeyReused, QueueFull.
    """
    if isinstance(payment, InsurancePayment):
        return _insurance(payment, caller, key, on)
    patient = _named(payment.patient_id, "patient", "patient_id")
    practice = _allowed(caller, patient, payment.practice_id, "payments", on, param="patient_id")
    require(practice, "payments.create")
    if payment.allocations:
        require(practice, "payments.Partial", "procedurelogs.get", "payplancharges.list")
    input_ = _common(payment, practice) | {
        "patient": patient.key,
        "location": _key(payment.location_id, "location", practice, "location_id"),
        "only_this_patient": payment.only_this_patient,
        "is_prepayment": payment.is_prepayment,
        "allocations": [
            [_key(one.procedure_id, "procedure", practice, "allocations"), f"{one.amount.value}"]
            for one in payment.allocations
        ],
    }
    return submit("payments.create_for_patient", input_, practice=practice, caller=caller, idempotency_key=key, on=on)


def _insurance(payment: InsurancePayment, caller: Caller, key: str, on: Services) -> Operation:
    claim = _named(payment.claim_id, "claim", "claim_id")
    practice = _allowed(caller, claim, payment.practice_id, "payments", on, param="claim_id")
    require(practice, "claims.get", "claims.update", "claimprocs.update", "claimpayments.create", "claimpayments.get")
    input_ = _common(payment, practice) | {
        "claim": claim.key,
        "issued_on": payment.issued_on and payment.issued_on.isoformat(),
        "lines": [
            {
                "line": _key(line.claim_line_id, "claim_line", practice, "lines"),
                "paid": f"{line.paid.value}",
                "write_off": line.write_off and f"{line.write_off.value}",
                "deductible": line.deductible and f"{line.deductible.value}",
                "remarks": line.remarks,
            }
            for line in payment.lines
        ],
    }
    return submit("payments.create_for_claim", input_, practice=practice, caller=caller, idempotency_key=key, on=on)


def _common(payment: PatientPayment | InsurancePayment, practice: Practice) -> dict[str, Any]:
    return {
        "amount": f"{payment.amount.value}",
        # The plan fills in the day: a default taken now would make a repeat on the next day another request.
        "received_on": payment.received_on and payment.received_on.isoformat(),
        "payment_type": _key(payment.payment_type_id, "definition", practice, "payment_type_id"),
        "check_number": payment.check_number,
        "bank_branch": payment.bank_branch,
        "note": payment.note,
    }


def _allowed(caller: Caller, row: RowId, practice_id: str | None, obj: str, on: Services, *, param: str) -> Practice:
    """The practice of `row`, which `param` names, if the caller may write there."""
    if practice_id is not None and practice_id != row.practice_id:
        raise NotFound("no such record in this practice", param="practice_id")
    try:
        return allow(caller, row.practice_id, obj, Verb.WRITE, on=on)
    except NotFound:
        raise NotFound(f"no such {row.kind}", param=param) from None


def _named(text: str, kind: str, param: str) -> RowId:
    try:
        return parse_row_id(text, kind)
    except NotFound as error:
        raise NotFound(error.detail, param=param) from None


def _key(text: str | None, kind: str, practice: Practice, param: str) -> int:
    """The upstream key of an id, 0 for none; an id of another practice names nothing here."""
    if text is None:
        return 0
    found = _named(text, kind, param)
    if found.practice_id != practice.id:
        raise NotFound(f"no such {kind.replace('_', ' ')}", param=param)
    return found.key
