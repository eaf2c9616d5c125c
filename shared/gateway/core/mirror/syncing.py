"""How far a practice's mirror is: what is complete as of when, what comes next; and the port that keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


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
    """A full reading of one resource, on its way. It can be continued from here by anybody, at any later time.

    `offset`: rows read so far of the present part. `part`: which list of several (`future`, `past`, `all`). `edge`:
    identities of the last rows of the page before, by which the next one must begin (pages overlap). `started_at` and
    `clock`: our clock and Open Dental's when its first page was asked for. `seen`: how many rows. `purpose`: `load` or
    `sweep`.
    """

    purpose: str
    part: str
    offset: int
    started_at: datetime
    clock: str | None = None
    edge: tuple[int, ...] = ()
    seen: int = 0
    pages: int = 0
    repeats: int = 0


@dataclass(frozen=True, slots=True)
class ResourceSync:
    """One resource of one practice.

    `as_of`: whatever was stored at Open Dental by then is in the mirror, but for edits that move no stamp and
    deletions, which `swept_at` is for (UTC, ours). `cursor`: Open Dental's clock, as text, up to which the feed was
    read. `due_at`: when it is polled or swept next. `trouble`: why it is not younger (`{code, since}`), no text.
    """

    resource: str
    phase: Phase = Phase.NONE
    as_of: datetime | None = None
    swept_at: datetime | None = None
    cursor: str | None = None
    rows: int = 0
    calls: int = 0
    running: Pass | None = None
    due_at: datetime | None = None
    sweep_due_at: datetime | None = None
    suspects: tuple[int, ...] = ()
    trouble: str | None = None
    trouble_since: datetime | None = None
    rev: int = 0


@dataclass(frozen=True, slots=True)
class PracticeSync:
    """The whole of one practice. `epoch` rises when its database falls back. `server_offset_s`: its server's clock
    less ours; used for stamps and cursors only. `started_at`: when the first load began.
    """

    practice_id: str
    wanted: Wanted = Wanted.OFF
    epoch: int = 1
    server_offset_s: float | None = None
    server_clock_at: datetime | None = None
    highest: str | None = None
    """The latest server clock seen, as text: one that falls far behind it is a restored backup."""
    started_at: datetime | None = None
    changed_at: datetime | None = None
    rev: int = 0
    resources: dict[str, ResourceSync] = field(default_factory=dict)
    touched: Mapping[str, datetime] = field(default_factory=dict)
    """When an own write may last have changed rows that it did not read back, by `effects.mark`."""
    touched_floor: datetime | None = None
    """Marks that are as old as this, or older, have been dropped: until then anything may have been touched."""


class Superseded(Exception):
    """Somebody stored a newer state meanwhile; read it again."""


class SyncStates(Protocol):
    """Where the states are kept: one item a practice, one a resource."""

    def load(self, practice_id: str) -> PracticeSync:
        """All of it, strongly consistent; a first one (`off`) where there is none."""
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
        `touched_floor` is then no earlier than any of those. Changes no `rev`.
        """
        ...

    def forget(self, practice_id: str) -> None:
        """Erase the resources' states; the practice's own stays."""
        ...
