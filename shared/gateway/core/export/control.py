"""What an operator's client does with exports: ask for one, look how far it is, see what files it has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gateway.core.access import EXPORTS, allow, allow_client
from gateway.core.callers import Caller, Verb
from gateway.core.errors import Conflict, Invalid, KeyReused, NotFound
from gateway.core.export import layout
from gateway.core.export.exported import EXPORTED
from gateway.core.export.runs import AnotherRuns, ExportRun, Mode, Progress, State, place_of
from gateway.core.export.stepping import MOST_PRACTICES
from gateway.core.hashing import canonical_hash
from gateway.core.ids import id_from, is_id
from gateway.core.inputs import broken_rule
from gateway.core.ports import Services
from gateway.core.walltime import instant_text, optional_instant_text

MACHINE: Final = "export"
"""The workflow that does what a run asks for."""

Id = Annotated[str, StringConstraints(min_length=5, max_length=64)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=40)]


class ExportInput(BaseModel):
    """The body of `POST /exports`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    practice_ids: Literal["all"] | Annotated[list[Id], Field(min_length=1, max_length=MOST_PRACTICES)]
    """`all`: every practice of the client."""
    mode: Literal["incremental", "snapshot"] = "incremental"
    """What has changed since the last export that was published, or everything. What was never exported comes whole."""
    objects: Annotated[list[Name], Field(min_length=1, max_length=50)] | None = None
    """Without it all that are exported."""

    @model_validator(mode="after")
    def _are_exported(self) -> Self:
        if not set(self.objects or ()) <= EXPORTED.keys():
            raise broken_rule("objects", f"takes {', '.join(EXPORTED)}")
        return self


class ExportsQuery(BaseModel):
    """What `GET /exports` takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    """`next_cursor` of the page before."""


class Started(NamedTuple):
    """A run as who asked for it sees it. `is_replayed`: a request of the same key had asked for it before."""

    run: Mapping[str, Any]
    is_replayed: bool


def start_export(wanted: ExportInput, *, caller: Caller, key: str, on: Services) -> Started:
    """Have practices exported: scope `exports:write`. A repeat with the same key is the same run, as it stands now.

    From then on every scheduled run has these practices.

    Raises:
        ScopeMissing. NotFound: a practice is not the caller's. Conflict: another run is under way.
        KeyReused: the key was used for another request. Unavailable: nothing was started; send it again.
    """
    allow_client(caller, EXPORTS, Verb.WRITE)
    practices = _practices(wanted, caller, on)
    run = ExportRun(
        id=id_from("export", on.signer.fingerprint(f"export {caller.id} {key}")),
        mode=Mode(wanted.mode),
        practices=practices,
        objects=tuple(name for name in EXPORTED if wanted.objects is None or name in wanted.objects),
        made_by=caller.id,
        requested_at=on.clock.now(),
        body_hash=canonical_hash(wanted.model_dump(mode="json")),
    )
    try:
        made = on.exports.make(run)
    except AnotherRuns as other:
        known = other.run_id if _sees(caller, on.exports.get(other.run_id)) else None
        raise Conflict("another export is under way: one runs at a time", **_named(known)) from None
    if made.body_hash != run.body_hash:
        raise KeyReused("this Idempotency-Key belongs to another request", param="Idempotency-Key")
    if made.state is State.RUNNING:
        # Also of a repeat: whoever was first may have died between the two.
        on.exports.keep_up(made.practices)
        on.machines.start(MACHINE, name=made.id, input_={"run_id": made.id})
    return Started(_shown(made), is_replayed=made is not run)


def list_exports(query: ExportsQuery, *, caller: Caller, on: Services) -> dict[str, Any]:
    """The runs all of whose practices are the caller's, the youngest first: scope `exports:read`.

    Raises: ScopeMissing. Invalid: the cursor is none of this list.
    """
    allow_client(caller, EXPORTS, Verb.READ)
    before = None
    if query.cursor is not None:
        if not is_id(query.cursor, "export"):
            raise Invalid("send next_cursor of the page before, as it came", param="cursor")
        before = place_of(_seen(query.cursor, caller, on))
    found: list[ExportRun] = []
    while len(found) <= query.limit:
        page = on.exports.page(before=before, limit=100)
        found += [one for one in page if _sees(caller, one)]
        if len(page) < 100:
            break
        before = place_of(page[-1])
    shown, has_more = found[: query.limit], len(found) > query.limit
    return {
        "data": [_shown(one) for one in shown],
        "has_more": has_more,
        "next_cursor": shown[-1].id if has_more else None,
    }


def get_export(run_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """One run with how far each practice is: scope `exports:read`. Raises: ScopeMissing, NotFound."""
    allow_client(caller, EXPORTS, Verb.READ)
    run = _seen(run_id, caller, on)
    by_practice: dict[str, list[Progress]] = {one: [] for one in run.practices}
    for one in on.exports.progress(run.id):
        by_practice[one.practice_id].append(one)
    return _shown(run) | {
        "practices": [_practice(run, one, progress, on) for one, progress in sorted(by_practice.items())]
    }


def list_files(run_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """The names of all files of a published run, as its manifest has them: scope `exports:read`.

    Raises: ScopeMissing, NotFound. Conflict: the run is not published.
    """
    allow_client(caller, EXPORTS, Verb.READ)
    run = _seen(run_id, caller, on)
    manifest = on.warehouse.get(layout.published_key(run.id)) if run.state is State.PUBLISHED else None
    if manifest is None:
        raise Conflict("this export is not published", state=run.state.value)
    lines = [json.loads(line) for line in manifest.body.splitlines()]
    return {
        "export_id": run.id,
        "manifest": layout.published_key(run.id),
        "sha256": hashlib.sha256(manifest.body).hexdigest(),
        "data": [
            {"practice_id": line["practice_id"], "object": line["object"], **file}
            for line in lines
            for file in line["files"]
        ],
    }


def _practices(wanted: ExportInput, caller: Caller, on: Services) -> tuple[str, ...]:
    ids = caller.client.practices if wanted.practice_ids == "all" else set(wanted.practice_ids)
    if not ids:
        raise NotFound("no such practice", param="practice_ids")
    if wanted.practice_ids != "all":
        for one in sorted(ids):
            # A practice without an agreement fails by itself, and is not the others' matter.
            try:
                allow(caller, one, EXPORTS, Verb.WRITE, on=on, protected=False)
            except NotFound:
                raise NotFound("no such practice", param="practice_ids") from None
    return tuple(sorted(ids))


def _sees(caller: Caller, run: ExportRun) -> bool:
    return caller.client.practices.issuperset(run.practices)


def _seen(run_id: str, caller: Caller, on: Services) -> ExportRun:
    if not is_id(run_id, "export"):
        raise NotFound("no such export")
    run = on.exports.get(run_id)
    if not _sees(caller, run):
        raise NotFound("no such export")
    return run


def _named(run_id: str | None) -> dict[str, Any]:
    return {} if run_id is None else {"export_id": run_id}


def _shown(run: ExportRun) -> dict[str, Any]:
    return {
        "id": run.id,
        "mode": run.mode.value,
        "objects": list(run.objects),
        "practice_ids": list(run.practices),
        "state": run.state.value,
        "requested_at": instant_text(run.requested_at),
        "until": instant_text(run.until),
        "ended_at": optional_instant_text(run.ended_at),
        "manifest": layout.published_key(run.id) if run.state is State.PUBLISHED else None,
    }


def _practice(run: ExportRun, practice_id: str, progress: list[Progress], on: Services) -> dict[str, Any]:
    there = on.warehouse.get(layout.staged_key(run.id, practice_id))
    staged = None if there is None else json.loads(there.body)
    waiting = "running" if run.state is State.RUNNING else "failed"
    return {
        "practice_id": practice_id,
        "state": waiting if staged is None else staged["state"],
        "reason": None if staged is None else staged["reason"],
        "objects": [
            {
                "object": one.name,
                "state": "left_out" if one.reason else "done" if one.is_done else "running",
                "reason": one.reason,
                "mode": one.mode.value,
                "rows": one.rows,
                "tombstones": one.tombstones,
                "files": len(one.files),
                "bytes": sum(file.size_bytes for file in one.files),
            }
            for one in progress
        ],
    }
