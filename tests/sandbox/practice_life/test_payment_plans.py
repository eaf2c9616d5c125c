"""Payment plans: made, charged, changed, closed."""

from datetime import date
from typing import Any

import pytest

from infra.sandbox.practice.behaviours.payplans import charge_plans

from .conftest import TODAY, Desk


def a_plan(desk: Desk, patient: int, fee: float = 300.0, **more: Any) -> dict[str, Any]:
    body = {"PatNum": patient, "procNums": [desk.work(patient, fee)], "NumberOfPayments": 3} | more
    plan: dict[str, Any] = desk.ask("payplans.DynamicCreate", body=body)
    return plan


def test_a_plan_finances_at_least_one_procedure_or_adjustment_that_no_plan_has(desk: Desk) -> None:
    patient = desk.patient()
    body: dict[str, Any] = {"PatNum": patient, "PayAmt": 50.0}
    assert desk.refused("payplans.DynamicCreate", body=body).status == 400
    foreign = desk.work(desk.patient())
    assert desk.refused("payplans.DynamicCreate", body=body | {"procNums": [foreign]}).status == 400
    work = desk.work(patient)
    plan = desk.ask("payplans.DynamicCreate", body=body | {"procNums": [work]})
    assert desk.refused("payplans.DynamicCreate", body=body | {"procNums": [work]}).status == 400
    assert (plan["IsDynamic"], plan["principalAmount"], plan["Guarantor"]) == ("true", 100, patient)


def test_the_number_of_payments_becomes_an_amount_and_the_terms_stand_in_the_note(desk: Desk) -> None:
    plan = a_plan(desk, desk.patient(), 100.0, Note="Agreed by phone.")
    assert (plan["NumberOfPayments"], plan["PayAmt"]) == (0, 33.34)
    assert plan["Note"].endswith("Agreed by phone.")
    assert len(plan["Note"]) > len("Agreed by phone.")


@pytest.mark.parametrize(
    "wrong", [{"NumberOfPayments": 0}, {"PayAmt": 50.0}, {"APR": 5, "IsLocked": "false"}, {"DownPayment": 900.0}]
)
def test_terms_that_contradict_each_other_are_refused(desk: Desk, wrong: dict[str, Any]) -> None:
    patient = desk.patient()
    body = {"PatNum": patient, "procNums": [desk.work(patient)], "NumberOfPayments": 3} | wrong
    assert desk.refused("payplans.DynamicCreate", body=body).status == 400


def test_the_charges_of_a_dynamic_plan_are_made_when_they_are_due(desk: Desk) -> None:
    plan = a_plan(desk, desk.patient(), DatePayPlanStart="2026-10-31", DownPayment=30.0)["PayPlanNum"]
    assert [row["Principal"] for row in desk.rows("payplancharge")] == [30]
    assert charge_plans(desk.office) == 1
    assert charge_plans(desk.office) == 0
    desk.clock.advance(86400 * 400)
    charge_plans(desk.office)
    rows = desk.ask("payplancharges.list", PayPlanNum=plan)
    assert sum(row["Principal"] for row in rows) == 300
    assert [row["ChargeDate"] for row in rows][1:3] == ["2026-10-31", "2026-11-30"]


@pytest.mark.parametrize(
    ("frequency", "days"),
    [
        ("Weekly", ["2026-11-10", "2026-11-17", "2026-11-24"]),
        ("EveryOtherWeek", ["2026-11-10", "2026-11-24", "2026-12-08"]),
        ("Monthly", ["2026-11-10", "2026-12-10", "2027-01-10"]),
        ("OrdinalWeekday", ["2026-11-10", "2026-12-08", "2027-01-12"]),
        ("Quarterly", ["2026-11-10", "2027-02-10", "2027-05-10"]),
    ],
)
def test_instalments_keep_their_rhythm(desk: Desk, frequency: str, days: list[str]) -> None:
    a_plan(desk, desk.patient(), ChargeFrequency=frequency, DatePayPlanStart="2026-11-10")
    desk.clock.advance(86400 * 400)
    charge_plans(desk.office)
    assert [row["ChargeDate"] for row in desk.rows("payplancharge")] == days


def test_closing_makes_the_rest_and_its_interest_due_today(desk: Desk) -> None:
    plan = a_plan(desk, desk.patient(), 1200.0, APR=12, DatePayPlanStart="2026-11-01")["PayPlanNum"]
    charge_plans(desk.office)
    first = desk.rows("payplancharge")[0]
    assert (first["Interest"], first["Principal"]) == (12, 388)
    shown = desk.ask("payplans.Close", plan)
    assert shown["IsClosed"] is True
    last = desk.rows("payplancharge")[-1]
    assert (last["ChargeDate"], last["Principal"], last["Interest"]) == (TODAY, 812, 8.12)
    assert desk.refused("payplans.Close", plan).status == 400


def test_an_insurance_plan_cannot_be_closed(desk: Desk) -> None:
    patient = desk.patient()
    key = desk.store.insert("payplan", {"PatNum": patient, "PlanNum": 1, "InsSubNum": 1})
    assert desk.refused("payplans.Close", key).status == 400


def test_only_a_dynamic_plan_is_changed_and_its_start_is_fixed_once_it_has_charges(desk: Desk) -> None:
    plan = a_plan(desk, desk.patient(), DatePayPlanStart="2026-11-01")["PayPlanNum"]
    assert desk.ask("payplans.DynamicUpdate", plan, body={"NumberOfPayments": 6})["PayAmt"] == 50
    desk.ask("payplans.DynamicUpdate", plan, body={"DatePayPlanStart": "2026-11-02"})
    charge_plans(desk.office)
    other = desk.patient()
    for body in (
        {"DatePayPlanStart": "2026-11-03"},
        {"Guarantor": other},
        {"PayPlanDate": "2027-01-01"},
        {"DateInterestStart": TODAY},
        {"NumberOfPayments": 6, "PayAmt": 5.0},
    ):
        assert desk.refused("payplans.DynamicUpdate", plan, body=body).status == 400
    old = desk.store.insert("payplan", {"PatNum": other})
    assert desk.refused("payplans.DynamicUpdate", old, body={"Note": "x"}).status == 400


def test_a_link_needs_a_dynamic_plan_and_work_of_its_family(desk: Desk) -> None:
    patient = desk.patient()
    plan = a_plan(desk, patient)["PayPlanNum"]
    body = {"PayPlanNum": plan, "LinkType": "Procedure", "FKey": desk.work(patient, 50)}
    desk.ask("payplanlinks.create", body=body)
    assert desk.ask("payplans.get", plan)["principalAmount"] == 350
    assert desk.refused("payplanlinks.create", body=body).status == 400
    assert desk.refused("payplanlinks.create", body=body | {"FKey": desk.work(desk.patient())}).status == 400
    old = desk.store.insert("payplan", {"PatNum": patient})
    late = body | {"PayPlanNum": old, "FKey": desk.work(patient)}
    assert desk.refused("payplanlinks.create", body=late).status == 400


def test_an_old_office_makes_plans_with_all_their_charges_and_answers_the_terms(desk: Desk) -> None:
    desk.office.version = "23.1.1"
    patient = desk.patient()
    body = {"PatNum": patient, "principalAmount": 90.0, "NumberOfPayments": 3, "DatePayPlanStart": "2026-12-01"}
    terms = desk.ask("payplans.create", body=body)
    (plan,) = desk.rows("payplan")
    assert isinstance(terms, str)
    assert plan["Note"] == terms
    assert not plan["IsDynamic"]
    charges = desk.rows("payplancharge", ChargeType=0)
    assert [(row["ChargeDate"], row["Principal"]) for row in charges] == [
        (str(date(2026 + month // 12, month % 12 + 1, 1)), 30) for month in (11, 12, 13)
    ]
    assert {(row["ProvNum"], row["ClinicNum"]) for row in charges} == {(1, 1)}
