"""A turn: the upstream calls of one operation in a row, each in its own slot, safe against a crash at any line.

The plan says what to call. The engine reserves a slot for each call, marks writes SENT before they go out, and keeps
answers to reads in the journal: stored at every pause, and together with every SENT mark. After a crash, a pause or a
settled write the plan starts again from the top; reads are answered from the journal, writes from their step, and
only what was never answered is sent. A turn ends in one of three ways: done (its message may go), back (its message
comes back by itself), or parked (its message may go; the sweeper wakes it).

A turn that loses its lease or its entry to another one stops: whoever has them now does the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from gateway.core import ledger, pacing, ways
from gateway.core import registry as registered
from gateway.core.audit import Phase
from gateway.core.audit.writes import WriteTrail, about
from gateway.core.baa.protected import is_protected_request
from gateway.core.capability import price_tier
from gateway.core.connect import KIND as CONNECT
from gateway.core.errors import (
    AppError,
    AuditUnavailable,
    BaaMissing,
    CallsStopped,
    KeyNotUsable,
    NotAllowed,
    NotFound,
    NotWritten,
    OperationClosed,
    PermissionMissing,
    PracticeOffline,
    Unavailable,
    Unreachable,
    UpstreamBroken,
    UpstreamRefused,
    UpstreamTimedOut,
    VersionTooOld,
)
from gateway.core.hashing import canonical_hash
from gateway.core.ledger import Effect, Entry, Note
from gateway.core.mirror.keeping import Keeper
from gateway.core.office_words import Table, input_of
from gateway.core.operations import OperationState, RowSet, StepState, Turn
from gateway.core.plans import HELD_TIMES, OFFICE_WORDS, Outcome, PlanContext, UpstreamAnswer, UpstreamCall
from gateway.core.practices import Practice, WayName
from gateway.core.problems import error_of, problem_of
from gateway.core.requests import kept_reference
from gateway.core.seat import (
    BUDGET,
    CONNECT_AHEAD_S,
    FHIR_CAPABILITY,
    Budget,
    Exhausted,
    Seat,
    SlotTooFar,
    Traced,
    Visible,
    effect_of,
)
from gateway.core.slots import holds
from gateway.core.worker import Superseded, WorkerServices
from open_dental import catalogue
from open_dental import errors as upstream

if TYPE_CHECKING:
    from gateway.core.ports import Services

_log = logging.getLogger("gateway.worker")

MARK_AHEAD_S = 0.08
"""How long before it connects a write is marked SENT: late, so that a crash leaves little in doubt."""

KILLED_AGAIN_S = 60.0
"""How often a turn looks whether the operator's kill switch is off again."""

CONNECT_TRIES = 2
"""Connections that do not come about before the address of a practice that is not connected yet is called wrong."""

READ_BACK_TRIES = 100
"""Failures after which an operation of which a part stands gives up reading; pauses grow to 15 minutes, so a day."""


@dataclass(frozen=True, slots=True)
class TurnResult:
    """What becomes of the turn's message: it comes back in `come_back_s`, or it may go."""

    come_back_s: float | None = None
    waiting: int = 0
    """Turns of the practice that wait, as far as this one saw."""


_STILL_ALLOWED: Final = timedelta(seconds=10)
"""How long what was looked at when a write was taken is believed: who may write does not change between two breaths."""


class Ended(StrEnum):
    """How far an operation is at the end of a turn."""

    SETTLED = "settled"
    UNKNOWN = "unknown"
    PARKED = "parked"
    BACK = "back"


class Told(Exception):
    """What a plan is told instead of an answer; everything else that is raised ends the turn."""

    def __init__(self, error: AppError) -> None:
        super().__init__(error.code)
        self.error = error


class Stop(Exception):
    """The operation's turn ends here; nothing more is sent."""

    def __init__(self, ended: Ended, seconds: float | None = None) -> None:
        super().__init__(f"the turn ends: {ended}")
        self.ended = ended
        self.seconds = seconds


def run_turn(
    turn: Turn,
    *,
    on: WorkerServices,
    holder: str,
    visible: Visible,
    budget: Budget = BUDGET,
    kinds: Mapping[str, registered.Kind] = registered.KINDS,
) -> TurnResult:
    """Work `turn` off; `holder` names this invocation and no other.

    Raises:
        Unavailable: a service of ours did not answer; the message comes back and the turn is continued.
    """
    # background builds on this module; its import costs nothing before the first turn.
    from gateway.core import background  # noqa: PLC0415

    visible(pacing.CALL_LIMIT_S + pacing.LEASE_MARGIN_S)
    seat = Seat(turn.practice_id, on=on, holder=holder, visible=visible, budget=budget)
    if turn.operation_id is None:
        return background.run_background_turn(seat, kinds=kinds)
    try:
        entry = on.ledger.load(turn.operation_id)
    except NotFound:
        return TurnResult()
    if ledger.begun(entry, attempt=turn.attempt, holder=holder, now=on.clock.now()) is None:
        # Perhaps whoever had this message before died between its last save and its count.
        on.pace.doubt(turn.practice_id)
        return TurnResult()
    run = OperationRun(seat, entry, kinds=kinds)
    try:
        seat.enter()
    except pacing.Busy as busy:
        return TurnResult(busy.seconds + 0.1)
    except (pacing.Killed, pacing.Closed) as closed:
        return run.turned_away(closed)
    try:
        result = run.run()
        run.say(turn)
        if result.come_back_s is None:
            background.go_on_in_background(seat, kinds=kinds)
        return replace(result, waiting=seat.item.waiting)
    finally:
        seat.leave()


class OperationRun:
    """One turn of one operation, in a seat. `has_message`: whether a message of its own can come back."""

    def __init__(
        self, seat: Seat, entry: Entry, *, kinds: Mapping[str, registered.Kind], has_message: bool = True
    ) -> None:
        self._seat = seat
        seat.traced = Traced(entry.record.id, entry.record.request.correlation_id)
        self._has_message = has_message
        self._on = seat.on
        self._entry = entry
        # As the ledger has it; what is in `_entry` besides is learned and not stored yet.
        self._stored = entry
        self._slot_at = 0.0
        self._kind = kinds.get(entry.record.request.kind, registered.NOBODYS)
        # As its record says, as it is reached in this turn, and where the operation is about another way to it.
        self._known: Practice | None = None
        self._practice: Practice | None = None
        self._elsewhere: Practice | None = None
        # Answers since the last save, and how much of the stored journal has been replayed.
        self._notes: list[Note] = []
        self._unreached = 0
        self._replayed = 0
        self._calls = 0
        self._as_of: datetime | None = None
        self._is_fetch = ledger.is_fetch(entry.record.request)
        self._mirror = Keeper(seat)
        self._trail = WriteTrail(self._on)

    # -- begin and end ----------------------------------------------------------------------------------------------

    def run(self) -> TurnResult:
        """Take the operation as far as it goes in this turn."""
        try:
            self._begin()
            self._choose_way()
            self._drive()
        except Stop as stop:
            return self._ended(stop)
        except Superseded:
            # Another turn or a late answer changed it; what is true now is read afresh.
            return TurnResult(1.0)

    def say(self, turn: Turn) -> None:
        """Log how far the operation is at the end of its turn."""
        of = self._entry.record
        _log.info(
            "turn",
            extra={
                "practice_id": of.request.practice_id,
                "operation_id": of.id,
                "correlation_id": of.request.correlation_id,
                "client_id": of.request.client_id,
                "attempt": turn.attempt,
                "state": of.state.value,
                "code": None if of.error is None else of.error.get("code"),
                "duration_ms": round(self._seat.elapsed() * 1000),
            },
        )

    def turned_away(self, closed: pacing.Closed | pacing.Killed) -> TurnResult:
        """Nobody may call the practice now: readers are told at once, writes wait in the ledger."""
        try:
            self._begin()
            if isinstance(closed, pacing.Killed):
                self._stopped()
            if self._is_fetch or closed.trip is pacing.Trip.KEY_REFUSED:
                self._fail(_error_of_closed(closed))
            self._park(closed.seconds + 1)
        except Stop as stop:
            return self._ended(stop)
        except Superseded:
            return TurnResult(1.0)

    def _ended(self, stop: Stop) -> TurnResult:
        practice_id = self._seat.practice_id
        if stop.ended is Ended.BACK:
            return TurnResult(stop.seconds)
        if stop.ended is not Ended.PARKED:
            self._on.pace.count(practice_id, waiting=-1)
        return TurnResult()

    def _begin(self) -> None:
        of = self._entry.record
        entry = ledger.begun(self._entry, attempt=of.attempt, holder=self._seat.holder, now=self._on.clock.now())
        if entry is None:
            raise Superseded
        self._remember_writes()
        # A kind that settles outside the ledger may have begun to: nobody could ask the same again.
        self._store(entry if self._kind.settle else ledger.refreshed(entry, now=self._on.clock.now()))
        try:
            self._practice = self._known = self._on.practices.get(of.request.practice_id)
        except NotFound:
            self._fail(NotFound("the practice is no longer connected"))
        if not self._practice.is_open(self._on.clock.now().date()):
            self._mirror.keep_nothing()
        self._take_up_lost_writes()
        self._heed_agreement()
        self._heed_client()
        # What stands in part is tried on: its failures were counted when they happened, and paused for.
        allowed = READ_BACK_TRIES if self._stands() else 0
        if self._entry.record.unfinished > ledger.MAX_FAILURES + allowed:
            self._fail(UpstreamBroken("the operation failed too often and was given up"))
        if self._kind is registered.NOBODYS:
            # The release that took it runs beside this one, or was taken back: soon, or never.
            self._park(pacing.OFFLINE_PROBE_S, orderly=False)

    def _choose_way(self) -> None:
        """Go on by the way that is in use; what was read by another one is read anew."""
        known, seat = self._known, self._seat
        assert known is not None
        if ways.mended(seat.item, known) != seat.item:
            seat.change(lambda item: ways.mended(item, known))
        self._practice = ways.as_reached(known, seat.item.way.by)
        # One that settles changes what is known itself, and what it was told then nobody could ask again.
        told = known if self._kind.settle is None else ledger.as_known(known, self._entry.record.read_as)
        entry = ledger.reached(self._entry, told, self._practice.by)
        if entry.journal != self._entry.journal:
            self._store(entry)
        begun = replace(self._entry.record, read_by=entry.record.read_by, read_as=entry.record.read_as)
        self._entry = replace(self._entry, record=begun)

    def _heed_way(self) -> None:
        """End the turn where its next call goes by another way than it began, or from another network than this."""
        practice = self._target()
        if self._elsewhere is None and self._seat.has_left(practice):
            practice = ways.as_reached(practice, self._seat.item.way.by)
            if self._seat.is_inside(practice):
                self._back(0.0)
        if not self._seat.is_inside(practice):
            self._entry = ledger.handed_over(self._entry, practice.network)
            # A worker puts no turn: whoever waits for the operation does at its next look, or the sweeper.
            self._park(0.0)

    def _heed_agreement(self) -> None:
        """An operation may have waited for days: nothing of patients begins once the practice's agreement has ended.

        What has begun at the office is brought to its end: half a payment is worse than a whole one.
        """
        if self._has_begun() or self._of_practice().is_open(self._on.clock.now().date()):
            return
        if is_protected_request(self._entry.record.request):
            self._fail(BaaMissing("no business associate agreement covers this practice today"))

    def _heed_client(self) -> None:
        """Nor begins what a client wrote that has been revoked since, or has lost the practice: whoever had its key
        may have left writes for days, while the office was offline say.
        """
        of = self._entry.record
        is_old = self._on.clock.now() - of.submitted_at > _STILL_ALLOWED
        if not is_old or of.request.idempotency_key is None or of.request.kind == CONNECT or self._has_begun():
            return
        try:
            client = self._on.callers.client(of.request.client_id)
        except NotFound:
            return
        if client.revoked_at is not None or of.request.practice_id not in client.practices:
            self._fail(NotAllowed("the client may not write to this practice any more"))

    def _has_begun(self) -> bool:
        """Whether anything of it may stand at the office."""
        stands = {StepState.SENT, StepState.UNKNOWN, StepState.DONE}
        return any(step.state in stands for step in self._entry.steps.values())

    def _stands(self) -> bool:
        return any(step.state is StepState.DONE for step in self._entry.steps.values())

    def _remember_writes(self) -> None:
        """An earlier turn may have died before it could mark what its writes changed."""
        for step in self._entry.steps.values():
            if step.state in {StepState.SENT, StepState.UNKNOWN, StepState.DONE}:
                self._mirror.wrote(step.call, None, self._practice)

    def _take_up_lost_writes(self) -> None:
        """A write that an earlier turn marked SENT without an answer was cut off by a crash."""
        for step in self._entry.steps.values():
            if step.state in {StepState.SENT, StepState.UNKNOWN} and step.effect is Effect.ADD:
                self._lost(step.name)

    def _drive(self) -> NoReturn:
        of = self._entry.record
        assert self._known is not None
        asked_as = ways.as_reached(ledger.as_known(self._known, of.read_as), of.read_by)
        context = PlanContext(asked_as, of.id, of.submitted_at, of.reference)
        plan = registered.plan_function(self._kind)(of.request.input, context)
        go_on: Callable[[], UpstreamCall] = partial(next, plan)
        try:
            while True:
                try:
                    call = go_on()
                except StopIteration as stop:
                    self._succeed(stop.value)
                except AppError as error:
                    self._fail(error)
                # Outside the plan's own try: trouble with a service of ours ends the turn and is never told to a plan.
                try:
                    answer = self._answer(call)
                except Told as told:
                    go_on = partial(plan.throw, told.error)
                else:
                    go_on = partial(plan.send, answer)
        finally:
            plan.close()

    def _succeed(self, outcome: Outcome) -> NoReturn:
        of, now, notes = self._entry.record, self._on.clock.now(), tuple(self._notes)
        entry = self._with_notes(keep=False)
        if outcome.rows is not None and of.request.cache_key is not None:
            rows = RowSet(
                {name: [dict(row) for row in rows] for name, rows in outcome.rows.items()},
                as_of=self._as_of or now,
                upstream_calls=entry.record.upstream_calls,
            )
            self._on.cache.put(of.request.practice_id, of.request.cache_key, rows)
        if self._kind.settle is not None:
            # What the plan was told is kept first: after a crash in between, nobody could ask the same again.
            self._store(ledger.noted(entry, notes))
            entry = self._entry
            registered.imported(self._kind.settle)(outcome, self._of_practice(), self._on)
        self._store(
            ledger.succeeded(
                entry,
                now=now,
                result=outcome.body,
                created=outcome.created,
                warnings=outcome.warnings,
                as_of=self._as_of,
            )
        )
        if self._kind.afterwards is not None:
            # It is done, whatever becomes of this; a turn that dies here leaves what ends by itself.
            with suppress(Unavailable):
                registered.imported(self._kind.afterwards)(of.request, self._on)
        raise Stop(Ended.SETTLED)

    def _fail(self, error: AppError) -> NoReturn:
        """End the operation with `error`; an open `set` is first settled by sending it once more, later."""
        for step in self._entry.steps.values():
            if step.state in {StepState.SENT, StepState.UNKNOWN}:
                self._lost(step.name)
        if self._kind.give_up is not None and self._practice is not None:
            registered.imported(self._kind.give_up)(error, self._practice, self._on)
        self._store(ledger.failed(self._with_notes(keep=False), problem_of(error), now=self._on.clock.now()))
        raise Stop(Ended.SETTLED)

    def _give_up(self, error: AppError) -> NoReturn:
        """Fail for trouble on the way, unless a part stands: then the rest is tried for a day, in growing pauses.

        A write that stands must not be called failed because it could not be read back.
        """
        tries = self._entry.record.unfinished - ledger.MAX_FAILURES
        if self._stands() and tries < READ_BACK_TRIES:
            self._park(min(pacing.MAX_VISIBILITY_S, 60.0 * 2 ** min(tries, 10)), orderly=False)
        self._fail(error)

    def _park(self, seconds: float, *, orderly: bool = True) -> NoReturn:
        until = self._on.clock.now() + timedelta(seconds=seconds)
        entry = self._with_notes()
        if not orderly:
            entry = ledger.failed_once(entry)  # `parked` takes back what `begun` counted; this one was real
        # Counted first: from the save on, whoever waits for it may wake it and count it off again.
        self._on.pace.count(self._seat.practice_id, parked=1)
        try:
            self._store(ledger.parked(entry, until=until))
        except Superseded:
            self._on.pace.count(self._seat.practice_id, parked=-1)
            raise
        raise Stop(Ended.PARKED)

    def _back(self, seconds: float) -> NoReturn:
        if not self._has_message:
            self._park(seconds)
        self._store(ledger.paused(self._with_notes(), now=self._on.clock.now()))
        raise Stop(Ended.BACK, seconds)

    # -- answers ----------------------------------------------------------------------------------------------------

    def _answer(self, call: UpstreamCall) -> UpstreamAnswer:
        if call.operation == HELD_TIMES:
            return self._held_times(call.query)
        if call.operation == OFFICE_WORDS:
            return self._office_words(call.query["tables"])
        effect = effect_of(call)
        return self._read(call) if effect is Effect.READ else self._write(call, effect)

    def _held_times(self, asked: Mapping[str, Any]) -> UpstreamAnswer:
        # A write that was sent is past all doubt about holds; its plan has to come to the same step again.
        if self._entry.steps:
            return UpstreamAnswer(200, [])
        days = [date.fromisoformat(asked[name]) for name in ("first", "last")]
        now = self._on.clock.now()
        kept = holds.live(self._on.holds.kept(self._seat.practice_id, *days, now=now), now=now, but=asked["but"])
        return UpstreamAnswer(200, holds.rows_of(kept))

    def _office_words(self, tables: Sequence[Table]) -> UpstreamAnswer:
        practice, on = self._of_practice(), cast("Services", self._on)
        kept = {one: kept_reference(f"fetch.{one}", input_of(one), practice=practice, on=on) for one in tables}
        return UpstreamAnswer(200, {one: rows.rows[one] for one, rows in kept.items() if rows is not None})

    def _read(self, call: UpstreamCall) -> UpstreamAnswer:
        asked = canonical_hash([call.operation, call.path, call.query, call.body])
        journal = self._entry.journal
        if self._replayed < len(journal):
            note = journal[self._replayed]
            self._replayed += 1
            if note.asked == asked:
                if note.answer is None:
                    raise Told(error_of(note.problem or {}))
                self._seen(note.answer)
                return note.answer
            # The plan asks otherwise than it did (a new release): nothing after this answers it.
            self._replayed = len(journal)
        self._elsewhere = self._said_to_be_at() if call.elsewhere else None
        while True:
            self._slot()
            asked_at = self._on.clock.now()
            try:
                answer = self._send(call)
            except pacing.LeaseLost:
                self._back(1.0)
            except upstream.OpenDentalError as error:
                if isinstance(error, upstream.NotFound):
                    self._mirror.missed(call, asked_at, self._practice)
                problem = self._after_failed_read(error)
                if problem is None:
                    continue
                self._notes.append(Note(asked, problem=problem_of(problem)))
                raise Told(problem) from None
            self._mirror.saw(call, answer)
            self._notes.append(Note(asked, answer))
            self._seen(answer)
            return answer

    def _after_failed_read(self, error: upstream.OpenDentalError) -> AppError | None:
        """None: ask again, in another slot; an error: for the plan. Otherwise the turn stops here."""
        if isinstance(error, upstream.Throttled):
            return None
        if self._elsewhere is not None:
            return self._after_trying(error)
        if self._kind.pending_keys and isinstance(error, upstream.Unauthorized | upstream.KeyNotAssigned):
            return KeyNotUsable("Open Dental refuses the key", upstream=_said(error))
        error = self._settled_401(error)
        if isinstance(error, upstream.PracticeOffline):
            self._offline()
        if isinstance(error, upstream.KeyRefused | upstream.KeyNotAssigned):
            self._key_refused(error)
        if isinstance(error, upstream.OutcomeUnknown | upstream.NotSent):
            self._entry = ledger.failed_once(self._entry)
            if self._kind.pending_keys and isinstance(error, upstream.NotSent):
                self._not_reached()
            if self._entry.record.unfinished > ledger.MAX_FAILURES:
                self._give_up(_broken(error))
            return None
        return app_error_of(error)

    def _after_trying(self, error: upstream.OpenDentalError) -> AppError | None:
        """What a way to the office that is not in use yet did not answer: the practice's own way is none the worse."""
        self._unreached += 1
        if isinstance(error, upstream.OutcomeUnknown | upstream.NotSent) and self._unreached < CONNECT_TRIES:
            return None
        if isinstance(error, upstream.NotSent | upstream.PracticeOffline):
            return Unreachable("nobody answers at base_url", param="fallback.base_url", upstream=_said(error))
        return app_error_of(error)

    def _said_to_be_at(self) -> Practice:
        assert self._known is not None
        said = registered.imported(self._kind.elsewhere or "")(self._entry.record.request.input)
        return ways.as_reached(replace(self._known, fallback=said), WayName.FALLBACK)

    def _write(self, call: UpstreamCall, effect: Effect) -> UpstreamAnswer:
        self._elsewhere = None
        name = call.step or ""
        step = self._entry.steps.get(name)
        if step is not None:
            if step.state is StepState.DONE:
                if step.sent_by != self._seat.holder:
                    # Found by evidence, or the turn that sent it died before it could say so to the cache.
                    self._wrote(step.call)
                return step.answer or UpstreamAnswer(200)
            if step.state is StepState.REFUSED:
                raise Told(error_of(step.problem or {}))
            if step.state is StepState.NOT_DONE:
                raise Told(NotWritten("a lost write was looked for and is not there"))
        while True:
            # While the slot is waited for anyhow.
            self._slot(meanwhile=partial(self._intend, name, call))
            now = self._on.clock.now()
            of = self._entry.record
            if self._kind.recheck is not None:
                try:
                    registered.imported(self._kind.recheck)(call, of.request, self._on)
                except AppError as error:
                    if isinstance(error, Unavailable):
                        raise
                    self._trail.note(about(self._entry, name, call, Phase.NOT_SENT, at=now))
                    raise Told(error) from None
            marked = ledger.sent(
                self._with_notes(), call, effect, attempt=of.attempt, holder=self._seat.holder, now=now
            )
            self._store(marked)
            try:
                answer = self._send(call)
            except pacing.LeaseLost:
                self._entry = ledger.unsent(self._entry, name)
                self._back(1.0)
            except upstream.OpenDentalError as error:
                self._after_failed_write(name, effect, error)
                continue
            if effect is Effect.ADD and not _names_its_row(call, answer):
                # The body got lost on its way: what stands, if anything, only evidence can tell.
                self._lost(name)
            self._done(name, answer)
            self._wrote(call, answer)
            return answer

    def _intend(self, name: str, call: UpstreamCall) -> None:
        """Have it in the trail that this is about to be sent; without that nothing is marked, nor sent."""
        try:
            known = ledger.noted(self._entry, self._notes)
            self._trail.note(about(known, name, call, Phase.INTENT, at=self._on.clock.now()))
        except AuditUnavailable as error:
            self._back(error.retry_after)

    def _after_failed_write(self, name: str, effect: Effect, error: upstream.OpenDentalError) -> None:
        """Returning means: send it again, in another slot. Otherwise the turn stops, or the plan gets an error."""
        if not error.nothing_done:
            if effect is Effect.ADD:
                self._lost(name)
            self._wrote(self._entry.steps[name].call)
            self._entry = ledger.failed_once(self._entry)
            if isinstance(error, upstream.PracticeOffline):
                self._offline()
            if self._entry.record.unfinished > ledger.MAX_FAILURES:
                self._lost(name)
            return
        if isinstance(error, upstream.Unavailable):
            self._entry = ledger.unsent(self._entry, name)
            if isinstance(error, upstream.PracticeOffline):
                self._offline()
            if isinstance(error, upstream.NotSent):
                self._entry = ledger.failed_once(self._entry)
                if self._entry.record.unfinished > ledger.MAX_FAILURES:
                    self._give_up(_broken(error))
            # Stored before the pause: until then a crash leaves a SENT mark that has to be looked for.
            self._store(self._with_notes())
            return
        refused = _said(error)
        told = {**problem_of(self._refusal_of(name, error)), "step": name}
        try:
            self._store(ledger.step_to(self._with_notes(), name, StepState.REFUSED, problem=told))
        except Superseded:
            self._tell_late(name, problem=told)
            raise
        error = self._settled_401(error)
        if isinstance(error, upstream.KeyRefused | upstream.KeyNotAssigned):
            self._key_refused(error)
        problem = self._refusal_of(name, error)
        problem.upstream = refused
        raise Told(problem) from None

    def _refusal_of(self, name: str, error: upstream.OpenDentalError) -> AppError:
        """What a refused write means to a caller: that of a repeat says nothing of the first sending."""
        problem = app_error_of(error)
        if self._entry.steps[name].in_doubt:
            problem.detail += "; it was sent before without an answer, and may stand all the same"
            problem.more["may_stand"] = True
        return problem

    def _done(self, name: str, answer: UpstreamAnswer) -> None:
        call = self._entry.steps[name].call
        if call.evidence is not None and call.makes_a_row:
            # Perhaps nothing in the row says it is ours (any more): an equal write that was lost must not take it.
            key = ledger.key_of(answer.row, call.evidence.key_field)
            if key is not None:
                self._on.ledger.claim(self._seat.practice_id, call.operation, key, by=self._entry.record.id)
        try:
            self._store(ledger.step_to(self._with_notes(), name, StepState.DONE, answer=answer))
        except Superseded:
            self._tell_late(name, answer=answer)
            raise

    def _tell_late(
        self, name: str, *, answer: UpstreamAnswer | None = None, problem: Mapping[str, object] | None = None
    ) -> None:
        """Another turn has the operation by now; what this one alone knows settles its step all the same."""
        for _ in range(5):
            was = self._on.ledger.load(self._entry.record.id)
            now = self._on.clock.now()
            entry = ledger.late_answer(was, name, self._seat.holder, answer=answer, problem=problem, now=now)
            if entry is None:
                return
            self._trail.before_save(entry, was)
            try:
                self._on.ledger.save(entry, was=was)
            except Superseded:
                continue
            return

    def _lost(self, name: str) -> NoReturn:
        """The operation is unknown from here on; evidence is looked for in the background."""
        self._mirror.wrote(self._entry.steps[name].call, None, self._practice)
        self._store(ledger.lost(self._with_notes(), name))
        self._on.cache.wrote(self._seat.practice_id, self._on.clock.now())
        due = self._entry.record.due_at
        if due is not None:
            at = due.timestamp()
            self._seat.change(lambda item: pacing.work_due(item, at))
        raise Stop(Ended.UNKNOWN)

    def _wrote(self, call: UpstreamCall, answer: UpstreamAnswer | None = None) -> None:
        self._mirror.wrote(call, answer, self._practice)
        self._on.cache.wrote(self._seat.practice_id, self._on.clock.now())

    # -- calling ----------------------------------------------------------------------------------------------------

    def _slot(self, meanwhile: Callable[[], None] = lambda: None) -> float:
        """Reserve the next slot, do `meanwhile`, and wait until shortly before the slot; or end the turn."""
        self._heed_way()
        try:
            self._slot_at = self._seat.slot(self._target())
            meanwhile()
            self._seat.look_again(self._target(), self._slot_at, ahead_s=CONNECT_AHEAD_S + MARK_AHEAD_S)
        except Exhausted:
            # A message that comes back keeps its place, and everybody behind it waiting. So it comes back at once
            # where nobody is behind; else it parks, and is put behind them by whoever waits for it, or by the sweeper.
            if self._seat.item.ready <= 1:
                self._back(0.0)
            self._park(0.0)
        except SlotTooFar as far:
            if far.seconds <= pacing.MAX_VISIBILITY_S:
                self._back(far.seconds)
            self._park(far.seconds)
        except pacing.LeaseLost:
            self._back(1.0)
        except pacing.Killed:
            self._stopped()
        return self._slot_at

    def _send(self, call: UpstreamCall) -> UpstreamAnswer:
        practice = self._target()
        before = self._seat.calls
        try:
            if self._elsewhere is not None:
                return self._seat.send(practice, call, slot=self._slot_at, trips=False)
            if self._kind.pending_keys:
                return self._seat.send(registered.as_pending(practice), call, slot=self._slot_at, trips=False)
            return self._seat.send(practice, call, slot=self._slot_at)
        finally:
            self._calls += self._seat.calls - before

    def _settled_401(self, error: upstream.OpenDentalError) -> upstream.OpenDentalError:
        """A 401 without words: ask what the key may do, and if not even that, what the FHIR side says."""
        if type(error) is not upstream.Unauthorized:
            return error
        try:
            self._slot()
            rows = self._send(UpstreamCall("securityperms.list")).rows
            return error.settled({str(row.get("Permission", "")): _is_true(row.get("HasPermission")) for row in rows})
        except upstream.Unauthorized:
            pass
        except upstream.OpenDentalError:
            return error
        try:
            self._slot()
            self._send(UpstreamCall(FHIR_CAPABILITY))
        except upstream.Unauthorized:
            return error.settled(None)
        except upstream.OpenDentalError:
            pass
        return error

    def _offline(self) -> NoReturn:
        # Another way may have been taken, and then somebody answers.
        self._heed_way()
        if self._is_fetch:
            self._fail(PracticeOffline("the practice does not answer", retry_after=pacing.OFFLINE_PROBE_S))
        self._park(pacing.OFFLINE_PROBE_S + 1)

    def _stopped(self) -> NoReturn:
        """An operator has stopped all calls: readers are told at once, writes wait in the ledger."""
        if self._is_fetch:
            self._fail(CallsStopped("an operator has stopped all calls of this practice", retry_after=KILLED_AGAIN_S))
        self._park(KILLED_AGAIN_S)

    def _not_reached(self) -> None:
        """A practice that is being connected, at an address that was never right: somebody waits to be told."""
        self._unreached += 1
        if self._unreached >= CONNECT_TRIES and not (self._entry.journal or self._notes):
            other = self._other_way()
            if other is not None:
                self._entry = ledger.handed_over(self._entry, other.network)
                # A worker puts no turn: whoever waits for the operation does at its next look, or the sweeper.
                self._park(0.0)
            self._fail(Unreachable("nobody answers at base_url", param="base_url"))

    def _other_way(self) -> Practice | None:
        if self._kind.other_way is None or self._known is None:
            return None
        other: Practice | None = registered.imported(self._kind.other_way)(self._known, self._on)
        return other

    def _key_refused(self, error: upstream.OpenDentalError) -> NoReturn:
        self._on.notices.note(self._seat.practice_id, "key-refused", self._on.clock.now())
        self._fail(KeyNotUsable("Open Dental refuses the practice's key", upstream=_said(error)))

    # -- the entry --------------------------------------------------------------------------------------------------

    def _with_notes(self, *, keep: bool = True) -> Entry:
        """The entry with what has been learned since the last save. A settled one needs no new journal."""
        calls, self._calls = self._calls, 0
        notes, self._notes = self._notes, []
        entry = ledger.counted(self._entry, calls)
        if not keep:
            return entry
        if notes:
            self._replayed = len(entry.journal) + len(notes)
        return ledger.noted(entry, notes)

    def _store(self, entry: Entry) -> None:
        if entry.record.state is not OperationState.RUNNING:
            # Whoever learns that it is settled finds in the mirror what it did, or is sent to Open Dental.
            self._mirror.settle()
        self._trail.before_save(entry, self._stored)
        self._entry = self._on.ledger.save(entry, was=self._stored)
        self._stored = self._entry

    def _seen(self, answer: UpstreamAnswer) -> None:
        if answer.started_at is not None and (self._as_of is None or answer.started_at < self._as_of):
            self._as_of = answer.started_at

    def _of_practice(self) -> Practice:
        assert self._practice is not None
        return self._practice

    def _target(self) -> Practice:
        """The practice as the next call reaches it."""
        return self._elsewhere or self._of_practice()


_REFUSALS: tuple[tuple[type[upstream.OpenDentalError], type[AppError], str], ...] = (
    (upstream.NotFound, NotFound, "Open Dental has no such record"),
    (upstream.VersionTooOld, VersionTooOld, "the office runs an Open Dental that cannot do this yet"),
    (upstream.Gone, OperationClosed, "Open Dental has withdrawn this method"),
    (upstream.KeyRefused, KeyNotUsable, "Open Dental refuses the practice's key"),
    (upstream.KeyNotAssigned, KeyNotUsable, "no office has added the practice's key yet"),
    (upstream.Unauthorized, PermissionMissing, "the practice's key lacks a permission for this"),
    (upstream.Invalid, UpstreamRefused, "Open Dental calls this invalid"),
    (upstream.Refused, UpstreamRefused, "Open Dental refused this"),
)


def app_error_of(error: upstream.OpenDentalError) -> AppError:
    """What Open Dental's refusal means to a caller; the vendor's own words go into `upstream` only."""
    for theirs, ours, detail in _REFUSALS:
        if isinstance(error, theirs):
            more = {"version": error.since} if isinstance(error, upstream.VersionTooOld) else {}
            if isinstance(error, upstream.Unauthorized) and ours is PermissionMissing:
                more = {"permission": error.permission, "tier": price_tier(error.permission)}
            param = error.param if isinstance(error, upstream.Invalid) else None
            return ours(detail, param=param, upstream=_said(error), **more)
    return _broken(error)


def _broken(error: upstream.OpenDentalError) -> AppError:
    if isinstance(error, upstream.TimedOut):
        return UpstreamTimedOut("Open Dental did not finish in time", upstream=_said(error))
    return UpstreamBroken("no usable answer came from Open Dental", upstream=_said(error))


def _names_its_row(call: UpstreamCall, answer: UpstreamAnswer) -> bool:
    """Whether the answer to an `add` says which row it made; without the key nobody can tell that there is one.

    Some actions change a row and answer nothing at all (`appointments.Break`): there success is all there is to say.
    """
    if call.evidence is None or catalogue.operation(call.operation).shape == "none":
        return True
    return bool(ledger.key_of(answer.row, call.evidence.key_field))


def _said(error: upstream.OpenDentalError) -> dict[str, object]:
    return {"status": error.status, "message": error.message}


def _error_of_closed(closed: pacing.Closed) -> AppError:
    if closed.trip is pacing.Trip.OFFLINE:
        return PracticeOffline("the practice does not answer", retry_after=max(1.0, closed.seconds))
    if closed.trip is pacing.Trip.KEY_REFUSED:
        return KeyNotUsable("Open Dental refuses the practice's key; it is tried again once an hour")
    return UpstreamBroken("Open Dental's answers cannot be used at the moment", retry_after=round(closed.seconds, 1))


def _is_true(value: object) -> bool:
    return str(value).casefold() == "true"
