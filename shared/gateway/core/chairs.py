"""Who is busy where: visits, schedules and free times of one operatory, on the office's wall clock.

Everything here is pure and in *minutes of wall time*, because an office plans by its clock on the wall: naive
datetimes of one practice, never compared with another's. Facts: an appointment's `Pattern` has one character for each
5 minutes, `X` where its main provider is needed; `PatternSecondary` says the same of the second one. Sources:
https://www.opendental.com/site/apiappointments.html, https://www.opendental.com/manual/timebars.html,
https://www.opendental.com/manual/schedule.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from open_dental import wire

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
    if one.op == other.op and _overlap((one.start, one.end), (other.start, other.end)):
        return True
    return any(
        _overlap(mine, theirs)
        for provider in one.provider_spans.keys() & other.provider_spans.keys()
        for mine in one.provider_spans[provider]
        for theirs in other.provider_spans[provider]
    )


def _overlap(one: Span, other: Span) -> bool:
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


def closures_of(rows: Iterable[Mapping[str, Any]], op: int, types: frozenset[int]) -> list[Span]:
    """The times of blockouts of `types` in operatory `op`; a blockout without operatories covers all of them."""
    return [
        times
        for row in rows
        if row.get("SchedType") == "Blockout" and (wire.key(row.get("BlockoutType")) or 0) in types
        if (times := _times(row)) is not None and (op in _ops(row) or not _ops(row))
    ]


def blockouts_over(rows: Iterable[Mapping[str, Any]], op: int, span: Span) -> bool:
    """Whether any blockout, of whatever type, lies over `span` in operatory `op`."""
    return any(
        _overlap(times, span)
        for row in rows
        if row.get("SchedType") == "Blockout"
        if (times := _times(row)) is not None and (op in _ops(row) or not _ops(row))
    )


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
    mine = sorted(
        (block.start, block.end)
        for block in blocks
        if block.provider == provider and (op in block.ops or (not block.ops and is_default))
    )
    merged: list[Span] = []
    for start, end in mine:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def is_within(span: Span, hours: Iterable[Span]) -> bool:
    """Whether one stretch of working hours covers all of `span`."""
    return any(start <= span[0] and span[1] <= end for start, end in hours)


def alternatives(
    wanted: Visit,
    others: Sequence[Visit],
    hours: Sequence[Span],
    closed: Sequence[Span],
    *,
    step: timedelta,
    not_before: datetime,
    count: int = 3,
) -> list[datetime]:
    """Up to `count` free starts of the same visit in the same chair, nearest to the wanted time first.

    They lie within `hours`, on multiples of `step` from the start of each stretch, not before `not_before`; ties go to
    the earlier one.
    """
    length = wanted.end - wanted.start
    starts: list[datetime] = []
    for begin, end in hours:
        start = begin
        while start + length <= end:
            if start >= not_before and start != wanted.start:
                moved = _moved(wanted, start)
                free = not any(_clash(moved, other) for other in others if other.key != wanted.key)
                if free and not any(_overlap((moved.start, moved.end), span) for span in closed):
                    starts.append(start)
            start += step
    starts.sort(key=lambda start: (abs(start - wanted.start), start))
    return starts[:count]


def _moved(one: Visit, start: datetime) -> Visit:
    by = start - one.start
    spans = {who: tuple((a + by, b + by) for a, b in runs) for who, runs in one.provider_spans.items()}
    return Visit(one.key, one.op, start, one.end + by, spans)
