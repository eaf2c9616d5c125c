"""What a turn asks of AWS, measured: real background turns, reads and bookings, over the deployed adapters on moto.

A turn costs so much for itself, and so much for each of its calls. `RECORDED` is what `bench scale` reckons with; its
test measures anew and compares, so that a use of DynamoDB more than today is noticed there and not on the bill.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from unittest import mock

from moto import mock_aws

from gateway.adapters import ledger
from gateway.adapters.audit import DynamoAudit
from gateway.adapters.ledger import DynamoLedger
from gateway.adapters.mirror.syncs import DynamoSyncStates
from gateway.adapters.pace import DynamoGovernor, DynamoPace
from gateway.adapters.practices import DynamoPractices
from gateway.core.mirror.syncing import Wanted
from gateway.core.practices import Tier
from infra.catalogue import TABLES
from tests.contract.conftest import make_bodies, make_deployed_table
from tests.fakes.meter import Meter
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office
from tests.fakes.world import World

REGION = "us-east-1"
CREDENTIALS = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), "testing")
METERED = ("practices", "pace", "ledger", "records", "audit")
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Use:
    """Units and requests of one table."""

    reads: float = 0.0
    writes: float = 0.0
    requests: float = 0.0

    def __add__(self, other: Use) -> Use:
        return Use(self.reads + other.reads, self.writes + other.writes, self.requests + other.requests)

    def __mul__(self, by: float) -> Use:
        return Use(self.reads * by, self.writes * by, self.requests * by)


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that was measured: its calls of Open Dental, how often its message was hidden anew, units by table."""

    calls: int
    hides: int
    of: Mapping[str, Use]


@dataclass(frozen=True, slots=True)
class Cost:
    """What turns of one kind use of each table: `turn` for itself and `call` for each of its calls."""

    turn: Mapping[str, Use]
    call: Mapping[str, Use]

    def of(self, calls: float) -> dict[str, Use]:
        """By table, what a turn with so many calls uses."""
        return {name: self.turn.get(name, Use()) + self.call.get(name, Use()) * calls for name in self.turn}


RECORDED_POLLED: Final = Cost(
    turn={
        "practices": Use(1.0, 0.0, 1.0),
        "pace": Use(6.0, 8.5, 10.8),
        "ledger": Use(2.0, 0.0, 2.0),
        "records": Use(5.0, 0.4, 1.4),
    },
    call={"pace": Use(2.0, 0.7, 2.9), "records": Use(0.0, 0.9, 0.9)},
)
RECORDED_QUERIED: Final = Cost(
    turn={
        "practices": Use(1.0, 0.0, 1.0),
        "pace": Use(6.0, 4.7, 9.6),
        "ledger": Use(2.0, 0.0, 2.0),
        "records": Use(6.0, 0.7, 1.4),
    },
    call={"pace": Use(2.0, 3.1, 3.7), "records": Use(0.0, 2.1, 1.1)},
)
"""Background turns of an office where nothing happens: lists that are polled, and tables that are asked by query."""

RECORDED_READ: Final = Use(13.0, 17.0, 24.0)
RECORDED_WRITE: Final = Use(19.0, 42.0, 33.0)
"""All of a read of one call that no mirror answers, and of a write: the function that takes it, and its turn."""

RECORDED_HIDES: Final = 1.0
"""How often a turn's message is hidden anew, besides once for each call."""


def fitted(turns: list[Turn]) -> Cost:
    """The straight line through the turns, by table and measure (least squares); nothing falls below zero."""
    calls = [float(one.calls) for one in turns]
    fits = {
        name: [_line(calls, [getattr(one.of[name], what) for one in turns]) for what in ("reads", "writes", "requests")]
        for name in METERED
    }
    return Cost(
        {name: Use(*(start for start, _ in lines)) for name, lines in fits.items()},
        {name: Use(*(slope for _, slope in lines)) for name, lines in fits.items()},
    )


def _line(xs: list[float], ys: list[float]) -> tuple[float, float]:
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread if spread else 0.0
    slope = max(0.0, slope)
    return round(max(0.0, mean_y - slope * mean_x), 2), round(slope, 2)


class Meters:
    """A meter for each table."""

    def __init__(self) -> None:
        self.of = {row.name: Meter(make_deployed_table(row.name), row.indexes) for row in TABLES if row.name in METERED}

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**asked: Any) -> Any:
            return getattr(self.of[_table(asked)], operation)(**asked)

        return call

    def transact_write_items(self, **asked: Any) -> Any:
        """See DynamoDB: two units for each of a write."""
        for one in asked["TransactItems"]:
            ((_, what),) = one.items()
            meter = self.of[what["TableName"]]
            meter.writes += 2
        meter.calls["transact_write_items"] += 1
        return meter._client.transact_write_items(**asked)

    def get_paginator(self, operation: str) -> _Pages:
        """See boto3; queries only."""
        return _Pages(getattr(self, operation))

    def seen(self) -> dict[str, Use]:
        """What was used so far."""
        return {name: Use(one.reads, one.writes, one.calls.total()) for name, one in self.of.items()}


@dataclass(frozen=True, slots=True)
class _Pages:
    query: Callable[..., Any]

    def paginate(self, **asked: Any) -> Iterator[Any]:
        """Page by page."""
        more: dict[str, Any] = {}
        while True:
            page = self.query(**asked, **more)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _table(asked: Mapping[str, Any]) -> str:
    if "TableName" in asked:
        return str(asked["TableName"])
    (name,) = asked["RequestItems"]
    return str(name)


@contextmanager
def metered_office(*, tier: Tier, queries: bool = False, patients: int = 40) -> Iterator[tuple[MirroredOffice, Meters]]:
    """An office whose mirror is loaded, and all that its turns touch in DynamoDB from then on.

    Rows themselves stay in memory: what they cost is what `bench storage` measures.
    """
    with (
        mock.patch.dict(os.environ, CREDENTIALS | {"AWS_DEFAULT_REGION": REGION}),
        mirrored_office("--patients", str(patients), tier=tier, queries=queries) as office,
    ):
        office.load(DAY_S)
        office.run(1200)
        # The ledger's rows end by the time of the machine; here it is the office's.
        now = office.on.clock.now
        passing = type("Passing", (datetime,), {"now": staticmethod(lambda _: now())})
        with mock_aws(), mock.patch.object(ledger, "datetime", passing):
            meters = Meters()
            _move(office, meters)
            yield office, meters


def _move(office: MirroredOffice, meters: Any) -> None:
    on, now = office.on, office.on.clock.now
    state, practice, item = on.syncs.load(office.id), on.practices.get(office.id), on.pace.load(office.id)
    on.practices = DynamoPractices(meters, table="practices")
    on.practices.put(practice)
    on.pace = on.paces = DynamoPace(meters, table="pace", now=lambda: now().timestamp())
    on.pace.update(office.id, lambda _: (replace(item, rev=0, waiting=0, parked=0), None))
    on.governor = DynamoGovernor(on.pace)
    on.ledger = on.operations = DynamoLedger(meters, table="ledger", bodies=make_bodies(), outbox="records")
    on.audit = DynamoAudit(meters, table="audit")
    on.syncs = DynamoSyncStates(meters, table="records")
    on.syncs.save_practice(replace(state, rev=0))
    for of in state.resources.values():
        on.syncs.save(office.id, replace(of, rev=0))


@contextmanager
def recording(office: MirroredOffice, meters: Meters) -> Iterator[list[Turn]]:
    """Every turn that is worked off meanwhile."""
    turns: list[Turn] = []
    work, queue = World.work, office.on.calls
    hide, hidden = queue.change_visibility, 0

    def hiding(message: Any, seconds: float) -> None:
        nonlocal hidden
        hidden += 1
        hide(message, seconds)

    def working(world: World) -> bool:
        before, sent, was_hidden = meters.seen(), len(office.d.upstream_calls), hidden
        if not work(world):
            return False
        used = {name: use + before[name] * -1 for name, use in meters.seen().items()}
        turns.append(Turn(len(office.d.upstream_calls) - sent, hidden - was_hidden, used))
        return True

    with mock.patch.object(World, "work", working), mock.patch.object(queue, "change_visibility", hiding):
        yield turns


def asked_live(office: MirroredOffice, meters: Meters) -> Use:
    """All of a read that no mirror answers, of one call: the function that takes it and the turn that makes it.

    The mirror is paused for it, and stays so: what background work would use beside it is counted as its own.
    """
    office.d.grant("*:read", "communications:write")
    office.turn_on(Wanted.PAUSED)
    office.run(60)
    # The first one may ask for an office's words besides.
    _of(meters, lambda: office.d.send("GET", "/providers", headers={"Cache-Control": "no-cache"}))
    office.run(5)
    return _of(meters, lambda: office.d.send("GET", "/providers", headers={"Cache-Control": "no-cache"}))


def written(office: MirroredOffice, meters: Meters) -> Use:
    """All of a write."""
    patient = office.d.id_of("patient", next(iter(office.mirror("patients"))))
    body = {"patient_id": patient, "note": "called", "mode": "phone", "direction": "received"}
    return _of(meters, lambda: office.d.post("/communications", body))


def _of(meters: Meters, ask: Callable[[], Any]) -> Use:
    before = meters.seen()
    answer = ask()
    if answer.status >= 400:
        raise RuntimeError(f"answered {answer.status}: {answer.body}")
    used = Use()
    for name, use in meters.seen().items():
        used += use + before[name] * -1
    return used
