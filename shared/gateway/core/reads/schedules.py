"""Reading the schedule: provider hours, blockouts, holidays, employee hours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.capability import require
from gateway.core.errors import FilterTooWide, NotFound
from gateway.core.ids import parse_row_id
from gateway.core.inputs import Day
from gateway.core.normalize.schedules import KIND, WATCHED, operatories, schedule
from gateway.core.normalize.values import day, drift, key
from gateway.core.office_words import OfficeWords, Table, input_of
from gateway.core.ports import Services
from gateway.core.reads.across import list_across
from gateway.core.reads.lists import (
    MOST_DAYS,
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
)
from gateway.core.reads.queries import Id, ListQuery, ObjectQuery
from gateway.core.requests import Freshness
from gateway.core.walltime import changed_since

BOUNDS: Final = ("date_from", "date_to", "ids")

Kind = Literal["practice_day", "provider_hours", "blockout", "employee_hours", "asap_offer"]


class SchedulesQuery(ListQuery):
    """Filters of `GET /schedules`."""

    date_from: Day | None = None
    date_to: Day | None = None
    """The office's calendar days, both included and at most 31 of them."""
    kind: Annotated[list[Kind], Field(max_length=5)] | None = None
    provider_id: Id | None = None
    location_id: Id | None = None
    """What holds for the location's chairs: blocks that name one of them, hours without a chair of providers who are
    the default of one, and practice days, whose location Open Dental does not show. No employee hours."""
    operatory_id: Id | None = None
    """The same of one chair."""


def list_schedules(query: SchedulesQuery, *, caller: Caller, freshness: Freshness, on: Services) -> dict[str, Any]:
    """The stretches of these days that all filters fit, by day, start and key.

    Nothing repeats by itself: Open Dental keeps every stretch day by day, as far ahead as somebody copied them. A day
    without provider hours is closed, whatever else stands there.

    Source: https://www.opendental.com/site/apischedules.html. Without days Open Dental lists today's only.

    Raises:
        FilterTooWide: nothing bounds the list. NotFound, Invalid, PermissionMissing, VersionTooOld, and what `allow`
        and `requests.fetch` raise.
    """
    if query.is_of_several:
        return list_across(list_schedules, query, "schedules", caller=caller, freshness=freshness, on=on)
    practice = practice_of(query, "schedules", caller=caller, on=on)
    pager = Pager(query, "schedules", practice, on=on)
    keys = keys_of(query, "schedule", practice)
    provider = key_of(query.provider_id, "provider", practice, param="provider_id")
    clinic = key_of(query.location_id, "location", practice, param="location_id")
    chair = key_of(query.operatory_id, "operatory", practice, param="operatory_id")
    since = None if query.updated_since is None else changed_since(query.updated_since, practice.zone())
    within = on_days(query.date_from, query.date_to)
    bound = _bound(query, keys=keys, provider=provider)

    wanted: list[Filter] = [not_before(since, "DateTStamp"), lambda row: within(day(row.get("SchedDate")))]
    if keys is not None:
        among = frozenset(keys)
        wanted.append(lambda row: key(row.get("ScheduleNum")) in among)
    if provider is not None:
        wanted.append(lambda row: key(row.get("ProvNum")) == provider)
    if query.kind is not None:
        kinds = frozenset(query.kind)
        wanted.append(lambda row: KIND[row.get("SchedType")] in kinds)

    require(practice, "schedules.list" if "queries" in bound else "schedules.get")
    reading = Reading(practice, caller, freshness, on)
    rows = reading.rows(
        "fetch.schedules", {"resource": "schedules", **bound}, of="provider_id" if provider is not None else None
    )["schedules"]
    report_drift(drift("schedule", WATCHED, rows))
    rows = [row for row in rows if all(fits(row) for fits in wanted)]
    words, omitted = _words(rows, reading)
    if clinic is not None:
        rows = of_chairs(rows, words, reading, lambda one: key(one.get("ClinicNum")) == clinic)
    if chair is not None:
        rows = of_chairs(rows, words, reading, lambda one: key(one.get("OperatoryNum")) == chair)
    page = pager.cut(rows, _place)
    raw = "raw" in query.include
    data = [schedule(row, practice=practice, synced_at=reading.as_of, words=words, raw=raw) for row in page.rows]
    return page.envelope(data, reading.meta(omitted))


def get_schedule(
    schedule_id: str, query: ObjectQuery | None = None, *, caller: Caller, freshness: Freshness, on: Services
) -> dict[str, Any]:
    """One stretch: one call.

    Raises:
        NotFound: no such stretch, or another's. And what `allow`, `require` and `requests.fetch` raise.
    """
    named = parse_row_id(schedule_id, "schedule")
    practice = allow(caller, named.practice_id, "schedules", Verb.READ, on=on)
    require(practice, "schedules.get")
    reading = Reading(practice, caller, freshness, on)
    found = reading.rows("fetch.schedules", {"resource": "schedules", "keys": [named.key]})["schedules"]
    rows = [row for row in found if key(row.get("ScheduleNum")) == named.key]
    if not rows:
        raise NotFound("no such schedule")
    report_drift(drift("schedule", WATCHED, rows))
    words, omitted = _words(rows, reading)
    raw = query is not None and "raw" in query.include
    shown = schedule(rows[0], practice=practice, synced_at=reading.as_of, words=words, raw=raw)
    return {**shown, "meta": reading.meta(omitted)}


def _bound(query: SchedulesQuery, *, keys: list[int] | None, provider: int | None) -> dict[str, Any]:
    if keys is not None:
        return {"keys": keys}
    if query.date_from is None or query.date_to is None or (query.date_to - query.date_from).days >= MOST_DAYS:
        raise FilterTooWide(f"send ids, or date_from and date_to with at most {MOST_DAYS} days", bounds=list(BOUNDS))
    asked: dict[str, Any] = {"dateStart": query.date_from.isoformat(), "dateEnd": query.date_to.isoformat()}
    if provider is not None:
        asked["ProvNum"] = provider
    theirs = [word for ours in query.kind or () for word in KIND.upstream(ours)]
    if len(theirs) == 1:
        asked["SchedType"] = theirs[0]
    return {"queries": [asked]}


def _words(rows: list[Row], reading: Reading) -> tuple[OfficeWords, list[str]]:
    """What the blockouts are and where the chairs stand, and the fields that are left out where it is not known."""
    blockouts = {key(row.get("BlockoutType")) for row in rows} - {0}
    words = reading.words(Table.OPERATORIES, *([Table.DEFINITIONS] if blockouts else []), definitions=blockouts)
    report_drift(words.drift("schedule", "BlockoutType", rows))
    return words, [
        *([] if words.knows(Table.OPERATORIES) else ["location_id"]),
        *(["is_closed"] if blockouts and not words.knows(Table.DEFINITIONS) else []),
    ]


def of_chairs(rows: list[Row], words: OfficeWords, reading: Reading, wanted: Callable[[Row], bool]) -> list[Row]:
    """Those of `rows` that hold for the chairs `wanted`. A filter needs the chairs, in time or not."""
    every = words.operatories
    if not words.knows(Table.OPERATORIES):
        every = list(reading.rows("fetch.operatories", input_of(Table.OPERATORIES))["operatories"])
    chairs = [row for row in every if wanted(row)]
    numbers = {key(row.get("OperatoryNum")) for row in chairs}
    at_home = {key(row.get(column)) for row in chairs for column in ("ProvDentist", "ProvHygienist")} - {0}

    def holds(row: Row) -> bool:
        named = operatories(row)
        if named:
            return not numbers.isdisjoint(named)
        return row.get("SchedType") == "Practice" or key(row.get("ProvNum")) in at_home

    return [row for row in rows if holds(row)]


def _place(row: Row) -> SortKey:
    return str(row.get("SchedDate") or ""), str(row.get("StartTime") or ""), key(row.get("ScheduleNum"))
