"""What callers read when one of the gateway's own fields is refused."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.authenticate import Credentials
from gateway.core.errors import Invalid
from gateway.core.reads.queries import ClaimsQuery, PatientsQuery
from gateway.core.writes.intake.patients import NewPatient
from gateway.core.writes.models import Booking, PaymentInput
from gateway.web.http import request_of
from gateway.web.params import body_model, query_model
from tests.fakes.gateway_events import Context, event

BOOKING = {"patient_id": "pat_x", "provider_id": "prov_x", "operatory_id": "op_x", "local_start": "2026-03-09T09:00:00"}
PAYMENT = {"kind": "patient", "patient_id": "pat_x", "amount": {"amount": "62.00"}}
NAMED = {"name": {"first": "Ada", "last": "Test"}}
IDS = "takes an id; ids are those that this API gave"


@pytest.mark.parametrize(
    ("model", "query", "param", "detail"),
    [
        (PatientsQuery, {"nmae": "x"}, "nmae", 'there is no such parameter; did you mean "name"?'),
        (PatientsQuery, {"first_name": "x"}, "first_name", 'there is no such parameter; did you mean "name"?'),
        (
            PatientsQuery,
            {"update_since": "x"},
            "update_since",
            'there is no such parameter; did you mean "updated_since"?',
        ),
        (PatientsQuery, {"ids": "pat"}, "ids", f"ids: {IDS}"),
        (PatientsQuery, {"provider_id": "7"}, "provider_id", f"provider_id: {IDS}"),
        (PatientsQuery, {"birth_date": "1066-10-14"}, "birth_date", "birth_date: takes none before 1880-01-01"),
        (PatientsQuery, {"name": "x"}, "name", "name: takes at least 2 characters"),
        (
            ClaimsQuery,
            {"status": "paid,paid"},
            "status",
            "status: takes unsent, held, queued, sent, received, in_process or other",
        ),
    ],
)
def test_a_parameter_is_refused_in_our_own_words(model: Any, query: dict[str, str], param: str, detail: str) -> None:
    with pytest.raises(Invalid) as refused:
        query_model(request_of(event("GET", "/x", query=query), Context()), model)

    assert (refused.value.param, refused.value.detail, refused.value.more) == (param, detail, {})


@pytest.mark.parametrize(
    ("model", "body", "param", "detail"),
    [
        (Booking, {**BOOKING, "pattern": "XO"}, "pattern", "takes one character for each 5 minutes"),
        (Booking, {**BOOKING, "duration_minutes": 7}, "duration_minutes", "takes a multiple of 5"),
        (Booking, {**BOOKING, "local_start": "2026-02-30T09:00:00"}, "local_start", "takes a time of the calendar"),
        (Booking, {**BOOKING, "pateint_id": "x"}, "pateint_id", 'did you mean "patient_id"?'),
        (NewPatient, {**NAMED, "first_name": "x"}, "first_name", 'did you mean "name"?'),
        (NewPatient, {"name": {**NAMED["name"], "frist": "x"}}, "name.frist", 'did you mean "first"?'),
        (NewPatient, {**NAMED, "phone_number": "x"}, "phone_number", 'did you mean "phones"?'),
        (PaymentInput, {**PAYMENT, "kind": "Marker"}, "kind", 'say "patient" or "insurance"'),
        (PaymentInput, {**PAYMENT, "amount": {"amount": "6.205"}}, "amount.amount", "takes decimal text"),
        (PaymentInput, {**PAYMENT, "amount": {"amuont": "6"}}, "amount.amount", "is needed"),
        (Credentials, {"customer_key": "Mark er"}, "customer_key", "takes a key as Open Dental shows it"),
        (Credentials, {"customer_key": "x", "mode": "Marker"}, "mode", "takes remote"),
    ],
)
def test_a_field_is_refused_in_our_own_words(model: Any, body: dict[str, Any], param: str, detail: str) -> None:
    with pytest.raises(Invalid) as refused:
        body_model(request_of(event("POST", "/x", body=body), Context()), model)

    assert refused.value.param == param
    assert detail in refused.value.detail
    assert not any(one in refused.value.detail for one in ("Marker", "Mark er", "6.205", "[", "^"))
