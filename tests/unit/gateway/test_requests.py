"""How a request that is not alone is answered."""

from __future__ import annotations

import pytest

from gateway.core import pacing, requests
from gateway.core.errors import QueueFull
from gateway.core.operations import Operation
from gateway.core.requests import submit
from tests.fakes import ELM_STREET, FakeServices, a_caller


@pytest.fixture
def on() -> FakeServices:
    return FakeServices()


def book(on: FakeServices, key: str = "k" * 16) -> Operation:
    input_ = {"patient": 7, "at": "2026-03-03 09:00:00"}
    return submit("test.book", input_, practice=ELM_STREET, caller=a_caller(), idempotency_key=key, on=on)


def test_the_twin_of_a_request_that_found_the_queue_full_is_told_the_same(on: FakeServices) -> None:
    for number in range(pacing.MAX_WAITING):
        book(on, f"key-{number:012}")
    join = on.paces.join

    def join_while_a_twin_asks(*args: object, **kwargs: object) -> int:
        on.paces.join = join
        twins.append(book(on, "t" * 16))
        return int(join(*args, **kwargs))

    twins: list[Operation] = []
    on.paces.join = join_while_a_twin_asks
    with pytest.raises(QueueFull):
        book(on, "t" * 16)

    with pytest.raises(QueueFull):
        requests.wait_for(twins[0], wait_s=5, on=on)
