"""Ids of records that are not there: the refusal names the member that sent them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.deployment import deployed

WRITES = ("appointments:write", "payments:write", "communications:write", "procedures:write")
NOBODY = 999_999


@pytest.mark.parametrize(
    ("path", "missing", "body"),
    [
        ("/appointments", "patient_id", {"duration_minutes": 30}),
        ("/appointments", "operatory_id", {"duration_minutes": 30}),
        ("/appointments", "appointment_type_id", {"duration_minutes": 30}),
        ("/payments", "patient_id", {"kind": "patient", "amount": {"amount": "10.00"}}),
        ("/communications", "patient_id", {"note": "x", "mode": "phone", "direction": "received"}),
        ("/procedures", "patient_id", {"code": "D0120", "status": "planned"}),
    ],
)
def test_a_record_that_is_not_there_is_named_by_its_member(path: str, missing: str, body: dict[str, Any]) -> None:
    with deployed(scopes=("*:read", *WRITES)) as office:
        sent: dict[str, Any] = {"patient_id": office.id_of("patient", 1), **body}
        if path == "/appointments":
            sent |= {
                "provider_id": office.id_of("provider", 1), "operatory_id": office.id_of("operatory", 1),
                "local_start": "2031-03-05T09:00:00", "allow_outside_schedule": True,
            }  # fmt: skip
        sent[missing] = office.id_of(missing.removesuffix("_id"), NOBODY)
        refused = office.post(path, sent)

    assert (refused.status, refused.body.get("param")) == (404, missing), refused.body
