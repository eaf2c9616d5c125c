"""What payment plans, adjustments and benefits look like where rows are unusual."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.core.normalize.accounts import adjustment, balance, payment_plan
from gateway.core.normalize.coverages import benefit_kind, coverage
from gateway.core.objects.account import Balance, PaymentPlan
from gateway.core.objects.coverage import Coverage
from tests.fakes import ELM_STREET

READ_AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def plan_row(**columns: Any) -> dict[str, Any]:
    return {
        "PayPlanNum": 4,
        "PatNum": 1,
        "Guarantor": 2,
        "PayPlanDate": "2026-01-05",
        "APR": 6,
        "PlanNum": 0,
        "CompletedAmt": "0.0",
        "InsSubNum": 0,
        "PaySchedule": "BiWeekly",
        "ChargeFrequency": "Monthly",
        "NumberOfPayments": 3,
        "PayAmt": "100.0",
        "IsClosed": "false",
        "IsDynamic": "false",
        "DatePayPlanStart": "2001-01-01",
        "DateInterestStart": "0001-01-01",
        **columns,
    }


def charge_row(number: int, day: str, **columns: Any) -> dict[str, Any]:
    row = {"PayPlanChargeNum": number, "PayPlanNum": 4, "ChargeDate": day, "ChargeType": "Debit"}
    return row | {"Principal": "100.0", "Interest": "0.5", "ProcNum": 0, "IsOffset": "false", **columns}


def shown_plan(row: dict[str, Any], **more: Any) -> dict[str, Any]:
    made = payment_plan(row, practice=ELM_STREET, synced_at=READ_AT, **more)
    PaymentPlan.model_validate(made, strict=True)
    return made


def amounts(totals: dict[str, Any]) -> dict[str, str | None]:
    return {name: one and one["amount"] for name, one in totals.items() if name != "is_schedule_complete"}


CHARGES = [charge_row(1, "2026-02-02"), charge_row(2, "2026-03-02"), charge_row(3, "2026-04-02")]


def test_an_old_plan_knows_all_it_will_charge_and_only_part_of_it_is_due() -> None:
    credit = charge_row(9, "2026-01-05", ChargeType="Credit", Principal="300.0", Interest="0.0", ProcNum=8)
    splits = [{"PayPlanNum": 4, "PayPlanChargeNum": 1, "SplitAmt": "60.0"}, {"PayPlanNum": 5, "SplitAmt": "7.0"}]
    made = shown_plan(plan_row(), charges=[*CHARGES, credit], links=[], splits=splits)

    assert amounts(made["totals"]) == {
        "financed": "300.00",
        "principal": "300.00",
        "interest": "1.50",
        "come_due": "201.00",
        "paid": "60.00",
        "due": "141.00",
        "remaining": "241.50",
    }
    assert [(one["kind"], one["paid"] and one["paid"]["amount"]) for one in made["charges"]] == [
        ("credit", None),
        ("charge", "60.00"),
        ("charge", "0.00"),
        ("charge", "0.00"),
    ]
    assert (made["frequency"], made["first_payment_on"], made["annual_percentage_rate"]) == (
        "every_other_week",
        None,
        "6",
    )


def test_a_dynamic_plan_does_not_pretend_to_know_what_will_come() -> None:
    made = shown_plan(plan_row(IsDynamic="true"), charges=CHARGES[:1], links=None)

    assert made["totals"]["financed"] is made["totals"]["remaining"] is made["links"] is None
    assert not made["totals"]["is_schedule_complete"]
    assert made["totals"]["due"]["amount"] == "100.50"


def test_a_dynamic_plan_has_left_what_of_its_completed_work_is_not_paid() -> None:
    splits = [{"PayPlanNum": 4, "SplitAmt": "100.5"}]
    made = shown_plan(plan_row(IsDynamic="true", CompletedAmt="500.0"), charges=CHARGES[:1], links=[], splits=splits)

    assert (made["totals"]["remaining"]["amount"], made["totals"]["due"]["amount"]) == ("400.00", "0.00")


def test_carriers_pay_an_insurance_plan_and_patients_do_not() -> None:
    lines = [{"PayPlanNum": 4, "InsPayAmt": "80.0"}]
    splits = [{"PayPlanNum": 4, "SplitAmt": "5.0"}]
    row = plan_row(PlanNum=3, InsSubNum=6)
    made = shown_plan(row, charges=CHARGES, links=[], splits=splits, lines=lines)

    assert (made["kind"], made["totals"]["paid"]["amount"]) == ("insurance", "80.00")


def test_an_offset_takes_back_what_was_charged() -> None:
    offset = charge_row(2, "2026-02-03", Principal="-40.0", Interest="0.0", IsOffset="true")
    made = shown_plan(plan_row(IsDynamic="true"), charges=[CHARGES[0], offset], links=[])

    assert made["totals"]["due"]["amount"] == "60.50"


def test_what_closing_answers_in_other_types_is_read_alike() -> None:
    """Close sends bare booleans where the other calls send words."""
    made = shown_plan(plan_row(IsDynamic=True, IsClosed=True, PaySchedule=0))

    assert (made["kind"], made["is_closed"]) == ("dynamic", True)


def test_a_charge_is_added_and_a_discount_taken_off() -> None:
    made = [
        adjustment({"AdjNum": 1, "PatNum": 2, "AdjAmt": amount}, practice=ELM_STREET, synced_at=READ_AT)
        for amount in (12, "-7.5")
    ]

    assert [(one["effect"], one["amount"]["amount"], one["signed_amount"]["amount"]) for one in made] == [
        ("charge", "12.00", "12.00"),
        ("credit", "7.50", "-7.50"),
    ]


def test_the_familys_row_is_no_member_though_it_has_the_guarantors_key() -> None:
    members = [
        {"PatNum": 7, "Name": "Marker, Zoe", "Balance": 20},
        {"PatNum": 8, "Name": "Marker, Max", "Balance": 68},
        {"PatNum": 7, "Name": "Entire Family", "Balance": 88},
    ]
    made = balance(
        7,
        practice=ELM_STREET,
        synced_at=READ_AT,
        members=members,
        aging={"Total": "88.0", "InsEst": 0, "EstBal": "88.0"},
        own_aging=None,
        aged_on=None,
        family="Entire Family",
    )

    Balance.model_validate(made, strict=True)
    assert (made["portion"]["amount"], made["family"]["portion"]["amount"]) == ("20.00", "88.00")
    assert len(made["family"]["patient_ids"]) == 2 and made["guarantor_id"] == made["id"]
    assert "Marker" not in str(made)


LIMIT = {
    "BenefitType": "Limitations",
    "MonetaryAmt": "1500.0",
    "TimePeriod": "CalendarYear",
    "QuantityQualifier": "None",
}
GENERAL, ORTHO = {"EbenefitCat": "General"}, {"EbenefitCat": "Orthodontics"}


@pytest.mark.parametrize(
    ("columns", "category", "kind"),
    [
        ({}, None, "annual_maximum"),
        ({"CovCatNum": 1}, GENERAL, "annual_maximum"),
        ({"CovCatNum": 13}, ORTHO, "maximum"),
        ({"CodeNum": 5}, None, "maximum"),
        ({"TimePeriod": "Lifetime", "CovCatNum": 13}, ORTHO, "lifetime_maximum"),
        ({"MonetaryAmt": "-1.0", "QuantityQualifier": "NumberOfServices"}, None, "frequency"),
        ({"MonetaryAmt": "-1.0", "TimePeriod": "NumberInLast12Months"}, None, "frequency"),
        ({"MonetaryAmt": "-1.0", "QuantityQualifier": "AgeLimit"}, None, "age_limit"),
        ({"MonetaryAmt": "-1.0"}, None, "limitation"),
        ({"BenefitType": "Deductible"}, None, "deductible"),
        ({"BenefitType": "SomethingNew"}, None, "other"),
    ],
)
def test_a_limit_is_what_its_columns_make_it(columns: dict[str, Any], category: dict[str, str], kind: str) -> None:
    assert benefit_kind(LIMIT | columns, category) == kind


def test_what_a_benefit_does_not_say_is_null_and_not_nothing() -> None:
    row = {"InsSubNum": 1, "PlanNum": 3, "Subscriber": 2}
    empty = {"BenefitNum": 1, "PlanNum": 3, "BenefitType": "CoInsurance", "Percent": -1, "MonetaryAmt": "-1.0"}
    none = empty | {"BenefitNum": 2, "Percent": 0}
    made = coverage(row, practice=ELM_STREET, synced_at=READ_AT, benefits=[empty, none], places=[])

    Coverage.model_validate(made, strict=True)
    assert [(one["percent"], one["amount"]) for one in made["benefits"]] == [(None, None), (0, None)]


@pytest.mark.parametrize("word", ["InjuredPlantiff", "InjuredPlaintiff"])
def test_both_spellings_of_a_relationship_are_one(word: str) -> None:
    place = {"PatPlanNum": 1, "PatNum": 2, "InsSubNum": 1, "Ordinal": 1, "Relationship": word}
    made = coverage({"InsSubNum": 1}, practice=ELM_STREET, synced_at=READ_AT, places=[place])

    assert made["patients"][0]["relationship"] == "injured_plaintiff"
