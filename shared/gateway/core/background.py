"""Work that nobody waits for: in the practice's own seat, giving way as soon as somebody does.

Kinds of work come in a fixed order: reconcile lost writes, then (as they are built) feeds that are due, the care of
subscriptions, first loads, sweeps. A turn of this lane is offered by `lane` when something is due, or taken by a
worker that ends an interactive turn and sees nobody waiting. Its lease is on the pace item and runs out by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from gateway.core import engine, ledger, pacing, registry
from gateway.core.errors import NotFound, Unavailable
from gateway.core.ledger import Effect, Entry, Step
from gateway.core.operations import OperationState, StepState
from gateway.core.plans import Evidence, UpstreamAnswer, UpstreamCall
from gateway.core.practices import Practice
from gateway.core.seat import Exhausted, Seat, SlotTooFar
from gateway.core.worker import Superseded, WorkerServices
from open_dental import errors as upstream
from open_dental.paging import Paging

PROBE = UpstreamCall("securityperms.list")
"""The cheapest question that shows that an office answers and its key is right."""


LAST_LOOK_S = 0.08
"""How long before its slot a background call looks once more whether somebody waits."""


HUNGRY_S = 180.0
"""A practice that is called all day long must still learn what became of its lost writes: at a call a minute."""


class GiveWay(Exception):
    """Somebody waits, or the time is over: background work stops after the running call."""


class CouldNotLook(Exception):
    """The practice did not answer this read, or not usably."""


class BackgroundTurn:
    """What background work may do in a seat: one read after another, until it has to give way."""

    def __init__(self, seat: Seat, practice: Practice, *, kinds: Mapping[str, registry.Kind]) -> None:
        self.on: WorkerServices = seat.on
        self.practice = practice
        self._seat = seat
        self._kinds = kinds
        self._until = seat.elapsed() + seat.budget.background_s
        self._took_s = 0.0
        due = seat.item.next_due_at
        self._hungry = due is not None and seat.now() - due > HUNGRY_S
        # While the vendor refuses too much of what the deployment sends, every second slot stays empty.
        self._halved = seat.on.governor.minute(seat.on.clock.now()).too_many_refused

    def call(self, call: UpstreamCall, *, gives_way: bool = True) -> UpstreamAnswer:
        """Make one read in the next slot.

        `gives_way` False is for a probe: those who wait wait for it. Work that has been kept away for HUNGRY_S makes
        the first call of its turn whoever waits; the lane offers a turn once a minute at most.

        Raises:
            GiveWay: not made; let it through. CouldNotLook: the practice did not answer usably.
        """
        seat = self._seat
        if seat.elapsed() >= self._until:
            raise GiveWay
        try:
            slot = seat.slot(self.practice, spare=self._spare_s())
        except (Exhausted, SlotTooFar, pacing.Killed, pacing.LeaseLost) as error:
            raise GiveWay from error
        if gives_way and (seat.calls or not self._hungry):
            self._let_others_by(slot)
            seat.wait_until(slot - LAST_LOOK_S)
            # Whoever came while this call waited takes its slot, or they would wait for this slot and the next one.
            seat.change(lambda item: item)
            self._let_others_by(slot)
        try:
            return seat.send(self.practice, call, slot=slot)
        except pacing.LeaseLost as error:
            raise GiveWay from error
        except upstream.OpenDentalError as error:
            raise CouldNotLook from error
        finally:
            self._took_s = max(0.0, seat.now() - slot)

    def _spare_s(self) -> float:
        """What is left unused before the next slot: as long as a call has its slot to itself, so that half remains."""
        if not self._halved:
            return 0.0
        key, floor_s = self.practice.key_fingerprint, pacing.floor_of(self.practice)
        return max(pacing.key_pace(self._seat.item, key, floor_s).interval_s, self._took_s, 0.5)

    def _let_others_by(self, slot: float) -> None:
        if pacing.must_give_way(self._seat.item):
            key = self.practice.key_fingerprint
            self._seat.change(lambda item: pacing.give_back(item, key, slot))
            raise GiveWay

    def read_all(self, call: UpstreamCall) -> list[Mapping[str, object]]:
        """All rows of a list, over all its pages.

        Raises: GiveWay. CouldNotLook: also when the pages moved so that some rows may be missing.
        """
        paging = Paging(call.operation, call.query, page_limit=self.practice.page_limit)
        rows: list[Mapping[str, object]] = []
        while (query := paging.next_query()) is not None:
            answer = self.call(UpstreamCall(call.operation, path=call.path, query=query))
            rows += paging.take(answer.rows)
        if not paging.complete:
            raise CouldNotLook
        return rows

    def go_on_with(self, entry: Entry) -> None:
        """Continue the plan of an operation whose lost write has just been settled.

        It is a caller's again: if somebody else waits, or something is amiss, the sweeper gives it a turn instead.
        """
        if pacing.must_give_way(self._seat.item):
            raise GiveWay
        woken = ledger.put_again(entry, now=self.on.clock.now())
        if woken is None:
            return
        try:
            woken = self.on.ledger.save(woken, was=entry)
        except Superseded:
            return
        self.on.pace.count(self.practice.id, parked=-1)
        engine.OperationRun(self._seat, woken, kinds=self._kinds, has_message=False).run()


class Work(Protocol):
    """One kind of background work."""

    def run(self, turn: BackgroundTurn) -> None:
        """Do what is due. GiveWay passes through: what is left is due at once."""
        ...

    def next_due(self, practice_id: str, *, on: WorkerServices) -> datetime | None:
        """When this kind has something to do for the practice; None: nothing is known."""
        ...


class Reconcile:
    """Looks for writes whose answers were lost, and settles their operations by what it finds.

    An operation that cannot be read is passed over: it must not keep the lane from all that comes after it. If the
    trouble was passing, the sweeper finds it overdue.
    """

    def run(self, turn: BackgroundTurn) -> None:
        """See `Work.run`."""
        for operation_id in turn.on.ledger.unsettled(turn.practice.id):
            try:
                entry = turn.on.ledger.load(operation_id)
            except (NotFound, Unavailable):
                continue
            due = entry.record.due_at
            if entry.record.state is OperationState.UNKNOWN and due is not None and due <= turn.on.clock.now():
                self._settle(entry, turn)

    def next_due(self, practice_id: str, *, on: WorkerServices) -> datetime | None:
        """See `Work.next_due`."""
        times = []
        for operation_id in on.ledger.unsettled(practice_id):
            try:
                times.append(on.ledger.load(operation_id).record.due_at)
            except (NotFound, Unavailable):
                continue
        return min((at for at in times if at is not None), default=None)

    def _settle(self, was: Entry, turn: BackgroundTurn) -> None:
        on = turn.on
        step = next((one for one in was.steps.values() if one.state is StepState.UNKNOWN), None)
        if step is None:
            return
        if step.effect is Effect.SET:
            entry = ledger.send_again(was, step.name, now=on.clock.now())
        else:
            entry = self._by_evidence(was, step, turn)
        try:
            entry = on.ledger.save(entry, was=was)
        except Superseded:
            return  # A late answer was faster than the evidence.
        if entry.record.state is OperationState.QUEUED:
            on.pace.count(turn.practice.id, waiting=1, parked=1)
            turn.go_on_with(entry)

    def _by_evidence(self, was: Entry, step: Step, turn: BackgroundTurn) -> Entry:
        on, practice_id, by = turn.on, turn.practice.id, was.record.id
        evidence = step.call.evidence
        if evidence is None:
            on.notices.note(practice_id, "ambiguous-write", on.clock.now())
            return ledger.nobody_can_look(was, step.name, now=on.clock.now())
        operation = step.call.operation
        try:
            rows = turn.read_all(evidence.look)
        except CouldNotLook:
            return ledger.could_not_look(was, now=on.clock.now())
        # Without a reference two equal writes look alike: a row that is another one's answer proves nothing.
        new = _keys(rows, evidence) - evidence.known_keys if step.call.makes_a_row else frozenset()
        taken = on.ledger.taken(practice_id, operation, new, by=by)
        look = ledger.judge(evidence, rows, taken=taken)
        if look.found is ledger.Found.ONE and step.call.makes_a_row:
            key = _keys([look.row or {}], evidence)
            if not all(on.ledger.claim(practice_id, operation, one, by=by) for one in key):
                look = ledger.Look(ledger.Found.NONE)
        if look.found is ledger.Found.SEVERAL:
            on.notices.note(practice_id, "ambiguous-write", on.clock.now())
        return ledger.settled_by(was, step.name, look, now=on.clock.now())


def _keys(rows: list[Mapping[str, object]], evidence: Evidence) -> frozenset[int]:
    found = (ledger.key_of(row, evidence.key_field) for row in rows)
    return frozenset(key for key in found if key is not None)


WORK: tuple[Work, ...] = (Reconcile(),)
"""In the order of their claim to the lane: reconcile, feeds, subscriptions, first load, sweep."""


def run_background_turn(seat: Seat, *, kinds: Mapping[str, registry.Kind]) -> engine.TurnResult:
    """A turn of the background lane: a probe if the breaker wants one, then what is due.

    Its message never comes back: what could not be done is due again, and the lane offers it again.
    """
    try:
        seat.enter()
    except (pacing.Busy, pacing.Killed, pacing.Closed):
        # Whoever is in the seat goes on in the background by itself, or the lane offers the turn again.
        seat.change(lambda item: pacing.close_lane(item, item.next_due_at))
        return engine.TurnResult()
    try:
        _work(seat, kinds=kinds)
    finally:
        seat.leave()
    return engine.TurnResult()


def go_on_in_background(seat: Seat, *, kinds: Mapping[str, registry.Kind]) -> None:
    """After an interactive turn: use the slots that nobody else wants, in the same invocation."""
    now = seat.now()
    seat.tell()
    item = seat.on.pace.load(seat.practice_id)
    seat.item = item
    is_due = item.next_due_at is not None and item.next_due_at <= now
    if is_due and not pacing.must_give_way(item) and item.breaker.trip is None and item.holder == seat.holder:
        _work(seat, kinds=kinds)


def _work(seat: Seat, *, kinds: Mapping[str, registry.Kind]) -> None:
    try:
        practice = seat.on.practices.get(seat.practice_id)
    except NotFound:
        seat.change(lambda item: pacing.close_lane(item, None))
        return
    turn = BackgroundTurn(seat, practice, kinds=kinds)
    gave_way = False
    try:
        if seat.item.breaker.trip is not None:
            turn.call(PROBE, gives_way=False)
            seat.tell()
        for work in WORK:
            work.run(turn)
    except (GiveWay, CouldNotLook):
        gave_way = True
    due = [at.timestamp() for work in WORK if (at := work.next_due(seat.practice_id, on=seat.on)) is not None]
    if gave_way and due:
        due.append(seat.now())
    next_due_at = min(due, default=None)
    seat.change(lambda item: pacing.close_lane(item, next_due_at))
