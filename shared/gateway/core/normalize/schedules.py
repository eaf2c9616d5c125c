"""schedule rows -> Schedule. Source of the columns: https://www.opendental.com/site/apischedules.html."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from gateway.core.normalize.office import Office, office, row_object
from gateway.core.normalize.values import Words, day, key, text
from gateway.core.office_words import NO_WORDS, OfficeWords, Table
from gateway.core.practices import Practice

KIND: Final = Words(
    {
        # A holiday or a note: the row does not tell which.
        "Practice": "practice_day",
        "Provider": "provider_hours",
        "Blockout": "blockout",
        "Employee": "employee_hours",
        "WebSchedASAP": "asap_offer",
    }
)
WATCHED: Final = {"SchedType": KIND}
"""Columns whose words are watched for drift."""

NO_SCHEDULE: Final = "NS"
"""In the value of a blockout's definition: nobody may be booked there.

Source: https://www.opendental.com/manual/definitionsblockouts.html.
"""


def schedule(
    row: Mapping[str, Any],
    *,
    practice: Practice,
    synced_at: datetime,
    words: OfficeWords = NO_WORDS,
    raw: bool = False,
) -> dict[str, Any]:
    """The stretch of a row of `schedules.list` or `.get`.

    `words` say which blockouts are closed, and where the chairs stand.
    """
    here, get = office(practice), row.get
    source = text(get("SchedType"))
    kind = KIND[source]
    on, chairs = day(get("SchedDate")), operatories(row)
    provider, employee, blockout = key(get("ProvNum")), key(get("EmployeeNum")), key(get("BlockoutType"))
    clinic = _clinic(chairs, words)
    shown = row_object(
        here, row, kind="schedule", table="schedule", column="ScheduleNum", synced_at=synced_at, raw=raw
    ) | {
        "location_id": here.location(clinic) if clinic else None,
        "kind": kind,
        "kind_source": source,
        "date": on,
        **_times(row, on, here, clinic, whole_day=kind == "practice_day"),
        "provider_id": here.provider(provider) if provider else None,
        "employee_key": str(employee) if employee else None,
        "operatory_ids": [here.operatory(one) for one in chairs],
        "blockout_type": (
            {"id": here.definition(blockout), "label": words.label(blockout) or text(get("blockoutType"))}
            if blockout
            else None
        ),
        "is_closed": _is_closed(kind, blockout, words),
        "note": text(get("Note")),
        "updated_at": here.clock.instant(get("DateTStamp")),
    }
    return shown


def operatories(row: Mapping[str, Any]) -> list[int]:
    """OperatoryNums of the chairs that a row names. Hours without any hold wherever the provider is the default."""
    return [number for part in (text(row.get("operatories")) or "").split(",") if (number := key(part))]


def _clinic(chairs: list[int], words: OfficeWords) -> int:
    """The clinic that all chairs of a stretch belong to; 0 where there is none, or several, or nobody knows."""
    clinics = {key(row.get("ClinicNum")) if (row := words.operatory(chair)) else 0 for chair in chairs}
    return clinics.pop() if len(clinics) == 1 else 0


def _times(row: Mapping[str, Any], on: str | None, here: Office, clinic: int, *, whole_day: bool) -> dict[str, Any]:
    zone, clock = here.clocks.get(clinic) or here.usual_clock
    start, stop = _seconds(row.get("StartTime")), _seconds(row.get("StopTime"))
    found = None
    if on is not None and not whole_day and start is not None and stop is not None and stop > start:
        opens, closes = (clock.span(f"{on} {wall}", 0) for wall in (text(row["StartTime"]), text(row["StopTime"])))
        # A shift over the night of a clock change is as long as its wall times say.
        if opens is not None and closes is not None:
            found = (opens[0], closes[0], opens[2], closes[2], opens[4] or closes[4], opens[5] or closes[5])
    names = ("start_at", "end_at", "local_start", "local_end", "local_ambiguous", "local_nonexistent")
    values = found or (None, None, None, None, False, False)
    return {"is_whole_day": whole_day, **dict(zip(names, values, strict=True)), "time_zone": zone}


def _seconds(value: object) -> int | None:
    """Seconds since midnight of `HH:mm:ss`."""
    parts = (text(value) or "").split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    hours, minutes, seconds = map(int, parts)
    return (hours * 60 + minutes) * 60 + seconds


def _is_closed(kind: str | None, blockout: int, words: OfficeWords) -> bool | None:
    if kind == "practice_day" or (kind == "blockout" and not words.knows(Table.DEFINITIONS)):
        return None
    if kind != "blockout":
        return False
    return NO_SCHEDULE in [part.strip() for part in (words.value(blockout) or "").split(",")]
