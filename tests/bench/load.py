"""Everything at once through the deployed sandbox: reads of the mirror, of copies and of Open Dental, writes that are
repeated under their keys, wrong requests and webhooks, at three practices. What may not be missing afterwards, and what
may not be there twice, is counted where it lies."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

import httpx

from gateway.core.ids import row_ids
from infra.sandbox.box import HOME, Connected, Options, Sandbox
from tests.bench import arrivals
from tests.bench.arrivals import Arrival
from tests.bench.deployed import control
from tests.bench.figures import NONE, Figure, Say, at_least

PORT: Final[int | None] = None
"""Of the emulator; None: a free one."""
SCOPES: Final = (
    *("practices:connect", "*:read", "notes", "communications:write", "appointments:write", "sync:write"),
    *("webhooks:write", "audit:read"),
)
PRACTICES: Final = 3
INTERVAL_S: Final = 0.5
PATIENTS: Final = 40
LOADS_WITHIN_S: Final = 900.0
SETTLES_WITHIN_S: Final = 240.0
COMES_WITHIN_S: Final = 120.0
CLOSEST: Final = 0.9
"""Callers, functions, practices and the emulator share the cores here, so a call that left in time may be on its way
for some tens of milliseconds, and the next one not. `pacing` measures the pace itself."""
SETTLED: Final = {"succeeded", "failed", "unknown"}


@dataclass
class Write:
    """A write under one key: where, what tells its row from all others, what was answered, and its operation."""

    practice: int
    tag: str
    answers: list[int] = field(default_factory=list)
    operations: set[str] = field(default_factory=set)


@dataclass
class Seen:
    """What the callers saw."""

    answers: Counter[str] = field(default_factory=Counter)
    of_practice: Counter[int] = field(default_factory=Counter)
    """Answers that are about a practice: of each there has to be an entry in its trail."""
    broken: Counter[str] = field(default_factory=Counter)
    writes: list[Write] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Caller:
    """One thread's: it asks as fast as it is answered."""

    def __init__(self, box: Sandbox, offices: list[Connected], seen: Seen, seed: int) -> None:
        self._chance, self._offices, self._seen = random.Random(seed), offices, seen
        self._box, self._number, self._seed = box, 0, seed
        self._http = httpx.Client(base_url=box.api_url, timeout=60, trust_env=False)

    def work(self, until: float) -> None:
        """Ask until then."""
        kinds = (self._mirror, self._copy, self._live, self._write, self._wrong)
        with self._http:
            while time.monotonic() < until:
                (kind,) = self._chance.choices(kinds, (8, 4, 1, 3, 1))
                kind()

    def ask(self, what: str, practice: int, method: str, path: str, **more: Any) -> httpx.Response | None:
        """One request; it is counted, however it ends."""
        headers = {"Authorization": f"Bearer {self._offices[practice].access_token}", **more.pop("headers", {})}
        try:
            answer = self._http.request(method, path, headers=headers, **more)
        except httpx.HTTPError as error:
            with self._seen.lock:
                self._seen.broken[f"{what}: {type(error).__name__}"] += 1
            return None
        with self._seen.lock:
            self._seen.answers[f"{what} {answer.status_code}"] += 1
            self._seen.of_practice[practice] += 1
        return answer

    def _patient(self, practice: int, among: int = PATIENTS) -> str:
        return row_ids("patient", self._offices[practice].practice_id)(self._chance.randint(1, among))

    def _mirror(self) -> None:
        patient = self._patient(0)
        if self._chance.random() < 0.5:
            self.ask("mirror", 0, "GET", f"/patients/{patient}")
        else:
            self.ask("mirror", 0, "GET", "/appointments", params={"patient_id": patient})

    def _copy(self) -> None:
        practice = self._chance.randint(1, PRACTICES - 1)
        params = {"patient_id": self._patient(practice, among=3)}
        self.ask("copy", practice, "GET", "/allergies", params=params, headers={"Prefer": "wait=20"})

    def _live(self) -> None:
        practice = self._chance.randint(1, PRACTICES - 1)
        headers = {"Cache-Control": "no-cache", "Prefer": "wait=20"}
        self.ask(
            "live", practice, "GET", "/procedures", params={"patient_id": self._patient(practice)}, headers=headers
        )

    def _wrong(self) -> None:
        practice = self._chance.randint(0, PRACTICES - 1)
        missing = row_ids("patient", self._offices[practice].practice_id)(9_000_000)
        if self._chance.random() < 0.5:
            self.ask("wrong", practice, "GET", "/allergies", params={"patient_id": missing, "colour": "red"})
        else:
            body = {"patient_id": self._patient(practice)}
            headers = {"Idempotency-Key": f"wrong-{self._seed}-{self._number}"}
            self.ask("wrong", practice, "POST", "/communications", json=body, headers=headers)

    def _write(self) -> None:
        practice, self._number = self._chance.randint(0, PRACTICES - 1), self._number + 1
        write = Write(practice, f"load-{self._seed}-{self._number}-")
        body = {"patient_id": self._patient(practice), "note": write.tag, "mode": "phone"}
        prefer = self._chance.choice(("wait=20", "wait=2", "respond-async"))
        headers = {"Idempotency-Key": f"key-{write.tag}{self._seed}", "Prefer": prefer}
        for _ in range(self._chance.choice((1, 1, 2, 3))):
            answer = self.ask("write", practice, "POST", "/communications", json=body, headers=headers)
            if answer is not None:
                write.answers.append(answer.status_code)
                if answer.status_code in {200, 201, 202}:
                    write.operations.add(answer.json()["id"])
        with self._seen.lock:
            self._seen.writes.append(write)


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """Load, then count."""
    threads, lasts_s = (3, 12.0) if quick else (10, 90.0)
    options = Options(
        home=HOME / "bench",
        port=PORT,
        practices=PRACTICES,
        patients=PATIENTS,
        practice_command=("-m", "infra.sandbox.practice", "--tier", "enterprise", "--interval", str(INTERVAL_S)),
    )
    with Sandbox.start(options, say=lambda line: say(f"  {line}")) as box:
        client = box.new_client("load", scopes=SCOPES, requests_per_minute=100_000, kind="operator")
        offices = [box.connect(office, client) for office in box.offices]
        seen, began = Seen(), datetime.now(UTC)
        asking = Caller(box, offices, seen, 0)
        say("  loading a mirror, making webhooks")
        _prepared(box, asking, offices)
        for office in offices:
            control(office, "DELETE", "log")
        violations = [control(office, "GET", "pace")["violations"] for office in offices]
        say(f"  {threads} callers for {lasts_s:.0f} s")
        until = time.monotonic() + lasts_s
        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(Caller(box, offices, seen, seed).work, until) for seed in range(1, threads + 1)]:
                done.result()
        say("  waiting for what was accepted")
        states = _settled(asking, seen.writes)
        yield from _answers(seen, threads, lasts_s)
        yield from _writes(seen, states, offices)
        yield from _told(box, seen, states)
        yield from _pace(offices, violations)
        yield from _trails(asking, seen, began, offices)
        for problem in box.errors():
            say(f"  {problem}")


def _prepared(box: Sandbox, asking: Caller, offices: list[Connected]) -> None:
    sync = f"/practices/{offices[0].practice_id}/sync"
    _good(asking.ask("prepared", 0, "PATCH", sync, json={"state": "on"}))
    for number, office in enumerate(offices):
        wanted = {
            "url": f"{box.receiver.url}/hooks/{number}",
            "types": ["operation.*"],
            "practice_ids": [office.practice_id],
        }
        answer = asking.ask(
            "prepared", number, "POST", "/webhooks", json=wanted, headers={"Idempotency-Key": f"hook-{number}"}
        )
        box.receiver.put(str(number), _good(answer))
    deadline = time.monotonic() + LOADS_WITHIN_S
    while _good(asking.ask("prepared", 0, "GET", sync))["phase"] != "complete":
        if time.monotonic() > deadline:
            raise RuntimeError("the mirror was not loaded")
        time.sleep(2)


def _good(answer: httpx.Response | None) -> Any:
    assert answer is not None
    return answer.raise_for_status().json()


def _settled(asking: Caller, writes: list[Write]) -> dict[str, str]:
    """Each operation's state, once all are settled or the time is over."""
    where = {one: write.practice for write in writes for one in write.operations}
    states: dict[str, str] = {}
    deadline = time.monotonic() + SETTLES_WITHIN_S
    while (left := [one for one in where if states.get(one) not in SETTLED]) and time.monotonic() < deadline:
        for one in left:
            answer = asking.ask("operation", where[one], "GET", f"/operations/{one}")
            if answer is not None and answer.status_code == 200:
                states[one] = answer.json()["state"]
        time.sleep(1)
    return {one: states.get(one, "never answered") for one in where}


def _answers(seen: Seen, threads: int, lasts_s: float) -> Iterator[Figure]:
    told = Counter(
        {name: count for name, count in seen.answers.items() if name.split()[0] not in {"prepared", "operation"}}
    )
    beside = ", ".join(f"{name} {count:,}" for name, count in sorted(told.items()))
    yield Figure(
        "load", f"answers to {threads} callers in {lasts_s:.0f} s", told.total(), goal=at_least(1), beside=beside
    )
    broken = sum(count for name, count in seen.answers.items() if int(name.split()[1]) == 500)
    yield Figure("load", "answers 500", broken, goal=NONE)
    gone = ", ".join(f"{name} {count}" for name, count in seen.broken.items())
    yield Figure("load", "requests without an answer", seen.broken.total(), goal=NONE, beside=gone)


def _writes(seen: Seen, states: dict[str, str], offices: list[Connected]) -> Iterator[Figure]:
    notes = [
        Counter(str(row["Note"]).split(" ")[0] for row in control(office, "GET", "rows/commlog")) for office in offices
    ]
    accepted = [write for write in seen.writes if write.operations]
    repeats = sum(len(write.answers) for write in accepted) - len(accepted)
    there = {write.tag: _count(notes[write.practice], write.tag) for write in seen.writes}
    of = f"of {len(accepted):,} accepted under keys that were sent {repeats:,} times more"
    lost = [w for w in accepted if any(states[one] == "succeeded" for one in w.operations) and there[w.tag] == 0]
    yield Figure("load", "writes: succeeded, and no row at the office", len(lost), goal=NONE, beside=of)
    twice = [one for one, count in there.items() if count > 1]
    yield Figure("load", "writes: more than one row at the office", len(twice), goal=NONE, beside=of)
    several = [write for write in accepted if len(write.operations) > 1]
    yield Figure("load", "keys with more than one operation", len(several), goal=NONE)
    other = Counter(states.values())
    open_ = sum(count for state, count in other.items() if state not in SETTLED)
    told = ", ".join(f"{state} {count:,}" for state, count in sorted(other.items()))
    yield Figure("load", "accepted operations that never settled", open_, goal=NONE, beside=told)
    unsaid = [w for w in accepted if all(states[one] == "failed" for one in w.operations) and there[w.tag]]
    yield Figure("load", "writes: said to have failed, and a row is there", len(unsaid), goal=NONE)


def _count(notes: Counter[str], tag: str) -> int:
    return sum(count for note, count in notes.items() if note.startswith(tag))


def _told(box: Sandbox, seen: Seen, states: dict[str, str]) -> Iterator[Figure]:
    """Each operation that succeeded is told to the practice's webhook, once under one id."""
    wanted = {one for one, state in states.items() if state == "succeeded"}
    deadline = time.monotonic() + COMES_WITHIN_S
    while (missing := wanted - _objects(box)) and time.monotonic() < deadline:
        time.sleep(1)
    came = box.receiver.deliveries()
    several = len(came) - len({(one.hook, one.id) for one in came})
    yield Figure(
        "load", "operations of which no webhook came", len(missing), goal=NONE, beside=f"{len(came):,} messages"
    )
    yield Figure("load", "messages that came more than once", several, goal=NONE)
    bad = sum(one.signature != "good" for one in came)
    yield Figure("load", "messages whose signature did not verify", bad, goal=NONE)


def _objects(box: Sandbox) -> set[str]:
    return {one.body["data"]["object_id"] for one in box.receiver.deliveries()}


def _pace(offices: list[Connected], before: list[int]) -> Iterator[Figure]:
    refused = violations = calls = 0
    shortest = float("inf")
    for office, was in zip(offices, before, strict=True):
        log = [Arrival(one["start"], one["begun"], one["end"], one["status"]) for one in control(office, "GET", "log")]
        calls += len(log)
        refused += sum(one.refused for one in log)
        by_log = arrivals.violations(log, interval_s=INTERVAL_S, counted_from="start")
        violations += max(control(office, "GET", "pace")["violations"] - was, by_log)
        starts = sorted(one.start for one in log)
        shortest = min([shortest, *(later - earlier for earlier, later in pairwise(starts))])
    beside = f"of {calls:,} calls of {len(offices)} practices"
    yield Figure("load", "calls that the practices answered 429", refused, goal=NONE, beside=beside)
    beside = (
        f"{violations} inside the interval by more than {1000 * arrivals.TOLERANCE_S:.0f} ms, by the practices' count"
    )
    share = shortest / INTERVAL_S
    yield Figure(
        "load", "shortest time between two arrivals, of the permitted one", share, "x", at_least(CLOSEST), beside
    )


def _trails(asking: Caller, seen: Seen, began: datetime, offices: list[Connected]) -> Iterator[Figure]:
    """Of each answer about a practice there is one entry in its trail, and of no other."""
    differs, entries = 0, 0
    expected = Counter(seen.of_practice)
    for number, office in enumerate(offices):
        found, cursor = 0, None
        while True:
            params = {"practice_id": office.practice_id, "since": began.isoformat(), "limit": 100}
            page = _good(
                asking.ask("audit", number, "GET", "/audit", params=params | ({"cursor": cursor} if cursor else {}))
            )
            found += sum(
                one["phase"] == "answered" and one["status"] is not None and one["action"] != "GET /audit"
                for one in page["data"]
            )
            cursor = page["next_cursor"]
            if cursor is None:
                break
        entries += found
        differs += abs(found - expected[number])
    yield Figure(
        "load",
        "answers about a practice without one entry of its trail, or entries without an answer",
        differs,
        goal=NONE,
        beside=f"{expected.total():,} answers, {entries:,} entries",
    )
