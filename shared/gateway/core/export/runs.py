"""A run of the export, how far it is, how far earlier ones came; and the ports that keep runs and files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from gateway.core.export.columns import Type

HELD_BACK: Final = timedelta(seconds=60)
"""Changes are exported once they are so old: the index of changes may be behind, and workers' clocks differ."""

OVERLAP: Final = timedelta(seconds=5)
"""So much of the time of the run before is looked at once more; what is exported twice is one row to a reader."""

SNAPSHOT_AFTER: Final = timedelta(days=7)
"""An object of which no snapshot is younger comes whole: files end after a while, and what is read by query is read
faster of one run than of a hundred."""

LOST_AFTER: Final = timedelta(hours=26)
"""A run that is still running so long after it was asked for has died, and does not keep others from running."""


class Mode(StrEnum):
    """What of the objects a run has."""

    INCREMENTAL = "incremental"
    """What has changed since the last run that was published; all of what none was published of."""
    SNAPSHOT = "snapshot"
    """All that there is."""


class State(StrEnum):
    """How far a run is."""

    RUNNING = "running"
    PUBLISHED = "published"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ExportRun:
    """`made_by` is the client that asked for it, or `gateway` for the clock; `until`: it has what the mirror had then.

    `failed` is a run of which nothing was published: all of its practices failed, or it died.
    """

    id: str
    mode: Mode
    practices: tuple[str, ...]
    objects: tuple[str, ...]
    made_by: str
    requested_at: datetime
    body_hash: str = ""
    state: State = State.RUNNING
    ended_at: datetime | None = None

    @property
    def until(self) -> datetime:
        """The moment up to which changes are in it."""
        return self.requested_at - HELD_BACK


@dataclass(frozen=True, slots=True)
class File:
    """One file of a run."""

    key: str
    rows: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one object of one practice is in one run; `rev` is raised by each save, and 0 of one never saved.

    `source` and `after`: rows of which of its resources are exported, and up to which key. `reason`: why it was left
    out. `whole_at`: `until` of the snapshot that it is, or goes on from. `base`: the mirror that it was read of.
    """

    practice_id: str
    name: str
    mode: Mode = Mode.INCREMENTAL
    since: datetime | None = None
    until: datetime | None = None
    whole_at: datetime | None = None
    base: str = ""
    source: int = 0
    after: int | None = None
    files: tuple[File, ...] = ()
    rows: int = 0
    tombstones: int = 0
    is_done: bool = False
    reason: str | None = None
    rev: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """Up to when one object of one practice is published. `base` says of which mirror: of another one nobody knows
    what has gone since. `whole_at`: `until` of its last snapshot."""

    until: datetime
    base: str
    run_id: str
    whole_at: datetime


class Superseded(Exception):
    """Somebody saved a newer state meanwhile; read it again."""


class AnotherRuns(Exception):
    """There is a run that has not ended; `run_id` is its id."""

    def __init__(self, run_id: str) -> None:
        super().__init__(run_id)
        self.run_id = run_id


class Exports(Protocol):
    """Runs, how far each is, and the marks. One run at a time: what is published later is the later state."""

    def make(self, run: ExportRun) -> ExportRun:
        """Store `run`, and that it is the one that runs: both or none. If there is one of its id, that one is returned
        and nothing is stored.

        Raises: AnotherRuns: one that was asked for less than `LOST_AFTER` before this one has not ended.
        """
        ...

    def get(self, run_id: str) -> ExportRun:
        """The run, strongly consistent. Raises NotFound."""
        ...

    def end(self, run_id: str, state: State, *, at: datetime) -> ExportRun:
        """Say how the run ended, unless that is said already, and let others run; returns it as it is then."""
        ...

    def page(self, *, before: str | None, limit: int) -> list[ExportRun]:
        """Runs, the youngest first, behind that of the place `before` (`place_of`)."""
        ...

    def keep_up(self, practice_ids: Iterable[str]) -> None:
        """Note that these are exported by every scheduled run from now on. Idempotent."""
        ...

    def kept_up(self) -> list[str]:
        """All practices that are, in the order of their ids."""
        ...

    def progress(self, run_id: str, practice_id: str | None = None) -> list[Progress]:
        """How far the objects of a practice, or of all, are, in the order of practice and name; strongly consistent."""
        ...

    def save(self, run_id: str, progress: Progress) -> Progress:
        """Store `progress` if its `rev` is still the stored one; returns it with the new one. Raises Superseded."""
        ...

    def marks(self, practice_id: str) -> dict[str, Mark]:
        """The marks of a practice by object, strongly consistent."""
        ...

    def advance(self, practice_id: str, name: str, mark: Mark) -> None:
        """Store `mark` unless a later one is there; the same one again changes nothing."""
        ...


def place_of(run: ExportRun) -> str:
    """Where a run stands among all: text that sorts as their times do."""
    return f"{run.requested_at:%Y-%m-%dT%H:%M:%S}#{run.id}"


@dataclass(frozen=True, slots=True)
class Stored:
    """A file, and what was said of it when it was put."""

    body: bytes
    facts: Mapping[str, str] = field(default_factory=dict)


class Warehouse(Protocol):
    """Where exports lie. What is there stays as it is: whoever puts the same name again learns that it is there."""

    def put(self, key: str, body: bytes, facts: Mapping[str, str] | None = None) -> bool:
        """Store `body` under `key` if nothing is there; False if something is. `facts`: words and numbers, no data."""
        ...

    def get(self, key: str) -> Stored | None:
        """What lies there, strongly consistent."""
        ...


class Columnar(Protocol):
    """Makes Parquet."""

    def parquet(self, columns: Sequence[tuple[str, Type]], lines: bytes) -> bytes:
        """The rows of `lines` (JSON Lines) with these columns; members that are no column are passed over."""
        ...
