"""How fast a practice's objects become files, how large those are, and what is lost or repeated where a run dies."""

from __future__ import annotations

import gzip
import json
import statistics
import time
from collections.abc import Iterator
from typing import Any

from gateway.adapters.parquet import DuckColumnar
from gateway.core.export import layout
from gateway.core.export.exported import EXPORTED
from gateway.core.export.runs import ExportRun, Mode
from gateway.core.export.stepping import export_practice, publish
from gateway.core.ids import new_id
from tests.bench.figures import NONE, Figure, Say, at_least, at_most
from tests.fakes.exports import FakeColumnar
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office
from tests.fakes.office import Killed
from tests.fakes.services import FakeServices, Life

SMALL = ("claims", "locations", "recall_types")


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """Yield the section's figures."""
    patients = 40 if quick else 400
    with mirrored_office("--patients", str(patients), queries=True) as office:
        say(f"loading a mirror of {patients} patients")
        office.load(3600)
        office.run(180)
        say("exporting all of it")
        yield from _speed(office, rounds=1 if quick else 5)
        say("exporting some of it while the process dies at any use of a port")
        yield from _deaths(office, every=40 if quick else 3)


def _speed(office: MirroredOffice, *, rounds: int) -> Iterator[Figure]:
    shares, sizes, lines, speeds = [], 0, 0, []
    for _ in range(rounds):
        _anew(office, DuckColumnar())
        run = _asked(office, tuple(EXPORTED))
        began = time.process_time()
        _worked(run, office.on)
        took = time.process_time() - began
        rows = [line for _, body in _parts(office) for line in body.splitlines()]
        began = time.process_time()
        for row in rows:
            json.loads(row)
        parsed = time.process_time() - began
        files = office.on.warehouse.files
        shares.append(parsed / took)
        speeds.append(len(rows) / took)
        lines = len(rows)
        sizes = sum(len(one.body) for key, one in files.items() if "part-" in key and key.endswith(".parquet"))
        packed = sum(len(one.body) for key, one in files.items() if key.endswith(".gz"))
    yield Figure(
        "export",
        "of the speed of json.loads of the same rows",
        statistics.median(shares),
        "%",
        at_least(0.02),
        f"{lines} rows of all objects: read, shown, written as JSON Lines and as Parquet",
    )
    yield Figure("export", "rows in a second of CPU", statistics.median(speeds), "/s")
    yield Figure("export", "bytes of a row in Parquet", sizes / lines, "", at_most(400))
    yield Figure("export", "bytes of a row as packed lines", packed / lines, "")


def _deaths(office: MirroredOffice, *, every: int) -> Iterator[Figure]:
    _anew(office, FakeColumnar())
    life = Life()
    whole = _asked(office, SMALL)
    _worked(whole, office.on.mortal(life))
    wanted = _versions(office)
    lost = repeated = deaths = 0
    for step in range(0, life.used, every):
        _anew(office, FakeColumnar())
        run = _asked(office, SMALL)
        try:
            _worked(run, office.on.mortal(Life(left=step)))
        except Killed:
            deaths += 1
        _worked(run, office.on)
        found = _versions(office)
        lost += len(set(wanted) - set(found))
        repeated += len(found) - len(set(found))
    yield Figure("export", "rows lost", float(lost), "", NONE, f"{deaths} deaths at uses of ports, each gone on from")
    yield Figure("export", "rows repeated", float(repeated), "", NONE)


def _anew(office: MirroredOffice, columnar: Any) -> None:
    fresh = FakeServices()
    office.on.exports, office.on.warehouse, office.on.audit = fresh.exports, fresh.warehouse, fresh.audit
    office.on.columnar = columnar


def _asked(office: MirroredOffice, objects: tuple[str, ...]) -> ExportRun:
    run = ExportRun(new_id("export"), Mode.SNAPSHOT, (office.id,), objects, "gateway", office.on.clock.now())
    made: ExportRun = office.on.exports.make(run)
    return made


def _worked(run: ExportRun, on: Any) -> None:
    export_practice(run.id, run.practices[0], time_left_s=lambda: 900.0, on=on)
    publish(run.id, on=on)


def _parts(office: MirroredOffice) -> list[tuple[str, bytes]]:
    """What the one published manifest leads to."""
    files = office.on.warehouse.files
    (manifest,) = (one.body for key, one in files.items() if key.startswith(layout.published_key("")[:-5]))
    named = [file["key"] for line in manifest.splitlines() for file in json.loads(line)["files"]]
    return [(key, gzip.decompress(files[key].body)) for key in named if key.endswith(".gz")]


def _versions(office: MirroredOffice) -> list[tuple[str, str]]:
    rows = [json.loads(line) for _, body in _parts(office) for line in body.splitlines()]
    return [(row["id"], row["version"]) for row in rows]
