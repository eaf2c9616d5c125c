"""What the worker's function does with messages that cannot be worked off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from functions.upstream_worker import handler
from gateway.core import pacing
from gateway.core.engine import TurnResult
from gateway.core.errors import Unavailable
from gateway.core.requests import submit
from gateway.wiring.worker import use
from tests.fakes import ELM_STREET, FakeServices, a_caller
from tests.fakes.gateway_events import Context

TURN = f'{{"practice_id": "{ELM_STREET.id}", "operation_id": "opn_aaaaaaaaaaaaaaaa", "attempt": 1}}'


class Queue:
    """The receiving side: how long a message was hidden last."""

    def __init__(self, calls: Any) -> None:
        self._calls = calls
        self.hidden_s: list[float] = []

    def hide(self, _receipt: str, seconds: float) -> None:
        self.hidden_s.append(seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._calls, name)


@pytest.fixture
def on() -> Iterator[FakeServices]:
    on = FakeServices()
    on.calls = Queue(on.calls)
    on.upstream.close = lambda: None  # type: ignore[union-attr]
    use(on)
    yield on
    use(None)


def event(body: str) -> dict[str, Any]:
    return {"Records": [{"messageId": "m1", "receiptHandle": "r1", "body": body}]}


@pytest.mark.parametrize("body", ["", "no JSON", "[]", "{}", '{"practice_id": "prac_x", "operation_id": null}'])
def test_a_message_that_is_no_turn_is_dropped(on: FakeServices, body: str) -> None:
    assert handler.lambda_handler(event(body), Context()) == {"batchItemFailures": []}
    assert on.office.calls == []


def test_a_turn_that_meets_a_mistake_of_ours_comes_back_soon(on: FakeServices) -> None:
    """Its practice's queue stands still until then, so not only when the longest call would be over."""
    input_ = {"patient": 7, "at": "2026-03-03 09:00:00"}
    operation = submit(
        "appointments.create", input_, practice=ELM_STREET, caller=a_caller(), idempotency_key="k" * 16, on=on
    )
    body = f'{{"practice_id": "{ELM_STREET.id}", "operation_id": "{operation.id}", "attempt": 1}}'

    with pytest.raises(handler.TurnBroke):  # the plan of this kind finds no such input
        handler.lambda_handler(event(body), Context())
    assert on.calls.hidden_s[-1] <= 5


def test_a_turn_that_has_to_wait_is_hidden_and_comes_back_without_an_error(
    on: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The only turn of its batch: for Powertools a batch that failed as a whole, which by itself would be an error."""
    monkeypatch.setattr(handler, "run_turn", lambda *_, **__: TurnResult(7.0))
    answer = handler.lambda_handler(event(TURN), Context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert on.calls.hidden_s == [7.0]


def test_no_turn_is_worked_off_behind_one_that_comes_back(on: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    results = [TurnResult(), TurnResult(7.0), TurnResult()]
    monkeypatch.setattr(handler, "run_turn", lambda *_, **__: results.pop(0))
    records = [{"messageId": f"m{at}", "receiptHandle": f"r{at}", "body": TURN} for at in range(4)]
    answer = handler.lambda_handler({"Records": records}, Context())

    assert [one["itemIdentifier"] for one in answer["batchItemFailures"]] == ["m1", "m2", "m3"]
    assert len(results) == 1 and on.calls.hidden_s == [7.0]


def test_what_one_batch_left_is_not_told_of_the_next(on: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    results = [TurnResult(7.0), TurnResult()]
    monkeypatch.setattr(handler, "run_turn", lambda *_, **__: results.pop(0))
    answers = [handler.lambda_handler(event(TURN), Context()) for _ in range(2)]

    assert answers[1] == {"batchItemFailures": []}


def test_a_worker_whose_message_is_another_ones_by_now_ends_in_order(on: FakeServices) -> None:
    """It was frozen; what it has to say of its message interests nobody, and no alarm."""
    on.pace.update(ELM_STREET.id, lambda item: (pacing.take_lease(item, "another", on.clock.now().timestamp()), None))
    operation = submit(
        "appointments.create", {}, practice=ELM_STREET, caller=a_caller(), idempotency_key="k" * 16, on=on
    )
    body = f'{{"practice_id": "{ELM_STREET.id}", "operation_id": "{operation.id}", "attempt": 1}}'

    def gone(_receipt: str, seconds: float) -> None:
        if seconds < pacing.CALL_LIMIT_S:
            raise Unavailable("the calls queue did not answer")

    on.calls.hide = gone
    assert handler.lambda_handler(event(body), Context()) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}


def test_a_function_that_cannot_even_begin_is_an_error_of_the_function(
    on: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted as a turn that waits, it would wake nobody for as long as the queue keeps messages."""

    def missing() -> FakeServices:
        raise KeyError("LEDGER_TABLE")

    monkeypatch.setattr(handler, "worker_services", missing)

    with pytest.raises(handler.TurnBroke, match="KeyError at test_upstream_worker"):
        handler.lambda_handler(event(TURN), Context())
