"""Work that nobody waits for: in the practice's own seat, giving way as soon as somebody does.

Kinds of work come in a fixed order: reconcile lost writes, then feeds that are due, a look at what may be done there,
the care of subscriptions, first loads, sweeps. A turn of this lane is offered by `lane` when something is due, or taken
by a worker that ends an interactive turn and sees nobody waiting. Its lease is on the pace item and runs out by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol

from gateway.core import engine, ledger, pacing, registry, ways
from gateway.core.audit.writes import WriteTrail
from gateway.core.baa.warning import Warnings
from gateway.core.background_turn import BackgroundTurn, CouldNotLook, GiveWay
from gateway.core.drift.probe import Probe
from gateway.core.errors import NotFound, Unavailable
from gateway.core.health import fleet
from gateway.core.ledger import Effect, Entry, Step
from gateway.core.mirror.changes import Feeds
from gateway.core.mirror.due_recalls import DueRecalls
from gateway.core.mirror.load import FirstLoad
from gateway.core.mirror.sweeps import Sweeps
from gateway.core.mirror.unlisted import Unlisted
from gateway.core.mirror.untold import Untold
from gateway.core.native.care import Care
from gateway.core.operations import OperationState, StepState
from gateway.core.plans import Evidence, UpstreamCall
from gateway.core.practices import Practice
from gateway.core.rotation.stepping import Rotating
from gateway.core.seat import Exhausted, Seat, SlotTooFar
from gateway.core.worker import Superseded
from open_dental import errors as upstream

MIRROR_LATE = timedelta(minutes=15)
"""A mirror that was due so long ago is late; at a key's slowest a round of all feeds takes less."""

PROBE = UpstreamCall("securityperms.list")
"""The cheapest question that shows that an office answers and its key is right."""


class Work(Protocol):
    """One kind of background work."""

    def run(self, turn: BackgroundTurn) -> None:
        """Do what is due. GiveWay passes through: what is left is due at once."""
        ...

    def next_due(self, turn: BackgroundTurn) -> datetime | None:
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

    def next_due(self, turn: BackgroundTurn) -> datetime | None:
        """See `Work.next_due`."""
        times = []
        for operation_id in turn.on.ledger.unsettled(turn.practice.id):
            try:
                times.append(turn.on.ledger.load(operation_id).record.due_at)
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
        WriteTrail(on).before_save(entry, was)
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


BETWEEN_OTHERS_S: Final = 2.0
"""How often a turn that is to try the first way looks whether the practice's seat is free."""

WORK: tuple[Work, ...] = (
    Reconcile(),
    Rotating(),
    Warnings(),
    Feeds(),
    Unlisted(),
    DueRecalls(),
    Untold(),
    Probe(),
    Care(),
    FirstLoad(),
    Sweeps(),
)
"""By their claim to the lane: reconcile, an exchange of keys, warnings, feeds, what asks little or nobody, what may be
done, subscriptions, first load and sweep."""


def run_background_turn(seat: Seat, *, kinds: Mapping[str, registry.Kind]) -> engine.TurnResult:
    """A turn of the background lane: a probe if the breaker wants one, then what is due.

    Its message does not come back: what could not be done is due again, and the lane offers it again. Except where it
    is to try the first way while the fallback is in use: whoever has the seat there cannot do that, and may have it
    whenever the lane looks.
    """
    try:
        seat.enter()
    except (pacing.Busy, pacing.Killed, pacing.Closed) as closed:
        if isinstance(closed, pacing.Busy) and _is_for_first_way(seat):
            return engine.TurnResult(BETWEEN_OTHERS_S)
        # Whoever is in the seat goes on in the background by itself, or the lane offers the turn again.
        seat.change(lambda item: pacing.close_lane(pacing.begin_lane(item), item.next_due_at, rhythm_s=item.rhythm_s))
        return engine.TurnResult()
    seat.change(pacing.begin_lane)
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
    # A practice without a lane was never looked at: from here on it is, once a day.
    is_due = item.next_due_at is None or item.next_due_at <= now
    if is_due and not pacing.must_give_way(item) and item.breaker.trip is None and item.holder == seat.holder:
        _work(seat, kinds=kinds)


def _work(seat: Seat, *, kinds: Mapping[str, registry.Kind]) -> None:
    try:
        practice = seat.on.practices.get(seat.practice_id)
    except NotFound:
        seat.change(lambda item: pacing.close_lane(item, None))
        return
    if practice.fallback is not None or ways.mended(seat.item, practice) != seat.item:
        _try_first_way(seat, practice)
        practice = ways.as_reached(practice, seat.item.way.by)
    if not seat.is_inside(practice):
        # The lane belongs to the other network's worker; what is due there stays due.
        return
    turn = BackgroundTurn(seat, practice, kinds=kinds)
    gave_way = False
    try:
        if seat.item.breaker.trip is pacing.Trip.KEY_REFUSED:
            # The office may have taken the old key out when it added the new one.
            Rotating().run(turn)
        if seat.item.breaker.trip is not None:
            turn.call(PROBE, gives_way=False)
            seat.tell()
        for work in WORK:
            work.run(turn)
    except (GiveWay, CouldNotLook):
        gave_way = True
    due = [at.timestamp() for work in WORK if (at := work.next_due(turn)) is not None]
    if gave_way and due:
        due.append(seat.now())
    next_due_at = min(due, default=None)
    late_since = _late_since(turn, seat)
    if (late_since is not None) is not seat.item.is_late:
        # Before it is stored that this was noted, so that whoever dies in between notes it once more.
        fleet.set_right(seat.on.fleet, fleet.Trouble.MIRROR_LATE, seat.practice_id, since=late_since)
    is_late = late_since is not None
    seat.change(lambda item: pacing.close_lane(item, next_due_at, rhythm_s=turn.rhythm_s, is_late=is_late))


def _late_since(turn: BackgroundTurn, seat: Seat) -> datetime | None:
    """Since when the mirror was to be brought up to date and was not, where that is long; None also for a practice
    that does not answer, which is told of as such."""
    at = Feeds().next_due(turn) if seat.item.breaker.trip is None else None
    return at if at is not None and turn.on.clock.now() - at > MIRROR_LATE else None


def _is_for_first_way(seat: Seat) -> bool:
    """Whether this worker alone can try the first way, and it is time to."""
    try:
        known = seat.on.practices.get(seat.practice_id)
    except NotFound:
        return False
    item = seat.on.pace.load(seat.practice_id)
    is_elsewhere = known.fallback is not None and known.fallback.network != known.network
    return is_elsewhere and seat.is_inside(known) and ways.first_is_due(item, seat.now())


def _try_first_way(seat: Seat, known: Practice) -> None:
    """Ask by the first way whether it answers again, where it is time to and this worker is where it begins."""
    seat.change(lambda item: ways.mended(item, known))
    if not (ways.first_is_due(seat.item, seat.now()) and seat.is_inside(known)):
        return
    try:
        seat.send(known, PROBE, slot=seat.slot(known), trips=False)
        answers = True
    except (Exhausted, SlotTooFar, pacing.Killed, pacing.LeaseLost):
        return
    except upstream.OpenDentalError as error:
        # Whoever refuses a call answers.
        answers = isinstance(error, upstream.Refused)
    if answers:
        seat.tell_way(known)
    now = seat.now()
    seat.change(lambda item: ways.first_tried(item, known, answers=answers, now=now))
