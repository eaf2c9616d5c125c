"""How far a practice's mirror is: what is complete as of when, what comes next; and the port that keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple, Protocol


class Wanted(StrEnum):
    """What the operator wants of a practice's mirror."""

    OFF = "off"
    """Nothing is mirrored; every read goes to Open Dental. What was kept is erased."""
    ON = "on"
    PAUSED = "paused"
    """What is there stays and grows old; reads say how old, and go to Open Dental where that is too old."""


class Phase(StrEnum):
    """How far one resource is."""

    NONE = "none"
    LOADING = "loading"
    LOADED = "loaded"
    NOT_OFFERED = "not_offered"
    """The key lacks the permission, the version has no list of it, or only its parents can be asked."""


@dataclass(frozen=True, slots=True)
class Pass:
    """A reading of one list to its end, on its way. It can be continued from here by anybody, at any later time.

    `purpose`: `load`, `sweep`, `check` (a sweep by sums) or `feed`. `part`: which of the lists that make up the
    resource (`passes.parts`).
    `offset`: how many rows of the part were read, as the server counts them. `started_at` and `clock`: our clock and
    Open Dental's when the very first page was asked for. `seen`: how many different rows, of all parts.
    """

    purpose: str
    part: str
    offset: int
    started_at: datetime
    clock: str | None = None
    edge: tuple[int | str, ...] = ()
    """The place of the last row so far, by which the next page must begin (pages overlap); where the list is in no
    order, the keys of the last few rows."""
    seen: int = 0
    pages: int = 0
    repeats: int = 0
    """Pages that were read to get back to the edge, or brought nothing new."""
    stalled: int = 0
    """How many of those there were in a row."""
    ordered: bool = True
    """Whether all rows so far came in the order that the list should have."""
    is_blind: bool = False
    """Whether some part took several pages in no order, so that nobody can say what is missing from it."""
    limit: int = 0
    """Rows of a page where fewer than usual must be asked for; 0: as many as the practice allows."""
    missing: tuple[int, ...] = ()
    """Keys that the mirror has and the list did not show where they should be."""
    before: tuple[int, ...] | None = None
    """`missing` of the pass before, which this one repeats; None where it repeats none."""
    settled: tuple[int, ...] = ()
    """Keys that a sweep by sums has read again: whatever their sums say, the mirror has them as they are."""
    odd: int = 0
    """How many of those were the same as before, so that their sums should have agreed."""
    is_cut: bool = False
    """Whether more was missing than one pass remembers, so that the next one has to find the rest."""
    of_all: int = 0
    """Parents that have any rows, where a resource is read parent by parent; `offset` counts those that were read."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a probe showed of a table: two that are equal are one state of it, but for edits that move no stamp.

    `since`: the stamp that changes are counted from, `changed`: how many rows have it or a later one, `seconds`: the
    sum of how much later. `total`, `highest`, `latest`: of all rows.
    """

    since: str
    total: int
    changed: int
    seconds: int
    highest: int
    latest: str | None


@dataclass(frozen=True, slots=True)
class Probed:
    """A table's row of a probe that was sent `at`. `newer`: keys above the highest that was known. `clock`: the
    server's, as text.
    """

    shown: Shown
    newer: int
    clock: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Followed:
    """How far a resource is followed by queries.

    `shown`: what was shown when its changes were last looked for; `is_settled`: whether no later change can look the
    same. `at`: as of then nothing is missing from the mirror but `reads`: what is to be asked for (a column and its
    value; the key's own for a single row). `handled`: changes since `shown.since` that are in the mirror or in
    `reads`, by key and stamp. `owed_at`: a whole reading that began no earlier is missing besides.
    """

    shown: Shown | None = None
    is_settled: bool = False
    at: datetime | None = None
    reads: tuple[tuple[str, int], ...] = ()
    handled: tuple[tuple[int, str], ...] = ()
    owed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Probing:
    """How a practice's changes are asked for by query.

    `at`: when the last one was sent. `settled`: by resource, as of when a probe last showed it unchanged; that is its
    `as_of` where it is later. `changed`: what it showed of the others, to be brought in (until their `followed.at`).
    `due_at`: the next probe, `all_due_at`: the next one of what is seldom changed. `most`: so many tables at most in
    one statement (0: all), because more were refused or took too long, until `most_until`. `not_askable`: resources
    that the office's database does not answer for, and until when they are left out. `refused_until`: when queries are
    tried again, `trouble`: why they are not. `failures`: in a row.
    """

    at: datetime | None = None
    due_at: datetime | None = None
    all_due_at: datetime | None = None
    settled: Mapping[str, datetime] = field(default_factory=dict)
    changed: Mapping[str, Probed] = field(default_factory=dict)
    most: int = 0
    most_until: datetime | None = None
    not_askable: Mapping[str, datetime] = field(default_factory=dict)
    refused_until: datetime | None = None
    trouble: str | None = None
    failures: int = 0
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """One table that the practice's machines are asked to tell of: its subscription as it was last seen there.

    `number`: SubscriptionNum. `start`: DateTimeStart as text of the office's wall clock, `moved_at`: when it was last
    seen to be another than before, by our clock; before that, when it was made or first seen (`has_moved` tells).
    `failures`: in a row, and `status` the answer that the office says it got, where it says one; the rest of its words
    is not kept, because they may hold the address. `trouble`: a code that says why it tells nothing.
    """

    number: int
    start: str | None = None
    moved_at: datetime | None = None
    has_moved: bool = False
    failures: int = 0
    failed_at: str | None = None
    retry_at: str | None = None
    status: int | None = None
    trouble: str | None = None
    trouble_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Native:
    """What a practice's machines are asked to tell by themselves.

    `base_url`: the API's own address, which their calls go to; None: they were never asked, or it is ended. `former`:
    addresses that it had before, until what was subscribed for them is ended. `workstation`: the machine that tells,
    None: every one. `cared_at`: when it was last compared with what is subscribed, `due_at`: when it is next. `tables`:
    by WatchTable, what is subscribed. `version`: Open Dental's when they were compared last: an update changes what can
    be told, and how it is asked for. `refused`: tables that the office did not take, and until when they are
    left out. `trouble`: a code that says why nothing is cared for. `failures`: of care, in a row.
    """

    wanted: bool = False
    base_url: str | None = None
    workstation: str | None = None
    former: tuple[str, ...] = ()
    changed_at: datetime | None = None
    cared_at: datetime | None = None
    due_at: datetime | None = None
    ended_at: datetime | None = None
    tables: Mapping[str, Told] = field(default_factory=dict)
    refused: Mapping[str, datetime] = field(default_factory=dict)
    trouble: str | None = None
    trouble_since: datetime | None = None
    failures: int = 0
    version: str | None = None
    silence_told_at: datetime | None = None
    """When an operator was told that nothing comes any more, until something does."""


class ServerZone(NamedTuple):
    """What the office's server said of its own zone: its offset from UTC and how wrong its clock is besides, in whole
    seconds; None where it says nothing of it."""

    offset_s: int | None
    skew_s: int | None
    measured_at: datetime


class Unlisted(NamedTuple):
    """How far it was asked for what no mirrored row tells (`unlisted`)."""

    cursor: str | None = None
    """The server's clock up to which merges and forms were asked for."""
    due_at: datetime | None = None
    booked_at: datetime | None = None
    """Up to when new visits were looked at, by our clock."""
    booked_not_before: datetime | None = None
    booked_asked: tuple[int, ...] = ()
    """Of which visits it was asked at the last look: the index of changes shows some again."""


class Telling(NamedTuple):
    """How far a look for changes that were never told has come: up to the row of `resource` that was changed `at` and
    has this `key`. It is one for changes up to `until`."""

    until: datetime
    resource: str
    at: datetime
    key: int


class Incident(NamedTuple):
    """Something that befell a mirror. `since`: when all was still well; `resources`: what is read again because of it;
    `healed_at`: when all of it was young again."""

    code: str
    since: datetime | None
    noticed_at: datetime
    resources: tuple[str, ...]
    healed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ResourceSync:
    """One resource of one practice.

    `as_of`: whatever was stored at Open Dental by then is in the mirror, but for edits that move no stamp and
    deletions, which `swept_at` is for (UTC, ours). `cursor`: Open Dental's clock, as text, up to which the feed was
    read. `due_at`: when it is polled next, `sweep_due_at`: when it is read as a whole next. `running`: the load or
    sweep on its way, `feed`: a reading of changes that takes several pages. `suspects`: rows that a complete list did
    not show, until it is known whether they are gone. `parents`: rows under these are to be read again.
    `highest`: the highest key ever seen. `moved_at`: when a poll last found a change. `failures`: how often in a row
    its calls failed, `not_before`: when they are tried again. `trouble`: a code that says why it is not younger.
    """

    resource: str
    phase: Phase = Phase.NONE
    as_of: datetime | None = None
    swept_at: datetime | None = None
    cursor: str | None = None
    rows: int = 0
    calls: int = 0
    running: Pass | None = None
    feed: Pass | None = None
    polled_at: datetime | None = None
    """When the last reading of changes that came to its end began."""
    due_at: datetime | None = None
    sweep_due_at: datetime | None = None
    suspects: tuple[int, ...] = ()
    parents: tuple[int, ...] = ()
    highest: int = 0
    moved_at: datetime | None = None
    failures: int = 0
    not_before: datetime | None = None
    trouble: str | None = None
    trouble_since: datetime | None = None
    load_pages: int = 0
    load_ms: int = 0
    paged_at: datetime | None = None
    """Pages of loads, how long they took while the practice could be worked on, and when the last one came."""
    expected: int | None = None
    """How many rows there are at the office, where that is known from elsewhere than reading them."""
    followed: Followed | None = None
    """How far it is followed by queries, where it ever was."""
    whole_at: datetime | None = None
    """When the last reading of all its rows began that came to its end; a sweep by sums is none."""
    strikes: int = 0
    """How often in a row a sweep by sums was given up because the sums did not agree with the rows."""
    rev: int = 0


@dataclass(frozen=True, slots=True)
class PracticeSync:
    """The whole of one practice. `epoch` rises when its database falls back. `server_offset_s`: its server's clock
    less ours; used for stamps and cursors only. `started_at`: since when rows may be kept, until they are erased.
    `queries`: whether the operator lets the office be asked by SQL, which its audit trail keeps.
    """

    practice_id: str
    wanted: Wanted = Wanted.OFF
    epoch: int = 1
    server_offset_s: float | None = None
    server_clock_at: datetime | None = None
    highest: str | None = None
    """The latest server clock seen, as text: one that falls far behind it is a restored backup."""
    pulse_at: datetime | None = None
    """When the server's clock and highest key were last looked at."""
    started_at: datetime | None = None
    changed_at: datetime | None = None
    rev: int = 0
    counted_at: datetime | None = None
    """When the office's rows were counted for a load."""
    zone: ServerZone | None = None
    sampled_at: datetime | None = None
    """When it was last looked whether this is the same database."""
    words_due_at: datetime | None = None
    """When the office's preferences are read next (`words`)."""
    recalls_told_on: date | None = None
    """The office's day up to which it was told whose recalls are due."""
    told_until: datetime | None = None
    """Up to when it was looked whether changes were told (`untold`)."""
    telling: Telling | None = None
    """Where such a look was cut off."""
    told_epoch: int = 0
    """The epoch of which it was told that all of the practice is here."""
    unlisted: Unlisted = field(default_factory=Unlisted)
    incidents: tuple[Incident, ...] = ()
    resources: dict[str, ResourceSync] = field(default_factory=dict)
    touched: Mapping[str, datetime] = field(default_factory=dict)
    """When an own write may last have changed rows that it did not read back, by `effects.mark`."""
    queries: bool = True
    probing: Probing = field(default_factory=Probing)
    native: Native = field(default_factory=Native)
    touched_floor: datetime | None = None
    """Marks that are as old as this, or older, have been dropped: until then anything may have been touched."""

    @property
    def is_kept(self) -> bool:
        """Whether rows may be kept of this practice, wanted or not."""
        return self.started_at is not None or bool(self.resources)

    @property
    def is_to_be_marked(self) -> bool:
        """Whether anybody may be answered, now or when it is turned on again, with rows that a write has changed."""
        return self.wanted is not Wanted.OFF or self.is_kept


def is_lifted(phase: Phase, as_of: datetime | None, at: datetime) -> bool:
    """Whether a resource is as young as the probe that showed it unchanged `at`: where all of it is here, and older."""
    return phase is Phase.LOADED and as_of is not None and as_of < at


def lifted(state: PracticeSync) -> PracticeSync:
    """The state, its resources as young as the last probe showed them: one save of the practice is all of theirs."""
    younger = {
        name: replace(of, as_of=at)
        for name, at in state.probing.settled.items()
        if (of := state.resources.get(name)) is not None and is_lifted(of.phase, of.as_of, at)
    }
    return replace(state, resources={**state.resources, **younger}) if younger else state


class Here(NamedTuple):
    """What an answer has to know of a resource; as `ResourceSync` has it."""

    phase: Phase
    as_of: datetime | None
    rows: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a mirror is, as far as an answer has to know: a small part of `PracticeSync`, and never saved."""

    wanted: Wanted
    epoch: int
    server_offset_s: float | None
    resources: Mapping[str, Here]
    touched: Mapping[str, datetime]
    touched_floor: datetime | None


def standing_of(state: PracticeSync) -> Standing:
    """What an answer has to know of `state`, which is `lifted`."""
    return Standing(
        wanted=state.wanted,
        epoch=state.epoch,
        server_offset_s=state.server_offset_s,
        resources={name: Here(of.phase, of.as_of, of.rows) for name, of in state.resources.items()},
        touched=state.touched,
        touched_floor=state.touched_floor,
    )


class Superseded(Exception):
    """Somebody stored a newer state meanwhile; read it again."""


class SyncStates(Protocol):
    """Where the states are kept: one item a practice, one a resource."""

    def load(self, practice_id: str) -> PracticeSync:
        """All of it, strongly consistent, and `lifted`; a first one (`off`) where there is none."""
        ...

    def standing(self, practice_id: str) -> Standing:
        """`standing_of` what `load` would return now, for a small part of the work; each answer asks this."""
        ...

    def save_practice(self, state: PracticeSync) -> PracticeSync:
        """Store what is the practice's own (`resources` aside) if `rev` is still the stored one; returns it with the
        new `rev`.

        Raises: Superseded.
        """
        ...

    def save(self, practice_id: str, state: ResourceSync) -> ResourceSync:
        """Store one resource's state if `rev` is still the stored one; returns it with the new `rev`.

        Raises: Superseded.
        """
        ...

    def touch(self, practice_id: str, marks: Iterable[str], at: datetime) -> None:
        """Note that an own write was sent at `at` which may have changed the rows of `marks` (`effects.mark`).

        The next `load` has them, with the latest time of each. The oldest may be dropped where there are many;
        `touched_floor` is then no earlier than any of those. Changes no `rev`; `save_practice`
        leaves both.
        """
        ...

    def forget(self, practice_id: str) -> None:
        """Erase the resources' states and what writes have touched; the practice's own stays."""
        ...
