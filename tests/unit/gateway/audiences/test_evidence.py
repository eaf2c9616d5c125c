"""Who fits an audience, and by what."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.audiences.evidence import About, Evidence, When, of_row, reasons
from gateway.core.audiences.filters import FILTERS, NEEDS, OF_ROW, Filter, objects_of
from gateway.core.ids import row_id

ELM = "prac_mvwg2llton2hezlf"
NOW = When(ELM, datetime.fromisoformat("2026-11-18 12:00"))
ROW: dict[str, Any] = {
    "PatNum": 1, "Guarantor": 1, "PatStatus": "Patient", "Birthdate": "1980-02-29", "PriProv": 3, "SecProv": 4,
    "ClinicNum": 2, "Language": "spa", "BalTotal": "120.50",
}  # fmt: skip
RECALL: dict[str, Any] = {
    "RecallNum": 5, "PatNum": 1, "RecallTypeNum": 1, "DateDue": "2026-06-01", "IsDisabled": "false",
    "DateScheduled": "0001-01-01", "DisableUntilDate": "0001-01-01", "DisableUntilBalance": Decimal(0),
}  # fmt: skip
WORK: dict[str, Any] = {
    "ProcNum": 7, "PatNum": 1, "AptNum": 0, "ProcStatus": "TP", "ProcFee": "600.00", "UnitQty": 0, "BaseUnits": 0,
    "DateTP": "2026-05-05", "procCode": "D2740", "ProcDate": "2026-05-05",
}  # fmt: skip
VISIT: dict[str, Any] = {"AptNum": 9, "PatNum": 1, "AptStatus": "Scheduled", "AptDateTime": "2026-11-18 12:30:00"}


def found(about: About, **filters: Any) -> Evidence | None:
    evidence = reasons(Filter.model_validate(filters), about, NOW)
    return None if evidence is None else evidence[0]


def recalled(**changes: Any) -> Evidence | None:
    return found(About(ROW, recalls=[RECALL | changes]), overdue_recall={"by_days": 90})


def test_a_recall_is_overdue_by_more_than_so_many_days() -> None:
    due = NOW.today - timedelta(days=90)

    assert recalled() == Evidence("overdue_recall", on=date(2026, 6, 1), ids=(row_id("recall", ELM, 5),))
    assert recalled(DateDue=str(due)) is None
    assert recalled(DateDue=str(due - timedelta(days=1))) is not None
    assert recalled(DateDue="0001-01-01") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"IsDisabled": "true"},
        {"DateScheduled": "2026-12-01"},
        {"DisableUntilDate": "2027-01-01"},
        {"DisableUntilBalance": Decimal(50)},
    ],
    ids=lambda one: next(iter(one)),
)
def test_a_recall_that_is_off_or_has_its_visit_is_not_overdue(changes: dict[str, Any]) -> None:
    assert recalled(**changes) is None


def test_only_patients_are_recalled_and_only_for_the_kinds_asked_for() -> None:
    other = {"type_ids": [row_id("recall_type", ELM, 2)]}

    assert found(About(ROW | {"PatStatus": "Inactive"}, recalls=[RECALL]), overdue_recall={}) is None
    assert found(About(ROW, recalls=[RECALL]), overdue_recall=other) is None
    assert recalled(DateScheduled="2026-11-01") is not None, "a visit that is over is none to come"


def planned(*visits: dict[str, Any], work: list[dict[str, Any]] | None = None, **asked: Any) -> Evidence | None:
    return found(About(ROW, procedures=work or [WORK], visits=visits), unscheduled_treatment=asked)


def test_work_is_unscheduled_unless_a_visit_to_come_has_it() -> None:
    crown = WORK | {"AptNum": 9}

    assert planned() == Evidence(
        "unscheduled_treatment", on=date(2026, 5, 5), amount=Decimal("600.00"), ids=(row_id("procedure", ELM, 7),)
    )
    assert planned(VISIT, work=[crown]) is None
    assert planned(VISIT | {"AptDateTime": "2026-11-18 11:59:59"}, work=[crown]) is not None
    assert planned(VISIT | {"AptStatus": "UnschedList"}, work=[crown]) is not None
    assert planned(work=[WORK | {"ProcStatus": "C"}]) is None
    assert planned(work=[WORK | {"procCode": "~GRP~"}]) is None


def test_unscheduled_work_is_bounded_by_what_it_comes_to_and_when_it_was_proposed() -> None:
    two = [WORK, WORK | {"ProcNum": 8, "UnitQty": 2, "ProcFee": "100.00", "DateTP": "2026-10-10"}]

    assert planned(work=two, min_total={"amount": "800.00"}) is not None
    assert planned(work=two, min_total={"amount": "800.01"}) is None
    late = planned(work=two, since="2026-10-01")
    assert late is not None and late.amount == Decimal("200.00")


def owing(about: About, **asked: Any) -> Decimal | None:
    evidence = found(about, open_balance=asked)
    return None if evidence is None else evidence.amount


def test_a_balance_is_the_guarantors_and_at_least_so_much() -> None:
    assert owing(About(ROW)) == Decimal("120.50")
    assert owing(About(ROW), min_amount={"amount": "120.51"}) is None
    assert owing(About(ROW | {"Guarantor": 2})) is None
    assert owing(About(ROW | {"BalTotal": "-5.00"}), min_amount={"amount": "0"}) is None


def test_what_is_old_of_a_balance_is_what_the_charges_of_late_do_not_explain() -> None:
    """Payments go to the oldest charge first, so that what is open is of the latest ones."""
    late = {"ProcStatus": "C", "ProcFee": "100.00", "ProcDate": "2026-11-01"}
    family = [late, late | {"ProcDate": "2026-01-01"}, late | {"ProcStatus": "TP"}]

    assert owing(About(ROW, family_procedures=family), older_than_days=30) == Decimal("20.50")
    more = [{"AdjDate": "2026-11-02", "AdjAmt": Decimal("20.5")}, {"AdjDate": "2026-11-02", "AdjAmt": Decimal(-50)}]
    assert owing(About(ROW, family_procedures=family, family_adjustments=more), older_than_days=30) is None


@given(
    charges=st.lists(st.tuples(st.integers(0, 200), st.integers(1, 500)), max_size=8),
    paid=st.integers(0, 2000),
    days=st.integers(1, 180),
)
def test_old_money_is_what_aging_says_where_payments_go_to_the_oldest_charge_first(
    charges: list[tuple[int, int]], paid: int, days: int
) -> None:
    total, left, old = sum(amount for _, amount in charges), paid, Decimal(0)
    for age, amount in sorted(charges, reverse=True):
        open_ = max(0, amount - left)
        left = max(0, left - amount)
        old += open_ if age > days else 0
    rows = [
        {"ProcStatus": "C", "ProcFee": f"{amount}.00", "ProcDate": str(NOW.today - timedelta(days=age))}
        for age, amount in charges
    ]

    about = About(ROW | {"BalTotal": f"{total - paid}.00"}, family_procedures=rows)
    assert (owing(about, older_than_days=days) or 0) == old


def test_birthdays_come_within_days_or_in_a_month_also_those_of_29_february() -> None:
    def on(born: str, **asked: Any) -> date | None:
        evidence = found(About(ROW | {"Birthdate": born}), birthday=asked)
        return None if evidence is None else evidence.on

    assert on("1990-11-18", within_days=0) == date(2026, 11, 18)
    assert on("1990-11-17", within_days=7) is None
    assert on("1990-11-25", within_days=7) == date(2026, 11, 25)
    assert on("1990-01-02", within_days=60) == date(2027, 1, 2)
    assert on("1980-02-29", within_days=365) == date(2027, 2, 28)
    assert on("1980-02-29", month=2) and not on("1980-02-29", month=3)
    assert on("0001-01-01", month=1) is None


def test_the_last_visit_is_one_that_took_place() -> None:
    """A missed visit is charted as a completed procedure: whoever did not come has not been here."""
    seen = VISIT | {"AptStatus": "Complete", "AptDateTime": "2026-02-02 09:00:00"}
    missed = WORK | {"ProcStatus": "C", "ProcDate": "2026-10-10", "procCode": "D9986"}
    since: dict[str, Any] = {"no_visit_since": "2026-06-01"}

    gone = found(About(ROW, visits=[seen], procedures=[missed]), **since)
    assert gone == Evidence("no_visit_since", on=date(2026, 2, 2))
    assert found(About(ROW, visits=[seen], procedures=[missed | {"procCode": "D0120"}]), **since) is None
    assert found(About(ROW, procedures=[missed]), **since) is None, "who never came is not missed"
    between = {"date_from": "2026-02-02", "date_to": "2026-02-02"}
    assert found(About(ROW, visits=[seen]), last_visit_between=between) is not None


def test_a_visit_to_come_is_scheduled_and_not_over() -> None:
    coming = About(ROW, visits=[VISIT])

    assert found(coming, has_future_appointment=True) is not None
    assert found(coming, has_future_appointment=False) is None
    for over in (VISIT | {"AptDateTime": "2026-11-18 11:00:00"}, VISIT | {"AptStatus": "Broken"}):
        assert found(About(ROW, visits=[over]), has_future_appointment=False) is not None


def test_what_the_row_says_itself() -> None:
    about = About(ROW)
    for fits, filters in (
        (True, {"age": {"at_least": 46, "at_most": 46}}),
        (False, {"age": {"at_least": 47}}),
        (True, {"provider_ids": [row_id("provider", ELM, 4)]}),
        (False, {"provider_ids": [row_id("provider", ELM, 5)]}),
        (True, {"location_ids": [row_id("location", ELM, 2)]}),
        (True, {"language": ["en", "es"]}),
        (False, {"language": ["en"]}),
        (True, {"status": ["active"]}),
        (False, {"status": ["inactive"]}),
    ):
        assert (found(about, **filters) is not None) == fits, filters
        assert of_row(Filter.model_validate(filters), ROW, NOW) == fits, filters


def test_insurance_is_any_or_that_of_a_carrier() -> None:
    insured = About(ROW, coverages=[{"PatPlanNum": 1, "InsSubNum": 6}], carriers=frozenset({8}))

    assert found(insured, insurance={"has": True}) == Evidence("insurance", ids=(row_id("coverage", ELM, 6),))
    assert found(About(ROW), insurance={"has": False}) is not None
    assert found(insured, insurance={"carrier_id": row_id("carrier", ELM, 8)}) is not None
    assert found(insured, insurance={"carrier_id": row_id("carrier", ELM, 9)}) is None


def test_all_filters_hold_and_none_of_the_others() -> None:
    about = About(ROW, recalls=[RECALL], visits=[VISIT])
    booked = {"has_future_appointment": True}

    both = reasons(Filter.model_validate({"overdue_recall": {}, "age": {"at_least": 18}}), about, NOW)
    assert both is not None and [one.filter for one in both] == ["overdue_recall", "age"]
    assert found(about, overdue_recall={}, none_of=booked) is None
    assert found(About(ROW, recalls=[RECALL]), overdue_recall={}, none_of=booked) is not None
    spanish = Filter.model_validate(
        {"age": {"at_least": 18}, "none_of": {"language": ["es"], "has_future_appointment": True}}
    )
    assert not of_row(spanish, ROW, NOW)


def test_each_filter_takes_the_scopes_of_what_it_looks_at() -> None:
    """A list of who owes money is what it is for, whoever may not read balances."""
    wanted = Filter.model_validate({"open_balance": {}, "none_of": {"overdue_recall": {}, "insurance": {"has": True}}})

    assert objects_of(wanted) == ("patients", "balances", "coverages", "recalls")
    assert set(FILTERS) == OF_ROW | set(NEEDS)
