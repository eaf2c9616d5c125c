"""What is read when: pure rules, from what it costs, how often it changes, and the office's hours.

The few resources that people work in are polled in turn, so that a change is here within seconds; setup is read once in
a while. A cycle takes the same share of a practice's calls whatever its key allows: about a quarter at one call a
second, and never more than that of people, who always go first. Full readings wait for the night where they are long.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from gateway.core.mirror.memory import REMEMBERED_S
from gateway.core.mirror.mirrored import MIRRORED, Mirrored
from gateway.core.mirror.syncing import Phase, PracticeSync, ResourceSync, Wanted
from gateway.core.practices import Practice
from gateway.core.queries.changes import STAMPED
from gateway.core.queries.statement import may_query

HOT: Final = frozenset({"appointments", "patients", "procedurelogs", "claims"})
"""What is polled all the time."""

HOT_PERIOD_S: Final = 20.0
"""How often each of them is polled: a change waits half of it at the median."""

CALLS_OF_A_CYCLE: Final = 12.0
"""Slots of a key in the shortest cycle: four hot polls leave two thirds of them to everybody else."""

WARM_S: Final = 120.0
COOL_S: Final = 300.0
COLD_S: Final = 900.0
"""How often the others with a filter are polled: changed within the last hour, within a day, or not."""

ENTRIES_S: Final = 60.0
"""How often new payments are looked for, which no stamp tells of."""

OFTEN_PROBED: Final = HOT | {
    "claimprocs",
    "payments",
    "paysplits",
    "recalls",
    "diseases",
    "allergies",
    "medicationpats",
}
"""What is in every probe by query: what people work in, and what is asked for as of a minute ago."""

SELDOM_PROBED_S: Final = 100.0
"""How often the other tables are in it: the office keeps the text of every statement."""

PROBE_SHARE: Final = 20.0
"""A probe is followed by so many times its own length without one: an office's database has other work."""

UNTOLD: Final = frozenset({"appointments", "claims"})
"""What is polled all the time though the practice's machines tell of it: free times are answered from visits of a
minute ago at most. Of claims they tell nothing."""

TOLD_S: Final = 120.0
TOLD_LONGEST_S: Final = 240.0
"""How often the others are polled while machines tell of them: young enough for who reads without a word of ages, and
no change waits longer where a machine has just fallen silent and nobody knows yet."""

CLOSED_FACTOR: Final = 3.0
"""How much longer everything may take while the office is closed."""

OPENS, CLOSES, SUNDAY = 6, 21, 6
"""Hours of the wall clock in which an office may work, and the day on which it does not."""

PULSE: Final = timedelta(minutes=10)
"""How often the server's clock and its highest key are looked at, where no answer brought them by itself."""

SLACK: Final = timedelta(seconds=3)
"""What is due so soon is done now, in the same turn."""

SHORT_PAGES, MIDDLE_PAGES = 2, 20
SWEEP_SHORT: Final = timedelta(hours=1)
SWEEP_MIDDLE: Final = timedelta(hours=6)
SWEEP_LONG: Final = timedelta(hours=24)
SWEEP_AGAIN: Final = timedelta(hours=1)
FORGOTTEN: Final = timedelta(seconds=REMEMBERED_S + 5)
"""How long after a mirror was turned off no process takes it for one that is on."""

SWEEP_LATEST: Final = timedelta(hours=48)
"""A long reading waits for the night, but not longer than this."""

RETRY_FIRST_S: Final = 30.0
RETRY_LONGEST_S: Final = 3600.0

QUIET_S: Final = 120.0
"""Loads and sweeps leave half of the slots while somebody called within so many seconds."""


def is_open(now: datetime, zone: ZoneInfo) -> bool:
    """Whether somebody may be working at the office."""
    wall = now.astimezone(zone)
    return wall.weekday() != SUNDAY and OPENS <= wall.hour < CLOSES


def cycle_s(interval_s: float) -> float:
    """How often the hot resources are polled by a key of this interval, in seconds."""
    return max(HOT_PERIOD_S, CALLS_OF_A_CYCLE * interval_s)


def poll_period(
    one: Mirrored, state: ResourceSync, now: datetime, *, zone: ZoneInfo, interval_s: float, is_told: bool = False
) -> timedelta:
    """How long after a poll the next one is due. `is_told`: whether the practice's machines tell of its changes."""
    scale = cycle_s(interval_s) / HOT_PERIOD_S
    if one.resource in HOT:
        seconds = HOT_PERIOD_S
    elif one.resource == "payments":
        seconds = ENTRIES_S
    else:
        age = now - state.moved_at if state.moved_at is not None else timedelta.max
        seconds = WARM_S if age < timedelta(hours=1) else COOL_S if age < timedelta(days=1) else COLD_S
    scale *= 1.0 if is_open(now, zone) else CLOSED_FACTOR
    seconds *= scale
    if is_told and one.resource in HOT - UNTOLD:
        seconds = max(seconds, min(TOLD_S * scale, TOLD_LONGEST_S))
    return timedelta(seconds=seconds)


def probe_period(now: datetime, *, zone: ZoneInfo, interval_s: float, took_s: float) -> timedelta:
    """How long after a probe by query the next one is due."""
    seconds = cycle_s(interval_s) * (1.0 if is_open(now, zone) else CLOSED_FACTOR)
    return timedelta(seconds=max(seconds, PROBE_SHARE * took_s))


def by_query(practice: Practice, state: PracticeSync, now: datetime) -> frozenset[str]:
    """The resources whose changes are asked for by query now; all others are followed by their lists' filters."""
    probing = state.probing
    if not (state.queries and may_query(practice)):
        return frozenset()
    if probing.refused_until is not None and probing.refused_until > now:
        return frozenset()
    return frozenset(
        name
        for name, of in state.resources.items()
        if of.phase is Phase.LOADED
        and name in STAMPED
        and not ((until := probing.not_askable.get(name)) is not None and until > now)
    )


def to_bring_in(state: PracticeSync, asked: frozenset[str], now: datetime) -> list[str]:
    """What the last probe showed changed and is not in the mirror yet, what people work in first."""
    waiting = [
        name
        for name, probed in state.probing.changed.items()
        if name in asked
        and _may_try(of := state.resources[name], now)
        and (of.followed is None or of.followed.at is None or of.followed.at < probed.at)
        and (of.as_of is None or of.as_of < probed.at)
    ]
    return sorted(waiting, key=lambda name: (name not in HOT, MIRRORED[name].rank, name))


def after_deletion(state: ResourceSync, now: datetime, *, page_limit: int) -> datetime:
    """When to look for a row that is gone: at once, but a long list was not to be read again and again."""
    is_long = state.rows / max(1, page_limit - 1) > MIDDLE_PAGES
    due = now if not is_long or state.swept_at is None else max(now, state.swept_at + SWEEP_AGAIN)
    return due if state.sweep_due_at is None else min(due, state.sweep_due_at)


def sweep_period(state: ResourceSync, *, page_limit: int) -> timedelta:
    """How long after a full reading the next one is due."""
    pages = state.rows / max(1, page_limit - 1)
    if pages <= SHORT_PAGES:
        return SWEEP_SHORT
    return SWEEP_MIDDLE if pages <= MIDDLE_PAGES else SWEEP_LONG


def next_sweep(
    state: ResourceSync, began: datetime, *, zone: ZoneInfo, page_limit: int, period: timedelta | None = None
) -> datetime:
    """When a sweep that began then is followed by the next one: `period` later, or long ones at night."""
    if period is not None:
        return began + period
    period = sweep_period(state, page_limit=page_limit)
    due = began + period
    if period < SWEEP_LONG or not is_open(due, zone):
        return due
    closes = due.astimezone(zone).replace(hour=CLOSES, minute=0, second=0, microsecond=0)
    return min(max(due, closes), began + SWEEP_LATEST)


def retry_at(state: ResourceSync, now: datetime) -> datetime:
    """When to try again what has just failed."""
    return now + timedelta(seconds=min(RETRY_LONGEST_S, RETRY_FIRST_S * 2 ** min(state.failures, 10)))


def is_fed(one: Mirrored) -> bool:
    """Whether a filter tells changes or new rows of it."""
    return one.list_operation is not None and (one.stamp is not None or one.entered is not None)


def feeds_due(state: PracticeSync, now: datetime, *, but: frozenset[str] = frozenset()) -> list[str]:
    """What is to be polled now: what people work in first, then the longest due. `but`: what is asked by query."""
    due = [
        (name not in HOT, of.due_at or of.as_of or now, name)
        for name, of in state.resources.items()
        if name not in but and _is_fed_now(name, of) and is_due(of.due_at, now)
    ]
    return [name for *_, name in sorted(due)]


def children_due(state: PracticeSync, now: datetime) -> list[str]:
    """What has rows under changed parents to be read again."""
    return [
        name for name, of in state.resources.items() if of.parents and of.phase is Phase.LOADED and _may_try(of, now)
    ]


def loads_due(state: PracticeSync, now: datetime) -> list[str]:
    """What is to be loaded, in this order: reference data, people, what is to come, and then the past."""
    names = list(MIRRORED)
    waiting = [
        of for of in state.resources.values() if of.phase in {Phase.NONE, Phase.LOADING} and of.resource in MIRRORED
    ]

    def place(of: ResourceSync) -> tuple[int, bool, int]:
        one = MIRRORED[of.resource]
        return (
            one.rank,
            of.running is not None and is_past(of.running.part, of.running.started_at),
            names.index(of.resource),
        )

    return [of.resource for of in sorted(waiting, key=place) if _may_try(of, now)]


def sweeps_due(state: PracticeSync, now: datetime) -> list[str]:
    """What is to be read as a whole again: first what was begun, then the longest due."""
    due = [
        (of.running is None, of.sweep_due_at or now, name)
        for name, of in state.resources.items()
        if of.phase is Phase.LOADED
        and (of.running is not None or bool(of.suspects) or is_due(of.sweep_due_at, now))
        and _may_try(of, now)
    ]
    return [name for *_, name in sorted(due)]


def feeds_next(state: PracticeSync, now: datetime, *, by_query: frozenset[str] = frozenset()) -> datetime | None:
    """When something is polled, or asked by query, next."""
    times = [of.due_at for name, of in state.resources.items() if name not in by_query and _is_fed_now(name, of)]
    if by_query:
        times.append(now if to_bring_in(state, by_query, now) else state.probing.due_at or now)
        following = [of for name, of in state.resources.items() if name in by_query and of.followed is not None]
        times += [_not_before(of, now) for of in following if of.followed is not None and of.followed.reads]
    return min((at for at in times if at is not None), default=None)


def loads_next(state: PracticeSync, now: datetime) -> datetime | None:
    """When something is loaded, or erased, next."""
    if state.wanted is Wanted.OFF:
        return erasure_due(state, now)
    times = [_not_before(of, now) for of in state.resources.values() if of.phase in {Phase.NONE, Phase.LOADING}]
    return min(times, default=None) if state.resources else now


def erasure_due(state: PracticeSync, now: datetime) -> datetime | None:
    """When a mirror that nobody wants is erased: once nobody remembers that it was on, or he might store a row behind
    the erasure; None where nothing is kept."""
    if state.wanted is not Wanted.OFF or not state.is_kept:
        return None
    return now if state.changed_at is None else max(now, state.changed_at + FORGOTTEN)


def sweeps_next(state: PracticeSync, now: datetime) -> datetime | None:
    """When something is read as a whole, or looked for, next."""
    times = []
    for of in state.resources.values():
        if of.phase is not Phase.LOADED:
            continue
        if of.running is not None or of.suspects or of.parents:
            times.append(_not_before(of, now))
        elif of.sweep_due_at is not None:
            times.append(of.sweep_due_at)
    return min(times, default=None)


def is_past(part: str, started_at: datetime) -> bool:
    """Whether a part of a load is about what has been."""
    return part == "past" or (part[:4].isdigit() and part < f"{started_at:%Y-%m}")


def is_due(at: datetime | None, now: datetime) -> bool:
    """Whether it is time, or soon enough to be done in the same turn."""
    return at is None or at <= now + SLACK


def _is_fed_now(name: str, of: ResourceSync) -> bool:
    return of.phase is Phase.LOADED and name in MIRRORED and is_fed(MIRRORED[name])


def _may_try(of: ResourceSync, now: datetime) -> bool:
    """Whether it did not fail so lately that it had better be left alone."""
    return of.not_before is None or of.not_before <= now


def _not_before(of: ResourceSync, now: datetime) -> datetime:
    return now if of.not_before is None else max(now, of.not_before)
