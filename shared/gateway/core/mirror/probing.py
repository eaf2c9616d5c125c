"""What has changed at the office, asked by query: one statement counts the changes of many tables at once.

What it shows unchanged is as young as the statement. A list with a filter by change is polled where there were changes;
of the others the changed keys are asked for, and their rows read by the fewest calls: one by one, under their parents,
or the whole list. What was shown is kept only when all of that is in, so that whatever is cut off shows as changed
again. A statement that is refused is made of fewer tables, and what cannot be asked for is followed by filters for a
day, which `GET /practices/{id}/sync` says.

Source: https://www.opendental.com/site/apiqueries.html; clocks and overlaps are those of `clocks.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from gateway.core.fetches import knows
from gateway.core.mirror import checksums, clocks, feeds, reading, schedule
from gateway.core.mirror.mirrored import MIRRORED, Mirrored
from gateway.core.mirror.records import Row
from gateway.core.mirror.session import UNAUTHORIZED, Failed, Refused, Session, is_readable, key_of
from gateway.core.mirror.syncing import Followed, Phase, Probed, ResourceSync, Shown
from gateway.core.mirror.ways import Way, way_of
from gateway.core.queries import changes
from gateway.core.queries.statement import ROWS, wire_text
from gateway.core.walltime import OVERLAP
from open_dental import catalogue

RUNNING: Final = timedelta(seconds=3)
"""How long after a stamp's second another change may still get it."""

MOST_COUNTED: Final = 50
"""Changes that are counted again with every probe: for more the counting begins later, which costs a reading."""

MOST_CHANGED: Final = 1000
"""Changed keys that are asked for; for more the whole list is read."""

READS_A_TURN: Final = 20
READS_FIRST: Final = 1
"""How many of them come before the next probe."""

MOST_FAILURES: Final = 3
"""So often in a row a probe may fail before the filters take over for an hour."""

REFUSED: Final = "queries-refused"
FAILING: Final = "queries-failing"
DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)

FELL_BACK: Final = 3
"""So many tables whose latest change is gone speak of an older database; a deletion explains one."""


class _NotAsked(Exception):
    """A table's changed keys could not be asked for; that is noted, and the filters follow it."""


def follow(m: Session) -> None:
    """Bring in what an earlier turn was cut off from, then probe if it is time, and bring in what has changed.

    In this order, or a turn that may make a single call would make it for another probe, for ever.

    Raises: GiveWay, CouldNotLook.
    """
    _bring_in_all(m)
    _read_changed(m, READS_FIRST)
    if m.by_query() and schedule.is_due(m.state.probing.due_at, m.now()):
        _probe(m)
        _bring_in_all(m)
    _read_changed(m, READS_A_TURN)


def _bring_in_all(m: Session) -> None:
    for name in schedule.to_bring_in(m.state, m.by_query(), m.now()):
        if m.of(name).phase is not Phase.LOADED:
            continue
        try:
            _bring_in(m, name, m.state.probing.changed[name])
        except _NotAsked:
            continue
        except (Refused, Failed) as error:
            if reading.took_too_long(error):
                of = m.of(name)
                m.save(replace(of, feed=reading.in_smaller_pages(m, of.feed or feeds.begun(m))))
            m.went_wrong(name, error)


# The probe


def _probe(m: Session) -> None:
    """Ask for the changes of all tables that are due, and save what they showed."""
    due_all = schedule.is_due(m.state.probing.all_due_at, m.now())
    names = sorted(name for name in m.by_query() if due_all or name in schedule.OFTEN_PROBED)
    began, probed = m.now(), dict[str, Probed]()
    groups, narrowed, calls, took_s = _groups(names, m.state.probing.most), False, 0, 0.0
    while groups:
        group = groups.pop(0)
        calls += 1
        try:
            found = _ask(m, group)
        except (Refused, Failed) as error:
            instead = _instead(m, group, error)
            if instead is None:
                return
            narrowed, groups[:0] = True, instead
            continue
        if found is None:
            return
        probed |= found
        # From when it was sent: waiting for a slot is no work of the office's.
        took_s += max((m.now() - one.at).total_seconds() for one in found.values())
    if not probed:
        return
    now = m.now()
    period = schedule.probe_period(now, zone=m.zone, interval_s=m.turn.interval_s(), took_s=took_s)
    changed = {name: one for name, one in probed.items() if not _is_as_it_was(m, m.of(name), one)}
    probing = m.state.probing
    settled = {**probing.settled, **{name: one.at for name, one in probed.items() if name not in changed}}
    waiting = changed.keys() | set(schedule.to_bring_in(m.state, m.by_query(), now)) - probed.keys()
    is_over = probing.most_until is not None and probing.most_until <= now
    m.save_practice(
        pulse_at=now,
        probing=replace(
            probing,
            at=began,
            due_at=m.began + period,
            all_due_at=m.began + timedelta(seconds=schedule.SELDOM_PROBED_S) if due_all else probing.all_due_at,
            settled=settled,
            changed={name: one for name, one in {**probing.changed, **changed}.items() if name in waiting},
            most=0 if is_over or (probing.most_until is None and not narrowed) else probing.most,
            most_until=None if is_over else probing.most_until,
            refused_until=None,
            trouble=None,
            failures=0,
            calls=probing.calls + calls,
        ),
    )


def _groups(names: Sequence[str], most: int) -> list[list[str]]:
    size = most or max(1, len(names))
    return [list(names[start : start + size]) for start in range(0, len(names), size)]


def _ask(m: Session, names: Sequence[str]) -> dict[str, Probed] | None:
    """One statement; None where its answer says that much must be read again."""
    values: dict[str, Any] = {}
    for name in names:
        of = m.of(name)
        values[f"since_{name}"] = datetime.fromisoformat(_since(m, of))
        values[f"highest_{name}"] = _highest(of)
    answered, at = m.select(changes.probe(names), **values)
    rows = {str(row.get("Resource")): row for row in answered}
    clock = next((_stamp(row.get("Clock")) for row in rows.values()), None)
    if clock is None or rows.keys() != set(names):
        raise Failed("not-understood")
    if feeds.hear_clock(m, clock, at):
        return None
    found = {
        name: Probed(_shown(rows[name], str(values[f"since_{name}"])), _int(rows[name].get("Newer")), clock, at)
        for name in names
    }
    if _is_older_database(m, found):
        feeds.begin_epoch(m, feeds.older_or_another(m), list(MIRRORED))
        return None
    return found


def _shown(row: Row, since: str) -> Shown:
    return Shown(
        since=since,
        total=_int(row.get("Total")),
        changed=_int(row.get("Changed")),
        seconds=_int(row.get("Seconds")),
        highest=_int(row.get("Highest")),
        latest=_stamp(row.get("Latest")),
    )


def _instead(m: Session, group: list[str], error: Refused | Failed) -> list[list[str]] | None:
    """What to ask instead of a statement that was refused: its halves. One table alone is left out for a day, and None
    says that there is no use in asking on: the filters take over.
    """
    now, probing = m.now(), m.state.probing
    if isinstance(error, Refused) or error.code == UNAUTHORIZED:
        m.save_practice(probing=replace(probing, refused_until=now + DAY, trouble=REFUSED))
        return None
    slow = reading.took_too_long(error)
    if not slow and error.code != "invalid":
        _failed(m)
        return None
    if len(group) == 1:
        left_out = {**probing.not_askable, group[0]: now + DAY}
        m.save_practice(probing=replace(probing, not_askable=left_out))
        return []
    half = (len(group) + 1) // 2
    most = min(half, probing.most or half)
    m.save_practice(probing=replace(probing, most=most, most_until=now + DAY if slow else probing.most_until))
    # Two more minutes of the same turn would be nobody's.
    return None if slow else [group[:half], group[half:]]


def _failed(m: Session) -> None:
    """Note that a probe did not go well; the filters take over where that goes on."""
    now, probing = m.now(), m.state.probing
    failures = probing.failures + 1
    again = now + timedelta(seconds=schedule.RETRY_FIRST_S)
    goes_on = failures >= MOST_FAILURES
    m.save_practice(
        probing=replace(
            probing,
            failures=0 if goes_on else failures,
            due_at=again,
            refused_until=now + HOUR if goes_on else None,
            trouble=FAILING if goes_on else probing.trouble,
        )
    )


def _is_settled(probed: Probed) -> bool:
    """Whether no later change can leave the same numbers: the latest second is over."""
    latest, clock = clocks.read_clock(probed.shown.latest), clocks.read_clock(probed.clock)
    return latest is None or (clock is not None and latest < clock - RUNNING)


def _is_as_it_was(m: Session, of: ResourceSync, probed: Probed) -> bool:
    """Whether nothing has changed since the mirror had all of it."""
    kept = of.followed
    return (
        kept is not None
        and kept.is_settled
        and kept.shown == probed.shown
        and probed.shown.since == _since(m, of)
        and not kept.reads
        and not _is_owed(of, kept)
        and of.feed is None
    )


def _is_owed(of: ResourceSync, kept: Followed) -> bool:
    """Whether a whole reading is still missing."""
    return kept.owed_at is not None and (of.as_of is None or of.as_of < kept.owed_at)


def _is_older_database(m: Session, probed: Mapping[str, Probed]) -> bool:
    """Whether the highest key is gone of what is never deleted, or latest changes are, though no row is."""
    fallen = 0
    for name, one in probed.items():
        kept = m.of(name).followed
        highest = m.of(name).highest
        is_lower = name == feeds.KEEPS_KEYS and one.shown.highest < highest
        if is_lower and feeds.keys_fell_back(m, MIRRORED[name], (), highest):
            return True
        if kept is None or kept.shown is None or kept.shown.latest is None:
            continue
        if one.shown.latest is None or clocks.is_far_behind(one.shown.latest, kept.shown.latest):
            if one.shown.total >= kept.shown.total + one.newer:
                return True
            fallen += 1
    return fallen >= FELL_BACK


def _since(m: Session, of: ResourceSync) -> str:
    """The stamp from which the resource's changes are counted."""
    return clocks.since(_cursor(m, of), m.zone)


def _cursor(m: Session, of: ResourceSync) -> str:
    if of.cursor is not None:
        return of.cursor
    return reading.wall_of(m, of.as_of if of.as_of is not None else m.now())


def _highest(of: ResourceSync) -> int:
    """The highest key when changes were last looked for."""
    kept = of.followed
    return of.highest if kept is None or kept.shown is None else kept.shown.highest


# What has changed


def _bring_in(m: Session, name: str, probed: Probed) -> None:
    """Read what changed in one table, or note what is to be read.

    Raises: GiveWay, CouldNotLook, Refused, Failed.
    """
    of, kept = m.of(name), m.of(name).followed
    if kept is not None and _is_owed(of, kept) and of.running is None:
        of = m.save(replace(of, sweep_due_at=m.now()))
    if kept is None or kept.shown is None:
        # Counts are compared from here on: who went before, while the rest was loaded, is found by sums.
        if checksums.is_cheaper(m.practice, MIRRORED[name], of, m.now()):
            of = m.save(replace(of, sweep_due_at=m.now()))
    else:
        gone = kept.shown.total + probed.newer - probed.shown.total
        if gone > 0:
            due = schedule.after_deletion(of, m.now(), page_limit=m.practice.page_limit)
            m.save(replace(of, sweep_due_at=due))
    if MIRRORED[name].stamp is not None:
        _poll(m, name, probed)
    else:
        _look_for_keys(m, name, probed)


def _poll(m: Session, name: str, probed: Probed) -> None:
    """Read a list's changes by its own filter, from where they are counted."""
    of = m.of(name)
    if of.cursor is None:
        m.save(replace(of, cursor=_cursor(m, of)))
    # What was begun before the probe does not have what it showed.
    begun_at = None
    while begun_at is None or begun_at < probed.at:
        feed = m.of(name).feed
        begun_at = feed.started_at if feed is not None else m.now()
        while feeds.poll(m, name, keeps_cursor=True):
            pass
        if m.of(name).phase is not Phase.LOADED:
            return
    of = m.of(name)
    _keep(m, of, of.followed or Followed(), probed)


def _keep(m: Session, of: ResourceSync, followed: Followed, probed: Probed) -> None:
    """Save that what the probe showed is in the mirror, or among `reads`; count from later on where that helps."""
    shown, settled, cursor = probed.shown, _is_settled(probed), _cursor(m, of)
    later, latest = clocks.since(probed.clock, m.zone), shown.latest
    was, clock = clocks.read_clock(cursor), clocks.read_clock(probed.clock)
    at: datetime | None = probed.at
    if shown.since != clocks.since(cursor, m.zone):
        # A clock that was set back has moved the cursor meanwhile: what changed since is among what was not counted.
        settled, at = False, followed.at
    elif shown.changed and shown.since < later and (latest is None or latest < later):
        shown, cursor = replace(shown, since=later, changed=0, seconds=0), probed.clock
    elif shown.changed > MOST_COUNTED and was is not None and clock is not None and clock - was > 2 * OVERLAP:
        settled, cursor = False, probed.clock
    since = clocks.since(cursor, m.zone)
    followed = replace(
        followed,
        shown=shown,
        is_settled=settled,
        at=at,
        handled=tuple(one for one in followed.handled if one[1] >= since),
    )
    of = replace(of, cursor=cursor, followed=followed, failures=0, not_before=None)
    if of.trouble not in reading.LASTING:
        of = replace(of, trouble=None, trouble_since=None)
    m.save(_as_young_as_known(of))


def _as_young_as_known(of: ResourceSync) -> ResourceSync:
    """With the time of the last probe, where all that it showed is in the mirror."""
    kept = of.followed
    if kept is None or kept.at is None or kept.reads or _is_owed(of, kept) or of.as_of is None:
        return of
    return replace(of, as_of=max(of.as_of, kept.at))


def _look_for_keys(m: Session, name: str, probed: Probed) -> None:
    """Ask which rows changed, and note by which calls they are read."""
    of = m.of(name)
    kept = of.followed or Followed()
    new_ones = probed.shown.changed + probed.newer - len(kept.handled)
    if new_ones > MOST_CHANGED:
        _owe(m, of, kept, probed)
        return
    known = set(kept.handled)
    until = _shifted(probed.clock, -RUNNING)
    found = [row for row in _changed_rows(m, name, of, probed) if (row[0], row[1]) not in known]
    handled = tuple(sorted({*known, *((key, stamp) for key, stamp, _ in found if stamp < until)}))
    wanted, of = _reads(m, name, found), m.of(name)
    reads = tuple(dict.fromkeys((*kept.reads, *(wanted or ()))))
    if wanted is None or len(reads) > min(_pages(m, of), feeds.MOST_PARENTS):
        _owe(m, of, kept, probed)
        return
    of = replace(of, moved_at=m.now() if wanted else of.moved_at, cursor=_cursor(m, of))
    _keep(m, of, replace(kept, reads=reads, handled=handled), probed)


def _changed_rows(
    m: Session, name: str, of: ResourceSync, probed: Probed
) -> Iterable[tuple[int, str, Mapping[str, int]]]:
    """Key, stamp and parents of every row that changed, page by page."""
    stamped, after, highest = changes.STAMPED[name], 0, _highest(of)
    since = datetime.fromisoformat(probed.shown.since)
    while True:
        try:
            rows, _ = m.select(stamped.changed, since=since, highest=highest, after=after)
        except (Refused, Failed) as error:
            # What is amiss is the statement, or queries as such, and not the resource.
            _instead(m, [name], error)
            raise _NotAsked from error
        m.save(replace(m.of(name), calls=m.of(name).calls + 1))
        for row in rows:
            key = _int(row.get(changes.ROW_KEY))
            after = max(after, key)
            yield key, _stamp(row.get(changes.STAMP)) or "", {one: _int(row.get(one)) for one in stamped.under}
        if len(rows) < ROWS:
            return


def _reads(m: Session, name: str, found: Sequence[tuple[int, str, Mapping[str, int]]]) -> list[tuple[str, int]] | None:
    """The fewest calls by which these rows can be read; None where only the whole list has them."""
    one = MIRRORED[name]
    keys = [(one.key, key) for key, *_ in found]
    if not keys:
        return []
    ways: list[list[tuple[str, int]]] = []
    for column in reversed(changes.STAMPED[name].under):
        # Rows under nothing are not found under it; a list that shows what is gone costs no more than a row.
        if knows(m.practice, one.lists, column) and all(under.get(column) for *_, under in found):
            ways.append(sorted({(column, under[column]) for *_, under in found}))
    if _has_get(m, one):
        ways.append(keys)
    return min(ways, key=len) if ways else None


def _has_get(m: Session, one: Mirrored) -> bool:
    names = {operation.id for operation in catalogue.resource(one.resource).operations}
    operation = f"{one.resource}.get"
    return operation in names and operation != "documents.get" and knows(m.practice, operation)


def _pages(m: Session, of: ResourceSync) -> int:
    """What a whole reading costs; as good as endless where only parents can be asked."""
    if MIRRORED[of.resource].list_operation is None:
        return feeds.MOST_PARENTS
    return 1 + of.rows // max(1, m.practice.page_limit - 1)


def _owe(m: Session, of: ResourceSync, kept: Followed, probed: Probed) -> None:
    """Have the whole list read: fewer calls than what changed. Changes are counted from the probe on."""
    # What is stored while it is read comes again; what was stored before, the reading has.
    clock = _shifted(probed.clock, OVERLAP)
    followed = replace(
        kept, shown=probed.shown, is_settled=False, at=probed.at, reads=(), handled=(), owed_at=probed.at
    )
    # A burst that goes on must not have the reading begin again and again: another one follows it.
    running = of.running if _is_owed(of, kept) else None
    m.save(replace(of, cursor=clock, followed=followed, sweep_due_at=m.now(), running=running, moved_at=m.now()))


# Rows that changed


def _read_changed(m: Session, left: int) -> None:
    """Read again what queries said has changed, by at most so many calls or lists."""
    for name in sorted(m.by_query(), key=lambda name: (name not in schedule.OFTEN_PROBED, MIRRORED[name].rank)):
        of = m.of(name)
        if of.not_before is not None and of.not_before > m.now():
            continue
        if of.followed is not None and of.followed.reads and _is_swept_since(of, of.followed):
            m.save(replace(of, followed=replace(of.followed, reads=())))
        while left and (kept := m.of(name).followed) is not None and kept.reads:
            left -= 1
            try:
                _read(m, name, kept.reads[0])
            except (Refused, Failed) as error:
                m.went_wrong(name, error)
                break


def _is_swept_since(of: ResourceSync, kept: Followed) -> bool:
    """Whether a reading of everything has brought what was to be read: nothing else makes it so young."""
    return of.as_of is not None and kept.at is not None and of.as_of >= kept.at


def _read(m: Session, name: str, what: tuple[str, int]) -> None:
    one, (column, value) = MIRRORED[name], what
    if column == one.key:
        answer, at = m.ask(f"{name}.get", path={one.key: value})
        rows: list[Row] = [row for row in answer.rows if is_readable(one, row)]
        kept = m.on.records.get(m.practice.id, name, [value])
    else:
        rows, at = m.ask_all(one.lists, {**dict(one.fixed), column: value})
        rows = [row for row in rows if is_readable(one, row)]
        kept = m.on.records.under(m.practice.id, name, column, value)
    m.store(one, rows, at=at, cause="poll")
    shown = {key_of(one, row) for row in rows}
    if column != one.key:
        m.note_whole(one, column, value, shown, at=at)
    gone = [record.key for record in kept if record.key not in shown and record.read.at < at]
    of = m.of(name)
    suspects = of.suspects
    if column == one.key or way_of(m.practice, one)[0] is not Way.GET:
        m.bury(one, gone, at=at, cause="poll")
    else:
        # It may have been moved to another parent.
        suspects = tuple(sorted({*suspects, *gone}))
    followed = of.followed
    assert followed is not None
    followed = replace(followed, reads=tuple(read for read in followed.reads if read != what))
    highest = max([of.highest, *shown])
    of = replace(of, followed=followed, suspects=suspects, calls=of.calls + 1, highest=highest)
    m.save(_as_young_as_known(replace(of, failures=0, not_before=None)))


# Values of a query


def _shifted(clock: str, by: timedelta) -> str:
    wall = clocks.read_clock(clock)
    return clock if wall is None else clocks.write_clock(wall + by)


def _int(value: object) -> int:
    """A count, a sum or a key, however the office writes numbers; nothing is 0."""
    if value is None or isinstance(value, bool):
        return int(bool(value))
    try:
        return int(Decimal(str(value)))
    except (ArithmeticError, ValueError):
        raise Failed("not-understood") from None


def _stamp(value: Any) -> str | None:
    """A moment as cursors are written; None where there is none."""
    wall = None if value is None else clocks.read_clock(wire_text(value))
    return None if wall is None else clocks.write_clock(wall)
