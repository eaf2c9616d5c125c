"""When a sweep by checksums takes the place of a whole reading, and how a stretch of rows compares; pure.

A sweep by sums asks the office's database for the sums of a stretch of rows, 99 buckets an answer, and looks closer
only where they differ from those of the mirror's rows (`queries.buckets`). What it cannot see is an edit that moves no
stamp in a column that is not summed; for that everything is still read as a whole, once a week.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from gateway.core.mirror import schedule
from gateway.core.mirror.mirrored import Mirrored
from gateway.core.mirror.records import Record
from gateway.core.mirror.syncing import ResourceSync
from gateway.core.mirror.ways import Way, way_of
from gateway.core.practices import Practice
from gateway.core.queries.buckets import CHECKED, Checked, bucket_of
from gateway.core.queries.statement import ROWS, may_query
from open_dental import wire

STRETCH_ROWS: Final = 20_000
"""Rows of the mirror that one answer is about: buckets of two hundred, so that a bucket is told row by row in two or
three answers, and a fifth of a second of a MariaDB on our machine (`bench sql`)."""

FEWEST_STRETCH_ROWS: Final = 300

WHOLE: Final = timedelta(days=7)
WHOLE_LATEST: Final = timedelta(days=9)
"""How often everything is read as a whole all the same; by day only if the nights were missed."""

FEW_ROWS: Final = 20_000
PERIOD_FEW: Final = timedelta(hours=1)
PERIOD_MANY: Final = timedelta(hours=6)
"""How often a resource of so many rows, or more, is swept by sums: calls are few, but each of our rows is read."""

PERIOD_BY_PARENT: Final = timedelta(days=7)
"""How often each parent is asked again where sums cannot be compared."""

MOST_ODD: Final = 20
"""So many rows whose sums never agree are read again each time; more of them, and the sums are given up."""

MOST_STRIKES: Final = 2
"""So often in a row they are given up before the resource goes back to whole readings."""

TRIED_AGAIN: Final = timedelta(days=7)


def is_offered(practice: Practice, one: Mirrored, of: ResourceSync, now: datetime) -> bool:
    """Whether the office's sums of this resource can be asked for, and agreed lately with its rows."""
    checked = CHECKED.get(one.resource)
    if checked is None or not may_query(practice) or not checked.is_known_by(practice):
        return False
    if way_of(practice, one)[0] is Way.AGAIN:
        # Rows that differ could be read again nowhere.
        return False
    rested = of.trouble_since is None or now - of.trouble_since > TRIED_AGAIN
    return of.strikes < MOST_STRIKES or rested


def is_cheaper(practice: Practice, one: Mirrored, of: ResourceSync, now: datetime) -> bool:
    """Whether a sweep by sums makes fewer calls than a whole reading, which lists of one page or two do not need."""
    return is_offered(practice, one, of, now) and calls(of.rows) < calls_of_whole(practice, one, of)


def calls(rows: int) -> int:
    """Calls of a sweep by sums, with one closer look."""
    return math.ceil(max(1, rows) / STRETCH_ROWS) + 1


def calls_of_whole(practice: Practice, one: Mirrored, of: ResourceSync) -> int:
    """Calls of a whole reading; parent by parent at worst one for each row."""
    if one.list_operation is None:
        return max(3, of.rows)
    return max(1, math.ceil(of.rows / max(1, practice.page_limit - 1)))


def is_next(practice: Practice, one: Mirrored, of: ResourceSync, now: datetime, zone: ZoneInfo) -> bool:
    """Whether the sweep that begins now is one by sums."""
    if not is_cheaper(practice, one, of, now):
        return False
    if one.list_operation is None:
        # Its texts move a stamp, and reading each parent again would take thousands of calls.
        return True
    read_at = of.whole_at or of.swept_at
    if read_at is None:
        return False
    age = now - read_at
    return age < (WHOLE_LATEST if schedule.is_open(now, zone) else WHOLE)


def period(practice: Practice, one: Mirrored, of: ResourceSync, now: datetime) -> timedelta | None:
    """How long after a sweep the next one is due; None where that is for whole readings to say."""
    if is_cheaper(practice, one, of, now):
        return PERIOD_FEW if of.rows <= FEW_ROWS else PERIOD_MANY
    return PERIOD_BY_PARENT if one.list_operation is None else None


@dataclass(frozen=True, slots=True)
class Told:
    """A row as the office's database tells it. `moved`: its hidden stamp is a late one."""

    key: int
    parent: int
    sum: int
    moved: bool

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Told:
        """Raises Malformed: a number that is none."""
        moved = bool(wire.integer(row.get("moved")))
        return cls(wire.integer(row.get("number")) or 0, wire.key(row.get("parent")) or 0, _sum(row), moved)


@dataclass
class Stretch:
    """The mirror's rows between two keys, and their sums."""

    checked: Checked
    records: dict[int, Record] = field(default_factory=dict)
    sums: dict[int, int] = field(default_factory=dict)

    def add(self, records: Iterable[Record]) -> None:
        """Take in rows of the mirror."""
        for record in records:
            self.records[record.key] = record
            self.sums[record.key] = self.checked.sum_of(record.row)

    def differing(self, told: Iterable[Mapping[str, Any]]) -> list[int]:
        """The buckets whose rows are not those of the office's answer.

        Raises Malformed: a number that is none.
        """
        ours: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
        for key, crc in self.sums.items():
            count, total = ours[bucket_of(key)]
            ours[bucket_of(key)] = (count + 1, total + crc)
        theirs = {wire.integer(row.get("bucket")) or 0: row for row in told}
        return sorted(
            bucket
            for bucket in ours.keys() | theirs.keys()
            if bucket not in theirs
            or ours[bucket] != (wire.integer(theirs[bucket].get("counted")) or 0, _sum(theirs[bucket]))
            or wire.integer(theirs[bucket].get("moved"))
        )

    def to_read(self, told: Iterable[Told]) -> list[Told]:
        """Which of the office's rows the mirror lacks, or has otherwise."""
        return [one for one in told if one.moved or self.sums.get(one.key) != one.sum]

    def gone(self, told: Iterable[Told], buckets: Iterable[int], at: datetime) -> list[int]:
        """Which of the mirror's rows in these buckets the office did not tell of when it was asked `at`."""
        there, looked_at = {one.key for one in told}, set(buckets)
        return [
            key
            for key, record in self.records.items()
            if key not in there and record.read.at < at and bucket_of(key) in looked_at
        ]


def rows_of(told: Iterable[Mapping[str, Any]]) -> int:
    """How many rows the buckets of an answer have."""
    return sum(wire.integer(row.get("counted")) or 0 for row in told)


def is_last(rows: int) -> bool:
    """Whether an answer of so many rows is the last one."""
    return rows < ROWS


def _sum(row: Mapping[str, Any]) -> int:
    return wire.integer(row.get("summed")) or 0
