"""How closely a practice is called at the pace that its tier permits, and how often faster.

The practice counts; what the gateway believes is not asked. Both readings of the vendor's text are played
(https://www.opendental.com/site/apithrottle.html says neither from where the interval runs nor otherwise).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from gateway.core.practices import Tier
from infra.sandbox.practice import seed
from infra.sandbox.practice.clock import Clock
from infra.sandbox.practice.keys import ApiKey
from infra.sandbox.practice.office import Office
from infra.sandbox.practice.practice import Practice, Settings
from infra.sandbox.practice.server import PracticeServer
from infra.sandbox.practice.store import Store
from tests.bench import arrivals
from tests.bench.arrivals import Arrival, ThrottleFrom
from tests.bench.callers import CALLERS, Load, start_followers, straight, through_gateway
from tests.bench.deployed import INTERVAL_S, Deployed, deployed
from tests.bench.figures import NONE, Figure, Say, at_least
from tests.bench.pure_pace import a_day

GOAL = 0.98
LATENCY_MS = 50.0
RAMP = 16
"""Calls before a run's own: while 32 requests start at once, what the emulator's two cores can do is measured."""
SETTLED_S = 3.0
"""Between runs, so that the last call of one interval and the first of another are no pair."""
DAY_S = 86_400.0


@dataclass(frozen=True)
class Run:
    """One load: a tier, how many calls, one reading of the throttle."""

    tier: Tier
    calls: int
    counted_from: ThrottleFrom

    @property
    def interval_s(self) -> float:
        """The tier's."""
        return INTERVAL_S[self.tier]

    @property
    def name(self) -> str:
        """As the table has it."""
        return f"{self.calls} calls at {self.interval_s:g} s, counted from the {self.counted_from}"


RUNS = (
    Run(Tier.ENTERPRISE, 120, "start"),
    Run(Tier.ENTERPRISE, 120, "end"),
    Run(Tier.STANDARD, 60, "start"),
    Run(Tier.STANDARD, 60, "end"),
)
QUICK_RUNS = (Run(Tier.ENTERPRISE, 20, "start"),)


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """The day of the rule first (it costs seconds), then the deployed stack, then the plain client."""
    yield from pure(seconds=3600.0 if quick else DAY_S)
    runs = QUICK_RUNS if quick else RUNS
    with deployed(
        say=say,
        patients=CALLERS + RAMP + sum(run.calls + RAMP for run in runs),
        practice=("--latency-ms", str(LATENCY_MS)),
    ) as here:
        # 32 requests at once start 32 processes of each function; that storm is no part of any run.
        say("  starting as many functions as there are callers")
        start_followers(api_url=here.box.api_url, authorization=here.box.authorization())
        through(here, Run(Tier.ENTERPRISE, CALLERS, "start"), first=0)
        first = CALLERS + RAMP
        for run in runs:
            say(f"  {run.name}")
            load = through(here, run, first=first)
            first += run.calls + RAMP
            yield from of_gateway(run, here.arrivals(), load, counted=here.control("GET", "pace")["violations"])
    say("  the same from a plain client, all runs side by side")
    with ThreadPoolExecutor(len(runs)) as pool:
        for figures in pool.map(plain, runs):
            yield from figures


def through(here: Deployed, run: Run, *, first: int) -> Load:
    """Have 32 callers read through the deployed gateway; the practice's log then holds this run alone."""
    here.set_tier(run.tier)
    here.control("PUT", "settings", {"throttle_from": run.counted_from})
    time.sleep(SETTLED_S)
    here.control("DELETE", "log")
    return through_gateway(
        run.calls + RAMP,
        api_url=here.box.api_url,
        authorization=here.box.authorization(),
        patient=here.patient,
        first=first,
    )


def of_gateway(run: Run, came: list[Arrival], load: Load, *, counted: int) -> Iterator[Figure]:
    """Figures of one run; `counted` are the violations by the practice's own count."""
    by_log = arrivals.violations(came, interval_s=run.interval_s, counted_from=run.counted_from)
    permitted = arrivals.permitted_rate(
        interval_s=run.interval_s, execution_s=arrivals.execution_s(came), counted_from=run.counted_from
    )
    answered = ", ".join(f"{number} x {how}" for how, number in sorted(load.answers.items()))
    beside = f"{counted} by its count, {by_log} by its log; answers: {answered}"
    yield Figure("pacing", f"violations, {run.name}", max(counted, by_log), goal=NONE, beside=beside)
    yield Figure(
        "pacing",
        f"calls that got no answer, {run.name}",
        sum(number for how, number in load.answers.items() if how not in {"200", "202 succeeded"}),
        goal=NONE,
        beside=f"longest wait {max(load.waits_s):.0f} s",
    )
    own = came[RAMP:]
    used = arrivals.rate_used(own)
    share = arrivals.share_used(own, interval_s=run.interval_s, counted_from=run.counted_from)
    ramp = arrivals.share_used(came, interval_s=run.interval_s, counted_from=run.counted_from)
    beside = f"{used:.3f}/s of {permitted:.3f}/s, longest gap {arrivals.longest_gap_s(own):.2f} s, {len(own)} calls"
    beside += f"; {100 * ramp:.1f} % with the {RAMP} before them"
    yield Figure("pacing", f"rate used, {run.name}", share, "%", at_least(GOAL), beside)


def plain(run: Run) -> list[Figure]:
    """The same load straight at a practice of its own, retried as Retry-After says."""
    office = Office(Store(clock=Clock()))
    seed.seed(office, patients=20, seed=1)
    practice = Practice(
        office,
        key=ApiKey(tier="enterprise" if run.tier is Tier.ENTERPRISE else "standard"),
        settings=Settings(throttle_from=run.counted_from, latency_ms=LATENCY_MS),
    )
    with PracticeServer(practice) as server:
        state = server.state()
        keys = f"ODFHIR {state['developer_key']}/{state['customer_key']}"
        load = straight(run.calls, base_url=state["base_url"].rstrip("/"), authorization=keys)
        came = [Arrival(one.start, one.begun, one.end, one.status) for one in practice.log()]
        violations = practice.throttle.pace.violations
    share = arrivals.share_used(came, interval_s=run.interval_s, counted_from=run.counted_from)
    refused = sum(one.refused for one in came)
    beside = f"{refused} refused of {load.attempts} attempts; rate used {100 * share:.1f} %"
    return [Figure("pacing", f"plain client: violations, {run.name}", violations, beside=beside)]


def pure(*, seconds: float) -> Iterator[Figure]:
    """The rule alone, over a simulated day of both tiers under both readings."""
    for interval in (0.5, 1.0):
        for counted_from in ("start", "end"):
            of: ThrottleFrom = "start" if counted_from == "start" else "end"
            came = a_day(interval_s=interval, counted_from=of, seconds=seconds)
            broken = arrivals.violations(came, interval_s=interval, counted_from=of)
            name = f"the rule over {seconds / 3600:.0f} h at {interval:g} s, counted from the {of}"
            yield Figure("pacing", f"violations, {name}", broken, goal=NONE, beside=f"{len(came):,} calls")
            share = used_of_possible(came, interval_s=interval, counted_from=of)
            yield Figure("pacing", f"rate used, {name}", share, "%", at_least(GOAL))


def used_of_possible(came: list[Arrival], *, interval_s: float, counted_from: ThrottleFrom) -> float:
    """The rate used as a share of what these very executions permit, one after the other.

    Executions differ here, so the mean execution would say too much where one is longer than the interval.
    """
    before_last = came[:-1]
    if counted_from == "start":
        least = sum(max(interval_s, one.end - one.begun) for one in before_last)
    else:
        least = sum(interval_s + one.end - one.begun for one in before_last)
    return least / (came[-1].begun - came[0].begun)
