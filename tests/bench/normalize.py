"""How fast rows become objects, beside how fast their JSON can be read at all."""

from __future__ import annotations

import gc
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from gateway.core.ids import new_id
from gateway.core.normalize import appointment, claim, insurance_payment, patient, patient_payment, procedure
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
ACCOUNT_GOAL = 0.25
"""Work and money: no two rows share much, amounts are reckoned with, and lines and splits are normalized as well."""
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

Row = Mapping[str, Any]
Page = Mapping[str, list[Row]]
"""`rows`, and the `parts` that belong to them."""


@dataclass(frozen=True)
class Kind:
    """Rows whose normalizer is measured, as the simulated practice has them."""

    path: str
    """The list whose rows are whole."""
    normalize: Callable[..., dict[str, Any]]
    goal: float
    parts: str = ""
    """The list of the rows that belong to them, which are read and normalized with them."""
    of: str = ""
    """The column by which they do."""
    given: str = ""
    """What the normalizer calls them."""

    def all(self, page: Page) -> list[dict[str, Any]]:
        """A page's objects."""
        normalize = self.normalize
        if not self.parts:
            return [normalize(row) for row in page["rows"]]
        own = _grouped(page["parts"], self.of)
        return [normalize(row, **{self.given: own[row[self.of]]}) for row in page["rows"]]


def _grouped(rows: list[Row], column: str) -> Mapping[Any, list[Row]]:
    found = defaultdict[Any, list[Row]](list)
    for row in rows:
        found[row[column]].append(row)
    return found


def _ours(normalize: Callable[..., dict[str, Any]]) -> Callable[[Row], dict[str, Any]]:
    return partial(normalize, practice=_OURS, synced_at=_SYNCED_AT)


def _raw(path: str, operation_id: str) -> Kind:
    return Kind(path, shape_of(operation(operation_id)).typed, GENERIC_GOAL)


KINDS: Mapping[str, Kind] = {
    "patients": Kind("/patients/Simple", _ours(patient), GOAL),
    "appointments": Kind("/appointments", _ours(appointment), GOAL),
    "procedures": Kind("/procedurelogs", _ours(procedure), ACCOUNT_GOAL),
    "claims with lines": Kind("/claims", _ours(claim), ACCOUNT_GOAL, "/claimprocs", "ClaimNum", "lines"),
    "payments with splits": Kind("/payments", _ours(patient_payment), ACCOUNT_GOAL, "/paysplits", "PayNum", "splits"),
    "claim payments with lines": Kind(
        "/claimpayments", _ours(insurance_payment), ACCOUNT_GOAL, "/claimprocs", "ClaimPaymentNum", "lines"
    ),
    "raw patients": _raw("/patients/Simple", "patients.Simple"),
    "raw procedures": _raw("/procedurelogs", "procedurelogs.list"),
    "raw claim lines": _raw("/claimprocs", "claimprocs.list"),
}
"""Object -> its rows; `raw` ones are read by types alone."""


def every_page(path: str, *, simulated: Simulated) -> Iterator[bytes]:
    """Bodies of all pages of a list, full but the last, as the simulated practice sends them."""
    key = simulated.key
    headers = {"authorization": f"ODFHIR {key.developer}/{key.customer}", "content-type": "application/json"}
    found = 0
    while True:
        target = f"/api/v1{path}?Limit=1000&Offset={found}"
        answer = simulated.handle("GET", target, headers, b"", "127.0.0.1")
        if answer.status != 200:
            raise RuntimeError(f"the practice answered {answer.status} for {path}")
        read = len(json.loads(answer.body))
        if read:
            yield answer.body
        if read < 1000:
            return
        found += read


def pages(path: str, *, rows: int, simulated: Simulated) -> list[bytes]:
    """Bodies of pages of a list: `rows` rows in all, repeated if need be."""
    bodies, found = [], 0
    for body in every_page(path, simulated=simulated):
        bodies.append(body)
        found += len(json.loads(body))
        if found >= rows:
            return bodies
    if not found:
        raise RuntimeError(f"the practice has no rows of {path}")
    return bodies * -(-rows // found)


def whole_pages(kind: Kind, *, rows: int, simulated: Simulated) -> list[bytes]:
    """Bodies of pages with what belongs to their rows: `{"rows": [...], "parts": [...]}`."""
    bodies = pages(kind.path, rows=rows, simulated=simulated)
    if not kind.parts:
        return [b'{"rows":' + body + b"}" for body in bodies]
    parts = [part for body in every_page(kind.parts, simulated=simulated) for part in json.loads(body)]
    own = _grouped(parts, kind.of)
    whole = []
    for body in bodies:
        belonging = [part for row in json.loads(body) for part in own[row[kind.of]]]
        written = json.dumps(belonging, separators=(",", ":"), ensure_ascii=False).encode()
        whole.append(b'{"rows":' + body + b',"parts":' + written + b"}")
    return whole


def simulated_practice(patients: int) -> Simulated:
    """A practice without a throttle, seeded."""
    office = Office(Store(clock=Clock()))
    seed.seed(office, patients=patients, seed=1)
    return Simulated(office, settings=Settings(mode="Service"))


def one_round(bodies: list[bytes], kind: Kind) -> dict[str, float]:
    """Seconds of one round: reading the JSON alone, and normalizing what was read.

    The rows are parsed as the gateway parses them, amounts as Decimal, before the clock starts.

    Page by page and alternately, as a read does it, so that both find the same cold memory; dropping what was made is
    part of both.
    """
    gc.collect()
    reading = normalizing = 0.0
    for body in bodies:
        started = time.perf_counter()
        read = json.loads(body)
        del read
        reading += time.perf_counter() - started
        page = wire.loads(body)
        started = time.perf_counter()
        made = kind.all(page)
        del made
        normalizing += time.perf_counter() - started
    return {"json": reading, "normalize": normalizing}


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """Rounds that alternate between both, so that a noisy minute slows both alike."""
    rows, rounds = (2_000, 5) if quick else (20_000, 15)
    say("  seeding a practice")
    simulated = simulated_practice(300 if quick else 2_000)
    for name, kind in KINDS.items():
        bodies = whole_pages(kind, rows=rows, simulated=simulated)
        count = sum(len(json.loads(body)["rows"]) for body in bodies)
        size = sum(map(len, bodies)) // count
        one_round(bodies[:1], kind)
        say(f"  {count:,} rows of {name}, {rounds} rounds")
        times = [one_round(bodies, kind) for _ in range(rounds)]
        median = median_of_rounds(times)
        share = median_ratio(times, "json", "normalize")
        beside = f"{count / median['normalize']:,.0f} rows/s beside {count / median['json']:,.0f}/s, {size} bytes a row"
        yield Figure("normalize", f"{name}, of the speed of json.loads alone", share, "%", at_least(kind.goal), beside)
