"""What the two writes refuse before anything is queued, and the field that they name for it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.core import writes
from gateway.core.errors import Invalid, NotFound
from gateway.core.ids import new_id, row_id
from gateway.core.writes.models import Booking, PaymentInput
from tests.fakes import ELM_STREET, FakeServices, a_caller

BOOKING: dict[str, Any] = {
    "patient_id": row_id("patient", ELM_STREET.id, 7),
    "provider_id": row_id("provider", ELM_STREET.id, 1),
    "operatory_id": row_id("operatory", ELM_STREET.id, 3),
    "local_start": datetime(2026, 3, 9, 9),  # noqa: DTZ001  (wall time)
    "duration_minutes": 30,
}
PATIENT: dict[str, Any] = {"kind": "patient", "patient_id": "pat_x", "amount": {"amount": "10.00"}}
CLAIM: dict[str, Any] = {"kind": "insurance", "claim_id": "clm_x", "amount": {"amount": "10.00"}}
PAYMENT: TypeAdapter[Any] = TypeAdapter(PaymentInput)


def allocation(procedure: str, amount: str) -> dict[str, Any]:
    return {"procedure_id": procedure, "amount": {"amount": amount}}


def blamed(error: ValidationError) -> list[str | None]:
    """What the rules that were broken call the field to look at."""
    return [one.get("ctx", {}).get("param") for one in error.errors()]


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        ({"local_start": None}, "local_start"),
        ({"start_at": datetime(2026, 3, 9, 15, tzinfo=UTC)}, "local_start"),
        ({"local_start": "2026-03-09T09:00:30"}, "local_start"),
        ({"local_start": None, "start_at": datetime(2026, 3, 9, 15, 0, 30, tzinfo=UTC)}, "start_at"),
        ({"duration_minutes": None}, "duration_minutes"),
        ({"pattern": "XX"}, "pattern"),
        ({"duration_minutes": None, "time_blocks": ({"minutes": 300}, {"minutes": 300})}, "time_blocks"),
        ({"is_hygiene": True}, "hygienist_id"),
    ],
)
def test_a_booking_that_breaks_a_rule_names_the_field(sent: dict[str, Any], param: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Booking.model_validate(BOOKING | sent)

    assert blamed(refused.value) == [param]


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        (PATIENT | {"amount": {"amount": "0.00"}}, "amount"),
        (PATIENT | {"allocations": (allocation("p", "9.00"),)}, "allocations"),
        (PATIENT | {"allocations": (allocation("p", "10.00"), allocation("q", "0.00"))}, "allocations"),
        (PATIENT | {"allocations": (allocation("p", "5.00"), allocation("p", "5.00"))}, "allocations"),
        (PATIENT | {"allocations": (allocation("p", "10.00"),), "is_prepayment": True}, "allocations"),
        (CLAIM | {"amount": {"amount": "0"}}, "amount"),
        (CLAIM | {"lines": ({"claim_line_id": "l", "paid": {"amount": "5.00"}},) * 2}, "lines"),
    ],
)
def test_a_payment_that_breaks_a_rule_names_the_field(sent: dict[str, Any], param: str) -> None:
    with pytest.raises(ValidationError) as refused:
        PAYMENT.validate_python(sent)

    assert blamed(refused.value) == [param]


@pytest.mark.parametrize("amount", ["９.00", "٥.00", "1e2", "-1", "1.234", "1,00", "", "NaN", 1, 1.5])
def test_money_is_decimal_text_in_plain_digits(amount: Any) -> None:
    with pytest.raises(ValidationError, match="amount"):
        PAYMENT.validate_python(PATIENT | {"amount": {"amount": amount}})


@pytest.mark.parametrize("day", [date(1, 1, 1), date(9999, 12, 31)])
def test_no_money_is_received_at_the_end_of_the_calendar(day: date) -> None:
    """Year 1 is how Open Dental writes that there is no date: the payment would stand and never be found by its day."""
    with pytest.raises(ValidationError, match="received_on"):
        PAYMENT.validate_python(PATIENT | {"received_on": day})


@pytest.mark.parametrize("year", [1, 9999])
def test_a_visit_at_the_end_of_the_calendar_is_refused(year: int) -> None:
    """Its neighbouring days do not exist; looking for them ended the worker, again and again."""
    for sent in (
        {"local_start": f"{year:04}-01-01T00:00:00"},
        {"local_start": None, "start_at": datetime(year, 1, 1, tzinfo=UTC)},
    ):
        with pytest.raises(ValidationError, match=r"local_start|start_at"):
            Booking.model_validate(BOOKING | sent)


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        ({"patient_id": "pat_nobody"}, "patient_id"),
        ({"patient_id": row_id("patient", new_id("practice"), 7)}, "patient_id"),
        ({"provider_id": row_id("patient", ELM_STREET.id, 1)}, "provider_id"),
        ({"provider_id": row_id("provider", ELM_STREET.id, 0)}, "provider_id"),
        ({"operatory_id": row_id("operatory", new_id("practice"), 3)}, "operatory_id"),
        ({"appointment_type_id": "apt_x"}, "appointment_type_id"),
    ],
)
def test_an_id_that_names_nothing_is_refused_by_its_field(sent: dict[str, Any], param: str) -> None:
    """Key 0 is Open Dental's word for nobody: the visit would stand without a provider."""
    on = FakeServices()
    with pytest.raises(NotFound) as refused:
        writes.create_appointment(Booking.model_validate(BOOKING | sent), caller=a_caller(), key="k", on=on)

    assert refused.value.param == param
    assert not on.calls.turns


@pytest.mark.parametrize(("hour", "is_taken"), [(6, True), (7, False)])
def test_the_second_of_two_equal_wall_times_cannot_be_booked(hour: int, is_taken: bool) -> None:
    """In Chicago 1:30 comes twice on 1 November 2026; the office's clock would show the visit an hour early."""
    on = FakeServices()
    booking = Booking.model_validate(
        BOOKING | {"local_start": None, "start_at": datetime(2026, 11, 1, hour, 30, tzinfo=UTC)}
    )
    if is_taken:
        assert writes.create_appointment(booking, caller=a_caller(), key="k", on=on).id
        return
    with pytest.raises(Invalid) as refused:
        writes.create_appointment(booking, caller=a_caller(), key="k", on=on)
    assert refused.value.param == "start_at"
