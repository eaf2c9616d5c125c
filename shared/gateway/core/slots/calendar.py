"""What is known of some days of an office, and whether a visit fits in.

The one place that decides it: a booking asks before it writes, and the search offers only what passes. So a slot that
is offered can be booked, as long as nobody was faster. Pure, on the office's wall clock.
Sources: https://www.opendental.com/manual/schedule.html, https://www.opendental.com/manual/blockouts.html,
https://www.opendental.com/manual/appointmenttypes.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.core import chairs
from gateway.core.chairs import Block, Blockout, Span, Visit
from open_dental import wire

NO_APPOINTMENTS: Final = "NS"
"""A blockout type with this among its flags forbids appointments."""

BLOCKOUT_CATEGORY: Final = 25

LONGEST: Final = chairs.LONGEST_UNITS * chairs.UNIT

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BlockoutRules:
    """What blockouts mean to visits. `forbidden`: types that no visit may lie over. `tied`: appointment type -> the
    blockout types it is allowed in, for those types that name any.
    """

    forbidden: frozenset[int] = frozenset()
    tied: Mapping[int, frozenset[int]] = field(default_factory=dict)

    def closes(self, kind: int, type_num: int) -> bool:
        """Whether a blockout of `kind` is closed to visits of the appointment type `type_num` (0: of none)."""
        if kind in self.forbidden:
            return True
        mine = self.tied.get(type_num, frozenset())
        return kind not in mine and (bool(mine) or any(kind in others for others in self.tied.values()))


def blockout_rules(definitions: Iterable[Row], types: Iterable[Row] = ()) -> BlockoutRules:
    """The rules in rows of definitions and of appointment types; rows of other categories are passed over.

    `BlockoutTypes` is a list of numbers or of names: the vendor's schema says one, its example shows the other.
    """
    blockouts = [row for row in definitions if wire.key(row.get("Category")) == BLOCKOUT_CATEGORY]
    named = {str(row.get("ItemName") or "").strip().casefold(): _number(row.get("DefNum")) for row in blockouts}
    forbidden = frozenset(
        _number(row.get("DefNum"))
        for row in blockouts
        if NO_APPOINTMENTS in str(row.get("ItemValue") or "").upper().split(",")
    )
    tied = dict[int, frozenset[int]]()
    for row in types:
        words = [word.strip() for word in str(row.get("BlockoutTypes") or "").split(",") if word.strip()]
        allowed = frozenset(int(word) if word.isdigit() else named.get(word.casefold(), 0) for word in words) - {0}
        if allowed and not wire.flag(row.get("IsHidden")):
            tied[_number(row.get("AppointmentTypeNum"))] = allowed
    return BlockoutRules(forbidden, tied)


def own_providers(operatories: Iterable[Row]) -> dict[int, frozenset[int]]:
    """Operatory -> its own dentist and hygienist: hours that name no operatory are worked where a provider is one."""
    return {
        _number(row.get("OperatoryNum")): frozenset(
            {_number(row.get("ProvDentist")), _number(row.get("ProvHygienist"))} - {0}
        )
        for row in operatories
    }


@dataclass(frozen=True, slots=True)
class Calendar:
    """Some days of an office. `own`: operatory -> its own providers. `type_num`: the kind of visit that is looked for.

    `taken` are visits, and the holds of others as if they were visits.
    """

    blocks: Sequence[Block]
    blockouts: Sequence[Blockout] = ()
    own: Mapping[int, frozenset[int]] = field(default_factory=dict)
    rules: BlockoutRules = field(default_factory=BlockoutRules)
    taken: Sequence[Visit] = ()
    type_num: int = 0

    def hours(self, provider: int, op: int) -> list[Span]:
        """When `provider` works in `op`, one after the other."""
        return chairs.working_hours(self.blocks, provider, op, is_default=provider in self.own.get(op, ()))

    def closed(self, op: int) -> list[Span]:
        """The blockouts that close `op` to this kind of visit."""
        return [
            (one.start, one.end)
            for one in self.blockouts
            if (op in one.ops or not one.ops) and self.rules.closes(one.kind, self.type_num)
        ]

    def is_open(self, span: Span, provider: int, op: int) -> bool:
        """Whether `provider` works in `op` during all of `span`, and nothing closes the chair then."""
        return chairs.is_within(span, self.hours(provider, op)) and not any(
            chairs.overlap(span, closed) for closed in self.closed(op)
        )

    def clashes(self, wanted: Visit) -> list[Visit]:
        """What is in the way of `wanted`: its chair at any time, its providers while they are needed."""
        return chairs.clashes(wanted, self.taken)

    def starts(
        self, wanted: Visit, provider: int, *, step: timedelta, within: Span, notice: datetime | None = None
    ) -> Iterator[datetime]:
        """Every free start of `wanted` in its chair with `provider` as the main one, earliest first.

        Starts lie in `within`, not before `notice`, on multiples of `step` from midnight.
        """
        length = wanted.end - wanted.start
        busy = _Busy(self.taken, wanted)
        first = within[0] if notice is None else max(within[0], notice)
        gaps = _minus(self.hours(provider, wanted.op), [*self.closed(wanted.op), *busy.chair])
        for begin, end in gaps:
            start = _on_the_clock(max(begin, first), step)
            while start + length <= end and start < within[1]:
                if busy.providers_are_free(start - wanted.start):
                    yield start
                start = _on_the_clock(start + chairs.MINUTE, step)


class _Busy:
    """What keeps a visit from being moved: times of its chair, and of each provider that it needs."""

    def __init__(self, taken: Iterable[Visit], wanted: Visit) -> None:
        self.chair = list[Span]()
        spans: dict[int, list[Span]] = {who: [] for who in wanted.provider_spans}
        for one in taken:
            if one.key == wanted.key:
                continue
            if one.op == wanted.op:
                self.chair.append((one.start, one.end))
            for who in one.provider_spans.keys() & spans.keys():
                spans[who].extend(one.provider_spans[who])
        self._needs = [(runs, chairs.merged(spans[who])) for who, runs in wanted.provider_spans.items()]

    def providers_are_free(self, by: timedelta) -> bool:
        """Whether nobody is needed elsewhere if the visit is moved `by` so much."""
        return not any(
            chairs.any_over((start + by, end + by), busy) for runs, busy in self._needs if busy for start, end in runs
        )


def _minus(spans: Iterable[Span], taken: Iterable[Span]) -> Iterator[Span]:
    """What is left of `spans`, in order, where `taken` is cut out."""
    cuts = chairs.merged(taken)
    for begin, end in spans:
        left = begin
        for start, stop in cuts:
            if stop <= left:
                continue
            if start >= end:
                break
            if start > left:
                yield left, start
            left = stop
        if left < end:
            yield left, end


def _on_the_clock(moment: datetime, step: timedelta) -> datetime:
    """The first multiple of `step` from midnight at or after `moment`; each day begins anew."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    found = midnight - (midnight - moment) // step * step
    return min(found, midnight + timedelta(days=1))


def alternatives(
    calendar: Calendar,
    wanted: Visit,
    provider: int,
    *,
    step: timedelta,
    within: Span,
    notice: datetime,
    count: int,
    suits: Callable[[datetime], bool] = lambda _: True,
) -> list[datetime]:
    """Up to `count` free starts of the same visit in the same chair, nearest to the wanted time first, then earlier."""
    starts = [
        start
        for start in calendar.starts(wanted, provider, step=step, within=within, notice=notice)
        if start != wanted.start and suits(start)
    ]
    return sorted(starts, key=lambda start: (abs(start - wanted.start), start))[:count]


def _number(value: object) -> int:
    return wire.key(value) or 0
