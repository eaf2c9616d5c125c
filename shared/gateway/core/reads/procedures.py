"""Reading procedures."""

from __future__ import annotations

from typing import Any, Final

from gateway.core import normalize
from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.errors import FilterTooWide, NotFound
from gateway.core.fetches import knows
from gateway.core.ids import parse_row_id
from gateway.core.normalize.procedures import GROUP_NOTE, PERFORMED, STATUS, WATCHED
from gateway.core.normalize.values import day, drift, key
from gateway.core.office_words import Table
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.reads.across import list_across
from gateway.core.reads.lists import (
    Filter,
    Pager,
    Reading,
    Row,
    SortKey,
    key_of,
    keys_of,
    not_before,
    on_days,
    practice_of,
    report_drift,
    walk_by_key,
)
from gateway.core.reads.queries import ObjectQuery, ProceduresQuery
from gateway.core.requests import Freshness
from gateway.core.walltime import changed_since

BOUNDS: Final = ("patient_id", "appointment_id", "updated_since", "ids")
"""Filters of which at least one must be given, but for a practice whose mirror is complete."""


def list_procedures(query: ProceduresQuery, *, caller: Caller, freshness: Freshness, on: Services) -> dict[str, Any]:
    """The procedures that all filters fit, in the order of their keys.

    Deleted ones come where they are asked for: by `status`, by `ids`, or by `updated_since`, whose reader keeps a copy
    and must learn of them. Group notes are no procedures and come only by their code.

    Raises:
        FilterTooWide: nothing bounds the list. NotFound, Invalid, and what `allow` and `requests.fetch` raise.
    """
    if query.is_of_several:
        return list_across(list_procedures, query, "procedures", caller=caller, freshness=freshness, on=on)
    practice = practice_of(query, "procedures", caller=caller, on=on)
    pager = Pager(query, "procedures", practice, on=on)
    keys = keys_of(query, "procedure", practice)
    patient = key_of(query.patient_id, "patient", practice, param="patient_id")
    visit = key_of(query.appointment_id, "appointment", practice, param="appointment_id")
    since = None if query.updated_since is None else changed_since(query.updated_since, practice.zone())
    within = on_days(query.date_from, query.date_to)
    codes = None if query.code is None else frozenset(query.code)
    statuses = None if query.status is None else frozenset(query.status)
    wanted: list[Filter] = [not_before(since, "DateTStamp")]
    if keys is not None:
        among = frozenset(keys)
        wanted.append(lambda row: key(row.get("ProcNum")) in among)
    if patient is not None:
        wanted.append(lambda row: key(row.get("PatNum")) == patient)
    if visit is not None:
        wanted.append(lambda row: key(row.get("AptNum")) == visit)
    if codes is not None:
        wanted.append(lambda row: row.get("procCode") in codes)
    elif keys is None:
        wanted.append(lambda row: row.get("procCode") != GROUP_NOTE)
    if statuses is not None:
        wanted.append(lambda row: STATUS[row.get("ProcStatus")] in statuses)
    elif since is None and keys is None:
        wanted.append(lambda row: row.get("ProcStatus") != "D")
    if query.date_from or query.date_to:
        wanted.append(lambda row: within(_day_of(row)))

    parent = "appointment_id" if visit is not None else "patient_id" if patient is not None else None
    reading = Reading(practice, caller, freshness, on)
    try:
        bound = _bound(query, practice, keys=keys, patient=patient, visit=visit, since=since)
    except FilterTooWide:
        walked = walk_by_key("procedurelogs", "procedurelogs.list", wanted, pager, reading)
        if walked is None:
            raise
        page = walked
    else:
        rows = reading.rows("fetch.procedurelogs", bound, of=parent)["procedurelogs"]
        report_drift(drift("procedure", WATCHED, rows))
        page = pager.cut((row for row in rows if all(fits(row) for fits in wanted)), _place)
    areas = _areas(page.rows, reading)
    data = [
        normalize.procedure(row, practice=practice, synced_at=reading.as_of, areas=areas, raw="raw" in query.include)
        for row in page.rows
    ]
    return page.envelope(data, reading.meta(()))


def get_procedure(
    procedure_id: str, query: ObjectQuery | None = None, *, caller: Caller, freshness: Freshness, on: Services
) -> dict[str, Any]:
    """One procedure: one call in offices since 23.3.13, in older ones a search through the newest.

    Raises:
        NotFound: no such procedure, or another's. VersionTooOld: an older office, and it is not among the newest.
        And what `allow` and `requests.fetch` raise.
    """
    named = parse_row_id(procedure_id, "procedure")
    practice = allow(caller, named.practice_id, "procedures", Verb.READ, on=on)
    reading = Reading(practice, caller, freshness, on)
    found = reading.rows("fetch.procedurelog", {"key": named.key})["procedurelogs"]
    rows = [row for row in found if key(row.get("ProcNum")) == named.key]
    if not rows:
        raise NotFound("no such procedure")
    report_drift(drift("procedure", WATCHED, rows))
    raw = query is not None and "raw" in query.include
    areas = _areas(rows, reading)
    shown = normalize.procedure(rows[0], practice=practice, synced_at=reading.as_of, areas=areas, raw=raw)
    return {**shown, "meta": reading.meta(())}


def _areas(rows: list[Row], reading: Reading) -> dict[int, str] | None:
    """CodeNum -> treatment area of the office's codes, which says what is written in a row's columns.

    Where the list of codes does not come in time the row alone decides, and is right for all but few codes.
    """
    if not rows:
        return None
    codes = {key(row.get("CodeNum")) for row in rows}
    return reading.words(Table.PROCEDURE_CODES, codes=codes).areas


def _bound(
    query: ProceduresQuery,
    practice: Practice,
    *,
    keys: list[int] | None,
    patient: int | None,
    visit: int | None,
    since: str | None,
) -> dict[str, Any]:
    if keys is not None and (knows(practice, "procedurelogs.get") or (patient is None and since is None)):
        return {"keys": keys}
    asked: dict[str, Any] = {}
    if patient is not None:
        asked["PatNum"] = patient
    if visit is not None and knows(practice, "procedurelogs.list", "AptNum"):
        asked["AptNum"] = visit
    if since is not None:
        asked["DateTStamp"] = since
    if not asked:
        raise FilterTooWide(f"send at least one of {', '.join(BOUNDS)}", bounds=list(BOUNDS))
    words = sorted({word for ours in query.status or () for word in STATUS.upstream(ours)})
    if len(words) == 1 and knows(practice, "procedurelogs.list", "ProcStatus"):
        asked["ProcStatus"] = words[0]
    return {"queries": [asked]}


def _place(row: Row) -> SortKey:
    return (key(row.get("ProcNum")),)


def _day_of(row: Row) -> str | None:
    """The day a procedure is listed under: when it was performed, else when it was planned."""
    return day(row.get("ProcDate" if row.get("ProcStatus") in PERFORMED else "DateTP"))
