"""How fast rows become objects, beside how fast their JSON can be read at all."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from gateway.core.ids import new_id
from gateway.core.normalize import appointment, patient
from gateway.core.practices import Baa, Practice, Tier
from gateway.core.resources.typed import shape_of
from infra.sandbox.practice import seed
from infra.sandbox.practice.clock import Clock
from infra.sandbox.practice.office import Office
from infra.sandbox.practice.practice import Practice as Simulated
from infra.sandbox.practice.practice import Settings
from infra.sandbox.practice.store import Store
from open_dental import wire
from open_dental.catalogue import operation
from tests.bench.figures import Figure, Say, at_least, median_of_rounds, median_ratio

GOAL = 0.45
GENERIC_GOAL = 0.25

_OURS = Practice(
    id=new_id("practice"),
    name="Elm Street Dental",
    time_zone="America/Chicago",
    tier=Tier.STANDARD,
    version="25.3.36.0",
    baa=Baa("bench", "A. Test", date(2026, 1, 1)),
)
_SYNCED_AT = datetime(2026, 3, 2, 12, tzinfo=UTC)

Normalize = Callable[[Mapping[str, Any]], dict[str, Any]]


def _patient(row: Mapping[str, Any]) -> dict[str, Any]:
    return patient(row, practice=_OURS, synced_at=_SYNCED_AT)


def _appointment(row: Mapping[str, Any]) -> dict[str, Any]:
    return appointment(row, practice=_OURS, synced_at=_SYNCED_AT)


KINDS: Mapping[str, tuple[str, Normalize, float]] = {
    "patients": ("/patients/Simple", _patient, GOAL),
    "appointments": ("/appointments", _appointment, GOAL),
    "raw patients": ("/patients/Simple", shape_of(operation("patients.Simple")).typed, GENERIC_GOAL),
    "raw procedures": ("/procedurelogs", shape_of(operation("procedurelogs.list")).typed, GENERIC_GOAL),
    "raw claim lines": ("/claimprocs", shape_of(operation("claimprocs.list")).typed, GENERIC_GOAL),
}
"""Object -> the list whose rows are whole, its normalizer, and the goal; `raw` ones are read by types alone."""


def pages(path: str, *, rows: int, simulated: Simulated) -> list[bytes]:
    """Bodies of full pages of a list, as the simulated practice sends them: `rows` rows in all, repeated if need be."""
    key = simulated.key
    headers = {"authorization": f"ODFHIR {key.developer}/{key.customer}", "content-type": "application/json"}
    bodies, found = [], 0
    while True:
        target = f"/api/v1{path}?Limit=1000&Offset={found}"
        answer = simulated.handle("GET", target, headers, b"", "127.0.0.1")
        if answer.status != 200:
            raise RuntimeError(f"the practice answered {answer.status} for {path}")
        read = len(json.loads(answer.body))
        if read == 0:
            raise RuntimeError(f"the practice has too few rows of {path}")
        bodies.append(answer.body)
        found += read
        if found >= rows:
            return bodies
        if read < 1000:
            wanted = -(-rows // found)
            return bodies * wanted


def simulated_practice(patients: int) -> Simulated:
    """A practice without a throttle, seeded."""
    office = Office(Store(clock=Clock()))
    seed.seed(office, patients=patients, seed=1)
    return Simulated(office, settings=Settings(mode="Service"))


def one_round(bodies: list[bytes], normalize: Normalize) -> dict[str, float]:
    """Seconds of one round: reading the JSON alone, and normalizing what was read.

    The rows are parsed as the gateway parses them, amounts as Decimal, before the clock starts.

    Page by page and alternately, as a read does it, so that both find the same cold memory; dropping what was made is
    part of both.
    """
    gc.collect()
    reading = normalizing = 0.0
    for body in bodies:
        started = time.perf_counter()
        rows = json.loads(body)
        del rows
        reading += time.perf_counter() - started
        rows = wire.loads(body)
        started = time.perf_counter()
        made = [normalize(row) for row in rows]
        del made
        normalizing += time.perf_counter() - started
    return {"json": reading, "normalize": normalizing}


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """Rounds that alternate between both, so that a noisy minute slows both alike."""
    rows, rounds = (2_000, 5) if quick else (20_000, 15)
    say("  seeding a practice")
    simulated = simulated_practice(300 if quick else 2_000)
    for name, (path, normalize, goal) in KINDS.items():
        bodies = pages(path, rows=rows, simulated=simulated)
        count = sum(len(json.loads(body)) for body in bodies)
        size = sum(map(len, bodies)) // count
        one_round(bodies[:1], normalize)
        say(f"  {count:,} rows of {name}, {rounds} rounds")
        times = [one_round(bodies, normalize) for _ in range(rounds)]
        median = median_of_rounds(times)
        share = median_ratio(times, "json", "normalize")
        beside = f"{count / median['normalize']:,.0f} rows/s beside {count / median['json']:,.0f}/s, {size} bytes a row"
        yield Figure("normalize", f"{name}, of the speed of json.loads alone", share, "%", at_least(goal), beside)
