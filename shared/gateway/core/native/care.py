"""Background work: has a practice's machines tell by themselves what changes, and watches that they do.

It lists what is subscribed, compares that with what should be (`subscribing`), and does what is missing. Nothing is
kept of what it did but what the next listing may be compared with, so that a crash, a lost answer or somebody at the
office is put right by the next care. Feeds and sweeps go on all the while: what is not told is polled.

Source: https://www.opendental.com/site/apisubscriptions.html, https://www.opendental.com/site/apievents.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from gateway.core.background_turn import BackgroundTurn, CouldNotLook
from gateway.core.health import fleet
from gateway.core.mirror import clocks, incidents, schedule
from gateway.core.mirror.session import UNAUTHORIZED, Failed, Refused, Session
from gateway.core.mirror.syncing import Native, Told
from gateway.core.mirror.told import MACHINES_SILENT
from gateway.core.native.hooks import hook_path
from gateway.core.native.subscribing import (
    POLLING_S,
    Plan,
    Step,
    Subscription,
    Wish,
    compared,
    is_ours,
    read,
    workstation_at,
)
from gateway.core.native.wanting import (
    CREATE,
    FAILING,
    LIST,
    MACHINE_SILENT,
    UNREACHABLE,
    UPDATE,
    is_ending,
    is_refused,
    is_told,
    why_not,
    wished_tables,
)
from gateway.core.native.watched import WATCHED

EVERY: Final = timedelta(minutes=15)
EVERY_CLOSED: Final = timedelta(hours=1)
"""How often what is subscribed is listed: one call, of which a day has some seventy."""

SOON: Final = timedelta(minutes=6)
"""How long after a change it is looked whether the machines took it up: longer than what counts as silence."""

SILENT: Final = max(timedelta(minutes=5), timedelta(seconds=3 * POLLING_S))
"""A DateTimeStart that stands still for longer: no machine polls, though nothing need have changed for it to move."""

LONG: Final = timedelta(days=1)
"""After so long somebody is told: what nobody has taken for three days Open Dental never tells any more."""

REFUSED_FOR: Final = timedelta(days=1)
"""How long a table is left out that the office did not take; from which version some are there is not published."""

LOOKED_WITHIN_S: Final = 86_400.0

BLOCKED_FOR: Final = timedelta(hours=1)

_STATUS: Final = re.compile(r"(?<!\d)[3-5]\d\d(?!\d)")


class Care:
    """What it is cut off from is done by the next turn, which lists anew."""

    def run(self, turn: BackgroundTurn) -> None:
        """See `Work.run`."""
        m = Session.of_turn(turn)
        due = _next(m)
        if due is None or due > m.now():
            return
        native = m.state.native
        if (why := why_not(m.practice)) is not None:
            _save(m, _troubled(native, why, m.now(), again=BLOCKED_FOR))
        elif is_ending(m.state):
            _end(m)
        elif native.version is None and m.now().timestamp() - m.turn.pace.probed_at > LOOKED_WITHIN_S:
            # What a version offers is asked for once, and refused for a day: so the version had better be true.
            turn.probe_in(timedelta())
        else:
            _keep(m)

    def next_due(self, turn: BackgroundTurn) -> datetime | None:
        """See `Work.next_due`."""
        return _next(Session.of_turn(turn))


def seen(told: Told | None, one: Subscription, now: datetime) -> Told:
    """What is known of a subscription once it was listed as `one`."""
    start = None if one.start is None else clocks.write_clock(one.start)
    is_known = told is not None and told.number == one.number
    moved = is_known and told is not None and told.start != start
    was = told if is_known and told is not None else Told(one.number, moved_at=now)
    moved_at = now if moved or was.moved_at is None else was.moved_at
    trouble = FAILING if one.failures > 0 else MACHINE_SILENT if now - moved_at > SILENT else None
    since = moved_at if trouble is not None else None
    return Told(
        number=one.number,
        start=start,
        moved_at=moved_at,
        has_moved=was.has_moved or moved,
        failures=one.failures,
        failed_at=None if one.failed_at is None else clocks.write_clock(one.failed_at),
        retry_at=None if one.retry_at is None else clocks.write_clock(one.retry_at),
        # What the office says may hold the address, and with it what makes it worth anything.
        status=int(found[0]) if one.failures and (found := _STATUS.search(one.words)) else None,
        trouble=trouble,
        trouble_since=was.trouble_since if trouble == was.trouble else since,
    )


def _next(m: Session) -> datetime | None:
    """When something is to be done, in a mirror's life: while it is on, and once nobody wants to be told any more."""
    native, now = m.state.native, m.now()
    if is_ending(m.state):
        return native.due_at or now
    if not (native.wanted and native.base_url and m.is_on):
        return None
    wished = wished_tables(m.practice, m.state)
    if not wished and not native.tables and why_not(m.practice) is None:
        return None
    is_well = native.trouble is None
    if is_well and any(table not in native.tables and not is_refused(native, table, now) for table in wished):
        return now
    return native.due_at or now


def _keep(m: Session) -> None:
    _heed_version(m)
    native, now = m.state.native, m.now()
    wished = _wishes(m)
    try:
        plan = _listed(m, wished)
        tables = {table: seen(native.tables.get(table), one, now) for table, one in plan.kept.items()}
        refused = {table: until for table, until in native.refused.items() if until > now}
        refused |= dict.fromkeys(_lost_at_once(native, plan, now), now + BLOCKED_FOR)
        steps = [step for step in plan.steps if step.is_end or step.table not in refused]
        for step in steps:
            made = _do(m, step, refused)
            if made is not None:
                tables[step.table] = seen(None, made, m.now())
            start = None if step.is_end or step.table in refused else (step.call.body or {}).get("DateTimeStart")
            if start is not None:
                # What we move ourselves is no sign of life.
                tables[step.table] = Told(tables[step.table].number, clocks.write_clock(start), moved_at=m.now())
        changed = _changed(steps)
        if changed:
            # The answer to a change shows nothing of it: what was not taken is asked for again after a day.
            ignored = changed & _changed(_listed(m, wished).steps)
            refused |= dict.fromkeys((table for table, _ in ignored), m.now() + REFUSED_FOR)
    except (Failed, Refused) as error:
        _went_wrong(m, error)
        return
    tables = {one.table: tables[one.table] for one in wished if one.table in tables}
    was_told = [name for name in schedule.HOT - schedule.UNTOLD if is_told(m.state, name, now)]
    is_changed = not all(step.is_end for step in steps)
    period = SOON if is_changed else EVERY if schedule.is_open(m.now(), m.zone) else EVERY_CLOSED
    _save(
        m,
        replace(
            m.state.native,
            # What was not taken may stand for an old address yet.
            former=native.former if refused else (),
            tables=tables,
            refused=refused,
            cared_at=now,
            due_at=m.now() + period,
            ended_at=None,
            trouble=None,
            trouble_since=None,
            failures=0,
        ),
    )
    for name in was_told:
        if not is_told(m.state, name, now):
            # What machines told of was polled less often.
            m.save(replace(m.of(name), due_at=now))
    _tell(m)


def _end(m: Session) -> None:
    """End all that is ours. Nothing here keeps the mirror's erasure waiting for a practice that does not answer."""
    try:
        for step in _listed(m, []).steps:
            m.write(step.call)
    except (Failed, Refused) as error:
        _save(m, _failed(m.state.native, error, m.now()))
        return
    except CouldNotLook:
        _save(m, _failed(m.state.native, Failed(UNREACHABLE), m.now()))
        return
    was, now = m.state.native, m.now()
    if was.silence_told_at is not None:
        fleet.set_right(m.on.fleet, fleet.Trouble.MACHINES_SILENT, m.practice.id, since=None)
    ended = Native(workstation=was.workstation, changed_at=was.changed_at, cared_at=now, ended_at=now)
    m.save_practice(native=ended, incidents=incidents.healed(m.state, MACHINES_SILENT, now))


def _heed_version(m: Session) -> None:
    """What one version of Open Dental did not take another may."""
    native = m.state.native
    if native.version != m.practice.version:
        _save(m, replace(native, version=m.practice.version, refused={}))


def subscribe(m: Session) -> None:
    """Make what should be told and is not, under the key that `m` calls with; nothing is ended, and nothing kept.

    For a key that is to follow: once it is the practice's, care compares as ever. What is not taken is left out.

    Raises: GiveWay, CouldNotLook, Refused, Failed.
    """
    native = m.state.native
    if not (native.wanted and native.base_url and m.is_on) or why_not(m.practice) is not None:
        return
    for step in _listed(m, _wishes(m)).steps:
        if step.is_end:
            continue
        with suppress(Failed):
            m.write(step.call)


def end_former(m: Session) -> None:
    """End all that is told under the former key that `m` calls with, and have care look at what is told now.

    Raises: as `subscribe`.
    """
    end_all(m)
    if m.state.native.wanted:
        _save(m, replace(m.state.native, due_at=m.now()))


def end_all(m: Session) -> None:
    """End all that is told under the key that `m` calls with. Raises: as `subscribe`."""
    if m.state.native.base_url is None or why_not(m.practice) is not None:
        return
    path = hook_path(m.practice, m.on.signer)
    for step in _listed(m, [], path=path).steps:
        m.write(step.call)


def _wishes(m: Session) -> list[Wish]:
    native = m.state.native
    path = hook_path(m.practice, m.on.signer)
    workstation = workstation_at(m.practice.version, native.workstation)
    return [Wish(table, f"{native.base_url}{path}", workstation) for table in wished_tables(m.practice, m.state)]


def _listed(m: Session, wished: list[Wish], *, path: str | None = None) -> Plan:
    """What is to be done, by what is subscribed now, where a `path` is said only by what leads there.

    Raises: GiveWay, CouldNotLook, Refused, Failed.
    """
    native = m.state.native
    rows, at = m.ask_all(LIST, {})
    found = [one for row in rows if (one := read(row)) is not None]
    addresses = [one for one in (native.base_url, *native.former) if one]
    ours = [one for one in found if is_ours(one, m.practice.id, addresses)]
    if path is not None:
        ours = [one for one in ours if one.url.rstrip("/").endswith(path)]
    wall = clocks.server_wall(at, m.zone, offset_s=m.state.server_offset_s, measured_at=m.state.server_clock_at)
    return compared(wished, ours, wall.replace(microsecond=0))


def _changed(steps: Iterable[Step]) -> set[tuple[str, int]]:
    """Tables whose subscription is put right, with its number."""
    return {
        (step.table, step.call.path["SubscriptionNum"])
        for step in steps
        if step.call.operation == UPDATE and not step.is_end
    }


def _lost_at_once(native: Native, plan: Plan, now: datetime) -> list[str]:
    """What was made within the hour and is no more, before it ever worked: made anew each time, an office that ends or
    shows it as something else would be filled with rows."""
    return [
        table
        for table, one in native.tables.items()
        if table not in plan.kept
        and not one.has_moved
        and one.moved_at is not None
        and now - one.moved_at < BLOCKED_FOR
    ]


def _do(m: Session, step: Step, refused: dict[str, datetime]) -> Subscription | None:
    """Take one step; what it made, where it made something. A table that the office does not take joins `refused`."""
    try:
        answer = m.write(step.call)
    except Failed as error:
        if error.code != "invalid" or step.is_end:
            raise
        refused[step.table] = m.now() + REFUSED_FOR
        return None
    return read(answer.row) if step.call.operation == CREATE else None


def _went_wrong(m: Session, error: Failed | Refused) -> None:
    _save(m, _failed(m.state.native, error, m.now()))
    if error.code == UNAUTHORIZED:
        # It may concern the whole key.
        raise CouldNotLook from error


def _failed(native: Native, error: Failed | Refused, now: datetime) -> Native:
    if isinstance(error, Refused):
        return _troubled(native, error.code, now, again=BLOCKED_FOR)
    wait_s = min(schedule.RETRY_LONGEST_S, schedule.RETRY_FIRST_S * 2 ** min(native.failures, 10))
    troubled = _troubled(native, error.code, now, again=timedelta(seconds=wait_s))
    return replace(troubled, failures=native.failures + 1)


def _troubled(native: Native, code: str, now: datetime, *, again: timedelta) -> Native:
    since = native.trouble_since if native.trouble == code else now
    return replace(native, trouble=code, trouble_since=since, due_at=now + again)


def _tell(m: Session) -> None:
    """Let an operator know, once, that nothing has come for long; and when it is over."""
    native, now = m.state.native, m.now()
    silent = {table: one for table, one in native.tables.items() if _is_long_silent(one, now)}
    if silent and native.silence_told_at is None:
        since = min(one.moved_at for one in silent.values() if one.moved_at is not None)
        resources = _resources_of(silent)
        # Before it is stored that this was told: twice is better than never.
        m.on.notices.note(m.practice.id, MACHINES_SILENT, now)
        fleet.set_right(m.on.fleet, fleet.Trouble.MACHINES_SILENT, m.practice.id, since=since)
        told = incidents.with_one(m.state, MACHINES_SILENT, since, now, resources)
        m.save_practice(native=replace(native, silence_told_at=now), incidents=told)
    elif native.silence_told_at is not None and not silent:
        fleet.set_right(m.on.fleet, fleet.Trouble.MACHINES_SILENT, m.practice.id, since=None)
        healed = incidents.healed(m.state, MACHINES_SILENT, now)
        m.save_practice(native=replace(native, silence_told_at=None), incidents=healed)


def _is_long_silent(one: Told, now: datetime) -> bool:
    return one.trouble is not None and one.moved_at is not None and now - one.moved_at > LONG


def _resources_of(tables: Iterable[str]) -> set[str]:
    return {WATCHED[table].resource for table in tables if table in WATCHED}


def _save(m: Session, native: Native) -> None:
    m.save_practice(native=native)
