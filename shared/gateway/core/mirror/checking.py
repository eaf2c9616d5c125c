"""Background work: a sweep by sums. One stretch of keys after another is compared with what the mirror has.

State is small: the key up to which everything is settled, and which rows were read again. Who goes on after a crash
asks for the sums of the stretch once more, and what was repaired by then agrees.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from gateway.core.mirror import checksums, clocks, reading
from gateway.core.mirror.asked import is_listed
from gateway.core.mirror.checksums import Stretch, Told
from gateway.core.mirror.mirrored import MIRRORED, Mirrored
from gateway.core.mirror.passes import MANY
from gateway.core.mirror.records import Row
from gateway.core.mirror.session import UNAUTHORIZED, Failed, Refused, Session, is_readable, key_of
from gateway.core.mirror.syncing import Pass, ResourceSync
from gateway.core.mirror.ways import Way, way_of
from gateway.core.queries.buckets import CHECKED, HIGHEST_KEY, Checked
from open_dental import wire

MOST_READ: Final = 1000
"""Rows that one sweep by sums reads again; more, and a whole reading is shorter, or its state would grow."""

_ROWS_AT_ONCE: Final = 1000


class _NotByRows(Exception):
    """A whole reading takes fewer calls, or the sums say nothing of these rows."""


def go_on(m: Session, name: str) -> None:
    """Compare the next stretch; begin where nothing is begun.

    Raises: GiveWay, CouldNotLook.
    """
    of = m.of(name)
    running = of.running or Pass(reading.CHECK, "", 0, m.now())
    try:
        _stretch(m, MIRRORED[name], of, running)
    except (_NotByRows, wire.Malformed, Refused):
        # Where statements are refused, the list may well be offered.
        _read_as_a_whole(m, name)
    except Failed as error:
        if error.code in {"invalid", UNAUTHORIZED}:
            _read_as_a_whole(m, name)
            return
        of = m.of(name)
        running = of.running or running
        if reading.took_too_long(error):
            if running.limit == checksums.FEWEST_STRETCH_ROWS:
                _read_as_a_whole(m, name)
                return
            smaller = max(checksums.FEWEST_STRETCH_ROWS, (running.limit or checksums.STRETCH_ROWS) // 4)
            of = m.save(replace(of, running=replace(running, limit=smaller)))
        m.went_wrong(name, error)


def _read_as_a_whole(m: Session, name: str) -> None:
    """Give the sums up, and begin a whole reading in their place.

    Whether thousands of rows were edited behind the program's back or sums never agree is told by the next sweep.
    """
    of = m.of(name)
    m.save(replace(of, running=Pass(reading.SWEEP, "", 0, m.now()), strikes=of.strikes + 1))


def _stretch(m: Session, one: Mirrored, of: ResourceSync, running: Pass) -> None:
    checked = CHECKED[one.resource]
    after = int(running.edge[0]) if running.edge else 0
    ours, upto = _ours(m, one, checked, after, running.limit or checksums.STRETCH_ROWS)
    since = _since(m, of)
    sums, at = m.select(checked.sums, modest=True, after=after, upto=upto, since=since)
    if not running.pages:
        running = replace(running, started_at=at)
    running = replace(running, pages=running.pages + 1)
    of = m.save(replace(of, running=running, calls=of.calls + 1, failures=0, not_before=None))
    gone: list[int] = []
    if buckets := ours.differing(sums):
        told, at = _told(m, one, checked, buckets, after=after, upto=upto, since=since)
        gone = ours.gone(told, buckets, at)
        _settle(m, one, ours, ours.to_read(told))
        of = m.of(one.resource)
        assert of.running is not None
        running = of.running
    running = replace(
        running,
        edge=(upto,),
        seen=running.seen + checksums.rows_of(sums),
        missing=tuple(dict.fromkeys((*running.missing, *gone)))[: reading.MOST_MISSING],
    )
    if upto < HIGHEST_KEY:
        m.save(replace(of, running=running))
        return
    reading.at_the_end(m, one, of, running, at=at)


def _ours(m: Session, one: Mirrored, checked: Checked, after: int, size: int) -> tuple[Stretch, int]:
    """The mirror's rows of the next stretch, and the key at which it ends."""
    stretch = Stretch(checked)
    met, behind = 0, after
    while met < size:
        page = m.on.records.page(m.practice.id, one.resource, after=behind, limit=min(_ROWS_AT_ONCE, size - met))
        stretch.add(record for record in page if is_listed(one, record.row))
        if len(page) < min(_ROWS_AT_ONCE, size - met):
            return stretch, HIGHEST_KEY
        met, behind = met + len(page), page[-1].key
        m.turn.pause()
    return stretch, behind


def _since(m: Session, of: ResourceSync) -> datetime:
    """The server's clock at the last sweep, at its earliest: later stamps are looked at."""
    wall = clocks.read_clock(clocks.since(reading.wall_of(m, of.swept_at or of.as_of or m.began), m.zone))
    return wall or clocks.LONG_AGO


def _told(
    m: Session, one: Mirrored, checked: Checked, buckets: Sequence[int], *, after: int, upto: int, since: datetime
) -> tuple[list[Told], datetime]:
    """All rows of these buckets, by their keys; when the first of them was asked for."""
    told: list[Told] = []
    began: datetime | None = None
    most = checksums.calls_of_whole(m.practice, one, m.of(one.resource))
    for asked in range(max(most, 3)):
        last = told[-1].key if told else after
        rows, at = m.select(checked.rows, modest=True, after=last, upto=upto, since=since, buckets=buckets)
        began = began or at
        told += (Told.of(row) for row in rows)
        m.save(replace(m.of(one.resource), calls=m.of(one.resource).calls + 1))
        if checksums.is_last(len(rows)):
            return told, began
        del asked
    raise _NotByRows


def _settle(m: Session, one: Mirrored, ours: Stretch, told: Sequence[Told]) -> None:
    """Read rows again that differ or are missing here: each by its key, or all under their parent.

    The state is saved after each call, so that none is made twice.
    """
    running = _running(m, one)
    left = [each for each in told if each.key not in set(running.settled)]
    most = checksums.calls_of_whole(m.practice, one, m.of(one.resource))
    way, column = way_of(m.practice, one)
    by_parent = defaultdict(list)
    for each in left:
        by_parent[each.parent].append(each)
    groups: list[list[Told]] = []
    for parent, under in by_parent.items():
        together = (
            bool(parent) and CHECKED[one.resource].parent in one.parents and (len(under) > 1 or way is not Way.GET)
        )
        groups += [under] if together else [[each] for each in under]
    if len(groups) > max(most, MANY) or len(running.settled) + len(left) > MOST_READ:
        raise _NotByRows
    for group in groups:
        first = group[0]
        parent = 0 if len(group) == 1 and way is Way.GET else first.parent
        if len(group) == 1 and way is Way.GET:
            answer, at = m.ask(f"{one.resource}.get", path={one.key: first.key}, modest=True)
            rows: list[Row] = list(answer.rows)
        elif parent and (column is not None or one.list_operation is None):
            rows, at = m.ask_all(one.lists, {**dict(one.fixed), CHECKED[one.resource].parent: parent}, modest=True)
        else:
            raise _NotByRows
        rows = [row for row in rows if is_readable(one, row)]
        _take(m, ours, group, rows, at)
        if parent:
            m.note_whole(one, CHECKED[one.resource].parent, parent, {key_of(one, row) for row in rows}, at=at)


def _take(m: Session, ours: Stretch, group: Sequence[Told], rows: Sequence[Row], at: datetime) -> None:
    one = MIRRORED[ours.checked.resource]
    kept = {record.key: record.version for record in m.on.records.get(m.practice.id, one.resource, _keys(group))}
    m.store(one, rows, at=at, cause="sweep")
    now = {record.key: record.version for record in m.on.records.get(m.practice.id, one.resource, _keys(group))}
    shown = {key_of(one, row) for row in rows}
    # Read again and the same, or not to be had: then the sum of this row tells nothing.
    odd = sum(not each.moved and (each.key not in shown or kept.get(each.key) == now.get(each.key)) for each in group)
    running = _running(m, one)
    lacking = [each.key for each in group if each.key not in shown and each.key in ours.records]
    running = replace(
        running,
        settled=(*running.settled, *_keys(group)),
        odd=running.odd + odd,
        missing=tuple(dict.fromkeys((*running.missing, *lacking)))[: reading.MOST_MISSING],
    )
    of = m.of(one.resource)
    highest = max([of.highest, *shown])
    m.save(replace(of, running=running, highest=highest, calls=of.calls + 1, failures=0, not_before=None))
    if running.odd > checksums.MOST_ODD:
        raise _NotByRows


def _running(m: Session, one: Mirrored) -> Pass:
    running = m.of(one.resource).running
    assert running is not None
    return running


def _keys(group: Sequence[Told]) -> list[int]:
    return [each.key for each in group]
