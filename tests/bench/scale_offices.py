"""Who ten thousand practices are: what their keys allow, how large they are, where, and what their callers ask.

What a kind of practice reads when comes from the rules that the deployed code follows (`core/mirror/schedule.py`,
`checksums.py`): none is spelled here again. How many practices of which kind there are nobody publishes; `SHARES`,
`SIZES` and `CALLERS` are assumptions, kept in one place so that an operator who knows better can change them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache, cached_property
from typing import Final
from zoneinfo import ZoneInfo

from gateway.core import pacing
from gateway.core.mirror import checksums, passes, schedule
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.session import why_not
from gateway.core.mirror.syncing import Phase, PracticeSync, ResourceSync
from gateway.core.practices import Practice, Tier
from gateway.core.queries.statement import PERMISSION
from infra.sandbox.practice.keys import PERMISSIONS


class Way(StrEnum):
    """How changes at the office are noticed."""

    POLLED = "polled"
    TOLD = "told by machines"
    QUERIED = "asked by query"


@dataclass(frozen=True, slots=True)
class Size:
    """A practice's patients, and its rows of each resource for each of them."""

    name: str
    patients: int


@dataclass(frozen=True, slots=True)
class Callers:
    """What products ask of a practice in a working hour, for each 1,000 of its active patients."""

    requests: float
    live_reads: float
    """Of the requests, the share that no mirror answers: a turn each."""
    writes: float
    """Of the requests, the share that is a turn that writes."""
    changes: float
    """Rows that its people change in the hour."""
    busiest: float
    """The busiest minute of all callers, of the average one."""


SIZES: Final[Mapping[Size, float]] = {
    Size("small", 1_500): 0.45,
    Size("middle", 4_000): 0.40,
    Size("large", 12_000): 0.13,
    Size("very large", 40_000): 0.02,
}
"""One dentist has some 1,500 to 2,000 active patients; charts keep about twice as many."""

SHARES_OF_TIERS: Final[Mapping[Tier, float]] = {Tier.READ_ONLY: 0.15, Tier.STANDARD: 0.75, Tier.ENTERPRISE: 0.10}
SHARES_OF_WAYS: Final[Mapping[Way, float]] = {Way.POLLED: 0.60, Way.TOLD: 0.20, Way.QUERIED: 0.20}
SHARES_OF_ZONES: Final[Mapping[str, float]] = {
    "America/New_York": 0.47,
    "America/Chicago": 0.29,
    "America/Denver": 0.07,
    "America/Los_Angeles": 0.17,
}
"""About as the people of the United States live."""

CALLERS: Final = Callers(requests=12.0, live_reads=0.08, writes=0.04, changes=40.0, busiest=3.0)
CALLS_OF_A_READ, CALLS_OF_A_WRITE = 2, 4
EXECUTION_S: Final = 0.3
"""How long Open Dental takes for a call by way of its own servers."""

ROWS_OF_A_PATIENT: Final[Mapping[str, float]] = {
    "patients": 1.0,
    "appointments": 2.3,
    "recalls": 2.1,
    "procedurelogs": 6.1,
    "diseases": 0.9,
    "allergies": 0.7,
    "medicationpats": 0.9,
    "periomeasures": 0.9,
    "treatplans": 0.2,
    "claims": 1.2,
    "claimprocs": 4.3,
    "claimpayments": 1.0,
    "payments": 0.9,
    "paysplits": 2.1,
    "inssubs": 0.4,
    "patplans": 0.8,
    "commlogs": 1.6,
    "documents": 1.2,
}
"""Charts of some years, as the simulated practice makes them; all others are lists of a page or so."""

ROWS_OF_AN_OFFICE: Final[Mapping[str, int]] = {"schedules": 1_200, "procedurecodes": 80}
OTHER_ROWS: Final = 50


@dataclass(frozen=True, eq=False)
class Kind:
    """Practices that are alike. Everything that it says comes from the deployed rules, for an hour of the day.

    One object stands for them all: it is its own key in what is kept of the rules' answers.
    """

    tier: Tier
    way: Way
    size: Size
    zone: str

    @cached_property
    def practice(self) -> Practice:
        """A practice of this kind, as the gateway keeps it."""
        allowed = frozenset(PERMISSIONS) - (frozenset() if self.way is Way.QUERIED else {PERMISSION})
        return Practice("prac_aaaaaaaaaaaaaaaa", "", self.zone, tier=self.tier, permissions=allowed, version="26.3")

    @cached_property
    def floor_s(self) -> float:
        """The shortest interval of its key."""
        return pacing.floor_of(self.practice)

    @cached_property
    def rhythm_s(self) -> float:
        """How often a background turn comes."""
        return schedule.cycle_s(self.floor_s)

    def is_open(self, at: float) -> bool:
        """Whether people may be working there."""
        return schedule.is_open(datetime.fromtimestamp(at, UTC), ZoneInfo(self.zone))

    def state(self, at: float, *, quiet: bool = False) -> PracticeSync:
        """Its mirror, complete. `quiet`: where nothing has changed for long."""
        return _state(self, int(at // 3600) * 3600, quiet)

    def periods(self, at: float, *, quiet: bool = False) -> Mapping[str, float]:
        """What is polled, and how often."""
        return _periods(self, int(at // 3600) * 3600, quiet)

    def probes_every(self, at: float) -> float | None:
        """How often all tables are asked for changes by one query; None where the key may not."""
        if self.way is not Way.QUERIED:
            return None
        now = datetime.fromtimestamp(at, UTC)
        return schedule.probe_period(
            now, zone=ZoneInfo(self.zone), interval_s=self.floor_s, took_s=EXECUTION_S
        ).total_seconds()

    def sweep(self, name: str, began: float, *, whole_ago: timedelta = timedelta(days=3)) -> tuple[int, float]:
        """Calls of a full reading of a resource that begins then, and when the next one is due."""
        hour = int(began // 3600) * 3600
        calls, due = _sweep(self, name, hour, whole_ago)
        # What waits for the night is due when the office closes; all else so long after it was begun.
        return calls, due if due - hour >= DAY_S else due - hour + began

    def requests_per_s(self, at: float, callers: Callers = CALLERS) -> float:
        """What callers ask of one such practice."""
        return callers.requests * self.size.patients / 2 / 1000 / 3600 * self.activity(at)

    def changes_per_s(self, at: float, callers: Callers = CALLERS) -> float:
        """Rows that its people change."""
        return callers.changes * self.size.patients / 2 / 1000 / 3600 * self.activity(at)

    def activity(self, at: float) -> float:
        """How much goes on there: its people come at 7 and leave at 18, machines and portals never sleep."""
        wall = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(self.zone))
        return 1.0 if wall.weekday() < SATURDAY and 7 <= wall.hour < 18 else 0.05


SATURDAY: Final = 5
DAY_S: Final = 86_400.0


def kinds_of(number: int, *, seed: int = 1, ways: Mapping[Way, float] = SHARES_OF_WAYS) -> list[Kind]:
    """So many practices, drawn by their shares."""
    chance = random.Random(seed)

    def one_of(shares: Mapping[object, float]) -> object:
        return chance.choices(list(shares), list(shares.values()))[0]

    found: dict[tuple[object, ...], Kind] = {}
    kinds = []
    for _ in range(number):
        drawn = tuple(one_of(shares) for shares in (SHARES_OF_TIERS, ways, SIZES, SHARES_OF_ZONES))  # type: ignore[arg-type]
        kinds.append(found.setdefault(drawn, Kind(*drawn)))  # type: ignore[arg-type]
    return kinds


def rows_of(name: str, size: Size) -> int:
    """A resource's rows at a practice of that size."""
    of_patients = round(ROWS_OF_A_PATIENT.get(name, 0.0) * size.patients)
    return of_patients or ROWS_OF_AN_OFFICE.get(name, OTHER_ROWS)


@cache
def _state(kind: Kind, at: int, quiet: bool) -> PracticeSync:
    now = datetime.fromtimestamp(at, UTC)
    moved = now - timedelta(days=30 if quiet else 0, hours=0 if quiet else 12)
    resources = {
        name: ResourceSync(
            name,
            phase=Phase.LOADED,
            as_of=now,
            moved_at=moved,
            rows=rows_of(name, kind.size),
            swept_at=now,
            whole_at=now,
        )
        for name, one in MIRRORED.items()
        if why_not(kind.practice, one) is None
    }
    return PracticeSync(kind.practice.id, resources=resources, queries=kind.way is Way.QUERIED)


@cache
def _periods(kind: Kind, at: int, quiet: bool) -> Mapping[str, float]:
    state, now, zone = _state(kind, at, quiet), datetime.fromtimestamp(at, UTC), ZoneInfo(kind.zone)
    asked = schedule.by_query(kind.practice, state, now)
    fed = [name for name in state.resources if name not in asked and schedule.is_fed(MIRRORED[name])]
    return {
        name: schedule.poll_period(
            MIRRORED[name],
            state.resources[name],
            now,
            zone=zone,
            interval_s=kind.floor_s,
            is_told=kind.way is Way.TOLD,
        ).total_seconds()
        for name in fed
    }


@cache
def _sweep(kind: Kind, name: str, began: int, whole_ago: timedelta) -> tuple[int, float]:
    now, zone, one = datetime.fromtimestamp(began, UTC), ZoneInfo(kind.zone), MIRRORED[name]
    of = replace(kind.state(began).resources[name], whole_at=now - whole_ago)
    by_sums = checksums.is_next(kind.practice, one, of, now, zone)
    calls = checksums.calls(of.rows) if by_sums else checksums.calls_of_whole(kind.practice, one, of)
    if not by_sums and one.list_operation is not None:
        # Some are read in parts, a month of a schedule for example, each of which takes a call at least.
        calls = max(calls, len(passes.parts(one, now.astimezone(zone).date(), purpose="sweep")))
    due = schedule.next_sweep(
        of,
        now,
        zone=zone,
        page_limit=kind.practice.page_limit,
        period=checksums.period(kind.practice, one, of, now),
    )
    return calls, due.timestamp()
