"""Reading appointments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gateway.core import normalize
from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.capability import require
from gateway.core.errors import FilterTooWide, NotFound
from gateway.core.fetches import attached_query, knows
from gateway.core.ids import parse_row_id
from gateway.core.normalize.appointments import STATUS, WATCHED
from gateway.core.normalize.values import drift, key, text
from gateway.core.office_words import NO_WORDS, OfficeWords, Table
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.reads.across import list_across
from gateway.core.reads.lists import (
    MOST_DAYS,
    Filter,
    Page,
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
    too_many_calls,
)
from gateway.core.reads.queries import AppointmentsQuery, ObjectQuery
from gateway.core.requests import Fetched, Freshness, Road
from gateway.core.walltime import changed_since

if TYPE_CHECKING:
    from gateway.core.mirror.answers import Look

BOUNDS: Final = ("patient_id", "updated_since", "date_from", "date_to", "ids")
"""Filters that bound the list: one of them, or both dates at most 31 days apart; at a practice whose mirror is complete
`date_from` alone."""

ALWAYS_OMITTED: Final = ("coverage_ids",)
"""What would need the patient's coverage, which is not read here: a visit names plans, many patients share one."""

MOST_BROKEN: Final = 20
"""Broken visits whose history is asked for one by one."""

_HOW_BROKEN: Final = frozenset({"broken", "no_show", "cancelled"})
_NO_TIME: Final = frozenset({"UnschedList", "Planned"})


class Visits(NamedTuple):
    """The rows of a day, the history of its broken visits where it was read, and how both came."""

    rows: list[Row]
    history: list[Row] | None
    came: tuple[Fetched, ...]


def list_appointments(
    query: AppointmentsQuery, *, caller: Caller, freshness: Freshness, on: Services
) -> dict[str, Any]:
    """The appointments that all filters fit, by start and key.

    What Open Dental can filter in the office's version narrows the calls; every filter is applied here again, over all
    pages. Dates are those of `local_start`, so what is unscheduled or planned has none.

    Whether a broken visit was missed or cancelled is in its history, which costs calls: it is read where the filter
    asks for broken, no_show or cancelled, or with `expand=break_evidence`.

    Raises:
        FilterTooWide: nothing bounds the list. NotFound, Invalid, and what `allow` and `requests.fetch` raise.
    """
    if query.is_of_several:
        return list_across(list_appointments, query, "appointments", caller=caller, freshness=freshness, on=on)
    practice = practice_of(query, "appointments", caller=caller, on=on)
    pager = Pager(query, "appointments", practice, on=on)
    keys = keys_of(query, "appointment", practice)
    patient = key_of(query.patient_id, "patient", practice, param="patient_id")
    provider = key_of(query.provider_id, "provider", practice, param="provider_id")
    operatory = key_of(query.operatory_id, "operatory", practice, param="operatory_id")
    clinic = key_of(query.location_id, "location", practice, param="location_id")
    since = None if query.updated_since is None else changed_since(query.updated_since, practice.zone())
    wanted = _filters(
        query, keys=keys, patient=patient, provider=provider, operatory=operatory, clinic=clinic, since=since
    )
    reading = Reading(practice, caller, freshness, on)
    history: list[Row] | None = None
    try:
        bound = _bound(query, practice, keys=keys, patient=patient, operatory=operatory, clinic=clinic, since=since)
    except FilterTooWide:
        walked = _walk(query, wanted, pager, reading)
        if walked is None:
            raise
        page = walked
        broken = [row for row in page.rows if row.get("AptStatus") == "Broken"]
    else:
        parent = "patient_id" if patient is not None else None
        found = reading.rows("fetch.appointments", bound, of=parent)["appointments"]
        rows = [row for row in found if all(fits(row) for fits in wanted)]
        report_drift(drift("appointment", WATCHED, rows))
        asked = frozenset(query.status or ())
        broken = [row for row in rows if row.get("AptStatus") == "Broken"]
        if broken and (asked & _HOW_BROKEN or "break_evidence" in query.expand):
            history = _history(broken, bound, reading)
        if asked:
            rows = [row for row in rows if _status_of(row, history, practice, reading) in asked]
        page = pager.cut(rows, _place)
    procedures = _procedures(page.rows, patient, reading) if "procedure_ids" in query.expand else None
    words, unsaid = _words(page.rows, reading)
    fields = _fields(page.rows, reading) if "extensions" in query.expand else None
    words = words if fields is None else reading.words()
    data = [
        normalize.appointment(
            row,
            practice=practice,
            synced_at=reading.as_of,
            procedures=procedures,
            history=history,
            words=words,
            fields=fields,
            raw="raw" in query.include,
        )
        for row in page.rows
    ]
    omitted = [
        *ALWAYS_OMITTED,
        *unsaid,
        *(() if fields is not None else ("extensions",)),
        *(() if procedures is not None else ("procedure_ids",)),
        *(() if history is not None or not broken else ("break_evidence",)),
    ]
    return page.envelope(data, reading.meta(omitted))


def _walk(query: AppointmentsQuery, wanted: list[Filter], pager: Pager, reading: Reading) -> Page | None:
    """The page of a longer time than Open Dental can be asked for, from the mirror.

    Not of what needs the history of visits, which is not mirrored. Without a first day it would have no beginning.
    """
    asked = frozenset(query.status or ())
    first = query.date_from
    if first is None or asked & _HOW_BROKEN or "break_evidence" in query.expand:
        return None

    def walk(look: Look) -> Page:
        from gateway.core.mirror.walks import MOST_EXAMINED, MOST_STRETCHES, by_day, day_of  # noqa: PLC0415

        require(reading.practice, "appointments.list")
        begin = first if pager.after is None else day_of(pager.after)
        stretches = by_day(look, "appointments", first=max(first, begin), last=query.date_to, place=_place)

        def fits(row: Row) -> bool:
            if not all(one(row) for one in wanted):
                return False
            shown = normalize.appointment(row, practice=reading.practice, synced_at=look.now) if asked else {}
            return not asked or shown["status"] in asked

        return pager.walk(stretches, _place, fits, most_rows=MOST_EXAMINED, most_stretches=MOST_STRETCHES)

    return reading.walk(walk)


def visits_of_day(query: AppointmentsQuery, reading: Reading, *, only_at_hand: bool = False) -> Visits | int:
    """What `list_appointments` has of one day (`date_from` and `date_to`), whole and in its order, and the history of
    broken visits where the filters need it. Where that takes calls and `only_at_hand` forbids them, how many.

    Raises: what `list_appointments` raises.
    """
    practice = reading.practice
    provider = key_of(query.provider_id, "provider", practice, param="provider_id")
    operatory = key_of(query.operatory_id, "operatory", practice, param="operatory_id")
    clinic = key_of(query.location_id, "location", practice, param="location_id")
    bound = _bound(query, practice, keys=None, patient=None, operatory=operatory, clinic=clinic, since=None)
    wanted = _filters(query, keys=None, patient=None, provider=provider, operatory=operatory, clinic=clinic, since=None)
    asked = frozenset(query.status or ())
    if only_at_hand:
        came = reading.at_hand("fetch.appointments", bound)
        if came is None:
            # One more if a visit turns out to be broken.
            return 1 + (bool(asked & _HOW_BROKEN) and knows(practice, "histappointments.list"))
    else:
        came = reading.fetched_by("fetch.appointments", bound)
    found = came.rows.rows["appointments"]
    rows = sorted((row for row in found if all(fits(row) for fits in wanted)), key=_place)
    report_drift(drift("appointment", WATCHED, rows))
    history: list[Row] | None = None
    if asked:
        broken = [row for row in rows if row.get("AptStatus") == "Broken"]
        if broken and asked & _HOW_BROKEN:
            if only_at_hand and (calls := _history_calls(broken, bound, reading)):
                return calls
            history = _history(broken, bound, reading)
        rows = [row for row in rows if _status_of(row, history, practice, reading) in asked]
    return Visits(rows, history, (came,) if history is None else (came, reading.fetched[-1]))


def get_appointment(
    appointment_id: str, query: ObjectQuery | None = None, *, caller: Caller, freshness: Freshness, on: Services
) -> dict[str, Any]:
    """One appointment with its procedures, and with its history where it is broken: two or three calls.

    Raises:
        NotFound: no such appointment, or another's. And what `allow` and `requests.fetch` raise.
    """
    named = parse_row_id(appointment_id, "appointment")
    practice = allow(caller, named.practice_id, "appointments", Verb.READ, on=on)
    reading = Reading(practice, caller, freshness, on)
    found = reading.or_without(lambda: reading.rows("fetch.appointment", {"key": named.key}))
    if found is None:
        found = _without_history(named.key, reading)
    rows = [row for row in found["appointments"] if key(row.get("AptNum")) == named.key]
    if not rows:
        raise NotFound("no such appointment")
    report_drift(drift("appointment", WATCHED, rows))
    _, unsaid = _words(rows, reading)
    fields = reading.or_without(lambda: _fields(rows, reading))
    is_untold = rows[0].get("AptStatus") == "Broken" and reading.freshness.road is Road.MIRROR
    shown = normalize.appointment(
        rows[0],
        practice=practice,
        synced_at=reading.as_of,
        procedures=found.get("procedurelogs", []),
        history=found.get("histappointments"),
        words=reading.words(),
        fields=fields,
        raw=query is not None and "raw" in query.include,
    )
    omitted = [
        *ALWAYS_OMITTED,
        *unsaid,
        *(() if fields is not None else ("extensions",)),
        *(("break_evidence",) if is_untold else ()),
    ]
    return {**shown, "meta": reading.meta(omitted)}


def _without_history(number: int, reading: Reading) -> dict[str, list[Row]]:
    """A visit and its procedures as the mirror has them, which has no history.

    Raises: NotKept: nor has it these.
    """
    found = dict(reading.rows("fetch.appointments", {"keys": [number]}))
    queries = [attached_query(row, reading.practice) for row in found["appointments"]]
    return found | dict(reading.rows("fetch.procedurelogs", {"queries": queries}))


def _words(rows: list[Row], reading: Reading) -> tuple[OfficeWords, list[str]]:
    """What these visits' statuses and types are called, and the fields that are left out because it is not known."""
    if not rows:
        return NO_WORDS, []
    statuses = {key(row.get("Confirmed")) for row in rows}
    types = {key(row.get("AppointmentTypeNum")) for row in rows} - {0}
    tables = [Table.DEFINITIONS, Table.PREFERENCES, *([Table.APPOINTMENT_TYPES] if types else [])]
    words = reading.words(*tables, definitions=statuses, types=types)
    report_drift(words.drift("appointment", "Confirmed", rows))
    unsaid = [] if words.knows(Table.DEFINITIONS, Table.PREFERENCES) else ["confirmation.status"]
    return words, unsaid + (["type.name"] if types and not words.knows(Table.APPOINTMENT_TYPES) else [])


def _fields(rows: list[Row], reading: Reading) -> list[Row] | None:
    """The office's own fields of these visits; no call where the office has none, and None where nobody knows which."""
    words = reading.words(Table.APPOINTMENT_FIELDS)
    if not words.knows(Table.APPOINTMENT_FIELDS):
        return None
    names = sorted(name for row in words.fields(Table.APPOINTMENT_FIELDS) if (name := text(row.get("FieldName"))))
    if not names or not rows:
        return []
    too_many_calls(len(names) * len(rows), "expand=extensions")
    visits = sorted(key(row.get("AptNum")) for row in rows)
    return list(reading.rows("fetch.apptfields", {"visits": visits, "names": names})["apptfields"])


def _bound(
    query: AppointmentsQuery,
    practice: Practice,
    *,
    keys: list[int] | None,
    patient: int | None,
    operatory: int | None,
    clinic: int | None,
    since: str | None,
) -> dict[str, Any]:
    if keys is not None:
        return {"keys": keys}
    asked: dict[str, Any] = {}
    bounded = since is not None
    if since is not None:
        asked["DateTStamp"] = since
    if patient is not None and knows(practice, "appointments.list", "PatNum"):
        asked["PatNum"] = patient
        bounded = True
    if query.date_from is not None and query.date_to is not None:
        asked["dateStart"], asked["dateEnd"] = query.date_from.isoformat(), query.date_to.isoformat()
        bounded = bounded or (query.date_to - query.date_from).days < MOST_DAYS
    if not bounded:
        raise FilterTooWide(
            f"send patient_id, updated_since, ids, or date_from and date_to with at most {MOST_DAYS} days; a practice "
            "whose mirror is complete takes any date_from, but for what the history of visits tells (broken, no_show, "
            "cancelled)",
            bounds=list(BOUNDS),
        )
    if clinic is not None:
        asked["ClinicNum"] = clinic
    if operatory is not None and knows(practice, "appointments.list", "Op"):
        asked["Op"] = operatory
    words = sorted({word for ours in query.status or () for word in _upstream_words(ours)})
    if len(words) == 1 and knows(practice, "appointments.list", "AptStatus"):
        asked["AptStatus"] = words[0]
    return {"queries": [asked]}


def _filters(
    query: AppointmentsQuery,
    *,
    keys: list[int] | None,
    patient: int | None,
    provider: int | None,
    operatory: int | None,
    clinic: int | None,
    since: str | None,
) -> list[Filter]:
    within = on_days(query.date_from, query.date_to)
    wanted: list[Filter] = [not_before(since, "DateTStamp")]
    if keys is not None:
        among = frozenset(keys)
        wanted.append(lambda row: key(row.get("AptNum")) in among)
    if patient is not None:
        wanted.append(lambda row: key(row.get("PatNum")) == patient)
    if provider is not None:
        wanted.append(lambda row: provider in (key(row.get("ProvNum")), key(row.get("ProvHyg"))))
    if operatory is not None:
        wanted.append(lambda row: key(row.get("Op")) == operatory)
    if clinic is not None:
        wanted.append(lambda row: key(row.get("ClinicNum")) == clinic)
    if query.date_from or query.date_to:
        wanted.append(lambda row: within(_day_of(row)))
    return wanted


def _upstream_words(status: str) -> Iterable[str]:
    if status in _HOW_BROKEN:
        return ("Broken",)
    if status in {"arrived", "in_chair"}:
        return STATUS.upstream("scheduled")
    return STATUS.upstream(status)


def _place(row: Row) -> SortKey:
    return str(row.get("AptDateTime") or ""), key(row.get("AptNum"))


def _day_of(row: Row) -> str | None:
    wall = str(row.get("AptDateTime") or "")
    return None if row.get("AptStatus") in _NO_TIME or wall[:4] in {"", "0001"} else wall[:10]


def _status_of(row: Row, history: list[Row] | None, practice: Practice, reading: Reading) -> str | None:
    """The status as it will be shown; the whole object, because arriving and breaking decide with it."""
    shown = normalize.appointment(row, practice=practice, synced_at=reading.as_of, history=history)
    status: str | None = shown["status"]
    return status


def _history(broken: list[Row], bound: dict[str, Any], reading: Reading) -> list[Row] | None:
    """The history of the broken visits; None where the office has none to give."""
    if not knows(reading.practice, "histappointments.list"):
        return None
    queries = _history_queries(broken, bound)
    return list(reading.rows("fetch.histappointments", {"queries": queries})["histappointments"])


def _history_calls(broken: list[Row], bound: dict[str, Any], reading: Reading) -> int:
    """What `_history` costs now."""
    if not knows(reading.practice, "histappointments.list"):
        return 0
    queries = _history_queries(broken, bound)
    return 0 if reading.at_hand("fetch.histappointments", {"queries": queries}) else len(queries)


def _history_queries(broken: list[Row], bound: dict[str, Any]) -> list[dict[str, Any]]:
    """By patient or by days in one list, else visit by visit."""
    asked = bound["queries"][0] if "queries" in bound else {}
    if "PatNum" in asked:
        return [{"PatNum": asked["PatNum"]}]
    if "dateStart" in asked and "DateTStamp" not in asked:
        # A visit that was moved keeps rows at its former days; what made it broken lies on the day it has now.
        return [{"dateStart": asked["dateStart"], "dateEnd": asked["dateEnd"]}]
    if len(broken) > MOST_BROKEN:
        raise FilterTooWide("too many broken visits to read the history of each", bounds=["date_from", "date_to"])
    return [{"AptNum": number} for number in sorted(key(row.get("AptNum")) for row in broken)]


def _procedures(rows: list[Row], patient: int | None, reading: Reading) -> list[Row]:
    """The procedures of the page's visits: one list for one patient, else one a visit."""
    if not rows:
        return []
    if patient is not None:
        queries: list[dict[str, int]] = [{"PatNum": patient}]
    else:
        queries = [attached_query(row, reading.practice) for row in rows]
        queries = [dict(one) for one in dict.fromkeys(tuple(query.items()) for query in queries)]
    return list(reading.rows("fetch.procedurelogs", {"queries": queries})["procedurelogs"])
