"""The practice's money as a double-entry journal: what accounting imports. Pure.

Each entry is of one row of Open Dental's and balances in itself, so that any stretch of days does. Its id is made of
what it says: an entry that is there again is the same one, and where a row was edited at the office the entry that is
gone has to be taken back. No name is in it, and nothing of what was typed.

| what happens | debit | credit |
|---|---|---|
| work is completed | accounts_receivable | production, or broken_appointment_fees for D9986 and D9987 |
| a charge is added by an adjustment; taken off | accounts_receivable; adjustments | adjustments; accounts_receivable |
| a carrier's answer is entered | insurance_clearing | accounts_receivable |
| it writes off | write_offs | accounts_receivable |
| a carrier's payment is finalised | cash:check, cash:eft ... | insurance_clearing |
| a patient pays | cash:card, cash:check ... | accounts_receivable, unearned, hidden_unearned |
| money is paid back | the same below zero: the sides change | |
| earned money moves (an income transfer) | unearned | accounts_receivable |

What is left on insurance_clearing is received and not finalised, or a payment that does not match its lines. What is
left on suspense are payments that their splits do not sum to, and splits of another day than their payment's.
Accounts receivable less unearned is what the families' balances sum to, where payment plans are not counted: a plan
moves when something is owed, and earns nothing. Adjustments and write-offs are production, payments are income.
Sources: https://www.opendental.com/manual/productionincome.html, /manual/incometransfer.html, /manual/refunds.html.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from gateway.core import ids
from gateway.core.hashing import canonical_hash
from gateway.core.reconciliation import rows
from gateway.core.reconciliation.books import Books

RECEIVABLE: Final = "accounts_receivable"
PRODUCTION: Final = "production"
BROKEN: Final = "broken_appointment_fees"
ADJUSTMENTS: Final = "adjustments"
WRITE_OFFS: Final = "write_offs"
CLEARING: Final = "insurance_clearing"
UNEARNED: Final = "unearned"
HIDDEN: Final = "hidden_unearned"
SUSPENSE: Final = "suspense"
CASH: Final = "cash"

HEADER: Final = ("entry_id", "date", "type", "account", "debit", "credit", "object_id", "location_id")


class Posting(NamedTuple):
    """One side of an entry; above zero a debit, below it a credit; cents."""

    account: str
    amount: int


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """What one row moved. `object`, `key`: the row; of a carrier's payment below zero."""

    day: date
    type: str
    object: str
    key: int
    clinic: int
    postings: tuple[Posting, ...]


def entries(books: Books) -> Iterator[JournalEntry]:
    """All entries of a practice, but those without a day, which nothing can be posted on; in no order."""
    yield from _of_work(books)
    yield from _of_carriers(books)
    yield from _of_patients(books)


def _entry(
    day: date | None, type_: str, object_: str, key: int, clinic: int, *pairs: Posting
) -> Iterator[JournalEntry]:
    sums: dict[str, int] = defaultdict(int)
    for account, amount in pairs:
        sums[account] += amount
    postings = tuple(Posting(account, amount) for account, amount in sums.items() if amount)
    if day is not None and postings:
        yield JournalEntry(day, type_, object_, key, clinic, postings)


def _of_work(books: Books) -> Iterator[JournalEntry]:
    for one in books.procedures.values():
        account = BROKEN if one.is_broken else PRODUCTION
        sides = (Posting(RECEIVABLE, one.cost), Posting(account, -one.cost))
        yield from _entry(one.day, "procedure_completed", "procedure", one.key, one.clinic, *sides)
    for adjustment in books.adjustments:
        sides = (Posting(RECEIVABLE, adjustment.amount), Posting(ADJUSTMENTS, -adjustment.amount))
        yield from _entry(adjustment.day, "adjustment", "adjustment", adjustment.key, adjustment.clinic, *sides)


def _of_carriers(books: Books) -> Iterator[JournalEntry]:
    for line in books.lines:
        if line.counts:
            paid, written_off = Posting(CLEARING, line.paid), Posting(WRITE_OFFS, line.write_off)
            owed = Posting(RECEIVABLE, -line.paid - line.write_off)
            yield from _entry(
                line.day, "claim_line_received", "claim_line", line.key, line.clinic, paid, written_off, owed
            )
    for check in books.checks.values():
        sides = (Posting(f"{CASH}:{check.method}", check.amount), Posting(CLEARING, -check.amount))
        number = ids.insurance_payment_key(check.key)
        yield from _entry(check.day, "insurance_payment", "payment", number, 0, *sides)


def _of_patients(books: Books) -> Iterator[JournalEntry]:
    for payment in books.payments.values():
        splits = books.splits_of_payment.get(payment.key, [])
        by_day: dict[date | None, list[rows.Split]] = defaultdict(list)
        for split in splits:
            by_day[split.day].append(split)
        own = by_day.pop(payment.day, [])
        sides = [Posting(f"{CASH}:{payment.method}", payment.amount), *_applied(own, books)]
        yield from _closed(payment.day, _type_of(payment), payment.key, sides)
        for day, these in by_day.items():
            yield from _closed(day, "split", payment.key, _applied(these, books))
    for number, those in books.splits_of_payment.items():
        if number not in books.payments:
            yield from _closed(those[0].day, "split", number, _applied(those, books))


def _type_of(payment: rows.Payment) -> str:
    if payment.amount < 0:
        return "refund"
    return "payment" if payment.amount or payment.has_type else "income_transfer"


def _applied(splits: Iterable[rows.Split], books: Books) -> list[Posting]:
    found = []
    for one in splits:
        account = RECEIVABLE if not one.unearned else HIDDEN if one.unearned in books.hidden else UNEARNED
        found.append(Posting(account, -one.amount))
    return found


def _closed(day: date | None, type_: str, payment: int, sides: list[Posting]) -> Iterator[JournalEntry]:
    """An entry whose rest, where there is one, is on suspense."""
    rest = sum(one.amount for one in sides)
    yield from _entry(day, type_, "payment", payment, 0, *sides, Posting(SUSPENSE, -rest))


def lines_of(entry: JournalEntry, practice_id: str) -> Iterator[tuple[str, ...]]:
    """The entry as lines of the file, a posting each, in the order of `HEADER`."""
    said = [practice_id, entry.type, entry.object, entry.key, entry.day.isoformat(), *map(list, entry.postings)]
    number = ids.id_from("journal_entry", canonical_hash(said))
    object_id = ids.row_ids(entry.object, practice_id)(entry.key)
    location = ids.row_ids("location", practice_id)(entry.clinic) if entry.clinic else ""
    for account, amount in entry.postings:
        debit, credit = (text_of(amount), "") if amount > 0 else ("", text_of(-amount))
        yield number, entry.day.isoformat(), entry.type, account, debit, credit, object_id, location


def text_of(amount: int) -> str:
    """Cents as an amount with two places."""
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02}"


def by_month(books: Books, practice_id: str) -> dict[str, list[tuple[str, ...]]]:
    """All lines by month (`yyyy-mm`), in the order of day and entry."""
    found: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for entry in entries(books):
        found[f"{entry.day.year:04}-{entry.day.month:02}"] += lines_of(entry, practice_id)
    for lines in found.values():
        # Lines of an entry stay together, debits first as they were made.
        lines.sort(key=lambda line: (line[1], line[0]))
    return found


def as_csv(lines: Iterable[Iterable[str]]) -> str:
    """A file of these lines with its header (RFC 4180)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADER)
    writer.writerows(lines)
    return out.getvalue()
