"""What the worker, the sweeper and the lane need beside the callers' ports, as contracts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from gateway.core.audit import Audit
from gateway.core.drift.known import Drifts
from gateway.core.events.facts import Facts
from gateway.core.events.ports import EventLog
from gateway.core.health.fleet import Fleet
from gateway.core.ledger import Entry
from gateway.core.mirror.records import Records
from gateway.core.mirror.syncing import SyncStates
from gateway.core.operations import OperationState
from gateway.core.pacing import Minute, PaceItem
from gateway.core.ports import Cache, Callers, Calls, Clock, Drop, Holds, Practices, Signer, Upstream, Vault
from gateway.core.rotation.records import Rotations

T = TypeVar("T")


class Superseded(Exception):
    """Somebody changed the entry since it was loaded: what was derived from it is void."""


@dataclass(frozen=True, slots=True)
class Open:
    """An operation that has not settled, as the sweeper sees it."""

    operation_id: str
    practice_id: str
    state: OperationState
    due_at: datetime
    parked: bool = False


class Ledger(Protocol):
    """The ledger as the worker sees it: entries are replaced as wholes, and only if nobody else changed them."""

    def load(self, operation_id: str) -> Entry:
        """All that is kept of the operation, strongly consistent.

        Raises:
            NotFound: there is none, or it has expired.
        """
        ...

    def save(self, entry: Entry, *, was: Entry) -> Entry:
        """Store what is different in `entry`, in one transaction, if it still is as `was` was loaded or saved.

        Returns it with its new `rev`. The journal may have grown, or have been cut where a save once ended it. `was`
        stays good for nothing afterwards.

        Raises:
            Superseded: somebody changed it; nothing was stored.
        """
        ...

    def renew(self, operation_id: str) -> None:
        """Write again what of the operation lies in a store that forgets; nothing of the operation changes."""
        ...

    def list_open(self, *, limit: int) -> list[Open]:
        """Operations that have not settled, the longest due first; an eventually consistent index."""
        ...

    def unsettled(self, practice_id: str) -> list[str]:
        """Ids of the practice's operations in state UNKNOWN, strongly consistent."""
        ...

    def taken(self, practice_id: str, operation: str, keys: frozenset[int], *, by: str) -> frozenset[int]:
        """Those of `keys` that `claim` gave to another operation than `by`."""
        ...

    def claim(self, practice_id: str, operation: str, key: int, *, by: str) -> bool:
        """Note that operation `by` wrote the row `key` by the catalogue's `operation`; False: another one did."""
        ...


class PaceStore(Protocol):
    """The pace items as the worker sees them."""

    def update(self, practice_id: str, rule: Callable[[PaceItem], tuple[PaceItem, T]]) -> T:
        """Apply a pure rule to the item, atomically; returns what the rule returned.

        The rule may be applied again on a newer item when somebody was faster. What it raises comes through, and
        then nothing is stored. Counters and the kill switch are no part of what a rule changes.
        """
        ...

    def load(self, practice_id: str) -> PaceItem:
        """The item, strongly consistent; a first one if there is none."""
        ...

    def count(self, practice_id: str, *, waiting: int = 0, parked: int = 0) -> None:
        """Add to the counters; they never fall below zero."""
        ...

    def recount(self, practice_id: str, *, waiting: int, parked: int, was: PaceItem) -> None:
        """Set the counters to what the sweeper found, if they still are as in `was`."""
        ...

    def doubt(self, practice_id: str) -> None:
        """Note that the practice's counters may be off, so that the next sweep compares them with the ledger."""
        ...

    def doubted(self, *, limit: int) -> list[str]:
        """Practices that were noted by `doubt` in the last hour and not trusted since."""
        ...

    def trust(self, practice_id: str) -> None:
        """Take the doubt back; nothing happens if there is none."""
        ...

    def due(self, now: datetime, *, within_s: float, limit: int, part: tuple[int, int] = (0, 1)) -> list[str]:
        """Practices whose background work or probe is due within so many seconds; an eventually consistent index.

        `part` (i, n): of n parts of about the same size the i-th only, from 0; each practice is in one of them.
        """
        ...


class Governor(Protocol):
    """Counts of the whole deployment, one for each minute."""

    def count(self, now: datetime, *, calls: int, refused: int) -> None:
        """Add to the present minute."""
        ...

    def minute(self, now: datetime) -> Minute:
        """What all practices together have called in the last minute (`pacing.last_minute`)."""
        ...


class Tick(NamedTuple):
    """A background turn to come."""

    practice_id: str
    delay_s: int
    attempt: int
    network: str | None = None
    """On whose queue it is wanted; None: of the way that the practice was connected by."""


class Ticks(Protocol):
    """A queue with a delay for each message: how background turns are spread over the coming minute."""

    def put(self, ticks: Sequence[Tick]) -> None:
        """Have the practices' background turns put on the calls queue, each in its 0 to 900 seconds.

        Raises: Unavailable: some of them may have been taken.
        """
        ...


class Notices(Protocol):
    """What operators have to know of a practice."""

    def note(self, practice_id: str, what: str, at: datetime) -> None:
        """Keep a notice (`key-refused`, `ambiguous-write`, ...); it holds no health data and no key."""
        ...


class WorkerServices(Protocol):
    """All ports, as the engine gets them (`on`)."""

    @property
    def network(self) -> str | None:
        """From where this process calls offices; None: from everywhere."""
        ...

    @property
    def clock(self) -> Clock: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def callers(self) -> Callers: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def pace(self) -> PaceStore: ...
    @property
    def upstream(self) -> Upstream: ...
    @property
    def cache(self) -> Cache: ...
    @property
    def practices(self) -> Practices: ...
    @property
    def rotations(self) -> Rotations: ...
    @property
    def records(self) -> Records: ...
    @property
    def syncs(self) -> SyncStates: ...
    @property
    def holds(self) -> Holds: ...
    @property
    def vault(self) -> Vault: ...
    @property
    def signer(self) -> Signer: ...
    @property
    def governor(self) -> Governor: ...
    @property
    def notices(self) -> Notices: ...
    @property
    def fleet(self) -> Fleet: ...
    @property
    def facts(self) -> Facts: ...
    @property
    def drifts(self) -> Drifts: ...
    @property
    def event_log(self) -> EventLog: ...
    @property
    def calls(self) -> Calls:
        """Only the sweeper and the tick function have it: the worker never sends to a queue of its own chain."""
        ...

    @property
    def ticks(self) -> Ticks:
        """Only the lane has it."""
        ...

    @property
    def drop(self) -> Drop | None:
        """Only the sweeper has it, and only where the stage has an SFTP server of its own."""
        ...
