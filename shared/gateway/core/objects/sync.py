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
    """A full reading that is on its way. `percent` is of `rows_expected`: what the last one found, or for a load what a
    query counted or the highest key lets expect; null where nobody knows, because Open Dental does not count its rows
    for anybody."""

    purpose: Literal["load", "sweep", "check"]
    """`check` is a sweep that compares checksums."""
    part: str
    rows: int
    pages: int
    started_at: Instant
    percent: int | None
    rows_expected: int | None


class SyncIncident(Part):
    """Something that befell the mirror. `since`: when all was still well. `healed_at`: when everything was young again,
    null until then."""

    code: str
    """`silence`, `paused`, `server-clock-back`, `backup-restored`, `database-moved`, `gateway-restored` or
    `machines-silent`."""
    explanation: str | None
    since: Instant | None
    noticed_at: Instant
    resources_read_again: int
    healed_at: Instant | None


class ResourceSyncView(Part):
    """One resource. What was stored at the office by `as_of` is in the mirror, but for deletions and for edits that
    leave no trace, for which `deletions_as_of` stands. `fresh_at`: when a stale one is expected to be young again, null
    where that cannot be said or depends on somebody."""

    resource: str
    """The vendor's name of it, as under `/resources`."""
    phase: Literal["none", "loading", "loaded", "not_offered", "erasing"]
    """`not_offered`: there is no complete copy of it, and none is made; `why` says why."""
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
    """The office's server clock. `agrees`: whether it is right, by the practice's `time_zone`."""

    server_offset_seconds: int | None
    """Its wall clock less UTC by ours: its zone and its error together."""
    measured_at: Instant | None
    agrees: bool | None
    server_utc_offset_seconds: int | None
    """The zone it goes by, where it says so (Open Dental 22.2.14); asked once a day."""
    skew_seconds: int | None
    """How far it is ahead of the right time in that zone."""
    explanation: str | None


class SyncPace(Part):
    """How fast the practice may be called, and what stands in the way."""

    interval_seconds: float
    waiting: int
    offline: bool
    key_refused: bool
    stopped: bool
    failing: bool
    trouble_since: Instant | None
    """Since when it is offline, its key refused, or its answers make no sense."""
    tried_again_at: Instant | None


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


class NativeTable(Part):
    """One table of Open Dental that can tell by itself what changes. `sign_of_life_at`: when a machine was last seen to
    look for changes of it, which it does though there are none; looked for each quarter of an hour, at night each hour.
    `is_healthy`: null where that is not known yet. `failures`: how often in a row a machine did not get through, and
    `failed_with` the status it says it was answered, both from Open Dental 26.1 on. `offered_since`: the first version
    that has the table."""

    table: str
    resource: str
    state: Literal["subscribed", "waiting", "refused", "not_offered", "off"]
    is_healthy: bool | None
    why: str | None
    explanation: str | None
    since: Instant | None
    sign_of_life_at: Instant | None
    failures: int
    failed_with: int | None
    offered_since: str


class NativeEvents(Part):
    """What the practice's machines are asked to tell by themselves. Feeds go on beside it: without it changes are
    noticed later, and none is lost. `address`: where the API is called for it, without the secret part.
    `workstation`: the machine that tells; null for all of them. `ended_at`: when nothing was left subscribed."""

    state: Literal["on", "off"]
    """What an operator wants."""
    phase: Literal["off", "ending", "blocked", "starting", "impaired", "working"]
    why: str | None
    """A code; `explanation` says it for people."""
    explanation: str | None
    since: Instant | None
    address: str | None
    workstation: str | None
    changed_at: Instant | None
    checked_at: Instant | None
    next_check_at: Instant | None
    ended_at: Instant | None
    tables: list[NativeTable]


class SyncErasure(Part):
    """How much of a mirror that was turned off is still to be erased."""

    rows_left: int
    """At most: a resource is counted until the last of its rows is gone."""
    begins_at: Instant | None
    """Null once it has begun; until then turning it on again goes on with what is here."""


class SyncView(Part):
    """The mirror of one practice."""

    practice_id: PracticeId
    state: Literal["off", "on", "paused"]
    """What an operator wants."""
    phase: Literal["off", "erasing", "loading", "incomplete", "complete"]
    """`incomplete`: paused before all of it was loaded."""
    why: str | None
    """What keeps all of it, or some of it, from being young: a code; null where all is well."""
    explanation: str | None
    """The same, for people."""
    since: Instant | None
    fresh_at: Instant | None
    """When all of it is expected to be young; null where that cannot be said, or depends on somebody."""
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
    percent_of_rows: int | None
    """Of all rows while some are being loaded, estimated; null where the size of something is not known."""
    pages_per_minute: float | None
    """At which pages of a load come, while the practice can be worked on."""
    eta_at: Instant | None
    """When the load will be done at this pace; null where nobody can say."""
    eta_seconds: int | None
    not_before: Instant | None
    """Before when it will not be done, by what is known."""
    of_unknown_size: list[str]
    """What is still to be loaded and nobody knows the size of."""
    stale: list[str]
    not_offered: list[str]
    """What no complete copy is made of; each says why."""
    erasing: SyncErasure | None
    clock: SyncClock
    incidents: list[SyncIncident]
    """The last few, the youngest first."""
    queries: SyncQueries
    native_events: NativeEvents
    pace: SyncPace
    resources: list[ResourceSyncView]
