"""What a claim looks like, and when it may be called denied."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from gateway.core import objects
from gateway.core.ids import parse_row_id
from gateway.core.normalize import claim
from tests.fakes import ELM_STREET
from tests.fakes.rows import claim_row, line_row

READ_AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def shown(lines: list[dict[str, Any]] | None = None, **columns: Any) -> dict[str, Any]:
    made = claim(claim_row(**columns), practice=ELM_STREET, synced_at=READ_AT, lines=lines)
    objects.Claim.model_validate(made, strict=True)
    return made


def test_received_with_nothing_paid_is_no_denial_by_itself() -> None:
    """Zeroing in bulk and plans that pay the patient look the same; a wrong denial sends a patient a bill."""
    assert shown([line_row()])["is_denied"] is None
    assert shown()["is_denied"] is None


@pytest.mark.parametrize(
    ("evidence", "kind"),
    [
        ({"ClaimAdjReasonCodes": "CO-96"}, "reason_code"),
        ({"Remarks": "not a covered service"}, "remarks"),
        ({"ClaimPaymentTracking": 80, "claimPaymentTracking": "Denied"}, "payment_tracking"),
    ],
)
def test_evidence_makes_a_denial(evidence: dict[str, Any], kind: str) -> None:
    made = shown([line_row(**evidence)])

    assert made["is_denied"] is True
    assert made["denial_evidence"][0]["kind"] == kind


@pytest.mark.parametrize(
    "explained",
    [
        {"lines": [line_row(ClaimAdjReasonCodes="PR-1, CO-45")]},
        {"lines": [line_row(Remarks="annual maximum reached")]},
        {"lines": [line_row()], "DedApplied": Decimal("100.0")},
        {"lines": [line_row(Status="CapClaim", Remarks="see contract")]},
        {"lines": [line_row(Status="Preauth", Remarks="x")], "ClaimType": "PreAuth"},
        {"lines": [line_row(Remarks="x")], "ClaimType": "Cap"},
        {"lines": [line_row(Remarks="x"), line_row(2, InsPayAmt=Decimal("10.0"))]},
    ],
)
def test_a_deductible_a_maximum_or_money_explains_the_answer(explained: dict[str, Any]) -> None:
    assert shown(**explained)["is_denied"] is False


def test_a_maximum_on_one_line_does_not_excuse_another() -> None:
    made = shown(
        [
            line_row(ClaimPaymentTracking=80, claimPaymentTracking="Denied, maximum met"),
            line_row(2, Remarks="not covered"),
        ]
    )

    assert made["is_denied"] is True
    assert [piece["value"] for piece in made["denial_evidence"]] == ["not covered"]


def test_a_reason_code_outweighs_a_deductible() -> None:
    assert shown([line_row(ClaimAdjReasonCodes="CO-96")], DedApplied=Decimal("100.0"))["is_denied"] is True


@pytest.mark.parametrize("status", ["U", "H", "W", "S", "I"])
def test_an_unanswered_claim_is_neither(status: str) -> None:
    assert shown([line_row(Status="NotReceived", Remarks="x")], ClaimStatus=status)["is_denied"] is None


def test_a_tracked_reason_that_somebody_typed_is_shown_and_proves_nothing() -> None:
    made = shown([line_row()], ReasonUnderPaid="asked the carrier")

    assert made["is_denied"] is None
    assert [piece["kind"] for piece in made["denial_evidence"]] == ["underpaid_reason"]


def test_the_patients_portion_is_what_neither_pays_nor_writes_off() -> None:
    paid: dict[str, Any] = {"InsPayAmt": Decimal("60.0"), "WriteOff": Decimal("15.5")}

    assert shown(**paid)["totals"]["patient_portion"]["amount"] == "24.50"
    assert shown(ClaimStatus="S")["totals"]["patient_portion"]["amount"] == "20.00"


def test_a_secondary_claim_counts_what_the_first_payer_covered_or_says_nothing() -> None:
    """It repeats the whole fee: without the first payer's part the patient would be billed twice."""
    line = line_row(PaidOtherIns=Decimal("70.0"))

    assert shown(ClaimType="S", ClaimStatus="S")["totals"]["patient_portion"] is None
    assert shown([line_row()], ClaimType="S", ClaimStatus="S")["totals"]["patient_portion"] is None
    assert shown([line], ClaimType="S", ClaimStatus="S", InsPayEst=Decimal("10.0"))["totals"]["patient_portion"] == {
        "amount": "20.00",
        "currency": "USD",
    }


def test_lines_are_its_own_and_minus_one_is_null() -> None:
    made = shown(
        [line_row(2, ClinicNum=8, ClaimPaymentNum=5), line_row(1, CopayOverride=Decimal("0.0")), line_row(3, 2)]
    )

    assert [line["copay"] and line["copay"]["amount"] for line in made["lines"]] == ["0.00", None]
    assert made["lines"][0]["allowed"] is None
    assert made["location_id"] is not None
    assert [parse_row_id(one, "payment").key for one in made["payment_ids"]] == [-5]


def test_without_lines_what_they_say_is_left_out() -> None:
    assert not {"lines", "payment_ids", "denial_evidence", "location_id", "carrier"} & set(shown())


def test_a_preauthorization_has_no_day_of_service() -> None:
    assert shown(ClaimType="PreAuth", DateService="0001-01-01")["service_on"] is None
