"""How soon what happens at an office is at a webhook, by the wall, through the deployed sandbox.

Practices of several tiers run beside each other, each with a complete mirror, in a zone where it is day. Something is
edited at each every few seconds, another row each time, as people at the office do; the sandbox's own receiver takes
the time at which the message of it came. Each course of `COURSES` is a practice, a way in which a change comes in, and
the goals of that.
"""

from __future__ import annotations

import itertools
import math
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import httpx

from gateway.core.ids import row_ids
from gateway.core.practices import Tier
from infra.sandbox.box import HOME, Connected, Options, Sandbox
from infra.sandbox.practices import open_zone
from infra.sandbox.receiver import Received
from tests.bench.deployed import control, set_tier
from tests.bench.figures import NONE, Figure, Goal, Say, at_most

SCOPES: Final = ("practices:connect", "*:read", "notes", "appointments:write", "sync:write", "webhooks:write")
TYPES: Final = ["appointment.*", "patient.*", "procedure.*", "claim.*"]
MANY_A_MINUTE: Final = 100_000
LOADS_WITHIN_S: Final = 900.0
SETTLES_S: Final = 75.0
"""How long a practice is left alone after its tier was changed: longer than the longest cycle of its polls."""
COMES_WITHIN_S: Final = 300.0


@dataclass(frozen=True)
class Course:
    """`way`: `office` edits rows behind the gateway's back, `told` the same where the practice's machines tell of it,
    `own` writes through the gateway. `tables`: whose rows are edited."""

    name: str
    tier: Tier
    way: Literal["office", "told", "own"]
    median: Goal | None
    p95: Goal | None
    tables: Sequence[str] = ("appointment", "patient", "procedurelog", "claim")
    flags: Sequence[str] = ()


COURSES: Final = (
    # Claims are what no version tells of, and procedures what the newest one does.
    Course(
        "told by the practice's machines",
        Tier.STANDARD,
        "told",
        None,
        at_most(3.0),
        tables=("appointment", "patient", "procedurelog"),
        flags=("--version", "26.3.1"),
    ),
    Course("poll at 1 call per 1 s", Tier.STANDARD, "office", at_most(15.0), at_most(30.0)),
    Course("poll by a read-only key, 1 call per 5 s", Tier.READ_ONLY, "office", None, at_most(90.0)),
    Course("own write at 1 call per 1 s", Tier.STANDARD, "own", None, None),
)


@dataclass(frozen=True)
class Change:
    """Something that was done to a row, the object that it is of, and when; `took_s` until a write was answered."""

    object_id: str
    at: datetime
    took_s: float = 0.0


@dataclass
class Running:
    """A course under way."""

    course: Course
    connected: Connected
    http: httpx.Client
    changes: list[Change] = field(default_factory=list)

    @property
    def sync(self) -> str:
        """Where its mirror is turned."""
        return f"/practices/{self.connected.practice_id}/sync"

    @property
    def hook(self) -> str:
        """Where its messages come."""
        return self.connected.practice_id

    def edit(self, table: str, object_: str, key: str, row: Mapping[str, Any], change: Mapping[str, Any]) -> None:
        """Edit a row at the office."""
        at = datetime.now(UTC)
        control(self.connected, "PATCH", f"rows/{table}?{key}={row[key]}", change)
        self.changes.append(Change(row_ids(object_, self.connected.practice_id)(int(row[key])), at))

    def write(self, visit: str, number: int) -> None:
        """Change a visit through the gateway."""
        at = datetime.now(UTC)
        answer = self.http.patch(
            f"/appointments/{visit}",
            json={"note": f"bench {number}"},
            headers={"Idempotency-Key": f"bench-{self.hook}-{number}", "Prefer": "wait=28"},
        )
        took = datetime.now(UTC) - at
        if answer.status_code != 200:
            raise RuntimeError(f"a write was answered {answer.status_code}: {answer.text}")
        self.changes.append(Change(visit, at, took.total_seconds()))


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """Every course beside the others."""
    count, lasts_s = (3, 30.0) if quick else (45, 390.0)
    options = Options(home=HOME / "bench", practices=0, patients=20 if quick else 60)
    with Sandbox.start(options, say=lambda line: say(f"  {line}")) as box, ThreadPoolExecutor() as pool:
        client = box.new_client("bench", scopes=SCOPES, requests_per_minute=MANY_A_MINUTE, kind="operator")
        zone = open_zone(datetime.now(UTC))
        running = list(pool.map(lambda course: _started(box, client, zone, course), COURSES))
        try:
            say(f"  {len(running)} practices in {zone}, loading")
            list(pool.map(_loaded, running))
            for one in running:
                set_tier(box, one.connected, one.course.tier)
                _listened_to(box, one)
            say("  loaded; letting the polls settle")
            time.sleep(SETTLES_S)
            say(f"  {count} changes at each in {lasts_s:.0f} s")
            list(pool.map(lambda one: _happen(one, count, lasts_s), running))
            found = [_found(box, one) for one in running]
        finally:
            for one in running:
                one.http.close()
        came = box.receiver.deliveries()
        for problem in box.errors():
            say(f"  {problem}")
    for one, messages in zip(running, found, strict=True):
        yield from _figures(one, messages)
    yield from _sound(came)


def _started(box: Sandbox, client: str, zone: str, course: Course) -> Running:
    """A practice for a course, whose mirror is on. It is loaded at the quickest pace; its own comes later."""
    office = box.one_more_practice("--tier", "enterprise", "--zone", zone, *course.flags)
    connected = box.connect(office.practice, client)
    http = httpx.Client(
        base_url=box.api_url,
        headers={"Authorization": f"Bearer {connected.access_token}"},
        timeout=60,
        trust_env=False,
    )
    one = Running(course, connected, http)
    http.patch(one.sync, json={"state": "on", "queries": "off"}).raise_for_status()
    return one


def _loaded(one: Running) -> None:
    _until(one, lambda told: told["phase"] == "complete")
    if one.course.way == "told":
        one.http.patch(one.sync, json={"native_events": "on"}).raise_for_status()
        _until(one, _is_subscribed)


def _is_subscribed(told: Mapping[str, Any]) -> bool:
    """Whether machines were asked. That one does it shows minutes later, and here by what comes."""
    states = {one["table"]: one["state"] for one in told["native_events"]["tables"]}
    return all(states[table] == "subscribed" for table in ("Appointment", "Patient", "ProcedureLog"))


def _until(one: Running, holds: Callable[[dict[str, Any]], bool]) -> None:
    deadline = time.monotonic() + LOADS_WITHIN_S
    while not holds(told := one.http.get(one.sync).raise_for_status().json()):
        if time.monotonic() > deadline:
            native = told["native_events"]
            raise RuntimeError(f"{one.course.name}: {told['phase']}; native {native['phase']}, {native['why']}")
        time.sleep(2)


def _listened_to(box: Sandbox, one: Running) -> None:
    practice_id = one.connected.practice_id
    made = one.http.post(
        "/webhooks",
        json={"url": f"{box.receiver.url}/hooks/{one.hook}", "types": TYPES, "practice_ids": [practice_id]},
        headers={"Idempotency-Key": f"bench-{practice_id}"},
    )
    box.receiver.put(one.hook, made.raise_for_status().json())


# -- what happens ----------------------------------------------------------------------------------------------------


def _happen(one: Running, count: int, lasts_s: float) -> None:
    """The changes of a course, at random moments of as many equal spans: polls are regular, people are not."""
    chance, began = random.Random(one.course.name), time.monotonic()
    doings = _writes(one) if one.course.way == "own" else _edits(one)
    span = lasts_s / count
    for number in range(count):
        time.sleep(max(0.0, began + (number + chance.random()) * span - time.monotonic()))
        next(doings)()


def _writes(one: Running) -> Iterator[Callable[[], None]]:
    visits = [row_ids("appointment", one.connected.practice_id)(row["AptNum"]) for row in _rows(one, "appointment")]
    for number, visit in enumerate(itertools.cycle(visits)):
        yield lambda visit=visit, number=number: one.write(visit, number)  # type: ignore[misc]


def _edits(one: Running) -> Iterator[Callable[[], None]]:
    """An edit each of what people work in, in turns, and never of the same row."""
    left = {table: iter(_rows(one, table)) for table in one.course.tables}
    while left:
        for table in list(left):
            row = next(left[table], None)
            if row is None:
                del left[table]
            else:
                yield lambda table=table, row=row: one.edit(*_EDITS[table], row, _change(table, row))  # type: ignore[misc]


_EDITS: Final = {
    "appointment": ("appointment", "appointment", "AptNum"),
    "patient": ("patient", "patient", "PatNum"),
    "procedurelog": ("procedurelog", "procedure", "ProcNum"),
    "claim": ("claim", "claim", "ClaimNum"),
}
"""Table -> table, object and key."""


def _change(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    if table == "appointment":
        moved = datetime.fromisoformat(str(row["AptDateTime"])) + timedelta(days=7)
        return {"AptDateTime": f"{moved}"}
    if table == "patient":
        return {"Address": f"{row['Address']} B"}
    if table == "procedurelog":
        return {"ProcFee": float(row["ProcFee"]) + 1.0}
    return {"ClaimStatus": "S" if row["ClaimStatus"] == "W" else "W"}


def _rows(one: Running, table: str) -> list[dict[str, Any]]:
    """Living rows of a table, which an edit is an event of."""
    where = {"appointment": "?AptStatus=1", "patient": "?PatStatus=0", "procedurelog": "?ProcStatus=2"}.get(table, "")
    rows: list[dict[str, Any]] = control(one.connected, "GET", f"rows/{table}{where}")
    return rows


# -- what came -------------------------------------------------------------------------------------------------------


def _found(box: Sandbox, one: Running) -> list[Received]:
    """Of each change the first message of its object after it."""
    deadline = time.monotonic() + COMES_WITHIN_S
    while missing := [change for change in one.changes if not _of(change, box.receiver.deliveries(one.hook))]:
        if time.monotonic() > deadline:
            kinds = Counter(change.object_id.partition("_")[0] for change in missing)
            raise RuntimeError(f"{one.course.name}: no message of {dict(kinds)}")
        time.sleep(1)
    came = box.receiver.deliveries(one.hook)
    return [_of(change, came)[0] for change in one.changes]


def _of(change: Change, came: Sequence[Received]) -> list[Received]:
    """The messages of a change's object since then, the first one first."""
    return [
        message
        for message in reversed(came)
        if message.received_at >= change.at and message.body["data"]["object_id"] == change.object_id
    ]


def _figures(one: Running, messages: Sequence[Received]) -> Iterator[Figure]:
    course = one.course
    pairs = zip(one.changes, messages, strict=True)
    waits = sorted((message.received_at - change.at).total_seconds() for change, message in pairs)
    told = Counter(message.body["data"]["cause"] for message in messages)
    beside = f"{len(waits)} changes; longest {waits[-1]:.1f} s; told as " + ", ".join(
        f"{cause} {count}" for cause, count in sorted(told.items())
    )
    what = "change at the office to webhook received"
    if course.way == "own":
        what = "write sent to webhook received"
        answered = statistics.median(change.took_s for change in one.changes)
        beside = f"{beside}; answered after {answered:.2f} s (median)"
    median, worst = statistics.median(waits), waits[math.ceil(0.95 * len(waits)) - 1]
    yield Figure("webhooks", f"{what}, {course.name}: median", median, "s", course.median, beside)
    yield Figure("webhooks", f"{what}, {course.name}: p95", worst, "s", course.p95, beside)


def _sound(came: Sequence[Received]) -> Iterator[Figure]:
    """Whether each came once and verified."""
    each = Counter((message.hook, message.id) for message in came)
    beside = f"{len(came):,} messages"
    yield Figure("webhooks", "messages that came more than once", len(came) - len(each), goal=NONE, beside=beside)
    bad = sum(message.signature != "good" for message in came)
    yield Figure("webhooks", "messages whose signature did not verify", bad, goal=NONE, beside=beside)
