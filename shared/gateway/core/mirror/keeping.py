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
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from gateway.core.errors import Unavailable
from gateway.core.mirror.effects import EVERYBODY, beside, is_for_everybody, mark
from gateway.core.mirror.memory import REMEMBERED_S, state_of
from gateway.core.mirror.mirrored import MIRRORED, Mirrored, mirrored_by
from gateway.core.mirror.records import Order, ReadAt
from gateway.core.normalize.values import key
from open_dental import catalogue, wire
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

    def saw(self, call: UpstreamCall, answer: UpstreamAnswer) -> None:
        """Store the rows of a read.

        Whoever asked gets them also where they cannot be stored: then the mirror stays as old as it says it is.
        """
        mirrored = mirrored_by(call.operation)
        rows = answer.rows
        if mirrored is None or not rows or len(rows) > MOST_STORED or not all(isinstance(row, dict) for row in rows):
            return
        unread = self._unread.get(mirrored.resource, set())
        known = {mirrored.key_of(row) for row in rows} & unread if unread else set()
        if self._store(mirrored, rows, at=answer.started_at, is_own=bool(known)):
            unread -= known

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
            if not self._bury(mirrored, number):
                self._unread[resource].add(number)
            return
        whole = answer is not None and answer.started_at is not None and _is_whole(mirrored, row, practice)
        if not (whole and answer is not None and self._store(mirrored, [row], at=answer.started_at, is_own=True)):
            self._unread[resource].add(number)

    def settle(self) -> None:
        """Mark what the writes may have changed and nobody has read back. To be called before the turn ends.

        Raises: Unavailable: the marks could not be kept, so the operation must not settle yet.
        """
        if not self._wrote:
            return
        # Read, and not remembered: a mirror that was turned on a moment ago must not miss a write.
        state = state_of(self._seat.practice_id, syncs=self._on.syncs, clock=self._on.clock, fresh=True)
        if state is not None:
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

    def _bury(self, mirrored: Mirrored, number: int) -> bool:
        now = self._on.clock.now()
        read = self._read_at(now)
        if read is None:
            return False
        try:
            self._on.records.bury(
                self._seat.practice_id, mirrored.resource, [number], read=read, cause="own_write", at=now
            )
        except Unavailable:
            return False
        return True

    def _read_at(self, at: datetime | None) -> ReadAt | None:
        """The order of what is read now; None where nothing may be stored: no mirror, or the lease is another's."""
        if at is None or self._seat.item.holder != self._seat.holder:
            return None
        on = self._on
        try:
            since = on.clock.monotonic() - REMEMBERED_S
            state = state_of(self._seat.practice_id, syncs=on.syncs, clock=on.clock, since=since)
        except Unavailable:
            return None
        return None if state is None else ReadAt(Order(state.epoch, self._seat.item.turn_no), at)


def _is_whole(mirrored: Mirrored, row: Mapping[str, Any], practice: Practice | None) -> bool:
    """Whether the answer to a write has exactly the columns that a read of the row has, at an office of this version.

    A row that lacks one has another hash: it would be stored as a change, and as another one when it is read.
    """
    if not row or practice is None or practice.version is None or not key(row.get(mirrored.key)):
        return False
    version = Version.parse(practice.version)
    columns = {
        one.name
        for one in catalogue.resource(mirrored.resource).fields
        if not one.derived and (one.since is None or version.has(one.since))
    }
    return {name for name in row if not name[:1].islower()} == columns
