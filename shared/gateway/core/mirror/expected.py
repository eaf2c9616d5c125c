"""Background work: alerts of the patients who are expected, where they are listed by patient only.

Without queries nobody says who has an allergy, so that the resource is never complete; a patient whose list was just
read is. Those who have a visit today or on the next working day are read before they come, and again after some hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from gateway.core import capability, fhir_source
from gateway.core.errors import PermissionMissing, VersionTooOld
from gateway.core.mirror import schedule
from gateway.core.mirror.mirrored import MIRRORED, Mirrored
from gateway.core.mirror.session import Failed, Refused, Session, is_readable, key_of
from gateway.core.mirror.syncing import Phase
from gateway.core.normalize.values import key
from gateway.core.practices import Practice

ALERTS: Final = ("allergies", "medicationpats")
COLUMN: Final = "PatNum"
VISITS: Final = "appointments"
COMING: Final = frozenset({"Scheduled", "ASAP"})
"""Status of visits whose patient is still to come."""

TODAYS_AGE: Final = timedelta(hours=4)
LATER_AGE: Final = timedelta(hours=18)
"""How old the list of a patient may be who comes today, or on the next working day, before it is read again."""

LOOK: Final = timedelta(minutes=15)
"""How often it is looked who is expected: visits are made and moved all day."""

LISTS_A_TURN: Final = 20
"""Lists that one turn reads, before the sweeps."""

RETRY: Final = timedelta(hours=1)


def read(m: Session) -> None:
    """Read the lists of those who are expected next.

    Raises: GiveWay, CouldNotLook.
    """
    left = LISTS_A_TURN
    for one in _followed(m):
        due = m.of(one.resource).sweep_due_at
        if due is not None and due > m.now():
            continue
        try:
            for patient in _waiting(m, one):
                if not left:
                    return
                left -= 1
                _read_list(m, one, patient)
        except (Refused, Failed):
            _again_at(m, one, m.now() + RETRY)
            continue
        _again_at(m, one, m.now() + LOOK)


def next_due(m: Session) -> datetime | None:
    """When it is looked next who is expected; None where that is nobody's business."""
    return min((m.of(one.resource).sweep_due_at or m.now() for one in _followed(m)), default=None)


def days(now: datetime) -> tuple[date, date]:
    """Today and the next working day, by an office's wall clock."""
    following = now.date() + timedelta(days=1)
    return now.date(), following + timedelta(days=following.weekday() == schedule.SUNDAY)


def _followed(m: Session) -> Iterator[Mirrored]:
    if not m.is_on or m.of(VISITS).phase is not Phase.LOADED:
        return
    for name in ALERTS:
        if m.of(name).phase is Phase.NOT_OFFERED and _is_offered(m.practice, MIRRORED[name]):
            yield MIRRORED[name]


def _is_offered(practice: Practice, one: Mirrored) -> bool:
    if practice.upstream == "fhir" or fhir_source.reads_by_fhir(practice, one.resource):
        return False
    try:
        capability.require(practice, one.lists)
    except (PermissionMissing, VersionTooOld):
        return False
    return True


def _waiting(m: Session, one: Mirrored) -> list[int]:
    """Patients who are expected and whose list is too old, those of today first."""
    now = m.now()
    today, last = days(now.astimezone(m.zone))
    oldest: dict[int, datetime] = {}
    for record in m.on.records.between(m.practice.id, VISITS, today, last):
        patient = key(record.row.get(COLUMN))
        if patient and record.row.get("AptStatus") in COMING:
            is_today = MIRRORED[VISITS].day_of(record.row) == today
            oldest.setdefault(patient, now - (TODAYS_AGE if is_today else LATER_AGE))
    noted = m.on.records.wholes(m.practice.id, one.resource, COLUMN, oldest)
    return [
        patient
        for patient, at in oldest.items()
        if patient not in noted or noted[patient].read.order.epoch != m.state.epoch or noted[patient].read.at < at
    ]


def _read_list(m: Session, one: Mirrored, patient: int) -> None:
    rows, at = m.ask_all(one.lists, {**dict(one.fixed), COLUMN: patient}, modest=True)
    rows = [row for row in rows if is_readable(one, row)]
    m.store(one, rows, at=at, cause="sweep")
    m.note_whole(one, COLUMN, patient, {key_of(one, row) for row in rows}, at=at)
    of = m.of(one.resource)
    m.save(replace(of, calls=of.calls + 1))


def _again_at(m: Session, one: Mirrored, at: datetime) -> None:
    m.save(replace(m.of(one.resource), sweep_due_at=at))
