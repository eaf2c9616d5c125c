"""A deployment whose state machines run: their steps ask the real handlers, over offices that answer."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from functions.task import handler as task
from gateway.core.workflows.ending import note_end
from gateway.wiring.services import using
from gateway.wiring.task import use
from tests.fakes.living import LivingServices
from tests.fakes.machine import Ended, Function, run_machine
from tests.fakes.runs import FakeRoutes

Spoils = Callable[[dict[str, Any]], Any]


@dataclass
class TaskWorld:
    """Fills `core.workflows.tasking.TaskServices`."""

    on: LivingServices
    routes: FakeRoutes = field(init=False)

    def __post_init__(self) -> None:
        self.routes = FakeRoutes(self._answer)
        self.clock, self.callers, self.runs = self.on.clock, self.on.callers, self.on.runs

    def _answer(self, function: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        handler = importlib.import_module(f"functions.{function}.handler")
        with using(self.on):
            answer: Mapping[str, Any] = handler.lambda_handler(event, None)
        return answer


def run_started(
    on: LivingServices,
    *,
    spoil: Spoils = lambda _: None,
    functions: Mapping[str, Function] | None = None,
) -> Ended:
    """Run the machine of the last execution that was started, to its end, and note that as `workflow_ends` does.

    `spoil` is shown each step and may say what it is told in place of an answer, or raise, as a function that dies.
    `functions` are what the machine calls besides `task`.
    """
    (called, input_), *_ = reversed(on.machines.started.items())
    name, _, execution = called.partition(":")
    use(TaskWorld(on))

    def step(payload: dict[str, Any]) -> Any:
        told = spoil(payload)
        return task.lambda_handler(payload, None) if told is None else told

    try:
        ended = run_machine(
            name, input_, {"task": step, **(functions or {})}, execution=execution, waits=on.clock.sleep
        )
    finally:
        use(None)
    detail = {
        "status": ended.status,
        "name": execution,
        "stateMachineArn": f"arn:aws:states:us-east-1:1:stateMachine:open-dental-gateway-test-{name}",
        "stopDate": on.clock.now().timestamp() * 1000,
        "output": ended.output,
        "error": ended.error,
    }
    note_end(detail, runs=on.runs)
    return ended


def failed(code: str = "broken", **more: Any) -> dict[str, Any]:
    """What `task` tells of a step that failed for good."""
    return {**task.refused(code, "it is broken"), **more}
