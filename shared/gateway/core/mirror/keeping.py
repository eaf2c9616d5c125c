"""What a turn of a caller brings into the mirror: the rows that it reads, and what its writes have changed.

Rows are stored as they come, in the order of their turn, while the worker waits for its next slot anyhow: a crash
behind them loses nothing, and whoever asks after the operation has settled sees them. A row that was written is in the
mirror once it has been read back. What has not been read back, and what Open Dental may have changed beside it, is
marked before the operation settles (`effects`): such rows are not answered from the mirror until it has caught up.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from gateway.core import pacing
from gateway.core.errors import Unavailable
from gateway.core.mirror.asked import PAGING, is_listed
from gateway.core.mirror.effects import EVERYBODY, beside, is_for_everybody, mark
from gateway.core.mirror.memory import REMEMBERED_S, state_of
from gateway.core.mirror.mirrored import MIRRORED, NOTED, Mirrored, is_whole, mirrored_by
from gateway.core.mirror.records import Order, ReadAt
from gateway.core.mirror.syncing import Phase, Superseded, Wanted
from gateway.core.normalize.values import key
from open_dental import catalogue, wire
from open_dental.paging import CAPS
from open_dental.versions import Version

if TYPE_CHECKING:
    from gateway.core.plans import UpstreamAnswer, UpstreamCall
    from gateway.core.practices import Practice
    from gateway.core.seat import Seat

MOST_STORED: Final = 200
"""Rows of one answer that a caller's turn stores: whoever waits for a longer list does not wait for its copies too."""

_log = logging.getLogger("gateway.mirror")


class Keeper:
    """Keeps what one turn in `seat` learns. Where the practice has no mirror it does nothing."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._on = seat.on
        # Rows written and not read back yet, by resource; 0 for one whose key is not known.
        self._unread: dict[str, set[int]] = defaultdict(set)
        self._wrote: set[str] = set()
        self._wrote_at = self._on.clock.now()
        self._patients: dict[str, set[int]] = defaultdict(set)
        self._keeps = True

    def keep_nothing(self) -> None:
        """Store no row any more: the practice's agreement has expired. What writes touch is marked all the same."""
        self._keeps = False

    def saw(self, call: UpstreamCall, answer: UpstreamAnswer) -> None:
        """Store the rows of a read.

        Whoever asked gets them also where they cannot be stored: then the mirror stays as old as it says it is.
        """
        mirrored = mirrored_by(call.operation)
        rows = answer.rows
        if mirrored is None or len(rows) > MOST_STORED or not all(isinstance(row, dict) for row in rows):
            return
        unread = self._unread.get(mirrored.resource, set())
        known = {key(row.get(mirrored.key)) for row in rows} & unread if unread else set()
        is_kept = not rows or self._store(mirrored, rows, at=answer.started_at, is_own=bool(known))
        if rows and is_kept:
            unread -= known
        parent = _whole_under(mirrored, call, len(rows))
        if parent is not None and answer.started_at is not None:
            shown = {key(row.get(mirrored.key)) for row in rows}
            self._look_for_missing(mirrored, *parent, shown=shown, at=answer.started_at)
            if is_kept:
                self._note(mirrored, *parent, shown=shown, at=answer.started_at)

    def missed(self, call: UpstreamCall, at: datetime, practice: Practice | None) -> None:
        """Learn that Open Dental has no such row: `call`, sent after `at`, was answered 404.

        Asked for by its key it is gone, unless the office may be too old for the question; a list under something that
        is gone says nothing of its rows.
        """
        mirrored = mirrored_by(call.operation)
        if mirrored is None or call.operation != f"{mirrored.resource}.get" or mirrored.key not in call.path:
            return
        since = catalogue.operation(call.operation).since
        if practice is not None and practice.version is not None and Version.parse(practice.version).has(since):
            self._bury(mirrored, [call.path[mirrored.key]], at=at, cause="read")

    def wrote(self, call: UpstreamCall, answer: UpstreamAnswer | None, practice: Practice | None) -> None:
        """Learn of a write that was sent, and of what it was answered, if that is new."""
        resource = call.operation.partition(".")[0]
        mirrored = MIRRORED.get(resource)
        row = {} if answer is None else answer.row
        self._wrote.add(resource)
        # From when it was sent: no call of another turn lies between that and its answer, and its answer is right.
        self._wrote_at = answer.started_at if answer and answer.started_at else self._on.clock.now()
        body = call.body or {}
        sources: tuple[Mapping[str, Any], ...] = (call.path, call.query, body, row)
        self._patients[resource].update(number for one in sources if (number := key(one.get("PatNum"))))
        if {"Guarantor", "SuperFamily"} & body.keys():
            # The family that somebody leaves is named nowhere.
            self._patients[resource].add(EVERYBODY)
        if mirrored is None:
            return
        number = key(row.get(mirrored.key)) or key(call.path.get(mirrored.key))
        operation = catalogue.operation(call.operation)
        if answer is not None and operation.kind == "delete" and number:
            if not self._bury(mirrored, [number], at=self._on.clock.now(), cause="own_write"):
                self._unread[resource].add(number)
            return
        whole = (
            answer is not None
            and answer.started_at is not None
            and is_whole(mirrored, row, None if practice is None else practice.version)
        )
        if not (whole and answer is not None and self._store(mirrored, [row], at=answer.started_at, is_own=True)):
            self._unread[resource].add(number)

    def settle(self) -> None:
        """Mark what the writes may have changed and nobody has read back. To be called before the turn ends.

        Raises: Unavailable: the marks could not be kept, so the operation must not settle yet.
        """
        if not self._wrote:
            return
        # Read, and not remembered: a mirror that was turned on a moment ago must not miss a write.
        # One that is turned off and not erased yet may be turned on again with the rows that it has.
        if self._on.syncs.load(self._seat.practice_id).is_to_be_marked:
            marks = set[str]()
            for resource in self._wrote:
                touched = {*beside(resource), *((resource,) if self._unread.get(resource) else ())}
                families = self._families(resource) if touched else ()
                marks |= {mark(one, family) for one in touched & MIRRORED.keys() for family in families}
            if marks:
                # What was read since then is right.
                self._on.syncs.touch(self._seat.practice_id, sorted(marks), self._wrote_at)
        self._wrote.clear()
        self._unread.clear()

    def _families(self, resource: str) -> Iterable[int]:
        """Whose rows a write of `resource` may have changed."""
        patients = set(self._patients[resource])
        if not patients and resource in MIRRORED:
            kept = self._on.records.get(self._seat.practice_id, resource, self._unread.get(resource, set()) - {0})
            patients = {key(one.row.get("PatNum")) for one in kept}
        if is_for_everybody(resource) or not patients or EVERYBODY in patients:
            return (EVERYBODY,)
        found = self._on.records.get(self._seat.practice_id, "patients", patients)
        families = {key(one.row.get("Guarantor")) for one in found}
        # A patient who has just been made, or moves to another family, is read by everybody.
        return families if len(found) == len(patients) and 0 not in families else (EVERYBODY,)

    # Storing

    def _store(self, mirrored: Mirrored, rows: list[dict[str, Any]], *, at: datetime | None, is_own: bool) -> bool:
        read = self._read_at(at)
        if read is None:
            return False
        cause = "own_write" if is_own else "read"
        try:
            stored = self._on.records.store(self._seat.practice_id, mirrored.resource, rows, read=read, cause=cause)
        except (Unavailable, wire.Malformed):
            _log.warning("not stored", extra={"object": mirrored.resource})
            return False
        return not stored.older

    def _bury(self, mirrored: Mirrored, keys: Iterable[int], *, at: datetime, cause: str) -> bool:
        read = self._read_at(at)
        if read is None:
            return False
        try:
            self._on.records.bury(self._seat.practice_id, mirrored.resource, keys, read=read, cause=cause, at=at)
        except Unavailable:
            return False
        return True

    def _note(self, mirrored: Mirrored, column: str, value: int, *, shown: set[int], at: datetime) -> None:
        """Note that this parent's rows are all here as of then."""
        read = self._read_at(at) if mirrored.resource in NOTED else None
        if read is None:
            return
        try:
            self._on.records.note_whole(self._seat.practice_id, mirrored.resource, column, value, shown, read=read)
        except Unavailable:
            _log.warning("not noted", extra={"object": mirrored.resource})

    def _look_for_missing(self, mirrored: Mirrored, column: str, value: int, *, shown: set[int], at: datetime) -> None:
        """Of rows that a whole list under their parent did not show, those without a call of their own are gone.

        Others may belong to another parent by now: the background gets each, and till then the family's are read live.
        """
        practice_id, resource = self._seat.practice_id, mirrored.resource
        if self._read_at(at) is None:
            return
        try:
            kept = self._on.records.under(practice_id, resource, column, value)
            gone = [one for one in kept if one.key not in shown and one.read.at < at and is_listed(mirrored, one.row)]
            if not gone:
                return
            keys = {one.key for one in gone}
            if not any(one.id == f"{resource}.get" for one in catalogue.resource(resource).operations):
                self._bury(mirrored, keys, at=at, cause="read")
                return
            state = self._on.syncs.load(practice_id)
            of = None if state.wanted is Wanted.OFF else state.resources.get(resource)
            if of is None or of.phase is not Phase.LOADED or keys <= set(of.suspects):
                return
            self._on.syncs.save(practice_id, replace(of, suspects=tuple(sorted({*of.suspects, *keys}))))
            self._on.syncs.touch(practice_id, [mark(resource)], at)
        except (Superseded, Unavailable):
            # A sweep finds them.
            return
        due = self._on.clock.now().timestamp()
        self._seat.change(lambda item: pacing.work_due(item, due))

    def _read_at(self, at: datetime | None) -> ReadAt | None:
        """The order of what is read now; None where nothing may be stored: no mirror, no agreement, or the lease is
        another's."""
        if at is None or not self._keeps or self._seat.item.holder != self._seat.holder:
            return None
        on = self._on
        try:
            since = on.clock.monotonic() - REMEMBERED_S
            state = state_of(self._seat.practice_id, syncs=on.syncs, clock=on.clock, since=since)
        except Unavailable:
            return None
        of = self._seat.traced
        by = None if of is None else of.correlation_id
        return None if state is None else ReadAt(Order(state.epoch, self._seat.item.turn_no), at, by)


def _whole_under(mirrored: Mirrored, call: UpstreamCall, count: int) -> tuple[str, int] | None:
    """The parent whose rows an answer of `count` rows has all of; None where it is of something else, or cut off."""
    query = {name: value for name, value in call.query.items() if name not in PAGING}
    of_list = call.operation == mirrored.lists and not call.path and not mirrored.fixed
    if not of_list or len(query) != 1 or int(call.query.get("Offset", 0)):
        return None
    ((column, value),) = query.items()
    cut = catalogue.operation(call.operation).paginated and (count >= int(call.query.get("Limit", 0)) or count in CAPS)
    return None if cut or column not in mirrored.parents or not key(value) else (column, key(value))
