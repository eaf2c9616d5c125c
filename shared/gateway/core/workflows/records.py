"""A run of a state machine and its steps, and where they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol

KEPT_DAYS: Final = 90
"""How long a run is shown after it was started or started again."""


class RunState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


class StepState(StrEnum):
    """Where a step stands. `undone`: it was taken back, so that a run that goes on does it again."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `attempt` counts executions: the first and each that started it again.

    `client_id` is whom its steps are done for, `began_by_client` whether that client started it by the API. `input` is
    what it said, whole; it may be of a patient, and leaves the record nowhere but into a step's request.
    """

    id: str
    workflow: str
    practice_id: str
    client_id: str
    attempt: int
    state: RunState
    started_at: datetime
    began_by_client: bool
    ended_at: datetime | None = None
    input: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    """What its last state said: ids, words, dates."""
    code: str | None = None
    """Why it failed, as the machine's last state says it."""
    about: Mapping[str, str] = field(default_factory=dict)
    """Headers of the request that started it which every step of it carries: for what, on whose behalf, with which id
    to follow it by."""

    @property
    def execution(self) -> str:
        """What the execution of its present attempt is called."""
        return f"{self.id}-{self.attempt}"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run: the state of the machine that asks, and in a Map its item.

    `failures` counts answers that ended it without success: so many idempotency keys are used up. `tries` counts all
    times that it was asked since the attempt began. `result` is what its machine was told.
    """

    name: str
    do: str
    state: StepState
    at: datetime
    tries: int = 0
    failures: int = 0
    attempt: int = 1
    result: Mapping[str, Any] = field(default_factory=dict)


class Runs(Protocol):
    """Runs and their steps, 90 days. Reads are strongly consistent but `of_practice`."""

    def open(self, run: Run, *, key: str, body_hash: str) -> tuple[Run, bool]:
        """Keep `run`, once for (its client, `key`); returns the one that is kept, and whether it is this.

        Raises: KeyReused: the key was used with another body.
        """
        ...

    def adopt(self, run: Run) -> Run:
        """Keep a run that an event or a clock has started, unless it is kept already; returns the one that is."""
        ...

    def get(self, run_id: str) -> Run:
        """The run. Raises: NotFound."""
        ...

    def steps(self, run_id: str) -> list[Step]:
        """Its steps, in the order in which they were first begun."""
        ...

    def step(self, run_id: str, name: str) -> Step | None:
        """One of them."""
        ...

    def note(self, run_id: str, step: Step) -> None:
        """Keep how a step stands. Of two that note one step at once the later stays: both asked with one key."""
        ...

    def again(self, run: Run, *, now: datetime) -> Run:
        """Begin the next attempt of a run that is over. Raises: Conflict: it is not over, or somebody was faster."""
        ...

    def end(
        self, run_id: str, *, attempt: int, state: RunState, at: datetime, result: Mapping[str, Any], code: str | None
    ) -> None:
        """Note that this attempt is over; nothing happens if a later one runs, or it is noted already."""
        ...

    def of_practice(
        self, practice_id: str, *, workflow: str | None, after: tuple[datetime, str] | None, limit: int
    ) -> list[Run]:
        """Up to `limit` runs at a practice, the latest first, behind `after`, without inputs; fewer only at the end."""
        ...

    def forget(self, practice_id: str, *, limit: int = 100) -> bool:
        """Erase up to `limit` runs of a practice with their steps; True once none is left."""
        ...


class Machines(Protocol):
    """The state machines of this deployment."""

    def start(self, workflow: str, *, name: str, input_: Mapping[str, Any]) -> None:
        """Start an execution called `name`; one that was started under it is not started again."""
        ...

    def stop(self, workflow: str, *, name: str) -> None:
        """Stop it; nothing happens if it is over, or there is none."""
        ...


class Routes(Protocol):
    """The functions behind the API's routes, asked without the API."""

    def ask(self, function: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """The function's answer to a request as API Gateway words it: `{statusCode, headers, body}`.

        Raises: Unavailable: it did not answer; whether it did something is not known.
        """
        ...
