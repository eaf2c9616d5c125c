"""What money looks like."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


AMOUNTS = st.decimals(-500, 500, places=2)
LINKS = st.sampled_from([0, 0, 7])


@settings(max_examples=100)
@given(
    paid=AMOUNTS,
    splits=st.lists(
        st.fixed_dictionaries({"SplitAmt": AMOUNTS, "ProcNum": LINKS, "AdjNum": LINKS, "PayPlanChargeNum": LINKS}),
        max_size=4,
    ),
)
def test_what_is_applied_and_what_is_not_make_the_payment_whatever_splits_there_are(
    paid: Decimal, splits: list[dict[str, Any]]
) -> None:
    """Somebody who adds the parts up must not book more or less than came in."""
    rows = [split_row(number, **columns) for number, columns in enumerate(splits, 1)]
    shown = patient_payment(payment_row(PayAmt=str(paid)), practice=ELM_STREET, synced_at=READ_AT, splits=rows)

    applied = sum(Decimal(one["amount"]["amount"]) for one in shown["allocations"] if one["kind"] != "unapplied")
    assert applied + Decimal(shown["unapplied_amount"]["amount"]) == paid == Decimal(shown["signed_amount"]["amount"])


def test_what_pays_a_plan_is_told_from_what_pays_its_work() -> None:
    """A charge of a dynamic plan names the work that it finances, and its split names both."""
    split = split_row(1, SplitAmt=20, PayPlanNum=4, PayPlanChargeNum=5, ProcNum=9)
    (one,) = patient_payment(payment_row(), practice=ELM_STREET, synced_at=READ_AT, splits=[split])["allocations"]

    assert one["kind"] == "plan_charge"
    assert None not in (one["payment_plan_id"], one["plan_charge_id"], one["procedure_id"])


def test_splits_that_were_not_read_are_left_out_and_not_shown_as_none() -> None:
    shown = patient_payment(payment_row(), practice=ELM_STREET, synced_at=READ_AT, splits=None)

    objects.Payment.model_validate(shown, strict=True)
    assert "allocations" not in shown and "unapplied_amount" not in shown


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
