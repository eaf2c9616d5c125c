"""The ledger as a machine: requests, turns, sweeps and faults in any order, with deaths between any two steps.

The office is the judge: its rows say what was written. Hypothesis looks for an order of events that writes a row
twice, loses an operation, or says of one what is not so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from gateway.core import engine, ledger
from gateway.core.audit import Phase
from gateway.core.errors import QueueFull
from gateway.core.operations import OperationState, StepState
from gateway.core.plans import UpstreamCall
from gateway.core.requests import submit
from tests.fakes import ELM_STREET, FakeServices, Fault, Killed, World, a_caller
from tests.fakes.faults import AMBIGUOUS, DEADLY, HARMLESS, run_faults
from tests.fakes.plans import KINDS
from tests.fakes.services import Life

LIVES = st.none() | st.integers(0, 70)
FAULTS = st.lists(st.none() | st.sampled_from(AMBIGUOUS + HARMLESS + DEADLY), max_size=4)
STEPS = {"test.book": {"create": "appointments"}, "test.pay": {"pay": "payments", "tell": "commlogs"}}


class LedgerMachine(RuleBasedStateMachine):
    """One practice, its clients, its queue, and everything that can go wrong with them."""

    requests = Bundle("requests")

    @initialize()
    def a_new_world(self) -> None:
        self.on = FakeServices()
        self.world = World(self.on, KINDS)
        self.faults: list[Fault | None] = []
        self.writes_only = False
        self.on.office.on_call = self._fault
        self.accepted: dict[str, tuple[str, int]] = {}
        self.settled: dict[str, Any] = {}
        self.number = 0

    def _fault(self, call: UpstreamCall) -> Fault | None:
        if self.writes_only and call.step is None:
            return None
        return self.faults.pop(0) if self.faults else None

    @rule(target=requests, kind=st.sampled_from(["test.book", "test.pay"]), left=LIVES)
    def a_client_asks(self, kind: str, left: int | None) -> tuple[str, int]:
        self.number += 1
        self._ask(kind, self.number, left)
        return kind, self.number

    @rule(request=requests, left=LIVES)
    def a_client_asks_again(self, request: tuple[str, int], left: int | None) -> None:
        self._ask(*request, left)

    def _ask(self, kind: str, number: int, left: int | None) -> None:
        input_ = {"patient": number, "at": "2026-03-03 09:00:00"}
        on = self.on if left is None else self.on.mortal(Life(left=left // 5))
        try:
            operation = submit(
                kind, input_, practice=ELM_STREET, caller=a_caller(), idempotency_key=f"key-{number}", on=on
            )
        except (Killed, QueueFull):
            return
        assert self.accepted.setdefault(operation.id, (kind, number)) == (kind, number)
        assert [one for one in self.accepted.values() if one[1] == number] == [(kind, number)]

    @rule(left=LIVES, faults=FAULTS, writes_only=st.booleans())
    def a_worker_takes_a_turn(self, left: int | None, faults: list[Fault | None], *, writes_only: bool) -> None:
        self.faults, self.writes_only = faults, writes_only
        self.world.next_life = lambda: Life(left=left)
        self.world.work()
        self.faults = []

    @rule(fault=st.sampled_from(DEADLY + AMBIGUOUS))
    def a_write_goes_wrong_and_another_worker_takes_over(self, fault: Fault) -> None:
        self.a_worker_takes_a_turn(None, [fault], writes_only=True)
        self.on.clock.sleep(151)
        self.a_worker_takes_a_turn(None, [], writes_only=True)

    @rule(left=LIVES)
    def a_minute_strikes(self, left: int | None) -> None:
        self.world.next_life = lambda: None if left is None else Life(left=left)
        self.world.minute()
        self.world.next_life = lambda: None

    @rule(seconds=st.sampled_from([0.5, 3.0, 61.0, 91.0, 301.0, 1800.0]))
    def time_passes(self, seconds: float) -> None:
        self.on.clock.sleep(seconds)

    @rule(offline=st.booleans())
    def the_office_goes_off_or_on(self, *, offline: bool) -> None:
        self.on.office.offline = offline

    @invariant()
    def no_row_is_written_twice(self) -> None:
        for kind, number in self.accepted.values():
            for resource in STEPS[kind].values():
                assert sum(row["PatNum"] == number for row in self.on.office.rows[resource]) <= 1

    @rule(down=st.booleans())
    def the_audit_trail_answers_or_not(self, *, down: bool) -> None:
        self.on.audit.is_down = down

    @invariant()
    def what_the_ledger_says_of_a_write_the_trail_has_said_before(self) -> None:
        said = {(one.operation_id, one.step, one.phase) for one in self.on.audit.entries}
        for id_ in self.accepted:
            for step in self.on.ledger.entries[id_].steps.values():
                assert (id_, step.name, Phase.INTENT) in said
                assert step.state is StepState.SENT or (id_, step.name, Phase(step.state.value)) in said

    @invariant()
    def what_has_settled_stays_as_it_was(self) -> None:
        for id_ in self.accepted:
            entry = self.on.ledger.entries[id_]
            if entry.record.state.is_settled:
                answer = (entry.record.state, entry.record.result, entry.record.error)
                assert self.settled.setdefault(id_, answer) == answer

    def teardown(self) -> None:
        """After enough quiet time every operation has settled, and says what the office has."""
        if not hasattr(self, "on"):
            return
        self.on.office.offline = False
        self.on.audit.is_down = False
        self.faults = []
        self.world.next_life = lambda: None
        self.world.run(3 * 3600)
        self.no_row_is_written_twice()
        self.what_has_settled_stays_as_it_was()
        self.what_the_ledger_says_of_a_write_the_trail_has_said_before()
        for id_, (kind, number) in self.accepted.items():
            entry = self.on.ledger.entries[id_]
            assert entry.record.state.is_settled, "an operation was lost"
            there = {
                step
                for step, resource in STEPS[kind].items()
                if any(row["PatNum"] == number for row in self.on.office.rows[resource])
            }
            stands = {name for name, step in entry.steps.items() if step.state is StepState.DONE} & set(STEPS[kind])
            assert stands == there
            if entry.record.state is OperationState.SUCCEEDED:
                assert there == set(STEPS[kind])


LedgerMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, derandomize=True, suppress_health_check=list(HealthCheck)
)
TestLedgerMachine = LedgerMachine.TestCase


def test_two_hundred_bad_days_write_nothing_twice_and_lose_nothing() -> None:
    """The bench plays ten thousand of them."""
    tally = run_faults(200, seed=11)

    assert tally.is_clean, tally
    assert tally.crashes > 100
    assert tally.faults > 500


def test_the_counts_above_could_not_be_clean_by_accident(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that lets an add go out again must show in the count of duplicates."""
    real = ledger.sent

    def careless(entry: Any, call: Any, effect: Any, **more: Any) -> Any:
        others = {name: step for name, step in entry.steps.items() if name != call.step}
        return real(replace(entry, steps=others), call, effect, **more)

    monkeypatch.setattr(ledger, "sent", careless)
    monkeypatch.setattr(engine.OperationRun, "_take_up_lost_writes", lambda self: None)

    assert run_faults(60, seed=5).duplicates > 0
