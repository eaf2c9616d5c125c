"""Write plans, driven call by call against a simulated practice over HTTP: no engine, no ledger, no AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from gateway.core.engine import app_error_of
from gateway.core.plans import (
    HELD_TIMES,
    OFFICE_WORDS,
    Outcome,
    PlanContext,
    PlanFunction,
    UpstreamAnswer,
    UpstreamCall,
)
from gateway.core.practices import Mode, Practice, Tier
from infra.sandbox.practice.__main__ import build, parser
from infra.sandbox.practice.server import PracticeServer
from infra.sandbox.practice.store import Store
from open_dental.client import Client, Keys
from open_dental.errors import OpenDentalError
from tests.fakes.deployment import NOW

ZONE = "America/Chicago"


@dataclass
class Desk:
    """A practice, and somebody who works off plans there."""

    server: PracticeServer
    client: Client
    practice: Practice
    calls: list[str] = field(default_factory=list)
    writes: list[UpstreamCall] = field(default_factory=list)
    before_write: Callable[[UpstreamCall], None] = lambda call: None

    @property
    def store(self) -> Store:
        return self.server.practice.office.store

    @property
    def today(self) -> datetime:
        return self.server.practice.office.clock.now().replace(tzinfo=None)

    def work_off(self, plan: PlanFunction, input_: Mapping[str, Any]) -> Outcome:
        """Run the plan to its end; what Open Dental refuses is thrown into it, as the engine does."""
        context = PlanContext(self.practice, "opn_test", self.server.practice.office.clock.utc(), "REF123456789")
        running = plan(input_, context)
        answer: UpstreamAnswer | None = None
        error: Exception | None = None
        try:
            while True:
                call = running.throw(error) if error is not None else running.send(answer)  # type: ignore[arg-type]
                answer, error = None, None
                if call.operation in {HELD_TIMES, OFFICE_WORDS}:
                    answer = UpstreamAnswer(200, [])
                    continue
                self.calls.append(call.operation)
                if call.step is not None:
                    self.before_write(call)
                    self.writes.append(call)
                try:
                    got = self.client.call(call.operation, path=call.path, query=call.query, body=call.body)
                except OpenDentalError as refused:
                    error = app_error_of(refused)
                else:
                    answer = UpstreamAnswer(got.status, got.data)
        except StopIteration as end:
            assert isinstance(end.value, Outcome)
            return end.value


@pytest.fixture
def desk() -> Iterator[Desk]:
    line = ["--patients", "40", "--interval", "0", "--latency-ms", "0", "--zone", ZONE, "--now", NOW.isoformat()]
    options = parser().parse_args(line)
    with build(options) as server:
        keys = Keys(options.developer_key, options.customer_key)
        practice = Practice(
            "prac_aaaaaaaaaaaaaaaa", "Elm Street", ZONE, mode=Mode.REMOTE, tier=Tier.STANDARD, version=options.version
        )
        with Client(keys, f"{server.base_url}/api/v1") as client:
            yield Desk(server, client, practice)
