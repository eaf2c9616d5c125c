"""How far one deployment goes: ten thousand practices through a day, beside the quotas of an AWS account.

The practices are call by call the deployed rules' (`scale_fleet.py`), what a turn costs was measured on the deployed
adapters (`turn_costs.py`), who the practices are is assumed (`scale_offices.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from gateway.adapters.pace import SHARDS
from gateway.core.sweeping import LANES_AT_MOST, LANES_S, TICKS_AT_ONCE
from infra.catalogue import Every, function
from infra.stages import STAGES
from tests.bench import scale_quotas as quotas
from tests.bench import turn_costs
from tests.bench.figures import Figure, Say, at_most
from tests.bench.scale_fleet import STORE_S, Fleet, Limits, Minute
from tests.bench.scale_offices import CALLERS, Kind, Way, kinds_of, rows_of
from tests.bench.turn_costs import RECORDED_HIDES, RECORDED_POLLED, RECORDED_QUERIED, RECORDED_READ, RECORDED_WRITE

PRACTICES: Final = 10_000
SAMPLE: Final = 1_000
"""How many of them are simulated through the day, each for as many; the busiest minutes are of all of them."""

MIDNIGHT: Final = datetime(2026, 11, 17, 10, tzinfo=UTC).timestamp()
"""A Tuesday, five in the morning in New York: every office is closed and last night's readings are done."""

BUSIEST: Final = datetime(2026, 11, 17, 19, tzinfo=UTC).timestamp()
"""Everybody from New York to Los Angeles is at work."""

CELL: Final = 3_000
"""Practices that one deployment is meant for: what its workers do, with a quarter to spare."""

SECONDS: Final = 60.0
DAYS: Final = 30
QUEUE_S: Final = 0.008
"""A request of SQS from a function, at the median."""

ANSWER_S, AUTHORIZER_S = 0.08, 0.02
"""What a function takes for an answer of the mirror, and for who asks."""

ANSWER_READS: Final = 20.0
"""Read units of an answer of the mirror (`bench answers`)."""

ROW_WRITES, ROW_READS = 3.0, 0.35
"""Write units of a changed row with its places in the indexes, read units of one that is compared (`bench storage`)."""

ENTRY_WRITES, PATIENTS_OF_AN_ANSWER = 1.5, 10.0
"""Write units of an answer's row in the audit trail, and the patients whom it shows, of one answer with another."""

ROW_BYTES: Final = 791 + 669 + 104
LOG_BYTES: Final = 700
"""Of an invocation: Lambda's own three lines and one of ours."""

WRITES_IN_THE_INDEX: Final = 3.5
"""Write units that a background turn takes in the index of what is due: it is moved there by the lane, at the turn's
begin and at its end, and each move is two."""

CHANGES_TOLD: Final = 0.8
"""Of the changed rows, those of which an event is told."""

LARGEST_CLIENT: Final = 0.3
"""Share of all requests that one client makes: each adds to a counter of its own."""


@dataclass(frozen=True, slots=True)
class Used:
    """What is used of a quota at the busiest minute, at so many practices."""

    of: quotas.Quota
    name: str
    most: float

    @property
    def reached_at(self) -> float:
        """Practices at which it is met."""
        return PRACTICES * self.of.bound / self.most if self.most else math.inf


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """A day of a sample, the busiest minutes of all, and a cell at its limits."""
    sample, practices, cell, hours = (60, 200, 60, 2) if quick else (SAMPLE, PRACTICES, CELL, 24)
    minutes = a_day(sample, hours=hours, say=say)
    most = max(minute.most_at_once for minute in minutes) * PRACTICES / sample
    beside = f"{min(minute.most_at_once for minute in minutes) * PRACTICES / sample:,.0f} at the quietest"
    yield Figure("scale", f"{PRACTICES:,} practices through a day: workers at the same time", most, beside=beside)
    say(f"  the busiest minutes of {practices:,} practices")
    busiest, queried = _busiest(practices)
    scale = PRACTICES / practices
    uses = sorted(uses_of(busiest, scale=scale, queried=queried), key=lambda used: used.reached_at)
    for used in uses:
        yield Figure(
            "scale", f"{used.name}, of the quota", used.most / used.of.bound, "%",
            beside=f"{used.most:,.0f} of {used.of.bound:,.0f}{used.of.unit}; met at {used.reached_at:,.0f} practices; "
            f"moved by {used.of.moved_by}",
        )  # fmt: skip
    yield Figure("scale", "calls of Open Dental at the busiest minute", busiest.calls / SECONDS * scale, "/s")
    yield from _money(minutes, PRACTICES / sample, kinds_of(sample))
    yield from _cell(cell, quick=quick, say=say)
    yield from _all_together(practices, say=say)


def a_day(practices: int, *, hours: int = 24, say: Say = lambda _: None) -> list[Minute]:
    """A minute of each hour, after one in which the practices find their step."""
    fleet = Fleet(kinds_of(practices), start=MIDNIGHT)
    minutes = []
    for hour in range(hours):
        fleet.jump(MIDNIGHT + hour * 3600 + 300)
        fleet.run(SECONDS)
        (minute,) = fleet.run(SECONDS)
        minutes.append(minute)
        say(f"  hour {hour}: {minute.most_at_once:,} workers, {minute.calls:,} calls")
    return minutes


def _busiest(practices: int) -> tuple[Minute, float]:
    kinds = kinds_of(practices)
    fleet = Fleet(kinds, start=BUSIEST)
    fleet.run(SECONDS)
    minutes = fleet.run(2 * SECONDS)
    return max(minutes, key=lambda minute: minute.busy_s), sum(kind.way is Way.QUERIED for kind in kinds) / practices


def uses_of(minute: Minute, *, scale: float, queried: float) -> Iterator[Used]:
    """Each quota and what the minute uses of it, scaled up. `queried`: the share of practices that are."""

    def per_s(number: float) -> float:
        return number * scale / SECONDS

    asked = minute.reads + minute.writes
    background = minute.turns - asked
    calls, turns = per_s(minute.calls), per_s(minute.turns)
    requests = per_s(minute.requests) * CALLERS.busiest
    waited = sum(minute.waited) / max(1, len(minute.waited))
    most = minute.most_at_once * scale
    beside = requests * (ANSWER_S + AUTHORIZER_S) + per_s(asked) * (waited + 1) + per_s(minute.ticks) * 0.03
    dynamo = units_of(minute, queried=queried)
    lane = function("lane").trigger
    assert isinstance(lane, Every)
    yield Used(quotas.WORKERS_OF_A_MAPPING, quotas.WORKERS_OF_A_MAPPING.name, most)
    yield Used(quotas.CONCURRENCY, quotas.CONCURRENCY.name, most + beside)
    yield Used(
        quotas.Quota("workers of stage prod", STAGES["prod"].worker_concurrency, "", "a field of the stage", ""),
        "workers that stage `prod` has as it comes", most,
    )  # fmt: skip
    yield Used(quotas.FIFO_CALLS, quotas.FIFO_CALLS.name, calls + RECORDED_HIDES * turns)
    yield Used(quotas.FIFO_IN_FLIGHT, quotas.FIFO_IN_FLIGHT.name, most)
    yield Used(quotas.FIFO_WINDOW, quotas.FIFO_WINDOW.name, minute.most_waiting * scale)
    for table, use in dynamo.items():
        if use.writes:
            yield Used(quotas.TABLE_WRITES, f"DynamoDB: write units of `{table}`", per_s(use.writes))
        if use.reads:
            yield Used(quotas.TABLE_READS, f"DynamoDB: read units of `{table}`", per_s(use.reads))
    yield Used(quotas.KEY_WRITES, "DynamoDB: the counter of the deployment's calls, one item", turns)
    yield Used(
        quotas.KEY_WRITES, f"DynamoDB: a place of {SHARDS} in the index of what is due",
        per_s(background) * WRITES_IN_THE_INDEX / SHARDS,
    )  # fmt: skip
    yield Used(quotas.KEY_WRITES, "DynamoDB: the counter of the largest client", requests * LARGEST_CLIENT)
    yield Used(quotas.API_REQUESTS, quotas.API_REQUESTS.name, requests)
    yield Used(
        quotas.Quota("stage", STAGES["prod"].requests_per_second, "/s", "a field of the stage", ""),
        "requests that stage `prod` takes as it comes", requests,
    )  # fmt: skip
    yield Used(quotas.PUT_EVENTS, quotas.PUT_EVENTS.name, per_s(minute.changes) * CHANGES_TOLD)
    yield Used(quotas.SECRET_READS, quotas.SECRET_READS.name, turns)
    yield Used(quotas.SECRETS, quotas.SECRETS.name, PRACTICES)
    yield Used(quotas.KMS_CALLS, quotas.KMS_CALLS.name, turns)
    yield Used(
        quotas.Quota("lane", LANES_AT_MOST * lane.parts, "", "more parts of the lane", ""),
        "practices that the lane looks at in a minute", minute.offered * scale,
    )  # fmt: skip
    yield Used(
        quotas.Quota("lane", LANES_S * lane.parts, " s", "more parts of the lane", ""),
        "seconds of the lane in a minute", minute.offered * scale * LANE_STEP_S,
    )  # fmt: skip


LANE_STEP_S: Final = 2 * STORE_S + 3 / TICKS_AT_ONCE * QUEUE_S
"""What the lane takes for a practice: its item is read and written, and a third of a request for its three turns."""


def units_of(minute: Minute, *, queried: float) -> Mapping[str, turn_costs.Use]:
    """DynamoDB's units of a minute, by table."""
    asked = minute.reads + minute.writes
    background = minute.turns - asked
    calls = max(0.0, minute.calls - 2.0 * asked)
    # Who is asked by query has as many turns and a third of the calls.
    by_query = queried * background
    used = {
        name: RECORDED_POLLED.turn[name] * (background - by_query)
        + RECORDED_POLLED.call.get(name, turn_costs.Use()) * max(0.0, calls - by_query * 1.3)
        + RECORDED_QUERIED.turn[name] * by_query
        + RECORDED_QUERIED.call.get(name, turn_costs.Use()) * (by_query * 1.3)
        for name in RECORDED_POLLED.turn
    }
    # What a read or a write uses was measured over all tables; most of it is the ledger's.
    used["ledger"] += RECORDED_READ * minute.reads + RECORDED_WRITE * minute.writes
    used["records"] += turn_costs.Use(
        ANSWER_READS * minute.requests + ROW_READS * 100 * minute.calls * SWEPT, ROW_WRITES * minute.changes
    )
    # A row of the trail before each answer leaves, and of its index for each patient in it.
    used["audit"] = turn_costs.Use(0.0, ENTRY_WRITES * minute.requests)
    used["audit_index"] = turn_costs.Use(0.0, PATIENTS_OF_AN_ANSWER * minute.requests)
    used["callers"] = turn_costs.Use(2.0 * minute.requests, minute.requests)
    return used


SWEPT: Final = 0.1
"""Share of the calls that bring a page of rows to be compared."""


def _money(minutes: Sequence[Minute], scale: float, kinds: Sequence[Kind]) -> Iterator[Figure]:
    """What a month of such days costs."""
    queried = sum(kind.way is Way.QUERIED for kind in kinds) / len(kinds)
    by = dict.fromkeys(
        ("workers", "other functions", "queues", "DynamoDB units", "DynamoDB storage", "keys", "API", "events", "logs"),
        0.0,
    )
    month = scale * 60 * 24 / len(minutes) * DAYS
    worker_gb = function("upstream_worker").memory_mb / 1024
    for minute in minutes:
        times = month
        asked = minute.reads + minute.writes
        by["workers"] += times * (minute.busy_s * worker_gb * quotas.LAMBDA_GB_S + minute.turns * quotas.LAMBDA_REQUEST)
        by["other functions"] += times * (
            (minute.requests * (ANSWER_S + AUTHORIZER_S / 2) + asked * 2 + minute.ticks * 0.015) * quotas.LAMBDA_GB_S
            + (2 * minute.requests + minute.ticks / 10) * quotas.LAMBDA_REQUEST
        )
        by["queues"] += times * (
            (3 * minute.turns + minute.calls + RECORDED_HIDES * minute.turns) * quotas.FIFO_REQUEST
            + 3 * minute.ticks / 10 * quotas.STANDARD_REQUEST
        )
        for use in units_of(minute, queried=queried).values():
            by["DynamoDB units"] += times * (use.writes * quotas.WRITE_UNIT + use.reads * quotas.READ_UNIT)
        by["keys"] += times * minute.turns * (quotas.SECRET_READ + quotas.KMS_CALL)
        by["API"] += times * minute.requests * quotas.API_REQUEST
        by["events"] += times * minute.changes * CHANGES_TOLD * quotas.EVENT
        by["logs"] += times * (minute.turns + 2 * minute.requests) * LOG_BYTES / 1e9 * quotas.LOG_GB
    rows = sum(rows_of(name, kind.size) for kind in kinds for name in kind.state(MIDNIGHT).resources) * scale
    by["DynamoDB storage"] = rows * ROW_BYTES / 1e9 * quotas.GB_MONTH
    by["keys"] += PRACTICES * quotas.SECRET_MONTH
    total = sum(by.values())
    beside = ", ".join(f"{name} {cost / total:.0%}" for name, cost in sorted(by.items(), key=lambda one: -one[1]))
    yield Figure("scale", "US dollars a practice and month, list prices", total / PRACTICES, beside=beside)


def limits(workers: int) -> Limits:
    """What is deployed: the lane in its parts, and so many workers."""
    lane = function("lane").trigger
    assert isinstance(lane, Every)
    return Limits(workers, LANES_AT_MOST, LANES_S, LANE_STEP_S, lane.parts)


def _cell(practices: int, *, quick: bool, say: Say) -> Iterator[Figure]:
    """A cell's practices with all the workers that a mapping starts, for some of the busiest minutes."""
    say(f"  {practices:,} practices with their limits")
    workers = round(practices * quotas.WORKERS_OF_A_MAPPING.bound / CELL)
    fleet = Fleet(kinds_of(practices), start=BUSIEST, limits=limits(workers))
    fleet.run(SECONDS)
    minutes = fleet.run((2 if quick else 5) * SECONDS)
    most = max(minute.most_at_once for minute in minutes)
    queued = max(minute.most_waiting for minute in minutes)
    waited = sorted(one for minute in minutes for one in minute.waited)
    yield Figure(
        "scale", f"a cell of {practices:,} practices: workers at the same time, of its {workers:,}", most / workers,
        "%", at_most(0.95), f"{most:,}; {queued:,} turns waited for one at the worst",
    )  # fmt: skip
    p95 = waited[math.ceil(0.95 * len(waited)) - 1] if waited else 0.0
    yield Figure("scale", "a caller's turn in it: wait for its first call, p95", p95, "s", at_most(6.0))


def _all_together(practices: int, *, say: Say) -> Iterator[Figure]:
    """Whether practices that come due together drift apart: all are due when the lane looks, as after an outage."""
    say("  practices that were all late at once")
    kinds = kinds_of(min(practices, SAMPLE))
    fleet = Fleet(kinds, start=BUSIEST, callers=None)
    fleet.late()
    minutes = fleet.run(5 * SECONDS)
    last = minutes[-1]
    share = last.most_at_once / len(kinds)
    yield Figure(
        "scale", "of practices that were due in one second: worked for at the same time 5 minutes later", share, "%",
        at_most(0.45), f"{last.busy_s / SECONDS / len(kinds):.0%} on average",
    )  # fmt: skip
