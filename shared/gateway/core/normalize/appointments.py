"""appointment rows -> Appointment. Source of the columns: https://www.opendental.com/site/apiappointments.html."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import Any, Final

from gateway.core.normalize.office import Office, office
from gateway.core.normalize.values import ContentHash, Words, day, key, raw_row, text
from gateway.core.practices import Practice
from gateway.core.walltime import ZoneClock, instant_text

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
_version = ContentHash(_COLUMNS)
_NOTHING: Final = dict.fromkeys(_COLUMNS, "")
_KEYS: Final = frozenset(
    {"AptNum", "PatNum", "Confirmed", "Op", "ProvNum", "ProvHyg", "NextAptNum", "ClinicNum", "AppointmentTypeNum"}
)
_MIDNIGHT: Final = "00:00:00"
_FLAGS: Final = {"true": True, "false": False, "True": True, "False": False, True: True, False: False}

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
    raw: bool = False,
) -> dict[str, Any]:
    """The appointment of a row of `appointments.list` or `.get`.

    With `procedures` (rows of procedurelogs) it has `procedure_ids`. They and `history` (rows of histappointments) are
    the evidence that makes `no_show` or `cancelled` out of `broken`; without any it stays `broken`.
    """
    here = office(practice)
    try:
        shown = _shown(row, here)
    except (AttributeError, KeyError, TypeError):
        # An older office knows fewer columns; another form of the row quotes its keys.
        shown = _shown(_plain(row), here)
    shown["version"] = _version(row)
    shown["synced_at"] = instant_text(synced_at)
    if procedures is not None:
        procedures = list(procedures)
        attached = "PlannedAptNum" if row.get("AptStatus") == "Planned" else "AptNum"
        number = key(row.get("AptNum"))
        shown["procedure_ids"] = [
            here.procedure(one)
            for one in sorted(key(one.get("ProcNum")) for one in procedures if key(one.get(attached)) == number)
        ]
    if shown["status"] == "broken" and (history is not None or procedures is not None):
        shown["status"] = _how_it_broke(row, history or (), procedures or ()) or "broken"
    if raw:
        shown["raw"] = raw_row(row)
    return shown


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row in the form that the fast way counts on: every column, keys as numbers, all else as text."""
    full = {**_NOTHING, **row}
    return {name: key(value) if name in _KEYS else str(value or "") for name, value in full.items()}


def _shown(row: Mapping[str, Any], here: Office) -> dict[str, Any]:
    """What a row says by itself.

    Raises:
        AttributeError, KeyError, TypeError: a column is missing, or not in its usual form.
    """
    number, clinic, status_source = row["AptNum"], row["ClinicNum"], row["AptStatus"]
    practice_id = here.practice_id
    status = STATUS[status_source]
    zone, clock = here.clocks.get(clinic) or here.usual_clock
    wall, pattern = row["AptDateTime"], row["Pattern"]
    minutes = MINUTES_PER_MARK * len(pattern)
    patient, provider, hygienist = row["PatNum"], row["ProvNum"], row["ProvHyg"]
    operatory, type_, planned = row["Op"], row["AppointmentTypeNum"], row["NextAptNum"]
    confirmed, note = row["Confirmed"], row["Note"]
    arrived = seated = dismissed = None
    come, sat, gone = row["DateTimeArrived"], row["DateTimeSeated"], row["DateTimeDismissed"]
    # Midnight sharp means: not yet; and on most rows nothing has happened yet, or all has.
    if come != sat or sat != gone or come[11:] != _MIDNIGHT:
        arrived = _visit(come, wall, clock)
        seated = _visit(sat, wall, clock)
        dismissed = _visit(gone, wall, clock)
    if (arrived or seated) and status == "scheduled":
        # Back from the chair and not yet set complete is still arrived: no word of the office says more.
        status = "in_chair" if seated and not dismissed else "arrived"
    start_at = end_at = local_start = local_end = unscheduled_from = None
    ambiguous = nonexistent = False
    span = clock.span(wall, minutes) if status_source != "Planned" else None
    if span is None:
        pass
    elif status_source == "UnschedList":
        # The row keeps the time that the visit was taken from.
        unscheduled_from = span[2]
    else:
        start_at, end_at, local_start, local_end, ambiguous, nonexistent = span
    return {
        "id": here.appointment(number),
        "source": {"system": "open_dental", "table": "appointment", "key": str(number), "practice_id": practice_id},
        "practice_id": practice_id,
        "location_id": here.location(clinic) if clinic else None,
        "patient_id": here.patient(patient) if patient else None,
        "kind": "note" if status_source in NOTES else "appointment",
        "status": status,
        "status_source": status_source or None,
        "confirmation": {
            # What a definition means is said by the office's preferences, never by its name.
            "status": None,
            "label": text(row["confirmed"]),
            "definition_id": here.definition(confirmed) if confirmed else None,
        },
        "start_at": start_at,
        "end_at": end_at,
        "local_start": local_start,
        "local_end": local_end,
        "time_zone": zone,
        "local_ambiguous": ambiguous,
        "local_nonexistent": nonexistent,
        "unscheduled_from": unscheduled_from,
        "duration_minutes": minutes,
        "time_blocks": _blocks(pattern)[:],
        "provider_id": here.provider(provider) if provider else None,
        "hygienist_id": here.provider(hygienist) if hygienist else None,
        "assistant_id": None,
        "operatory_id": here.operatory(operatory) if operatory else None,
        "is_hygiene": _FLAGS.get(row["IsHygiene"]),
        "type": {"id": here.appointment_type(type_)} if type_ else None,
        "description": text(row["ProcDescript"]),
        "is_new_patient": _FLAGS.get(row["IsNewPatient"]),
        "is_asap": row["Priority"] == "ASAP" or status_source == "ASAP",
        "arrived_at": arrived,
        "seated_at": seated,
        "dismissed_at": dismissed,
        "asked_to_arrive_at": None if (at := row["DateTimeAskedToArrive"])[:4] == "0001" else clock.instant(at),
        "planned_appointment_id": here.appointment(planned) if planned else None,
        "note": text(note) if note else None,
        "updated_at": here.clock.instant(row["DateTStamp"]),
        "deleted_at": None,
    }


@lru_cache(maxsize=4096)
def _blocks(pattern: str) -> list[dict[str, Any]]:
    """The stretches of a pattern. An office has a few dozen patterns, so the visits share these."""
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
