"""Runs of the export and their files, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from gateway.core.errors import NotFound
from gateway.core.export.columns import Type
from gateway.core.export.runs import (
    LOST_AFTER,
    AnotherRuns,
    ExportRun,
    Mark,
    Progress,
    State,
    Stored,
    Superseded,
    place_of,
)


class FakeExports:
    """Fills `Exports`."""

    def __init__(self) -> None:
        self.runs: dict[str, ExportRun] = {}
        self.running: str | None = None
        self.at: dict[tuple[str, str, str], Progress] = {}
        self.marked: dict[tuple[str, str], Mark] = {}
        self.kept: set[str] = set()

    def make(self, run: ExportRun) -> ExportRun:
        if run.id in self.runs:
            return self.runs[run.id]
        if self.running is not None and self.runs[self.running].requested_at >= run.requested_at - LOST_AFTER:
            raise AnotherRuns(self.running)
        self.runs[run.id] = run
        self.running = run.id
        return run

    def get(self, run_id: str) -> ExportRun:
        if run_id not in self.runs:
            raise NotFound("no such export")
        return self.runs[run_id]

    def end(self, run_id: str, state: State, *, at: datetime) -> ExportRun:
        run = self.get(run_id)
        if run.state is State.RUNNING:
            self.runs[run_id] = run = replace(run, state=state, ended_at=at)
        if self.running == run_id:
            self.running = None
        return run

    def page(self, *, before: str | None, limit: int) -> list[ExportRun]:
        runs = sorted(self.runs.values(), key=place_of, reverse=True)
        return [one for one in runs if before is None or place_of(one) < before][:limit]

    def keep_up(self, practice_ids: Iterable[str]) -> None:
        self.kept |= set(practice_ids)

    def kept_up(self) -> list[str]:
        return sorted(self.kept)

    def progress(self, run_id: str, practice_id: str | None = None) -> list[Progress]:
        return [one for (run, of, _), one in sorted(self.at.items()) if run == run_id and practice_id in {None, of}]

    def save(self, run_id: str, progress: Progress) -> Progress:
        where = (run_id, progress.practice_id, progress.name)
        if (self.at[where].rev if where in self.at else 0) != progress.rev:
            raise Superseded
        self.at[where] = new = replace(progress, rev=progress.rev + 1)
        return new

    def marks(self, practice_id: str) -> dict[str, Mark]:
        return {name: one for (of, name), one in self.marked.items() if of == practice_id}

    def advance(self, practice_id: str, name: str, mark: Mark) -> None:
        was = self.marked.get((practice_id, name))
        if was is None or was.until < mark.until:
            self.marked[practice_id, name] = mark


class FakeWarehouse:
    """Fills `Warehouse`."""

    def __init__(self) -> None:
        self.files: dict[str, Stored] = {}

    def put(self, key: str, body: bytes, facts: Mapping[str, str] | None = None) -> bool:
        if key in self.files:
            return False
        self.files[key] = Stored(body, dict(facts or {}))
        return True

    def get(self, key: str) -> Stored | None:
        return self.files.get(key)


class FakeColumnar:
    """Fills `Columnar` with no columns: what is told of the lines is told of the file."""

    def parquet(self, columns: Sequence[tuple[str, Type]], lines: bytes) -> bytes:
        return b"PAR1" + lines
