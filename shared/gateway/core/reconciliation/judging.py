"""What several rules need: how severe something is, which evidence is shown, how long ago a day is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from gateway.core.reconciliation.books import Books
from gateway.core.reconciliation.finding import Evidence, Severity
from gateway.core.reconciliation.settings import Settings


def severity_of(amount: int, opened_on: date, books: Books, settings: Settings) -> Severity:
    """By the amount, and one step more for what is old."""
    steps = (Severity.LOW, Severity.MEDIUM, Severity.HIGH)
    at = 2 if amount >= settings.high_amount else 0 if amount < settings.low_amount else 1
    is_old = (books.as_of - opened_on).days > settings.old_days
    return steps[min(2, at + is_old)]


def youngest(evidence: list[Evidence], settings: Settings) -> tuple[tuple[Evidence, ...], int]:
    """The youngest pieces, in the order of their days, and how many there are besides."""
    ordered = sorted(evidence, key=lambda one: (one.day or date.min, one.object, one.key, one.why))
    kept = ordered[-settings.most_evidence :]
    return tuple(kept), len(ordered) - len(kept)


def days(number: int) -> timedelta:
    """So many days."""
    return timedelta(days=number)


def earliest(these: Iterable[date | None], books: Books) -> date:
    """The first of some days; the day of the books where there is none."""
    return min((one for one in these if one is not None), default=books.as_of)


def is_within(day: date | None, books: Books, within: int) -> bool:
    """Whether a day is no more than so many days ago; none is not."""
    return day is not None and (books.as_of - day).days <= within
