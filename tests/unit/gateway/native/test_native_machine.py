"""Any history of an office whose machines tell what changes: late, twice, in any order, and beside polls and reads.

Whatever was told and whenever it was worked off, nothing that lives is buried, what people work in is in the mirror
once the polls have passed, and after a closing sweep the mirror is the office, row by row, also if all that was ever
told comes once more.
"""

from __future__ import annotations

import random
from contextlib import ExitStack
from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.core.mirror.syncing import Native, Wanted
from gateway.core.native.ports import Post
from gateway.core.native.taking import Taken, take
from infra.sandbox.practice.firing import Call
from tests.fakes.hooks import HookWorld
from tests.fakes.mirrored_office import mirrored_office
from tests.fakes.office_history import OfficeHistory

TABLES = ("Appointment", "AppointmentDeleted", "Patient", "PatField", "Provider", "Schedule", "ScheduleDeleted")
TOLD = ("appointments", "patients", "patfields", "providers", "schedules")


class NativeMachine(RuleBasedStateMachine):
    """One practice that is loaded, and its machines."""

    @initialize(seed=st.integers(0, 10_000), may_query=st.booleans())
    def open_office(self, seed: int, may_query: bool) -> None:
        self.stack = ExitStack()
        self.office = self.stack.enter_context(mirrored_office("--patients", "4", queries=may_query))
        self.history = OfficeHistory(self.office, seed)
        self.chance = random.Random(seed)
        self.office.load()
        on = self.office.on
        self.hooks = HookWorld(on, key=on.vault.keys(self.office.id).customer)
        self.calls: dict[str, Post] = {}
        self.taken: list[Taken] = []
        on.syncs.save_practice(replace(on.syncs.load(self.office.id), native=Native(wanted=True)))
        self.office.d.simulated.firing.post = self.receive
        for table in TABLES:
            told = {"EndPointUrl": "https://api.example", "CustomerKey": "k", "WatchTable": table, "PollingSeconds": 1}
            start = str(self.office.clock.now())[:19]
            self.office.store.insert("apisubscription", told | {"DateTimeStart": start, "Workstation": ""})

    def receive(self, call: Call) -> int:
        now = self.office.on.clock.now()
        key = self.hooks.get(self.office.id).key_fingerprint
        self.hooks.inbox.put(Post(self.office.id, now, call.headers.get("Event-Type", ""), "", key, call.body))
        self.calls |= self.hooks.inbox.posts
        return self.chance.choice((200, 200, 200, 503))

    @rule(name=st.sampled_from(TOLD), count=st.integers(1, 4), seconds=st.sampled_from((0.2, 1.0, 3.0)))
    def office_works(self, name: str, count: int, seconds: float) -> None:
        for _ in range(count):
            self.history.something(name)
            self.office.on.clock.seconds += seconds
        self.machines_look()

    @rule()
    def machines_look(self) -> None:
        self.office.on.clock.seconds += 1.5
        self.office.d.simulated.firing.tick(self.office.clock.now())

    @rule(count=st.integers(1, 20))
    def some_of_what_was_told_is_worked_off(self, count: int) -> None:
        names = list(self.calls)
        for name in self.chance.sample(names, min(count, len(names))):
            self.hooks.inbox.posts[name] = self.calls[name]
            self.taken.append(take(name, self.hooks))

    @rule(seconds=st.sampled_from((5, 25, 90, 1800)))
    def time_passes(self, seconds: int) -> None:
        self.office.run(seconds)

    @rule(name=st.sampled_from(TOLD))
    def office_works_and_tells_while_it_is_read(self, name: str) -> None:
        def meddle(_: object, answer: object) -> object:
            self.history.something(name)
            self.machines_look()
            self.some_of_what_was_told_is_worked_off(3)
            return answer

        with self.office.meddled(meddle):  # type: ignore[arg-type]
            self.office.run(20)

    @rule()
    def operator_pauses(self) -> None:
        self.office.turn_on(Wanted.PAUSED)
        self.some_of_what_was_told_is_worked_off(5)
        self.office.run(60)
        self.office.turn_on()

    @invariant()
    def nobody_who_lives_is_buried(self) -> None:
        if hasattr(self, "office"):
            assert self.office.buried_alive() == {}

    def teardown(self) -> None:
        if not hasattr(self, "office"):
            return
        with self.stack:
            self.office.run(600)
            different = self.office.differences()
            missed = {*different.get("appointments", ())} - self.history.untold.get("appointments", set())
            assert not missed, self.history.happened
            self.office.sweep(seconds=4 * 3600, whole=True)
            assert self.office.differences() == {}, self.history.happened
            self.some_of_what_was_told_is_worked_off(10_000)
            assert self.office.differences() == {}, self.history.happened
            assert all(one.outcome in {"taken", "unwanted"} for one in self.taken)


TestNativeMachine = NativeMachine.TestCase
TestNativeMachine.settings = settings(max_examples=10, stateful_step_count=12, suppress_health_check=list(HealthCheck))
