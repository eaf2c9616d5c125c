"""How long all the money of 100,000 procedures is gone over, beside how fast its rows can be read, and in what memory.

The rows are those of a simulated practice, several times over under other keys, so that every family's balance is known
by the practice's own aging. A process of its own reads them page by page, as a run reads the mirror.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from multiprocessing.connection import Connection
from typing import Any, Final

from gateway.core.hashing import canonical_hash
from gateway.core.reconciliation import journal
from gateway.core.reconciliation.books import NEEDED, Books
from gateway.core.reconciliation.rules import find
from gateway.core.walltime import instant_text
from open_dental import wire
from tests.bench.figures import NONE, Figure, Say, at_most
from tests.fakes.deployment import Deployment, deployed
from tests.fakes.reconciling import mirror_money

PROCEDURES: Final = 100_000
PATIENTS: Final = 1000
_PAGE: Final = 1000
_APART: Final = 10_000_000
_KEYS: Final = frozenset(
    [
        "PatNum",
        "Guarantor",
        "ProcNum",
        "ClaimNum",
        "ClaimProcNum",
        "PayNum",
        "SplitNum",
        "AdjNum",
        "PayPlanNum",
        "PayPlanChargeNum",
        "ClaimPaymentNum",
        "FKey",
    ]
)
"""Columns that are other keys in each copy; plans, carriers and definitions are one office's."""
_ONCE: Final = frozenset({"definitions", "carriers", "insplans"})
_BUCKETS: Final = ("Bal_0_30", "Bal_31_60", "Bal_61_90", "BalOver90")


@dataclass(frozen=True)
class Seen:
    """What one run came to. Seconds of the process, bytes of its resident memory beyond what it began with."""

    procedures: int
    rows: int
    findings: int
    lines: int
    read_s: float
    books_s: float
    rules_s: float
    journal_s: float
    memory: int
    differences: int
    unbalanced: int


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """See the module."""
    here, there = multiprocessing.get_context("spawn").Pipe(duplex=False)
    child = multiprocessing.get_context("spawn").Process(target=_run, args=(there, quick))
    child.start()
    there.close()
    try:
        seen: Seen = here.recv()
    finally:
        child.join()
    of_it = f"{seen.procedures:,} completed procedures, {seen.rows:,} rows, {seen.findings:,} findings"
    say(f"{of_it}; {seen.lines:,} lines of the journal")
    reckoned = seen.books_s + seen.rules_s + seen.journal_s
    beside = f"json.loads of the rows, {seen.read_s:.1f} s; {of_it}"
    name = "reconcile"
    yield Figure(
        name,
        "going over all of a practice's money, of reading its rows",
        reckoned / seen.read_s,
        "x",
        at_most(6.0),
        beside,
    )
    yield Figure(name, "rules and balances of it", seen.rules_s / seen.read_s, "x", at_most(2.5), beside)
    yield Figure(
        name, "memory for it, MB", seen.memory / 1e6, "", at_most(700.0), "resident, of 1,769 MB that the function has"
    )
    yield Figure(name, "families whose aging differs from the office's own", float(seen.differences), "", NONE)
    yield Figure(name, "entries of the journal that do not balance", float(seen.unbalanced), "", NONE)


def _run(there: Connection, quick: bool) -> None:
    with deployed("--patients", str(60 if quick else PATIENTS)) as d:
        mirror_money(d)
        base = {
            name: [dict(one.row) for one in d.on.records.page(d.practice_id, name, after=None, limit=10**9)]
            for name in NEEDED
        }
        today, stored, practice_id = d.today, _stored(d), d.practice_id
    done = sum(row["ProcStatus"] == "C" for row in base["procedurelogs"])
    copies = 2 if quick else -(-PROCEDURES // done)
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    books, read_s, books_s = Books(today), 0.0, 0.0
    for name in NEEDED:
        for text in _pages(base[name], 1 if name in _ONCE else copies):
            started = time.process_time()
            rows = wire.loads(text)
            read_s += time.process_time() - started
            started = time.process_time()
            books.take(name, rows)
            books_s += time.process_time() - started
    started = time.process_time()
    found = find(books)
    aged = (books.aged_families, books.aged_patients, books.aged_carriers, books.aged_practice)
    rules_s = time.process_time() - started
    assert all(aged)
    started = time.process_time()
    months = journal.by_month(books, practice_id)
    hashes = [canonical_hash(lines) for lines in months.values()]
    journal_s = time.process_time() - started
    assert len(hashes) == len(months)
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    there.send(
        Seen(
            procedures=len(books.procedures),
            rows=books.taken,
            findings=len(found),
            lines=sum(map(len, months.values())),
            read_s=read_s,
            books_s=books_s,
            rules_s=rules_s,
            journal_s=journal_s,
            memory=memory,
            differences=_differences(books, stored, copies),
            unbalanced=sum(sum(amount for _, amount in one.postings) != 0 for one in journal.entries(books)),
        )
    )


def _stored(d: Deployment) -> dict[int, tuple[int, ...]]:
    """By guarantor, the buckets and the balance that the practice's own aging keeps; cents."""
    return {
        row["PatNum"]: tuple(round(row[name] * 100) for name in (*_BUCKETS, "BalTotal"))
        for row in d.rows("patient", "Guarantor = PatNum")
    }


def _differences(books: Books, stored: dict[int, tuple[int, ...]], copies: int) -> int:
    wrong = 0
    for copy in range(copies):
        for guarantor, wanted in stored.items():
            aged = books.aged_families.get(guarantor + copy * _APART)
            ours = (0,) * 5 if aged is None else (*aged.buckets, aged.balance)
            wrong += ours != wanted
    return wrong


def _pages(rows: list[dict[str, Any]], copies: int) -> Iterator[str]:
    """The rows of all copies as pages of JSON."""
    page: list[dict[str, Any]] = []
    for copy in range(copies):
        by = copy * _APART
        for row in rows:
            page.append({name: _moved(value, by) if name in _KEYS else value for name, value in row.items()})
            if len(page) == _PAGE:
                yield json.dumps(page, default=_plain)
                page = []
    if page:
        yield json.dumps(page, default=_plain)


def _moved(value: Any, by: int) -> Any:
    number = int(value)
    return number + by if number else value


def _plain(value: Any) -> Any:
    return (
        value.isoformat()
        if isinstance(value, date)
        else instant_text(value)
        if hasattr(value, "tzinfo")
        else float(value)
    )
