from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import pytest

from infra.sandbox.practice.clock import FrozenClock
from infra.sandbox.practice.keys import CUSTOMER_KEY, DEVELOPER_KEY, ApiKey
from infra.sandbox.practice.office import Office
from infra.sandbox.practice.practice import Practice, Settings
from infra.sandbox.practice.server import PracticeServer
from infra.sandbox.practice.store import Store

HEADERS = {"Authorization": f"ODFHIR {DEVELOPER_KEY}/{CUSTOMER_KEY}", "Content-Type": "application/json"}
NOON = datetime(2026, 3, 2, 12, 0, 0)  # noqa: DTZ001  (an office's wall clock)


@dataclass
class Running:
    """A listening practice with a raw client, and what lies behind it."""

    server: PracticeServer
    api: httpx.Client
    control: httpx.Client
    clock: FrozenClock

    @property
    def practice(self) -> Practice:
        return self.server.practice

    @property
    def store(self) -> Store:
        return self.server.practice.office.store

    def get(self, path: str, **query: object) -> Any:
        """A 2xx answer's JSON."""
        answer = self.api.get(path, params={name: str(value) for name, value in query.items()})
        assert answer.is_success, answer.text
        return answer.json()


@dataclass
class _Running:
    servers: list[PracticeServer] = field(default_factory=list)
    clients: list[httpx.Client] = field(default_factory=list)


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    """Start practices on a clock that stands still; they stop with the test."""
    opened = _Running()

    def _start(*, version: str = "25.3.36", key: ApiKey | None = None, **settings: Any) -> Running:
        clock = FrozenClock(NOON)
        office = Office(Store(clock=clock), version=version)
        practice = Practice(office, key=key, settings=Settings(**({"interval_s": 0.0} | settings)))
        server = PracticeServer(practice)
        server.start()
        opened.servers.append(server)
        # Plain HTTP: loading the certificate store twice a test would cost more than the tests.
        api = httpx.Client(base_url=server.state()["base_url"], headers=HEADERS, timeout=10, verify=False)
        control = httpx.Client(base_url=server.control_url, timeout=10, verify=False)
        opened.clients += [api, control]
        return Running(server, api, control, clock)

    yield _start
    for client in opened.clients:
        client.close()
    for server in opened.servers:
        server.stop()
        server.practice.office.store.close()


@pytest.fixture
def practice(start: Callable[..., Running]) -> Running:
    """One practice with default settings and no rows."""
    return start()
