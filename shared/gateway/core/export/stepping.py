"""The steps of a run: what is exported of whom, one practice after another, and the one put that makes it visible.

Each step may die at any line and be done again, also twice at once. Rows go in ascending order of key into parts whose
names count up. A part is put once: whoever finds it there takes what it has and goes on behind it. A row that changes
meanwhile is either in a part as it was read, or in the next run, whose time begins where this one's ends.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol, cast

from gateway.core.audit import GATEWAY, Audit, AuditEntry
from gateway.core.callers import Client
from gateway.core.errors import NotFound
from gateway.core.export import layout
from gateway.core.export.exported import EXPORTED, PAGE, Exported, Shelf, Source
from gateway.core.export.runs import (
    OVERLAP,
    SNAPSHOT_AFTER,
    AnotherRuns,
    Columnar,
    ExportRun,
    Exports,
    File,
    Mark,
    Mode,
    Progress,
    State,
    Superseded,
    Warehouse,
)
from gateway.core.ids import id_from
from gateway.core.mirror.records import Record, Records
from gateway.core.mirror.syncing import Phase, PracticeSync, SyncStates, Wanted
from gateway.core.ports import Cache, Callers, Clock, Practices
from gateway.core.practices import Practice
from gateway.core.walltime import instant_text

PART_ROWS: Final = 20_000
"""Rows of a file: some 10 MB in memory, and less than a minute of reading."""

ENOUGH_LEFT_S: Final = 90.0
"""A part is begun only if so much of a step's time is left."""

CUT_S: Final = 45.0
"""A part ends early where no more is left: it has to be written, and goes on in the next one."""

MOST_PRACTICES: Final = 5000
"""Of a run: their ids have to fit into the state of one machine."""

NO_MIRROR: Final = "mirror-off"
NOT_LOADED: Final = "not-loaded"
NO_AGREEMENT: Final = "baa-missing"
NOT_ITS: Final = "not-found"
DIED: Final = "died"
"""Why a practice, or an object of one, is not in a run."""


class ExportServices(Protocol):
    """What the steps need."""

    @property
    def clock(self) -> Clock: ...
    @property
    def callers(self) -> Callers: ...
    @property
    def practices(self) -> Practices: ...
    @property
    def syncs(self) -> SyncStates: ...
    @property
    def records(self) -> Records: ...
    @property
    def cache(self) -> Cache: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def exports(self) -> Exports: ...
    @property
    def warehouse(self) -> Warehouse: ...
    @property
    def columnar(self) -> Columnar: ...


def prepare(run_id: str | None, *, scheduled: str | None, on: ExportServices) -> dict[str, Any]:
    """What a machine begins with: `{run_id, practices}`, the practices by their ids.

    Without `run_id` a run of the clock is made, whose id is that of `scheduled`, the execution's name: of all practices
    that are kept up to date. Where there is none, another run is under way, or the run is not there, it has nothing to
    do: `run_id` is null.
    """
    if run_id is not None:
        try:
            run = on.exports.get(run_id)
        except NotFound:
            return {"run_id": None, "practices": []}
    else:
        practices = tuple(on.exports.kept_up()[:MOST_PRACTICES])
        if not practices:
            return {"run_id": None, "practices": []}
        fingerprint = hashlib.sha256(f"export {scheduled}".encode()).hexdigest()
        wanted = ExportRun(
            id=id_from("export", fingerprint),
            mode=Mode.INCREMENTAL,
            practices=practices,
            objects=tuple(EXPORTED),
            made_by=GATEWAY,
            requested_at=on.clock.now(),
        )
        try:
            run = on.exports.make(wanted)
        except AnotherRuns:
            return {"run_id": None, "practices": []}
    return {"run_id": run.id, "practices": list(run.practices)}


def export_practice(
    run_id: str,
    practice_id: str,
    *,
    time_left_s: Callable[[], float],
    on: ExportServices,
    part_rows: int = PART_ROWS,
) -> dict[str, Any]:
    """Export one practice as far as the time goes: `{practice_id, done, state}`.

    Where `done` is false it is to be called again. `state` is `done`, or `failed` for a practice of which there is
    nothing: the run goes on without it.

    Raises: Unavailable, AuditUnavailable: do it again.
    """
    try:
        run = on.exports.get(run_id)
    except NotFound:
        return {"practice_id": practice_id, "done": True, "state": "failed"}
    if run.state is not State.RUNNING or practice_id not in run.practices:
        return {"practice_id": practice_id, "done": True, "state": "failed"}
    staged = on.warehouse.get(layout.staged_key(run.id, practice_id))
    if staged is not None:
        return {"practice_id": practice_id, "done": True, "state": json.loads(staged.body)["state"]}
    try:
        practice, sync = _open(run, practice_id, on)
    except _Closed as why:
        return _stage(run, practice_id, [], reason=why.reason, on=on)
    _describe(on)
    _tell(run, practice_id, on)
    work = _Work(run, practice, sync, on, part_rows, time_left_s)
    for name in run.objects:
        progress = work.begun(name)
        while not progress.is_done:
            if time_left_s() < ENOUGH_LEFT_S:
                return {"practice_id": practice_id, "done": False, "state": "running"}
            progress = work.go_on(progress)
    return _stage(run, practice_id, on.exports.progress(run.id, practice_id), reason=None, on=on)


def publish(run_id: str, *, on: ExportServices) -> dict[str, Any]:
    """Make a run visible: `{run_id, state, practices, failed, rows}`. A run that has ended stays as it is.

    The marks are advanced behind the one put, and again with each repeat until the run says that it is published.
    """
    try:
        run = on.exports.get(run_id)
    except NotFound:
        return {"run_id": run_id, "state": State.FAILED.value}
    if run.state is not State.RUNNING:
        return {"run_id": run.id, "state": run.state.value}
    found = [_staged(run, one, on) for one in run.practices]
    lines = [line for one in found for line in one["objects"]]
    if lines:
        text = "".join(f"{json.dumps(line, separators=(',', ':'))}\n" for line in lines)
        if not on.warehouse.put(layout.published_key(run.id), text.encode()):
            there = on.warehouse.get(layout.published_key(run.id))
            assert there is not None
            # What readers have seen counts, whatever has been staged since.
            lines = [json.loads(line) for line in there.body.splitlines()]
        for line in lines:
            until, whole_at = (datetime.fromisoformat(line[name]) for name in ("until_at", "whole_at"))
            mark = Mark(until, line["base"], run.id, whole_at)
            on.exports.advance(line["practice_id"], line["object"], mark)
    ended = on.exports.end(run.id, State.PUBLISHED if lines else State.FAILED, at=on.clock.now())
    return {
        "run_id": run.id,
        "state": ended.state.value,
        "practices": len({line["practice_id"] for line in lines}),
        "failed": sum(one["state"] == "failed" for one in found),
        "rows": sum(line["rows"] for line in lines),
    }


class _Closed(Exception):
    """The practice cannot be exported."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _open(run: ExportRun, practice_id: str, on: ExportServices) -> tuple[Practice, PracticeSync]:
    """The practice and its mirror, if it may be exported now. Raises: _Closed."""
    try:
        client = _client(run, on)
        practice = on.practices.get(practice_id)
    except NotFound:
        raise _Closed(NOT_ITS) from None
    if practice.state != "active" or (client is not None and practice_id not in client.practices):
        raise _Closed(NOT_ITS)
    if not practice.is_open(on.clock.now().date()):
        raise _Closed(NO_AGREEMENT)
    sync = on.syncs.load(practice_id)
    if sync.wanted is Wanted.OFF:
        raise _Closed(NO_MIRROR)
    if not any(_is_here(EXPORTED[name], sync) for name in run.objects):
        raise _Closed(NOT_LOADED)
    return practice, sync


def _client(run: ExportRun, on: ExportServices) -> Client | None:
    """The client whose data they become; None for a run of the clock. Raises: NotFound: it is gone or revoked."""
    if run.made_by == GATEWAY:
        return None
    client = on.callers.client(run.made_by)
    if client.revoked_at is not None or (client.expires_at is not None and client.expires_at <= on.clock.now()):
        raise NotFound("the client has been revoked or has expired")
    return client


def _is_here(one: Exported, sync: PracticeSync) -> bool:
    phases = (of.phase if (of := sync.resources.get(name)) is not None else Phase.NONE for name in one.needed)
    return all(phase is Phase.LOADED for phase in phases)


def _describe(on: ExportServices) -> None:
    """Put the columns of all objects, and a file without rows of each, unless they are there: all files end."""
    for one in EXPORTED.values():
        version = one.schema["version"]
        if on.warehouse.get(layout.empty_key(one.name, version)) is None:
            on.warehouse.put(layout.empty_key(one.name, version), on.columnar.parquet(one.columns, b""))
            on.warehouse.put(layout.schema_key(one.name, version), json.dumps(one.schema, indent=1).encode())


def _tell(run: ExportRun, practice_id: str, on: ExportServices) -> None:
    """Have it in the practice's trail that its data leave. Raises: AuditUnavailable: they must not."""
    fingerprint = hashlib.sha256(f"export {run.id} {practice_id}".encode()).hexdigest()
    entry = AuditEntry(
        id=id_from("audit_entry", fingerprint),
        practice_id=practice_id,
        at=run.requested_at,
        client_id=run.made_by,
        action="EXPORT /exports",
        request_id=run.id,
        served_from="mirror",
        object_ids=(run.id,),
    )
    on.audit.note(entry, once=True)


@dataclass
class _Work:
    """One practice in one run."""

    run: ExportRun
    practice: Practice
    sync: PracticeSync
    on: ExportServices
    part_rows: int
    time_left_s: Callable[[], float]

    def __post_init__(self) -> None:
        self.shelf = Shelf(self.practice, self.on)
        self.known = {one.name: one for one in self.on.exports.progress(self.run.id, self.practice.id)}
        self.changed: dict[tuple[str, int], list[int]] = {}

    @property
    def base(self) -> str:
        """Which mirror this is: its database's epoch, and since when rows are kept."""
        return f"{self.sync.epoch}.{'' if self.sync.started_at is None else instant_text(self.sync.started_at)}"

    def begun(self, name: str) -> Progress:
        """How far an object is; where it begins, what it has is decided once for the whole run."""
        if name in self.known:
            return self.known[name]
        new = Progress(self.practice.id, name, until=self.run.until, whole_at=self.run.until, base=self.base)
        if not _is_here(EXPORTED[name], self.sync):
            return self._save(replace(new, is_done=True, reason=NOT_LOADED))
        mark = self.on.exports.marks(self.practice.id).get(name)
        # Of a mirror that was made anew nobody knows what has gone meanwhile.
        is_old = mark is not None and mark.whole_at <= self.run.until - SNAPSHOT_AFTER
        if self.run.mode is Mode.SNAPSHOT or mark is None or mark.base != self.base or is_old:
            return self._save(replace(new, mode=Mode.SNAPSHOT))
        return self._save(replace(new, since=mark.until, whole_at=mark.whole_at))

    def go_on(self, was: Progress) -> Progress:
        """Export one more part. The progress that comes back is stored."""
        one = EXPORTED[was.name]
        if was.source == len(one.sources):
            return self._save(replace(was, is_done=True))
        if was.base != self.base:
            # The mirror was emptied while it was read: what is here so far has no end.
            return self._save(replace(was, is_done=True, reason=NOT_LOADED, files=(), rows=0, tombstones=0))
        source = one.sources[was.source]
        part = len(was.files) // 2
        lines_key = layout.lines_key(self.run, self.practice.id, one.name, part)
        stored = self.on.warehouse.get(lines_key)
        if stored is None:
            body, facts = self._made(one, source, was)
            if not body:
                return self._save(replace(was, source=was.source + 1, after=None))
            packed = gzip.compress(body, compresslevel=6, mtime=0)
            if not self.on.warehouse.put(lines_key, packed, facts):
                stored = self.on.warehouse.get(lines_key)
                assert stored is not None
        if stored is not None:
            # Another hand put it, and its rows may be others than those of now.
            packed, facts = stored.body, dict(stored.facts)
            body = gzip.decompress(packed)
        parquet_key = layout.parquet_key(self.run, self.practice.id, one.name, part)
        parquet = self.on.columnar.parquet(one.columns, body)
        if not self.on.warehouse.put(parquet_key, parquet):
            there = self.on.warehouse.get(parquet_key)
            assert there is not None
            parquet = there.body
        rows, after = int(facts["rows"]), int(facts["after"])
        files = (_file(parquet_key, rows, parquet), _file(lines_key, rows, packed))
        return self._save(
            replace(
                was,
                source=int(facts["source"]),
                after=after,
                files=(*was.files, *files),
                rows=was.rows + rows,
                tombstones=was.tombstones + int(facts["tombstones"]),
            )
        )

    def _made(self, one: Exported, source: Source, was: Progress) -> tuple[bytes, dict[str, str]]:
        """The lines of the next part, and where it ends; no lines where there are no more rows."""
        lines: list[bytes] = []
        gone, after = 0, was.after
        for records in self._pages(source, was):
            for row in one.rows(source, records, self.shelf, self.run.id):
                lines.append(json.dumps(row, separators=(",", ":")).encode() + b"\n")
                gone += row["deleted_at"] is not None
            after = records[-1].key
            if len(lines) >= self.part_rows or self.time_left_s() < CUT_S:
                break
        facts = {"rows": str(len(lines)), "after": str(after), "source": str(was.source), "tombstones": str(gone)}
        return b"".join(lines), facts

    def _pages(self, source: Source, was: Progress) -> Iterator[Sequence[Record]]:
        most = min(PAGE, self.part_rows)
        after = was.after
        if was.mode is Mode.SNAPSHOT:
            while page := self.on.records.page(self.practice.id, source.resource, after=after, limit=most):
                after = page[-1].key
                yield page
            return
        keys = [one for one in self._changed(source, was) if after is None or one > after]
        for first in range(0, len(keys), most):
            some = keys[first : first + most]
            if page := self.on.records.get(self.practice.id, source.resource, some, dead=True):
                yield page

    def _changed(self, source: Source, was: Progress) -> list[int]:
        """Keys of the rows whose objects have changed, ascending."""
        where = (was.name, was.source)
        if where not in self.changed:
            assert was.since is not None
            assert was.until is not None
            found: set[int] = set()
            for page in self._stored(source.resource, was.since, was.until):
                found.update(one.key for one in page)
            for part, lead in source.parts.items():
                for page in self._stored(part, was.since, was.until):
                    found |= lead(self.shelf, page)
            self.changed[where] = sorted(found)
        return self.changed[where]

    def _stored(self, resource: str, since: datetime, until: datetime) -> Iterator[list[Record]]:
        """What was stored or buried from `since` to before `until`."""
        after: tuple[datetime, int] | None = None
        while True:
            page = self.on.records.changed(self.practice.id, resource, since - OVERLAP, after=after, limit=PAGE)
            if wanted := [one for one in page if one.changed_at < until]:
                yield wanted
            if len(page) < PAGE or len(wanted) < len(page):
                return
            after = (page[-1].changed_at, page[-1].key)

    def _save(self, progress: Progress) -> Progress:
        try:
            return self.on.exports.save(self.run.id, progress)
        except Superseded:
            # Another hand is at the same practice: it has done just this.
            stored = self.on.exports.progress(self.run.id, self.practice.id)
            return next(one for one in stored if one.name == progress.name)


def _file(key: str, rows: int, body: bytes) -> File:
    return File(key, rows, len(body), hashlib.sha256(body).hexdigest())


def _stage(
    run: ExportRun, practice_id: str, progress: Sequence[Progress], *, reason: str | None, on: ExportServices
) -> dict[str, Any]:
    """Put what the practice has of the run; what is there already counts."""
    objects = [_line(run, one) for one in progress if one.reason is None]
    state = "done" if objects else "failed"
    staged = {
        "run_id": run.id,
        "practice_id": practice_id,
        "state": state,
        "reason": reason or (None if objects else NOT_LOADED),
        "objects": objects,
        "left_out": {one.name: one.reason for one in progress if one.reason is not None},
    }
    key = layout.staged_key(run.id, practice_id)
    if not on.warehouse.put(key, json.dumps(staged, indent=1).encode()):
        there = on.warehouse.get(key)
        assert there is not None
        state = json.loads(there.body)["state"]
    return {"practice_id": practice_id, "done": True, "state": state}


def _staged(run: ExportRun, practice_id: str, on: ExportServices) -> Mapping[str, Any]:
    there = on.warehouse.get(layout.staged_key(run.id, practice_id))
    if there is None:
        return {"practice_id": practice_id, "state": "failed", "reason": DIED, "objects": [], "left_out": {}}
    return cast("Mapping[str, Any]", json.loads(there.body))


def _line(run: ExportRun, progress: Progress) -> dict[str, Any]:
    """One line of the manifest: ids, times, names of files and counts."""
    assert progress.until is not None
    return {
        "run_id": run.id,
        "run_at": instant_text(run.requested_at),
        "practice_id": progress.practice_id,
        "object": progress.name,
        "mode": progress.mode.value,
        "since_at": None if progress.since is None else progress.since.isoformat(),
        "until_at": progress.until.isoformat(),
        "whole_at": (progress.whole_at or progress.until).isoformat(),
        "base": progress.base,
        "schema": EXPORTED[progress.name].schema["version"],
        "rows": progress.rows,
        "tombstones": progress.tombstones,
        "bytes": sum(one.size_bytes for one in progress.files),
        "files": [
            {"key": one.key, "rows": one.rows, "bytes": one.size_bytes, "sha256": one.sha256} for one in progress.files
        ],
    }
