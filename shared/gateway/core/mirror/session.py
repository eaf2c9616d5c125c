"""One background turn's work on a practice's mirror: its state, its calls and its rows, for feeds, loads and sweeps.

Whatever is stored may be cut off after any call and any save. So rows come before the state that says they are there,
and what was promised to be looked at again is saved before the rows that made it necessary.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from gateway.core import capability, fhir_source
from gateway.core.background_turn import BackgroundTurn, CouldNotLook, GiveWay
from gateway.core.errors import PermissionMissing, VersionTooOld
from gateway.core.mirror import clocks, schedule
from gateway.core.mirror.mirrored import MIRRORED, NOTED, Mirrored
from gateway.core.mirror.passes import Place
from gateway.core.mirror.records import Order, ReadAt, Row, Stored
from gateway.core.mirror.syncing import Phase, PracticeSync, ResourceSync, Superseded, Wanted, lifted
from gateway.core.normalize.values import SERVER_CLOCK
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from gateway.core.practices import Practice
from gateway.core.queries.statement import Statement, Value, may_query, without_queries
from open_dental import errors as upstream
from open_dental.paging import Paging

CALLS_A_TURN: Final = 120
"""A turn of the mirror may make more calls than one that somebody waits behind; its time is the same."""

UNAUTHORIZED: Final = "unauthorized"
"""401 without words: the key or a permission."""

ONLY_BY_PARENT: Final = "only-by-parent"

MOST_INVALID: Final = 3
"""So often a list may be refused without a clear reason before it counts as not offered: older versions ask some for a
parent, and some keys lack a permission that nobody knows of."""

_OF_THE_PRACTICE: Final = (
    upstream.PracticeOffline,
    upstream.KeyRefused,
    upstream.KeyNotAssigned,
    upstream.NotSent,
    upstream.Throttled,
)
_REFUSED: Final = (upstream.PermissionMissing, upstream.VersionTooOld, upstream.Gone)


class Refused(Exception):
    """Open Dental does not offer the list to this key or version, whatever was known of them. Carries `code`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Failed(Exception):
    """This call did not go well; others may. Carries `code`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Session:
    """The mirror of the turn's practice. States are replaced as wholes; `Superseded` ends the turn."""

    def __init__(self, turn: BackgroundTurn) -> None:
        self.turn, self.on = turn, turn.on
        self.zone = turn.practice.zone()
        self.began = self.on.clock.now()
        """When the turn began: what is polled in it is due again a period later, however late in it that was."""
        self.state: PracticeSync = self.on.syncs.load(turn.practice.id)
        self.practice: Practice = turn.practice if self.state.queries else without_queries(turn.practice)
        self.undated: dict[str, list[tuple[int, Place]]] = {}
        """Rows without a day, of resources that are found by day, where a sweep has looked them up."""
        self.by_parent: dict[str, dict[int, list[tuple[int, datetime]]]] = {}
        """Rows (key, when read) by parent, of resources that are read parent by parent, as the turn found them."""
        if self.is_on:
            turn.rhythm_s = schedule.cycle_s(turn.interval_s())
            turn.may_call(CALLS_A_TURN)
            if self.state.resources:
                self.learn()
        else:
            turn.rhythm_s = None

    @classmethod
    def of_turn(cls, turn: BackgroundTurn) -> Session:
        """The turn's session: one strongly consistent read a turn."""
        if not isinstance(turn.session, Session):
            turn.session = cls(turn)
        return turn.session

    @property
    def is_on(self) -> bool:
        """Whether the mirror is to be filled."""
        return self.wanted is Wanted.ON

    @property
    def wanted(self) -> Wanted:
        """What the operator wants; no more than a pause once the practice's agreement has expired."""
        paused = self.state.wanted is Wanted.ON and not self.practice.is_open(self.now().date())
        return Wanted.PAUSED if paused else self.state.wanted

    def take_up(self, practice: Practice) -> None:
        """Go on with the practice as it is known from now on: its pace, its pages, what its key and version allow."""
        self.turn.practice = practice
        self.practice = practice if self.state.queries else without_queries(practice)
        if self.is_on and self.state.resources:
            self.learn()

    def now(self) -> datetime:
        """The present moment, UTC."""
        return self.on.clock.now()

    def by_query(self) -> frozenset[str]:
        """The resources whose changes are asked for by query now."""
        return schedule.by_query(self.practice, self.state, self.now())

    # -- states -----------------------------------------------------------------------------------------------------

    def of(self, name: str) -> ResourceSync:
        """The state of a resource."""
        return self.state.resources.get(name) or ResourceSync(name)

    def save(self, of: ResourceSync) -> ResourceSync:
        """Store a resource's state. Raises: GiveWay: somebody else works on it; this turn's view is old."""
        try:
            saved = self.on.syncs.save(self.practice.id, of)
        except Superseded as error:
            raise GiveWay from error
        self.state = replace(self.state, resources={**self.state.resources, of.resource: saved})
        return saved

    def save_practice(self, **changes: Any) -> None:
        """Store what is the practice's own. Raises: GiveWay."""
        kept = self.state.resources
        try:
            saved = self.on.syncs.save_practice(replace(self.state, **changes))
        except Superseded as error:
            raise GiveWay from error
        self.state = lifted(replace(saved, resources=kept))

    def forget_resources(self) -> None:
        """Know of no resource any more."""
        self.state = replace(self.state, resources={})

    def failed(self, name: str, code: str) -> None:
        """Note that a resource could not be read, and leave it alone for a while; longer each time."""
        of, now = self.of(name), self.now()
        if code in {"invalid", UNAUTHORIZED} and of.failures >= MOST_INVALID and of.phase is not Phase.LOADED:
            self.refused(name, code)
            return
        again = schedule.retry_at(of, now)
        self.save(
            replace(
                of,
                failures=of.failures + 1,
                not_before=again,
                due_at=again if of.due_at is not None else None,
                trouble=code,
                trouble_since=of.trouble_since if of.trouble == code else now,
            )
        )

    def went_wrong(self, name: str, error: Refused | Failed) -> None:
        """Note what became of a resource's call.

        Raises: CouldNotLook: it may concern the whole key, so that this turn had better ask nothing else.
        """
        if isinstance(error, Refused):
            self.refused(name, error.code)
            return
        self.failed(name, error.code)
        if error.code == UNAUTHORIZED:
            raise CouldNotLook from error

    def refused(self, name: str, code: str) -> None:
        """Note that Open Dental does not offer it; that is tried again once a day, or when the practice changes."""
        of, now = self.of(name), self.now()
        self.save(_not_offered(of, code, now, again=now + schedule.SWEEP_LONG))

    def learn(self) -> None:
        """Compare what is mirrored with what the practice's key and version allow now.

        The states of a mirror that is new begin here: whoever finds some knows that nothing older is left.
        """
        now = self.now()
        for name, one in MIRRORED.items():
            of, why = self.of(name), why_not(self.practice, one)
            if why is not None and (of.phase is not Phase.NOT_OFFERED or of.trouble != why):
                self.save(_not_offered(of, why, now, again=None))
            elif why is None and of.phase is Phase.NOT_OFFERED and (of.not_before is None or of.not_before <= now):
                self.save(ResourceSync(name, rev=of.rev))
            elif name not in self.state.resources:
                self.save(of)

    # -- calls ------------------------------------------------------------------------------------------------------

    def ask(
        self,
        operation: str,
        query: Mapping[str, object] | None = None,
        *,
        path: Mapping[str, int] | None = None,
        modest: bool = False,
    ) -> tuple[UpstreamAnswer, datetime]:
        """Make one read; returns its answer and when it was sent. 404 is an answer without rows.

        Raises: GiveWay. CouldNotLook: nobody can be read at this practice. Refused, Failed: this cannot.
        """
        return self._send(UpstreamCall(operation, path=path or {}, query=query or {}), modest=modest)

    def select(
        self, statement: Statement, *, modest: bool = False, **values: Value
    ) -> tuple[list[dict[str, Any]], datetime]:
        """One answer of a statement, at most `statement.ROWS` rows; when it was sent. Raises: as `ask`."""
        answer, at = self._send(statement.call(offset=0, **values), modest=modest)
        return list(answer.rows), at

    def write(self, call: UpstreamCall) -> UpstreamAnswer:
        """Make one of the gateway's own writes (`BackgroundTurn.write`). Raises: as `ask`; 404 is an answer, too."""
        return self._send(call, modest=False, is_write=True)[0]

    def _send(self, call: UpstreamCall, *, modest: bool, is_write: bool = False) -> tuple[UpstreamAnswer, datetime]:
        before = self.now()
        try:
            answer = self.turn.write(call) if is_write else self.turn.call(call, modest=modest)
        except CouldNotLook as error:
            cause = error.__cause__
            if isinstance(cause, upstream.NotFound):
                return UpstreamAnswer(404, []), before
            if isinstance(cause, _REFUSED):
                raise Refused(_code(cause)) from error
            if cause is None or isinstance(cause, _OF_THE_PRACTICE):
                raise
            raise Failed(_code(cause)) from error
        return answer, answer.started_at or before

    def ask_all(
        self, operation: str, query: Mapping[str, object], *, modest: bool = False
    ) -> tuple[list[Row], datetime]:
        """All rows of a short list, and when its first page was asked for. Raises: as `ask`; Failed: pages moved."""
        paging = Paging(operation, query, page_limit=self.practice.page_limit)
        rows: list[Row] = []
        began: datetime | None = None
        while (page := paging.next_query()) is not None:
            answer, at = self.ask(operation, page, modest=modest)
            began = began or at
            rows += paging.take([row for row in answer.rows if isinstance(row, Mapping)])
        if not paging.complete:
            raise Failed("pages-moved")
        return rows, began or self.now()

    # -- rows -------------------------------------------------------------------------------------------------------

    def read_at(self, at: datetime) -> ReadAt:
        """Where rows come from that were asked for in this turn `at`."""
        return ReadAt(Order(self.state.epoch, self.turn.turn_no), at)

    def store(self, one: Mirrored, rows: Sequence[Row], *, at: datetime, cause: str) -> Stored:
        """Keep rows; those whose key or parent cannot be read are passed over."""
        good = [row for row in rows if is_readable(one, row)]
        if not good:
            return Stored()
        return self.on.records.store(self.practice.id, one.resource, good, read=self.read_at(at), cause=cause)

    def note_whole(self, one: Mirrored, column: str, value: int, keys: Iterable[int], *, at: datetime) -> None:
        """Note that these are all rows under a parent, by a list that was sent `at`; the rows are stored already."""
        if one.resource in NOTED:
            self.on.records.note_whole(self.practice.id, one.resource, column, value, keys, read=self.read_at(at))

    def bury(self, one: Mirrored, keys: Iterable[int], *, at: datetime, cause: str = "sweep") -> int:
        """Make tombstones of rows that are gone by a read that was sent `at`."""
        return self.on.records.bury(
            self.practice.id, one.resource, keys, read=self.read_at(at), cause=cause, at=self.now()
        )


def why_not(practice: Practice, one: Mirrored) -> str | None:
    """Why a resource cannot be mirrored at a practice: a code; None where it can be, or nothing is known against it."""
    if one.list_operation is None and not may_query(practice):
        return ONLY_BY_PARENT
    if fhir_source.reads_by_fhir(practice, one.resource):
        return "by-fhir"
    if practice.upstream == "fhir":
        return "by-fhir"
    try:
        capability.require(practice, one.lists)
    except PermissionMissing:
        return "permission-missing"
    except VersionTooOld:
        return "version-too-old"
    return None


def is_readable(one: Mirrored, row: object) -> bool:
    """Whether a row has a key and parents that can be read, so that it can be kept."""
    if not isinstance(row, Mapping):
        return False
    try:
        one.parents_of(row)
        return one.key_of(row) != 0
    except ValueError:
        return False


def key_of(one: Mirrored, row: Row) -> int:
    """The key of a readable row."""
    return one.key_of(row)


def clock_of(rows: Iterable[object]) -> str | None:
    """The server's clock, as some row brings it."""
    for row in rows:
        if isinstance(row, Mapping) and clocks.read_clock(row.get(SERVER_CLOCK)) is not None:
            return str(row[SERVER_CLOCK])
    return None


def _not_offered(of: ResourceSync, why: str, now: datetime, *, again: datetime | None) -> ResourceSync:
    return ResourceSync(
        of.resource,
        phase=Phase.NOT_OFFERED,
        trouble=why,
        trouble_since=of.trouble_since if of.trouble == why else now,
        not_before=again,
        rev=of.rev,
    )


def _code(error: BaseException) -> str:
    """`PermissionMissing` -> `permission-missing`."""
    name = type(error).__name__
    return "".join(f"-{one.lower()}" if one.isupper() else one for one in name).lstrip("-")
