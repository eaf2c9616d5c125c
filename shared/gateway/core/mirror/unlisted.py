"""Background work: what no mirrored row tells. It is asked for besides, as seldom as can be, and kept as facts.

* Merged patients have a row in a table that the API does not list, and so have forms, but one patient at a time: one
  statement asks for both, where the key may query. Elsewhere nobody says, and nobody is told.
* Whether a visit was booked on line, a list of its own tells. It is asked for only after a visit was entered that this
  gateway did not write.

A form of a patient is a sheet that came as a web form, or that waited on a tablet when it was looked at and waits no
more. One that was put on a tablet and filled in between two looks is not told from what the staff wrote themselves.

Sources: https://www.opendental.com/site/apiappointments.html ("GET WebSched"),
https://www.opendental.com/site/apiqueries.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.core import capability
from gateway.core.background_turn import BackgroundTurn
from gateway.core.errors import PermissionMissing, VersionTooOld
from gateway.core.events.facts import INTAKE, MERGES, WEB_SCHED
from gateway.core.fhir_source import reads_by_fhir
from gateway.core.mirror import clocks, reading, schedule
from gateway.core.mirror.records import LOAD, OWN_WRITE, Record
from gateway.core.mirror.session import Failed, Refused, Session
from gateway.core.mirror.syncing import Phase
from gateway.core.normalize.values import flag, key
from gateway.core.queries.statement import ROWS, may_query
from gateway.core.queries.unlisted import LATELY, MERGE, SHEET

ASKED_EVERY: Final = timedelta(minutes=5)
"""How often the statement is sent while the office is open, by a key of a call a second or faster."""

BOOKED_EVERY: Final = timedelta(minutes=1)
"""How often at most it is asked which new visits were booked on line."""

BOOKED_AT_LEAST: Final = timedelta(minutes=2)
"""How often it is looked for new visits that no poll found: a native event or somebody's read may have stored them."""

NEW: Final = timedelta(hours=1)
"""How long after its entry a visit that changes may be one that was not asked about yet."""

AGAIN: Final = timedelta(hours=1)
REFUSED_FOR: Final = timedelta(days=1)

VISITS: Final = "appointments"
BOOKED_ON_LINE: Final = "appointments.WebSchedList"

_BEHIND: Final = timedelta(seconds=10)
"""How far an index of changes may be behind."""
_AT_ONCE: Final = 100


class Unlisted:
    """What it is cut off from is begun anew, and nobody hears of one twice."""

    def run(self, turn: BackgroundTurn) -> None:
        """See `Work.run`."""
        m = Session.of_turn(turn)
        _ask_lately(m)
        _ask_who_booked(m)

    def next_due(self, turn: BackgroundTurn) -> datetime | None:
        """See `Work.next_due`."""
        m = Session.of_turn(turn)
        return min((at for at in (_lately_due(m), _booked_due(m)) if at is not None), default=None)


# Merges and forms


def _lately_due(m: Session) -> datetime | None:
    if not m.is_on or m.of("patients").phase is not Phase.LOADED or not may_query(m.practice):
        return None
    return m.state.unlisted.due_at or m.now()


def _ask_lately(m: Session) -> None:
    due = _lately_due(m)
    if due is None or not schedule.is_due(due, m.now()):
        return
    began, kept = m.now(), m.state.unlisted
    present = reading.wall_of(m, began)
    # A clock that was set back is below what was kept of it.
    cursor = min(kept.cursor or present, present)
    since = clocks.read_clock(clocks.since(cursor, m.zone)) or clocks.LONG_AGO
    took = timedelta()
    try:
        for rows, its in _lately(m, since):
            took = max(took, its)
            for row in rows:
                _note(m, row)
    except (Refused, Failed) as error:
        later = REFUSED_FOR if isinstance(error, Refused) else AGAIN
        m.save_practice(unlisted=kept._replace(due_at=began + later))
        return
    scale = schedule.cycle_s(m.turn.interval_s()) / schedule.HOT_PERIOD_S
    every = ASKED_EVERY * scale * (1.0 if schedule.is_open(began, m.zone) else schedule.CLOSED_FACTOR)
    # An office's database has other work.
    due_at = m.began + max(every, schedule.PROBE_SHARE * took)
    m.save_practice(unlisted=kept._replace(cursor=present, due_at=due_at))


def _lately(m: Session, since: datetime) -> Iterator[tuple[list[dict[str, Any]], timedelta]]:
    """Answer by answer its rows, and how long the office took for it."""
    after = {MERGE: 0, SHEET: 0}
    while True:
        rows, asked_at = m.select(LATELY, since=since, after_merge=after[MERGE], after_sheet=after[SHEET])
        yield rows, m.now() - asked_at
        if len(rows) < ROWS:
            return
        after |= {row["Kind"]: key(row["RowKey"]) for row in rows}


def _note(m: Session, row: dict[str, Any]) -> None:
    if row["Kind"] == MERGE:
        name, kind = str(key(row["PatNum"])), MERGES
        content: dict[str, Any] = {"PatNumFrom": key(row["PatNum"]), "PatNumTo": key(row["IntoPatNum"])}
    else:
        name, kind = str(key(row["RowKey"])), INTAKE
        content = {
            "SheetNum": key(row["RowKey"]),
            "PatNum": key(row["PatNum"]),
            "state": "waiting" if key(row["ShowInTerminal"]) else "here",
            "is_web_form": bool(flag(row["IsWebForm"])),
        }
    m.on.facts.note(m.practice.id, kind, name, content, at=m.now())


# Who booked on line


def _booked_due(m: Session) -> datetime | None:
    of, kept = m.of(VISITS), m.state.unlisted
    if not m.is_on or of.phase is not Phase.LOADED or not _may_ask_who_booked(m):
        return None
    if kept.booked_at is None:
        return m.now()
    if kept.booked_not_before is not None and kept.booked_not_before > m.now():
        return kept.booked_not_before
    has_moved = of.moved_at is not None and of.moved_at > kept.booked_at
    return kept.booked_at + (BOOKED_EVERY if has_moved else BOOKED_AT_LEAST)


def _may_ask_who_booked(m: Session) -> bool:
    if m.practice.upstream == "fhir" or reads_by_fhir(m.practice, VISITS):
        return False
    try:
        capability.require(m.practice, BOOKED_ON_LINE)
    except (PermissionMissing, VersionTooOld):
        return False
    return True


def _ask_who_booked(m: Session) -> None:
    due = _booked_due(m)
    if due is None or due > m.now():
        return
    began, kept = m.now(), m.state.unlisted
    found = {} if kept.booked_at is None else {one.key: one for one in _new_visits(m, kept.booked_at)}
    new = {number: one for number, one in found.items() if number not in kept.booked_asked}
    if new:
        stamps = [str(one.row.get("DateTStamp")) for one in new.values()]
        walls = [wall for wall in map(clocks.read_clock, stamps) if wall is not None]
        # The filter takes what changed later than its moment.
        since = clocks.write_clock(min(walls, default=clocks.LONG_AGO) - timedelta(seconds=1))
        try:
            rows, _ = m.ask_all(BOOKED_ON_LINE, {"DateTStamp": since})
        except (Refused, Failed) as error:
            later = REFUSED_FOR if isinstance(error, Refused) else AGAIN
            m.save_practice(unlisted=kept._replace(booked_not_before=began + later))
            return
        for row in rows:
            number, way = key(row.get("AptNum")), str(row.get("eServiceLogType") or "None")
            if number in new and way != "None":
                m.on.facts.note(m.practice.id, WEB_SCHED, str(number), {"AptNum": number, "way": way}, at=m.now())
    m.save_practice(unlisted=kept._replace(booked_at=began, booked_not_before=None, booked_asked=tuple(found)))


def _new_visits(m: Session, since: datetime) -> Iterator[Record]:
    """Visits that somebody entered since then, as far as their rows say when they were, and others that changed."""
    entered = clocks.read_clock(reading.wall_of(m, since - NEW)) or clocks.LONG_AGO
    after: tuple[datetime, int] | None = None
    while page := m.on.records.changed(m.practice.id, VISITS, since - _BEHIND, after=after, limit=_AT_ONCE):
        after = (page[-1].changed_at, page[-1].key)
        for one in page:
            at = clocks.read_clock(one.row.get("SecDateTEntry"))
            is_new = at is None or at >= entered
            if one.is_living and is_new and one.cause not in {LOAD, OWN_WRITE}:
                yield one
        if len(page) < _AT_ONCE:
            return
        m.turn.pause()
