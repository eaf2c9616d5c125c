"""What has changed at the office since it was last asked, by the filters that Open Dental has.

A cursor is the server's own clock, from the first page of a reading, and moves only when all pages are read. Rows at
its edge come again and change nothing. The server's clock and its highest key are looked at besides: a clock that was
set back, or a backup that was restored, would make every cursor a lie without any error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.core.fetches import knows
from gateway.core.mirror import clocks, identity, incidents, passes, reading, schedule, server_zone
from gateway.core.mirror.mirrored import MIRRORED, Mirrored
from gateway.core.mirror.records import Row
from gateway.core.mirror.session import Failed, Refused, Session, clock_of, is_readable, key_of
from gateway.core.mirror.syncing import Pass, Phase, ResourceSync
from gateway.core.native import wanting
from gateway.core.normalize.values import content_version

MOST_PARENTS: Final = 500
"""Changed parents that are remembered; for more the whole resource is read again."""

KEEPS_KEYS: Final = "procedurelogs"
"""Listed from the highest key down, and never deleted but by a mark: its first row tells of a restored backup."""

KEEPS_STAMPS: Final = "appointments"
"""What changes most often, so that a backup that lacks no key still lacks a change of it."""

LOOKED_BACK: Final = timedelta(hours=1)
MOST_LOOKED_AT: Final = 50
"""How far before the last pulse, and among how many rows, the latest change is looked for."""

SERVER_CLOCK_BACK: Final = "server-clock-back"
BACKUP_RESTORED: Final = "backup-restored"

_CLOCKS: Final = (KEEPS_KEYS, "providers", "patients", "appointments")
"""Lists whose rows bring the server's clock; the first that is offered is asked."""

MEASURED_ANEW: Final = timedelta(minutes=1)
"""How often the measured offset is stored where polls bring the clock all the time."""


def poll(m: Session, name: str, *, keeps_cursor: bool = False) -> bool:
    """Read the next page of what has changed; whether there are more.

    `keeps_cursor`: changes are counted from it, and whoever counts them moves it.
    """
    one, of = MIRRORED[name], m.of(name)
    how = passes.listing(one)
    running = of.feed or begun(m)
    base = {**dict(one.fixed), **_filter(m, one, of.cursor)}
    query = passes.query_of(running, base, page_limit=m.practice.page_limit)
    answer, at = m.ask(one.list_operation or "", query)
    clock = clock_of(answer.rows)
    if clock is not None and hear_clock(m, clock, at):
        return False
    of = m.of(name)
    if not running.pages:
        running = replace(running, clock=clock)
    step = passes.take(running, answer.rows, how, page_limit=m.practice.page_limit)
    if passes.is_stuck(step.running):
        m.save(replace(of, feed=None))
        raise Failed("paging-broken")
    rows = [row for row in step.rows if is_readable(one, row)]
    if followers := followers_of(m, name):
        _remember(m, one, rows, followers)
    stored = m.store(one, rows, at=at, cause="poll")
    of = replace(
        of,
        calls=of.calls + 1,
        highest=max([of.highest, *(key_of(one, row) for row in rows)]),
        feed=step.running,
        moved_at=m.now() if stored.changed else of.moved_at,
        failures=0,
        not_before=None,
    )
    if of.trouble not in reading.LASTING:
        of = replace(of, trouble=None, trouble_since=None)
    if not step.done:
        m.save(of)
        return True
    began = step.running.started_at
    cursor = step.running.clock or (of.cursor if one.clock is not None else reading.wall_of(m, began))
    cursor = of.cursor if keeps_cursor else cursor
    is_told = wanting.is_told(m.state, name, m.now())
    period = schedule.poll_period(one, of, m.now(), zone=m.zone, interval_s=m.turn.interval_s(), is_told=is_told)
    as_of = of.as_of if one.stamp is None else began if of.as_of is None else max(of.as_of, began)
    m.save(replace(of, feed=None, cursor=cursor, as_of=as_of, polled_at=began, due_at=m.began + period))
    return False


def followers_of(m: Session, name: str) -> list[Mirrored]:
    """What is followed by the changed rows of `name`, and by nothing surer."""
    by_query = m.by_query()
    return [
        other
        for other in MIRRORED.values()
        if other.followed_by and other.followed_by[0] == name and other.resource not in by_query
    ]


def begun(m: Session) -> Pass:
    return Pass("feed", passes.ALL.name, 0, m.now())


def _filter(m: Session, one: Mirrored, cursor: str | None) -> dict[str, Any]:
    """What to ask with for everything since `cursor`."""
    stamp = clocks.since(cursor or "", m.zone)
    return {one.stamp or one.entered or "": stamp if one.stamp is not None else clocks.entry(stamp, one.entered)}


def _remember(m: Session, one: Mirrored, rows: Sequence[Row], followers: Sequence[Mirrored]) -> None:
    """Note that the rows under changed parents are to be read again, before the parents are stored as seen."""
    polled_at = m.of(one.resource).polled_at
    kept = {
        record.key: record.version
        for record in m.on.records.get(m.practice.id, one.resource, [key_of(one, row) for row in rows])
        # Who stored it since the last poll may have been a caller's read, which followed nothing.
        if polled_at is not None and record.changed_at < polled_at
    }
    changed = {key_of(one, row) for row in rows if kept.get(key_of(one, row)) != content_version(row)}
    if not changed:
        return
    for other in followers:
        of = m.of(other.resource)
        if of.phase not in {Phase.LOADING, Phase.LOADED}:
            continue
        parents = tuple(dict.fromkeys((*of.parents, *sorted(changed))))
        if len(parents) <= MOST_PARENTS:
            m.save(replace(of, parents=parents))
        elif of.phase is Phase.LOADED:
            m.save(replace(of, parents=(), sweep_due_at=m.now(), running=None))
        else:
            m.save(replace(of, parents=(), running=None))


# The server's clock and its highest key


def feel_pulse(m: Session) -> None:
    """Once in a while, and after every silence: is it still the same database, by the same clock?"""
    incidents.heal(m)
    keys = m.of(KEEPS_KEYS)
    if m.state.pulse_at is not None and m.now() - m.state.pulse_at < schedule.PULSE and not _owes_a_look(m):
        return
    name = next((one for one in _CLOCKS if m.of(one).phase not in {Phase.NOT_OFFERED, Phase.NONE}), None)
    if name is None:
        return
    one, zone = MIRRORED[name], server_zone.asked(m)
    try:
        answer, at = m.ask(one.list_operation or "", {**dict(one.fixed), "Limit": 1, "Offset": 0, **zone})
    except (Refused, Failed):
        if zone:
            server_zone.put_off(m)
        return
    told = clock_of(answer.rows)
    clock = server_zone.without(told)
    if clock is not None and hear_clock(m, clock, at):
        return
    befell = _what_befell(m, answer.rows if name == KEEPS_KEYS and keys.highest else None)
    if befell is not None:
        begin_epoch(m, befell, list(MIRRORED))
        return
    changes: dict[str, Any] = {"pulse_at": m.now(), "incidents": incidents.after_silence(m)}
    if clock is not None:
        # An empty database has no clock to show; the next look is a pulse later all the same.
        changes |= {"server_clock_at": at, "server_offset_s": clocks.offset_of(clock, at)}
    if m.state.sampled_at is None and keys.phase is Phase.LOADED:
        # Its rows were read just now.
        changes["sampled_at"] = m.now()
    if zone and told is not None:
        changes["zone"] = server_zone.heard(told, at)
    m.save_practice(**changes)


def _owes_a_look(m: Session) -> bool:
    """Whether there is something to look at once a day that queries, which feel the pulse all the time, do not show."""
    if KEEPS_KEYS not in m.by_query():
        return False
    is_new = m.state.sampled_at is None and m.of(KEEPS_KEYS).phase is Phase.LOADED
    return is_new or bool(server_zone.asked(m)) or identity.is_due(m, highest=0)


def older_or_another(m: Session) -> str:
    """What a database is whose highest keys or latest stamps have fallen. Raises: GiveWay, CouldNotLook."""
    return incidents.DATABASE_MOVED if identity.is_another(m) else BACKUP_RESTORED


def _what_befell(m: Session, first: Sequence[Any] | None) -> str | None:
    """Why nothing that is kept can be believed; None where it can. `first`: the first row of `KEEPS_KEYS`."""
    if first is not None:
        one, highest = MIRRORED[KEEPS_KEYS], m.of(KEEPS_KEYS).highest
        top = max((key_of(one, row) for row in first if is_readable(one, row)), default=0)
        if keys_fell_back(m, one, first, highest):
            return older_or_another(m)
        if identity.is_due(m, highest=top):
            if identity.is_another(m):
                return incidents.DATABASE_MOVED
            m.save_practice(sampled_at=m.now())
    return BACKUP_RESTORED if a_stamp_fell_back(m) else None


def keys_fell_back(m: Session, one: Mirrored, rows: Sequence[Any], highest: int) -> bool:
    """Whether the row of the highest key is gone, which no office can do by itself."""
    found = max((key_of(one, row) for row in rows if is_readable(one, row)), default=0)
    if found >= highest:
        return False
    if not knows(m.practice, f"{one.resource}.get"):
        return True
    try:
        answer, _ = m.ask(f"{one.resource}.get", path={one.key: highest})
    except (Refused, Failed):
        return False
    return not any(is_readable(one, row) for row in answer.rows)


def a_stamp_fell_back(m: Session) -> bool:
    """Whether a visit that changed lately is at the office as it was before, which only an older database has."""
    one, felt_at = MIRRORED[KEEPS_STAMPS], m.state.pulse_at
    if felt_at is None or m.of(KEEPS_STAMPS).phase is not Phase.LOADED or not knows(m.practice, f"{KEEPS_STAMPS}.get"):
        return False
    since = felt_at - LOOKED_BACK
    lately = m.on.records.changed(m.practice.id, KEEPS_STAMPS, since, after=None, limit=MOST_LOOKED_AT)
    kept = next((record for record in reversed(lately) if record.is_living), None)
    if kept is None:
        return False
    try:
        answer, at = m.ask(f"{KEEPS_STAMPS}.get", path={one.key: kept.key})
    except (Refused, Failed):
        return False
    row = answer.row
    if not is_readable(one, row) or content_version(row) == kept.version:
        return False
    if not clocks.is_far_behind(row.get(one.stamp or ""), str(kept.row.get(one.stamp or ""))):
        m.store(one, [row], at=at, cause="poll")
        return False
    return True


def hear_clock(m: Session, clock: str, at: datetime) -> bool:
    """Measure the server's clock by an answer; True where it fell so far back that much must be read again."""
    state = m.state
    offset_s = clocks.offset_of(clock, at)
    if offset_s is None:
        return False
    if clocks.is_far_behind(clock, state.highest):
        stamped = [name for name, one in MIRRORED.items() if one.stamp is not None or m.of(name).followed is not None]
        begin_epoch(m, SERVER_CLOCK_BACK, stamped, highest=clock, server_offset_s=offset_s, server_clock_at=at)
        return True
    before_s, before_at = state.server_offset_s, state.server_clock_at
    set_back = before_s is not None and offset_s < before_s - clocks.WENT_BACK_S
    if set_back and before_at is not None:
        _lower_cursors(m, clocks.write_clock((before_at + timedelta(seconds=offset_s)).replace(tzinfo=None)))
    moved = before_s is None or abs(offset_s - before_s) > clocks.WENT_BACK_S
    if moved or before_at is None or at - before_at > MEASURED_ANEW:
        highest = clocks.later(state.highest, clock)
        m.save_practice(server_offset_s=offset_s, server_clock_at=at, highest=highest)
    return False


def _lower_cursors(m: Session, clock: str) -> None:
    """The server's clock was set back: stamps since then are lower than the cursors, which must go below them."""
    for name, of in m.state.resources.items():
        if of.cursor is not None and of.cursor > clock:
            m.save(replace(m.of(name), cursor=clock, feed=None))


def begin_epoch(m: Session, why: str, resources: Sequence[str], **changes: Any) -> None:
    """Have these resources loaded anew, above everything that was read before.

    The one by whose highest key a restored backup is known comes last: what is cut off here is found out again.
    """
    for name in sorted(resources, key=lambda one: one == KEEPS_KEYS):
        if name == KEEPS_KEYS:
            happened = incidents.noted(m.state, why, m.now(), resources)
            m.save_practice(epoch=m.state.epoch + 1, pulse_at=None, sampled_at=None, incidents=happened, **changes)
        of = m.of(name)
        if of.phase in {Phase.LOADED, Phase.LOADING}:
            m.on.records.all_here(m.practice.id, name, are=False)
            m.save(anew(of, why, m.now()))


def anew(of: ResourceSync, why: str, now: datetime) -> ResourceSync:
    """The state of a resource that is loaded once more, because of `why`."""
    return replace(
        of,
        phase=Phase.LOADING,
        as_of=None,
        cursor=None,
        running=None,
        feed=None,
        suspects=(),
        parents=(),
        followed=None,
        highest=0,
        failures=0,
        not_before=None,
        trouble=why,
        trouble_since=now,
    )
