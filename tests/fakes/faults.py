"""Bad days by the thousand: writes whose requests and answers are lost while functions die at any line.

`run_faults(count, seed)` plays `count` small days, each from its own seed, and counts what must never happen. The
office is the judge: its rows say what was written, whatever the ledger believes.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.core.errors import Unavailable
from gateway.core.operations import OperationState, StepState
from gateway.core.plans import UpstreamCall
from gateway.core.requests import submit
from tests.fakes.office import Fault, Killed
from tests.fakes.plans import KINDS
from tests.fakes.services import ELM_STREET, FakeServices, Life, a_caller
from tests.fakes.world import World

AMBIGUOUS = (Fault.LOSE_REQUEST, Fault.LOSE_ANSWER, Fault.TIMED_OUT, Fault.TIMED_OUT_DONE, Fault.GARBAGE)
DEADLY = (Fault.DIE_BEFORE, Fault.DIE_AFTER)
HARMLESS = (Fault.NOT_SENT, Fault.OFFLINE, Fault.THROTTLED)
BAD_TIME_S = 900.0
QUIET_TIME_S = 4 * 3600.0
WRONG_BY_S = (0.0, 0.0, -3600.0, 3600.0, -45.0, 45.0)
"""By how much the clock of a process may be wrong; 3,600 s is also what somebody sees who takes summer for winter."""
STEPS = {
    "test.book": {"create": "appointments"},
    "test.pay": {"pay": "payments", "tell": "commlogs"},
}


@dataclass
class Tally:
    """What a number of days came to. The first four must stay 0."""

    duplicates: int = 0
    wrongly_failed: int = 0
    wrongly_succeeded: int = 0
    lost: int = 0
    unknown: int = 0
    wrongly_unknown: int = 0
    """Unknown without anything that made it undecidable."""
    made_ambiguous: int = 0
    """Writes that the test made undecidable on purpose: two rows that could be the lost one."""
    jumps: int = 0
    """Processes whose clock was wrong."""
    cases: int = 0
    operations: int = 0
    succeeded: int = 0
    failed: int = 0
    crashes: int = 0
    faults: int = 0
    lost_calls: int = 0
    """Faults that left a call's outcome unknown; the others said what had happened."""
    seeds: list[int] = field(default_factory=list)
    """Seeds of the days on which something happened that must not."""

    def add(self, other: Tally) -> None:
        """Count another day in."""
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def is_clean(self) -> bool:
        """Whether nothing happened that must not, and nothing is unknown but what was made so."""
        bad = self.duplicates or self.wrongly_failed or self.wrongly_succeeded or self.lost
        return not bad and not self.wrongly_unknown


def run_faults(count: int, seed: int = 0, *, clocks: bool = False) -> Tally:
    """Play `count` days; the n-th is the same for the same `seed` and n. `clocks`: whether some are wrong, too."""
    total = Tally()
    for number in range(count):
        total.add(one_day(seed * 1_000_003 + number, clocks=clocks))
    return total


def one_day(seed: int, *, clocks: bool = False) -> Tally:
    """One practice, one to three writes, a quarter of an hour of trouble, then four quiet hours."""
    day = _Day(seed, WRONG_BY_S if clocks else ())
    day.play()
    tally = day.judge()
    if not tally.is_clean:
        tally.seeds.append(seed)
    return tally


class _Day:
    def __init__(self, seed: int, wrong_by_s: Sequence[float] = ()) -> None:
        self.random = random.Random(seed)
        self.wrong_by_s = wrong_by_s
        self.jumps = 0
        practice = replace(ELM_STREET, writes_reference=self.random.random() < 0.7)
        self.on = FakeServices(practices_=(practice,))
        self.practice = practice
        self.world = World(self.on, KINDS)
        self.world.next_life = self._life
        self.on.office.on_call = self._fault
        self.office = self.on.office
        self.trouble = self.random.choice([0.1, 0.3, 0.6])
        self.deaths = self.random.choice([0.0, 0.2, 0.5])
        self.crashes = 0
        self.faults = 0
        self.lost_calls = 0
        self.made_ambiguous: set[int] = set()
        self.ids: dict[str, tuple[str, dict[str, Any]]] = {}
        self._bad = True

    def _life(self) -> Life | None:
        life = self._lifetime()
        if self._bad and self.wrong_by_s:
            off_s = self.random.choice(self.wrong_by_s)
            self.jumps += off_s != 0
            life = replace(life or Life(), off_s=off_s)
        return life

    def _lifetime(self) -> Life | None:
        if not self._bad:
            return None
        if self.random.random() >= self.deaths:
            return Life()
        if self.random.random() < 0.3:
            return Life(stumbles=frozenset({self.random.randint(1, 60), self.random.randint(1, 60)}))
        return Life(left=self.random.randint(0, 60))

    def _fault(self, call: UpstreamCall) -> Fault | None:
        if not self._bad or self.random.random() >= self.trouble:
            return None
        self.faults += 1
        fault = self.random.choice(AMBIGUOUS + HARMLESS + DEADLY)
        self.lost_calls += fault in AMBIGUOUS
        return fault

    def play(self) -> None:
        for number in range(self.random.randint(1, 3)):
            kind = self.random.choice(["test.book", "test.book", "test.pay"])
            if not self.practice.writes_reference:
                kind = "test.book"
            input_ = {"patient": 7 + number, "at": "2026-03-03 09:00:00"}
            self._request(f"{kind}-{number:012}", kind, input_)
            self.world.run(self.random.choice([0.0, 0.5, 30.0, 200.0]))
            if not self.practice.writes_reference and self.random.random() < 0.1:
                # Somebody at the desk enters the very same: without a reference nothing tells the two apart.
                self.office.add("appointments", PatNum=7 + number, Op=1, AptDateTime=input_["at"], Note="", desk=True)
                self.made_ambiguous.add(7 + number)
        self.world.run(BAD_TIME_S)
        self._bad = False
        self.world.run(QUIET_TIME_S)

    def _request(self, key: str, kind: str, input_: dict[str, Any]) -> None:
        """A client that tries until it gets an answer, as its key allows it to."""
        for _ in range(20):
            life = self._life()
            on = self.on if life is None else self.on.mortal(life)
            try:
                operation = submit(kind, input_, practice=self.practice, caller=a_caller(), idempotency_key=key, on=on)
            except (Killed, Unavailable):
                self.crashes += 1
                self.world.run(self.random.choice([0.0, 1.0, 70.0]))
                continue
            self.ids[operation.id] = (kind, input_)
            return

    def judge(self) -> Tally:
        tally = Tally(
            cases=1,
            operations=len(self.ids),
            crashes=self.crashes + self.world.crashes,
            faults=self.faults,
            lost_calls=self.lost_calls,
            made_ambiguous=len(self.made_ambiguous),
            jumps=self.jumps,
        )
        for operation_id, (kind, input_) in self.ids.items():
            entry = self.on.ledger.entries.get(operation_id)
            if entry is None:
                tally.lost += 1
                continue
            written = {}
            for step, resource in STEPS[kind].items():
                rows = [
                    row
                    for row in self.office.rows[resource]
                    if row["PatNum"] == input_["patient"] and "desk" not in row
                ]
                tally.duplicates += max(0, len(rows) - 1)
                written[step] = len(rows)
            state = entry.record.state
            undecidable = input_["patient"] in self.made_ambiguous
            if undecidable and state in {OperationState.SUCCEEDED, OperationState.FAILED}:
                continue
            if state is OperationState.SUCCEEDED:
                tally.succeeded += 1
                tally.wrongly_succeeded += not all(written.values())
            elif state is OperationState.FAILED:
                tally.failed += 1
                code = entry.record.error["code"]
                stands = {name for name, step in entry.steps.items() if step.state is StepState.DONE}
                really = {name for name, count in written.items() if count}
                # What it says of itself has to be what the office has.
                tally.wrongly_failed += (stands & set(written)) != really or bool(stands) != (code == "partly-done")
            elif state is OperationState.UNKNOWN:
                tally.unknown += 1
                tally.wrongly_unknown += not undecidable
            else:
                tally.lost += 1
        return tally
