"""Debits are credits, in each entry and in the file, and what they sum to is what families owe."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.reconciliation import journal
from gateway.core.reconciliation.books import Books
from gateway.core.reconciliation.journal import JournalEntry
from tests.unit.gateway.reconciliation.planted import (
    ANNA,
    CLEO,
    adds_up,
    ago,
    books,
    line,
    payment,
    procedure,
    split,
    with_rows,
)
from tests.unit.gateway.reconciliation.test_aging import books_of, rows

PRACTICE = "prac_aaaaaaaaaaaaaaaa"


def sums(of: Books) -> dict[str, int]:
    """By account."""
    found: dict[str, int] = defaultdict(int)
    for entry in journal.entries(of):
        for account, amount in entry.postings:
            found[account] += amount
    return {account: amount for account, amount in found.items() if amount}


def entry_of(of: Books, object_: str, key: int) -> JournalEntry:
    (found,) = (one for one in journal.entries(of) if (one.object, one.key) == (object_, key))
    return found


@given(rows)
def test_each_entry_balances_and_receivables_less_unearned_are_what_families_owe(drawn: dict[str, Any]) -> None:
    of = books_of(drawn)

    assert all(sum(amount for _, amount in one.postings) == 0 for one in journal.entries(of))
    accounts = sums(of)
    assert accounts.get("accounts_receivable", 0) + accounts.get("unearned", 0) == of.aged_practice.balance


def test_a_visit_that_is_paid_leaves_income_and_no_receivable() -> None:
    accounts = sums(books(adds_up()))

    assert accounts == {"accounts_receivable": 5000, "production": -15000, "cash:eft": 8000, "cash:check": 2000}


def test_what_is_received_and_not_finalised_is_left_on_clearing() -> None:
    waiting = with_rows(claimprocs=[line(2, 0, 2, CLEO, "Received", InsPayAmt=30.0, WriteOff=5.0, DateCP=ago(1))])

    accounts = sums(books(waiting))

    assert (accounts["insurance_clearing"], accounts["write_offs"]) == (3000, 500)


def test_a_refund_and_a_transfer_move_what_they_move_and_no_production() -> None:
    of = books(
        with_rows(
            payments=[payment(2, ANNA, "-7.00", ago(3)), payment(3, ANNA, "0.00", ago(2), PayType=0, payType="")],
            paysplits=[
                split(2, 2, ANNA, -7.0, ago(3), UnearnedType=70),
                split(3, 3, ANNA, 4.0, ago(2)),
                split(4, 3, ANNA, -4.0, ago(2), UnearnedType=70),
            ],
        )
    )

    refund, transfer = entry_of(of, "payment", 2), entry_of(of, "payment", 3)
    assert (refund.type, dict(refund.postings)) == ("refund", {"cash:check": -700, "unearned": 700})
    assert (transfer.type, dict(transfer.postings)) == (
        "income_transfer",
        {"accounts_receivable": -400, "unearned": 400},
    )


def test_a_payment_that_its_splits_do_not_sum_to_balances_by_suspense() -> None:
    of = books(with_rows(payments=[payment(1, ANNA, "21.00", ago(30))]))

    assert dict(entry_of(of, "payment", 1).postings)["suspense"] == -100


def test_a_broken_appointment_is_no_production() -> None:
    of = books(with_rows(procedurelogs=[procedure(3, CLEO, "45.00", ago(3), procCode="D9987")]))

    assert sums(of)["broken_appointment_fees"] == -4500


def test_the_file_says_debits_and_credits_and_no_name() -> None:
    months = journal.by_month(books(adds_up()), PRACTICE)
    read = list(csv.DictReader(io.StringIO(journal.as_csv(one for month in sorted(months) for one in months[month]))))

    assert sum(Decimal(one["debit"] or 0) for one in read) == sum(Decimal(one["credit"] or 0) for one in read) == 330
    assert {one["type"] for one in read} == {
        "procedure_completed",
        "claim_line_received",
        "insurance_payment",
        "payment",
    }
    assert all(
        len({one["date"] for one in read if one["entry_id"] == id_}) == 1 for id_ in {x["entry_id"] for x in read}
    )


@given(st.integers(-(10**9), 10**9))
def test_cents_are_written_as_amounts(amount: int) -> None:
    assert Decimal(journal.text_of(amount)) * 100 == amount


def test_an_entry_that_says_the_same_has_the_same_id_and_one_that_was_edited_another() -> None:
    def ids(fee: str) -> set[str]:
        of = books(with_rows(procedurelogs=[procedure(2, CLEO, fee, ago(1))]))
        return {line[0] for line in journal.lines_of(entry_of(of, "procedure", 2), PRACTICE)}

    assert ids("50.00") == ids("50.00") != ids("51.00")
