"""Whatever moves a balance: the buckets hold it to the cent, and credits went to the oldest charges."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.reconciliation.aging import Aged, Entry, age
from gateway.core.reconciliation.books import Books
from tests.unit.gateway.reconciliation.planted import TODAY

days = st.integers(-40, 200).map(lambda back: TODAY - timedelta(days=back))
amounts = st.integers(-50_000, 50_000)
histories = st.lists(st.builds(Entry, st.one_of(st.none(), days), amounts), max_size=30)


@given(histories)
def test_the_buckets_hold_the_balance_to_the_cent_and_are_never_negative(entries: list[Entry]) -> None:
    aged = age(entries, TODAY)

    assert aged.balance == sum(one.amount for one in entries)
    assert min(*aged.buckets, aged.upcoming, aged.credit) >= 0
    assert not (aged.credit and sum(aged.buckets))


@given(histories, days)
def test_what_was_owed_on_a_day_is_what_had_happened_by_then(entries: list[Entry], day: date) -> None:
    by_then = [one for one in entries if one.day is None or one.day <= day]

    assert age(entries, day, as_was=True) == age(by_then, day)
    assert age(entries, day, as_was=True).upcoming == 0


@given(histories, st.integers(1, 50_000))
def test_money_that_comes_in_leaves_no_bucket_fuller_and_takes_from_the_oldest_first(
    entries: list[Entry], paid: int
) -> None:
    before, after = age(entries, TODAY), age([*entries, Entry(TODAY, -paid)], TODAY)

    assert all(new <= old for new, old in zip(after.buckets, before.buckets, strict=True))
    for older in range(3):
        if after.buckets[older + 1]:
            assert after.buckets[: older + 1] == before.buckets[: older + 1]


@given(histories, histories)
def test_what_one_family_is_owed_pays_nobody_elses_charges(one: list[Entry], other: list[Entry]) -> None:
    together = age(one, TODAY) + age(other, TODAY)

    assert together.balance == sum(each.amount for each in (*one, *other))
    assert together.credit == age(one, TODAY).credit + age(other, TODAY).credit


def test_the_buckets_end_thirty_sixty_and_ninety_days_back() -> None:
    ages = (0, 30, 31, 60, 61, 90, 91)

    assert [age([Entry(TODAY - timedelta(days=one), 1)], TODAY).buckets.index(1) for one in ages] == [
        0,
        0,
        1,
        1,
        2,
        2,
        3,
    ]


def test_sums_of_nothing_are_nothing() -> None:
    assert age([], TODAY) == Aged()


rows = st.fixed_dictionaries(
    {
        "patients": st.dictionaries(st.integers(1, 6), st.integers(1, 3), min_size=1, max_size=6),
        "work": st.lists(st.tuples(st.integers(1, 6), amounts.map(abs), days), max_size=12),
        "splits": st.lists(st.tuples(st.integers(1, 6), amounts, days, st.sampled_from((0, 70, 71))), max_size=12),
        "adjustments": st.lists(st.tuples(st.integers(1, 6), amounts, days), max_size=6),
    }
)


@given(rows)
def test_patients_families_and_the_practice_are_owed_the_same(drawn: dict[str, Any]) -> None:
    books = books_of(drawn)

    total = books.aged_practice.balance
    assert total == sum(one.balance for one in books.aged_patients.values())
    assert total == sum(one.balance for one in books.aged_families.values())
    of_family: dict[int, int] = defaultdict(int)
    for patient, aged in books.aged_patients.items():
        of_family[books.family_of(patient)] += aged.balance
    assert of_family == {family: aged.balance for family, aged in books.aged_families.items()}


def books_of(drawn: dict[str, Any]) -> Books:
    """Books of rows as they come."""
    books = Books(TODAY)
    heads = dict(drawn["patients"])
    books.take("definitions", [{"DefNum": 71, "category": "PaySplitUnearnedType", "ItemValue": "X"}])
    books.take("patients", [{"PatNum": one, "Guarantor": head, "BalTotal": 0} for one, head in heads.items()])
    for number, (patient, fee, day) in enumerate(drawn["work"], 1):
        row = {"ProcNum": number, "PatNum": patient, "ProcStatus": "C", "ProcFee": f"{fee / 100:.2f}"}
        books.take("procedurelogs", [row | {"ProcDate": day.isoformat(), "UnitQty": 1}])
    for number, (patient, amount, day, unearned) in enumerate(drawn["splits"], 1):
        row = {"SplitNum": number, "PayNum": number, "PatNum": patient, "SplitAmt": f"{amount / 100:.2f}"}
        books.take("paysplits", [row | {"DatePay": day.isoformat(), "UnearnedType": unearned}])
    for number, (patient, amount, day) in enumerate(drawn["adjustments"], 1):
        row = {"AdjNum": number, "PatNum": patient, "AdjAmt": f"{amount / 100:.2f}", "AdjDate": day.isoformat()}
        books.take("adjustments", [row])
    return books
