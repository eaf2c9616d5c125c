"""The worker's last way out: what a bug leaves behind."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from functions.upstream_worker import handler
from gateway.wiring.worker import use
from tests.fakes.gateway_events import Context


class Calls:
    """A queue of which only the hiding counts."""

    def __init__(self) -> None:
        self.hidden: list[tuple[str, float]] = []

    def hide(self, receipt: str, seconds: float) -> None:
        self.hidden.append((receipt, seconds))


@pytest.fixture
def calls() -> Iterator[Calls]:
    calls = Calls()
    use(SimpleNamespace(calls=calls, upstream=SimpleNamespace(close=lambda: None)))
    yield calls
    use(None)


def test_a_bug_holds_its_practice_up_for_seconds_and_tells_nobodys_data(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left to the visibility of a call, five tries would close the practice for minutes; Lambda logs the message."""

    def break_down(*_: Any, **__: Any) -> None:
        raise ValueError("Jane Marker, born 1980")

    monkeypatch.setattr(handler, "run_turn", break_down)
    record = {
        "messageId": "m",
        "receiptHandle": "r",
        "body": '{"practice_id": "prac_aaaaaaaaaaaaaaaa", "operation_id": "opn_aaaaaaaaaaaaaaaa", "attempt": 1}',
    }

    with pytest.raises(handler.TurnBroke) as broke:
        handler.lambda_handler({"Records": [record]}, Context())

    logged = "".join(traceback.format_exception(broke.value))
    assert "Marker" not in logged
    assert "ValueError at test_worker.py:" in logged
    assert calls.hidden == [("r", handler.COME_BACK_S)]
