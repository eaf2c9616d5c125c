"""Schedules and slots: nothing that is stored, but a day of a chair or a provider cut into the office's increment.

A chair has a Schedule every day, a provider on days of work only. Ids are `yyyyMMdd`, a letter, the number; a slot adds
its start and end. The letter of providers is an assumption.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from infra.sandbox.practice.enums import AptStatus, SchedType
from infra.sandbox.practice.office import Office

Resource = dict[str, Any]
Span = tuple[datetime, datetime]

DAYS_AHEAD = 28
_NO_SCHEDULING = "NS"
_SCHEDULE = re.compile(r"(\d{8})([LP])(\d+)")
_SLOT = re.compile(r"(\d{8}[LP]\d+)(\d{4})(\d{4})")
_MOST_DAYS = 366


def answer(office: Office, name: str, id_: str, given: list[tuple[str, str]]) -> list[Resource]:
    """Schedules or slots of a request; `id_` names one."""
    asked = dict(given)
    if name == "schedule":
        if id_ or "identifier" in asked:
            return _one_schedule(office, id_ or asked["identifier"])
        return [
            one
            for one in _schedules(office, *_range(office, [value for key, value in given if key == "date"]))
            if "actor" not in asked or one["actor"][0]["reference"] == asked["actor"].lower()
        ]
    if id_ or "identifier" in asked:
        named = id_ or asked["identifier"]
        found = _SLOT.fullmatch(named)
        return [one for one in _slots(office, found[1]) if one["id"] == named] if found else []
    slots = _slots(office, asked.get("schedule", "").rpartition("/")[2])
    start, status = asked.get("start"), asked.get("status", "").rpartition("|")[2]
    return [
        one
        for one in slots
        if (start is None or one["start"].startswith(start.removeprefix("eq")))
        and (not status or one["status"] == status)
    ]


def _range(office: Office, dates: list[str]) -> tuple[date, date]:
    first, last = date.fromisoformat(office.today()), None
    for text in dates:
        prefix, day = (text[:2], text[2:12]) if text[:2].isalpha() else ("eq", text[:10])
        on = date.fromisoformat(day)
        if prefix in ("eq", "ge", "gt"):
            first = on + timedelta(days=prefix == "gt")
        if prefix in ("eq", "le", "lt"):
            last = on - timedelta(days=prefix == "lt")
    last = last or first + timedelta(days=DAYS_AHEAD - 1)
    return first, min(last, first + timedelta(days=_MOST_DAYS))


def _schedules(office: Office, first: date, last: date) -> Iterator[Resource]:
    working = {
        (row["SchedDate"], row["ProvNum"])
        for row in office.store.find("schedule", {"SchedType": int(SchedType.PROVIDER)})
    }
    providers = [row["ProvNum"] for row in office.store.find("provider")]
    operatories = [row["OperatoryNum"] for row in office.store.find("operatory")]
    on = first
    while on <= last:
        for operatory in operatories:
            yield _schedule(on, "L", operatory)
        for provider in providers:
            if (f"{on}", provider) in working:
                yield _schedule(on, "P", provider)
        on += timedelta(days=1)


def _schedule(on: date, letter: str, number: int) -> Resource:
    id_ = f"{on:%Y%m%d}{letter}{number}"
    return {
        "resourceType": "Schedule",
        "id": id_,
        "identifier": [{"use": "usual", "value": id_}],
        "active": True,
        "actor": [{"reference": f"{'location' if letter == 'L' else 'practitioner'}/{number}"}],
        "planningHorizon": {"start": f"{on}T00:00:00", "end": f"{on}T23:59:59"},
    }


def _one_schedule(office: Office, id_: str) -> list[Resource]:
    found = _SCHEDULE.fullmatch(id_)
    if found is None:
        return []
    on = datetime.strptime(found[1], "%Y%m%d").date()  # noqa: DTZ007 - a calendar day.
    return [one for one in _schedules(office, on, on) if one["id"] == id_]


def _slots(office: Office, schedule: str) -> list[Resource]:
    if not _one_schedule(office, schedule):
        return []
    found = _SCHEDULE.fullmatch(schedule)
    assert found is not None
    day, number = datetime.strptime(found[1], "%Y%m%d"), int(found[3])  # noqa: DTZ007 - the office's wall clock.
    open_, taken = (_of_chair if found[2] == "L" else _of_provider)(office, day, number)
    step = timedelta(minutes=int(office.store.preference("AppointmentTimeIncrement", "10") or 10))
    slots: list[Resource] = []
    start = day
    while start < day + timedelta(days=1):
        end = start + step
        if any(begin <= start and end <= close for begin, close in open_):
            busy = sum(begin < end and start < close for begin, close in taken)
            id_ = f"{schedule}{start:%H%M}{end:%H%M}"
            slots.append(
                {
                    "resourceType": "Slot",
                    "id": id_,
                    "identifier": [{"use": "usual", "value": id_}],
                    "schedule": {"reference": f"schedule/{schedule}"},
                    "status": "free" if not busy else "busy",
                    "start": f"{start:%Y-%m-%dT%H:%M:%S}",
                    "end": f"{end:%Y-%m-%dT%H:%M:%S}",
                    "overbooked": busy > 1,
                }
            )
        start = end
    return slots


def _of_provider(office: Office, day: datetime, number: int) -> tuple[list[Span], list[Span]]:
    rows = office.store.find("schedule", {"SchedDate": f"{day:%Y-%m-%d}", "SchedType": int(SchedType.PROVIDER)})
    visits = _visits(office, day)
    return (
        [_span(row) for row in rows if row["ProvNum"] == number],
        [_lasts(row) for row in visits if number in (row["ProvNum"], row["ProvHyg"])],
    )


def _of_chair(office: Office, day: datetime, number: int) -> tuple[list[Span], list[Span]]:
    operatory = office.store.get("operatory", number) or {}
    if not operatory.get("IsWebSched"):
        return [], []
    rows = office.store.find("schedule", {"SchedDate": f"{day:%Y-%m-%d}"})
    closing = {row["DefNum"] for row in office.definitions("BlockoutTypes") if _NO_SCHEDULING in row["ItemValue"]}
    open_: list[Span] = []
    taken = [_lasts(row) for row in _visits(office, day) if row["Op"] == number]
    for row in rows:
        chairs = {one["OperatoryNum"] for one in office.store.find("scheduleop", {"ScheduleNum": row["ScheduleNum"]})}
        own = row["ProvNum"] in (operatory["ProvDentist"], operatory["ProvHygienist"])
        if row["SchedType"] == SchedType.PROVIDER and (number in chairs or (not chairs and own)):
            open_.append(_span(row))
        if row["SchedType"] == SchedType.BLOCKOUT and number in chairs and row["BlockoutType"] in closing:
            taken.append(_span(row))
    return open_, taken


def _visits(office: Office, day: datetime) -> list[dict[str, Any]]:
    statuses = [int(AptStatus.SCHEDULED), int(AptStatus.COMPLETE), int(AptStatus.BROKEN)]
    return office.store.find(
        "appointment", {"AptStatus": statuses}, sql='substr("AptDateTime", 1, 10) = ?', args=[f"{day:%Y-%m-%d}"]
    )


def _span(row: dict[str, Any]) -> Span:
    return tuple(datetime.fromisoformat(f"{row['SchedDate']} {row[name]}") for name in ("StartTime", "StopTime"))  # type: ignore[return-value]


def _lasts(row: dict[str, Any]) -> Span:
    start = datetime.fromisoformat(row["AptDateTime"])
    return start, start + timedelta(minutes=5 * len(row["Pattern"]))
