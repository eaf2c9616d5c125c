"""Ticks that cannot be forwarded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from functions.tick import handler
from gateway.core.errors import Unavailable
from gateway.core.operations import Turn
from gateway.wiring.worker import use
from tests.fakes import FakeServices
from tests.fakes.gateway_events import Context


@pytest.fixture
def on() -> Iterator[FakeServices]:
    on = FakeServices()
    use(on)
    yield on
    use(None)


@pytest.mark.parametrize("broken", ["", "{}", '{"practice_id": "prac_x", "attempt": "MARK"}'])
def test_a_tick_that_is_none_comes_back_alone(
    broken: str, on: FakeServices, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those beside it are forwarded once; it is set aside after a few times, which wakes somebody."""
    bodies = ['{"practice_id": "prac_a", "attempt": 1}', broken, '{"practice_id": "prac_b", "attempt": 2}']
    records = [{"messageId": f"m{at}", "receiptHandle": "r", "body": body} for at, body in enumerate(bodies)]

    assert handler.lambda_handler({"Records": records}, Context()) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert [turn.practice_id for turn in on.calls.turns] == ["prac_a", "prac_b"]
    assert "MARK" not in capsys.readouterr().out


def test_ticks_that_the_queue_does_not_take_come_back(on: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Turn, *, network: str) -> None:
        raise Unavailable("the queue does not answer")

    monkeypatch.setattr(on.calls, "put", refuse)
    record = {"messageId": "m", "receiptHandle": "r", "body": '{"practice_id": "prac_a", "attempt": 1}'}

    assert handler.lambda_handler({"Records": [record]}, Context()) == {"batchItemFailures": [{"itemIdentifier": "m"}]}
