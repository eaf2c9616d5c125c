"""Whether each change is told once by a publisher that dies anywhere and stays away for longer than its outbox lasts,
and what telling costs."""

from __future__ import annotations

import gc
import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from gateway.core.events.changes import Row, RowChange, Was
from gateway.core.events.deriving import KINDS, Around
from gateway.core.events.event import Cause
from gateway.core.events.publishing import OUTBOX_KEPT, publish
from gateway.core.ids import new_id
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.practices import Baa, Practice, Tier
from tests.bench.figures import NONE, Figure, Say, at_least, median_of_rounds, median_ratio
from tests.bench.normalize import simulated_practice
from tests.bench.storage import pages
from tests.fakes.events import FakePublisher
from tests.fakes.office import Killed

OURS: Final = Practice(
    id=new_id("practice"),
    name="Elm Street Dental",
    time_zone="America/Chicago",
    tier=Tier.STANDARD,
    version="25.3.36.0",
    baa=Baa("bench", "A. Test", date(2026, 1, 1)),
)
BEGINS: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
LASTS: Final = timedelta(days=5)
AWAY: Final = timedelta(hours=30)
BATCH: Final = 100
DIES: Final = 0.3
"""Share of the batches during which the publisher dies: anywhere, also when all is done but that it has said so."""

EDITS: Final[Mapping[str, tuple[str, Any, Any]]] = {
    "appointments": ("AptDateTime", "2026-03-10 09:00:00", "2026-03-17 09:00:00"),
    "procedurelogs": ("ProcStatus", "TP", "C"),
    "claims": ("ClaimStatus", "W", "S"),
    "payments": ("PayNote", "", "by cheque"),
    "claimpayments": ("Note", "", "in one sum"),
    "patients": ("BalTotal", "0.00", "62.00"),
    "recalls": ("DateDue", "2026-04-01", "2026-05-01"),
    "treatplans": ("Heading", "First", "Second"),
    "commlogs": ("Note", "", "called again"),
}
"""Of each resource a column, and the two values between which rows go back and forth."""

assert EDITS.keys() == KINDS.keys()


@dataclass
class Office:
    """Rows that change, and the outbox that tells of it. A row goes there and back, so no content says which state."""

    rows: list[tuple[str, Row]]
    dice: random.Random
    now: datetime = BEGINS
    records: list[RowChange] = field(default_factory=list)
    last: dict[int, RowChange] = field(default_factory=dict)
    seq: int = 0

    def store(self, number: int, *, cause: str) -> None:
        """One more state of row `number`; one in 50 is a burial, and the next one its return."""
        resource, row = self.rows[number]
        was = self.last.get(number)
        column, one, other = EDITS[resource]
        value = one if was is None or was.row[column] == other else other
        self.seq += 1
        change = RowChange(
            OURS.id,
            resource,
            int(row[MIRRORED[resource].key]),
            self.seq,
            {**row, column: value},
            Was.NOTHING if was is None else Was.BURIED if was.is_dead else Was.LIVING,
            is_dead=was is not None and not was.is_dead and self.dice.random() < 0.02,
            cause=cause,
            stored_at=self.now,
            before=None if was is None else was.row,
            before_seq=None if was is None else was.seq,
            before_cause=None if was is None else was.cause,
            before_at=None if was is None else was.stored_at,
        )
        self.last[number] = change
        self.records.append(change)


@dataclass
class Publisher:
    """Reads the outbox from its beginning, dies, and begins again where it last said it was."""

    on: FakePublisher
    dice: random.Random
    at: int = 0
    deaths: Counter[str] = field(default_factory=Counter)

    def work_off(self, records: Sequence[RowChange], *, now: datetime) -> None:
        """All that is in the outbox."""
        while self.at < len(records):
            self.try_once(records, now=now, dies=self.dice.random() < DIES)

    def try_once(self, records: Sequence[RowChange], *, now: datetime, dies: bool) -> None:
        """One batch."""
        # What failed comes again in other pieces.
        batch = records[self.at : self.at + self.dice.randint(1, BATCH)]
        self.on.clock.seconds = (now - BEGINS).total_seconds()
        left = self.dice.randrange(3 * len(batch) + 2) if dies else -1
        step = "before or in the log"

        def tick(now_in: str) -> None:
            nonlocal left, step
            step = now_in
            if left == 0:
                self.deaths[step] += 1
                raise Killed
            left -= 1

        self.on.event_log.at_each = lambda: tick("in the marks" if step != "before or in the log" else step)
        self.on.bus.at_each = lambda: tick("on the bus")
        try:
            publish(batch, self.on)
            if dies:
                self.deaths["after all"] += 1
            else:
                self.at += len(batch)
        except Killed:
            pass


def run(rows: list[tuple[str, Row]], *, changes: int) -> tuple[Office, FakePublisher, set[int], Counter[str]]:
    """The days; what was forgotten, by `seq`, and where the publisher died."""
    office, on = Office(rows, random.Random(1)), FakePublisher(Around(OURS))
    publisher = Publisher(on, random.Random(2))
    forgotten: set[int] = set()
    for number in range(0, len(rows), 10):
        # Nine of ten are there from the first load; the others are new some day.
        for other in range(number + 1, min(number + 10, len(rows))):
            office.store(other, cause="load")
    begins_at = len(office.records)
    away_from, away_until = BEGINS + LASTS * 0.4, BEGINS + LASTS * 0.4 + AWAY
    is_away = False
    for count in range(changes):
        office.now = BEGINS + LASTS * (count / changes)
        office.store(office.dice.randrange(len(rows)), cause="poll")
        if not is_away and away_from <= office.now < away_until:
            # It goes with a batch half told.
            publisher.try_once(office.records, now=office.now, dies=True)
            is_away = True
        elif is_away and office.now >= away_until:
            is_away = False
            while office.records[publisher.at].stored_at < office.now - OUTBOX_KEPT:
                forgotten.add(office.records[publisher.at].seq)
                publisher.at += 1
        if not is_away and count % BATCH == 0:
            publisher.work_off(office.records, now=office.now)
    for number, change in list(office.last.items()):
        if change.seq in forgotten:
            office.store(number, cause="poll")
    publisher.work_off(office.records, now=office.now)
    del office.records[:begins_at]
    return office, on, forgotten, publisher.deaths


def undisturbed(records: Sequence[RowChange]) -> FakePublisher:
    """Somebody who never dies and is never away."""
    on = FakePublisher(Around(OURS))
    for start in range(0, len(records), BATCH):
        publish(records[start : start + BATCH], on)
    return on


def _once(office: Office, on: FakePublisher, forgotten: set[int], deaths: Counter[str]) -> Iterator[Figure]:
    wanted = undisturbed(office.records).bus.came
    told = {one.event.id: one.event for one in on.event_log.logged.values()}
    rows = {one.seq: (one.resource, one.key) for one in office.records}
    last_forgotten = {rows[seq]: seq for seq in sorted(forgotten & rows.keys())}
    there = {one.sequence for one in told.values()}
    lost = {one.id for one in wanted if one.sequence not in forgotten} - told.keys()
    lost_states = set(last_forgotten.values()) - there
    recovered = {one.id for one in told.values() if one.cause is Cause.RECOVERY and one.sequence in forgotten}
    on_bus = {one.id for one in on.bus.came}
    invented = (told.keys() - {one.id for one in wanted} - recovered) | (on_bus - told.keys())
    never = [told[one] for one in told.keys() - on_bus]
    beside = (
        f"{len(office.records):,} changes of {len(set(rows.values())):,} rows; died {deaths.total():,} times: "
        + ", ".join(f"{count:,} {step}" for step, count in sorted(deaths.items()))
    )
    yield Figure("events", "changes that were lost", len(lost), goal=NONE, beside=beside)
    yield Figure(
        "events",
        "rows of which the last state that the outbox forgot was lost",
        len(lost_states),
        goal=NONE,
        beside=f"{len(forgotten):,} changes forgotten in 30 h, of {len(last_forgotten):,} rows; told with the next one",
    )
    yield Figure(
        "events",
        "forgotten states that had been replaced when the publisher came back",
        len(forgotten - there),
        beside="nobody has them any more",
    )
    yield Figure("events", "events that were invented", len(invented), goal=NONE)
    yield Figure(
        "events",
        "events of the log that never came to the bus",
        len([one for one in never if one.sequence not in forgotten]),
        goal=NONE,
        beside=f"beside {len([one for one in never if one.sequence in forgotten])} of forgotten, replaced states; "
        f"{len(on.bus.came) - len(on_bus):,} came more than once, with one id",
    )
    alike = len(wanted) - len({one.id for one in wanted})
    yield Figure(
        "events",
        "changes there and back (A, B, A, B) that share an id",
        alike,
        goal=NONE,
        beside=f"{len(wanted):,} ids",
    )


def _speed(records: Sequence[RowChange], *, rounds: int) -> Figure:
    batches = [records[start : start + BATCH] for start in range(0, len(records), BATCH)]
    bodies = [
        [json.dumps(row, default=str).encode() for one in batch for row in (one.before, one.row) if row is not None]
        for batch in batches
    ]
    times = []
    for _ in range(rounds):
        on = FakePublisher(Around(OURS))
        gc.collect()
        spent = {"json": 0.0, "publish": 0.0}
        for batch, texts in zip(batches, bodies, strict=True):
            started = time.perf_counter()
            for text in texts:
                json.loads(text)
            spent["json"] += time.perf_counter() - started
            started = time.perf_counter()
            publish(batch, on)
            spent["publish"] += time.perf_counter() - started
        times.append(spent)
    median = median_of_rounds(times)
    return Figure(
        "events",
        "deriving and publishing, of the speed of json.loads of a change's two rows alone",
        median_ratio(times, "json", "publish"),
        "%",
        at_least(SPEED),
        f"{len(records) / median['publish']:,.0f} changes/s beside {len(records) / median['json']:,.0f}/s",
    )


SPEED: Final = 0.1
"""Each change is two objects, a comparison and an event; telling it waits for AWS a hundred times as long."""


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """Days of changes with deaths and 30 hours away; then how fast it goes when nothing is amiss."""
    say("  seeding a practice")
    found = pages(simulated_practice(20 if quick else 300))
    rows = [(name, row) for name, page in found if name in KINDS for row in page]
    changes = 2_000 if quick else 100_000
    say(f"  {changes:,} changes of {len(rows):,} rows")
    office, on, forgotten, deaths = run(rows, changes=changes)
    yield from _once(office, on, forgotten, deaths)
    say("  the same without deaths, timed")
    yield _speed(office.records[: 1_000 if quick else 10_000], rounds=3 if quick else 7)
