"""Reading a resource as a whole, page by page: what a first load and a sweep have in common.

The state is saved after each page, so that a crash costs one page, which is read again and comes to the same. What the
mirror has and a page should show is missing; once the list is at its end, what is missing is looked for one by one (a
GET, or the list of its parent), or the list is read a second time, and only then buried.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Final

from gateway.core.mirror import checksums, clocks, incidents, passes, progress, schedule
from gateway.core.mirror.mirrored import MIRRORED, Mirrored
from gateway.core.mirror.passes import Listing, Part, Place, Span
from gateway.core.mirror.records import Record, Row
from gateway.core.mirror.session import Failed, Refused, Session, clock_of, is_readable, key_of
from gateway.core.mirror.syncing import Pass, Phase, ResourceSync
from gateway.core.mirror.ways import Way, way_of
from open_dental import wire
from open_dental.errors import TimedOut

LOAD, SWEEP, CHECK = "load", "sweep", "check"

CONFIRM: Final = "confirm"
"""The part of a pass in which its list is at its end, and what was missing is looked for."""

MOST_MISSING: Final = 10_000
"""Keys that one pass remembers; what is missing besides is found by the next one, which follows at once."""

MOST_HIDDEN: Final = 30
"""So many rows that were missing and live all the same say that the list does not show everything."""

KEYS_AT_ONCE: Final = 1000

FEWEST_ROWS: Final = 10
"""Of a page, where even small ones take the office too long."""

ORDER_UNKNOWN: Final = "order-unknown"
LIST_INCOMPLETE: Final = "list-incomplete"
SUMS_DIFFER: Final = "sums-differ"
LASTING: Final = frozenset({ORDER_UNKNOWN, LIST_INCOMPLETE, SUMS_DIFFER})
"""Troubles of whole readings: deletions cannot be told. Polls go on all the same, and only a good reading ends them."""


def go_on(m: Session, name: str, *, purpose: str) -> None:
    """Read the next page of the resource, or look for the next row that was missing; begin where nothing is begun.

    Raises: GiveWay, CouldNotLook.
    """
    of = m.of(name)
    try:
        if (of.running is not None and of.running.part == CONFIRM) or (of.running is None and of.suspects):
            _confirm(m, name)
        else:
            _page(m, name, purpose=purpose)
    except (Refused, Failed) as error:
        if took_too_long(error):
            of = m.of(name)
            running = of.running or Pass(purpose, "", 0, m.now())
            m.save(replace(of, running=in_smaller_pages(m, running)))
        m.went_wrong(name, error)


def _page(m: Session, name: str, *, purpose: str) -> None:
    one, of = MIRRORED[name], m.of(name)
    how = passes.listing(one)
    running = of.running or Pass(purpose, "", 0, m.now())
    today = running.started_at.astimezone(m.zone).date()
    every = passes.parts(one, today, purpose=running.purpose)
    part = passes.part_of(running, every)
    running = replace(running, part=part.name)
    base = {**dict(one.fixed), **dict(part.query)}
    query = passes.query_of(running, base, page_limit=m.practice.page_limit)
    answer, at = m.ask(one.list_operation or "", query, modest=True)
    rows = answer.rows
    if not running.pages:
        running = replace(running, clock=clock_of(rows))
    step = passes.take(running, rows, how, part, page_limit=m.practice.page_limit)
    if passes.is_stuck(step.running):
        m.save(replace(of, running=None))
        raise Failed("paging-broken")
    gone = _lasting(m, one, passes.missing(_kept(m, one, how, part, step.span), step, how), at)
    m.store(one, step.rows, at=at, cause=running.purpose)
    found = tuple(dict.fromkeys((*step.running.missing, *gone)))[:MOST_MISSING]
    running = replace(step.running, missing=found)
    of = replace(
        of,
        phase=Phase.LOADING if of.phase is Phase.NONE else of.phase,
        calls=of.calls + 1,
        highest=max([of.highest, *(key_of(one, row) for row in step.rows if is_readable(one, row))]),
        failures=0,
        not_before=None,
        running=running,
    )
    if running.purpose == LOAD:
        of = progress.counted(of, m.state, m.now())
    if not step.done:
        m.save(of)
        return
    following = passes.next_part(running, every)
    if following is not None:
        m.save(replace(of, running=passes.begin_part(running, following)))
        return
    at_the_end(m, one, of, running, at=at)


def at_the_end(m: Session, one: Mirrored, of: ResourceSync, running: Pass, *, at: datetime) -> None:
    """The list was shown as a whole: what does it say of the rows that were missing from it?"""
    missing = frozenset(() if running.is_blind else running.missing)
    running = replace(running, is_cut=len(missing) >= MOST_MISSING)
    if running.before is None and missing:
        if passes.is_many(len(missing), running.seen):
            m.save(replace(of, running=_again(running, missing)))
            return
    elif running.before is not None:
        missing &= frozenset(running.before)
    if missing and running.before is None and _needs_second(m, one, missing):
        m.save(replace(of, running=_again(running, missing)))
        return
    if missing and running.before is not None and incidents.is_moved(m.state):
        # Rows of another database, which two readings of this one lack: there is nothing to look up. But keys are given
        # out again: what was read since lives, elsewhere in the list than the old row was missing from.
        kept = m.on.records.get(m.practice.id, one.resource, missing)
        m.bury(one, [record.key for record in kept if record.read.at < running.started_at], at=at)
        if running.is_cut:
            # There are more of them, and until they are gone this is not complete.
            m.save(replace(of, running=None))
            return
        missing = frozenset()
    if missing and way_of(m.practice, one)[0] is Way.AGAIN:
        m.bury(one, missing, at=at)
        missing = frozenset()
    if missing:
        suspects = tuple(sorted({*of.suspects, *missing}))
        m.save(replace(of, suspects=suspects, running=replace(running, part=CONFIRM, stalled=0, missing=())))
        return
    _complete(m, one, of, running)


def _again(running: Pass, missing: Iterable[int]) -> Pass:
    """The same list once more: it must miss the same rows. Its time stays that of the first reading."""
    return Pass(
        running.purpose,
        "",
        0,
        running.started_at,
        clock=running.clock,
        pages=running.pages,
        before=tuple(sorted(missing)),
        limit=running.limit,
    )


def _needs_second(m: Session, one: Mirrored, missing: frozenset[int]) -> bool:
    """Whether some of these rows can be looked for nowhere but in the list itself."""
    way, column = way_of(m.practice, one)
    if way is Way.PARENT:
        kept = m.on.records.get(m.practice.id, one.resource, missing)
        return any(not one.parents_of(record.row).get(column or "") for record in kept)
    return way is Way.AGAIN


def _complete(m: Session, one: Mirrored, of: ResourceSync, running: Pass) -> None:
    """All of it is in the mirror as it was when the pass began, or younger."""
    began, now = running.started_at, m.now()
    is_load = of.phase is not Phase.LOADED
    as_of = began if of.as_of is None or is_load else max(of.as_of, began)
    is_swept = not running.is_blind and not running.is_cut
    is_check = running.purpose == CHECK
    strikes = 0 if is_check else of.strikes
    trouble = ORDER_UNKNOWN if running.is_blind else SUMS_DIFFER if strikes >= checksums.MOST_STRIKES else None
    of = replace(
        of,
        phase=Phase.LOADED,
        as_of=as_of,
        swept_at=began if is_swept else of.swept_at,
        rows=running.seen,
        running=None,
        suspects=(),
        trouble=trouble,
        trouble_since=None if trouble is None else of.trouble_since if trouble == of.trouble else now,
        whole_at=of.whole_at if is_check or running.is_cut else began,
        strikes=strikes,
        failures=0,
        not_before=None,
    )
    period = checksums.period(m.practice, one, of, now)
    due = schedule.next_sweep(of, began, zone=m.zone, page_limit=m.practice.page_limit, period=period)
    of = replace(of, sweep_due_at=now if running.is_cut else due)
    if is_load and schedule.is_fed(one):
        of = replace(of, cursor=running.clock or wall_of(m, began), feed=None, polled_at=began, due_at=now)
    m.save(of)


def wall_of(m: Session, at: datetime) -> str:
    """The server's clock `at`, at its earliest, as a cursor."""
    state = m.state
    wall = clocks.server_wall(at, m.zone, offset_s=state.server_offset_s, measured_at=state.server_clock_at)
    return clocks.write_clock(wall)


# What the mirror has in a stretch of the list


def _kept(m: Session, one: Mirrored, how: Listing, part: Part, span: Span | None) -> Iterator[tuple[int, Place]]:
    """Living rows that a page of this span may have to show, and where they stand."""
    if span is None:
        return
    if how.columns == (how.key,):
        yield from _by_key(m, one, how, span)
        return
    if part.days is not None:
        records: Iterable[Record] = m.on.records.between(m.practice.id, one.resource, *part.days)
    else:
        records = m.on.records.between(m.practice.id, one.resource, _day(span.after), _day(span.upto))
        if _day(span.after) is None:
            yield from _undated(m, one, how)
    for record in records:
        if (place := how.place(record.row)) is not None:
            yield record.key, place


def _by_key(m: Session, one: Mirrored, how: Listing, span: Span) -> Iterator[tuple[int, Place]]:
    low, high = (span.upto, span.after) if how.descending else (span.after, span.upto)
    after = None if low is None else int(low[0]) - (1 if how.descending else 0)
    last = None if high is None else int(high[0])
    while True:
        found = m.on.records.versions(m.practice.id, one.resource, after=after, limit=KEYS_AT_ONCE)
        keys = [key for key, _ in found if last is None or key <= last]
        yield from ((key, (key,)) for key in keys)
        if len(found) < KEYS_AT_ONCE or len(keys) < len(found):
            return
        after = found[-1][0]


def _undated(m: Session, one: Mirrored, how: Listing) -> list[tuple[int, Place]]:
    """Rows without a day stand before all others, and no index finds them: looked up once a turn."""
    if one.resource not in m.undated:
        found: list[tuple[int, Place]] = []
        after: int | None = None
        while page := m.on.records.page(m.practice.id, one.resource, after=after, limit=KEYS_AT_ONCE):
            undated = ((of.key, how.place(of.row)) for of in page if one.day_of(of.row) is None)
            found += [(key, place) for key, place in undated if place is not None]
            after = page[-1].key
            if len(page) < KEYS_AT_ONCE:
                break
            m.turn.pause()
        m.undated[one.resource] = found
    return m.undated[one.resource]


def _lasting(m: Session, one: Mirrored, keys: Sequence[int], at: datetime) -> tuple[int, ...]:
    """Those of `keys` that the list should have shown: stored before it was asked, and not hidden from it."""
    if not keys:
        return ()
    kept = m.on.records.get(m.practice.id, one.resource, keys)
    return tuple(record.key for record in kept if record.read.at < at and not is_hidden(one, record.row))


def _day(place: Place | None) -> date | None:
    try:
        return None if not place else wire.day(str(place[0])[:10])
    except ValueError:
        return None


def is_hidden(one: Mirrored, row: Row) -> bool:
    """Whether the list never shows this row, though it lives: patients that were deleted, which is no more than a mark.

    Source: https://www.opendental.com/site/apipatients.html, "GET Simple".
    """
    return one.resource == "patients" and row.get("PatStatus") == "Deleted"


# Rows that were missing


def _confirm(m: Session, name: str) -> None:
    """Look for one suspect, or for all under one parent; complete the pass after the last."""
    one, of = MIRRORED[name], m.of(name)
    kept = {record.key: record for record in m.on.records.get(m.practice.id, name, of.suspects[:KEYS_AT_ONCE])}
    suspects = [
        key
        for key in of.suspects
        if key not in of.suspects[:KEYS_AT_ONCE] or (key in kept and not is_hidden(one, kept[key].row))
    ]
    if not suspects:
        _all_looked_for(m, one, replace(of, suspects=()))
        return
    first = suspects[0]
    way, column = way_of(m.practice, one)
    parent = one.parents_of(kept[first].row).get(column or "", 0) if way is Way.PARENT else 0
    if way is Way.GET:
        answer, at = m.ask(f"{name}.get", path={one.key: first}, modest=True)
        rows: list[Row] = [row for row in answer.rows if is_readable(one, row)]
        asked = {first}
    elif parent:
        rows, at = m.ask_all(one.lists, {**dict(one.fixed), column or "": parent})
        rows = [row for row in rows if is_readable(one, row)]
        asked = {key for key in suspects if key in kept and one.parents_of(kept[key].row).get(column or "") == parent}
    else:
        # Missing from two readings of the list, and nowhere else to look for.
        rows, at, asked = [], m.now(), {first}
        if of.running is None or of.running.before is None:
            m.save(replace(of, suspects=tuple(key for key in suspects if key != first)))
            return
    m.store(one, rows, at=at, cause="sweep")
    living = {key_of(one, row) for row in rows}
    m.bury(one, [key for key in asked - living if kept[key].read.at < at], at=at)
    left = tuple(key for key in suspects if key not in asked)
    of = replace(of, suspects=left, calls=of.calls + 1, failures=0, not_before=None)
    if of.running is not None:
        shown = sum(not is_hidden(one, row) for row in rows if key_of(one, row) in asked)
        of = replace(of, running=replace(of.running, stalled=of.running.stalled + shown))
        if of.running is not None and of.running.stalled > MOST_HIDDEN:
            m.save(replace(of, suspects=(), running=None, sweep_due_at=m.now() + schedule.SWEEP_LONG))
            raise Failed(LIST_INCOMPLETE)
    if left:
        m.save(of)
        return
    _all_looked_for(m, one, of)


def _all_looked_for(m: Session, one: Mirrored, of: ResourceSync) -> None:
    if of.running is None:
        m.save(of)
        return
    _complete(m, one, of, of.running)


def took_too_long(error: Exception) -> bool:
    """Whether Open Dental gave up on a page after its minute."""
    return isinstance(getattr(error.__cause__, "__cause__", None), TimedOut)


def in_smaller_pages(m: Session, running: Pass) -> Pass:
    """The pass, going on in pages of a quarter."""
    return replace(running, limit=max(FEWEST_ROWS, (running.limit or m.practice.page_limit) // 4))
