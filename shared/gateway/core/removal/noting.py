"""Steps that no request takes, shown with their run like any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from gateway.core.ids import is_id
from gateway.core.ports import Clock
from gateway.core.workflows.records import Runs, Step, StepState

_DO: Final = "practices.erase"
_STATES: Final = {"done": StepState.SUCCEEDED, "failed": StepState.FAILED, "again": StepState.RUNNING}


class NotingServices(Protocol):
    """What noting needs."""

    @property
    def clock(self) -> Clock: ...
    @property
    def runs(self) -> Runs: ...


def noted(execution: str, name: str, told: Mapping[str, Any], *, on: NotingServices) -> None:
    """Note how the step `name` stands in the run that `execution` belongs to; nothing, where there is no such run."""
    run_id, _, attempt = execution.rpartition("-")
    if not is_id(run_id, "workflow_run") or not attempt.isdigit():
        return
    before = on.runs.step(run_id, name)
    on.runs.note(
        run_id,
        Step(
            name=name,
            do=_DO,
            state=_STATES[str(told["outcome"])],
            at=on.clock.now(),
            tries=1 if before is None else before.tries + 1,
            attempt=int(attempt),
            result={"status": 200, "code": told["code"], "body": {}},
        ),
    )
