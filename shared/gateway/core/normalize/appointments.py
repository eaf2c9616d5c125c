"""appointment rows -> Appointment. Source of the columns: https://www.opendental.com/site/apiappointments.html."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from gateway.core.normalize import by_fhir
from gateway.core.normalize.by_fhir import only_known
from gateway.core.normalize.office import Booking, Office, office
from gateway.core.normalize.values import Shape, Words, day, extensions, key, raw_row, shown_version, text
from gateway.core.office_words import NO_WORDS, OfficeWords, Table
from gateway.core.practices import Practice
from gateway.core.walltime import ZoneClock, instant_text
from open_dental.fhir import RESOURCE

STATUS: Final = Words(
    {
        "Scheduled": "scheduled",
        "Complete": "completed",
        "UnschedList": "unscheduled",
        # Dead since 17.4, when Priority took its place; old rows are visits on the schedule.
        "ASAP": "scheduled",
        "Broken": "broken",
        "Planned": "planned",
        "PtNote": "scheduled",
        "PtNoteCompleted": "completed",
    },
)
WATCHED: Final = {"AptStatus": STATUS}
"""Columns whose words are watched for drift."""

_COLUMNS: Final = (  # noqa: SIM905 - one word a line would be all one sees of this file.
    "AptNum PatNum AptStatus Pattern Confirmed confirmed TimeLocked Op Note ProvNum provAbbr ProvHyg AptDateTime "
    "NextAptNum UnschedStatus unschedStatus IsNewPatient ProcDescript ClinicNum IsHygiene DateTStamp "
    "DateTimeArrived DateTimeSeated DateTimeDismissed InsPlan1 InsPlan2 DateTimeAskedToArrive colorOverride "
    "AppointmentTypeNum SecUserNumEntry SecDateTEntry Priority PatternSecondary ItemOrderPlanned"
).split()
_KEYS: Final = frozenset(
    {"AptNum", "PatNum", "Confirmed", "Op", "ProvNum", "ProvHyg", "NextAptNum", "ClinicNum", "AppointmentTypeNum"}
)
# How a visit was booked: an office's visits share a few hundred combinations.
_FEW: Final = (  # noqa: SIM905
    "ClinicNum AptStatus Pattern Confirmed confirmed Op ProvNum ProvHyg AppointmentTypeNum "
    "IsHygiene IsNewPatient Priority"
).split()
_FEW_CLASSES: Final = tuple(int if name in _KEYS else str for name in _FEW)
_REST: Final = (  # noqa: SIM905
    "AptDateTime AptNum DateTStamp DateTimeArrived DateTimeAskedToArrive DateTimeDismissed DateTimeSeated "
    "InsPlan1 InsPlan2 ItemOrderPlanned NextAptNum Note PatNum PatternSecondary ProcDescript SecDateTEntry "
    "SecUserNumEntry TimeLocked UnschedStatus colorOverride provAbbr unschedStatus"
).split()
_SHAPE: Final = Shape(_COLUMNS, few=_FEW, rest=_REST)
_read_few, _read_rest = _SHAPE.few, _SHAPE.rest
_NOTHING: Final = dict.fromkeys(_COLUMNS, "")
_MIDNIGHT: Final = "00:00:00"
_FLAG_COLUMNS: Final = frozenset({"IsHygiene", "IsNewPatient"})
_FLAGS: Final = {"true": True, "false": False, "True": True, "False": False}

NOTES: Final = frozenset({"PtNote", "PtNoteCompleted"})
MINUTES_PER_MARK: Final = 5
"""One character of Pattern, always. Source: https://www.opendental.com/site/apiappointments.html, Pattern."""

MISSED, CANCELLED = "D9986", "D9987"
_EVIDENCE: Final = {"Missed": "no_show", "Cancelled": "cancelled", MISSED: "no_show", CANCELLED: "cancelled"}


def appointment(
    row: Mapping[str, Any],
    *,
    practice: Practice,
    synced_at: datetime,
    procedures: Iterable[Mapping[str, Any]] | None = None,
    history: Iterable[Mapping[str, Any]] | None = None,
    words: OfficeWords = NO_WORDS,
    fields: Iterable[Mapping[str, Any]] | None = None,
    raw: bool = False,
) -> dict[str, Any]:
    """The appointment of a row of `appointments.list` or `.get`.

    `words` say what its confirmation status means and what its type is called; what they do not know is None, or
    left out. With `procedures` (rows of procedurelogs) it has `procedure_ids`. They and `history` (rows of
    histappointments) are the evidence that makes `no_show` or `cancelled` out of `broken`; without any it stays
    `broken`. With `fields` (rows of apptfields, of any visits) it has `extensions`.
    """
    here = office(practice)
    try:
        shown = _shown(row, here)
    except (AttributeError, KeyError, TypeError):
        # An older office knows fewer columns; another form of the row quotes its keys.
        shown = _shown(_plain(row), here)
        shown["version"] = shown_version(row)
    shown["synced_at"] = instant_text(synced_at)
    if words is not NO_WORDS:
        _say(row, shown, words, here)
    if fields is not None:
        number = key(row.get("AptNum"))
        own = (field for field in fields if key(field.get("AptNum")) == number)
        shown["extensions"] = extensions(own, words.fields(Table.APPOINTMENT_FIELDS))
    if procedures is not None:
        procedures = list(procedures)
        attached = "PlannedAptNum" if row.get("AptStatus") == "Planned" else "AptNum"
        number = key(row.get("AptNum"))
        shown["procedure_ids"] = [
            here.procedure(one)
            for one in sorted(key(one.get("ProcNum")) for one in procedures if key(one.get(attached)) == number)
        ]
    if RESOURCE in row:
        shown |= by_fhir.visit(row[RESOURCE], here)
    if shown["status"] == "broken" and (history is not None or procedures is not None):
        shown["status"] = _how_it_broke(row, history or (), procedures or ()) or "broken"
    if raw:
        shown["raw"] = raw_row(row)
    return only_known("appointment", shown, row)


def _say(row: Mapping[str, Any], shown: dict[str, Any], words: OfficeWords, here: Office) -> None:
    """Fill in what the office's own set-up says of the row. A booking's parts are shared by many visits: made anew."""
    confirmed, type_ = key(row.get("Confirmed")), key(row.get("AppointmentTypeNum"))
    was = shown["confirmation"]
    shown["confirmation"] = {
        "status": words.confirmation(confirmed),
        "label": words.label(confirmed) or was["label"],
        "definition_id": was["definition_id"],
    }
    if type_ and words.knows(Table.APPOINTMENT_TYPES):
        named = words.appointment_type(type_)
        name = None if named is None else text(named.get("AppointmentTypeName"))
        shown["type"] = {"id": here.appointment_type(type_), "name": name}


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row in the form that the fast way counts on: every column, keys as numbers, all else as text."""
    return {name: _plain_value(name, value) for name, value in {**_NOTHING, **row}.items()}


def _plain_value(name: str, value: object) -> object:
    if name in _KEYS:
        return key(value)
    if value.__class__ is str:
        return value
    if name in _FLAG_COLUMNS and value in (True, False):
        return str(bool(value))
    return (text(value) or "") if value else ""


def _shown(row: Mapping[str, Any], here: Office) -> dict[str, Any]:
    """What a row says by itself.

    Raises:
        AttributeError, KeyError, TypeError: a column is missing, or not in its usual form.
    """
    few = _read_few(row)
    booking = here.bookings.get(few) or here.remember(here.bookings, few, _booking(few, here))
    rest = _read_rest(row)
    (
        wall, number, stamp, come, asked, gone, sat, _, _, _, planned, note, patient, _, description, *_
    ) = rest  # fmt: skip
    clock = booking.clock
    shown = booking.shown.copy()
    shown["id"] = here.appointment(number)
    shown["source"] = {
        "system": "open_dental",
        "table": "appointment",
        "key": str(number),
        "practice_id": here.practice_id,
    }
    if patient:
        shown["patient_id"] = here.patient(patient)
    status = shown["status_source"]
    if status != "Planned" and (span := clock.span(wall, booking.minutes)) is not None:
        if status == "UnschedList":
            # The row keeps the time that the visit was taken from.
            shown["unscheduled_from"] = span[2]
        else:
            (
                shown["start_at"],
                shown["end_at"],
                shown["local_start"],
                shown["local_end"],
                shown["local_ambiguous"],
                shown["local_nonexistent"],
            ) = span
    # Midnight sharp means: not yet; and on most rows nothing has happened yet, or all has.
    if come != sat or sat != gone or come[11:] != _MIDNIGHT:
        shown["arrived_at"] = arrived = _visit(come, wall, clock)
        shown["seated_at"] = seated = _visit(sat, wall, clock)
        shown["dismissed_at"] = dismissed = _visit(gone, wall, clock)
        if (arrived or seated) and shown["status"] == "scheduled":
            # Back from the chair and not yet set complete is still arrived: no word of the office says more.
            shown["status"] = "in_chair" if seated and not dismissed else "arrived"
    if asked[:4] != "0001":
        shown["asked_to_arrive_at"] = clock.instant(asked)
    if planned:
        shown["planned_appointment_id"] = here.appointment(planned)
    if note:
        shown["note"] = note.strip() or None
    shown["description"] = description.strip() or None
    shown["updated_at"] = here.clock.instant(stamp)
    shown["version"] = _SHAPE.version(row, booking.template, rest)
    return shown


def _booking(few: tuple[Any, ...], here: Office) -> Booking:
    """What the values of `_FEW` say.

    Raises:
        TypeError: one is not in its usual form.
    """
    if tuple(map(type, few)) != _FEW_CLASSES:
        raise TypeError
    clinic, status, pattern, confirmed, label, operatory, provider, hygienist, type_, is_hygiene, is_new, priority = few
    zone, clock = here.clocks.get(clinic) or here.usual_clock
    minutes = MINUTES_PER_MARK * len(pattern)
    shown = {
        "id": None,
        "source": None,
        "practice_id": here.practice_id,
        "location_id": here.location(clinic) if clinic else None,
        "patient_id": None,
        "kind": "note" if status in NOTES else "appointment",
        "status": STATUS[status],
        "status_source": status or None,
        "confirmation": {
            # What a definition means is said by the office's preferences, never by its name.
            "status": None,
            "label": text(label),
            "definition_id": here.definition(confirmed) if confirmed else None,
        },
        "start_at": None,
        "end_at": None,
        "local_start": None,
        "local_end": None,
        "time_zone": zone,
        "local_ambiguous": False,
        "local_nonexistent": False,
        "unscheduled_from": None,
        "duration_minutes": minutes,
        "time_blocks": _blocks(pattern),
        "provider_id": here.provider(provider) if provider else None,
        "hygienist_id": here.provider(hygienist) if hygienist else None,
        "assistant_id": None,
        "operatory_id": here.operatory(operatory) if operatory else None,
        "is_hygiene": _FLAGS.get(is_hygiene),
        "type": {"id": here.appointment_type(type_)} if type_ else None,
        "description": None,
        "is_new_patient": _FLAGS.get(is_new),
        "is_asap": priority == "ASAP" or status == "ASAP",
        "arrived_at": None,
        "seated_at": None,
        "dismissed_at": None,
        "asked_to_arrive_at": None,
        "planned_appointment_id": None,
        "note": None,
        "updated_at": None,
        "deleted_at": None,
        "version": None,
    }
    return Booking(shown, _SHAPE.template(few), clock, minutes)


def _blocks(pattern: str) -> list[dict[str, Any]]:
    """The stretches of a pattern."""
    return [
        {"minutes": MINUTES_PER_MARK * len(list(marks)), "provider_needed": mark in "Xx"}
        for mark, marks in groupby(pattern)
    ]


def _visit(value: str, wall: str, clock: ZoneClock) -> str | None:
    """When something happened during the visit.

    Open Dental ignores the date beside the time of day, so one of year 0001 stands for the visit's day.
    """
    if value[11:] == _MIDNIGHT:
        return None
    return clock.instant(wall[:10] + value[10:] if value[:4] == "0001" and len(value) > 10 else value)


def _how_it_broke(
    row: Mapping[str, Any], history: Iterable[Mapping[str, Any]], procedures: Iterable[Mapping[str, Any]]
) -> str | None:
    """`no_show` or `cancelled` where history or a charted code says so, None where nothing does."""
    number, patient = key(row.get("AptNum")), key(row.get("PatNum"))
    found: str | None = None
    own = [past for past in history if key(past.get("AptNum")) == number]
    for past in sorted(own, key=lambda past: key(past.get("HistApptNum"))):
        if past.get("HistApptAction") in _EVIDENCE:
            found = _EVIDENCE[past["HistApptAction"]]
        elif past.get("AptStatus") in {"Scheduled", "Complete"}:
            # Booked again since, so that an earlier miss says nothing of how it stands now.
            found = None
    if found is not None:
        return found
    visit_day = day(str(row.get("AptDateTime") or "")[:10])
    codes = {
        code
        for one in procedures
        if (code := one.get("procCode")) in {MISSED, CANCELLED}
        and one.get("ProcStatus") == "C"
        and (
            key(one.get("AptNum")) == number or (key(one.get("PatNum")) == patient and one.get("ProcDate") == visit_day)
        )
    }
    # Two codes for one day contradict each other (or belong to two visits): no evidence for either.
    return _EVIDENCE[codes.pop()] if len(codes) == 1 else None
