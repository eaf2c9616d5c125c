"""How far a practice's mirror is, as `GET /practices/{id}/sync` shows it."""

from __future__ import annotations

from typing import Literal

from gateway.core.objects.values import Instant, Part, PracticeId


class SyncTrouble(Part):
    """What went wrong last, and since when. `explanation` says the code for people."""

    code: str
    since: Instant | None
    explanation: str | None


class SyncProgress(Part):
    """A full reading that is on its way. `percent` is of what the last one found; null for a first load, because Open
    Dental does not count its rows for anybody, but where it goes patient by patient, who are counted by query."""

    purpose: Literal["load", "sweep", "check"]
    """`check` is a sweep that compares checksums."""
    part: str
    rows: int
    pages: int
    started_at: Instant
    percent: int | None


class ResourceSyncView(Part):
    """One resource. What was stored at the office by `as_of` is in the mirror, but for deletions and for edits that
    leave no trace, for which `deletions_as_of` stands. `fresh_at`: when a stale one is expected to be young again, null
    where that cannot be said or depends on somebody."""

    resource: str
    """The vendor's name of it, as under `/resources`."""
    phase: Literal["none", "loading", "loaded", "not_offered"]
    rows: int
    upstream_calls: int
    as_of: Instant | None
    age_seconds: int | None
    deletions_as_of: Instant | None
    followed_by: Literal["query", "stamp", "parent", "sweep"]
    """How changes are noticed now: by queries of the tables' stamps, by the list's filter for the rows' stamps, by the
    rows they belong to, by full readings only."""
    is_stale: bool
    why: str | None
    """A code; `explanation` says it for people."""
    explanation: str | None
    fresh_at: Instant | None
    due_at: Instant | None
    sweep_due_at: Instant | None
    trouble: SyncTrouble | None
    progress: SyncProgress | None


class SyncClock(Part):
    """The office's server clock less ours. `agrees`: whether it goes by the practice's `time_zone`."""

    server_offset_seconds: int | None
    measured_at: Instant | None
    agrees: bool | None
    explanation: str | None


class SyncPace(Part):
    """How fast the practice may be called, and what stands in the way."""

    interval_seconds: float
    waiting: int
    offline: bool
    key_refused: bool
    stopped: bool


class SyncQueries(Part):
    """Whether the mirror asks for changes by SQL, which the office's audit trail keeps. `allowed`: whether the
    practice's key has the permission. `not_askable`: what the office's database does not answer for, so that the lists'
    filters follow it."""

    state: Literal["on", "off"]
    """What an operator wants."""
    allowed: bool
    in_use: bool
    asked_at: Instant | None
    next_at: Instant | None
    upstream_calls: int
    trouble: str | None
    """A code; `explanation` says it for people."""
    explanation: str | None
    not_askable: list[str]
    tried_again_at: Instant | None


class SyncView(Part):
    """The mirror of one practice."""

    practice_id: PracticeId
    state: Literal["off", "on", "paused"]
    """What an operator wants."""
    phase: Literal["off", "loading", "complete"]
    started_at: Instant | None
    changed_at: Instant | None
    epoch: int
    """Rises when the office's database falls back to an older state; everything is read anew then."""
    rows: int
    upstream_calls: int
    resources_loaded: int
    resources_offered: int
    percent: int | None
    """Of the resources that this practice's key and version offer."""
    stale: list[str]
    clock: SyncClock
    queries: SyncQueries
    pace: SyncPace
    resources: list[ResourceSyncView]
