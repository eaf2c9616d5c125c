"""The mirror beside its office: what a first load costs, how soon a change is seen, what is wrong after a bad week.

The office is the simulated practice, its time and ours are one that passes without waiting, and the stores are the
fakes that the adapters are held to: so nothing here is a time of this machine but the last figure, which is a share.
"""

from __future__ import annotations

import logging
import math
import random
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.schedule import HOT
from gateway.core.mirror.syncing import Phase
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from gateway.core.practices import Practice, Tier
from tests.bench.figures import NONE, Figure, Goal, Say, at_most
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office
from tests.fakes.office_history import LISTED, OfficeHistory

PATIENTS_OF_470_000_ROWS = 18_450
DAY_S = 86_400
LAGS: Mapping[Tier, tuple[Goal | None, Goal]] = {
    Tier.ENTERPRISE: (at_most(15.0), at_most(30.0)),
    Tier.STANDARD: (at_most(15.0), at_most(30.0)),
    Tier.READ_ONLY: (None, at_most(90.0)),
}
"""Tier -> the goals of the median and of the 95th percentile, in seconds."""

LONGEST_LAG_S = 900.0


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """Every promise of the mirror, each with an office of its own."""
    logging.disable(logging.WARNING)
    try:
        yield from _first_load(800 if quick else PATIENTS_OF_470_000_ROWS, say)
        yield from _sweeps(400 if quick else 1_500, say)
        yield from _steady(say)
        yield from _told(say)
        for tier in LAGS:
            yield from _lag(tier, 40 if quick else 400, say)
        yield from _lag(Tier.STANDARD, 20 if quick else 200, say, queries=True)
        yield from _bad_week(200 if quick else 10_000, 1 if quick else 7, say)
        yield from _warm(100 if quick else 2_000, say)
    finally:
        logging.disable(logging.NOTSET)


def _first_load(patients: int, say: Say) -> Iterator[Figure]:
    with mirrored_office("--patients", str(patients), tier=Tier.STANDARD) as office:
        say(f"  first load of an office of {patients:,} patients")
        limit = office.on.practices.get(office.id).page_limit
        polls = 0

        def count(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
            # What is loaded is followed, and small lists are read again, long before the last resource is here.
            nonlocal polls
            of = office.states().get(call.operation.partition(".")[0])
            polls += _is_poll(call) or of is None or of.phase is Phase.LOADED
            return answer

        with office.meddled(count):
            office.load(30 * DAY_S)
        loaded = [of for of in office.states().values() if of.phase is Phase.LOADED]
        rows = sum(of.rows for of in loaded)
        least = sum(max(1, math.ceil(of.rows / limit)) for of in loaded)
        calls = len(office.d.upstream_calls) - polls
        took = timedelta(seconds=round(office.on.clock.seconds))
        # A month of an office's schedule is a list of its own: some 20 calls more, which small offices feel.
        goal = at_most(1.02) if rows > 400_000 else None
        yield Figure(
            "mirror", f"first load, {limit} rows a page: requests, of the fewest possible", calls / least, "x", goal,
            f"{calls:,} of {least:,} for {rows:,} rows in {took} at 1 a second, and {polls:,} calls for what was there",
        )  # fmt: skip
        different = sum(len(keys) for keys in office.differences().values())
        yield Figure("mirror", "rows that differ from the office after a first load", different, goal=NONE)


_STAMPS = {one.stamp for one in MIRRORED.values() if one.stamp is not None} | {"DateEntry", "ExamDate"}


def _is_poll(call: UpstreamCall) -> bool:
    """Whether it follows what is loaded: what has changed, the clock and the highest key, or alerts of a patient."""
    return any(name in call.query for name in (*_STAMPS, "PatNum")) or call.query.get("Limit") == 1


def _sweeps(patients: int, say: Say) -> Iterator[Figure]:
    """A sweep of the largest table as one whole reading, and by the office's checksums with ten edits to find."""
    name = "procedurelogs"
    for queries in (False, True):
        with mirrored_office("--patients", str(patients), tier=Tier.STANDARD, queries=queries) as office:
            office.load(30 * DAY_S)
            keys = sorted(office.mirror(name))
            for key in keys[:: max(1, len(keys) // 10)][:10]:
                row = office.store.get("procedurelog", key) or {}
                office.store.update("procedurelog", key, {"ProcFee": 7.77, "DateTStamp": row["DateTStamp"]})
            calls = 0

            def count(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
                nonlocal calls
                is_of_it = call.operation.partition(".")[0] == name and not _is_poll(call)
                calls += is_of_it or "CRC32" in str((call.body or {}).get("SqlCommand"))
                return answer

            later = office.on.clock.now() + timedelta(days=30)
            for of in office.states().values():
                office.on.syncs.save(office.id, replace(of, sweep_due_at=later))
            with office.meddled(count):
                office.sweep(name, seconds=DAY_S)
            different = len(office.differences().get(name, ()))
        say(f"  a sweep of {len(keys):,} procedures, {'by checksums' if queries else 'as a whole'}: {calls} calls")
        way = "by checksums, ten silent edits among them" if queries else "as one whole reading"
        beside = f"{len(keys):,} rows, {different} differ afterwards"
        yield Figure("mirror", f"requests of a sweep of procedures, {way}", calls, beside=beside)


def _steady(say: Say) -> Iterator[Figure]:
    """An hour of an open office in which nothing happens."""
    for tier, queries in ((tier, queries) for tier in LAGS for queries in (False, True)):
        with mirrored_office(tier=tier, queries=queries) as office:
            _open(office)
            office.load(DAY_S)
            office.run(1200)
            office.d.upstream_calls.clear()
            office.run(3600)
            calls, interval_s = len(office.d.upstream_calls), _interval_s(office)
        how = f"{tier}, by query" if queries else str(tier)
        say(f"  a quiet hour, {how}: {calls} calls")
        share = calls * interval_s / 3600
        yield Figure("mirror", f"a quiet hour of an open office, {how}", calls, beside=f"{share:.0%} of the pace")


def _told(say: Say) -> Iterator[Figure]:
    """The same hour where the practice's machines tell of whatever they can."""
    tier = Tier.STANDARD
    with mirrored_office("--version", "26.3", tier=tier) as office:
        _open(office)
        office.load(DAY_S)
        firing = office.d.simulated.firing
        firing.post = lambda _: HTTPStatus.OK
        state = office.on.syncs.load(office.id)
        native = replace(state.native, wanted=True, base_url="https://gateway.test")
        office.on.syncs.save_practice(replace(state, native=native))
        for second in range(1200 + 3600):
            if second == 1200:
                office.d.upstream_calls.clear()
            office.run(1)
            firing.tick(office.clock.now())
        calls, interval_s = len(office.d.upstream_calls), _interval_s(office)
    say(f"  a quiet hour, {tier}, machines tell: {calls} calls")
    share = calls * interval_s / 3600
    what = f"a quiet hour of an open office, {tier}, its machines telling what changes"
    yield Figure("mirror", what, calls, beside=f"{share:.0%} of the pace")


UNFILTERED = ("claimprocs", "diseases", "payments", "paysplits", "recalls")
"""What people work in and no list has a filter for."""


def _lag(tier: Tier, edits: int, say: Say, *, queries: bool = False) -> Iterator[Figure]:
    """Edits of what people work in, one every half minute or so of open hours; by query, of what has no filter."""
    names, how = (UNFILTERED, f"{tier}, no filter, by query") if queries else (sorted(HOT), str(tier))
    with mirrored_office(tier=tier, queries=queries) as office:
        _open(office)
        office.load(DAY_S)
        office.run(1200)
        history, chance, seen = OfficeHistory(office, 7), random.Random(7), []
        for number in range(edits):
            if number % 100 == 99:
                _open(office)
                office.run(1200)
            name = chance.choice(names)
            at = office.on.clock.now()
            key = history.edit(name)
            if key is not None:
                seen.append(_seen_after(office, name, key, at))
            office.run(chance.uniform(0.0, 60.0))
    say(f"  {len(seen)} edits, {how}")
    ordered = sorted(seen)
    median, worst = statistics.median(ordered), ordered[math.ceil(0.95 * len(ordered)) - 1]
    of_median, of_worst = LAGS[tier]
    pace = f"1 call per {_PACE[tier]} s, {len(seen)} edits"
    yield Figure("mirror", f"change at the office to the mirror, {how}, median", median, "s", of_median, pace)
    yield Figure("mirror", f"change at the office to the mirror, {how}, p95", worst, "s", of_worst, pace)


_PACE = {Tier.ENTERPRISE: "0.5", Tier.STANDARD: "1", Tier.READ_ONLY: "5"}


def _seen_after(office: MirroredOffice, name: str, key: int, at: datetime) -> float:
    """Seconds from the edit until the mirror had the row as it now is."""
    while (waited := (office.on.clock.now() - at).total_seconds()) < LONGEST_LAG_S:
        office.run(1.0)
        found = office.on.records.get(office.id, name, [key])
        if found and found[0].changed_at >= at:
            return float((found[0].changed_at - at).total_seconds())
    return waited


def _bad_week(edits: int, days: int, say: Say) -> Iterator[Figure]:
    """Random days with outages and dying processes, then one closing sweep."""
    chance = random.Random(11)
    with mirrored_office("--patients", "60", tier=Tier.ENTERPRISE) as office:
        _open(office)
        office.load(DAY_S)
        history = OfficeHistory(office, 11)
        each_s = days * DAY_S / edits
        for number in range(edits):
            history.something(chance.choice(LISTED))
            if chance.random() < 0.01:
                office.d.faulty(chance.choice(("drop_answer", "html", "429", "half_json")), "*", count=3)
            if chance.random() < 0.002:
                office.d.faulty("offline", "*", count=None)
                office.run(chance.choice((120, 1800)))
                office.d.simulated.faults.clear()
            office.run(each_s)
            if number % 1000 == 999:
                say(f"  {number + 1:,} of {edits:,} changes")
        office.d.simulated.faults.clear()
        office.load(DAY_S)
        office.sweep(seconds=DAY_S)
        different = sum(len(keys) for keys in office.differences().values())
        alive = sum(len(keys) for keys in office.buried_alive().values())
    beside = f"{edits:,} changes in {days} days with outages"
    yield Figure("mirror", "rows that differ after the closing sweep", different, goal=NONE, beside=beside)
    yield Figure("mirror", "tombstones of rows that live", alive, goal=NONE, beside=beside)


def _warm(asked: int, say: Say) -> Iterator[Figure]:
    """What a mirrored answer costs the handler, in CPU time; the stores are in memory and cost next to nothing."""
    with mirrored_office("--patients", "200", tier=Tier.ENTERPRISE) as office:
        _open(office)
        office.load(DAY_S)
        ids = [office.d.id_of("patient", row["PatNum"]) for row in office.d.rows("patient", "PatStatus = 0")]
        questions: Mapping[str, tuple[str, Mapping[str, Any]]] = {
            "one patient": (f"/patients/{ids[0]}", {}),
            "a patient's visits": ("/appointments", {"patient_id": ids[0]}),
            "a patient's claims with lines": ("/claims", {"patient_id": ids[0], "expand": "lines"}),
        }
        for name, (path, query) in questions.items():
            spent = []
            for _ in range(asked):
                began = time.process_time()
                answer = office.d.get(path, **query)
                spent.append((time.process_time() - began) * 1000)
                if answer.status != 200 or answer.body["meta"]["served_from"] != "mirror":
                    raise RuntimeError(f"{name} was answered {answer.status}, not from the mirror")
            say(f"  {asked} times {name}")
            spent.sort()
            yield Figure(
                "mirror", f"CPU of a mirrored answer: {name}, p95", spent[math.ceil(0.95 * asked) - 1], "ms",
                at_most(5.0), f"median {statistics.median(spent):.2f} ms, {asked} answers",
            )  # fmt: skip


def _open(office: MirroredOffice) -> None:
    """Let it be ten in the morning of the next Tuesday at the office; nobody of ours has looked meanwhile."""
    zone = office.clock.zone
    wall = office.on.clock.now().astimezone(zone)
    day = wall.date() + timedelta(days=(1 - wall.weekday()) % 7 or 7)
    opens = datetime(day.year, day.month, day.day, 10, tzinfo=zone)
    office.on.clock.seconds += (opens - wall).total_seconds()


def _interval_s(office: MirroredOffice) -> float:
    practice: Practice = office.on.practices.get(office.id)
    return {Tier.ENTERPRISE: 0.5, Tier.STANDARD: 1.0, Tier.READ_ONLY: 5.0}[practice.tier]
