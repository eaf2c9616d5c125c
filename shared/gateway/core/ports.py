"""What the core needs from outside, as contracts. Adapters fill them with AWS services, tests with fakes.

Each docstring is the contract: order, repeats, errors, what is left unchanged. One contract test runs over the fake
and the adapter and holds both to it. Any port may raise `Unavailable` when its service does not answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from gateway.core.callers import Client, Proof
from gateway.core.operations import Operation, Request, RowSet, Turn
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from gateway.core.practices import Practice, WayName

if TYPE_CHECKING:
    from gateway.core.audiences.records import Audiences
    from gateway.core.audit import Audit, AuditIndex
    from gateway.core.baa.records import Agreements
    from gateway.core.drift.known import Drifts
    from gateway.core.engagement.ports import Messages
    from gateway.core.events.facts import Facts
    from gateway.core.events.ports import EventLog
    from gateway.core.export.runs import Exports, Warehouse
    from gateway.core.groups.records import Groups
    from gateway.core.health.fleet import Fleet
    from gateway.core.intake.records import Intakes
    from gateway.core.mirror.records import Records
    from gateway.core.mirror.syncing import SyncStates
    from gateway.core.onboarding.records import Onboardings
    from gateway.core.reconciliation.ports import Reconciliations
    from gateway.core.removal.records import Removals
    from gateway.core.rotation.records import Rotations
    from gateway.core.slots.holds import Hold, Interval, Place
    from gateway.core.webhooks.ports import Sender, Webhooks
    from gateway.core.workflows.records import Machines, Runs


class Clock(Protocol):
    """Time, so that no rule reads it by itself."""

    def now(self) -> datetime:
        """The present moment, UTC, aware."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow, for measuring waits inside one invocation."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait inside this invocation."""
        ...


class Calls(Protocol):
    """Where turns wait for Open Dental, which answers one call of a practice at a time."""

    def put(self, turn: Turn, *, network: str) -> None:
        """Queue `turn` behind every earlier turn of its practice, on the queue of the practice's `network`.

        A turn names its operation and attempt, nothing else: the request lies in the ledger, because a queue is no
        place for health data. The same turn put again within 5 minutes changes nothing.

        Raises:
            Unavailable: the queue did not take it, or the stage has none for `network`; the ledger row stays QUEUED
                and is put again.
        """
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """What `Operations.open` found or made; `fresh` is False for a repeat of the key and for a twin."""

    operation: Operation
    fresh: bool


class Operations(Protocol):
    """The ledger as the API functions see it. (The worker's side is in `core.ledger`.)"""

    def open(self, request: Request, *, now: datetime) -> Opened:
        """Store `request` as a QUEUED operation, once.

        With an idempotency key: the key is claimed for (client, practice, key) in the same transaction; a repeat with
        an equal `body_hash` returns the first operation whatever its state, for 30 days. With a `cache_key` and no
        idempotency key: an equal fetch that has not settled is returned instead (in-flight twins are merged).

        Raises:
            KeyReused: the key was used with another body.
        """
        ...

    def withdraw(self, operation_id: str) -> None:
        """Forget an operation that was just opened and whose turn is refused: its key is free again.

        Nothing happens if a turn has begun it already.
        """
        ...

    def wake(self, operation_id: str, *, now: datetime) -> Operation | None:
        """Take the operation out of its park, as the sweeper does, if the time it was parked until is over.

        Returns it with the new attempt, whose turn the caller puts on the queue; None: it is not parked, not yet due,
        or somebody else was faster.
        """
        ...

    def get(self, operation_id: str) -> Operation:
        """The operation, strongly consistent.

        Raises:
            NotFound: there is none, or it has expired.
        """
        ...

    def unsettled(self, practice_id: str) -> list[str]:
        """Ids of the practice's operations in state UNKNOWN, strongly consistent."""
        ...


REFERENCE: Final = "reference:"
"""How cache keys begin under which an office's own set-up is kept: its words, preferences, codes; nothing of a person.

They are kept for a day instead of minutes, and an own write to the practice does not rule them out.
"""


class Cache(Protocol):
    """Short-lived copies of what fetches brought: whole answers, where the mirror has rows."""

    def get(self, practice_id: str, cache_key: str) -> RowSet | None:
        """The rows under `cache_key`, or None; also None for rows read before the practice's last own write, unless
        the key begins with `REFERENCE`. `operations.counts` says which count.
        """
        ...

    def put(self, practice_id: str, cache_key: str, rows: RowSet) -> None:
        """Keep `rows` for some minutes (a day under a `REFERENCE` key), replacing what is older.

        Rows older than those kept change nothing.
        """
        ...

    def wrote(self, practice_id: str, at: datetime) -> None:
        """Note an own write: rows read before `at` are served no more, so own writes are visible at once."""
        ...


@dataclass(frozen=True, slots=True)
class PaceView:
    """What callers are told of a practice's pace."""

    interval_s: float
    waiting: int
    next_free_at: datetime | None
    offline: bool
    key_refused: bool
    killed: bool
    parked: int = 0
    """How many of those that wait have no turn on a queue."""
    way: WayName = WayName.FIRST
    """By which way the practice is called, `way_since` when that was last changed, and from which `network`: None
    while it was never another than the practice's own."""
    way_since: datetime | None = None
    network: str | None = None
    switched_at: datetime | None = None
    switched_by: str | None = None
    """When and by which client calls were stopped, or allowed again; None: never."""
    trouble: str | None = None
    """Why calls of this practice are held back (`pacing.Trip`), also while one that tries again is due."""
    trouble_since: datetime | None = None
    tried_again_at: datetime | None = None
    refused_keys: frozenset[str] = frozenset()
    """Fingerprints of the keys that Open Dental refused when it was asked last."""

    def refuses(self, practice: Practice, fingerprint: str) -> bool:
        """Whether this key of the practice is known to be refused."""
        is_present = fingerprint == practice.key_fingerprint
        return fingerprint in self.refused_keys or (is_present and self.trouble == "key-refused")


class Paces(Protocol):
    """The pace items as the API functions see them."""

    def view(self, practice_id: str) -> PaceView:
        """How fast this practice may be called and who waits."""
        ...

    def join(self, practice_id: str, *, interactive: bool, now: datetime) -> int:
        """Count one more waiting turn and return how many wait now, this one included.

        Raises:
            QueueFull: 200 turns of the practice wait already; nothing was counted.
        """
        ...

    def count(self, practice_id: str, *, waiting: int = 0, parked: int = 0) -> None:
        """Add to the counters; they never fall below zero."""
        ...

    def switch(self, practice_id: str, *, killed: bool, by: str, at: datetime) -> None:
        """Stop all calls of the practice, or allow them again; nothing changes, nor who and when, where it is so."""
        ...

    def doubt(self, practice_id: str) -> None:
        """Note that the practice's counters may be off, so that the next sweep compares them with the ledger."""
        ...

    def try_again(self, practice_id: str, at: datetime) -> None:
        """Have a practice whose calls are held back be called as soon as may be; nothing where they are not."""
        ...

    def background_due(self, practice_id: str, at: datetime) -> None:
        """Have the practice's background work looked at by `at`, within a minute; nothing if that was so before."""
        ...


class Holds(Protocol):
    """Times that callers keep for some minutes. They bind callers of this gateway, nobody else."""

    def take(self, hold: Hold, *, now: datetime) -> Hold:
        """Keep the times of `hold`, all or none, and return it.

        Of rivals for one time exactly one gets it. A hold of the same id that was taken within 30 days is returned as
        it stands, whatever `hold` asks for, also one that is over.

        Raises:
            Clash: another live hold keeps a part of it; nothing was kept.
        """
        ...

    def get(self, hold_id: str) -> Hold:
        """The hold, also one that is over. Raises NotFound."""
        ...

    def release(self, hold_id: str, *, now: datetime) -> None:
        """Let its times go at once. Nothing happens if it is over or unknown."""
        ...

    def kept(self, practice_id: str, first: date, last: date, *, now: datetime) -> dict[Place, tuple[Interval, ...]]:
        """What live holds keep at `now` on the days from `first` to `last`, strongly consistent."""
        ...


class Upstream(Protocol):
    """Open Dental, one call at a time. The pace is not its business."""

    def send(self, practice: Practice, call: UpstreamCall, gate: Callable[[], None] | None = None) -> UpstreamAnswer:
        """Make one call with the practice's keys.

        `gate` is called when the connection stands and nothing has been sent; it waits for the call's slot, so that
        connecting costs no pace. It is not called if no connection comes about.

        Raises: the classes of `open_dental.errors`, unchanged; the engine decides what each one means.
        """
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """A practice's pair of keys. Has no repr on purpose."""

    developer: str
    customer: str


class Pair(StrEnum):
    """Which of a practice's pairs of keys. They differ by the customer key while one is being exchanged."""

    CURRENT = "current"
    NEXT = "next"
    FORMER = "former"


class Vault(Protocol):
    """Where keys lie: one secret a practice, and the developer's own key once for all of them."""

    def keys(self, practice_id: str, pair: Pair = Pair.CURRENT) -> Keys:
        """The current pair, the next one, or the one before. Raises NotFound if there is none."""
        ...

    def pending(self, practice_id: str) -> Keys:
        """The pair that is being verified. Raises NotFound if there is none."""
        ...

    def put_pending(self, practice_id: str, keys: Keys) -> None:
        """Keep a pair that is not verified yet; it disappears after 10 minutes unless promoted."""
        ...

    def promote(self, practice_id: str) -> None:
        """Make the pending pair the current one; the current one becomes the former.

        Raises:
            NotFound: nothing is pending, also because it was promoted before.
        """
        ...

    def drop_pending(self, practice_id: str) -> None:
        """Forget the pending pair; nothing happens if there is none."""
        ...

    def put_next(self, practice_id: str, customer: str) -> None:
        """Keep the customer key that is to follow, beside the current pair and with its developer key, until promoted
        or dropped; it replaces one that was kept before.

        Raises:
            NotFound: there is no current pair.
        """
        ...

    def promote_next(self, practice_id: str) -> None:
        """Make the next pair the current one; the current one becomes the former.

        Raises:
            NotFound: there is none, also because it was promoted before.
        """
        ...

    def drop_next(self, practice_id: str) -> None:
        """Forget the next pair; nothing happens if there is none."""
        ...

    def portal(self) -> str:
        """The developer's portal key, by which customer keys are made. Raises NotFound: the deployment has none."""
        ...

    def put_portal(self, key: str) -> None:
        """Keep the portal key, in place of one that was kept before."""
        ...


class Practices(Protocol):
    """The practices' records."""

    def get(self, practice_id: str) -> Practice:
        """The record, strongly consistent. Raises NotFound."""
        ...

    def put(self, practice: Practice) -> None:
        """Store or replace the record.

        An agreement that was recorded (`baa.records.Agreements`) stays as it is, whatever `practice.baa` says: who read
        the practice before it was recorded must not take it back.
        """
        ...

    def change(self, practice_id: str, rule: Callable[[Practice], Practice]) -> Practice:
        """Store what `rule` makes of the record, if nobody changed it meanwhile, else of the newer one; return it.

        Raises: NotFound. What the rule raises comes through, and then nothing is stored.
        """
        ...

    def by_fingerprint(self, fingerprint: str) -> str | None:
        """The id of the practice that a present or past customer key belongs to."""
        ...

    def claim_fingerprint(self, fingerprint: str, practice_id: str) -> str:
        """Tie the fingerprint to `practice_id` unless it is tied already; return the id it is tied to now."""
        ...

    def release_fingerprint(self, fingerprint: str, practice_id: str) -> None:
        """Undo a claim of `practice_id`, when its keys turned out to be wrong."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class FileLink:
    """Where one file can be had for a few minutes. Has no repr on purpose: whoever has the URL has the file."""

    url: str
    expires_at: datetime
    size_bytes: int


class Drop(Protocol):
    """The bucket behind the SFTP server of the stage's own, where Open Dental leaves files for us.

    Each delivery has a folder of its own, whose name nobody can guess. Nothing else in the bucket is ever touched.
    """

    def link(self, folder: str, name: str, *, content_type: str, save_as: str, now: datetime) -> FileLink | None:
        """A link to the file in `folder`, made now and kept nowhere; None: there is none.

        A file that was left there under another name than `name` gets that name first: offices name files after the
        patient. `save_as` is what a browser calls it.
        """
        ...

    def tidy(self, *, before: datetime) -> int:
        """Delete what was delivered before that moment; returns how many objects.

        Raises:
            Unavailable: something of it is still there.
        """
        ...


@dataclass(frozen=True, slots=True)
class Session:
    """A token of `POST /authenticate`, or an API key: who it stands for and until when."""

    client_id: str
    expires_at: datetime | None
    revoked_at: datetime | None = None
    is_key: bool = False
    """An API key lives until it is revoked by an operator or expires; `DELETE /session` ends sessions only."""
    created_at: datetime | None = None
    opened_by: str | None = None
    """The hash of the API key that a session was opened with, at first or second hand; it ends with that key. None: by
    a practice's two keys alone."""
    proof: Proof | None = None
    """The two keys that are its only right: it opens nothing once they are no longer good. None: it has another one."""


class Callers(Protocol):
    """Clients, their keys and sessions. Tokens are looked up by SHA-256; the token itself is stored nowhere."""

    def client(self, client_id: str) -> Client:
        """The client, strongly consistent. Raises NotFound."""
        ...

    def put_client(self, client: Client) -> None:
        """Store or replace a client."""
        ...

    def add_practice(self, client_id: str, practice_id: str) -> None:
        """Let the client touch one more practice; nothing happens if it may already.

        Raises:
            NotFound: there is no such client.
        """
        ...

    def session(self, token_hash: str) -> Session | None:
        """What the token stands for, by one strongly consistent read."""
        ...

    def put_session(self, token_hash: str, session: Session) -> None:
        """Keep a session or key under its hash."""
        ...

    def revoke(self, token_hash: str, at: datetime) -> None:
        """End it; acts on the next call. Nothing happens if it is unknown."""
        ...

    def note_use(self, token_hash: str, at: datetime) -> None:
        """Remember that a key was used, to the hour; whatever goes wrong, nothing is raised.

        A process writes once an hour and key at most, and nothing where another one was faster.
        """
        ...

    def count_request(self, client_id: str, *, at: datetime) -> int:
        """Count a request of the client and return how many it has made in the minute that holds `at`, this included.

        Requests that come at once are all counted, and no two of them get the same number. One whose answer is lost on
        the way may be counted twice. The client need not exist.
        """
        ...

    def count_attempts(self, source: str, at: datetime) -> tuple[int, int]:
        """Attempts on record in the last 15 minutes: (of this source, of the deployment). Counts nothing."""
        ...

    def note_attempt(self, source: str, at: datetime, *, attempt: str) -> None:
        """Put one pair of keys on record that is wrong, or not proven yet. `source` is a hash, `attempt` names it."""
        ...

    def forget_attempt(self, source: str, *, attempt: str) -> None:
        """Take an attempt off the record, because its pair turned out to be right; nothing happens if it is gone."""
        ...


class Signer(Protocol):
    """HMAC under the deployment's own key, for fingerprints of keys and for cursors."""

    def fingerprint(self, value: str) -> str:
        """A stable name for `value` that does not reveal it; 32 hexadecimal characters."""
        ...

    def sign(self, payload: bytes) -> str:
        """Text that carries `payload` and proves it was made here (URL-safe)."""
        ...

    def verify(self, text: str) -> bytes | None:
        """The payload of `sign`, or None if it was not made here."""
        ...

    def secret(self, purpose: str, value: str) -> bytes:
        """32 bytes that nobody else can make: always the same for a purpose and a value, and no other's."""
        ...


class Services(Protocol):
    """All ports, as use cases get them (`on`)."""

    @property
    def clock(self) -> Clock: ...
    @property
    def calls(self) -> Calls: ...
    @property
    def operations(self) -> Operations: ...
    @property
    def cache(self) -> Cache: ...
    @property
    def paces(self) -> Paces: ...
    @property
    def records(self) -> Records: ...
    @property
    def syncs(self) -> SyncStates: ...
    @property
    def holds(self) -> Holds: ...
    @property
    def practices(self) -> Practices: ...
    @property
    def drifts(self) -> Drifts: ...
    @property
    def rotations(self) -> Rotations: ...
    @property
    def onboardings(self) -> Onboardings: ...
    @property
    def removals(self) -> Removals: ...
    @property
    def agreements(self) -> Agreements: ...
    @property
    def groups(self) -> Groups: ...
    @property
    def audiences(self) -> Audiences: ...
    @property
    def intakes(self) -> Intakes: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def fleet(self) -> Fleet: ...
    @property
    def audit_index(self) -> AuditIndex: ...
    @property
    def event_log(self) -> EventLog: ...
    @property
    def reconciliations(self) -> Reconciliations: ...
    @property
    def webhooks(self) -> Webhooks: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def facts(self) -> Facts: ...
    @property
    def sender(self) -> Sender: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def exports(self) -> Exports: ...
    @property
    def warehouse(self) -> Warehouse: ...
    @property
    def machines(self) -> Machines: ...
    @property
    def callers(self) -> Callers: ...
    @property
    def vault(self) -> Vault: ...
    @property
    def signer(self) -> Signer: ...
    @property
    def drop(self) -> Drop | None:
        """None where the stage has no SFTP server of its own."""
        ...

    @property
    def has_drop(self) -> bool:
        """Whether the stage has one; said also to whom it is not open."""
        ...

    @property
    def stage(self) -> str:
        """`sandbox`, `dev` or `prod`: only the sandbox lets a missing BAA pass."""
        ...

    @property
    def client_requests_per_minute(self) -> int:
        """How many requests a minute a client may make that has no limit of its own."""
        ...
