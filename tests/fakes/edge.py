"""All ports as the API functions get them, in memory; operations settle when somebody waits for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from gateway.core.errors import KeyReused, NotFound
from gateway.core.ids import new_id
from gateway.core.operations import Operation, OperationState, Request, RowSet, Turn
from gateway.core.ports import Opened, PaceView
from tests.fakes.identity import FakeCallers, FakeClock, FakePractices, FakeSigner, FakeVault


@dataclass
class FakeCalls:
    turns: list[Turn] = field(default_factory=list)

    def put(self, turn: Turn) -> None:
        if turn not in self.turns:
            self.turns.append(turn)


@dataclass
class FakeOperations:
    """`becomes` says how an operation stands when it is read back; by default it stays as it was opened."""

    kept: dict[str, Operation] = field(default_factory=dict)
    becomes: Callable[[Operation], Operation] = lambda operation: operation

    def open(self, request: Request, *, now: datetime) -> Opened:
        for known in self.kept.values():
            same = (request.client_id, request.practice_id, request.idempotency_key)
            theirs = (known.request.client_id, known.request.practice_id, known.request.idempotency_key)
            if request.idempotency_key is not None and same == theirs:
                if known.request.body_hash != request.body_hash:
                    raise KeyReused("the Idempotency-Key belongs to another request")
                return Opened(known, fresh=False)
            twin = request.cache_key is not None and known.request.cache_key == request.cache_key
            if twin and not known.state.is_settled:
                return Opened(known, fresh=False)
        operation = Operation(
            id=new_id("operation"),
            request=request,
            state=OperationState.QUEUED,
            attempt=1,
            submitted_at=now,
            reference="abcdefghijkl",
        )
        self.kept[operation.id] = operation
        return Opened(operation, fresh=True)

    def get(self, operation_id: str) -> Operation:
        if operation_id not in self.kept:
            raise NotFound("no such operation")
        self.kept[operation_id] = self.becomes(self.kept[operation_id])
        return self.kept[operation_id]


@dataclass
class FakeCache:
    rows: dict[tuple[str, str], RowSet] = field(default_factory=dict)

    def get(self, practice_id: str, cache_key: str) -> RowSet | None:
        return self.rows.get((practice_id, cache_key))

    def put(self, practice_id: str, cache_key: str, rows: RowSet) -> None:
        self.rows[practice_id, cache_key] = rows

    def wrote(self, practice_id: str, at: datetime) -> None:
        self.rows = {key: rows for key, rows in self.rows.items() if key[0] != practice_id or rows.as_of >= at}


STANDARD = PaceView(interval_s=1.0, waiting=0, next_free_at=None, offline=False, key_refused=False, killed=False)


@dataclass
class FakePaces:
    pace: PaceView = STANDARD

    def view(self, practice_id: str) -> PaceView:
        return self.pace

    def join(self, practice_id: str, *, interactive: bool, now: datetime) -> int:
        self.pace = replace(self.pace, waiting=self.pace.waiting + 1)
        return self.pace.waiting


@dataclass
class FakeServices:
    stage: str = "sandbox"
    clock: FakeClock = field(default_factory=FakeClock)
    calls: FakeCalls = field(default_factory=FakeCalls)
    operations: FakeOperations = field(default_factory=FakeOperations)
    cache: FakeCache = field(default_factory=FakeCache)
    paces: FakePaces = field(default_factory=FakePaces)
    practices: FakePractices = field(default_factory=FakePractices)
    callers: FakeCallers = field(default_factory=FakeCallers)
    signer: FakeSigner = field(default_factory=FakeSigner)
    vault: FakeVault = field(default_factory=FakeVault)

    def __post_init__(self) -> None:
        self.vault.clock = self.clock
