"""Every port, in memory. A process that dies (`Killed`) stays dead: each further use of its services raises again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from threading import RLock
from typing import Any, Literal, TypeVar
from zlib import crc32

from gateway.core import ledger, pacing
from gateway.core.callers import Caller, Client
from gateway.core.errors import KeyReused, NotFound, QueueFull, Unavailable
from gateway.core.ids import new_id
from gateway.core.ledger import Entry
from gateway.core.operations import SKEW_US, Operation, OperationState, Request, RowSet, Turn, counts
from gateway.core.pacing import Minute, PaceItem
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from gateway.core.ports import REFERENCE, Opened, PaceView, Upstream
from gateway.core.practices import REMOTE_NETWORK, SANDBOX, Baa, Practice, Tier
from gateway.core.worker import Open, Superseded, Tick
from tests.fakes.audiences import FakeAudiences
from tests.fakes.audit import FakeArchive, FakeAudit, FakeAuditIndex
from tests.fakes.drifts import FakeDrifts
from tests.fakes.event_log import FakeEventLog, FakeFacts
from tests.fakes.exports import FakeColumnar, FakeExports, FakeWarehouse
from tests.fakes.fleet import FakeFleet
from tests.fakes.groups import FakeGroups
from tests.fakes.holds import FakeHolds
from tests.fakes.identity import FakeAgreements, FakeCallers, FakePractices, FakeSigner, FakeVault
from tests.fakes.intakes import FakeIntakes
from tests.fakes.messages import FakeMessages
from tests.fakes.mirror import FakeRecords, FakeSyncStates
from tests.fakes.office import FakePractice, Killed
from tests.fakes.onboardings import FakeOnboardings
from tests.fakes.reconciliations import FakeReconciliations
from tests.fakes.removals import FakeRemovals
from tests.fakes.rotations import FakeRotations
from tests.fakes.runs import FakeMachines, FakeRuns
from tests.fakes.webhooks import FakeDeliveryQueue, FakeSender, FakeWebhooks

T = TypeVar("T")

Moment = Literal["before", "after"]

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

ELM_STREET = Practice(
    id=new_id("practice"),
    name="Elm Street Dental",
    time_zone="America/Chicago",
    tier=Tier.STANDARD,
    version="25.3.12.0",
    baa=Baa("test-baa", "A. Test", date(2026, 1, 1)),
    key_fingerprint="f" * 32,
)


def a_caller(*practices: Practice) -> Caller:
    """A client that may do everything this project has scopes for, at these practices."""
    scopes = {"*:read", "appointments:write", "payments:write", "practices:connect"}
    ids = frozenset(one.id for one in practices or (ELM_STREET,))
    return Caller(Client("cli_test", "Test", ids, frozenset(scopes)))


class FakeClock:
    """Time that moves only when somebody sleeps, or a test says so."""

    def __init__(self, start: datetime = NOON) -> None:
        self.start = start
        self.seconds = 0.0

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        # A microsecond more: a datetime keeps no less, and a wait that rounds to none would never end.
        self.seconds += max(seconds, 1e-6)


class WrongClock(FakeClock):
    """What somebody's clock shows that is wrong by so many seconds: the time of day is, how long things take is not."""

    def __init__(self, clock: FakeClock, off_s: float) -> None:
        self._clock, self._off = clock, timedelta(seconds=off_s)

    def now(self) -> datetime:
        return self._clock.now() + self._off

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


class FakeLedger:
    """Fills `Operations` and `Ledger`."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.keys: dict[tuple[str, str, str], str] = {}
        self.twins: dict[tuple[str, str], str] = {}
        self.claims: dict[tuple[str, str, int], str] = {}
        self.renewed: list[tuple[str, datetime]] = []
        self._lock = RLock()
        self.now: Callable[[], datetime] = lambda: NOON

    def _live(self, operation_id: str) -> Entry | None:
        entry = self.entries.get(operation_id)
        if entry is None or (entry.record.expires_at is not None and entry.record.expires_at <= self.now()):
            return None
        return entry

    def open(self, request: Request, *, now: datetime) -> Opened:
        with self._lock:
            return self._open(request, now)

    def _open(self, request: Request, now: datetime) -> Opened:
        key = twin = None
        if request.idempotency_key is not None:
            key = (request.client_id, request.practice_id, request.idempotency_key)
            first = self._live(self.keys.get(key, ""))
            if first is not None:
                if first.record.request.body_hash != request.body_hash:
                    raise KeyReused("this Idempotency-Key belongs to another request", param="Idempotency-Key")
                return Opened(first.operation(), fresh=False)
        elif request.cache_key is not None:
            twin = (request.practice_id, request.cache_key)
            running = self._live(self.twins.get(twin, ""))
            if running is not None and not running.record.state.is_settled:
                return Opened(running.operation(), fresh=False)
        entry = ledger.opened(new_id("operation"), request, reference=ledger.new_reference(), now=now)
        self.entries[entry.record.id] = entry
        if key is not None:
            self.keys[key] = entry.record.id
        if twin is not None:
            self.twins[twin] = entry.record.id
        return Opened(entry.operation(), fresh=True)

    def withdraw(self, operation_id: str) -> None:
        with self._lock:
            entry = self.entries.get(operation_id)
            if entry is not None and entry.record.state is OperationState.QUEUED and entry.record.rev == 0:
                del self.entries[operation_id]

    def wake(self, operation_id: str, *, now: datetime) -> Operation | None:
        try:
            was = self.load(operation_id)
            entry = ledger.put_again(was, now=now) if was.record.parked_until is not None else None
            return None if entry is None else self.save(entry, was=was).operation()
        except (NotFound, Superseded):
            return None

    def get(self, operation_id: str) -> Operation:
        return self.load(operation_id).operation()

    def load(self, operation_id: str) -> Entry:
        entry = self._live(operation_id)
        if entry is None:
            raise NotFound("no such operation")
        return entry

    def save(self, entry: Entry, *, was: Entry) -> Entry:
        with self._lock:
            stored = self.entries.get(entry.record.id)
            if stored is None or stored.record.rev != was.record.rev:
                raise Superseded
            least = min(len(was.journal), len(entry.journal))
            assert entry.journal[:least] == was.journal[:least]
            saved = replace(entry, record=replace(entry.record, rev=was.record.rev + 1))
            if saved.record.state.is_settled:
                saved = replace(saved, journal=())
            self.entries[entry.record.id] = saved
            return saved

    def renew(self, operation_id: str) -> None:
        self.renewed.append((operation_id, self.now()))

    def list_open(self, *, limit: int) -> list[Open]:
        found = [
            Open(of.id, of.request.practice_id, of.state, of.due_at, of.parked_until is not None)
            for of in (entry.record for entry in self.entries.values())
            if of.due_at is not None
        ]
        # Among those due at one moment the index knows no order.
        return sorted(found, key=lambda one: (one.due_at, one.operation_id))[:limit]

    def unsettled(self, practice_id: str) -> list[str]:
        return [
            of.id
            for of in (entry.record for entry in list(self.entries.values()))
            if of.state is OperationState.UNKNOWN and of.request.practice_id == practice_id
        ]

    def taken(self, practice_id: str, operation: str, keys: frozenset[int], *, by: str) -> frozenset[int]:
        return frozenset(key for key in keys if self.claims.get((practice_id, operation, key), by) != by)

    def claim(self, practice_id: str, operation: str, key: int, *, by: str) -> bool:
        with self._lock:
            return self.claims.setdefault((practice_id, operation, key), by) == by


class FakePace:
    """Fills `Paces` and `PaceStore`."""

    def __init__(self) -> None:
        self.items: dict[str, PaceItem] = {}
        self.doubts: set[str] = set()
        self._lock = RLock()
        self.now: Callable[[], datetime] = lambda: NOON

    def load(self, practice_id: str) -> PaceItem:
        return self.items.get(practice_id) or PaceItem(practice_id)

    def update(self, practice_id: str, rule: Callable[[PaceItem], tuple[PaceItem, T]]) -> T:
        with self._lock:
            was = self.load(practice_id)
            item, result = rule(was)
            # What is the operator's is no part of what a rule changes.
            now = self.load(practice_id)
            item = replace(item, killed=now.killed, switched_at=now.switched_at, switched_by=now.switched_by)
            self.items[practice_id] = replace(item, rev=was.rev + 1)
            return result

    def count(self, practice_id: str, *, waiting: int = 0, parked: int = 0) -> None:
        with self._lock:
            item = self.load(practice_id)
            self.items[practice_id] = replace(
                item, waiting=max(0, item.waiting + waiting), parked=max(0, item.parked + parked)
            )

    def recount(self, practice_id: str, *, waiting: int, parked: int, was: PaceItem) -> None:
        with self._lock:
            item = self.load(practice_id)
            if (item.waiting, item.parked) == (was.waiting, was.parked):
                self.items[practice_id] = replace(item, waiting=waiting, parked=parked)

    def doubt(self, practice_id: str) -> None:
        self.doubts.add(practice_id)

    def try_again(self, practice_id: str, at: datetime) -> None:
        self.update(practice_id, lambda item: (pacing.try_again(item, at.timestamp()), None))

    def background_due(self, practice_id: str, at: datetime) -> None:
        self.update(practice_id, lambda item: (pacing.work_due(item, at.timestamp()), None))

    def doubted(self, *, limit: int) -> list[str]:
        return sorted(self.doubts)[:limit]

    def trust(self, practice_id: str) -> None:
        self.doubts.discard(practice_id)

    def due(self, now: datetime, *, within_s: float, limit: int, part: tuple[int, int] = (0, 1)) -> list[str]:
        until = now.timestamp() + within_s
        mine = [item for item in self.items.values() if crc32(item.practice_id.encode()) % part[1] == part[0]]
        due = [(item.due_at, item.practice_id) for item in mine if item.due_at is not None]
        return [practice_id for at, practice_id in sorted(due) if at <= until][:limit]

    def switch(self, practice_id: str, *, killed: bool, by: str, at: datetime) -> None:
        with self._lock:
            item = self.load(practice_id)
            if item.killed is not killed:
                self.items[practice_id] = replace(item, killed=killed, switched_by=by, switched_at=at.timestamp())

    def view(self, practice_id: str) -> PaceView:
        return pacing.view_of(self.load(practice_id), self.now().timestamp())

    def join(self, practice_id: str, *, interactive: bool, now: datetime) -> int:
        with self._lock:
            item = self.load(practice_id)
            if item.waiting >= pacing.MAX_WAITING:
                raise QueueFull("200 turns of this practice wait already", retry_after=pacing.FULL_RETRY_S)
            at = now.timestamp() if interactive else item.interactive_at
            self.items[practice_id] = replace(item, waiting=item.waiting + 1, interactive_at=at)
            return item.waiting + 1


VISIBLE_S = 150.0
"""How long a received message is hidden at first, as `infra/` sets it."""


@dataclass
class FakeMessage:
    """A turn in the queue."""

    turn: Turn
    network: str = REMOTE_NETWORK
    visible_at: float = 0.0
    receives: int = 0


class FakeCalls:
    """Fills `Calls` like an SQS FIFO queue: a group's messages in order, none while one of them is in work."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._groups: dict[tuple[str, str], list[FakeMessage]] = defaultdict(list)
        self._put_at: dict[tuple[str, str, str], float] = {}
        self.turns: list[Turn] = []
        self.networks: list[str] = []
        """Where each of `turns` was put."""

    def put(self, turn: Turn, *, network: str) -> None:
        key = (network, turn.practice_id, f"{turn.operation_id}.{turn.attempt}")
        now = self._clock.monotonic()
        if now - self._put_at.get(key, -1e9) < 300:
            return
        self._put_at[key] = now
        self.turns.append(turn)
        self.networks.append(network)
        self._groups[network, turn.practice_id].append(FakeMessage(turn, network))

    def receive(self, *, visibility_s: float, network: str | None = None) -> FakeMessage | None:
        now = self._clock.monotonic()
        for (where, _), group in self._groups.items():
            if network in {None, where} and group and group[0].visible_at <= now:
                group[0].visible_at = now + visibility_s
                group[0].receives += 1
                return group[0]
        return None

    def change_visibility(self, message: FakeMessage, seconds: float) -> None:
        message.visible_at = self._clock.monotonic() + seconds

    def delete(self, message: FakeMessage) -> None:
        group = self._groups[message.network, message.turn.practice_id]
        if message in group:
            group.remove(message)

    def next_at(self) -> float | None:
        return min((group[0].visible_at for group in self._groups.values() if group), default=None)


class FakeCache:
    """Fills `Cache`."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], RowSet] = {}
        self.put_at: dict[tuple[str, str], datetime] = {}
        self.wrote_at: dict[str, datetime] = {}
        self.now: Callable[[], datetime] = lambda: NOON

    def get(self, practice_id: str, cache_key: str) -> RowSet | None:
        rows = self.rows.get((practice_id, cache_key))
        wrote = None if cache_key.startswith(REFERENCE) else self.wrote_at.get(practice_id)
        if rows is not None and self.now() - self.put_at[practice_id, cache_key] >= _kept(cache_key):
            return None
        if rows is None or not counts(
            _micros(rows.as_of), wrote=None if wrote is None else _micros(wrote), now=_micros(self.now())
        ):
            return None
        return rows

    def put(self, practice_id: str, cache_key: str, rows: RowSet) -> None:
        kept = self.rows.get((practice_id, cache_key))
        if kept is None or kept.as_of <= rows.as_of or _is_to_come(kept.as_of, self.now()):
            self.rows[practice_id, cache_key] = rows
            self.put_at[practice_id, cache_key] = self.now()

    def wrote(self, practice_id: str, at: datetime) -> None:
        kept = self.wrote_at.get(practice_id)
        if kept is None or kept <= at or _is_to_come(kept, self.now()):
            self.wrote_at[practice_id] = at


def _micros(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


def _is_to_come(at: datetime, now: datetime) -> bool:
    return _micros(at) > _micros(now) + SKEW_US


def _kept(cache_key: str) -> timedelta:
    return timedelta(days=1) if cache_key.startswith(REFERENCE) else timedelta(minutes=10)


class FakeGovernor:
    """Fills `Governor`."""

    def __init__(self) -> None:
        self.minutes: dict[int, Minute] = {}

    def count(self, now: datetime, *, calls: int, refused: int) -> None:
        minute = int(now.timestamp() // 60)
        old = self.minutes.get(minute, Minute())
        self.minutes[minute] = Minute(old.calls + calls, old.refused + refused)

    def minute(self, now: datetime) -> Minute:
        minute = int(now.timestamp() // 60)
        before, present = (self.minutes.get(one, Minute()) for one in (minute - 1, minute))
        return pacing.last_minute(before, present, now.timestamp())


class FakeNotices:
    """Fills `Notices`."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, str]] = []

    def note(self, practice_id: str, what: str, at: datetime) -> None:
        self.notes.append((practice_id, what))


class FakeTick(tuple[float, str, int]):
    """When, whose, and which attempt; `network` where it is said."""

    network: str | None = None


class FakeTicks:
    """Fills `Ticks`."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.waiting: list[FakeTick] = []

    def put(self, ticks: Sequence[Tick]) -> None:
        now = self._clock.monotonic()
        for tick in ticks:
            kept = FakeTick((now + tick.delay_s, tick.practice_id, tick.attempt))
            kept.network = tick.network
            self.waiting.append(kept)


class FakeUpstream:
    """Fills `Upstream` with offices by practice id."""

    def __init__(self, offices: dict[str, FakePractice]) -> None:
        self.offices = offices

    def send(self, practice: Practice, call: UpstreamCall, gate: Callable[[], None] | None = None) -> UpstreamAnswer:
        return self.offices[practice.id].send(practice, call, gate)


class Mortal:
    """A port whose process dies at a chosen use of it, before or after the use has had its effect."""

    def __init__(self, port: Any, life: Life, name: str) -> None:
        self._port = port
        self._life = life
        self._name = name

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._port, name)
        if not callable(value):
            return value

        def use(*args: Any, **kwargs: Any) -> Any:
            self._life.step(before=True, use=f"{self._name}.{name}")
            self._life.inside += 1
            try:
                result = value(*args, **kwargs)
            except Killed:
                self._life.dead = True
                raise
            finally:
                self._life.inside -= 1
            self._life.step(before=False, use=f"{self._name}.{name}")
            return result

        return use


@dataclass
class Life:
    """How many port calls a process has left, counting before and after each; None: it lives."""

    left: int | None = None
    dead: bool = False
    used: int = 0
    stumbles: frozenset[int] = frozenset()
    """Steps at which a service of ours does not answer: before it did anything, or after it did."""
    dies_at: tuple[str, int, Moment] | None = None
    """The use it dies at: `("ledger.save", 3, "after")` is when the third save has had its effect."""
    uses: Counter[str] = field(default_factory=Counter)
    inside: int = 0
    """Above 0 while a port is used: what a service does it does whole, whatever becomes of who asked."""
    off_s: float = 0.0
    """By how much this process's clock is wrong."""

    def step(self, *, before: bool, use: str = "") -> None:
        if self.dead:
            raise Killed
        self.uses[use] += before
        if self.dies_at == (use, self.uses[use], "before" if before else "after"):
            self.dead = True
            raise Killed
        self.used += 1
        if self.used in self.stumbles:
            raise Unavailable("a service did not answer")
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.dead = True
                raise Killed


@dataclass
class FakeServices:
    """All ports. `mortal(n)` is the same world seen by a process that dies at its n-th step."""

    practices_: tuple[Practice, ...] = (ELM_STREET,)
    stage: str = "sandbox"
    clock: FakeClock = field(default_factory=FakeClock)
    client_requests_per_minute: int = 6_000
    network: str | None = None

    def __post_init__(self) -> None:
        self.ledger: Any = FakeLedger()
        self.operations: Any = self.ledger
        self.pace: Any = FakePace()
        self.paces: Any = self.pace
        self.ledger.now = self.pace.now = self.clock.now
        self.calls: Any = FakeCalls(self.clock)
        self.cache: Any = FakeCache()
        self.cache.now = self.clock.now
        self.records: Any = FakeRecords()
        self.records.now = self.clock.now
        self.syncs: Any = FakeSyncStates()
        self.holds: Any = FakeHolds()
        self.groups: Any = FakeGroups()
        self.audiences: Any = FakeAudiences()
        self.intakes: Any = FakeIntakes()
        self.exports: Any = FakeExports()
        self.warehouse: Any = FakeWarehouse()
        self.columnar: Any = FakeColumnar()
        self.audit: Any = FakeAudit()
        self.operator = lambda: "arn:aws:iam::000000000000:user/ada"
        self.audit_index: Any = FakeAuditIndex()
        self.archive = FakeArchive()
        self.event_log = FakeEventLog()
        self.facts = FakeFacts()
        self.reconciliations: Any = FakeReconciliations()
        self.drifts: Any = FakeDrifts()
        self.webhooks = FakeWebhooks()
        self.messages: Any = FakeMessages()
        self.runs: Any = FakeRuns()
        self.machines: Any = FakeMachines()
        self.delivery_queue = FakeDeliveryQueue()
        self.sender = FakeSender()
        self.practices: Any = FakePractices(
            {one.id: one for one in self.practices_}, may_lack_baa=lambda: self.stage == SANDBOX
        )
        self.agreements: Any = FakeAgreements(self.practices)
        self.rotations: Any = FakeRotations()
        self.onboardings: Any = FakeOnboardings()
        self.removals: Any = FakeRemovals()
        self.callers: Any = FakeCallers()
        self.vault: Any = FakeVault(self.clock)
        self.signer: Any = FakeSigner()
        self.drop: Any = None
        self.governor: Any = FakeGovernor()
        self.notices: Any = FakeNotices()
        self.fleet: Any = FakeFleet()
        self.ticks: Any = FakeTicks(self.clock)
        self.offices = {one.id: FakePractice(self.clock) for one in self.practices_}
        self.upstream: Upstream | Any = FakeUpstream(self.offices)

    def chance(self) -> float:
        """Of what is random here."""
        return 0.5

    @property
    def has_drop(self) -> bool:
        """Whether there is an SFTP server."""
        return self.drop is not None

    @property
    def office(self) -> FakePractice:
        """The first practice's Open Dental."""
        return self.offices[self.practices_[0].id]

    def inside(self, network: str | None) -> FakeServices:
        """The same world, for a process in this network."""
        other = object.__new__(FakeServices)
        other.__dict__.update(self.__dict__)
        other.network = network
        return other

    def mortal(self, life: Life) -> FakeServices:
        """The same world, for a process with this `life`."""
        other = object.__new__(FakeServices)
        other.__dict__.update(self.__dict__)
        for name in _PORTS:
            setattr(other, name, Mortal(getattr(self, name), life, name))
        if life.off_s:
            other.clock = WrongClock(self.clock, life.off_s)
            other.upstream = _Stamped(other.upstream, life.off_s)
        return other


class _Stamped:
    """Calls are stamped by the clock of who sends them."""

    def __init__(self, upstream: Any, off_s: float) -> None:
        self._upstream, self._off = upstream, timedelta(seconds=off_s)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._upstream, name)

    def send(self, practice: Practice, call: UpstreamCall, gate: Callable[[], None] | None = None) -> UpstreamAnswer:
        answer: UpstreamAnswer = self._upstream.send(practice, call, gate)
        return replace(answer, started_at=answer.started_at + self._off) if answer.started_at else answer


_PORTS = (
    "audiences",
    "intakes",
    "audit",
    "facts",
    "messages",
    "ledger",
    "operations",
    "pace",
    "paces",
    "calls",
    "cache",
    "records",
    "syncs",
    "exports",
    "warehouse",
    "columnar",
    "holds",
    "practices",
    "drifts",
    "rotations",
    "onboardings",
    "removals",
    "agreements",
    "callers",
    "governor",
    "notices",
    "ticks",
    "upstream",
    "vault",
)
