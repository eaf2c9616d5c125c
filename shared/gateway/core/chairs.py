"""Who is busy where: visits, schedules and free times of one operatory, on the office's wall clock.

Everything here is pure and in *minutes of wall time*, because an office plans by its clock on the wall: naive
datetimes of one practice, never compared with another's. Facts: an appointment's `Pattern` has one character for each
5 minutes, `X` where its main provider is needed; `PatternSecondary` says the same of the second one. Sources:
https://www.opendental.com/site/apiappointments.html, https://www.opendental.com/manual/timebars.html,
https://www.opendental.com/manual/schedule.html.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from open_dental import wire

MINUTE = timedelta(minutes=1)
UNIT = timedelta(minutes=5)
LONGEST_UNITS = 108
"""9 hours: Open Dental cuts longer patterns off without a word, so longer ones are refused here."""

Span: TypeAlias = tuple[datetime, datetime]
"""From, to (not included)."""

_ON_THE_SCHEDULE = frozenset({"Scheduled", "Complete", "ASAP"})
"""Statuses that take a chair. A broken visit is crossed out in place, notes are no visits, the rest has no chair."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What an appointment takes: a chair for its whole length, its providers where their pattern has an X."""

    key: int
    op: int
    start: datetime
    end: datetime
    provider_spans: Mapping[int, tuple[Span, ...]]


@dataclass(frozen=True, slots=True)
class Block:
    """A provider's working hours; `ops` empty means wherever the provider is the operatory's default."""

    provider: int
    start: datetime
    end: datetime
    ops: frozenset[int]


@dataclass(frozen=True, slots=True)
class Blockout:
    """A time that is marked for something. `kind`: its definition; `ops` empty means all operatories."""

    kind: int
    start: datetime
    end: datetime
    ops: frozenset[int]


def spans_of(pattern: str, start: datetime) -> tuple[Span, ...]:
    """The runs of X in `pattern`, as times."""
    spans: list[Span] = []
    run = 0
    for index in range(len(pattern) + 1):
        busy = index < len(pattern) and pattern[index] == "X"
        if busy and (index == 0 or pattern[index - 1] != "X"):
            run = index
        if not busy and index and pattern[index - 1] == "X":
            spans.append((start + run * UNIT, start + index * UNIT))
    return tuple(spans)


def visit(
    *,
    key: int,
    op: int,
    start: datetime,
    pattern: str,
    provider: int,
    hygienist: int = 0,
    is_hygiene: bool = False,
    secondary: str = "",
) -> Visit:
    """What a visit takes. The hygienist is the main provider where `is_hygiene` is set and there is one."""
    main, second = (hygienist, provider) if is_hygiene and hygienist else (provider, hygienist)
    spans: dict[int, tuple[Span, ...]] = {}
    if main:
        spans[main] = spans_of(pattern, start)
    if second and second != main and "X" in secondary:
        spans[second] = spans_of(secondary, start)
    return Visit(key, op, start, start + len(pattern) * UNIT, spans)


def visit_of(row: Mapping[str, Any]) -> Visit | None:
    """What an appointment's row takes; None for what takes no chair (broken, unscheduled, planned, notes)."""
    if row.get("AptStatus") not in _ON_THE_SCHEDULE:
        return None
    start, op = wire.moment(row.get("AptDateTime")), wire.key(row.get("Op"))
    pattern = str(row.get("Pattern") or "")
    if start is None or not op or not pattern:
        return None
    return visit(
        key=wire.key(row["AptNum"]) or 0,
        op=op,
        start=start,
        pattern=pattern,
        provider=wire.key(row.get("ProvNum")) or 0,
        hygienist=wire.key(row.get("ProvHyg")) or 0,
        is_hygiene=bool(wire.flag(row.get("IsHygiene"))),
        secondary=str(row.get("PatternSecondary") or ""),
    )


def visits_of(rows: Iterable[Mapping[str, Any]]) -> list[Visit]:
    """All visits among appointment rows that take a chair."""
    return [found for row in rows if (found := visit_of(row)) is not None]


def clashes(new: Visit, others: Iterable[Visit]) -> list[Visit]:
    """The visits that `new` gets in the way of: same operatory at any overlap, or one provider needed twice at once."""
    return [other for other in others if other.key != new.key and _clash(new, other)]


def _clash(one: Visit, other: Visit) -> bool:
    if one.op == other.op and overlap((one.start, one.end), (other.start, other.end)):
        return True
    return any(
        overlap(mine, theirs)
        for provider in one.provider_spans.keys() & other.provider_spans.keys()
        for mine in one.provider_spans[provider]
        for theirs in other.provider_spans[provider]
    )


def overlap(one: Span, other: Span) -> bool:
    """Whether two spans share a minute."""
    return one[0] < other[1] and other[0] < one[1]


def blocks_of(rows: Iterable[Mapping[str, Any]]) -> list[Block]:
    """The providers' working hours among schedule rows. A block that ends at midnight ends with its day."""
    blocks = []
    for row in rows:
        times = _times(row) if row.get("SchedType") == "Provider" else None
        provider = wire.key(row.get("ProvNum"))
        if times and provider:
            blocks.append(Block(provider, *times, frozenset(_ops(row))))
    return blocks


def blockouts_of(rows: Iterable[Mapping[str, Any]]) -> list[Blockout]:
    """The blockouts among schedule rows."""
    return [
        Blockout(wire.key(row.get("BlockoutType")) or 0, *times, frozenset(_ops(row)))
        for row in rows
        if row.get("SchedType") == "Blockout" and (times := _times(row)) is not None
    ]


def _times(row: Mapping[str, Any]) -> Span | None:
    day, start, stop = wire.day(row.get("SchedDate")), wire.clock(row.get("StartTime")), wire.clock(row.get("StopTime"))
    if day is None or start is None or stop is None:
        return None
    begin, end = datetime.combine(day, start), datetime.combine(day, stop)
    if end <= begin:
        end = datetime.combine(day, datetime.min.time()) + timedelta(days=1)
    return begin, end


def _ops(row: Mapping[str, Any]) -> list[int]:
    return [int(part) for part in str(row.get("operatories") or "").split(",") if part.strip().lstrip("-").isdigit()]


def working_hours(blocks: Iterable[Block], provider: int, op: int, *, is_default: bool) -> list[Span]:
    """When `provider` works in `op`, merged. `is_default`: whether the provider is the operatory's own."""
    return merged(
        (block.start, block.end)
        for block in blocks
        if block.provider == provider and (op in block.ops or (not block.ops and is_default))
    )


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same times as `spans`, in order, none touching another."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def any_over(span: Span, others: Sequence[Span]) -> bool:
    """Whether one of `others`, which are `merged`, shares a minute with `span`."""
    before = bisect_right(others, span[0], key=lambda other: other[0])
    return (before > 0 and others[before - 1][1] > span[0]) or (before < len(others) and others[before][0] < span[1])


def is_within(span: Span, hours: Iterable[Span]) -> bool:
    """Whether one stretch of working hours covers all of `span`."""
    return any(start <= span[0] and span[1] <= end for start, end in hours)
