"""How old is what is owed: the office's own algorithm, in cents.

All credits of a family go to its oldest charge first, whatever they were meant for, and no bucket is below zero. What
credits are left when no charge is, is the family's credit. So the buckets and what is not due yet, less the credit, are
the balance to the cent.
Sources: https://www.opendental.com/manual/aging.html; the buckets end 30, 60 and 90 days back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

ENDS: Final = (30, 60, 90)
"""The oldest age, in days, of the first three buckets."""


class Entry(NamedTuple):
    """Something that moves a balance: above zero a charge, below it a credit. Without a day it is as old as can be."""

    day: date | None
    amount: int


@dataclass(frozen=True, slots=True)
class Aged:
    """What is owed on a day. `upcoming`: charges of later days, after what credit covers of them."""

    days_0_30: int = 0
    days_31_60: int = 0
    days_61_90: int = 0
    days_over_90: int = 0
    upcoming: int = 0
    credit: int = 0

    @property
    def buckets(self) -> tuple[int, int, int, int]:
        """The youngest first."""
        return self.days_0_30, self.days_31_60, self.days_61_90, self.days_over_90

    @property
    def balance(self) -> int:
        """All of it as one number; below zero where the office owes."""
        return sum(self.buckets) + self.upcoming - self.credit

    def __add__(self, other: Aged) -> Aged:
        return Aged(
            self.days_0_30 + other.days_0_30,
            self.days_31_60 + other.days_31_60,
            self.days_61_90 + other.days_61_90,
            self.days_over_90 + other.days_over_90,
            self.upcoming + other.upcoming,
            self.credit + other.credit,
        )


NOTHING: Final = Aged()


def bucket_of(day: date | None, as_of: date) -> int:
    """Which bucket a day falls into, from 0 for the youngest."""
    age = 10**6 if day is None else (as_of - day).days
    return sum(age > end for end in ENDS)


def age(entries: Iterable[Entry], as_of: date, *, as_was: bool = False) -> Aged:
    """Age `entries` as of a day. Credits of later days count, as they do at the office, unless `as_was`: then it is
    what was owed on that day by what had happened until then.
    """
    charges: list[tuple[date, int]] = []
    later = credit = 0
    for day, amount in entries:
        is_later = day is not None and day > as_of
        if as_was and is_later:
            continue
        if amount < 0:
            credit -= amount
        elif is_later:
            later += amount
        else:
            charges.append((day or date.min, amount))
    charges.sort()
    sums = [0, 0, 0, 0]
    for at, amount in charges:
        left = max(0, amount - credit)
        credit = max(0, credit - amount)
        if left:
            sums[bucket_of(at, as_of)] += left
    return Aged(sums[0], sums[1], sums[2], sums[3], max(0, later - credit), max(0, credit - later))
