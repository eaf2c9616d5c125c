"""Any history of an office and of our own bad days: what people work in is in the mirror once the polls have passed,
but for what nothing tells; and after a closing sweep the mirror is the office, row by row.

A stateful test: rules are what happens at the office (rows come, change with and without a stamp, move, go), what goes
wrong on the way, where our processes die, and how time passes. Tombstones of rows that live are looked for after every
step. The bench plays the same at a larger scale.
"""

from __future__ import annotations

import random
from contextlib import ExitStack

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.core.mirror.schedule import HOT, by_query
from gateway.core.mirror.syncing import Wanted
from gateway.core.practices import Practice, Tier
from gateway.core.queries.changes import STAMPED
from infra.sandbox.practice import schema
from tests.fakes.mirrored_office import mirrored_office
from tests.fakes.office_history import LISTED, OfficeHistory
from tests.fakes.services import Life

BY_QUERY = frozenset(name for name, one in STAMPED.items() if one.stamp in schema.CHANGE_STAMPS) & {*LISTED}
"""Whose stamps the database moves by itself, so that a probe tells of every edit."""

FAULTS = ("drop_answer", "lose_request", "offline", "html", "half_json", "empty", "unexpected", "429")


class MirrorMachine(RuleBasedStateMachine):
    """One practice, its mirror, and everything that may happen to both."""

    @initialize(
        seed=st.integers(0, 10_000), tier=st.sampled_from([Tier.STANDARD, Tier.ENTERPRISE]), may_query=st.booleans()
    )
    def open_office(self, seed: int, tier: Tier, may_query: bool) -> None:
        self.stack = ExitStack()
        pages = Practice.page_limit
        Practice.page_limit = property(lambda _: 20)  # type: ignore[assignment, method-assign]
        self.stack.callback(setattr, Practice, "page_limit", pages)
        options = ("--patients", "8", "--seed", str(seed % 3 + 1))
        self.office = self.stack.enter_context(mirrored_office(*options, tier=tier, queries=may_query))
        self.history = OfficeHistory(self.office, seed)
        self.chance = random.Random(seed)
        self.office.turn_on()

    @rule(name=st.sampled_from(LISTED), count=st.integers(1, 5))
    def office_works(self, name: str, count: int) -> None:
        for _ in range(count):
            self.history.something(name)

    @rule(kind=st.sampled_from(FAULTS), count=st.integers(1, 6), after=st.integers(0, 12))
    def calls_go_wrong(self, kind: str, count: int, after: int) -> None:
        self.office.d.faulty(kind, "*", count=count, after=after)

    @rule(minutes=st.sampled_from([1, 5, 30]))
    def office_is_offline(self, minutes: int) -> None:
        fault = self.office.d.simulated.faults
        self.office.d.faulty("offline", "*", count=None)
        self.office.run(60 * minutes)
        fault.clear()

    @rule(steps=st.integers(3, 500), seconds=st.sampled_from([30, 90, 300]))
    def processes_die(self, steps: int, seconds: int) -> None:
        self.office.on.world.next_life = lambda: Life(left=self.chance.randrange(3, steps + 3))
        self.office.run(seconds)
        self.office.on.world.next_life = lambda: None

    @rule(seconds=st.sampled_from([5, 25, 60, 200, 1800]))
    def time_passes(self, seconds: int) -> None:
        self.office.run(seconds)

    @rule(kind=st.sampled_from(("status", "html")), status=st.sampled_from((400, 401, 504)), count=st.integers(1, 8))
    def queries_go_wrong(self, kind: str, status: int, count: int) -> None:
        """Refused, too slow, or nonsense: from then on filters or fewer tables follow the office."""
        self.office.d.faulty(kind, "queries.ShortQuery", status=status, count=count)

    @rule()
    def operator_turns_queries_off_or_on(self) -> None:
        path = f"/practices/{self.office.id}/sync"
        self.office.d.grant("sync:read", "sync:write")
        now = self.office.d.get(path).body["queries"]["state"]
        self.office.d.patch(path, {"queries": "off" if now == "on" else "on"})

    @rule(seconds=st.sampled_from([60, 7200]))
    def operator_pauses(self, seconds: int) -> None:
        self.office.turn_on(Wanted.PAUSED)
        self.office.run(seconds)
        self.office.turn_on()

    @rule(name=st.sampled_from(LISTED))
    def office_works_while_it_is_read(self, name: str) -> None:
        def meddle(call: object, answer: object) -> object:
            del call
            self.history.something(name)
            return answer

        with self.office.meddled(meddle):  # type: ignore[arg-type]
            self.office.run(60)

    @invariant()
    def nobody_who_lives_is_buried(self) -> None:
        if hasattr(self, "office"):
            assert self.office.buried_alive() == {}

    def teardown(self) -> None:
        if not hasattr(self, "office"):
            return
        with self.stack:
            self.office.d.simulated.faults.clear()
            self.office.load(seconds=4 * 3600)
            self.office.run(600)
            state = self.office.on.syncs.load(self.office.id)
            practice = self.office.on.practices.get(self.office.id)
            told = HOT | BY_QUERY & by_query(practice, state, self.office.on.clock.now())
            different = self.office.differences()
            missed = {name: {*different.get(name, ())} - self.history.untold.get(name, set()) for name in told}
            assert not any(missed.values()), (missed, self.history.happened)
            self.office.sweep(seconds=4 * 3600)
            # Sums do not see an edit that moves no stamp in a column that they leave out.
            different = self.office.differences()
            missed = {name: {*keys} - self.history.untold.get(name, set()) for name, keys in different.items()}
            assert not any(missed.values()), (missed, self.history.happened)
            self.office.sweep(seconds=4 * 3600, whole=True)

            assert self.office.differences() == {}, self.history.happened
            assert self.office.buried_alive() == {}


TestMirrorMachine = MirrorMachine.TestCase
TestMirrorMachine.settings = settings(max_examples=12, stateful_step_count=10, suppress_health_check=list(HealthCheck))
