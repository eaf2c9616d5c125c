"""Runs of workflows, the machines that they are runs of, and the routes that their steps ask; in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from gateway.core.errors import Conflict, KeyReused, NotFound
from gateway.core.workflows.records import Run, RunState, Step


@dataclass
class FakeRuns:
    """Fills `core.workflows.records.Runs`."""

    runs: dict[str, Run] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    stepped: dict[str, dict[str, Step]] = field(default_factory=dict)

    def open(self, run: Run, *, key: str, body_hash: str) -> tuple[Run, bool]:
        kept = self.keys.get((run.client_id, key))
        if kept is None:
            self.keys[run.client_id, key] = (run.id, body_hash)
            self.runs[run.id] = run
            return run, True
        if kept[1] != body_hash:
            raise KeyReused("this Idempotency-Key belongs to another request", param="Idempotency-Key")
        return self.get(kept[0]), False

    def adopt(self, run: Run) -> Run:
        return self.runs.setdefault(run.id, run)

    def get(self, run_id: str) -> Run:
        if run_id not in self.runs:
            raise NotFound("no such run")
        return self.runs[run_id]

    def steps(self, run_id: str) -> list[Step]:
        return list(self.stepped.get(run_id, {}).values())

    def step(self, run_id: str, name: str) -> Step | None:
        return self.stepped.get(run_id, {}).get(name)

    def note(self, run_id: str, step: Step) -> None:
        self.stepped.setdefault(run_id, {})[step.name] = step

    def again(self, run: Run, *, now: datetime) -> Run:
        kept = self.get(run.id)
        if (kept.attempt, kept.state) != (run.attempt, run.state) or run.state is RunState.RUNNING:
            raise Conflict("the run was started again meanwhile", reason="run-running")
        begun = replace(
            run, attempt=run.attempt + 1, state=RunState.RUNNING, started_at=now, ended_at=None, result={}, code=None
        )
        self.runs[run.id] = begun
        return begun

    def end(
        self, run_id: str, *, attempt: int, state: RunState, at: datetime, result: Mapping[str, Any], code: str | None
    ) -> None:
        kept = self.runs.get(run_id)
        if kept is not None and (kept.attempt, kept.state) == (attempt, RunState.RUNNING):
            self.runs[run_id] = replace(kept, state=state, ended_at=at, result=result, code=code)

    def of_practice(
        self, practice_id: str, *, workflow: str | None, after: tuple[datetime, str] | None, limit: int
    ) -> list[Run]:
        found = [
            replace(one, input={}, about={})
            for one in self.runs.values()
            if one.practice_id == practice_id and workflow in (None, one.workflow)
        ]
        found.sort(key=lambda one: (one.started_at, one.id), reverse=True)
        return [one for one in found if after is None or (one.started_at, one.id) < after][:limit]

    def forget(self, practice_id: str, *, limit: int = 100) -> bool:
        runs = self.of_practice(practice_id, workflow=None, after=None, limit=limit)
        for run in runs:
            del self.runs[run.id]
            self.stepped.pop(run.id, None)
        return len(runs) < limit


@dataclass
class FakeMachines:
    """Fills `core.workflows.records.Machines`: remembers what was started, and starts nothing."""

    started: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)

    def start(self, workflow: str, *, name: str, input_: Mapping[str, Any]) -> None:
        self.started.setdefault(f"{workflow}:{name}", input_)

    def stop(self, workflow: str, *, name: str) -> None:
        self.stopped.append(f"{workflow}:{name}")


@dataclass
class FakeRoutes:
    """Fills `core.workflows.records.Routes` with one function that answers all of them."""

    answer: Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
    asked: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def ask(self, function: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append((function, event))
        return self.answer(function, event)
