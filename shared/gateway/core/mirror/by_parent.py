"""Background work: reading a resource parent by parent, where Open Dental lists it so and a query tells who has any.

Nobody else has rows of it: after the last parent it is as complete as any other, and an empty list is an answer.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from gateway.core.mirror import checksums, reading
from gateway.core.mirror.mirrored import MIRRORED, Mirrored
from gateway.core.mirror.session import ONLY_BY_PARENT, Failed, Refused, Session, is_readable, key_of
from gateway.core.mirror.syncing import Pass, Phase, ResourceSync
from gateway.core.queries.buckets import CHECKED, HIGHEST_KEY
from open_dental import wire

PARENTS: Final = "parents"
_ROWS_AT_ONCE: Final = 1000


def go_on(m: Session, name: str, *, purpose: str) -> None:
    """Read the lists of the next parents, a hundred at most; begin where nothing is begun.

    Raises: GiveWay, CouldNotLook.
    """
    of = m.of(name)
    if (of.running is not None and of.running.part == reading.CONFIRM) or (of.running is None and of.suspects):
        reading.go_on(m, name, purpose=purpose)
        return
    try:
        _parents(m, MIRRORED[name], of, of.running or Pass(purpose, PARENTS, 0, m.now()))
    except wire.Malformed:
        m.went_wrong(name, Failed("invalid"))
    except Refused:
        # Nobody says who has any; rows are kept as they are read.
        m.refused(name, ONLY_BY_PARENT)
    except Failed as error:
        m.went_wrong(name, error)


def _parents(m: Session, one: Mirrored, of: ResourceSync, running: Pass) -> None:
    checked = CHECKED[one.resource]
    if not running.pages:
        counted, at = m.select(checked.count_of_parents, modest=True, after=0)
        running = replace(running, part=PARENTS, started_at=at, of_all=checksums.rows_of(counted), pages=1)
        of = m.save(replace(of, phase=_loading(of), running=running, calls=of.calls + 1))
    after = int(running.edge[0]) if running.edge else 0
    told, at = m.select(checked.parents, modest=True, after=after)
    parents = [wire.integer(row.get("parent")) or 0 for row in told]
    is_last = checksums.is_last(len(parents))
    upto = HIGHEST_KEY if is_last else parents[-1]
    kept = _kept(m, one, checked.parent)
    without = [parent for parent in kept if after < parent <= upto and parent not in set(parents)]
    gone = [key for parent in without for key, read_at in kept[parent] if read_at < at]
    running = replace(running, missing=_more(running, gone))
    of = m.save(replace(of, calls=of.calls + 1, running=running))
    for parent in parents:
        rows, at = m.ask_all(one.lists, {**dict(one.fixed), checked.parent: parent}, modest=True)
        rows = [row for row in rows if is_readable(one, row)]
        m.store(one, rows, at=at, cause=running.purpose)
        shown = {key_of(one, row) for row in rows}
        m.note_whole(one, checked.parent, parent, shown, at=at)
        gone = [key for key, read_at in kept.get(parent, ()) if key not in shown and read_at < at]
        running = replace(
            running,
            edge=(parent,),
            offset=running.offset + 1,
            seen=running.seen + len(rows),
            pages=running.pages + 1,
            missing=_more(running, gone),
        )
        highest = max([of.highest, *shown])
        of = replace(of, calls=of.calls + 1, highest=highest, failures=0, not_before=None, running=running)
        of = m.save(of)
    if is_last:
        reading.at_the_end(m, one, of, running, at=at)


def _loading(of: ResourceSync) -> Phase:
    return Phase.LOADING if of.phase is Phase.NONE else of.phase


def _more(running: Pass, gone: list[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys((*running.missing, *gone)))[: reading.MOST_MISSING]


def _kept(m: Session, one: Mirrored, column: str) -> dict[int, list[tuple[int, datetime]]]:
    """The mirror's rows by parent, and when each was read; looked up once a turn."""
    if one.resource not in m.by_parent:
        found: dict[int, list[tuple[int, datetime]]] = {}
        after: int | None = None
        while page := m.on.records.page(m.practice.id, one.resource, after=after, limit=_ROWS_AT_ONCE):
            for record in page:
                parent = one.parents_of(record.row).get(column, 0)
                found.setdefault(parent, []).append((record.key, record.read.at))
            after = page[-1].key
            if len(page) < _ROWS_AT_ONCE:
                break
            m.turn.pause()
        m.by_parent[one.resource] = found
    return m.by_parent[one.resource]
