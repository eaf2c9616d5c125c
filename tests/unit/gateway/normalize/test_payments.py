"""What money looks like."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from gateway.core import objects
from gateway.core.normalize import insurance_payment, operation_view, patient_payment, practice_view
from gateway.core.operations import Operation, OperationState, Request
from tests.fakes import ELM_STREET
from tests.fakes.rows import claim_payment_row, line_row, payment_row, split_row

READ_AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def test_a_patients_payment_names_what_it_is_for() -> None:
    splits = [split_row(2, SplitAmt=Decimal("39.0")), split_row(1, SplitAmt=300, ProcNum=9), split_row(3, payment=2)]
    made = patient_payment(payment_row(), practice=ELM_STREET, synced_at=READ_AT, splits=splits)

    objects.Payment.model_validate(made, strict=True)
    assert [(one["kind"], one["amount"]["amount"]) for one in made["allocations"]] == [
        ("procedure", "300.00"),
        ("unapplied", "39.00"),
    ]
    assert (made["amount"]["amount"], made["unapplied_amount"]["amount"]) == ("339.00", "39.00")
    assert made["method"] == {**made["method"], "category": "check", "label": "Check", "inferred": True}


@pytest.mark.parametrize(
    ("columns", "kind", "signed"),
    [
        ({"PayAmt": "-129.99"}, "refund", "-129.99"),
        ({"PayAmt": "0", "PayType": 0}, "income_transfer", "0.00"),
        ({"PayAmt": "0"}, "patient", "0.00"),
    ],
)
def test_refunds_and_transfers_are_payments_of_their_own_kind(columns: dict[str, Any], kind: str, signed: str) -> None:
    made = patient_payment(payment_row(**columns), practice=ELM_STREET, synced_at=READ_AT, splits=[])

    assert (made["kind"], made["signed_amount"]["amount"]) == (kind, signed)
    assert not made["amount"]["amount"].startswith("-")


def test_an_insurers_payment_pays_lines_and_shares_no_id_with_a_patients() -> None:
    """Both tables count from 1."""
    lines = [line_row(3, ClaimPaymentNum=1, InsPayAmt=Decimal("129.5")), line_row(4, ClaimPaymentNum=2)]
    made = insurance_payment(claim_payment_row(1), practice=ELM_STREET, synced_at=READ_AT, lines=lines)
    patients = patient_payment(payment_row(1), practice=ELM_STREET, synced_at=READ_AT, splits=[split_row()])

    objects.Payment.model_validate(made, strict=True)
    assert made["id"] != patients["id"]
    assert [one["amount"]["amount"] for one in made["allocations"]] == ["129.50"]
    assert (made["source"]["table"], made["source"]["key"], made["unapplied_amount"]["amount"]) == (
        "claimpayment",
        "1",
        "0.00",
    )


def test_operations_and_practices_conform_to_their_schema() -> None:
    operation = Operation(
        id="opn_" + "a" * 16,
        request=Request("payments.create", ELM_STREET.id, "cli_test", {}),
        state=OperationState.QUEUED,
        attempt=1,
        submitted_at=READ_AT,
        reference="r" * 12,
    )

    objects.OperationView.model_validate(operation_view(operation), strict=True)
    objects.PracticeView.model_validate(practice_view(ELM_STREET), strict=True)
    assert ELM_STREET.key_fingerprint not in str(practice_view(ELM_STREET))
