"""How long an answer of the mirror takes through the deployed sandbox, by the wall.

The sandbox is not AWS: the emulator runs functions as processes of this machine, is one process itself, and waits 5 ms
for more log lines behind each of a request's two functions (`infra/sandbox/README.md`). So the answer of the practice
list, which reads no mirror, stands beside them: what is above it is the mirror's. The handler's CPU time alone is in
`mirror`, with AWS's SDK in `answers`.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx

from infra.sandbox.enrol import SCOPES
from tests.bench.deployed import Deployed, deployed
from tests.bench.figures import Figure, Say, at_most

GOAL_MS = 100.0
LOADS_WITHIN_S = 600.0
MANY_A_MINUTE = 100_000


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """A practice with a complete mirror, asked one request after another over one connection."""
    patients, asked = (30, 20) if quick else (200, 300)
    with deployed(say=say, patients=patients, practice=("--tier", "enterprise")) as sandbox:
        with _client(sandbox) as http:
            _mirror(sandbox, http, say)
            found = _times(http, _questions(sandbox, http), asked)
        least = found.pop("the practice list, no mirror")
        floor = statistics.median(least)
        of_floor = f"95 of 100 within {_p95(least):.0f} ms"
        yield Figure(
            "warm",
            "through the sandbox: the practice list, which reads no mirror, median",
            floor,
            "ms",
            beside=of_floor,
        )
        for name, times in found.items():
            p95, median = _p95(times), statistics.median(times)
            beside = f"median {median:.0f} ms, {median / floor:.2f} of the practice list; {asked} answers"
            yield Figure("warm", f"through the sandbox: {name} of the mirror, p95", p95, "ms", at_most(GOAL_MS), beside)


def _p95(times: Sequence[float]) -> float:
    return sorted(times)[math.ceil(0.95 * len(times)) - 1]


def _client(sandbox: Deployed) -> httpx.Client:
    key = sandbox.box.new_client(
        "warm", scopes=(*SCOPES, "sync:write"), requests_per_minute=MANY_A_MINUTE, kind="operator"
    )
    connected = sandbox.box.connect(sandbox.box.practices[0].practice, key)
    return httpx.Client(
        base_url=sandbox.box.api_url,
        headers={"Authorization": f"Bearer {connected.access_token}"},
        timeout=60,
        trust_env=False,
    )


def _mirror(sandbox: Deployed, http: httpx.Client, say: Say) -> None:
    sync = f"/practices/{sandbox.practice_id}/sync"
    http.patch(sync, json={"state": "on", "queries": "off"}).raise_for_status()
    deadline = time.monotonic() + LOADS_WITHIN_S
    while (told := http.get(sync).raise_for_status().json())["phase"] != "complete":
        if time.monotonic() > deadline:
            raise RuntimeError(f"the mirror is not complete: {told['stale']}")
        time.sleep(2)
    say(f"  {told['rows']:,} rows in the mirror")


def _questions(sandbox: Deployed, http: httpx.Client) -> Mapping[str, tuple[str, Mapping[str, Any]]]:
    practice = {"practice_id": sandbox.practice_id}
    people = http.get("/patients", params={**practice, "status": "active", "limit": 1}).raise_for_status().json()
    one = people["data"][0]["id"]
    return {
        "the practice list, no mirror": ("/practices", {}),
        "one patient": (f"/patients/{one}", {}),
        "a page of 50 patients": ("/patients", {**practice, "status": "active"}),
        "a patient's visits": ("/appointments", {"patient_id": one}),
    }


def _times(
    http: httpx.Client, questions: Mapping[str, tuple[str, Mapping[str, Any]]], asked: int
) -> dict[str, list[float]]:
    """Milliseconds of each answer; the questions take turns, so that what disturbs one disturbs all."""
    times: dict[str, list[float]] = {name: [] for name in questions}
    for turn in range(asked + 1):
        for name, (path, query) in questions.items():
            began = time.perf_counter()
            answer = http.get(path, params=query, headers={"Cache-Control": "max-age=3600"})
            took = (time.perf_counter() - began) * 1000
            calls = answer.raise_for_status().json().get("meta", {}).get("upstream_calls", 0)
            # The first of each starts the function, which is what `cold` measures, and may ask for an office's words.
            if turn:
                if calls:
                    raise RuntimeError(f"{name} was not answered from the mirror")
                times[name].append(took)
    return times
