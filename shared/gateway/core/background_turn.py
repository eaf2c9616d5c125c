"""What background work may do in a practice's seat: one call after another, until it has to give way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from gateway.core import engine, ledger, pacing, registry
from gateway.core.audit import GATEWAY, AuditEntry, Phase
from gateway.core.audit.writes import TRIES, WriteTrail, own_write
from gateway.core.errors import AuditUnavailable
from gateway.core.ids import new_id
from gateway.core.ledger import Effect, Entry
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from gateway.core.practices import Practice
from gateway.core.seat import CONNECT_AHEAD_S, Exhausted, Seat, SlotTooFar, effect_of
from gateway.core.worker import Superseded, WorkerServices
from open_dental import errors as upstream
from open_dental.paging import Paging

LAST_LOOK_S = 0.08
"""How long before its slot a background call looks once more whether somebody waits."""


HUNGRY_S = 180.0
"""A practice that is called all day long must still learn what became of its lost writes: at a call a minute."""

MODEST_S = 120.0
"""Long readings leave every second slot to others while somebody called within so many seconds."""


RHYTHM_MARGIN_S = 2.0
"""How much shorter than its rhythm a turn is."""

OWN_WRITES: Final = frozenset({"subscriptions.create", "subscriptions.update", "apikeys.create", "apikeys.update"})
"""All that background work may write by itself. No ledger keeps these: they are the gateway's own rows and nobody's
answer waits for them; what is wanted is known at any time, and a listing shows whether it is so. Whoever writes lists
first, so that a lost answer is found there and done no second time; Open Dental besides refuses a subscription that is
equal to one that runs, and a customer key that is made carries a reference of ours. Whatever a practice's people may
see or miss goes through the ledger, never this way."""


class GiveWay(Exception):
    """Somebody waits, or the time is over: background work stops after the running call."""


class CouldNotLook(Exception):
    """The practice did not answer this read, or not usably."""


class BackgroundTurn:
    """What background work may do in a seat: one call after another, until it has to give way."""

    def __init__(self, seat: Seat, practice: Practice, *, kinds: Mapping[str, registry.Kind]) -> None:
        self.on: WorkerServices = seat.on
        self.practice = practice
        self.turn_no = seat.item.turn_no
        self.session: object | None = None
        """What work keeps for those that come after it in the same turn."""
        self.rhythm_s = seat.item.rhythm_s
        self._seat = seat
        # Whoever had the seat before in this invocation did so for somebody.
        seat.traced = None
        self._kinds = kinds
        # The next turn of a rhythm is on its way: one that does not end before it would push it ever further back.
        length_s = min(seat.budget.background_s, max(1.0, (self.rhythm_s or 60.0) - RHYTHM_MARGIN_S))
        self._until = seat.elapsed() + length_s
        self._took_s = 0.0
        self._trips = True
        due = seat.item.next_due_at
        self._hungry = due is not None and seat.now() - due > HUNGRY_S
        self._insists = 1
        # While the vendor refuses too much of what the deployment sends, every second slot stays empty.
        self._halved = seat.on.governor.minute(seat.on.clock.now()).too_many_refused

    def under(self, practice: Practice) -> BackgroundTurn:
        """The same turn with another of the practice's keys (`rotation.pairs`), whose answers say nothing of the
        practice as a whole: they open no breaker, and are asked for also while one is open.
        """
        other = copy(self)
        other.practice, other._trips, other.session = practice, False, None
        return other

    def used_at(self, fingerprint: str) -> datetime | None:
        """When the practice was called with this key last, by whomever; None: not since the key has a pace."""
        # By whichever way.
        paces = [pace for name, pace in self._seat.item.keys.items() if pacing.is_of_key(name, fingerprint)]
        used_at = max((pace.used_at for pace in paces), default=0.0)
        return datetime.fromtimestamp(used_at, UTC) if used_at else None

    def exchanged(self) -> None:
        """The practice has another key: what Open Dental had against the former one is over."""

        def rule(item: pacing.PaceItem) -> pacing.PaceItem:
            is_refused = item.breaker.trip is pacing.Trip.KEY_REFUSED
            return replace(item, breaker=pacing.Breaker()) if is_refused else item

        self._seat.change(rule)

    def forget_key(self, fingerprint: str) -> None:
        """Forget the pace of a key that nobody calls with any more."""
        self._seat.change(lambda item: pacing.without_key(item, fingerprint))

    def may_call(self, calls: int) -> None:
        """Let the turn make so many more calls than an interactive one may; its time stays what it is."""
        self._seat.budget = replace(self._seat.budget, calls=self._seat.calls + calls)

    @property
    def pace(self) -> pacing.PaceItem:
        """The practice's pace as it was last stored."""
        return self._seat.item

    @property
    def probe_at(self) -> datetime | None:
        """When it is looked next what may be done at the practice; None: nobody has said."""
        at = self._seat.item.probe_at
        return None if at is None else datetime.fromtimestamp(at, UTC)

    def probe_in(self, after: timedelta) -> None:
        """Have it looked so long from now."""
        at = self._seat.now() + after.total_seconds()
        self._seat.change(lambda item: pacing.probe_due(item, at))

    def probed(self, again_after: timedelta) -> None:
        """Note that it was looked, and is looked again so long from now."""
        now = self._seat.now()
        self._seat.change(lambda item: pacing.probed(item, now, now + again_after.total_seconds()))

    def insist(self, calls: int) -> None:
        """Let a turn that was kept away for HUNGRY_S make so many calls whoever waits: what begins with a listing gets
        nowhere with one."""
        self._insists = calls

    def pause(self) -> None:
        """Between two steps that call nobody. Raises: GiveWay."""
        if self._seat.elapsed() >= self._until:
            raise GiveWay
        self._seat.change(lambda item: item)
        if pacing.must_give_way(self._seat.item):
            raise GiveWay

    def interval_s(self) -> float:
        """The present interval of the practice's key, in seconds."""
        key, floor_s = self.practice.pace_key, pacing.floor_of(self.practice)
        return pacing.key_pace(self._seat.item, key, floor_s).interval_s

    def call(self, call: UpstreamCall, *, gives_way: bool = True, modest: bool = False) -> UpstreamAnswer:
        """Make one read in the next slot.

        `gives_way` False is for a probe: those who wait wait for it. `modest`: slots are left free where people have
        called lately. Work that has been kept away for HUNGRY_S makes
        the first call of its turn whoever waits (`insist`: some more); the lane offers a turn once a minute at most.

        Raises:
            GiveWay: not made; let it through. CouldNotLook: the practice did not answer usably.
            ValueError: it is no read.
        """
        if effect_of(call) is not Effect.READ:
            raise ValueError("background work writes nothing but what is its own")
        return self._make(call, gives_way=gives_way, modest=modest)

    def write(self, call: UpstreamCall) -> UpstreamAnswer:
        """Make one of `OWN_WRITES` in the next slot, in the same pace and giving way as a read does.

        Raises:
            GiveWay: not made; let it through. CouldNotLook: whether it was done is shown by the next listing.
            ValueError: it is none of these.
        """
        if call.operation not in OWN_WRITES:
            raise ValueError("background work writes nothing but what is its own")
        return self._make(call, gives_way=True, modest=False, send=self._send_audited)

    def _send(self, call: UpstreamCall, slot: float) -> UpstreamAnswer:
        return self._seat.send(self.practice, call, slot=slot, trips=self._trips)

    def _send_audited(self, call: UpstreamCall, slot: float) -> UpstreamAnswer:
        """Send a write of the gateway's own, in the trail before and after."""
        trail, number = WriteTrail(self.on), new_id("audit_entry")
        told = partial(own_write, self.practice.id, call, client_id=GATEWAY, number=number)
        try:
            trail.note(told(Phase.INTENT, at=self.on.clock.now()))
        except AuditUnavailable as error:
            raise GiveWay from error
        phase = Phase.UNKNOWN
        try:
            answer = self._send(call, slot)
            phase = Phase.DONE
        except pacing.LeaseLost:
            phase = Phase.NOT_SENT
            raise
        except upstream.OpenDentalError as error:
            if error.nothing_done:
                phase = Phase.NOT_SENT if isinstance(error, upstream.Unavailable) else Phase.REFUSED
            raise
        finally:
            self._tell(trail, told(phase, at=self.on.clock.now()))
        return answer

    def _tell(self, trail: WriteTrail, entry: AuditEntry) -> None:
        try:
            trail.note(entry, tries=TRIES)
        except AuditUnavailable as error:
            # The next listing shows whether it was done; nothing is concluded from it before.
            raise CouldNotLook from error

    def _make(
        self,
        call: UpstreamCall,
        *,
        gives_way: bool,
        modest: bool,
        send: Callable[[UpstreamCall, float], UpstreamAnswer] | None = None,
    ) -> UpstreamAnswer:
        seat = self._seat
        if seat.elapsed() >= self._until or seat.has_left(self.practice):
            raise GiveWay
        try:
            slot = seat.slot(self.practice, spare=self._spare_s(modest=modest))
        except (Exhausted, SlotTooFar, pacing.Killed, pacing.LeaseLost) as error:
            raise GiveWay from error
        if gives_way and self._trips and seat.item.breaker.trip is not None and seat.calls:
            self._seat.change(lambda item: pacing.give_back(item, self.practice.pace_key, slot))
            raise GiveWay
        if gives_way and (seat.calls >= self._insists or not self._hungry):
            self._let_others_by(slot)
            seat.wait_until(slot - LAST_LOOK_S)
            # Whoever came while this call waited takes its slot, or they would wait for this slot and the next one.
            seat.change(lambda item: item)
            self._let_others_by(slot)
        try:
            seat.look_again(self.practice, slot, ahead_s=CONNECT_AHEAD_S)
            return (send or self._send)(call, slot)
        except (pacing.LeaseLost, pacing.Killed) as error:
            raise GiveWay from error
        except upstream.OpenDentalError as error:
            raise CouldNotLook from error
        finally:
            self._took_s = max(0.0, seat.now() - slot)

    def _spare_s(self, *, modest: bool) -> float:
        """What is left unused before the next slot: as long as a call has its slot to itself, so that half remains."""
        someone = self._seat.now() - self._seat.item.interactive_at < MODEST_S
        if not self._halved and not (modest and someone):
            return 0.0
        return max(self.interval_s(), self._took_s, 0.5)

    def _let_others_by(self, slot: float) -> None:
        if pacing.must_give_way(self._seat.item):
            key = self.practice.pace_key
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
        try:
            engine.OperationRun(self._seat, woken, kinds=self._kinds, has_message=False).run()
        finally:
            self._seat.traced = None
