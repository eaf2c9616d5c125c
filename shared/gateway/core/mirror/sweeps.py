"""Background work: what finds deletions and edits that moved no stamp, by the office's sums or by whole readings."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from gateway.core.background_turn import BackgroundTurn
from gateway.core.mirror import by_parent, checking, checksums, expected, reading, schedule
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.session import Failed, Refused, Session, is_readable, key_of
from gateway.core.mirror.syncing import ResourceSync
from gateway.core.mirror.ways import Way, way_of

PARENTS_A_TURN: Final = 20
"""Parents whose rows are read again in one turn, before the sweeps; the rest is remembered."""


SHORT_CALLS: Final = 4
"""A sweep of so few calls does not wait for a first load: whoever was deleted is served until it is done."""


class Sweeps:
    """Reads again what is due as a whole, one resource after another."""

    def run(self, turn: BackgroundTurn) -> None:
        """See `Work.run`."""
        m = Session.of_turn(turn)
        expected.read(m)
        while m.is_on and (waiting := schedule.sweeps_due(m.state, m.now())):
            _go_on(m, waiting[0])

    def next_due(self, turn: BackgroundTurn) -> datetime | None:
        """See `Work.next_due`."""
        m = Session.of_turn(turn)
        if not m.is_on:
            return None
        times = (schedule.sweeps_next(m.state, m.now()), expected.next_due(m))
        return min((at for at in times if at is not None), default=None)


def short_ones(m: Session) -> None:
    """Sweep what is due and takes hardly any calls, each once.

    Raises: GiveWay, CouldNotLook.
    """
    for name in schedule.sweeps_due(m.state, m.now()):
        one, of = MIRRORED[name], m.of(name)
        by_sums = checksums.is_cheaper(m.practice, one, of, m.now())
        if (checksums.calls(of.rows) if by_sums else checksums.calls_of_whole(m.practice, one, of)) <= SHORT_CALLS:
            _go_on(m, name)


def _go_on(m: Session, name: str) -> None:
    one, of = MIRRORED[name], m.of(name)
    running = of.running
    if running is None:
        is_check = not of.suspects and checksums.is_next(m.practice, one, of, m.now(), m.zone)
        # Where thousands of stamps moved, the sums would tell no more than that.
        is_check = is_check and (one.list_operation is None or not _is_owed(of))
    else:
        is_check = running.purpose == reading.CHECK and running.part != reading.CONFIRM
    if is_check:
        checking.go_on(m, name)
    elif one.list_operation is None:
        by_parent.go_on(m, name, purpose=reading.SWEEP)
    else:
        reading.go_on(m, name, purpose=reading.SWEEP)


def _is_owed(of: ResourceSync) -> bool:
    """Whether queries told of so many changes that all of it is to be read."""
    owed_at = None if of.followed is None else of.followed.owed_at
    return owed_at is not None and (of.as_of is None or of.as_of < owed_at)


def read_children(m: Session) -> None:
    """Read again the rows under parents that have changed, for resources that no filter follows."""
    left = PARENTS_A_TURN
    for name in schedule.children_due(m.state, m.now()):
        while left and m.of(name).parents:
            left -= 1
            try:
                _read_under(m, name)
            except (Refused, Failed) as error:
                m.went_wrong(name, error)
                break


def _read_under(m: Session, name: str) -> None:
    one, of = MIRRORED[name], m.of(name)
    parent, *others = of.parents
    column = one.followed_by[1] if one.followed_by is not None else ""
    rows, at = m.ask_all(one.list_operation or "", {**dict(one.fixed), column: parent})
    rows = [row for row in rows if is_readable(one, row)]
    m.store(one, rows, at=at, cause="poll")
    shown = {key_of(one, row) for row in rows}
    kept = m.on.records.under(m.practice.id, name, column, parent)
    gone = [record.key for record in kept if record.key not in shown and record.read.at < at]
    suspects = of.suspects
    if way_of(m.practice, one)[0] is Way.GET:
        # It may have been moved to another parent.
        suspects = tuple(sorted({*suspects, *gone}))
    else:
        m.bury(one, gone, at=at, cause="poll")
    m.save(replace(of, parents=tuple(others), suspects=suspects, calls=of.calls + 1, failures=0, not_before=None))
